//! Which folders are classes and which are splits: the part of the decision that goes by folders alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::dump::list::in_order;
use crate::dump::names::{SPLIT_ORDER, split_in_name, split_of_word};
use crate::dump::outline::Outline;

use super::reading::{Group, GroupClass, listed};

/// What is left of a name that is nothing but a word for a split.
const USUAL: &str = "*";

/// Class folders, as they were found.
pub(super) struct ClassFolders {
    pub(super) root: String,
    /// The class, where there is but one in one folder.
    pub(super) only_class: Option<String>,
    pub(super) because: String,
    pub(super) groups: Vec<Group>,
    pub(super) notes: Vec<String>,
}

/// Finds the class folders. The error names the folders that are called like splits and hold none; it is empty where
/// there is no folder of photos at all.
pub(super) fn class_folders(
    way: &[(String, &Outline)],
    all_are_classes: bool,
) -> Result<ClassFolders, Vec<String>> {
    let mut without_classes = Vec::new();
    // From the inside: a folder above that is called like a split is a wrapper.
    for (root, node) in way.iter().rev().filter(|_| !all_are_classes) {
        match split_folders(root, node) {
            Ok(found) => return Ok(found),
            Err(names) if names.is_empty() => {}
            Err(names) => without_classes = names,
        }
    }
    if !without_classes.is_empty() {
        return Err(without_classes);
    }
    let has_folders = |(_, node): &&(String, &Outline)| !node.folders.is_empty();
    let (root, node) = way
        .iter()
        .rev()
        .filter(has_folders)
        .find(|(_, node)| node.direct == 0)
        .or_else(|| way.iter().rev().find(has_folders))
        .ok_or_else(Vec::new)?;
    if !all_are_classes && let Some(found) = splits_in_classes(root, node) {
        return Ok(found);
    }
    let mut names: Vec<&str> = node.folders.iter().map(|folder| folder.name.as_str()).collect();
    in_order(&mut names);
    let mut notes = Vec::new();
    let (with_folders, without): (Vec<&Outline>, Vec<&Outline>) =
        node.folders.iter().partition(|folder| folder.direct == 0 && folder.folders.len() > 1);
    if let ([dump], false, false) = (&with_folders[..], without.is_empty(), all_are_classes) {
        notes.push(format!(
            "{root}{} holds folders, the others hold photos: where the classes are in it, give {root}{0} as the source",
            dump.name
        ));
    }
    for folder in &node.folders {
        let splits = folder.folders.iter().filter(|inner| split_of_word(&inner.name).is_some());
        let splits: Vec<&str> = splits.map(|inner| inner.name.as_str()).collect();
        if !splits.is_empty() && !all_are_classes {
            notes.push(format!(
                "{root}{} holds {}: where these are splits, give {root}{0} as the source",
                folder.name,
                listed(&splits)
            ));
        } else if split_of_word(&folder.name).is_some() && !all_are_classes {
            notes.push(format!("{root}{} is read as a class, because it lies beside other folders and holds no class folders", folder.name));
        }
    }
    if let [only] = names[..] {
        notes.push(format!("every photo is of the one class `{only}`"));
    }
    let group = Group { folder: root.clone(), split: "all".to_owned(), class: GroupClass::Folder };
    let verb = if names.len() == 1 { "holds" } else { "hold" };
    let because = format!("{} {verb} photos", listed(&with_slash(&names)));
    let only_class = if let [only] = names[..] { Some(only.to_owned()) } else { None };
    Ok(ClassFolders { root: root.clone(), only_class, because, groups: vec![group], notes })
}

/// `train/cat/1.jpg`: folders named like splits, with class folders in them. The error names those that have no
/// class folders, where nothing but such folders lies here.
fn split_folders(root: &str, node: &Outline) -> Result<ClassFolders, Vec<String>> {
    let names = splits_among(node.folders.iter().map(|folder| &*folder.name));
    let splits = names.iter().filter_map(|&(name, split)| Some((node.folder(name)?, split)));
    let splits: Vec<(&Outline, &str)> = splits.collect();
    if !splits.iter().any(|(folder, _)| !folder.folders.is_empty()) {
        let alone = splits.len() > 1 || splits.len() == node.folders.len();
        let names = splits.iter().filter(|_| alone);
        return Err(names.map(|(folder, _)| format!("{root}{}/", folder.name)).collect());
    }
    let mut groups = Vec::new();
    let mut notes = Vec::new();
    // Names of classes: what a split holds several of, or what holds photos and is not called like a wrapper.
    let mut classes: BTreeSet<&str> = BTreeSet::new();
    for (split, _) in &splits {
        let several = split.folders.len() > 1;
        let is_class = |class: &&Outline| {
            several || class.direct > 0 && !is_wrapper(&class.name) && class.name != split.name
        };
        classes.extend(split.folders.iter().filter(is_class).map(|class| class.name.as_str()));
    }
    let wrapped = splits.iter().all(|(split, _)| {
        split.only_folder().is_some_and(|only| only.folders.is_empty() && is_wrapper(&only.name))
    });
    if wrapped {
        let names = splits.iter().map(|(split, _)| format!("{root}{}/", split.name));
        return Err(names.collect());
    }
    for (mut inner, split) in splits {
        let mut folder = format!("{root}{}/", inner.name);
        // `train/images/cat/1.jpg`
        while let Some(only) = inner.only_folder().filter(|only| {
            only.direct == 0 && !only.folders.is_empty() && !classes.contains(&*only.name)
        }) {
            (folder, inner) = (format!("{folder}{}/", only.name), only);
        }
        // `test/images/1.jpg` beside `train/cat/1.jpg`
        if let Some(only) = inner.only_folder()
            && only.folders.is_empty()
            && !classes.contains(&*only.name)
            && (is_wrapper(&only.name) || only.name == parent_name(&folder))
        {
            (folder, inner) = (format!("{folder}{}/", only.name), only);
        }
        let class = if inner.folders.is_empty() { GroupClass::None } else { GroupClass::Folder };
        if class == GroupClass::None {
            notes.push(format!("the photos in {folder} lie in no class folder and get no label"));
        }
        groups.push(Group { folder, split: split.to_owned(), class });
    }
    groups.sort_by_key(|group| SPLIT_ORDER.iter().position(|known| *known == group.split));
    let names: Vec<&str> = groups
        .iter()
        .filter(|group| group.class == GroupClass::Folder)
        .map(|group| group.folder.as_str())
        .collect();
    let verb = if names.len() == 1 { "holds" } else { "hold" };
    let because = format!("{} {verb} a folder for each class", listed(&names));
    Ok(ClassFolders { root: root.to_owned(), only_class: None, because, groups, notes })
}

/// True for what people call the folder that all photos lie in.
pub(super) fn is_wrapper(name: &str) -> bool {
    const NAMES: [&str; 9] =
        ["images", "image", "imgs", "img", "photos", "pictures", "data", "jpegs", "jpegimages"];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn parent_name(folder: &str) -> &str {
    folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// `cat/train/1.jpg`: class folders with nothing but folders in them that are named like splits.
fn splits_in_classes(root: &str, node: &Outline) -> Option<ClassFolders> {
    let holds_splits = |class: &Outline| {
        let is_split = |folder: &Outline| split_of_word(&folder.name).is_some();
        class.direct == 0 && class.folders.iter().all(is_split)
    };
    if node.direct > 0 || node.folders.len() < 2 || !node.folders.iter().all(holds_splits) {
        return None;
    }
    let mut groups = Vec::new();
    for class in &node.folders {
        for split in &class.folders {
            groups.push(Group {
                folder: format!("{root}{}/{}/", class.name, split.name),
                split: split_of_word(&split.name).unwrap_or_default().to_owned(),
                class: GroupClass::Named(class.name.clone()),
            });
        }
    }
    groups.sort_by_key(|group| SPLIT_ORDER.iter().position(|known| *known == group.split));
    let names: Vec<&str> =
        node.folders[0].folders.iter().map(|folder| folder.name.as_str()).collect();
    let because = format!("each class folder holds {}", listed(&with_slash(&names)));
    let (root, notes) = (root.to_owned(), Vec::new());
    Some(ClassFolders { root, only_class: None, because, groups, notes })
}

/// The names that stand for splits, and which: those that are one of the usual words or, where there is none, those
/// that are alike but for such a word (`seg_train`, `seg_test`) and stand for two splits at least.
pub(super) fn splits_among<'a>(
    names: impl Iterator<Item = &'a str>,
) -> Vec<(&'a str, &'static str)> {
    let mut alike: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for name in names {
        if let Some((split, rest)) = split_in_name(name) {
            alike.entry(rest).or_default().push((name, split));
        }
    }
    if let Some(usual) = alike.remove(USUAL) {
        return usual;
    }
    alike.retain(|_, names| names.iter().any(|(_, split)| *split != names[0].1));
    let most = alike.into_values().rev().max_by_key(Vec::len);
    most.unwrap_or_default()
}

fn with_slash(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{name}/")).collect()
}
