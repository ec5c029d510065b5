//! How dumps are laid out: which layout a dump has, and why; and what each layout makes of its files.
//!
//! ```text
//! Tree ─▶ Facts ─▶ recognise (pure) ─▶ Reading ─▶ open ─▶ Listed: inputs, classes, splits
//!         names, headers, counts       layout, root, reasons
//! ```

mod b_t4sa;
mod class_folders;
mod csv;
mod facts;
mod folder;
mod recognise;
#[cfg(test)]
mod tests;
mod ttd;

use std::fmt;

use serde::Serialize;

use super::names::printable;
use super::outline::Outline;
use super::resolve::Resolver;
use super::tree::Tree;
use super::{DumpError, DumpOptions, Input, ListFile, Source};

pub(super) use facts::Facts;
pub(super) use recognise::{Unrecognised, listed, recognise};

/// How a dump is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// B-T4SA: `b-t4sa_{train,val,test}.txt` beside `data/…`.
    BT4sa,
    /// Twitter Testing Dataset: `ground_truth/twitter_*_agrees.txt` beside `images/`.
    Ttd,
    /// A table with a header, such as `labels.csv`; or lists named by hand whose labels name the classes.
    Csv,
    /// A folder a class, with or without folders `train`, `val`, `test` above or below.
    Folder,
    /// A folder a class, whatever its name: `train` and `test` are classes like others.
    Classes,
}

impl Layout {
    /// Every layout. Recognition tries them in this order; it never takes [`Layout::Classes`] by itself.
    pub const ALL: [Layout; 5] =
        [Layout::Ttd, Layout::BT4sa, Layout::Csv, Layout::Folder, Layout::Classes];

    /// The word used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::BT4sa => "b-t4sa",
            Layout::Ttd => "ttd",
            Layout::Csv => "csv",
            Layout::Folder => "folder",
            Layout::Classes => "classes",
        }
    }

    /// The layout a word stands for.
    pub fn parse(word: &str) -> Option<Layout> {
        Layout::ALL.into_iter().find(|layout| layout.as_str() == word)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Layout {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How a dump is read, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// Its layout.
    pub layout: Layout,
    /// The folder that it was found in: `""` for the source itself, otherwise ending in `/`.
    pub root: String,
    /// The reason, in words.
    pub because: String,
    /// What lies in the source and is not read: tables with the reason, folders with the number of their photos.
    pub not_used: Vec<NotUsed>,
    /// What a person should know about the decision.
    #[serde(skip)]
    pub(super) notes: Vec<String>,
    #[serde(skip)]
    pub(super) plan: Plan,
}

/// Something in a source that is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotUsed {
    /// A file, or a folder ending in `/`.
    pub path: String,
    /// How many photos it holds or is.
    pub photos: u64,
    /// The reason, in words.
    pub why: String,
}

/// What is read of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dump) enum Plan {
    /// The layout's own lists.
    Lists,
    /// Tables, in the order of their splits.
    Tables(Vec<TableUse>),
    /// Folders that hold class folders, or photos without labels.
    Folders(Vec<Group>),
}

/// A table that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableUse {
    /// Below the source.
    path: String,
    split: String,
    /// Where its paths begin, below the root.
    base: String,
}

/// A folder whose files belong to one split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Below the source, `""` or ending in `/`.
    folder: String,
    split: String,
    class: GroupClass,
}

/// What tells the class of a file in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GroupClass {
    /// The folder in the group that it lies in.
    Folder,
    /// The group has one class.
    Named(String),
    /// Nothing: it has no label.
    None,
}

impl Reading {
    fn new(layout: Layout, root: &str, because: String, plan: Plan) -> Reading {
        let (not_used, notes) = (Vec::new(), Vec::new());
        let because = printable(&because);
        Reading { layout, root: root.to_owned(), because, not_used, notes, plan }
    }

    /// What is not read, short enough for a line of text; empty where everything is.
    pub fn not_used_in_words(&self) -> String {
        let words = self.not_used.iter().map(|NotUsed { path, photos, why }| match photos {
            0 => format!("{path} ({why})"),
            1 => format!("{path} (1 photo)"),
            photos => format!("{path} ({photos} photos)"),
        });
        listed(&words.collect::<Vec<_>>())
    }
}

/// What a layout needs to list its photos.
pub(super) struct Opening<'a> {
    source: &'a Source,
    tree: &'a Tree,
    outline: &'a Outline,
    root: &'a str,
    by_hand: &'a [ListFile],
}

impl<'a> Opening<'a> {
    fn resolver(&self, prefix: &str) -> Resolver<'a> {
        Resolver::new(self.source, self.tree, self.root, prefix)
    }
}

/// The photos of a dump, as its layout lists them.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// What stands before a sample id to make a path below the source.
    pub(super) prefix: String,
    /// Names of the lists.
    pub(super) lists: Vec<String>,
    /// Names of the splits, in the order of conversion.
    pub(super) splits: Vec<String>,
    pub(super) classes: Vec<String>,
    pub(super) inputs: Vec<Input>,
    pub(super) notes: Vec<String>,
    /// Files below the source that were read as lists.
    pub(super) used: Vec<String>,
    /// Paths of files that are inputs under another name, because theirs cannot be written down.
    pub(super) renamed: Vec<String>,
}

impl Reading {
    /// Reads the lists of the layout, or what stands for lists.
    pub(super) fn open(
        &self,
        options: &DumpOptions,
        source: &Source,
        tree: &Tree,
        outline: &Outline,
    ) -> Result<Listed, DumpError> {
        let (root, by_hand) = (&*self.root, &*options.lists);
        let opening = Opening { source, tree, outline, root, by_hand };
        match (&self.plan, self.layout) {
            (Plan::Lists, Layout::Ttd) => ttd::open(&opening),
            (Plan::Lists, _) => b_t4sa::open(&opening),
            (Plan::Tables(tables), _) => csv::open(&opening, tables),
            (Plan::Folders(groups), _) => folder::open(&opening, groups),
        }
    }
}
