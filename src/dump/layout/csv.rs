//! Tables with a header, and lists named by hand whose labels name the classes.
//!
//! Recognised are `labels.csv` or `metadata.csv` (Kaggle's dog breeds: `id,breed` beside `train/<id>.jpg`), or
//! a table for each split, as `train.csv` and `validation.csv` or as `train/metadata.csv`; each may end in `.tsv`.

use std::collections::BTreeSet;

use crate::dump::list::{Labels, Lists, renumbered};
use crate::dump::resolve::Resolver;
use crate::dump::tree::{NameKind, Tree};
use crate::dump::{DumpError, Layout, Source};

use super::{Listed, Opening, TableUse};

/// Names of tables for a whole dump, without their ending.
pub(super) const WHOLE: [&str; 2] = ["labels", "metadata"];
/// Where photos lie when not beside the table, and what is not written after an id.
const FOLDERS: [&str; 7] = ["", "train/", "images/", "data/", "img/", "photos/", "all/"];
const SUFFIXES: [&str; 9] = ["", ".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".gif", ".bmp"];
/// Paths that are tried to find out where the photos lie: some may be missing.
const TRIED_PATHS: usize = 200;
/// Folders beside the usual ones that are tried.
const TRIED_FOLDERS: usize = 100;

/// Where the photos of listed paths lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whereabouts {
    /// Below the root, `""` or ending in `/`.
    pub(super) folder: String,
    pub(super) suffix: &'static str,
    /// How many of the paths lie there.
    pub(super) found: usize,
}

pub(super) fn open(opening: &Opening<'_>, tables: &[TableUse]) -> Result<Listed, DumpError> {
    let Opening { source, tree, root, .. } = *opening;
    let path = || source.path().to_owned();
    let mut lists = Lists::default();
    for list in opening.by_hand {
        lists.add_file(source, list)?;
    }
    for TableUse { path, split, base } in tables.iter().filter(|_| opening.by_hand.is_empty()) {
        lists.add(source, path, split, base)?;
    }
    if lists.is_empty() {
        let expected = "labels.csv with a header such as `path,label`";
        return Err(DumpError::NotThisLayout { path: path(), layout: Layout::Csv, expected });
    }
    let lies = whereabouts(source, tree, root, &lists.some_paths(TRIED_PATHS));
    let (folder, suffix) = lies.map_or_else(Default::default, |lies| (lies.folder, lies.suffix));
    lists.append_to_paths(suffix);
    let limit = usize::from(crate::sample::NO_LABEL);
    let labels = Labels::found(lists.labels()).map_err(|found| DumpError::TooMany {
        path: path(),
        what: "classes",
        found,
        limit,
    })?;
    let used = lists.inside().to_vec();
    let prefix = format!("{root}{folder}");
    let mut files = opening.resolver(&prefix);
    let (lists, splits, inputs) = lists.inputs(&labels, None, &mut files);
    let mut notes = files.notes();
    if !(folder.is_empty() && suffix.is_empty()) {
        notes.push(format!("the photo of `x` is taken from {prefix}x{suffix}"));
    }
    let classes = labels.into_names();
    notes.extend(renumbered(&classes));
    Ok(Listed { prefix, lists, splits, classes, inputs, notes, used })
}

/// Folder and suffix that make the most of these paths those of files; of equals the first. `None` where none
/// is found.
pub(super) fn whereabouts(
    source: &Source,
    tree: &Tree,
    root: &str,
    paths: &[String],
) -> Option<Whereabouts> {
    let mut resolver = Resolver::new(source, tree, root, "");
    let paths: Vec<String> =
        paths.iter().map(|path| resolver.relative(path).into_owned()).collect();
    let usual: Vec<String> = FOLDERS.iter().map(|&folder| folder.to_owned()).collect();
    let mut best = |folders: &[String], loosely: bool| {
        let mut best: Option<Whereabouts> = None;
        for folder in folders {
            for suffix in SUFFIXES {
                let mut is_there = |path: &&String| {
                    resolver.finds(&format!("{root}{folder}{path}{suffix}"), loosely)
                };
                let found = paths.iter().filter(|path| is_there(path)).count();
                if found > best.as_ref().map_or(0, |best| best.found) {
                    best = Some(Whereabouts { folder: folder.clone(), suffix, found });
                }
            }
        }
        best
    };
    if paths.is_empty() {
        return None;
    }
    best(&usual, false)
        .or_else(|| best(&folders_of_photos(tree, root), false))
        .or_else(|| best(&usual, true))
}

/// Folders below `root` that hold photos, the first of them.
fn folders_of_photos(tree: &Tree, root: &str) -> Vec<String> {
    let mut folders = BTreeSet::new();
    for file in tree.below(root) {
        let below = &file.path[root.len()..];
        if NameKind::of(below) != NameKind::Other
            && let Some(end) = below.rfind('/')
        {
            folders.insert(&below[..=end]);
            if folders.len() == TRIED_FOLDERS {
                break;
            }
        }
    }
    folders.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::Dump;
    use std::fs;

    fn dump(files: &[(&str, &str)]) -> Dump {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Dump::open(folder.path(), None).unwrap()
    }

    fn ids(dump: &Dump) -> Vec<(&str, Option<u16>, &str)> {
        let split = |split: u16| dump.splits[usize::from(split)].as_str();
        let inputs = dump.inputs.iter();
        inputs.map(|input| (&*input.sample_id, input.label, split(input.split))).collect()
    }

    #[test]
    fn the_dog_breeds_of_kaggle_are_read_as_they_come() {
        let dump = dump(&[
            ("labels.csv", "id,breed\n0b,pug\n0a,beagle\n0c,pug\n"),
            ("sample_submission.csv", "id,affenpinscher,afghan_hound\n"),
            ("train/0a.jpg", ""),
            ("train/0b.jpg", ""),
            ("test/0d.jpg", ""),
        ]);
        assert_eq!(
            (dump.reading.layout, dump.relative_path("0a.jpg").as_str()),
            (Layout::Csv, "train/0a.jpg")
        );
        assert_eq!(dump.classes, ["beagle", "pug"]);
        assert_eq!(
            ids(&dump),
            [("0a.jpg", Some(0), "all"), ("0b.jpg", Some(1), "all"), ("0c.jpg", Some(1), "all")]
        );
    }

    #[test]
    fn a_table_for_each_split_or_a_column_makes_splits() {
        let by_file = dump(&[
            ("test.csv", "path,label\nc.jpg,0\n"),
            ("train.csv", "path,label\na.jpg,1\n"),
            ("a.jpg", ""),
        ]);
        assert_eq!(ids(&by_file), [("a.jpg", Some(1), "train"), ("c.jpg", Some(0), "test")]);
        let by_column =
            dump(&[("labels.tsv", "path\tsplit\tlabel\nc.jpg\ttest\t0\na.jpg\ttrain\t1\n")]);
        assert_eq!(ids(&by_column), ids(&by_file));
    }
}
