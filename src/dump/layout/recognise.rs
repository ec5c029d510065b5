//! From what lies in a dump to its layout, with the reasons: a pure function of names, headers and counts.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dump::list::in_order;
use crate::dump::names::{split_in_name, split_of_word};
use crate::dump::outline::Outline;

use super::csv::WHOLE;
use super::facts::{Facts, ListFacts, ListKind, way_down};
use super::{Group, GroupClass, Layout, NotUsed, Plan, Reading, TableUse, b_t4sa, ttd};

/// Splits that everybody knows, in the order of conversion.
const SPLIT_ORDER: [&str; 3] = ["train", "val", "test"];
/// What is left of a name that is nothing but a word for a split.
const USUAL: &str = "*";
/// Names that a reason shows.
const SHOWN: usize = 4;

/// Why no layout fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dump) enum Unrecognised {
    /// Nothing fits; what lies there instead, in words.
    Unknown(Vec<String>),
    /// Folders are named like splits and hold photos, not classes.
    NoClasses(Vec<String>),
}

/// Recognises the layout of a dump, or reads it as the one that is asked for. `by_hand`: its lists are named.
pub(in crate::dump) fn recognise(
    facts: &Facts,
    asked: Option<Layout>,
    by_hand: bool,
) -> Result<Reading, Unrecognised> {
    let way = way_down(&facts.outline);
    let may_be = |layout: Layout| asked.is_none_or(|asked| asked == layout);
    let folders = class_folders(&way, asked == Some(Layout::Classes));
    for (root, node) in &way {
        if may_be(Layout::Ttd)
            && let Some(because) = ttd_here(facts, root, node, by_hand)
        {
            return Ok(Reading::new(Layout::Ttd, root, because, Plan::Lists));
        }
        if may_be(Layout::BT4sa)
            && let Some(because) = b_t4sa_here(facts, root, node)
        {
            return Ok(Reading::new(Layout::BT4sa, root, because, Plan::Lists));
        }
        if !by_hand
            && may_be(Layout::Csv)
            && let Some((because, tables)) = tables_here(facts, root, node)
        {
            let mut reading = Reading::new(Layout::Csv, root, because, Plan::Tables(tables));
            reading.not_used = tables_not_used(facts, &reading);
            return Ok(reading);
        }
    }
    match asked {
        None | Some(Layout::Csv) if by_hand => {
            let because = "its lists were named".to_owned();
            Ok(Reading::new(Layout::Csv, "", because, Plan::Tables(Vec::new())))
        }
        // The layout itself says what it misses.
        Some(layout @ (Layout::Ttd | Layout::BT4sa)) => {
            Ok(Reading::new(layout, "", "it was asked for".to_owned(), Plan::Lists))
        }
        Some(Layout::Csv) => {
            let because = "it was asked for".to_owned();
            Ok(Reading::new(Layout::Csv, "", because, Plan::Tables(Vec::new())))
        }
        None | Some(Layout::Folder | Layout::Classes) => {
            let found = folders.map_err(|no_classes| match no_classes {
                names if names.is_empty() => Unrecognised::Unknown(what_there_is(facts, &way)),
                names => Unrecognised::NoClasses(names),
            })?;
            let layout = asked.unwrap_or(Layout::Folder);
            let mut reading =
                Reading::new(layout, &found.root, found.because, Plan::Folders(found.groups));
            reading.notes = found.notes;
            reading.not_used = tables_not_used(facts, &reading);
            Ok(reading)
        }
    }
}

fn ttd_here(facts: &Facts, root: &str, node: &Outline, by_hand: bool) -> Option<String> {
    let has_photos = ttd::FOLDERS.iter().any(|folder| node.folder(folder).is_some());
    if !has_photos && node.photos() > 0 {
        return None;
    }
    let folder = format!("{root}{}", ttd::LIST_FOLDER);
    let list = facts.lists.iter().find(|list| match list.what {
        ListKind::Ttd => list.folder == folder,
        ListKind::TtdFolds => by_hand && list.folder == root,
        _ => false,
    })?;
    Some(format!("{}{} lies beside {}/", list.folder, list.name, ttd::FOLDERS[0]))
}

fn b_t4sa_here(facts: &Facts, root: &str, node: &Outline) -> Option<String> {
    let top = format!("{root}{}/", b_t4sa::TOP_FOLDER);
    let has_photos =
        [b_t4sa::PHOTOS, b_t4sa::TOP_FOLDER].iter().any(|name| node.folder(name).is_some());
    let names = facts.lists.iter().filter(|list| match list.what {
        ListKind::BT4sa => list.folder == root || list.folder == top,
        ListKind::BT4saBeside => root.is_empty() && has_photos,
        _ => false,
    });
    let names: Vec<&str> = names.map(|list| list.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("there {}", are(&names)))
}

/// The tables of a dump that lies in `root`, and the reason.
fn tables_here(facts: &Facts, root: &str, node: &Outline) -> Option<(String, Vec<TableUse>)> {
    let here = |folder: &str, stems: &dyn Fn(&str) -> Option<&'static str>| {
        let lists = facts.lists.iter().filter(move |list| list.folder == folder);
        let found = lists.filter_map(|list| {
            let ListKind::Table { label, found, own_folder, .. } = &list.what else {
                return None;
            };
            // A table whose paths lie nowhere is a list of photos that are away or, beside class folders, no
            // list of photos.
            let may_list = *found > 0 || node.folders.is_empty();
            let split = stems(stem(&list.name)?)?;
            may_list.then_some((list, split, label.is_some(), *own_folder))
        });
        found.collect::<Vec<_>>()
    };
    let is_whole =
        |stem: &str| WHOLE.iter().any(|whole| whole.eq_ignore_ascii_case(stem)).then_some("all");
    let mut whole = here(root, &is_whole);
    whole.retain(|(_, _, has_labels, _)| *has_labels);
    // `labels` before `metadata`, as in the order of names.
    whole.truncate(1);
    let mut tables = whole;
    if tables.is_empty() {
        let named = facts.lists.iter().filter(|list| list.folder == root && is_table(list));
        let splits = splits_among(named.filter_map(|list| stem(&list.name)));
        let split_of =
            |stem: &str| splits.iter().find(|(name, _)| *name == stem).map(|found| found.1);
        tables = here(root, &split_of);
    }
    if tables.is_empty() {
        for (name, split) in splits_among(node.folders.iter().map(|folder| &*folder.name)) {
            let inside = format!("{root}{name}/");
            tables.extend(here(&inside, &|stem| is_whole(stem).map(|_| split)));
        }
    }
    // Tables of paths alone say of no photo what it shows.
    if !tables.iter().any(|(_, _, has_labels, _)| *has_labels) {
        return None;
    }
    let names: Vec<String> =
        tables.iter().map(|(list, ..)| format!("{}{}", list.folder, list.name)).collect();
    let uses = tables.iter().map(|&(list, split, _, own_folder)| TableUse {
        path: format!("{}{}", list.folder, list.name),
        split: split.to_owned(),
        base: if own_folder { list.folder[root.len()..].to_owned() } else { String::new() },
    });
    let mut uses: Vec<TableUse> = uses.collect();
    uses.sort_by_key(|table| SPLIT_ORDER.iter().position(|known| *known == table.split));
    let columns = tables.iter().find_map(|(list, ..)| match &list.what {
        ListKind::Table { path, label: Some(label), .. } => Some((path, label)),
        _ => None,
    });
    let columns = columns
        .map(|(path, label)| format!(" by the columns {path} and {label}"))
        .unwrap_or_default();
    let verb = if names.len() == 1 { "lists" } else { "list" };
    Some((format!("{} {verb} photos{columns}", listed(&names)), uses))
}

fn is_table(list: &ListFacts) -> bool {
    matches!(list.what, ListKind::Table { .. })
}

fn stem(name: &str) -> Option<&str> {
    Path::new(name).file_stem()?.to_str()
}

/// The names that stand for splits, and which: those that are one of the usual words or, where there is none, those
/// that are alike but for such a word (`seg_train`, `seg_test`) and stand for two splits at least.
fn splits_among<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(&'a str, &'static str)> {
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

/// Class folders, as they were found.
struct ClassFolders {
    root: String,
    because: String,
    groups: Vec<Group>,
    notes: Vec<String>,
}

/// Finds the class folders. The error names the folders that are called like splits and hold none; it is empty where
/// there is no folder of photos at all.
fn class_folders(
    way: &[(String, &Outline)],
    all_are_classes: bool,
) -> Result<ClassFolders, Vec<String>> {
    let mut without_classes = Vec::new();
    for (root, node) in way.iter().filter(|_| !all_are_classes) {
        match split_folders(root, node) {
            Ok(found) => return Ok(found),
            Err(names) if without_classes.is_empty() => without_classes = names,
            Err(_) => {}
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
            notes.push(format!("{root}{} is read as a class, for it lies beside other folders and holds no class folders", folder.name));
        }
    }
    if let [only] = names[..] {
        notes.push(format!("every photo is of the one class `{only}`"));
    }
    let group = Group { folder: root.clone(), split: "all".to_owned(), class: GroupClass::Folder };
    let verb = if names.len() == 1 { "holds" } else { "hold" };
    let because = format!("{} {verb} photos", listed(&with_slash(&names)));
    Ok(ClassFolders { root: root.clone(), because, groups: vec![group], notes })
}

/// `train/cat/1.jpg`: folders named like splits, with class folders in them. The error names those that have no
/// class folders, where nothing but such folders lies here.
fn split_folders(root: &str, node: &Outline) -> Result<ClassFolders, Vec<String>> {
    let names = splits_among(node.folders.iter().map(|folder| &*folder.name));
    let splits = names.iter().filter_map(|&(name, split)| Some((node.folder(name)?, split)));
    let splits: Vec<(&Outline, &str)> = splits.collect();
    if !splits.iter().any(|(folder, _)| !folder.folders.is_empty()) {
        let alone = splits.len() > 1 || splits.len() == node.folders.len();
        let usual =
            splits.iter().filter(|(folder, _)| alone && split_of_word(&folder.name).is_some());
        return Err(usual.map(|(folder, _)| format!("{root}{}/", folder.name)).collect());
    }
    let mut groups = Vec::new();
    let mut notes = Vec::new();
    for (mut inner, split) in splits {
        let mut folder = format!("{root}{}/", inner.name);
        // `train/images/cat/1.jpg`
        while let Some(only) =
            inner.only_folder().filter(|only| only.direct == 0 && !only.folders.is_empty())
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
    Ok(ClassFolders { root: root.to_owned(), because, groups, notes })
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
    Some(ClassFolders { root: root.to_owned(), because, groups, notes: Vec::new() })
}

/// The tables that lie where the dump lies and are not read, with the reason.
fn tables_not_used(facts: &Facts, reading: &Reading) -> Vec<NotUsed> {
    let used = |path: &str| match &reading.plan {
        Plan::Tables(tables) => tables.iter().any(|table| table.path == path),
        _ => false,
    };
    let why = |list: &ListFacts| match &list.what {
        ListKind::Unread(why) => Some(why.clone()),
        ListKind::Table { tried, found: 0, .. } if *tried > 0 => {
            let paths = if *tried == 1 {
                "its path does not lie".to_owned()
            } else {
                format!("none of its first {tried} paths lies")
            };
            Some(format!("{paths} in the dump"))
        }
        ListKind::Table { label: None, .. } => Some("it has no column of labels".to_owned()),
        ListKind::Table { .. } if reading.layout == Layout::Csv => {
            Some("other tables are read".to_owned())
        }
        ListKind::Table { .. } => Some("its name says of no list that it is one".to_owned()),
        _ => None,
    };
    let near = facts.lists.iter().filter(|list| {
        reading.root.starts_with(&list.folder) || list.folder.starts_with(&reading.root)
    });
    near.filter_map(|list| {
        let path = format!("{}{}", list.folder, list.name);
        if used(&path) {
            return None;
        }
        Some(NotUsed { why: why(list)?, path, photos: 0 })
    })
    .collect()
}

/// What lies in a dump that is none of a known layout, in words.
fn what_there_is(facts: &Facts, way: &[(String, &Outline)]) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((root, node)) = way.last().filter(|(_, node)| node.photos() > 0) {
        let place = if root.is_empty() { "directly in it" } else { root };
        let photos =
            if node.direct == 1 { "1 photo".to_owned() } else { format!("{} photos", node.direct) };
        found.push(format!("{photos} {place} without a folder for each class"));
    } else {
        found.push("no photo".to_owned());
    }
    for list in &facts.lists {
        let path = format!("{}{}", list.folder, list.name);
        found.push(match &list.what {
            ListKind::Unread(why) => format!("{path}: {why}"),
            ListKind::Table { label: None, .. } => format!("{path}: it has no column of labels"),
            ListKind::Table { path: column, label: Some(label), .. } => {
                format!("{path}: a table with the columns {column} and {label}")
            }
            _ => path,
        });
    }
    found
}

fn with_slash(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{name}/")).collect()
}

fn are(names: &[&str]) -> String {
    format!("{} {}", if names.len() == 1 { "is" } else { "are" }, listed(names))
}

/// `a, b and c`, or the first of many.
pub(in crate::dump) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match &names[..] {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", names[..SHOWN - 1].join(", "), names.len() - SHOWN + 1),
    }
}
