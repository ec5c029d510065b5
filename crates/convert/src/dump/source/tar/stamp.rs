//! What tells that a tar has not changed.

use std::fs::Metadata;
use std::time::UNIX_EPOCH;

/// What tells that a file is still the one that was indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    /// Nanoseconds since 1970 of the last change.
    pub(super) modified: u128,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Stamp {
        let modified =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Stamp { bytes: metadata.len(), modified: modified.map_or(0, |since| since.as_nanos()) }
    }
}
