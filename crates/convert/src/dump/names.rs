//! The rule for names: what may be called a sample, a class or a split, wherever the name comes from.
//!
//! No name holds a control character, so that names fit on a line of text with tabs between them, as the
//! content root has them. No sample's path leaves the dump. A split's name is a folder of the dataset.

use unicode_normalization::UnicodeNormalization;

use super::input::Problem;

/// Longest name of a split, in bytes.
const MAX_SPLIT_NAME: usize = 64;
/// Longest name of a class, in bytes.
const MAX_CLASS_NAME: usize = 1024;
/// Characters of a wrong name that are shown.
const MAX_SHOWN: usize = 80;

/// Splits that everybody knows, in the order of conversion; others follow by name.
pub(super) const SPLIT_ORDER: [&str; 3] = ["train", "val", "test"];

/// What a split's name may look like.
pub(super) const SPLIT_NAME_RULE: &str =
    "expected up to 64 letters, digits, `-` or `_`, and not `unfinished`";

/// True for what may name a split. `unfinished` is where a conversion keeps its journal.
pub(super) fn is_split_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_SPLIT_NAME).contains(&name.len()) && name.bytes().all(fits) && name != "unfinished"
}

/// The split that one of the usual words stands for, in any case. The words are those of Hugging Face's
/// `datasets` (`data_files.py`).
pub(super) fn split_of_word(word: &str) -> Option<&'static str> {
    const WORDS: [(&str, &[&str]); 3] = [
        ("train", &["train", "training"]),
        ("val", &["val", "valid", "validation", "dev"]),
        ("test", &["test", "testing", "eval", "evaluation"]),
    ];
    let is = |known: &&str| known.eq_ignore_ascii_case(word);
    WORDS.iter().find(|(_, words)| words.iter().any(is)).map(|&(split, _)| split)
}

/// The split that a name tells by one of its words, and the name with `*` for that word and without a number at its
/// end: `train` and `seg_*` for `seg_train`, `*` for `train2017`. `None` where several words do.
pub(super) fn split_in_name(name: &str) -> Option<(&'static str, String)> {
    let mut words = name.split(|letter: char| !letter.is_alphabetic());
    let mut found = words.by_ref().filter_map(|word| Some((word, split_of_word(word)?)));
    let ((word, split), None) = (found.next()?, found.next()) else { return None };
    let begin = word.as_ptr() as usize - name.as_ptr() as usize;
    let rest = name[begin + word.len()..].trim_end_matches(|letter: char| letter.is_ascii_digit());
    Some((split, format!("{}*{rest}", &name[..begin])))
}

/// What is wrong with a class's name, in words; `None` when nothing is.
pub(super) fn class_name_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the name of a class is empty".to_owned());
    }
    if name.len() > MAX_CLASS_NAME {
        let (found, shown) = (name.len(), shown(name));
        return Some(format!(
            "expected a class name of at most {MAX_CLASS_NAME} bytes, found {found}: `{shown}…`"
        ));
    }
    let odd = name.chars().any(char::is_control);
    odd.then(|| format!("the class name `{}` holds a control character", shown(name)))
}

/// A name as it can be shown and written on a line: without control characters.
pub(super) fn printable(name: &str) -> String {
    name.replace(char::is_control, "\u{FFFD}")
}

/// The beginning of a name, as it can be shown.
pub(super) fn shown(name: &str) -> String {
    printable(&name.chars().take(MAX_SHOWN).collect::<String>())
}

/// A path as a sample id: `/` between the parts, no `.` and no `..`; refused when it leaves the dump or
/// holds a control character.
pub(super) fn sample_id(path: &str) -> Result<Box<str>, Problem> {
    let unusable = |code, detail: String| Err(Problem::Unusable { code, detail });
    if path.chars().any(char::is_control) {
        return unusable("unusable-name", "the name holds a control character".to_owned());
    }
    if let Some((scheme, _)) = path.split_once("://") {
        let detail =
            format!("expected a path in the dump, found a {scheme} address; nothing is downloaded");
        return unusable("unusable-name", detail);
    }
    let mut parts: Vec<&str> = Vec::new();
    let absolute = is_absolute(path);
    let mut leaves = absolute;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => leaves |= parts.pop().is_none(),
            part => parts.push(part),
        }
    }
    if leaves || path.rsplit('/').next() == Some("..") {
        let expected = if absolute {
            "a path relative to the dump, or an absolute one below it"
        } else {
            "a path inside it"
        };
        let detail = format!("the path `{}` leaves the dump: expected {expected}", shown(path));
        return unusable("path-leaves-dump", detail);
    }
    if parts.is_empty() {
        return unusable("unusable-name", "the path is empty".to_owned());
    }
    Ok(parts.join("/").into_boxed_str())
}

/// True for `/photos/1.jpg` and `C:/photos/1.jpg`.
pub(super) fn is_absolute(path: &str) -> bool {
    let has_drive =
        matches!(path.as_bytes(), [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic());
    path.starts_with('/') || has_drive
}

/// A path without the differences that a [`Resolver`](super::resolve::Resolver) overlooks.
pub(super) fn fold(path: &str) -> String {
    let slashes = path.replace('\\', "/");
    let lower: String = slashes.nfc().flat_map(char::to_lowercase).collect();
    // `\` before a name stands for `/`, and two of them for one.
    lower.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_path_cannot_leave_the_dump() {
        assert_eq!(&*sample_id("./data//1.jpg").unwrap(), "data/1.jpg");
        assert_eq!(&*sample_id("a/../b/1.jpg").unwrap(), "b/1.jpg");
        assert_eq!(&*sample_id("cat/a..").unwrap(), "cat/a..");
        for listed in ["../x.jpg", "a/..", "a/../../x.jpg", "/etc/passwd", "C:/x.jpg", "c:\\x.jpg"]
        {
            let Err(Problem::Unusable { code, .. }) = sample_id(listed) else { panic!("{listed}") };
            assert_eq!(code, "path-leaves-dump", "{listed}");
        }
        for listed in ["", ".", "a\tb", "https://host/1.jpg"] {
            let Err(Problem::Unusable { code, .. }) = sample_id(listed) else { panic!("{listed}") };
            assert_eq!(code, "unusable-name", "{listed}");
        }
    }

    #[test]
    fn the_words_for_splits_are_understood_in_any_case() {
        for (word, split) in
            [("Train", "train"), ("TRAINING", "train"), ("dev", "val"), ("Eval", "test")]
        {
            assert_eq!(split_of_word(word), Some(split));
        }
        assert_eq!((split_of_word("trains"), split_of_word("")), (None, None));
        for (name, split, rest) in [
            ("seg_train", "train", "seg_*"),
            ("Test_set", "test", "*_set"),
            ("val2017", "val", "*"),
        ] {
            assert_eq!(split_in_name(name), Some((split, rest.to_owned())));
        }
        assert_eq!((split_in_name("train_test"), split_in_name("trained")), (None, None));
    }

    #[test]
    fn a_class_may_be_called_anything_that_fits_on_a_line() {
        for name in ["N/A", "a b", "名前", "..", "0"] {
            assert_eq!(class_name_fault(name), None, "{name}");
        }
        for name in ["", "a\tb", "a\nb", "\u{85}"] {
            assert!(class_name_fault(name).is_some(), "{name:?}");
        }
        assert!(class_name_fault(&"x".repeat(2000)).is_some());
    }
}
