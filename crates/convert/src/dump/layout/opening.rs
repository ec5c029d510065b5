//! What a layout is given to list its photos, and what it makes of it.

use crate::dump::input::Input;
use crate::dump::list_file::ListFile;
use crate::dump::outline::Outline;
use crate::dump::resolve::Resolver;
use crate::dump::source::Source;
use crate::dump::tree::Tree;

/// What a layout needs to list its photos.
pub(super) struct Opening<'a> {
    pub(super) source: &'a Source,
    pub(super) tree: &'a Tree,
    pub(super) outline: &'a Outline,
    pub(super) root: &'a str,
    pub(super) by_hand: &'a [ListFile],
}

impl<'a> Opening<'a> {
    pub(super) fn resolver(&self, prefix: &str) -> Resolver<'a> {
        Resolver::new(self.source, self.tree, self.root, prefix)
    }
}

/// The photos of a dump, as its layout lists them.
#[derive(Debug, Default)]
pub(in crate::dump) struct Listed {
    /// What stands before a sample id to make a path below the source.
    pub(in crate::dump) prefix: String,
    /// Names of the lists.
    pub(in crate::dump) lists: Vec<String>,
    /// Names of the splits, in the order of conversion.
    pub(in crate::dump) splits: Vec<String>,
    pub(in crate::dump) classes: Vec<String>,
    pub(in crate::dump) inputs: Vec<Input>,
    pub(in crate::dump) notes: Vec<String>,
    /// Files below the source that were read as lists.
    pub(in crate::dump) used: Vec<String>,
    /// Paths of files that are inputs under another name, because theirs cannot be written down.
    pub(in crate::dump) renamed: Vec<String>,
}
