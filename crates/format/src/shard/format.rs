//! The frozen names and numbers of a shard: columns, extension type, row hash, limits.
//!
//! A shard is one Arrow IPC file (format version 5, 64-byte alignment, no compression of buffers):
//!
//! ```text
//! "ARROW1\0\0" │ schema │ record batch … record batch │ footer │ footer length │ "ARROW1"
//!                          └ ≤ 256 rows and ≤ 16 MB of tensor bytes each
//!   sample_id          utf8      not null
//!   label              uint16    null where the dump gives none
//!   image_224          tensor    one frame (codec zstd) or one row of a fixed-shape tensor (raw)
//!   image_224_xxh3     uint64    XXH3-64 of sample_id, 0x00, label (2 bytes LE), stored bytes
//!   image_299, …       the same pair for every further size
//! ```

use std::hash::Hasher;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};
use twox_hash::xxhash3_64::{RawHasher, SecretBuffer};

use crate::sample::{Label, NO_LABEL};
use tcolz_pixels::recipe::{Codec, Dtype, Recipe};

use super::codec;

/// Rows of a record batch, at most.
pub const MAX_BATCH_ROWS: usize = 256;
/// Tensor bytes of a record batch, at most (one row is always allowed). Bounds the writer's memory.
pub const MAX_BATCH_BYTES: usize = 16_000_000;
/// Alignment of every buffer in the file, in bytes.
pub const ALIGNMENT: usize = 64;
/// Key of the footer's own metadata that says how many rows each record batch has: `256,256,175`.
pub const BATCH_ROWS_KEY: &str = "tcolz.batch_rows";
/// Key of the footer's own metadata that says what the shard holds: a [`ShardContent`](super::ShardContent).
pub const CONTENT_KEY: &str = "tcolz.content";
/// Extension name of a compressed tensor column.
pub const TENSOR_EXTENSION: &str = "tcolz.tensor";
/// Extension name of an uncompressed tensor column (canonical Arrow).
pub const FIXED_SHAPE_TENSOR_EXTENSION: &str = "arrow.fixed_shape_tensor";
/// Encoding of a frame that holds the tensor's own bytes (f16 and f32 tensors).
pub const PLAIN_CODEC_NAME: &str = "plain-v1";
/// What [`codec::CODEC_NAME`] stands for, in words, as it stands in the column's metadata.
const ENCODING_DETAILS: &str = concat!(
    r#","colour":"G, R-G+128, B-G+128","#,
    r#""predictor":"W+N-NW limited to the range of W, N, NE","tile":[8,8]"#
);
/// Channels of a stored tensor: red, green, blue.
pub const CHANNELS: usize = 3;

const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";

/// One tensor column: every sample at one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorColumn {
    /// Arrow column name, `image_<size>`.
    pub name: String,
    /// Arrow column of the row hashes, `image_<size>_xxh3`.
    pub hash: String,
    /// Element type.
    pub dtype: Dtype,
    /// `[channels, height, width]`.
    pub shape: [u32; 3],
    /// Order of the dimensions; always `CHW` in version 1.
    pub layout: String,
    /// How the bytes are stored.
    pub codec: Codec,
    /// What is inside a frame, by name and version: see `schemas/format.md`. Absent for raw columns.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encoding: Option<String>,
}

impl TensorColumn {
    /// The column that holds square tensors of `size` pixels a side.
    pub fn new(size: u32, dtype: Dtype, codec: Codec) -> TensorColumn {
        let encoding = match (codec, dtype) {
            (Codec::Raw, _) => None,
            (Codec::Zstd, Dtype::U8) => Some(codec::CODEC_NAME.to_owned()),
            (Codec::Zstd, _) => Some(PLAIN_CODEC_NAME.to_owned()),
        };
        TensorColumn {
            name: format!("image_{size}"),
            hash: format!("image_{size}_xxh3"),
            dtype,
            shape: [CHANNELS as u32, size, size],
            layout: "CHW".to_owned(),
            codec,
            encoding,
        }
    }

    /// The columns of a recipe, one for each size.
    pub fn of_recipe(recipe: &Recipe) -> Vec<TensorColumn> {
        let column = |&size: &u32| TensorColumn::new(size, recipe.dtype, recipe.codec);
        recipe.sizes.iter().map(column).collect()
    }

    /// Height and width in pixels.
    pub fn size(&self) -> u32 {
        self.shape[2]
    }

    /// Elements of one tensor.
    pub fn elements(&self) -> usize {
        self.shape.iter().map(|&side| side as usize).product()
    }

    /// Bytes of one tensor as a reader gets it.
    pub fn raw_bytes(&self) -> usize {
        self.elements() * self.dtype.size_bytes()
    }

    /// Dtype and shape as the content root writes them: `u8:3x224x224`.
    pub fn describe(&self) -> String {
        let [channels, height, width] = self.shape;
        format!("{}:{channels}x{height}x{width}", self.dtype)
    }

    /// The Arrow field, with its extension type.
    pub fn field(&self) -> Field {
        let [channels, height, width] = self.shape;
        let (data_type, extension, metadata) = match self.codec {
            Codec::Raw => {
                let item = Arc::new(Field::new("item", arrow_type(self.dtype), false));
                let list = DataType::FixedSizeList(item, self.elements() as i32);
                // By hand: arrow-schema's own writer emits `"dim_names":null`, which pyarrow and
                // arrow-rs itself refuse to read.
                let metadata = format!(
                    r#"{{"shape":[{channels},{height},{width}],"dim_names":["C","H","W"]}}"#
                );
                (list, FIXED_SHAPE_TENSOR_EXTENSION, metadata)
            }
            Codec::Zstd => {
                let details = if self.dtype == Dtype::U8 { ENCODING_DETAILS } else { "" };
                let metadata = format!(
                    r#"{{"dtype":"{}","shape":[{channels},{height},{width}],"layout":"{}","codec":"zstd","encoding":"{}"{details}}}"#,
                    self.dtype,
                    self.layout,
                    self.encoding.as_deref().unwrap_or_default()
                );
                (DataType::LargeBinary, TENSOR_EXTENSION, metadata)
            }
        };
        Field::new(&self.name, data_type, false).with_metadata([
            (EXTENSION_NAME.to_owned(), extension.to_owned()),
            (EXTENSION_METADATA.to_owned(), metadata),
        ])
    }
}

/// Version of the zstd that is linked. It decides the bytes of frames, though never their content.
pub fn zstd_version() -> String {
    zstd_safe::version_string().to_owned()
}

/// The Arrow schema of a shard with these tensor columns.
pub fn schema(columns: &[TensorColumn]) -> Schema {
    let mut fields = vec![
        Field::new("sample_id", DataType::Utf8, false),
        Field::new("label", DataType::UInt16, true),
    ];
    for column in columns {
        fields.push(column.field());
        fields.push(Field::new(&column.hash, DataType::UInt64, false));
    }
    Schema::new_with_metadata(fields, [("tcolz:format_version", "1")])
}

fn arrow_type(dtype: Dtype) -> DataType {
    match dtype {
        Dtype::U8 => DataType::UInt8,
        Dtype::F16 => DataType::Float16,
        Dtype::F32 => DataType::Float32,
    }
}

/// XXH3-64 (seed 0) over the sample id in UTF-8, one zero byte, the label as two bytes little-endian
/// (0xFFFF for none) and the stored bytes: what is tested on every read, before decompression.
pub fn row_hash(sample_id: &str, label: Label, stored: &[u8]) -> u64 {
    let mut hash = RawHasher::new(SecretBuffer::default());
    hash.write(sample_id.as_bytes());
    hash.write(&[0]);
    hash.write(&label.unwrap_or(NO_LABEL).to_le_bytes());
    hash.write(stored);
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_of_format_version_1_never_change() {
        assert_eq!((MAX_BATCH_ROWS, MAX_BATCH_BYTES, ALIGNMENT), (256, 16_000_000, 64));
        assert_eq!(TENSOR_EXTENSION, "tcolz.tensor");
        assert_eq!(BATCH_ROWS_KEY, "tcolz.batch_rows");
        assert_eq!(CONTENT_KEY, "tcolz.content");
        // Golden: python -c 'import xxhash; print(xxhash.xxh3_64_hexdigest(b"a.jpg\0\x01\x00pixels"))'
        assert_eq!(row_hash("a.jpg", Some(1), b"pixels"), 0x887b_612d_8883_563c);
        assert_eq!(row_hash("a.jpg", None, b"pixels"), 0xbbde_1e2e_265e_2684);
    }

    #[test]
    fn a_raw_column_is_the_canonical_fixed_shape_tensor() {
        let field = TensorColumn::new(224, Dtype::U8, Codec::Raw).field();
        assert_eq!(field.extension_type_name(), Some(FIXED_SHAPE_TENSOR_EXTENSION));
        assert_eq!(
            field.extension_type_metadata(),
            Some(r#"{"shape":[3,224,224],"dim_names":["C","H","W"]}"#)
        );
    }
}
