//! Opens the bytes of a shard: everything that can be tested without reading row data is tested here.
//!
//! Arrow's own decoder takes some numbers of a file on trust (where a block lies, how long a buffer is);
//! they are tested before it sees them, so that no bytes whatever make it read outside the file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BinaryArray, LargeBinaryArray, RecordBatch, UInt16Array, UInt64Array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{
    DataType, Field, Float16Type, Float32Type, Schema, UInt8Type, UInt16Type, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::{Block, MetadataVersion, root_as_footer, root_as_message};

use crate::recipe::Dtype;

use super::error::ShardError;
use super::format::{ALIGNMENT, TensorColumn, schema};

/// Length of the trailing footer length and magic.
const TRAILER_BYTES: usize = 10;
/// Length of the mark that ends the record batches: a continuation marker and a length of zero.
const END_MARK_BYTES: usize = 8;
/// What every encapsulated message begins with.
const CONTINUATION: [u8; 4] = [0xFF; 4];

/// A record batch of a shard, its columns in the map.
#[derive(Debug)]
pub(super) struct Batch {
    /// As bytes: an id that a flipped bit made invalid UTF-8 costs its own row and no other.
    pub(super) ids: BinaryArray,
    pub(super) labels: UInt16Array,
    pub(super) tensors: Vec<Tensor>,
    pub(super) hashes: Vec<UInt64Array>,
}

/// The stored bytes of a tensor column.
#[derive(Debug)]
pub(super) enum Tensor {
    Frames(LargeBinaryArray),
    Raw { values: Buffer, row_bytes: usize },
}

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

/// What is asked for in front of the file's end: the footer of a shard of usual length, and more.
const FOOTER_BYTES: usize = 64 << 10;
/// What is asked for around the place where a record batch begins: the hashes of the one before, and its own
/// ids, labels and offsets, of usual length.
const BEHIND_BYTES: usize = 4 << 10;
const AHEAD_BYTES: usize = 28 << 10;

/// The record batches of the file, in order. `ask` is given the places of the file that are read soon, before
/// they are: else a page fault on each would bring in as much around it as the system thinks fit, up to
/// megabytes, one after the other.
pub(super) fn open_batches(
    file: &Buffer,
    columns: &[TensorColumn],
    ask: &dyn Fn(&[u8]),
) -> Result<Vec<Batch>, Fault> {
    // What is tested below keeps Arrow from every panic that is known; this is for the unknown ones.
    catch_unwind(AssertUnwindSafe(|| batches(file, columns, ask))).unwrap_or_else(|_| {
        Err(Fault::Structure("the Arrow reader gave up on these bytes".to_owned()))
    })
}

fn batches(
    file: &Buffer,
    columns: &[TensorColumn],
    ask: &dyn Fn(&[u8]),
) -> Result<Vec<Batch>, Fault> {
    let structure = |reason: &str| Fault::Structure(reason.to_owned());
    ask(&file[file.len().saturating_sub(FOOTER_BYTES)..]);
    let trailer_start = file
        .len()
        .checked_sub(TRAILER_BYTES)
        .ok_or_else(|| structure("shorter than an Arrow footer"))?;
    let trailer = file[trailer_start..].try_into().map_err(|_| structure("no trailer"))?;
    let footer_bytes = read_footer_length(trailer)?;
    let footer_start = trailer_start
        .checked_sub(footer_bytes)
        .ok_or_else(|| structure("the footer is said to be longer than the file"))?;
    let footer = root_as_footer(&file[footer_start..trailer_start])
        .map_err(|error| Fault::Structure(error.to_string()))?;
    if footer.version() != MetadataVersion::V5 {
        return Err(structure("not Arrow IPC metadata version 5"));
    }
    let expected = Arc::new(schema(columns));
    let found = footer.schema().ok_or_else(|| structure("the footer holds no schema"))?;
    check_schema(&expected, &try_fb_to_schema(found)?)?;
    if footer.dictionaries().is_some_and(|dictionaries| !dictionaries.is_empty()) {
        return Err(structure("a shard has no dictionaries"));
    }
    if file.as_ptr().align_offset(align_of::<u64>()) != 0 {
        return Err(structure("it lies at an odd address in memory"));
    }
    let decoder = FileDecoder::new(with_ids_as_bytes(&expected), footer.version())
        .with_require_alignment(true);
    let blocks = footer.recordBatches().ok_or_else(|| structure("no list of record batches"))?;
    check_order(blocks.iter(), footer_start)?;
    for block in blocks {
        let start = usize::try_from(block.offset()).unwrap_or(usize::MAX).min(file.len());
        let end = start.saturating_add(AHEAD_BYTES).min(file.len());
        ask(&file[start.saturating_sub(BEHIND_BYTES)..end]);
    }
    let batches = blocks.iter().map(|block| {
        let bytes = block_bytes(file, block, footer_start)?;
        let batch = decoder
            .read_record_batch(block, &bytes)?
            .ok_or_else(|| structure("a block of the footer is not a record batch"))?;
        Batch::new(&batch, columns)
    });
    batches.collect()
}

/// The schema in which ids are decoded: the same buffers, but UTF-8 is tested where an id is read.
fn with_ids_as_bytes(schema: &Schema) -> Arc<Schema> {
    let mut fields: Vec<Arc<Field>> = schema.fields.iter().cloned().collect();
    fields[0] = Arc::new(fields[0].as_ref().clone().with_data_type(DataType::Binary));
    Arc::new(Schema::new(fields))
}

/// Each record batch begins where the one before ends, and the last ends before the footer: no batch is
/// left out, repeated or moved.
fn check_order<'a>(blocks: impl Iterator<Item = &'a Block>, end: usize) -> Result<(), Fault> {
    let mut next: Option<i64> = None;
    for block in blocks {
        let length = block.bodyLength().checked_add(i64::from(block.metaDataLength()));
        let block_end = length.and_then(|length| length.checked_add(block.offset()));
        if next.is_some_and(|next| next != block.offset()) || block_end.is_none() {
            return Err(Fault::Structure("the record batches do not follow each other".to_owned()));
        }
        next = block_end;
    }
    let end = end.checked_sub(END_MARK_BYTES).and_then(|end| i64::try_from(end).ok());
    if next.is_some() && next != end {
        return Err(Fault::Structure("the record batches do not reach the footer".to_owned()));
    }
    Ok(())
}

/// The bytes of a block, after everything that Arrow's decoder takes on trust has been tested:
/// the block, its message and every buffer lie where they may, and nothing is compressed.
fn block_bytes(file: &Buffer, block: &Block, end: usize) -> Result<Buffer, Fault> {
    let outside = || Fault::Structure("a record batch lies outside the file".to_owned());
    let number = |value: i64| usize::try_from(value).map_err(|_| outside());
    let (offset, body) = (number(block.offset())?, number(block.bodyLength())?);
    let metadata = number(i64::from(block.metaDataLength()))?;
    let length = metadata.checked_add(body).ok_or_else(outside)?;
    let aligned = offset.is_multiple_of(ALIGNMENT) && metadata.is_multiple_of(ALIGNMENT);
    if metadata < 8
        || !aligned
        || offset.checked_add(length).is_none_or(|block_end| block_end > end)
    {
        return Err(outside());
    }
    let bytes = file.slice_with_length(offset, length);
    // Encapsulated message: 0xFFFFFFFF, metadata length, flatbuffer, padding, body.
    if bytes[..4] != CONTINUATION {
        return Err(Fault::Structure("a record batch without its mark".to_owned()));
    }
    let message = root_as_message(&bytes[8..metadata])
        .map_err(|error| Fault::Structure(error.to_string()))?;
    let batch = message.header_as_record_batch().ok_or_else(outside)?;
    if batch.compression().is_some() {
        return Err(Fault::Structure("compressed Arrow buffers are not part of the format".into()));
    }
    for buffer in batch.buffers().into_iter().flatten() {
        let (start, length) = (number(buffer.offset())?, number(buffer.length())?);
        if start.checked_add(length).is_none_or(|buffer_end| buffer_end > body) {
            return Err(outside());
        }
        if !start.is_multiple_of(ALIGNMENT) {
            return Err(Fault::Structure("a buffer lies at an odd place".to_owned()));
        }
    }
    for node in batch.nodes().into_iter().flatten() {
        if number(node.null_count())? > number(node.length())? {
            return Err(Fault::Structure("more nulls than rows".to_owned()));
        }
    }
    Ok(bytes)
}

fn check_schema(expected: &Schema, found: &Schema) -> Result<(), Fault> {
    if expected.metadata != found.metadata {
        let (expected, found) = (&expected.metadata, &found.metadata);
        let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
        return Err(Fault::Schema { expected, found });
    }
    for index in 0..expected.fields.len().max(found.fields.len()) {
        let (expected, found) = (expected.fields.get(index), found.fields.get(index));
        if expected != found {
            let describe = |field: Option<&Arc<Field>>| {
                field.map_or_else(|| "no such column".to_owned(), |field| format!("{field:?}"))
            };
            return Err(Fault::Schema { expected: describe(expected), found: describe(found) });
        }
    }
    Ok(())
}

impl Batch {
    fn new(batch: &RecordBatch, columns: &[TensorColumn]) -> Result<Batch, Fault> {
        let wrong = |name: &str| Fault::Structure(format!("column {name} is not of its type"));
        for (index, field) in batch.schema_ref().fields().iter().enumerate() {
            if !field.is_nullable() && batch.column(index).null_count() > 0 {
                return Err(Fault::Structure(format!("column {} holds nulls", field.name())));
            }
        }
        let ids = batch.column(0).as_binary_opt::<i32>().ok_or_else(|| wrong("sample_id"))?;
        let labels =
            batch.column(1).as_primitive_opt::<UInt16Type>().ok_or_else(|| wrong("label"))?;
        let (mut tensors, mut hashes) = (Vec::new(), Vec::new());
        for (index, column) in columns.iter().enumerate() {
            let (tensor, hash) = (batch.column(2 + 2 * index), batch.column(3 + 2 * index));
            tensors.push(Tensor::new(tensor, column).ok_or_else(|| wrong(&column.name))?);
            let hash = hash.as_primitive_opt::<UInt64Type>().ok_or_else(|| wrong(&column.hash))?;
            hashes.push(hash.clone());
        }
        Ok(Batch { ids: ids.clone(), labels: labels.clone(), tensors, hashes })
    }
}

impl Tensor {
    fn new(array: &dyn Array, column: &TensorColumn) -> Option<Tensor> {
        if let DataType::LargeBinary = array.data_type() {
            return Some(Tensor::Frames(array.as_binary_opt::<i64>()?.clone()));
        }
        let items = array.as_fixed_size_list_opt()?.values();
        if items.null_count() > 0 {
            return None;
        }
        let values = match column.dtype {
            Dtype::U8 => items.as_primitive_opt::<UInt8Type>()?.values().inner().clone(),
            Dtype::F16 => items.as_primitive_opt::<Float16Type>()?.values().inner().clone(),
            Dtype::F32 => items.as_primitive_opt::<Float32Type>()?.values().inner().clone(),
        };
        let row_bytes = column.raw_bytes();
        (values.len() >= array.len() * row_bytes).then_some(Tensor::Raw { values, row_bytes })
    }
}
