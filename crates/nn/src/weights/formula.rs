//! For the tests: numbers and names of a tensor that follow from its key.

use super::h5;

/// The numbers of a tensor, as `tests/fixtures/weights/make.py` makes them from its key.
pub(super) fn values(key: &str, count: usize) -> Vec<f32> {
    let start = 37 * key.bytes().map(usize::from).sum::<usize>();
    (0..count).map(|i| ((start + i) % 251) as f32 - 125.0).collect()
}

/// What a dataset of an HDF5 file may be.
pub(super) fn names_of(key: &str) -> Option<Vec<(String, String)>> {
    let groups: Vec<_> = key.split('/').map(str::to_owned).collect();
    let (dataset, groups) = groups.split_last()?;
    (!groups.is_empty()).then(|| h5::names(dataset, groups, None))
}
