//! From a path as it is listed to the file that it means.
//!
//! Lists are written on other machines than the one that reads them: with absolute paths, with backslashes,
//! with accents composed in another way (NFC, NFD), with other capitals. Where no file has the very path that
//! is listed and exactly one file has it but for these, that file is meant, and it is said.

use std::borrow::Cow;
use std::path::Path;

use unicode_normalization::UnicodeNormalization;

use super::Source;
use super::names::{fold, sample_id, shown};
use super::tree::Tree;

/// Finds the files that listed paths mean.
pub(super) struct Resolver<'a> {
    source: &'a Source,
    tree: &'a Tree,
    /// Folder in which the dump was found, `""` or ending in `/`.
    root: &'a str,
    /// What stands before a sample id to make a path below the source.
    prefix: String,
    /// How often each difference was met, and the first path with it.
    met: [(u64, String); DIFFERENCES.len()],
}

/// In what a listed path may differ from that of the file that it means.
const DIFFERENCES: [&str; 3] = [
    "written with backslashes",
    "with letters composed in another way than in the names of the files (NFC, NFD)",
    "with other capitals than the names of the files",
];

impl<'a> Resolver<'a> {
    pub(super) fn new(
        source: &'a Source,
        tree: &'a Tree,
        root: &'a str,
        prefix: &str,
    ) -> Resolver<'a> {
        Resolver { source, tree, root, prefix: prefix.to_owned(), met: Default::default() }
    }

    /// The source.
    pub(super) fn path(&self) -> &Path {
        self.source.path()
    }

    /// A listed path relative to the root of the dump; an absolute one that lies elsewhere stays as it is.
    pub(super) fn relative<'b>(&self, listed: &'b str) -> Cow<'b, str> {
        if !listed.starts_with('/') {
            return Cow::Borrowed(listed);
        }
        // `/1.jpg` is what somebody wrote who meant the dump, and what a tar with absolute names has.
        let rest = listed.trim_start_matches('/');
        let of_root = || format!("{}{rest}", self.root);
        let there = || Some(rest.to_owned()).filter(|path| self.tree.is_file(path));
        let below = self.source.inside(listed.as_ref()).or_else(there);
        let Some(below) = below.or_else(|| Some(of_root()).filter(|path| self.tree.is_file(path)))
        else {
            return Cow::Borrowed(listed);
        };
        // Ids go on where the prefix ends.
        match below.strip_prefix(&*self.prefix).or_else(|| below.strip_prefix(self.root)) {
            Some(below) => Cow::Owned(below.to_owned()),
            None => Cow::Borrowed(listed),
        }
    }

    /// The id of the file that `id` means, or `id` itself where there is none.
    pub(super) fn resolve(&mut self, id: Box<str>) -> Box<str> {
        let path = format!("{}{id}", self.prefix);
        if self.tree.is_file(&path) {
            return id;
        }
        let slashes = path.replace('\\', "/");
        let slashes = sample_id(&slashes).map_or(slashes, String::from);
        let (difference, found) = match self.tree.find(&slashes) {
            Some(found) => (0, found),
            None => match self.tree.folded().get(&fold(&path)) {
                Some(&Some(found)) => {
                    let composed: String = slashes.nfc().collect();
                    let same = self.tree.files()[found].path.nfc().eq(composed.chars());
                    (if same { 1 } else { 2 }, found)
                }
                _ => return id,
            },
        };
        let Some(meant) = self.tree.files()[found].path.strip_prefix(&*self.prefix) else {
            return id;
        };
        let (count, first) = &mut self.met[difference];
        if *count == 0 {
            *first = shown(&id);
        }
        *count += 1;
        meant.into()
    }

    /// True where a path below the source is that of a file; with `loosely`, where [`Resolver::resolve`] would
    /// find one.
    pub(super) fn finds(&mut self, path: &str, loosely: bool) -> bool {
        let is_file = |path: &str| sample_id(path).is_ok_and(|id| self.tree.is_file(&id));
        is_file(path)
            || path.contains('\\') && is_file(&path.replace('\\', "/"))
            || loosely && matches!(self.tree.folded().get(&fold(path)), Some(Some(_)))
    }

    /// What a person should know of paths that are not written as the files are called.
    pub(super) fn notes(&self) -> Vec<String> {
        let notes = self.met.iter().zip(DIFFERENCES).filter(|((count, _), _)| *count > 0);
        let note = |((count, first), what): (&(u64, String), &str)| {
            let paths = if *count == 1 { "path" } else { "paths" };
            format!("{count} {paths} {what}, the first is `{first}`; the files were found")
        };
        notes.map(note).collect()
    }
}
