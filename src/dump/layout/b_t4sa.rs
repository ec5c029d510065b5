//! B-T4SA (Vadicamo et al. 2017): three lists of `data/78476/784760943188189184-1.jpg 0`.
//!
//! Some copies have a top folder `b-t4sa_imgs/`, some do not; the lists lie in it or beside it, or beside
//! the tar. `b-t4sa_all.txt` repeats the three lists and is ignored.

use crate::dump::list::{Labels, Lists};
use crate::dump::{Dump, DumpError, Layout, ListFile, Source};

const SPLITS: [&str; 3] = ["train", "val", "test"];
const CLASSES: [&str; 3] = ["negative", "neutral", "positive"];
const TOP_FOLDER: &str = "b-t4sa_imgs";
/// The folder that holds all photos.
const PHOTOS: &str = "data";
/// The tar of the release.
const TAR: &str = "b-t4sa_imgs.tar";

pub(super) fn recognise(source: &Source) -> bool {
    SPLITS.iter().any(|split| find_list(source, split).is_some())
}

pub(super) fn open(source: &Source, by_hand: &[ListFile]) -> Result<Dump, DumpError> {
    let mut lists = Lists::default();
    for list in by_hand {
        lists.add_file(source, list)?;
    }
    for split in SPLITS.iter().filter(|_| by_hand.is_empty()) {
        match find_list(source, split) {
            Some(Place::Inside(relative)) => lists.add(source, &relative, split)?,
            Some(Place::Beside(list)) => lists.add_file(source, &list)?,
            None => {}
        }
    }
    if lists.is_empty() {
        return Err(DumpError::NotThisLayout {
            path: source.path().to_owned(),
            layout: Layout::BT4sa,
            expected: "b-t4sa_train.txt",
        });
    }
    let has_top = source.is_folder(TOP_FOLDER);
    if !has_top && !source.is_folder(PHOTOS) && source.is_file(TAR) {
        return Err(DumpError::StillPacked {
            path: source.path().to_owned(),
            tar: source.path().join(TAR),
        });
    }
    let labels = Labels::known(&CLASSES);
    let (lists, splits, inputs) = lists.inputs(&labels, Some(TOP_FOLDER));
    Ok(Dump {
        layout: Layout::BT4sa,
        source: source.clone(),
        prefix: if has_top { format!("{TOP_FOLDER}/") } else { String::new() },
        lists,
        splits,
        classes: labels.into_names(),
        inputs,
        made_splits: None,
        notes: Vec::new(),
    })
}

enum Place {
    Inside(String),
    Beside(ListFile),
}

fn find_list(source: &Source, split: &str) -> Option<Place> {
    let name = format!("b-t4sa_{split}.txt");
    let inside = [name.clone(), format!("{TOP_FOLDER}/{name}")];
    if let Some(found) = inside.into_iter().find(|relative| source.is_file(relative)) {
        return Some(Place::Inside(found));
    }
    let holds_photos = source.is_folder(PHOTOS) || source.is_folder(TOP_FOLDER);
    let beside = source.beside(&name).filter(|_| holds_photos)?;
    Some(Place::Beside(ListFile { split: Some(split.to_owned()), path: beside }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn with_and_without_the_top_folder_the_sample_ids_are_the_same() {
        let listed = |source: &str, photos: &str, lists: &str| {
            let folder = tempfile::tempdir().unwrap();
            let [source, photos, lists] =
                [source, photos, lists].map(|path| folder.path().join(path));
            fs::create_dir_all(photos.join("data/78476")).unwrap();
            for split in SPLITS {
                let line = format!("data/78476/784760943188189184-1.jpg {}\n", split.len() % 3);
                fs::write(lists.join(format!("b-t4sa_{split}.txt")), line).unwrap();
            }
            let dump = Dump::open(&source, None).unwrap();
            assert_eq!(dump.layout, Layout::BT4sa);
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
