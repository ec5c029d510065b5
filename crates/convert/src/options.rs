//! What a conversion is asked to do.

use std::path::PathBuf;

use crate::dump::DumpOptions;
use tcolz_pixels::recipe::Recipe;

/// Shards are at most this long when nothing else is asked for: small enough that one is written,
/// copied or repaired in a second, large enough that 63 GB of photos make a few hundred files.
pub const DEFAULT_SHARD_BYTES: u64 = 64_000_000;
/// Smallest shard limit that is accepted.
pub const MIN_SHARD_BYTES: u64 = 100_000;
/// Share of bad inputs (quarantined or missing) above which a conversion ends with exit code 3.
pub const DEFAULT_MAX_BAD: f64 = 0.01;

/// What a conversion is asked to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConvertOptions {
    /// The raw dump, and how it is to be read.
    pub dump: DumpOptions,
    /// The dataset's folder: absent or empty.
    pub out: PathBuf,
    /// How pixels become tensors.
    pub recipe: Recipe,
    /// Threads that decode, resize and compress. The result does not depend on it.
    pub threads: usize,
    /// Shards are at most this long, in bytes (a shard of one row may be longer).
    pub shard_bytes: u64,
    /// Refuse to begin where the disk has less room than the forecast says.
    pub check_space: bool,
    /// Discard an unfinished conversion in `out` and begin anew.
    pub restart: bool,
}

impl ConvertOptions {
    /// The defaults: every core, 64 MB shards, the default recipe.
    pub fn new(source: impl Into<PathBuf>, out: impl Into<PathBuf>) -> ConvertOptions {
        ConvertOptions {
            dump: DumpOptions::new(source),
            out: out.into(),
            recipe: Recipe::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            shard_bytes: DEFAULT_SHARD_BYTES,
            check_space: true,
            restart: false,
        }
    }
}
