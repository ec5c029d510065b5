//! What lies in a dump, as far as its layout depends on it: folders with the number of their photos, and files
//! that may be lists with what their beginning tells.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dump::list::{Lists, first_paths, head};
use crate::dump::list_file::is_table;
use crate::dump::names::{shown as shown_name, split_in_name, split_of_word};
use crate::dump::outline::{Outline, way_down};
use crate::dump::resolve::Resolver;
use crate::dump::tree::Tree;
use crate::dump::{DumpError, Source};

use super::whereabouts::whereabouts;
use super::{b_t4sa, ttd};

/// Names of tables for a whole dump, without their ending.
pub(super) const WHOLE: [&str; 2] = ["labels", "metadata"];
/// Bytes of a list that are read to see what it is.
const HEAD_BYTES: usize = 64 * 1024;
/// Paths of a list that are looked for.
const TRIED_PATHS: usize = 200;
/// Folders of lists that are looked into.
const LIST_FOLDERS: [&str; 5] = ["annotations", "labels", "lists", "meta", "splits"];
/// Files of one ending in one folder that are looked at one by one.
const LOOKED_AT: usize = 16;
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
    /// A list of B-T4SA.
    BT4sa,
    /// A list of B-T4SA that lies beside the source.
    BT4saBeside,
    /// A list of the Twitter Testing Dataset.
    Ttd,
    /// The folder of that dataset's folds.
    TtdFolds,
    Table {
        /// Names of the columns of paths and labels.
        path: String,
        label: Option<String>,
        /// The column of labels is not named like one.
        is_guess: bool,
        /// The first path.
        first: String,
        /// Paths that were looked for, and how many lie in the dump.
        tried: usize,
        found: usize,
        /// The paths begin at the table's own folder and not at the one above.
        own_folder: bool,
    },
    /// A text whose lines name photos; read where it is named by hand.
    Lines,
    /// It was looked at and cannot be read, for this reason.
    Unread(String),
}

impl Facts {
    pub(in crate::dump) fn of(source: &Source, tree: &Tree, outline: Outline) -> Facts {
        let mut looker = Looker { source, tree, lists: Vec::new(), broken: None };
        for (folder, node) in way_down(&outline) {
            looker.look_into(&folder, &folder);
            looker.look_into(&format!("{folder}{}/", b_t4sa::TOP_FOLDER), &folder);
            let truth = format!("{folder}{}", ttd::LIST_FOLDER);
            for name in tree.names_in(&truth).filter(|name| ttd::is_list(name)) {
                looker.add(&truth, name, ListKind::Ttd);
            }
            if tree.is_folder(&format!("{folder}{}", ttd::FOLDS)) {
                looker.add(&folder, ttd::FOLDS, ListKind::TtdFolds);
            }
            // Where people keep lists; they are named, and read when they are named by hand.
            for beside in LIST_FOLDERS {
                looker.look_into(&format!("{folder}{beside}/"), &folder);
            }
            // Tables that lie with the photos of their split, as `datasets` of Hugging Face has them.
            for split in node.folders.iter().filter(|node| split_in_name(&node.name).is_some()) {
                looker.look_into(&format!("{folder}{}/", split.name), &folder);
            }
        }
        for name in b_t4sa::SPLITS.map(b_t4sa::list_name) {
            if source.beside(&name).is_some() {
                looker.add("", &name, ListKind::BT4saBeside);
            }
        }
        let Looker { mut lists, broken, .. } = looker;
        // A folder may have been looked into for two reasons; what was seen from above is the more telling.
        lists.sort_by(|a, b| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)));
        lists.dedup_by(|later, first| later.folder == first.folder && later.name == first.name);
        Facts { outline, lists, broken }
    }
}

/// Looks at files that may be lists.
struct Looker<'a> {
    source: &'a Source,
    tree: &'a Tree,
    lists: Vec<ListFacts>,
    broken: Option<DumpError>,
}

impl Looker<'_> {
    fn add(&mut self, folder: &str, name: &str, what: ListKind) {
        self.lists.push(ListFacts { folder: folder.to_owned(), name: name.to_owned(), what });
    }

    /// Looks at the files directly in `folder` that may be lists of the dump in `root`. Of many files with one ending,
    /// as where each photo has a file of its own beside it, all but those with the name of a list are counted alone.
    fn look_into(&mut self, folder: &str, root: &str) {
        let ending =
            |name: &str| name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let mut endings: BTreeMap<String, usize> = BTreeMap::new();
        for ending in self.tree.names_in(folder).filter_map(ending) {
            *endings.entry(ending).or_default() += 1;
        }
        let tree = self.tree;
        for name in tree.names_in(folder) {
            let Some(ending) = ending(name) else { continue };
            let is_few = endings[&ending] <= LOOKED_AT;
            if (is_few || is_list_name(name) || b_t4sa::is_list(name))
                && let Some(what) = self.look_at(folder, root, name, &ending)
            {
                self.add(folder, name, what);
            }
        }
        for (ending, count) in endings.into_iter().filter(|(_, count)| *count > LOOKED_AT) {
            if OTHER_LISTS.contains(&&*ending)
                || ARCHIVES.contains(&&*ending)
                || matches!(&*ending, "csv" | "tsv")
            {
                let what = ListKind::Unread(format!("{count} files, not read as lists"));
                self.add(folder, &format!("*.{ending}"), what);
            }
        }
    }

    fn look_at(&mut self, folder: &str, root: &str, name: &str, ending: &str) -> Option<ListKind> {
        if b_t4sa::is_list(name) {
            return Some(ListKind::BT4sa);
        }
        if is_table(Path::new(name)) {
            return Some(self.table(folder, root, name).unwrap_or_else(|error| {
                let reason = ListKind::Unread(why(&error));
                if matches!(error, DumpError::OpenQuote { .. }) && is_list_name(name) {
                    self.broken.get_or_insert(error);
                }
                reason
            }));
        }
        let why = match ending {
            ending if OTHER_LISTS.contains(&ending) => {
                format!("{ending} files are not read as lists")
            }
            ending if ARCHIVES.contains(&ending) => {
                "an archive: unpack it, or give a plain tar as the source".to_owned()
            }
            "txt" if lists_photos(self.source, self.tree, folder, root, name) => {
                return Some(ListKind::Lines);
            }
            _ => return None,
        };
        Some(ListKind::Unread(why))
    }

    fn table(&self, folder: &str, root: &str, name: &str) -> Result<ListKind, DumpError> {
        let (source, tree) = (self.source, self.tree);
        let path = format!("{folder}{name}");
        let shown = source.path().join(&path);
        let unreadable = |source| DumpError::Unreadable { path: shown.clone(), source };
        let bytes = source.first_bytes(&path, HEAD_BYTES).map_err(unreadable)?;
        let is_cut = bytes.len() == HEAD_BYTES;
        let mut head = match head(&bytes, &shown, TRIED_PATHS, is_cut) {
            // The cut may lie within a character of UTF-16.
            Err(DumpError::NotText { .. }) if is_cut => {
                head(&bytes[..HEAD_BYTES - 2], &shown, TRIED_PATHS, is_cut)?
            }
            head => head?,
        };
        let find = |root: &str, paths: &[String]| {
            whereabouts(source, tree, &[root.to_owned()], &[], paths).map_or(0, |lies| lies.found)
        };
        let (mut own, mut above) = (find(folder, &head.paths), find(root, &head.paths));
        if own.max(above) == 0 && is_list_name(name) && (is_cut || head.paths.len() == TRIED_PATHS)
        {
            // The photos of its beginning may be away, or a quote that opens there hides the rest.
            let mut whole = Lists::default();
            whole.add(source, &path, "", "")?;
            head.paths = whole.some_paths(None, TRIED_PATHS);
            (own, above) = (find(folder, &head.paths), find(root, &head.paths));
        }
        Ok(ListKind::Table {
            path: head.path,
            label: head.label,
            is_guess: head.is_guess,
            first: head.paths.first().map(|path| shown_name(path)).unwrap_or_default(),
            tried: head.paths.len(),
            found: own.max(above),
            own_folder: folder != root && own > 0 && own >= above,
        })
    }
}

/// True for lines of `path label` whose paths lie in the dump.
fn lists_photos(source: &Source, tree: &Tree, folder: &str, root: &str, name: &str) -> bool {
    let Ok(bytes) = source.first_bytes(&format!("{folder}{name}"), HEAD_BYTES / 16) else {
        return false;
    };
    let paths = first_paths(&bytes, Path::new(name));
    let mut files = Resolver::new(source, tree, root, root);
    paths.iter().any(|path| files.finds(&format!("{root}{path}"), false))
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
        DumpError::OpenQuote { opened, .. } => {
            format!("a quote opens on line {opened} and takes in what follows")
        }
        error => error.to_string(),
    }
}
