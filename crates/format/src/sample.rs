//! The nouns that every stage shares: what one input is called and what became of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A class, as an index into the dataset's class names; `None` where the dump gives no label.
pub type Label = Option<u16>;

/// How "no label" is written where a label must be two bytes (the row hash).
pub const NO_LABEL: u16 = u16::MAX;

/// What became of one line of an input list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Decoded, resized, and written to a shard.
    Stored,
    /// Present, but not decodable or not acceptable; the ledger says why.
    Quarantined,
    /// Listed, but there is no such file.
    Missing,
    /// The same path was listed before in the same split; the first line won.
    Duplicate,
}

impl Status {
    /// Every status, in the order in which summaries print them.
    pub const ALL: [Status; 4] =
        [Status::Stored, Status::Quarantined, Status::Missing, Status::Duplicate];

    /// The word written into the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Stored => "stored",
            Status::Quarantined => "quarantined",
            Status::Missing => "missing",
            Status::Duplicate => "duplicate",
        }
    }

    /// The status a ledger word stands for.
    pub fn parse(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
