//! The ledger: one row for every line of every input list, and what became of it.
//!
//! Parquet, so that DuckDB, Polars and pandas query it. Rows stand in the order of conversion:
//! split by split, within a split in the order of storage. The columns are listed in
//! `schemas/ledger.md`; a column is never renamed or reused for something else.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};

use crate::sample::{Label, Status};
use crate::shard::TensorColumn;
use tcolz_pixels::ChannelSums;
use tcolz_pixels::photo_info::PhotoInfo;

/// One line of an input list and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    /// The list, as a path relative to the dump.
    pub list: Arc<str>,
    /// Line in the list, from 1.
    pub line: u32,
    /// The path as listed, with `/`, without `./` and the top folder.
    pub sample_id: String,
    /// Path below the dump's root.
    pub path: String,
    /// Id of the tweet the photo belongs to.
    pub tweet_id: Option<u64>,
    /// Split.
    pub split: Arc<str>,
    /// Class index.
    pub label: Label,
    /// What became of it.
    pub status: Status,
    /// Why it is not stored, or what is odd about it: a code word, a colon, a sentence.
    pub reason: Option<String>,
    /// Shard number within the split, and row within the shard; only for stored samples.
    pub place: Option<(u32, u32)>,
    /// Length and BLAKE3 of the source file; `None` when it could not be read.
    pub source: Option<(u64, [u8; 32])>,
    /// What decoding learned; `None` when it failed.
    pub photo: Option<PhotoInfo>,
    /// For each size, in the order of the recipe; empty unless stored.
    pub tensors: Vec<TensorFacts>,
    /// Perceptual hash of the largest size: see [`tcolz_pixels::dhash`].
    pub dhash: Option<u64>,
    /// Text sentiment of the tweet: negative, neutral, positive.
    pub text_scores: Option<[f32; 3]>,
    /// TTD: how many of five annotators agreed.
    pub agreement: Option<u8>,
}

/// What is known of a stored tensor without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorFacts {
    /// BLAKE3 of the tensor as the reader gives it back: `[3, H, W]`, little-endian.
    pub blake3: [u8; 32],
    /// Exact sums over the 8-bit pixels as seen, before any view.
    pub sums: ChannelSums,
}

impl AsRef<[u8; 32]> for TensorFacts {
    fn as_ref(&self) -> &[u8; 32] {
        &self.blake3
    }
}

impl LedgerRow {
    /// The code word of the reason: what summaries group by.
    pub fn reason_code(&self) -> Option<&str> {
        self.reason.as_deref().map(reason_code)
    }
}

/// The code word of a reason.
pub fn reason_code(reason: &str) -> &str {
    reason.split_once(':').map_or(reason, |(code, _)| code)
}

/// Parquet and Arrow names of the columns that a tensor column adds to the ledger.
pub(super) fn tensor_fields(column: &TensorColumn) -> [String; 7] {
    let name = &column.name;
    [
        format!("{name}_pixels_blake3"),
        format!("{name}_sum_r"),
        format!("{name}_sum_g"),
        format!("{name}_sum_b"),
        format!("{name}_sum_squares_r"),
        format!("{name}_sum_squares_g"),
        format!("{name}_sum_squares_b"),
    ]
}

/// The Arrow schema of the ledger of a dataset with these tensor columns.
pub fn ledger_schema(columns: &[TensorColumn]) -> Schema {
    let required = |name: &str, data_type| Field::new(name, data_type, false);
    let optional = |name: &str, data_type| Field::new(name, data_type, true);
    let hash = || DataType::FixedSizeBinary(32);
    let mut fields = vec![
        required("list", DataType::Utf8),
        required("line", DataType::UInt32),
        required("sample_id", DataType::Utf8),
        required("path", DataType::Utf8),
        optional("tweet_id", DataType::UInt64),
        required("split", DataType::Utf8),
        optional("label", DataType::UInt16),
        required("status", DataType::Utf8),
        optional("reason", DataType::Utf8),
        optional("recovered_share", DataType::Float32),
        optional("shard", DataType::UInt32),
        optional("row", DataType::UInt32),
        optional("source_bytes", DataType::UInt64),
        optional("source_blake3", hash()),
        optional("format", DataType::Utf8),
        optional("progressive", DataType::Boolean),
        optional("width", DataType::UInt32),
        optional("height", DataType::UInt32),
        optional("jpeg_quality", DataType::UInt8),
        optional("exif_orientation", DataType::UInt8),
        optional("dhash", DataType::UInt64),
        optional("text_neg", DataType::Float32),
        optional("text_neu", DataType::Float32),
        optional("text_pos", DataType::Float32),
        optional("agreement", DataType::UInt8),
    ];
    for column in columns {
        let [pixels, sums @ ..] = tensor_fields(column);
        fields.push(optional(&pixels, hash()));
        fields.extend(sums.iter().map(|name| optional(name, DataType::UInt64)));
    }
    Schema::new(fields)
}
