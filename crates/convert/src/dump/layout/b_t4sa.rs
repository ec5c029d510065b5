//! B-T4SA (Vadicamo et al. 2017): three lists of `data/78476/784760943188189184-1.jpg 0`.
//!
//! Some copies have a top folder `b-t4sa_imgs/`, some do not; the lists lie in it or beside it, or beside
//! the tar. `b-t4sa_all.txt` repeats the three lists and is ignored.

use crate::dump::list::{Labels, Lists};
use crate::dump::{DumpError, Layout, ListFile};

use super::opening::{Listed, Opening};

pub(super) const SPLITS: [&str; 3] = ["train", "val", "test"];
const CLASSES: [&str; 3] = ["negative", "neutral", "positive"];
pub(super) const TOP_FOLDER: &str = "b-t4sa_imgs";
/// The folder that holds all photos.
pub(super) const PHOTOS: &str = "data";
/// The tar of the release.
const TAR: &str = "b-t4sa_imgs.tar";

pub(super) fn list_name(split: &str) -> String {
    format!("b-t4sa_{split}.txt")
}

/// True for the name of a list.
pub(super) fn is_list(name: &str) -> bool {
    SPLITS.iter().any(|split| list_name(split) == name)
}

pub(super) fn open(opening: &Opening<'_>) -> Result<Listed, DumpError> {
    let Opening { source, tree, root, .. } = *opening;
    let mut lists = Lists::default();
    for list in opening.by_hand {
        lists.add_file(source, list)?;
    }
    for split in SPLITS.iter().filter(|_| opening.by_hand.is_empty()) {
        let name = list_name(split);
        let inside = [format!("{root}{name}"), format!("{root}{TOP_FOLDER}/{name}")];
        if let Some(inside) = inside.into_iter().find(|path| tree.is_file(path)) {
            lists.add(source, &inside, split, "")?;
        } else if let Some(beside) = source.beside(&name) {
            lists.add_file(source, &ListFile { split: Some((*split).to_owned()), path: beside })?;
        }
    }
    if lists.is_empty() {
        return Err(DumpError::NotThisLayout {
            path: source.path().to_owned(),
            layout: Layout::BT4sa,
            expected: "b-t4sa_train.txt",
        });
    }
    let has_top = tree.is_folder(&format!("{root}{TOP_FOLDER}"));
    let tar = format!("{root}{TAR}");
    if !has_top && !tree.is_folder(&format!("{root}{PHOTOS}")) && tree.is_file(&tar) {
        let (path, tar) = (source.path().to_owned(), source.path().join(tar));
        return Err(DumpError::StillPacked { path, tar });
    }
    let prefix = if has_top { format!("{root}{TOP_FOLDER}/") } else { root.to_owned() };
    let labels = Labels::known(&CLASSES);
    let used = lists.inside().to_vec();
    let mut files = opening.resolver(&prefix);
    let (lists, splits, inputs) = lists.inputs(&labels, Some(TOP_FOLDER), &mut files)?;
    let notes = files.notes();
    Ok(Listed {
        prefix,
        lists,
        splits,
        classes: labels.into_names(),
        inputs,
        notes,
        used,
        ..Listed::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::Dump;
    use std::fs;

    #[test]
    fn with_and_without_the_top_folder_the_sample_ids_are_the_same() {
        let listed = |source: &str, photos: &str, lists: &str| {
            let folder = tempfile::tempdir().unwrap();
            let [source, photos, lists] =
                [source, photos, lists].map(|path| folder.path().join(path));
            fs::create_dir_all(photos.join("data/78476")).unwrap();
            fs::write(photos.join("data/78476/784760943188189184-1.jpg"), "").unwrap();
            for split in SPLITS {
                let line = format!("data/78476/784760943188189184-1.jpg {}\n", split.len() % 3);
                fs::write(lists.join(format!("b-t4sa_{split}.txt")), line).unwrap();
            }
            let dump = Dump::open(&source, None).unwrap();
            assert_eq!(dump.reading.layout, Layout::BT4sa);
            assert_eq!(dump.prefix, if photos == source { "" } else { "b-t4sa_imgs/" });
            assert_eq!(dump.splits, SPLITS);
            dump.inputs
        };
        let plain = listed("x", "x", "x");
        assert_eq!(plain.len(), 3);
        assert_eq!(listed("x", "x/b-t4sa_imgs", "x"), plain, "lists beside the top folder");
        assert_eq!(listed("x", "x/b-t4sa_imgs", "x/b-t4sa_imgs"), plain, "lists inside");
        assert_eq!(listed("x/b-t4sa_imgs", "x/b-t4sa_imgs", "x"), plain, "lists beside SRC");
    }

    #[test]
    fn lists_beside_the_tar_point_to_the_tar() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b-t4sa_train.txt"), b"data/1/1-1.jpg 0\n").unwrap();
        fs::write(folder.path().join(TAR), b"").unwrap();
        let error = Dump::open(folder.path(), None).unwrap_err();
        assert!(error.to_string().contains("b-t4sa_imgs.tar"), "{error}");
    }
}
