//! One line of a list: its path and its label, or what is wrong with it.

use crate::dump::input::Problem;

/// One line of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1, blank lines and the header counted.
    pub(super) number: usize,
    /// The split that the line itself names.
    pub(super) split: Option<Box<str>>,
    pub(super) entry: Result<Entry, Bad>,
}

/// Path and label as they stand on a line.
pub(super) type Entry = (Box<str>, Option<Box<str>>);
/// The text of a line that cannot be used, and what is wrong with it.
pub(super) type Bad = (Box<str>, Problem);
