//! From what lies in a dump to its layout, with the reasons: a pure function of names, headers and counts.

use std::path::Path;

use crate::dump::names::{SPLIT_ORDER, printable, split_of_word};
use crate::dump::outline::{Outline, way_down};
use tcolz_base::door::{given, option};

use super::class_folders::{class_folders, is_wrapper, splits_among};
use super::facts::{Facts, ListFacts, ListKind, WHOLE};
use super::kind::Layout;
use super::reading::{NotUsed, Plan, Reading, TableUse, listed};
use super::{b_t4sa, ttd};

/// Why no layout fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dump) enum Unrecognised {
    /// Nothing fits; what lies there instead, in words.
    Unknown(Vec<String>),
    /// Folders are named like splits and hold photos, not classes.
    NoClasses(Vec<String>),
    /// As folders all photos would be of one class, and a table that may be the list is not read.
    TableOrFolder { table: String, class: String },
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
    let has_classes = folders.as_ref().is_ok_and(|folders| folders.only_class.is_none());
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
            && let Some((because, tables)) =
                tables_here(facts, root, node, has_classes, asked == Some(Layout::Csv))
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
        Some(Layout::Csv) => Err(Unrecognised::Unknown(what_there_is(facts, &way))),
        None | Some(Layout::Folder | Layout::Classes) => {
            let found = folders.map_err(|no_classes| match no_classes {
                names if names.is_empty() => Unrecognised::Unknown(what_there_is(facts, &way)),
                names => Unrecognised::NoClasses(names),
            })?;
            let layout = asked.unwrap_or(Layout::Folder);
            if let (None, Some(class)) = (asked, &found.only_class)
                && let Some(table) = facts.lists.iter().find(|list| names_photos(list))
            {
                let path = format!("{}{}", table.folder, table.name);
                let table = why(table, Layout::Folder)
                    .map_or(path.clone(), |why| format!("{path} ({why})"));
                return Err(Unrecognised::TableOrFolder { table, class: class.clone() });
            }
            // `images/1.jpg`: the folder of all photos is no class.
            if asked.is_none() && found.only_class.as_deref().is_some_and(is_wrapper) {
                return Err(Unrecognised::Unknown(what_there_is(facts, &way)));
            }
            let mut reading =
                Reading::new(layout, &found.root, found.because, Plan::Folders(found.groups));
            reading.notes = found.notes;
            reading.not_used = tables_not_used(facts, &reading);
            Ok(reading)
        }
    }
}

fn ttd_here(facts: &Facts, root: &str, node: &Outline, by_hand: bool) -> Option<String> {
    let photos = ttd::FOLDERS.into_iter().find(|folder| node.folder(folder).is_some());
    if photos.is_none() && node.photos() > 0 {
        return None;
    }
    let folder = format!("{root}{}", ttd::LIST_FOLDER);
    let lists = facts.lists.iter().filter(|list| match list.what {
        ListKind::Ttd => list.folder == folder,
        ListKind::TtdFolds => by_hand && list.folder == root,
        _ => false,
    });
    let list = lists.min_by_key(|list| ttd::rank(&list.name))?;
    Some(format!("{}{} lies beside {}/", list.folder, list.name, photos.unwrap_or(ttd::FOLDERS[0])))
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
fn tables_here(
    facts: &Facts,
    root: &str,
    node: &Outline,
    has_classes: bool,
    is_asked: bool,
) -> Option<(String, Vec<TableUse>)> {
    let here = |folder: &str, stems: &dyn Fn(&str) -> Option<&'static str>| {
        let lists = facts.lists.iter().filter(move |list| list.folder == folder);
        let found = lists.filter_map(|list| {
            let ListKind::Table { label, is_guess, found, own_folder, .. } = &list.what else {
                return None;
            };
            // A table whose paths lie nowhere is a list of photos that are away or, beside class folders, no
            // list of photos.
            // Captions beside class folders are no labels.
            let may_list =
                is_asked || (*found > 0 || node.folders.is_empty()) && !(*is_guess && has_classes);
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
    // Tables without labels are not enough.
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

/// True for a table with labels that is not read, or one that is named like a list and could not be.
fn names_photos(list: &ListFacts) -> bool {
    let named = stem(&list.name).is_some_and(|stem| {
        WHOLE.iter().any(|whole| whole.eq_ignore_ascii_case(stem)) || split_of_word(stem).is_some()
    });
    match &list.what {
        ListKind::Table { label: Some(_), tried: 1.., .. } => true,
        ListKind::Unread(_) | ListKind::Lines => named && !list.name.contains('*'),
        _ => false,
    }
}

fn is_table(list: &ListFacts) -> bool {
    matches!(list.what, ListKind::Table { .. })
}

fn stem(name: &str) -> Option<&str> {
    Path::new(name).file_stem()?.to_str()
}

/// Why a list is not read, where the dump is read by this layout.
fn why(list: &ListFacts, layout: Layout) -> Option<String> {
    match &list.what {
        ListKind::Unread(why) => Some(why.clone()),
        ListKind::Lines => Some(LISTS_PHOTOS.to_owned()),
        ListKind::Table { tried, first, found: 0, .. } if *tried > 0 => {
            let paths = match tried {
                1 => "its path".to_owned(),
                _ => format!("none of its first {tried} paths, such as"),
            };
            let lies = if *tried == 1 { " does not lie" } else { ", lies" };
            Some(format!("{paths} `{first}`{lies} in the dump"))
        }
        ListKind::Table { label: None, .. } => Some("it has no column of labels".to_owned()),
        ListKind::Table { tried: 0, .. } => Some("it has no rows".to_owned()),
        ListKind::Table { is_guess: true, label: Some(label), .. } => {
            Some(format!("its column {label} may hold no labels"))
        }
        ListKind::Table { .. } if layout == Layout::Csv => Some("other tables are read".to_owned()),
        ListKind::Table { .. } => Some("it is no list of this layout".to_owned()),
        _ => None,
    }
}

/// Why a text of lines is said to be there.
const LISTS_PHOTOS: &str = "it lists photos";

/// What to do for a list to be read, where something is known.
fn advice(list: &ListFacts, layout: Layout) -> Option<String> {
    match &list.what {
        ListKind::Lines => {
            let named = given("lists", format_args!("[SPLIT=]{}{}", list.folder, list.name));
            Some(format!("name it with {named}"))
        }
        ListKind::Table { label: None, .. } | ListKind::Table { found: 0, .. } => None,
        ListKind::Table { is_guess: true, .. } => {
            Some(format!("name it with {}, or call the column label", option("lists")))
        }
        ListKind::Table { .. } if layout != Layout::Csv => {
            Some(format!("name it with {} to read it", option("lists")))
        }
        _ => None,
    }
}

/// The tables that lie where the dump lies and are not read, with the reason.
fn tables_not_used(facts: &Facts, reading: &Reading) -> Vec<NotUsed> {
    let used = |path: &str| match &reading.plan {
        Plan::Tables(tables) => tables.iter().any(|table| table.path == path),
        _ => false,
    };
    let near = facts.lists.iter().filter(|list| {
        reading.root.starts_with(&list.folder) || list.folder.starts_with(&reading.root)
    });
    near.filter_map(|list| {
        let path = format!("{}{}", list.folder, list.name);
        if used(&path) {
            return None;
        }
        let (why, advice) = (why(list, reading.layout)?, advice(list, reading.layout));
        Some(NotUsed {
            path: printable(&path),
            photos: 0,
            why,
            advice: advice.as_deref().map(printable),
        })
    })
    .collect()
}

/// What lies in a dump that is none of a known layout, in words.
fn what_there_is(facts: &Facts, way: &[(String, &Outline)]) -> Vec<String> {
    let mut found = Vec::new();
    if let Some((root, node)) = way.last().filter(|(_, node)| node.photos() > 0) {
        let place =
            if root.is_empty() { "directly in it".to_owned() } else { format!("in {root}") };
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
            ListKind::Lines => {
                let advice = advice(list, Layout::Folder).unwrap_or_default();
                format!("{path}: {LISTS_PHOTOS}: {advice}")
            }
            ListKind::Table { label: None, .. } => format!("{path}: it has no column of labels"),
            ListKind::Table { path: column, label: Some(label), .. } => {
                format!("{path}: a table with the columns {column} and {label}")
            }
            _ => path,
        });
    }
    found
}

fn are(names: &[&str]) -> String {
    format!("{} {}", if names.len() == 1 { "is" } else { "are" }, listed(names))
}
