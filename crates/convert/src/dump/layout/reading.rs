//! How a dump is read, and why.

use serde::Serialize;

use super::kind::Layout;
use crate::dump::names::printable;

/// Names that a reason shows.
const SHOWN: usize = 4;

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
    pub(in crate::dump) notes: Vec<String>,
    #[serde(skip)]
    pub(in crate::dump) plan: Plan,
}

/// Something in a source that is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotUsed {
    /// A file, or a folder ending in `/`.
    pub path: String,
    /// How many photos it holds or is.
    pub photos: u64,
    /// The reason, in words that are the same behind every door: they stand in the log.
    pub why: String,
    /// How to have it read, as the door spells it.
    #[serde(skip)]
    pub advice: Option<String>,
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
pub(in crate::dump) struct TableUse {
    /// Below the source.
    pub(super) path: String,
    pub(super) split: String,
    /// Where its paths begin, below the root.
    pub(super) base: String,
}

/// A folder whose files belong to one split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dump) struct Group {
    /// Below the source, `""` or ending in `/`.
    pub(super) folder: String,
    pub(super) split: String,
    pub(super) class: GroupClass,
}

/// What tells the class of a file in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dump) enum GroupClass {
    /// The folder in the group that it lies in.
    Folder,
    /// The group has one class.
    Named(String),
    /// Nothing: it has no label.
    None,
}

impl Reading {
    pub(super) fn new(layout: Layout, root: &str, because: String, plan: Plan) -> Reading {
        let (not_used, notes) = (Vec::new(), Vec::new());
        let because = printable(&because);
        Reading { layout, root: root.to_owned(), because, not_used, notes, plan }
    }

    /// What is not read, short enough for a line of text; empty where everything is.
    pub fn not_used_in_words(&self) -> String {
        let words =
            self.not_used.iter().map(|NotUsed { path, photos, why, advice }| match photos {
                0 => match advice {
                    Some(advice) => format!("{path} ({why}: {advice})"),
                    None => format!("{path} ({why})"),
                },
                1 => format!("{path} (1 photo)"),
                photos => format!("{path} ({photos} photos)"),
            });
        listed(&words.collect::<Vec<_>>())
    }
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
