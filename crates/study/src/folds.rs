//! Folds of a cross-validation, and the samples of an upper limit: lists of sample ids, in files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::StudyError;
use tcolz_base::durable;
use tcolz_format::dataset::Dataset;
use tcolz_inspect::find_duplicates;
use tcolz_loader::select::Selection;
use tcolz_loader::{Percent, Select};
use tcolz_train::held_out;

/// Name of the method that makes folds, with its version: the same name makes the same folds for ever.
pub const FOLDS_METHOD: &str = "folds-v1";

/// Hashes of the lists beside it, written last; lists without it are made again.
const HASHES_FILE: &str = "BLAKE3";

/// What is trained on and what is tested on: files with a sample on each line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldLists {
    /// Trained on.
    pub train: PathBuf,
    /// Tested on.
    pub test: PathBuf,
}

/// The folds that a folder holds: `test1/train.txt`, `test1/test.txt`, `test2/…`, without a gap.
///
/// # Errors
/// [`StudyError::Folds`] when there are fewer than two, or one lacks a list.
pub fn published(folder: &Path) -> Result<Vec<FoldLists>, StudyError> {
    let wrong = |reason: String| StudyError::Folds { path: folder.to_owned(), reason };
    let mut folds = Vec::new();
    for number in 1.. {
        let fold = folder.join(format!("test{number}"));
        if !fold.is_dir() {
            break;
        }
        let lists = FoldLists { train: fold.join("train.txt"), test: fold.join("test.txt") };
        for list in [&lists.train, &lists.test] {
            if !list.is_file() {
                return Err(wrong(format!("{} is missing", list.display())));
            }
        }
        folds.push(lists);
    }
    if folds.len() < 2 {
        let found = folds.len();
        return Err(wrong(format!("expected the folders test1, test2, …, found {found} of them")));
    }
    Ok(folds)
}

/// Divides the labelled samples of a selection into `folds`, by class, and writes the lists into a folder of its own
/// below `lists`. A pure function of selection, number and seed. Near duplicates stay in one fold: one that is trained
/// on would give the answer for its twin.
///
/// # Errors
/// [`StudyError::Folds`] when a class has fewer samples than there are folds; as [`Selection::of`] and
/// [`find_duplicates`]; when the disk refuses.
pub fn made(
    dataset: &Dataset,
    select: &Select,
    folds: u32,
    seed: u64,
    lists: &Path,
) -> Result<Vec<FoldLists>, StudyError> {
    let name = format!("{FOLDS_METHOD}-{folds}-{seed}-{}", key(dataset, select));
    let there = || (1..=folds).map(|fold| there(&lists.join(&name).join(format!("test{fold}"))));
    if let Some(made) = there().collect() {
        return Ok(made);
    }
    let (ids, labels) = labelled(dataset, select)?;
    check_counts(dataset, &labels, folds)?;
    let duplicates = find_duplicates(dataset)?;
    let groups = duplicates.groups.iter();
    let groups: Vec<Vec<&str>> =
        groups.map(|group| group.members.iter().map(|m| &*m.sample_id).collect()).collect();
    let fold_of = deal(&ids, &labels, &groups, folds, seed);
    let write = |fold: u32| {
        let part = |test: bool| {
            let chosen = ids.iter().zip(&fold_of).filter(move |&(_, &of)| (of == fold) == test);
            chosen.map(|(id, _)| id.as_str())
        };
        let folder = lists.join(&name).join(format!("test{}", fold + 1));
        write_lists(&folder, part(false), part(true))
    };
    (0..folds).map(write).collect()
}

/// Tests that a selection can be divided into folds, without looking for duplicates.
///
/// # Errors
/// As [`made`].
pub(super) fn check(dataset: &Dataset, select: &Select, folds: u32) -> Result<(), StudyError> {
    check_counts(dataset, &labelled(dataset, select)?.1, folds)
}

fn check_counts(dataset: &Dataset, labels: &[u16], folds: u32) -> Result<(), StudyError> {
    let mut counts: BTreeMap<u16, u32> = BTreeMap::new();
    labels.iter().for_each(|&label| *counts.entry(label).or_default() += 1);
    let Some((&label, &found)) = counts.iter().find(|&(_, &samples)| samples < folds) else {
        return Ok(());
    };
    let class = &dataset.meta().classes[usize::from(label)];
    Err(StudyError::Folds {
        path: dataset.root().to_owned(),
        reason: format!("class {class} has {found} samples, too few for {folds} folds"),
    })
}

/// Draws a share of every class of a selection to be tested on (`holdout-v1`); the rest is to be trained on.
///
/// # Errors
/// As [`Selection::of`]; when the disk refuses.
pub fn resample(
    dataset: &Dataset,
    select: &Select,
    share: Percent,
    seed: u64,
    lists: &Path,
) -> Result<FoldLists, StudyError> {
    let name = format!("resample-{share}-{seed}-{}", key(dataset, select));
    if let Some(made) = there(&lists.join(&name)) {
        return Ok(made);
    }
    let (ids, labels) = labelled(dataset, select)?;
    let tested = held_out(share, seed, &labels, &ids, None);
    let part = |test: bool| {
        let chosen = ids.iter().zip(&tested).filter(move |&(_, &tested)| tested == test);
        chosen.map(|(id, _)| id.as_str())
    };
    write_lists(&lists.join(name), part(false), part(true))
}

/// Ids and labels of what is selected and has a label, each id once, in the order of storage.
fn labelled(dataset: &Dataset, select: &Select) -> Result<(Vec<String>, Vec<u16>), StudyError> {
    let found = Selection::of(dataset, select)?;
    let ids = found.sample_ids(dataset)?;
    let mut seen = std::collections::HashSet::new();
    let with_label = ids.into_iter().enumerate().filter_map(|(index, id)| {
        let label = found.label(index)?;
        // A list names an id, wherever it stands.
        seen.insert(id.clone()).then_some((id, label))
    });
    Ok(with_label.unzip())
}

/// The fold of each sample. In each class samples are taken by rank and dealt out in turn, going on where the class before
/// stopped, so that folds differ by at most one sample, and by one of each class. Then whoever is a member of a group
/// goes where the group's first member is.
fn deal(ids: &[String], labels: &[u16], groups: &[Vec<&str>], folds: u32, seed: u64) -> Vec<u32> {
    let rank = |id: &String| {
        let mut hash = blake3::Hasher::new();
        hash.update(FOLDS_METHOD.as_bytes()).update(&seed.to_le_bytes()).update(id.as_bytes());
        let hash = hash.finalize();
        let (first, _) = hash.as_bytes().as_chunks::<16>();
        u128::from_le_bytes(first[0])
    };
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_cached_key(|&index| (labels[index], rank(&ids[index])));
    let mut fold_of = vec![0; ids.len()];
    for (turn, &index) in (0u32..).zip(&order) {
        fold_of[index] = turn % folds;
    }
    let places: BTreeMap<&str, usize> =
        ids.iter().enumerate().map(|(index, id)| (id.as_str(), index)).collect();
    for group in groups {
        let mut members = group.iter().filter_map(|id| places.get(id).copied());
        if let Some(first) = members.next() {
            members.for_each(|member| fold_of[member] = fold_of[first]);
        }
    }
    fold_of
}

/// What the samples are drawn from, in sixteen letters.
fn key(dataset: &Dataset, select: &Select) -> String {
    let mut hash = blake3::Hasher::new();
    for part in [
        dataset.meta().content_root.as_str(),
        &select.split,
        select.condition.as_deref().unwrap_or_default(),
    ] {
        hash.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hash.finalize().to_hex()[..16].to_owned()
}

/// Lists that were written before and are as they were: the name of their folder says what they are of.
fn there(folder: &Path) -> Option<FoldLists> {
    let lists = FoldLists { train: folder.join("train.txt"), test: folder.join("test.txt") };
    let written = std::fs::read_to_string(folder.join(HASHES_FILE)).ok()?;
    (written == hashes(&lists).ok()?).then_some(lists)
}

/// The text of [`HASHES_FILE`]: what `b3sum` prints.
fn hashes(lists: &FoldLists) -> std::io::Result<String> {
    let mut text = String::new();
    for list in [&lists.train, &lists.test] {
        let name = list.file_name().unwrap_or_default().to_string_lossy();
        text += &format!("{}  {name}\n", blake3::hash(&std::fs::read(list)?));
    }
    Ok(text)
}

fn write_lists<'a>(
    folder: &Path,
    train: impl Iterator<Item = &'a str>,
    test: impl Iterator<Item = &'a str>,
) -> Result<FoldLists, StudyError> {
    durable::create_folder(folder).map_err(StudyError::io(folder))?;
    let write = |name: &str, ids: Vec<&str>| {
        let path = folder.join(name);
        let text = ids.join("\n") + "\n";
        durable::write(&path, text.as_bytes()).map_err(StudyError::io(&path))?;
        Ok::<PathBuf, StudyError>(path)
    };
    let lists = FoldLists {
        train: write("train.txt", train.collect())?,
        test: write("test.txt", test.collect())?,
    };
    let path = folder.join(HASHES_FILE);
    let written = hashes(&lists).and_then(|text| durable::write(&path, text.as_bytes()));
    written.map_err(StudyError::io(&path))?;
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> (Vec<String>, Vec<u16>) {
        let ids = (0..23).map(|number| format!("photo-{number}.jpg")).collect();
        (ids, (0..23).map(|number| u16::from(number % 3 == 0)).collect())
    }

    #[test]
    fn folds_are_of_one_size_and_have_each_class_in_proportion() {
        let (ids, labels) = samples();
        let folds = deal(&ids, &labels, &[], 5, 7);
        let count = |fold: u32, class: Option<u16>| {
            let own = folds
                .iter()
                .zip(&labels)
                .filter(|&(&of, label)| of == fold && class.is_none_or(|class| class == *label));
            own.count()
        };
        for fold in 0..5 {
            assert!((4..=5).contains(&count(fold, None)), "{folds:?}");
            assert!((1..=2).contains(&count(fold, Some(1))), "{folds:?}");
            assert!((3..=3).contains(&count(fold, Some(0))), "{folds:?}");
        }
        assert_eq!(folds, deal(&ids, &labels, &[], 5, 7), "a pure function of the seed");
        assert_ne!(folds, deal(&ids, &labels, &[], 5, 8));
        // Golden, from tests/fixtures/study/folds.py: another answer would move samples from test to training.
        assert_eq!(folds, GOLDEN);
    }

    const GOLDEN: [u32; 23] = [2, 2, 0, 2, 3, 4, 0, 3, 0, 4, 1, 3, 1, 1, 4, 3, 4, 0, 0, 2, 2, 1, 1];

    #[test]
    fn duplicates_go_where_the_first_of_them_is() {
        let (ids, labels) = samples();
        let alone = deal(&ids, &labels, &[], 5, 7);
        let group = vec!["photo-3.jpg", "not selected", "photo-1.jpg", "photo-2.jpg"];
        let together = deal(&ids, &labels, &[group], 5, 7);
        assert_eq!(together[1], alone[3]);
        assert_eq!(together[2], alone[3]);
        let others = |folds: &[u32]| [&folds[..1], &folds[3..]].concat();
        assert_eq!(others(&together), others(&alone));
    }

    #[test]
    fn published_folds_are_found_in_order_and_what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "a.jpg 0\n").unwrap();
        };
        let refused = || published(folder.path()).unwrap_err().to_string();
        assert!(refused().contains("expected the folders test1, test2, …, found 0"));
        ["test1/train.txt", "test1/test.txt", "test2/train.txt"].into_iter().for_each(write);
        assert!(refused().contains("test2/test.txt is missing"), "{}", refused());
        write("test2/test.txt");
        let found = published(folder.path()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].test, folder.path().join("test2/test.txt"));
    }
}
