//! B-T4SA (Vadicamo et al. 2017), unpacked: three lists of `data/78476/784760943188189184-1.jpg 0`.
//!
//! Some copies have a top folder `b-t4sa_imgs/`, some do not; the lists lie in it or beside it.
//! `b-t4sa_all.txt` repeats the three lists and is ignored.

use std::path::{Path, PathBuf};

use super::{Dump, DumpError, Layout, list};

const SPLITS: [&str; 3] = ["train", "val", "test"];
const CLASSES: [&str; 3] = ["negative", "neutral", "positive"];
const TOP_FOLDER: &str = "b-t4sa_imgs";

pub(super) fn recognise(source: &Path) -> bool {
    SPLITS.iter().any(|split| find_list(source, split).is_some())
}

pub(super) fn open(source: &Path) -> Result<Dump, DumpError> {
    let has_top = source.join(TOP_FOLDER).is_dir();
    let mut dump = Dump {
        layout: Layout::BT4sa,
        root: source.to_owned(),
        prefix: if has_top { format!("{TOP_FOLDER}/") } else { String::new() },
        lists: Vec::new(),
        splits: Vec::new(),
        classes: CLASSES.map(str::to_owned).to_vec(),
        inputs: Vec::new(),
        notes: Vec::new(),
    };
    for split in SPLITS {
        let Some(path) = find_list(source, split) else { continue };
        let index = dump.lists.len() as u16;
        let lines = list::read(&path, CLASSES.len())?;
        dump.inputs.extend(list::inputs(lines, index, index, Some(TOP_FOLDER)));
        dump.lists.push(list_name(split));
        dump.splits.push(split.to_owned());
    }
    if dump.lists.is_empty() {
        return Err(DumpError::NotThisLayout {
            path: source.to_owned(),
            layout: Layout::BT4sa,
            expected: "b-t4sa_train.txt",
        });
    }
    Ok(dump)
}

fn list_name(split: &str) -> String {
    format!("b-t4sa_{split}.txt")
}

fn find_list(source: &Path, split: &str) -> Option<PathBuf> {
    let name = list_name(split);
    [source.join(&name), source.join(TOP_FOLDER).join(&name)]
        .into_iter()
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn with_and_without_the_top_folder_the_sample_ids_are_the_same() {
        let listed = |top: bool, inside: bool| {
            let folder = tempfile::tempdir().unwrap();
            let photos =
                if top { folder.path().join(TOP_FOLDER) } else { folder.path().to_owned() };
            fs::create_dir_all(photos.join("data/78476")).unwrap();
            let lists = if inside { photos } else { folder.path().to_owned() };
            for split in SPLITS {
                let line = format!("data/78476/784760943188189184-1.jpg {}\n", split.len() % 3);
                fs::write(lists.join(list_name(split)), line).unwrap();
            }
            let dump = Dump::open(folder.path(), None).unwrap();
            assert_eq!(dump.prefix.starts_with(TOP_FOLDER), top);
            assert_eq!(dump.splits, SPLITS);
            dump.inputs
        };
        let plain = listed(false, false);
        assert_eq!(plain.len(), 3);
        assert_eq!(listed(true, false), plain);
        assert_eq!(listed(true, true), plain);
    }
}
