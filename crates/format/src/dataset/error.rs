//! What can be wrong with a dataset.

use std::io;
use std::path::{Path, PathBuf};

use super::files::{DATASET_FILE, LEDGER_FILE};
use crate::shard::ShardError;
use tcolz_base::door::call;

/// By what the folder of a run is known; its home is `train`, which stands above.
const RUN_FILE: &str = "run.json";

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
    #[error("{path}: not a dataset: {hint}", path = path.display())]
    NotADataset {
        /// The folder.
        path: PathBuf,
        /// What is there instead, and what to type.
        hint: String,
    },
    /// A conversion was begun here and has not finished.
    #[error(
        "{path}: conversion not finished; go on with {} and the options it was begun with",
        call("convert", &["SRC", &path.display().to_string()], &[]),
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

impl DatasetError {
    /// Says what lies at `path`, which is no dataset, and what to type. What is there is never proposed to be written over.
    pub fn not_a_dataset(path: &Path) -> DatasetError {
        let shown = &*path.display().to_string();
        let empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        let hint = if !path.exists() || empty() {
            format!("nothing is there; make one with {}", call("convert", &["SRC", shown], &[]))
        } else if path.is_file() {
            let folder = path.parent().filter(|folder| folder.join(DATASET_FILE).exists());
            let folder = folder.map_or(String::new(), |folder| format!(", {}", folder.display()));
            format!("it is a file, expected the folder of a dataset{folder}")
        } else if path.join(RUN_FILE).exists() {
            format!(
                "it is the folder of a run; {} says how good its model is",
                call("evaluate", &[shown, "DATASET"], &[])
            )
        } else if path.join(LEDGER_FILE).exists() {
            format!(
                "its {DATASET_FILE} is missing, while {LEDGER_FILE} is there; put it back from a copy, or convert the photos \
                 again into another folder"
            )
        } else {
            format!(
                "it has no {DATASET_FILE}; {} makes one of photos that lie there",
                call("convert", &[shown, "OUT"], &[])
            )
        };
        DatasetError::NotADataset { path: path.to_owned(), hint }
    }
}
