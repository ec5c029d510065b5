//! Shards: Arrow IPC files of compressed or raw tensors, one frame a sample.
//!
//! The twins are [`ShardWriter`] and [`ShardReader`]; [`mod@format`] holds the frozen names and numbers,
//! [`codec`] what is inside a frame. [`ShardFile`] reads what [`ShardReader`] reads, without a map. The written form of all this is `schemas/format.md`.

pub mod codec;
mod content;
mod error;
mod fault;
mod footer;
pub mod format;
mod index;
mod map;
mod open;
mod pread;
mod reader;
mod sigbus;
mod tensor;
mod writer;

pub use content::ShardContent;
pub use error::ShardError;
pub use format::TensorColumn;
pub use pread::{FileRow, ShardFile};
pub use reader::ShardReader;
pub use sigbus::name_lost_maps;
pub use tensor::{TensorDecoder, simd_level};
pub use writer::{ShardRow, ShardSummary, ShardWriter};
