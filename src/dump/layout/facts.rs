//! What lies in a dump, as far as its layout depends on it: folders with the number of their photos, and files
//! that may be lists with what their beginning tells.

use std::path::Path;

use crate::dump::list::{first_paths, head};
use crate::dump::names::{split_in_name, split_of_word};
use crate::dump::options::is_table;
use crate::dump::outline::Outline;
use crate::dump::tree::Tree;
use crate::dump::{DumpError, Source};

use super::csv::{WHOLE, Whereabouts, whereabouts};
use super::{b_t4sa, ttd};

/// Bytes of a list that are read to see what it is.
const HEAD_BYTES: usize = 64 * 1024;
/// Paths of a list that are looked for.
const TRIED_PATHS: usize = 200;
/// Endings of files that people keep labels in and that are not read.
const OTHER_LISTS: [&str; 10] =
    ["json", "jsonl", "ndjson", "parquet", "xlsx", "xls", "xml", "mat", "pkl", "npy"];

/// Endings of files that hold files.
const ARCHIVES: [&str; 9] = ["zip", "tar", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar"];

/// What recognition goes by.
#[derive(Debug, Default)]
pub(in crate::dump) struct Facts {
    pub(in crate::dump) outline: Outline,
    /// Files that may be lists, in the order of their paths.
    pub(in crate::dump) lists: Vec<ListFacts>,
    /// What is wrong with a table that would be a list by its name, were it not broken.
    pub(in crate::dump) broken: Option<DumpError>,
}

/// A file that may be a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dump) struct ListFacts {
    /// The folder that it lies in: `""` for the dump itself, otherwise ending in `/`.
    pub(in crate::dump) folder: String,
    pub(in crate::dump) name: String,
    pub(in crate::dump) what: ListKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dump) enum ListKind {
    /// A list of B-T4SA, or one that lies beside the source.
    BT4sa,
    BT4saBeside,
    /// A list of the Twitter Testing Dataset, or the folder of its folds.
    Ttd,
    TtdFolds,
    Table {
        /// Names of the columns of paths and labels.
        path: String,
        label: Option<String>,
        /// Paths that were looked for, and how many lie in the dump.
        tried: usize,
        found: usize,
        /// The paths begin at the table's own folder and not at the one above.
        own_folder: bool,
    },
    /// It was looked at and cannot be read, for this reason.
    Unread(String),
}

impl Facts {
    pub(in crate::dump) fn of(source: &Source, tree: &Tree) -> Facts {
        let outline = Outline::of(source, tree);
        let (mut lists, mut broken) = (Vec::new(), None);
        for split in b_t4sa::SPLITS {
            let name = b_t4sa::list_name(split);
            if source.beside(&name).is_some() {
                lists.push(ListFacts { folder: String::new(), name, what: ListKind::BT4saBeside });
            }
        }
        for (folder, node) in way_down(&outline) {
            look_into(source, tree, &folder, &folder, &mut lists, &mut broken);
            look_into(
                source,
                tree,
                &format!("{folder}{}/", b_t4sa::TOP_FOLDER),
                &folder,
                &mut lists,
                &mut broken,
            );
            let truth = format!("{folder}{}", ttd::LIST_FOLDER);
            let known = tree.names_in(&truth).filter(|name| ttd::is_list(name));
            lists.extend(known.map(|name| ListFacts {
                folder: truth.clone(),
                name: name.to_owned(),
                what: ListKind::Ttd,
            }));
            if tree.is_folder(&format!("{folder}{}", ttd::FOLDS)) {
                let (folder, name) = (folder.clone(), ttd::FOLDS.to_owned());
                lists.push(ListFacts { folder, name, what: ListKind::TtdFolds });
            }
            // Tables that lie with the photos of their split, as `datasets` of Hugging Face has them.
            for split in node.folders.iter().filter(|node| split_in_name(&node.name).is_some()) {
                look_into(
                    source,
                    tree,
                    &format!("{folder}{}/", split.name),
                    &folder,
                    &mut lists,
                    &mut broken,
                );
            }
        }
        lists.sort_by(|a, b| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)));
        lists.dedup();
        Facts { outline, lists, broken }
    }
}

/// The folders from the top down to the one that holds photos or several folders: where a dump may lie.
pub(super) fn way_down(outline: &Outline) -> Vec<(String, &Outline)> {
    let mut way = vec![(String::new(), outline)];
    while let Some((path, node)) = way.last()
        && let Some(only) = node.only_folder()
    {
        way.push((format!("{path}{}/", only.name), only));
    }
    way
}

/// Looks at the files directly in `folder` that may be lists of the dump in `root`.
fn look_into(
    source: &Source,
    tree: &Tree,
    folder: &str,
    root: &str,
    lists: &mut Vec<ListFacts>,
    broken: &mut Option<DumpError>,
) {
    for name in tree.names_in(folder) {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let what = if b_t4sa::is_list(name) {
            ListKind::BT4sa
        } else if is_table(Path::new(name)) {
            match table(source, tree, folder, root, name) {
                Ok(table) => table,
                Err(error) => {
                    let reason = ListKind::Unread(why(&error));
                    if matches!(error, DumpError::OpenQuote { .. }) && is_list_name(name) {
                        broken.get_or_insert(error);
                    }
                    reason
                }
            }
        } else if OTHER_LISTS.contains(&&*ending) {
            ListKind::Unread(format!("{ending} files are not read as lists"))
        } else if ARCHIVES.contains(&&*ending) {
            ListKind::Unread("an archive: unpack it, or give a plain tar as the source".to_owned())
        } else if ending == "txt" && lists_photos(source, tree, folder, root, name) {
            ListKind::Unread(format!("it lists photos: name it with --list [SPLIT=]{folder}{name}"))
        } else {
            continue;
        };
        lists.push(ListFacts { folder: folder.to_owned(), name: name.to_owned(), what });
    }
}

fn table(
    source: &Source,
    tree: &Tree,
    folder: &str,
    root: &str,
    name: &str,
) -> Result<ListKind, DumpError> {
    let path = format!("{folder}{name}");
    let shown = source.path().join(&path);
    let bytes = source
        .first_bytes(&path, HEAD_BYTES)
        .map_err(|source| DumpError::Unreadable { path: shown.clone(), source })?;
    let is_cut = bytes.len() == HEAD_BYTES;
    let head = match head(&bytes, &shown, TRIED_PATHS, is_cut) {
        // The cut may lie within a character of UTF-16.
        Err(DumpError::NotText { .. }) if is_cut => {
            head(&bytes[..HEAD_BYTES - 2], &shown, TRIED_PATHS, is_cut)?
        }
        head => head?,
    };
    let find = |root: &str| {
        whereabouts(source, tree, root, &head.paths).map_or(0, |Whereabouts { found, .. }| found)
    };
    let (own, above) = (find(folder), find(root));
    Ok(ListKind::Table {
        path: head.path,
        label: head.label,
        tried: head.paths.len(),
        found: own.max(above),
        own_folder: folder != root && own > 0 && own >= above,
    })
}

/// True for lines of `path label` whose paths lie in the dump.
fn lists_photos(source: &Source, tree: &Tree, folder: &str, root: &str, name: &str) -> bool {
    let Ok(bytes) = source.first_bytes(&format!("{folder}{name}"), HEAD_BYTES / 16) else {
        return false;
    };
    let paths = first_paths(&bytes, Path::new(name));
    whereabouts(source, tree, root, &paths).is_some()
}

/// True for a name that a table must have to be taken for a list.
fn is_list_name(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    WHOLE.iter().any(|whole| whole.eq_ignore_ascii_case(stem)) || split_of_word(stem).is_some()
}

/// An error without the path that it begins with.
fn why(error: &DumpError) -> String {
    match error {
        DumpError::Columns { found, .. } => {
            format!("its header {found} names no column of paths and one of labels")
        }
        DumpError::NotText { found, advice, .. } => format!("{found}: {advice}"),
        DumpError::Unreadable { source, .. } => source.to_string(),
        error => error.to_string(),
    }
}
