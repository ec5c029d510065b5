//! What a repair is asked to do, what it tells while it works, and what it found.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// What a repair is asked to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RepairOptions {
    /// The dataset's folder.
    pub dataset: PathBuf,
    /// The raw dump that it was made from.
    pub source: PathBuf,
    /// Threads that test shards and make samples again. The result does not depend on it.
    pub threads: usize,
}

impl RepairOptions {
    /// Every core.
    pub fn new(dataset: impl Into<PathBuf>, source: impl Into<PathBuf>) -> RepairOptions {
        RepairOptions {
            dataset: dataset.into(),
            source: source.into(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// What a repair tells whoever watches it. `tested` is called from several threads.
pub trait RepairObserver: Sync {
    /// The index of a tar is being made: bytes gone through, and all there are.
    fn listing(&self, done: u64, all: u64) {
        let _ = (done, all);
    }
    /// Every shard will be tested, so many bytes in all.
    fn testing(&self, bytes: u64) {
        let _ = bytes;
    }
    /// A shard of so many bytes has been tested.
    fn tested(&self, bytes: u64) {
        let _ = bytes;
    }
    /// So many shards are damaged, so many bytes in all, and will be written anew.
    fn repairing(&self, shards: u64, bytes: u64) {
        let _ = (shards, bytes);
    }
    /// Something that does not stop the work, in a sentence.
    fn note(&self, text: &str) {
        let _ = text;
    }
    /// A damaged shard of so many bytes has been repaired, or left as it was.
    fn repaired(&self, bytes: u64) {
        let _ = bytes;
    }
}

/// Watches nothing.
impl RepairObserver for () {}

/// What [`repair`](super::repair()) found and did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RepairReport {
    /// Shards tested whole.
    pub shards: u64,
    /// Samples that were found sound.
    pub sound: u64,
    /// Shards that were written anew, in the order of dataset.json.
    pub repaired: Vec<RepairedShard>,
    /// What could not be made right, by shard and row. Nothing of such a shard was changed.
    pub unrepaired: Vec<Unrepaired>,
    /// What to say of a source that has next to none of the dataset's photos, where that kept something from being
    /// made right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub another_source: Option<String>,
    /// The repair was asked to stop before it was through; another one goes on from there.
    pub stopped: bool,
    /// Seconds that it took.
    pub seconds: f64,
}

impl RepairReport {
    /// True when every shard is sound now.
    pub fn is_sound(&self) -> bool {
        self.unrepaired.is_empty() && !self.stopped
    }
}

/// A shard that was written anew; every row of it has the pixels that the ledger says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepairedShard {
    /// The shard, as a path below the dataset's folder.
    pub file: String,
    /// Rows made again from their source.
    pub made_again: u64,
    /// Sound rows that were copied.
    pub copied: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The file is byte for byte what dataset.json said. Otherwise its rows are compressed in another
    /// way, as another version of tcolz does, and dataset.json has its new length and BLAKE3.
    pub same_bytes: bool,
}

/// A row that could not be made again, for which its shard was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unrepaired {
    /// The shard, as a path below the dataset's folder.
    pub file: String,
    /// Row in the shard, from 0.
    pub row: u32,
    /// The sample that the ledger has at this row.
    pub sample_id: String,
    /// What it was to be made from, or is compared with.
    pub what: String,
    /// What was expected of it.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Unrepaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unrepaired { file, row, sample_id, what, expected, found } = self;
        write!(f, "{file}, row {row}, sample `{sample_id}`: {what}: ")?;
        write!(f, "expected {expected}, found {found}")
    }
}
