//! Labels: words in a list, numbers in a dataset.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use tcolz_format::sample::NO_LABEL;

use crate::dump::input::Problem;
use crate::dump::names::{class_name_fault, shown};

/// Labels that are numbers below this are their own class index; where one is larger, they are counted.
const MAX_NUMBERED: u16 = 1000;

/// The classes that labels may name.
#[derive(Debug)]
pub(in crate::dump) struct Labels {
    /// Class names, indexed by label.
    names: Vec<String>,
    /// The words that stand for each class.
    words: HashMap<String, u16>,
}

impl Labels {
    /// The classes of a layout that knows them: a label is a class's number or its name.
    pub(in crate::dump) fn known(names: &[&str]) -> Labels {
        let mut labels = Labels::of(names.iter().map(|&name| name.to_owned()).collect());
        labels.words.extend((0..names.len() as u16).map(|number| (number.to_string(), number)));
        labels
    }

    /// The classes that occur. Small numbers stay what they are (`0`, `1`, …, with the gaps filled), where all are
    /// such; otherwise numbers are counted in their order and then words in alphabetical order. Words that can name no class are left
    /// out.
    ///
    /// # Errors
    /// The number of classes, when it is more than labels can count.
    pub(in crate::dump) fn found<'a>(
        words: impl Iterator<Item = &'a str>,
    ) -> Result<Labels, usize> {
        let words: BTreeSet<&str> = words.collect();
        let words: BTreeSet<&str> = words.into_iter().map(whole).collect();
        let mut words: Vec<&str> =
            words.into_iter().filter(|word| class_name_fault(word).is_none()).collect();
        if words.len() > usize::from(NO_LABEL) {
            return Err(words.len());
        }
        let number = |word: &&str| {
            let number: u16 = word.parse().ok().filter(|&number| number < MAX_NUMBERED)?;
            (number.to_string() == **word).then_some(number)
        };
        let numbers: Option<Vec<u16>> = words.iter().map(number).collect();
        Ok(Labels::of(match numbers.as_deref().and_then(|numbers| numbers.iter().max()) {
            Some(&last) => (0..=last).map(|number| number.to_string()).collect(),
            None => {
                in_order(&mut words);
                words.into_iter().map(str::to_owned).collect()
            }
        }))
    }

    fn of(names: Vec<String>) -> Labels {
        let words = names.iter().cloned().zip(0..).collect();
        Labels { names, words }
    }

    /// Class names, indexed by label.
    pub(in crate::dump) fn into_names(self) -> Vec<String> {
        self.names
    }

    /// The class index that a word stands for.
    pub(super) fn number(&self, word: &str) -> Result<u16, Problem> {
        self.words.get(whole(word)).copied().ok_or_else(|| {
            if let Some(detail) = class_name_fault(word) {
                return Problem::Unusable { code: "unusable-name", detail };
            }
            let last = self.names.len().saturating_sub(1);
            let detail = format!("expected a label from 0 to {last}, found `{}`", shown(word));
            Problem::Unusable { code: "unknown-label", detail }
        })
    }
}

/// What a person should know where classes are numbers and a class's index is another number.
pub(in crate::dump) fn renumbered<S: AsRef<str>>(names: &[S]) -> Option<String> {
    let differs = |(index, name): &(usize, &S)| {
        number(name.as_ref()).is_some_and(|number| number != *index as f64)
    };
    let (index, name) = names.iter().enumerate().find(differs)?;
    Some(format!(
        "class indexes are not the numbers that name the classes: the class {} has the index {index}",
        name.as_ref()
    ))
}

/// Puts class names into the order of their indexes: numbers first, in their order, then words by their bytes.
pub(in crate::dump) fn in_order<S: AsRef<str> + Ord>(names: &mut [S]) {
    names.sort_by(|a, b| match (number(a.as_ref()), number(b.as_ref())) {
        (Some(one), Some(other)) => one.total_cmp(&other).then_with(|| a.cmp(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    });
}

/// A number as people write it; not `inf`, `nan` or `1e3`.
fn number(word: &str) -> Option<f64> {
    let fits = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.');
    word.parse().ok().filter(|_| word.bytes().all(fits))
}

/// A number that was written as a float, without its zeros: `2` for `2.0`.
fn whole(word: &str) -> &str {
    match word.split_once('.') {
        Some((whole, zeros))
            if !zeros.is_empty()
                && zeros.bytes().all(|byte| byte == b'0')
                && !whole.trim_start_matches('-').is_empty()
                && whole.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            whole
        }
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_classes_are_named_by_number_or_by_word() {
        let labels = Labels::known(&["negative", "neutral", "positive"]);
        assert_eq!(labels.number("2"), Ok(2));
        assert_eq!(labels.number("neutral"), Ok(1));
        assert_eq!(labels.number("1.0"), Ok(1));
        for (wrong, expected) in [
            ("3", "unknown-label"),
            ("x", "unknown-label"),
            ("-1", "unknown-label"),
            ("1.5", "unknown-label"),
            ("", "unusable-name"),
            ("a\tb", "unusable-name"),
        ] {
            let Err(Problem::Unusable { code, .. }) = labels.number(wrong) else {
                panic!("{wrong}")
            };
            assert_eq!(code, expected, "{wrong:?}");
        }
    }

    #[test]
    fn numbers_stay_what_they_are_and_words_are_counted() {
        let numbers = Labels::found(["3", "0"].into_iter()).unwrap();
        assert_eq!((numbers.number("3"), numbers.names.len()), (Ok(3), 4));
        let words = Labels::found(["pug", "beagle", "pug", "7"].into_iter()).unwrap();
        assert_eq!(words.number("beagle"), Ok(1));
        assert_eq!(words.number("7"), Ok(0));
        assert_eq!(words.into_names(), ["7", "beagle", "pug"]);
        let years = Labels::found(["2024", "1"].into_iter()).unwrap();
        assert_eq!((years.number("1"), years.number("2024")), (Ok(0), Ok(1)));
    }
    fn names(words: &[&str]) -> Vec<String> {
        Labels::found(words.iter().copied()).unwrap().into_names()
    }

    #[test]
    fn numbers_are_counted_as_numbers_and_it_is_said_when_indexes_are_not_the_labels() {
        let large = names(&["1000", "2", "10", "0", "3"]);
        assert_eq!(large, ["0", "2", "3", "10", "1000"]);
        assert!(renumbered(&large).unwrap().contains("the class 2 has the index 1"));
        let mixed = names(&["10", "2", "0", "nan", "unknown"]);
        assert_eq!(mixed, ["0", "2", "10", "nan", "unknown"]);
        assert!(renumbered(&mixed).unwrap().contains("the class 2 has the index 1"));
        assert_eq!(names(&["-1", "1", "0.5"]), ["-1", "0.5", "1"]);
        assert_eq!(names(&["007", "1", "10"]), ["1", "007", "10"]);
        for fine in [&["0", "1"][..], &["0", "4"], &["cat", "dog"], &["000", "001"]] {
            assert_eq!(renumbered(&names(fine)), None, "{fine:?}");
        }
    }

    #[test]
    fn whole_floats_are_whole_numbers() {
        let labels = Labels::found(["0.0", "2.0", "10.0", "2"].into_iter()).unwrap();
        assert_eq!(
            (labels.number("2.0"), labels.number("2"), labels.names.len()),
            (Ok(2), Ok(2), 11)
        );
        assert_eq!(names(&["1.", ".0", "v1.0"]), [".0", "1.", "v1.0"]);
    }

    #[test]
    fn a_word_with_a_control_character_names_no_class() {
        assert_eq!(names(&["a\tb", "c"]), ["c"]);
    }
}
