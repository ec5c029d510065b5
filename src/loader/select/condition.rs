//! `--where`: conditions on ledger columns, joined by `and`.
//!
//! ```text
//! condition  = comparison { "and" comparison }
//! comparison = column ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//! value      = number | word | 'words' | "words"
//! ```
//! Where the ledger has no value, no comparison holds, `!=` neither. Numbers are compared exactly;
//! columns of float32 with the value rounded to float32. A label is a number or the name of a class: a bare number is
//! always the number, whatever the classes are called. A reason is its code word or the whole sentence.

use std::cmp::Ordering;

use crate::dataset::{LedgerBatch, LedgerType, LedgerValue, reason_code};
use crate::loader::LoaderError;
use crate::sample::Status;

/// Classes that are named where one of that name is not there: all of a few, the most alike of many.
const NAMED_CLASSES: usize = 8;

/// Conditions that all must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition(Vec<Comparison>);

#[derive(Debug, Clone, PartialEq)]
struct Comparison {
    column: String,
    operator: Operator,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Integer(i128),
    /// A number with decimals, compared with whole ones.
    Fraction(f64),
    Real(f32),
    Word(String),
}

const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Operator {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Operator::Equal => ordering.is_eq(),
            Operator::NotEqual => ordering.is_ne(),
            Operator::Less => ordering.is_lt(),
            Operator::LessOrEqual => ordering.is_le(),
            Operator::Greater => ordering.is_gt(),
            Operator::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Condition {
    /// Reads conditions on `columns`, as [`crate::Dataset::ledger_columns`] names them, of a dataset with these
    /// classes.
    ///
    /// # Errors
    /// [`LoaderError::Condition`] with the position and what was expected there.
    pub fn parse(
        text: &str,
        columns: &[(String, LedgerType)],
        classes: &[String],
    ) -> Result<Condition, LoaderError> {
        // An editor's byte order mark comes along when a condition is copied out of a file.
        let text = text.trim_start_matches('\u{feff}');
        let mut parser = Parser { text, at: 0, columns, classes };
        let mut comparisons = vec![parser.comparison()?];
        loop {
            parser.skip_blanks();
            let start = parser.at;
            match parser.bare_word() {
                "" if parser.rest().is_empty() => return Ok(Condition(comparisons)),
                word if word.eq_ignore_ascii_case("and") => {
                    comparisons.push(parser.comparison()?);
                }
                word => {
                    let found = if word.is_empty() { parser.rest() } else { word };
                    let reason = format!("expected `and` or the end, found `{found}`");
                    return Err(parser.wrong(start, reason));
                }
            }
        }
    }

    /// The columns it looks at, each once.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = self.0.iter().map(|test| test.column.as_str()).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// True for conditions that ask for a status other than `stored`: they hold for no sample that can be read.
    pub fn excludes_stored(&self) -> bool {
        let stored = LedgerValue::Word(Status::Stored.as_str());
        self.0.iter().any(|test| test.column == "status" && !test.holds(stored))
    }

    /// For each row of a batch, whether it holds.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn holds(&self, batch: &LedgerBatch<'_>) -> Result<Vec<bool>, String> {
        let mut holds = vec![true; batch.rows()];
        for test in &self.0 {
            let value = batch.value(&test.column)?;
            for (row, holds) in holds.iter_mut().enumerate() {
                *holds = *holds && value(row).is_some_and(|value| test.holds(value));
            }
        }
        Ok(holds)
    }
}

impl Comparison {
    fn holds(&self, found: LedgerValue<'_>) -> bool {
        let ordering = match (found, &self.value) {
            (LedgerValue::Integer(found), Value::Integer(value)) => {
                Some(i128::from(found).cmp(value))
            }
            // A number with decimals lies below 2^52, where every whole number is a float64; larger
            // whole numbers are rounded and stay larger.
            (LedgerValue::Integer(found), Value::Fraction(value)) => {
                (found as f64).partial_cmp(value)
            }
            (LedgerValue::Real(found), Value::Real(value)) => found.partial_cmp(value),
            (LedgerValue::Word(found), Value::Word(value)) => {
                let by_code = self.column == "reason" && reason_code(found) == value;
                Some(if by_code { Ordering::Equal } else { found.cmp(value.as_str()) })
            }
            _ => None,
        };
        ordering.is_some_and(|ordering| self.operator.holds(ordering))
    }
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    columns: &'a [(String, LedgerType)],
    classes: &'a [String],
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, at: usize, reason: String) -> LoaderError {
        let position = self.text[..at].chars().count() + 1;
        LoaderError::Condition { text: self.text.to_owned(), position, reason }
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// What stands before the next blank, operator or quote.
    fn bare_word(&mut self) -> &'a str {
        let ends = |c: char| c.is_whitespace() || "=<>!'\"".contains(c);
        let rest = self.rest();
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn comparison(&mut self) -> Result<Comparison, LoaderError> {
        let columns = self.columns;
        self.skip_blanks();
        let start = self.at;
        let name = self.bare_word();
        let kind = columns.iter().find(|(column, _)| column == name).map(|&(_, kind)| kind);
        let Some(kind) = kind.filter(|&kind| kind != LedgerType::Hash) else {
            let known = columns.iter().filter(|(_, kind)| *kind != LedgerType::Hash);
            let known: Vec<&str> = known.map(|(column, _)| column.as_str()).collect();
            let known = known.join(", ");
            let reason = match (name, self.rest()) {
                ("", "") => format!(
                    "expected a condition such as `agreement >= 5`, found the end; there are: {known}"
                ),
                ("", rest) => {
                    format!("expected a ledger column, found `{rest}`; there are: {known}")
                }
                _ => format!("no ledger column `{name}`; there are: {known}"),
            };
            return Err(self.wrong(start, reason));
        };
        self.skip_blanks();
        let start = self.at;
        let operator = OPERATORS.iter().find(|(sign, _)| self.rest().starts_with(sign));
        let Some(&(sign, operator)) = operator else {
            let reason = format!("expected =, !=, <, <=, > or >= behind `{name}`");
            return Err(self.wrong(start, reason));
        };
        self.at += sign.len();
        let by_size = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if kind == LedgerType::Word && by_size {
            let reason = format!("column `{name}` holds words: expected = or !=, found {sign}");
            return Err(self.wrong(start, reason));
        }
        self.skip_blanks();
        let start = self.at;
        let is_quoted = self.rest().starts_with(['\'', '"']);
        let word = self.value()?;
        let value = match kind {
            LedgerType::Word if name == "status" && Status::parse(word).is_none() => {
                let known = Status::ALL.map(Status::as_str).join(", ");
                return Err(self.wrong(start, format!("no status `{word}`; there are: {known}")));
            }
            LedgerType::Word => Some(Value::Word(word.to_owned())),
            LedgerType::Real => word.parse().ok().filter(|v: &f32| v.is_finite()).map(Value::Real),
            _ if name == "label" => {
                let number = integer(word);
                let class = self.classes.iter().position(|class| class == word);
                let class = class.filter(|_| is_quoted || number.is_none());
                if class.is_some() && by_size {
                    let reason = format!("`{word}` is a class: expected = or !=, found {sign}");
                    return Err(self.wrong(start, reason));
                }
                let class = class.map(|index| Value::Integer(index as i128));
                Some(class.or(number).ok_or_else(|| self.wrong(start, self.no_class(word)))?)
            }
            _ => integer(word),
        };
        let value = value.ok_or_else(|| {
            self.wrong(
                start,
                format!("column `{name}` holds numbers: expected one, found `{word}`"),
            )
        })?;
        Ok(Comparison { column: name.to_owned(), operator, value })
    }

    /// What to say of a class that is not there.
    fn no_class(&self, word: &str) -> String {
        let mut classes: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        let few = classes.len() <= NAMED_CLASSES;
        let distance = |class: &str| {
            let [word, class] = [word, class].map(str::to_lowercase);
            // What is quoted too late comes before what is mistyped.
            if !word.is_empty() && class.starts_with(&word) {
                0
            } else {
                strsim::osa_distance(&word, &class)
            }
        };
        classes.sort_by_cached_key(|class| distance(class));
        let nearest = classes.first().copied().unwrap_or_default();
        if few {
            self.classes.iter().zip(&mut classes).for_each(|(class, place)| *place = class);
        }
        classes.truncate(NAMED_CLASSES);
        let mut said = format!("no class `{word}`");
        if !nearest.is_empty() && distance(nearest) <= word.chars().count() / 2 {
            let blank = nearest.contains(|c: char| c.is_whitespace() || "=<>!".contains(c));
            let quote = if blank { "\"" } else { "" };
            said.push_str(&format!(", is `label = {quote}{nearest}{quote}` meant?"));
        }
        let shown = classes.join(", ");
        match (few, classes.is_empty()) {
            (_, true) => said.push_str("; the dataset has no classes"),
            (true, _) => said.push_str(&format!("; there are: {shown}")),
            _ => {
                let all = self.classes.len();
                said.push_str(&format!("; the most alike of {all} classes: {shown}"));
            }
        }
        said
    }

    /// A bare word, or what stands between quotes.
    fn value(&mut self) -> Result<&'a str, LoaderError> {
        let start = self.at;
        let Some(quote) = self.rest().chars().next().filter(|&c| c == '\'' || c == '"') else {
            let word = self.bare_word();
            if word.is_empty() {
                return Err(self.wrong(start, "expected a number or a word".to_owned()));
            }
            return Ok(word);
        };
        let quoted = &self.rest()[1..];
        let Some(length) = quoted.find(quote) else {
            return Err(self.wrong(start, format!("the quote {quote} is never closed")));
        };
        self.at += length + 2;
        Ok(&quoted[..length])
    }
}

/// A number that is compared with whole ones.
fn integer(word: &str) -> Option<Value> {
    word.parse().map(Value::Integer).ok().or_else(|| {
        let number: f64 = word.parse().ok().filter(|number: &f64| number.is_finite())?;
        let whole = number.fract() == 0.0;
        Some(if whole { Value::Integer(number as i128) } else { Value::Fraction(number) })
    })
}

#[cfg(test)]
mod tests {
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
        assert_eq!(
            parse("width>1 AND width<3 and format=png").unwrap().columns(),
            ["format", "width"]
        );
    }
}
