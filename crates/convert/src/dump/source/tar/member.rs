//! The members of a tar as its index has them.

/// The members of a tar, sorted by name, and what is odd or wrong with it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) members: Vec<Member>,
    /// Members that later ones of the same name replace: name, and whether it is UTF-8.
    pub(super) replaced: Vec<(Box<str>, bool)>,
    pub(super) notes: Vec<String>,
    /// What is missing from the tar, or cannot be read as one.
    pub(super) damage: Vec<String>,
}

/// A file in a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Path with `/`, without `./`; what is not UTF-8 is `�`, so that several may have one name.
    pub(super) name: Box<str>,
    pub(super) is_utf8: bool,
    pub(super) file: File,
}

/// Where a file lies in a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct File {
    /// Where its data begin, or its headers if it is sparse.
    pub(super) offset: u64,
    /// Its length in bytes.
    pub(super) bytes: u64,
    pub(super) state: State,
}

/// Whether a member can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Whole,
    /// A link to something that is not in the tar.
    Dangling,
    /// Stored with holes.
    Sparse,
    /// The tar ends within it.
    Cut,
    /// A device or a FIFO.
    Special,
    /// Its beginning is in another volume of the tar.
    Continued,
    /// Its headers do not tell its name and length for certain.
    Unclear,
}
