//! Why a dump cannot be listed.

use std::io;
use std::path::PathBuf;

use super::Layout;

/// A dump that cannot be listed. A single bad line never is one: it becomes a ledger row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The source, a folder in it or a list cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Unreadable {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The source is a file.
    #[error("{path}: expected a folder of photos, found a file", path = path.display())]
    NotAFolder {
        /// The source.
        path: PathBuf,
    },
    /// No layout fits.
    #[error(
        "{path}: no known layout: expected `ground_truth/twitter_*_agrees.txt` (ttd), `b-t4sa_train.txt` (b-t4sa), \
         or one folder of photos for each class (folder); say which with --layout",
        path = path.display()
    )]
    UnknownLayout {
        /// The source.
        path: PathBuf,
    },
    /// A layout was asked for, and what it stands on is not there.
    #[error("{path}: not a {layout} dump: {expected} not found", path = path.display())]
    NotThisLayout {
        /// The source.
        path: PathBuf,
        /// The layout asked for.
        layout: Layout,
        /// What it needs.
        expected: &'static str,
    },
    /// There is nothing to convert.
    #[error("{path}: a {layout} dump without a single photo", path = path.display())]
    Empty {
        /// The source.
        path: PathBuf,
        /// The layout it was read as.
        layout: Layout,
    },
    /// A folder that would name a class is not UTF-8, or holds a control character.
    #[error("{path}: the folder name `{name}` is not UTF-8 or holds a control character, and cannot name a class; rename it", path = path.display())]
    FolderName {
        /// The folder above.
        path: PathBuf,
        /// The name, as far as it can be shown.
        name: String,
    },
    /// More classes, lists or lines than the ledger has room for.
    #[error("{path}: {found} {what}, at most {limit} are possible", path = path.display())]
    TooMany {
        /// The source.
        path: PathBuf,
        /// Classes, lists, …
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
}
