//! Tables with a header, and lists named by hand whose labels name the classes.
//!
//! Recognised are `labels.csv` (Kaggle's dog breeds: `id,breed` beside `train/<id>.jpg`), or `train.csv`,
//! `val.csv`, `test.csv`; each may end in `.tsv`.

use crate::dump::list::{Labels, Lists, has_columns};
use crate::dump::{Dump, DumpError, Layout, ListFile, Source};

const ENDINGS: [&str; 2] = ["csv", "tsv"];
/// File names without their ending, and the split of each.
const WHOLE: [(&str, &str); 2] = [("labels", "all"), ("metadata", "all")];
const SPLITS: [(&str, &str); 4] =
    [("train", "train"), ("val", "val"), ("valid", "val"), ("test", "test")];
/// Where photos lie when not beside the table, and what is not written after an id.
const FOLDERS: [&str; 7] = ["", "train/", "images/", "data/", "img/", "photos/", "all/"];
const SUFFIXES: [&str; 5] = ["", ".jpg", ".jpeg", ".png", ".webp"];
/// Paths that are tried to find out where the photos lie: some may be missing.
const TRIED_PATHS: usize = 50;

pub(super) fn recognise(source: &Source) -> bool {
    !tables(source).is_empty()
}

pub(super) fn open(source: &Source, by_hand: &[ListFile]) -> Result<Dump, DumpError> {
    let path = || source.path().to_owned();
    let mut lists = Lists::default();
    for list in by_hand {
        lists.add_file(source, list)?;
    }
    if by_hand.is_empty() {
        for (name, split) in tables(source) {
            lists.add(source, &name, split)?;
        }
    }
    if lists.is_empty() {
        let expected = "labels.csv with a header such as `path,label`";
        return Err(DumpError::NotThisLayout { path: path(), layout: Layout::Csv, expected });
    }
    let (folder, suffix) = whereabouts(source, &lists.first_paths(TRIED_PATHS));
    lists.append_to_paths(suffix);
    let limit = usize::from(crate::sample::NO_LABEL);
    let labels = Labels::found(lists.labels()).map_err(|found| DumpError::TooMany {
        path: path(),
        what: "classes",
        found,
        limit,
    })?;
    let (lists, splits, inputs) = lists.inputs(&labels, None);
    let mut notes = Vec::new();
    if !(folder.is_empty() && suffix.is_empty()) {
        notes.push(format!("the photo of `x` is taken from {folder}x{suffix}"));
    }
    Ok(Dump {
        layout: Layout::Csv,
        source: source.clone(),
        prefix: folder.to_owned(),
        lists,
        splits,
        classes: labels.into_names(),
        inputs,
        made_splits: None,
        notes,
    })
}

/// The tables that are there: one for all, or one for each split.
fn tables(source: &Source) -> Vec<(String, &'static str)> {
    let find = |stems: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
        let names = stems
            .iter()
            .flat_map(|&(stem, split)| ENDINGS.map(|ending| (format!("{stem}.{ending}"), split)));
        let fits = |name: &str| {
            source.is_file(name) && source.text(name).is_ok_and(|bytes| has_columns(&bytes))
        };
        names.filter(|(name, _)| fits(name)).collect()
    };
    let mut whole = find(&WHOLE);
    whole.truncate(1);
    if whole.is_empty() { find(&SPLITS) } else { whole }
}

/// Folder and suffix that make the most of these paths those of files; of equals the first.
fn whereabouts(source: &Source, paths: &[String]) -> (&'static str, &'static str) {
    let mut best = (0, ("", ""));
    for folder in FOLDERS {
        for suffix in SUFFIXES {
            let is_there = |path: &&String| source.is_file(&format!("{folder}{path}{suffix}"));
            let there = paths.iter().filter(is_there).count();
            if there > best.0 {
                best = (there, (folder, suffix));
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
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
            (dump.layout, dump.relative_path("0a.jpg").as_str()),
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
