//! The formats: what a dataset is on the disk, written and read.
//!
//! ```text
//! tensors ─▶ shard ─▶ NAME-00000.arrow   one zstd frame a sample
//! ledger rows ──────▶ ledger.parquet      what became of every input
//!          dataset ─▶ dataset.json        recipe, splits, shards, content root
//! ```
//! The format itself is written down in `schemas/format.md`.
//!
//! ```no_run
//! use tcolz_format::Dataset;
//!
//! let dataset = Dataset::open("photos.tcolz")?; // tests dataset.json and the ledger
//! for shard in dataset.shards("train")? {
//!     println!("{} rows", shard?.rows());
//! }
//! for row in dataset.ledger()? {
//!     println!("{}: {}", row.sample_id, row.status.as_str());
//! }
//! # Ok::<(), tcolz_format::DatasetError>(())
//! ```

#![deny(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

#[cfg(target_endian = "big")]
compile_error!("tensors are stored little-endian and mapped as they are");

pub mod dataset;
pub mod sample;
pub mod shard;

pub use dataset::{Dataset, DatasetError};
pub use shard::{ShardError, ShardReader};
