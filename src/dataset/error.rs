//! What can be wrong with a dataset.

use std::io;
use std::path::PathBuf;

use crate::shard::ShardError;

/// A dataset that cannot be opened, read or trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no dataset here.
    #[error("{path}: not a dataset: no dataset.json; make one with `tcolz convert SRC {path}`", path = path.display())]
    NotADataset {
        /// The folder.
        path: PathBuf,
    },
    /// A conversion was begun here and has not finished.
    #[error(
        "{path}: conversion not finished; go on with `tcolz convert SRC {path}` and the options it was begun with",
        path = path.display()
    )]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// A file's bytes are not the ones that were written.
    #[error("{path}: damaged: BLAKE3 {found}, expected {expected}", path = path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The checksum written down.
        expected: String,
        /// The checksum of the bytes found.
        found: String,
    },
    /// A newer (or foreign) format.
    #[error("{path}: format version {found}, but this tcolz reads version {expected}; use a newer tcolz", path = path.display())]
    Version {
        /// dataset.json.
        path: PathBuf,
        /// The version this program reads.
        expected: u32,
        /// The version found.
        found: u64,
    },
    /// The dataset uses something that a reader must understand and this one does not.
    #[error("{path}: needs the feature `{feature}`, which this tcolz does not know; use a newer tcolz", path = path.display())]
    UnknownFeature {
        /// dataset.json.
        path: PathBuf,
        /// The feature's name.
        feature: String,
    },
    /// The file is not what its name promises.
    #[error("{path}: {reason}", path = path.display())]
    Structure {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Sample, split or view that the dataset does not have.
    #[error("{path}: no {what} `{name}`; there are: {known}", path = path.display())]
    NotFound {
        /// The dataset.
        path: PathBuf,
        /// "split", "view", "sample".
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Splits read as one, one of them twice.
    #[error("{path}: split `{name}`: {part} is named twice; expected each split at most once", path = path.display())]
    RepeatedSplit {
        /// The dataset.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// The split that is named twice.
        part: String,
    },
    /// A shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
}
