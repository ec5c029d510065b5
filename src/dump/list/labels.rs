//! Labels: words in a list, numbers in a dataset.

use std::collections::{BTreeSet, HashMap};

use crate::sample::NO_LABEL;

use super::Problem;

/// Labels that are numbers below this are their own class index; above it they are names like others.
const MAX_NUMBERED: u16 = 1000;
/// Characters of a wrong label that are shown.
const MAX_SHOWN: usize = 80;

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

    /// The classes that occur. Small numbers stay what they are (`0`, `1`, …, with the gaps filled), words
    /// are counted in alphabetical order.
    ///
    /// # Errors
    /// The number of classes, when it is more than labels can count.
    pub(in crate::dump) fn found<'a>(
        words: impl Iterator<Item = &'a str>,
    ) -> Result<Labels, usize> {
        let words: BTreeSet<&str> = words.collect();
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
            None => words.into_iter().map(str::to_owned).collect(),
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
        self.words.get(word).copied().ok_or_else(|| {
            let last = self.names.len().saturating_sub(1);
            let word: String = word.chars().take(MAX_SHOWN).collect();
            let detail = format!("expected a label from 0 to {last}, found `{word}`");
            Problem::Unusable { code: "unknown-label", detail }
        })
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
        for wrong in ["3", "x", "-1", "", "1.0"] {
            let Err(Problem::Unusable { code, .. }) = labels.number(wrong) else {
                panic!("{wrong}")
            };
            assert_eq!(code, "unknown-label");
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
}
