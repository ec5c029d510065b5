//! A folder for each class, with or without folders `train`, `val`, `test` above them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::{Dump, DumpError, Input, Layout, Problem, sample_id};

/// Names of split folders, and the split each stands for.
const SPLITS: [(&str, &str); 5] =
    [("train", "train"), ("val", "val"), ("valid", "val"), ("validation", "val"), ("test", "test")];

/// Files that systems leave in folders; nobody means them as photos.
const LITTER: [&str; 3] = ["Thumbs.db", "desktop.ini", "Icon\r"];

pub(super) fn recognise(source: &Path) -> bool {
    folders_of(source).is_ok_and(|folders| !folders.is_empty())
}

pub(super) fn open(source: &Path) -> Result<Dump, DumpError> {
    let top = folders_of(source)?;
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
        classes.extend(folders_of(&source.join(prefix))?);
    }
    let classes: Vec<String> = classes.into_iter().collect();
    if classes.is_empty() {
        return Err(DumpError::NotThisLayout {
            path: source.to_owned(),
            layout: Layout::Folder,
            expected: "a folder for each class",
        });
    }
    let limit = usize::from(u16::MAX);
    if classes.len() > limit {
        let (path, found) = (source.to_owned(), classes.len());
        return Err(DumpError::TooMany { path, what: "classes", found, limit });
    }
    let mut dump = Dump {
        layout: Layout::Folder,
        root: source.to_owned(),
        prefix: String::new(),
        lists: Vec::new(),
        splits: Vec::new(),
        classes,
        inputs: Vec::new(),
        notes: Vec::new(),
    };
    for (prefix, split) in split_folders {
        let loose = loose_files(&source.join(&prefix))?;
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
            let class = format!("{prefix}{}", dump.classes[label]);
            if source.join(&class).is_dir() {
                walk(source, &class, &mut |path, problem| {
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
            let (split, label) = (split_index as u16, Some(label));
            Input { list, line, split, sample_id, label, agreement: None, problem }
        });
        dump.inputs.extend(inputs);
    }
    Ok(dump)
}

fn not_utf8() -> Problem {
    Problem::Unusable { code: "unusable-name", detail: "the name is not UTF-8".to_owned() }
}

/// Calls `found(path relative to root, name was not UTF-8)` for every file below `folder`.
fn walk(root: &Path, folder: &str, found: &mut dyn FnMut(String, bool)) -> Result<(), DumpError> {
    // A stack and not recursion: the depth of a folder tree is the disk's choice, not ours.
    let mut folders = vec![(root.join(folder), folder.to_owned(), false)];
    while let Some((path, relative, bad_name)) = folders.pop() {
        let unreadable = |source| DumpError::Unreadable { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            if is_hidden(&name) {
                continue;
            }
            let bad_name = bad_name || name.to_str().is_none();
            let relative = format!("{relative}/{}", name.to_string_lossy());
            // Links to files are followed, links to folders are not: they may form a circle.
            if entry.file_type().map_err(unreadable)?.is_dir() {
                folders.push((entry.path(), relative, bad_name));
            } else {
                found(relative, bad_name);
            }
        }
    }
    Ok(())
}

fn folders_of(folder: &Path) -> Result<BTreeSet<String>, DumpError> {
    let unreadable = |source| DumpError::Unreadable { path: folder.to_owned(), source };
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        if is_hidden(&name) || !entry.path().is_dir() {
            continue;
        }
        let name = name.into_string().map_err(|name| DumpError::FolderName {
            path: folder.to_owned(),
            name: name.to_string_lossy().into_owned(),
        })?;
        if name.chars().any(char::is_control) {
            let name = name.replace(char::is_control, "\u{FFFD}");
            return Err(DumpError::FolderName { path: folder.to_owned(), name });
        }
        names.insert(name);
    }
    Ok(names)
}

fn loose_files(folder: &Path) -> Result<usize, DumpError> {
    let unreadable = |source| DumpError::Unreadable { path: folder.to_owned(), source };
    let mut count = 0;
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        count += usize::from(!is_hidden(&entry.file_name()) && !entry.path().is_dir());
    }
    Ok(count)
}

fn is_hidden(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || LITTER.contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::*;

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
