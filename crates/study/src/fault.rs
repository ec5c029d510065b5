//! What is wrong with a study's file, and where in it.

use std::fmt;

use tcolz_base::nearest::nearest;

/// A fault of a study's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The entry that it is in: ``[[models]] `small` ``.
    pub entry: String,
    /// The key, what was expected of it, and what was found.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.entry, self.what)
    }
}

/// Sections of a study's file.
const SECTIONS: [&str; 9] = [
    "datasets",
    "training",
    "models",
    "benchmarks",
    "cross-validations",
    "learning-curves",
    "upper-limits",
    "labels",
    "choice",
];

/// Faults of a file, each once.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, entry: impl Into<String>, what: impl Into<String>) {
        self.note(Fault { entry: entry.into(), what: what.into() });
    }

    pub(super) fn note(&mut self, fault: Fault) {
        // Models that have a key from [training] share its faults.
        if !self.0.contains(&fault) {
            self.0.push(fault);
        }
    }

    /// In the order of the file's sections as they are written down.
    pub(super) fn sorted(mut self) -> Vec<Fault> {
        self.0.sort_by_key(|fault| {
            let section = |known: &&str| fault.entry.trim_start_matches('[').starts_with(*known);
            SECTIONS.iter().position(section)
        });
        self.0
    }

    /// Adds a fault where a name is none of those that are known.
    pub(super) fn unknown(&mut self, entry: &str, key: &str, name: &str, known: &[&str]) {
        if !known.contains(&name) {
            self.add(entry, format!("{key}: {}", expected(known, name)));
        }
    }
}

/// What to say of a name that is none of those known; with the one that was probably meant.
pub(super) fn expected(known: &[&str], found: &str) -> String {
    let meant =
        nearest(known, found).map_or(String::new(), |name| format!("; did you mean `{name}`?"));
    format!("expected one of {}, found `{found}`{meant}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_nearly_right_is_asked_back() {
        let known = ["train", "val", "test"];
        assert_eq!(
            expected(&known, "tset"),
            "expected one of train, val, test, found `tset`; did you mean `test`?"
        );
        assert_eq!(nearest(&known, "Train"), Some("train"));
        assert_eq!(nearest(&known, "holiday"), None);
        assert_eq!(nearest(&[], "test"), None);
        assert_eq!(nearest(&["d"], "x"), None, "no letter is the same");
    }
}
