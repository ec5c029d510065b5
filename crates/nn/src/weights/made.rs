//! For the tests: files that were never written, from lists of keys and shapes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::contents::Contents;
use super::element::{Element, Stored};
use super::formula::names_of;

pub(super) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/weights").join(name)
}

/// A file with the keys and shapes of a list, whose numbers are those of the formula.
pub(super) fn made(list: &str) -> Contents {
    made_below("", list)
}

/// The same, where all keys stand behind a prefix.
pub(super) fn made_below(prefix: &str, list: &str) -> Contents {
    let text = std::fs::read_to_string(fixture(list)).unwrap();
    let (mut stored, mut names) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        let [key, sides, dtype] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let key = format!("{prefix}{key}");
        let sides = sides.split('x').filter(|side| *side != "-");
        let shape = sides.map(|side| side.parse().unwrap()).collect();
        let element = if dtype == "float32" { Element::F32 } else { Element::Other("integers") };
        stored.insert(key.clone(), Stored { shape, element });
        names.extend(names_of(&key).map(|names| (key, names)));
    }
    Contents::made(stored, names)
}

/// Gives a tensor another key.
pub(super) fn rename(contents: &mut Contents, from: &str, to: &str) {
    let stored = contents.stored.remove(from).unwrap();
    contents.stored.insert(to.to_owned(), stored);
}
