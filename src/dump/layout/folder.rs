//! A folder for each class, with or without folders `train`, `val`, `test` above them.

use std::collections::BTreeSet;

use crate::dump::{Dump, DumpError, Input, Layout, Problem, Source, sample_id};

/// Names of split folders, and the split each stands for.
const SPLITS: [(&str, &str); 5] =
    [("train", "train"), ("val", "val"), ("valid", "val"), ("validation", "val"), ("test", "test")];

pub(super) fn recognise(source: &Source) -> bool {
    source.folders("").is_ok_and(|folders| !folders.is_empty())
}

pub(super) fn open(source: &Source) -> Result<Dump, DumpError> {
    let top = source.folders("")?;
    let split_of = |folder: &str| SPLITS.iter().find(|(name, _)| *name == folder);
    let is_split_dump = !top.is_empty() && top.iter().all(|folder| split_of(folder).is_some());
    let mut split_folders: Vec<(String, &str)> = Vec::new();
    if is_split_dump {
        for (name, split) in SPLITS {
            if top.iter().any(|folder| folder == name) {
                split_folders.push((format!("{name}/"), split));
            }
        }
    } else {
        split_folders.push((String::new(), "all"));
    }
    let mut classes = BTreeSet::new();
    for (prefix, _) in &split_folders {
        classes.extend(source.folders(prefix)?);
    }
    let classes: Vec<String> = classes.into_iter().collect();
    if classes.is_empty() {
        return Err(DumpError::NotThisLayout {
            path: source.path().to_owned(),
            layout: Layout::Folder,
            expected: "a folder for each class",
        });
    }
    let limit = usize::from(u16::MAX);
    if classes.len() > limit {
        let (path, found) = (source.path().to_owned(), classes.len());
        return Err(DumpError::TooMany { path, what: "classes", found, limit });
    }
    let mut dump = Dump {
        layout: Layout::Folder,
        source: source.clone(),
        prefix: String::new(),
        lists: Vec::new(),
        splits: Vec::new(),
        classes,
        inputs: Vec::new(),
        made_splits: None,
        notes: Vec::new(),
    };
    for (prefix, split) in split_folders {
        let loose = source.loose_files(&prefix)?;
        if loose > 0 {
            let folder = if prefix.is_empty() { "the top folder" } else { prefix.as_str() };
            dump.notes.push(format!(
                "{loose} files in {folder} lie outside every class folder and were not taken"
            ));
        }
        let split_index = match dump.splits.iter().position(|known| known == split) {
            Some(index) => index,
            None => {
                dump.splits.push(split.to_owned());
                dump.splits.len() - 1
            }
        };
        let list = dump.lists.len() as u16;
        dump.lists.push(if prefix.is_empty() { "./".to_owned() } else { prefix.clone() });
        let mut files = Vec::new();
        for label in 0..dump.classes.len() {
            let class = format!("{prefix}{}/", dump.classes[label]);
            if source.is_folder(&class) {
                source.walk(&class, &mut |path, problem| {
                    files.push((path, label as u16, problem));
                })?;
            }
        }
        files.sort();
        let inputs = files.into_iter().zip(1u32..).map(|((path, label, bad_name), line)| {
            let (sample_id, problem) = match sample_id(&path) {
                Ok(id) if !bad_name => (id, None),
                Ok(id) => (id, Some(not_utf8())),
                Err(problem) => (path.replace(char::is_control, "\u{FFFD}").into(), Some(problem)),
            };
            let input = Input::new(list, line, split_index as u16);
            Input { sample_id, label: Some(label), problem, ..input }
        });
        dump.inputs.extend(inputs);
    }
    Ok(dump)
}

fn not_utf8() -> Problem {
    Problem::Unusable { code: "unusable-name", detail: "the name is not UTF-8".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn dump(files: &[&str]) -> Dump {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        Dump::open(folder.path(), None).unwrap()
    }

    fn found(dump: &Dump) -> Vec<(&str, Option<u16>, &str)> {
        let split = |input: &Input| dump.splits[usize::from(input.split)].as_str();
        dump.inputs.iter().map(|input| (&*input.sample_id, input.label, split(input))).collect()
    }

    #[test]
    fn classes_are_the_folders_in_order_and_hidden_files_are_not_photos() {
        let dump = dump(&["dog/1.jpg", "cat/deep/2.png", "cat/.DS_Store", "cat/Thumbs.db"]);
        assert_eq!(dump.classes, ["cat", "dog"]);
        assert_eq!(
            found(&dump),
            [("cat/deep/2.png", Some(0), "all"), ("dog/1.jpg", Some(1), "all")]
        );
    }

    #[test]
    fn split_folders_above_the_classes_become_splits() {
        let dump =
            dump(&["train/cat/1.jpg", "train/dog/1.jpg", "valid/dog/2.jpg", "test/cat/3.jpg"]);
        assert_eq!(dump.splits, ["train", "val", "test"]);
        assert_eq!(
            found(&dump),
            [
                ("train/cat/1.jpg", Some(0), "train"),
                ("train/dog/1.jpg", Some(1), "train"),
                ("valid/dog/2.jpg", Some(1), "val"),
                ("test/cat/3.jpg", Some(0), "test"),
            ]
        );
    }
}
