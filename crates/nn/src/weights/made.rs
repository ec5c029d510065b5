//! For the tests: files that were never written, from lists of keys and shapes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::contents::Contents;
use super::{Element, Stored, h5};

/// The numbers of a tensor, as `tests/fixtures/weights/make.py` makes them from its key.
pub(super) fn values(key: &str, count: usize) -> Vec<f32> {
    let start = 37 * key.bytes().map(usize::from).sum::<usize>();
    (0..count).map(|i| ((start + i) % 251) as f32 - 125.0).collect()
}

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

/// What a dataset of an HDF5 file may be.
pub(super) fn names_of(key: &str) -> Option<Vec<(String, String)>> {
    let groups: Vec<_> = key.split('/').map(str::to_owned).collect();
    let (dataset, groups) = groups.split_last()?;
    (!groups.is_empty()).then(|| h5::names(dataset, groups, None))
}

/// Gives a tensor another key.
pub(super) fn rename(contents: &mut Contents, from: &str, to: &str) {
    let stored = contents.stored.remove(from).unwrap();
    contents.stored.insert(to.to_owned(), stored);
}
