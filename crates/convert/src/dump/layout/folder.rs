//! A folder for each class, with or without folders `train`, `val`, `test` above or below them.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::dump::list::{in_order, renumbered};
use crate::dump::names::{class_name_fault, printable, sample_id, split_of_word};
use crate::dump::{DumpError, Input, Problem};

use super::opening::{Listed, Opening};
use super::reading::{Group, GroupClass, listed as listed_words};

/// Lists the files of each group, in the order of their paths. Files that lie in no class folder are left out,
/// and a folder is a class's where photos lie in it.
pub(super) fn open(opening: &Opening<'_>, groups: &[Group]) -> Result<Listed, DumpError> {
    let Opening { source, tree, root, outline, .. } = *opening;
    let mut classes: BTreeSet<&str> = BTreeSet::new();
    for group in groups {
        match &group.class {
            GroupClass::Folder => {
                let folders = outline.at(&group.folder).into_iter().flat_map(|node| &node.folders);
                classes.extend(folders.map(|folder| folder.name.as_str()));
            }
            GroupClass::Named(class) => drop(classes.insert(class)),
            GroupClass::None => {}
        }
    }
    let mut classes: Vec<&str> = classes.into_iter().collect();
    in_order(&mut classes);
    let path = || source.path().to_owned();
    let limit = usize::from(u16::MAX);
    if classes.len() > limit {
        return Err(DumpError::TooMany {
            path: path(),
            what: "classes",
            found: classes.len(),
            limit,
        });
    }
    let not_utf8 = |class: &str| {
        let mut folders = groups.iter().map(|group| format!("{}{class}/", group.folder));
        (class.contains('\u{FFFD}')
            && folders.any(|folder| tree.below(&folder).iter().any(|file| file.bad_name)))
        .then(|| format!("the folder name `{class}` is not UTF-8 and cannot name a class"))
    };
    let fault = |class: &&str| class_name_fault(class).or_else(|| not_utf8(class));
    if let Some(fault) = classes.iter().find_map(fault) {
        return Err(DumpError::FolderName { path: path(), fault });
    }
    let labels: HashMap<&str, u16> = classes.iter().copied().zip(0..).collect();
    let mut listed = Listed {
        prefix: root.to_owned(),
        classes: classes.iter().map(|&class| class.to_owned()).collect(),
        notes: without_photos(opening, groups, &labels).into_iter().collect(),
        ..Listed::default()
    };
    listed.notes.extend(renumbered(&listed.classes));
    for group in groups {
        let known = listed.splits.iter().position(|split| *split == group.split);
        let split = known.unwrap_or_else(|| {
            listed.splits.push(group.split.clone());
            listed.splits.len() - 1
        });
        let list = u16::try_from(listed.lists.len()).map_err(|_| DumpError::TooMany {
            path: path(),
            what: "class folders of splits",
            found: groups.len(),
            limit,
        })?;
        let name = printable(&group.folder[root.len()..]);
        listed.lists.push(if name.is_empty() { "./".to_owned() } else { name });
        let mut line = 0;
        for file in tree.below(&group.folder) {
            let label = match &group.class {
                GroupClass::Folder => {
                    let class = file.path[group.folder.len()..].split_once('/');
                    let Some(&label) = class.and_then(|(class, _)| labels.get(class)) else {
                        continue;
                    };
                    Some(label)
                }
                GroupClass::Named(class) => labels.get(class.as_str()).copied(),
                GroupClass::None => None,
            };
            line += 1;
            let below = &file.path[root.len()..];
            let (sample_id, problem) = match sample_id(below) {
                Ok(id) if !file.bad_name => (id, None),
                Ok(id) => (id, Some(bad_name())),
                Err(problem) => {
                    listed.renamed.push(file.path.to_string());
                    (printable(below).into(), Some(problem))
                }
            };
            let input = Input::new(list, line, split as u16);
            listed.inputs.push(Input { sample_id, label, problem, ..input });
        }
    }
    Ok(listed)
}

/// Folders that would be a class's if they held a photo. Not every copy of a dump keeps the empty ones.
fn without_photos(
    opening: &Opening<'_>,
    groups: &[Group],
    labels: &HashMap<&str, u16>,
) -> Option<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    let of_classes = groups.iter().filter(|group| group.class == GroupClass::Folder);
    let above: HashSet<&str> = of_classes.clone().map(|group| group.folder.as_str()).collect();
    for folder in &opening.tree.empty_folders {
        let end = folder.trim_end_matches('/').rfind('/').map_or(0, |end| end + 1);
        // Empty splits beside those that hold something are named as well.
        let is_split = &folder[..end] == opening.root
            && split_of_word(folder[end..].trim_end_matches('/')).is_some();
        if !folder.is_empty() && (above.contains(&folder[..end]) || is_split) {
            found.insert(printable(folder));
        }
    }
    for group in of_classes {
        for file in opening.tree.below(&group.folder) {
            let class = file.path[group.folder.len()..].split_once('/');
            if let Some((class, _)) = class.filter(|(class, _)| !labels.contains_key(class)) {
                found.insert(printable(&format!("{}{class}/", group.folder)));
            }
        }
    }
    let found: Vec<String> = found.into_iter().collect();
    let verb = if found.len() == 1 { "holds no photo and names" } else { "hold no photo and name" };
    (!found.is_empty()).then(|| format!("{} {verb} no class", listed_words(&found)))
}

fn bad_name() -> Problem {
    Problem::Unusable { code: "unusable-name", detail: "the name is not UTF-8".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::Dump;
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
        let dump = dump(&[
            "dog/1.jpg",
            "cat/deep/2.png",
            "cat/.DS_Store",
            "cat/Thumbs.db",
            "scripts/a.py",
        ]);
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
