//! What is wrong with the bytes of a shard, before it is said of which file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_schema::ArrowError;

use super::error::ShardError;

/// What is wrong, before the path is known.
pub(super) enum Fault {
    Structure(String),
    Schema { expected: String, found: String },
}

impl Fault {
    pub(super) fn at(self, path: &Path) -> ShardError {
        let path = path.to_owned();
        match self {
            Fault::Structure(reason) => ShardError::Structure { path, reason },
            Fault::Schema { expected, found } => ShardError::Schema { path, expected, found },
        }
    }
}

impl From<ArrowError> for Fault {
    fn from(error: ArrowError) -> Fault {
        Fault::Structure(error.to_string())
    }
}

/// What is tested in front of Arrow keeps it from every panic that is known; this is for the unknown ones.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(structure("the Arrow reader gave up on these bytes")))
}

pub(super) fn structure(reason: &str) -> Fault {
    Fault::Structure(reason.to_owned())
}

pub(super) fn outside() -> Fault {
    structure("a record batch lies outside the file")
}

/// A number of the file as a place or a length.
pub(super) fn number(value: i64) -> Result<usize, Fault> {
    usize::try_from(value).map_err(|_| outside())
}
