//! Tables with a header, and lists named by hand whose labels name the classes.
//!
//! Recognised are `labels.csv` or `metadata.csv` (Kaggle's dog breeds: `id,breed` beside `train/<id>.jpg`), or
//! a table for each split, as `train.csv` and `validation.csv` or as `train/metadata.csv`; each may end in `.tsv`.

use crate::dump::error::DumpError;
use crate::dump::list::{Labels, Lists, Part, renumbered};
use crate::dump::names::split_in_name;
use crate::dump::outline::{Outline, way_down};

use super::opening::{Listed, Opening};
use super::reading::TableUse;
use super::whereabouts::{Whereabouts, whereabouts};

/// Paths that are tried to find out where the photos lie: some may be missing.
const TRIED_PATHS: usize = 200;
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
    // Lists that are named by hand may lie anywhere, and so may what they list.
    let mut roots = vec![root.to_owned()];
    if !opening.by_hand.is_empty() {
        roots.extend(way_down(opening.outline).into_iter().map(|(root, _)| root));
        let folders =
            lists.inside().iter().filter_map(|list| Some(list[..=list.rfind('/')?].to_owned()));
        roots.extend(folders);
    }
    // Each split of each list may have a folder of its own.
    let parts: Vec<(Part, Whereabouts)> = lists
        .parts()
        .into_iter()
        .filter_map(|part| {
            let own = folders_of_split(opening.outline, &roots, &part.split);
            let paths = lists.some_paths(Some(&part), TRIED_PATHS);
            Some((part, whereabouts(source, tree, &roots, &own, &paths)?))
        })
        .collect();
    let mut notes = Vec::new();
    let first = parts.first().map_or_else(Whereabouts::default, |(_, lies)| lies.clone());
    let agree = |(_, lies): &(Part, Whereabouts)| {
        (&lies.folder, lies.suffix) == (&first.folder, first.suffix)
    };
    let prefix = if parts.iter().all(agree) {
        let Whereabouts { folder, suffix, .. } = first;
        lists.place(None, "", suffix);
        if parts.is_empty() { root.to_owned() } else { folder }
    } else {
        for (part, Whereabouts { folder, suffix, .. }) in &parts {
            lists.place(Some(part), folder.strip_prefix(root).unwrap_or_default(), suffix);
        }
        root.to_owned()
    };
    for (part, Whereabouts { folder, suffix, .. }) in parts.iter().take(3) {
        if !(folder == root && suffix.is_empty()) {
            let of = lists.name(part);
            notes.push(format!(
                "photos of {of} were found in {folder}: `x` means {folder}x{suffix}"
            ));
        }
    }
    let limit = usize::from(tcolz_format::sample::NO_LABEL);
    let labels = Labels::found(lists.labels()).map_err(|found| DumpError::TooMany {
        path: path(),
        what: "classes",
        found,
        limit,
    })?;
    let used = lists.inside().to_vec();
    let mut files = opening.resolver(&prefix);
    let (lists, splits, inputs) = lists.inputs(&labels, None, &mut files)?;
    notes.extend(files.notes());
    let classes = labels.into_names();
    notes.extend(renumbered(&classes));
    Ok(Listed { prefix, lists, splits, classes, inputs, notes, used, ..Listed::default() })
}

/// The folders below one of `roots` that are called like a split.
fn folders_of_split(outline: &Outline, roots: &[String], split: &str) -> Vec<String> {
    let nodes = roots.iter().filter_map(|root| Some((root, outline.at(root)?)));
    let folders =
        nodes.flat_map(|(root, node)| node.folders.iter().map(move |folder| (root, folder)));
    let own = folders
        .filter(|(_, folder)| split_in_name(&folder.name).is_some_and(|found| found.0 == split));
    own.map(|(root, folder)| format!("{root}{}/", folder.name)).collect()
}

#[cfg(test)]
mod tests {
    use crate::dump::{Dump, Layout};
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
