//! Conditions as people write them, mistakes included.

use super::*;

fn parse(text: &str) -> Result<Condition, LoaderError> {
    let columns = [
        ("width", LedgerType::Integer),
        ("text_pos", LedgerType::Real),
        ("format", LedgerType::Word),
        ("source_blake3", LedgerType::Hash),
    ];
    Condition::parse(text, &columns.map(|(name, kind)| (name.to_owned(), kind)), &[])
}

fn parse_label(text: &str, classes: &[&str]) -> Result<Condition, LoaderError> {
    let columns = [
        ("label", LedgerType::Integer),
        ("status", LedgerType::Word),
        ("reason", LedgerType::Word),
    ];
    let classes: Vec<String> = classes.iter().map(|&class| class.to_owned()).collect();
    Condition::parse(text, &columns.map(|(name, kind)| (name.to_owned(), kind)), &classes)
}

#[test]
fn a_label_is_a_number_or_the_name_of_a_class() {
    let classes = ["very good", "bad", "1", "inf"];
    let labels = |text: &str| {
        let condition = parse_label(text, &classes).unwrap();
        (0..4).filter(|&label| condition.0[0].holds(LedgerValue::Integer(label))).collect()
    };
    let cases: [(&str, &[u64]); 9] = [
        ("label = bad", &[1]),
        ("label != bad", &[0, 2, 3]),
        ("label='very good'", &[0]),
        ("label = \"very good\"", &[0]),
        ("label = inf", &[3]),
        ("label >= 2", &[2, 3]),
        ("label = 1", &[1]),
        ("label = '1'", &[2]),
        ("label = '3'", &[3]),
    ];
    for (text, expected) in cases {
        let found: Vec<u64> = labels(text);
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_class_that_is_not_there_is_answered_with_those_that_are() {
    let wrong = |text: &str, classes: &[&str]| match parse_label(text, classes) {
        Err(LoaderError::Condition { position, reason, .. }) => (position, reason),
        other => panic!("{text}: {other:?}"),
    };
    let classes = ["negative", "neutral", "very good"];
    let (at, said) = wrong("label = Negatve", &classes);
    assert_eq!(at, 9);
    assert!(said.contains("no class `Negatve`, is `label = negative` meant?"), "{said}");
    assert!(said.contains("; there are: negative, neutral, very good"), "{said}");
    let (_, said) = wrong("label = very good", &classes);
    assert!(said.contains("is `label = \"very good\"` meant?"), "{said}");
    let (_, said) = wrong("label = cat", &classes);
    assert!(!said.contains("meant"), "{said}");
    let (_, said) = wrong("label < negative", &classes);
    assert!(said.contains("`negative` is a class: expected = or !=, found <"), "{said}");
    let many: Vec<String> = (0..1000).map(|number| format!("class-{number:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (_, said) = wrong("label = clas-777", &many);
    assert!(said.contains("meant?; the most alike of 1000 classes: class-777"), "{said}");
    assert!(said.len() < 300, "{said}");
    let (_, said) = wrong("label = cat", &[]);
    assert!(said.contains("no classes"), "{said}");
}

#[test]
fn a_status_is_one_that_there_is_and_a_reason_may_be_its_code() {
    let status = |text: &str| parse_label(text, &[]).map(|found| found.excludes_stored());
    assert!(status("status = quarantined").unwrap() && status("status != stored").unwrap());
    assert!(!status("status = stored").unwrap() && !status("status != missing").unwrap());
    let error = status("status = broken").unwrap_err().to_string();
    assert!(error.contains("there are: stored, quarantined, missing, duplicate"), "{error}");
    let reason = |text: &str| {
        let found = LedgerValue::Word("corrupt: no such marker");
        parse_label(text, &[]).unwrap().0[0].holds(found)
    };
    assert!(reason("reason = corrupt") && reason("reason = 'corrupt: no such marker'"));
    assert!(!reason("reason = empty") && !reason("reason != corrupt"));
}

#[test]
fn mistakes_are_named_with_their_place_and_what_was_expected() {
    let wrong = [
        ("", 1, "there are: width, text_pos, format"),
        ("  hight > 3", 3, "no ledger column `hight`; there are: width"),
        ("source_blake3 = 1", 1, "no ledger column"),
        ("width 300", 7, "expected =, !=, <, <=, > or >= behind `width`"),
        ("width >", 8, "expected a number or a word"),
        ("width > wide", 9, "`width` holds numbers: expected one, found `wide`"),
        ("width > 1 width < 3", 11, "expected `and` or the end, found `width`"),
        ("width > 1 and", 14, "agreement >= 5`, found the end; there are: width"),
        ("width > 1 or width < 3", 11, "found `or`"),
        ("format < jpeg", 8, "`format` holds words: expected = or !="),
        ("format = 'jpeg", 10, "never closed"),
        ("width = NaN", 9, "expected one"),
        ("text_pos > inf", 12, "expected one"),
        ("wïdth = 1 and é = 1", 1, "no ledger column `wïdth`"),
        ("format = é and é = 1", 16, "no ledger column `é`"),
        ("width = 1 = 2", 11, "expected `and` or the end, found `= 2`"),
    ];
    for (text, at, expected) in wrong {
        match parse(text) {
            Err(LoaderError::Condition { position, reason, .. }) => {
                assert_eq!(position, at, "{text}: {reason}");
                assert!(reason.contains(expected), "{text}: {reason}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn numbers_are_compared_exactly_and_float32_columns_as_float32() {
    let holds = |text: &str, value| parse(text).unwrap().0[0].holds(value);
    let integer = LedgerValue::Integer;
    assert!(holds("width=18446744073709551615", integer(u64::MAX)));
    assert!(!holds("width = 18446744073709551615", integer(u64::MAX - 1)));
    assert!(holds("width > 300.5", integer(301)) && !holds("width > 300.5", integer(300)));
    assert!(!holds("width > 1e19", integer(10_000_000_000_000_000_000)));
    assert!(holds("width >= -1", integer(0)) && holds("width != -1", integer(1)));
    assert!(holds("text_pos = 0.1", LedgerValue::Real(0.1)), "as float32, not as float64");
    assert!(!holds("text_pos != 0.1", LedgerValue::Real(f32::NAN)), "no number at all");
    assert!(holds("format != 'a b'", LedgerValue::Word("jpeg")));
    assert_eq!(parse("width>1 AND width<3 and format=png").unwrap().columns(), ["format", "width"]);
}
