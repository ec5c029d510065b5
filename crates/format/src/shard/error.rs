//! What can be wrong with a shard.

use std::io;
use std::path::PathBuf;

use super::codec::CodecError;
use tcolz_base::door::call;

/// A shard that cannot be written, opened or trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The shard.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is shorter or longer than dataset.json says.
    #[error("{path}: {found} bytes, but dataset.json says {expected}", path = path.display())]
    Length {
        /// The shard.
        path: PathBuf,
        /// Bytes written down when it was made.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// The file was cut short while it was open.
    #[error(
        "{path}: row {row} (sample `{sample_id}`) lies behind the end: {found} bytes, but dataset.json says {expected}; the file was cut short while it was read",
        path = path.display()
    )]
    CutShort {
        /// The shard.
        path: PathBuf,
        /// Row in the shard, from 0.
        row: u32,
        /// The sample.
        sample_id: String,
        /// Bytes it had when it was opened.
        expected: u64,
        /// Bytes it has now.
        found: u64,
    },
    /// The file is not an Arrow IPC file of the expected shape.
    #[error("{path}: not a valid shard: {reason}", path = path.display())]
    Structure {
        /// The shard.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The Arrow schema is not the one that dataset.json describes.
    #[error("{path}: schema differs from dataset.json: expected {expected}, found {found}", path = path.display())]
    Schema {
        /// The shard.
        path: PathBuf,
        /// The field or metadata expected.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The number of rows is not the one written down.
    #[error("{path}: {found} rows, but dataset.json says {expected}", path = path.display())]
    Rows {
        /// The shard.
        path: PathBuf,
        /// Rows written down.
        expected: u64,
        /// Rows found.
        found: u64,
    },
    /// The shard is sound, but it is not the one that belongs in this place.
    #[error(
        "{path}: another shard lies here: it holds {found}, the ledger expects {expected}; put the right file back, or \
         write it again from the photos with {}",
        call("repair", &[], &[]),
        path = path.display()
    )]
    Foreign {
        /// The shard.
        path: PathBuf,
        /// What should lie here.
        expected: String,
        /// What lies here.
        found: String,
    },
    /// A row's bytes are not the ones that were written.
    #[error(
        "{path}: row {row} (sample `{sample_id}`), column {column}: stored bytes are damaged: hash {found:016x}, expected {expected:016x}",
        path = path.display()
    )]
    Damaged {
        /// The shard.
        path: PathBuf,
        /// Row in the shard, from 0.
        row: u32,
        /// The sample id as it stands in the shard (it may itself be what is damaged).
        sample_id: String,
        /// Tensor column.
        column: String,
        /// The hash in the shard.
        expected: u64,
        /// The hash of the bytes found.
        found: u64,
    },
    /// A row's bytes are as written, but the codec refuses them.
    #[error("{path}: row {row} (sample `{sample_id}`), column {column}: {source}", path = path.display())]
    Undecodable {
        /// The shard.
        path: PathBuf,
        /// Row in the shard, from 0.
        row: u32,
        /// The sample.
        sample_id: String,
        /// Tensor column.
        column: String,
        /// What the codec says.
        source: CodecError,
    },
}
