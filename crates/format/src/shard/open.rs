//! Opens record batches of a shard, one or all: everything that can be tested without reading row data is
//! tested here, or was with the footer.
//!
//! Arrow's own decoder takes some numbers of a file on trust (where a block lies, how long a buffer is);
//! they are tested before it sees them, so that no bytes whatever make it read outside the file.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, UInt8Type, UInt16Type, UInt64Type};
use arrow_array::{Array, BinaryArray, LargeBinaryArray, RecordBatch, UInt16Array, UInt64Array};
use arrow_buffer::Buffer;
use arrow_ipc::reader::FileDecoder;
use arrow_ipc::{Block, MetadataVersion, root_as_message};
use arrow_schema::{DataType, Field, Schema};

use tcolz_pixels::recipe::Dtype;

use super::content::ShardContent;
use super::error::ShardError;
use super::fault::{Fault, guarded, number, outside, structure};
use super::footer::{block_length, open_footer};
use super::format::{ALIGNMENT, TensorColumn, schema};

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

/// Opens the file of a shard.
///
/// # Errors
/// [`ShardError::Io`]; as [`check_length`].
pub(super) fn open_file(path: &Path, expected_bytes: u64) -> Result<File, ShardError> {
    let file = File::open(path);
    let file = file.map_err(|source| ShardError::Io { path: path.to_owned(), source })?;
    check_length(&file, path, expected_bytes)?;
    Ok(file)
}

/// Tests that an open file has the length that was written down.
///
/// # Errors
/// [`ShardError::Length`], [`ShardError::Io`].
pub(super) fn check_length(file: &File, path: &Path, expected: u64) -> Result<(), ShardError> {
    let length = file.metadata().map(|metadata| metadata.len());
    let found = length.map_err(|source| ShardError::Io { path: path.to_owned(), source })?;
    if found == expected {
        return Ok(());
    }
    Err(ShardError::Length { path: path.to_owned(), expected, found })
}

/// What is asked for in front of the file's end: the footer of a shard of usual length, and more.
const FOOTER_BYTES: usize = 64 << 10;
/// What is asked for around the place where a record batch begins: the hashes of the one before, and its own
/// ids, labels and offsets, of usual length.
const BEHIND_BYTES: usize = 4 << 10;
const AHEAD_BYTES: usize = 28 << 10;

/// The record batches of the file, in order, and what its footer says that it holds. `ask` is given the places of the
/// file that are read soon, before they are: else a page fault on each would bring in as much around it as the system
/// thinks fit, up to megabytes, one after the other.
pub(super) fn open_batches(
    file: &Buffer,
    columns: &[TensorColumn],
    ask: &dyn Fn(&[u8]),
) -> Result<(Vec<Batch>, Option<ShardContent>), Fault> {
    ask(&file[file.len().saturating_sub(FOOTER_BYTES)..]);
    let footer = open_footer(file, file.len(), columns)?;
    for block in &footer.blocks {
        let start = block.offset() as usize;
        let end = (start + AHEAD_BYTES).min(file.len());
        ask(&file[start.saturating_sub(BEHIND_BYTES)..end]);
    }
    let open = |(number, block): (usize, &Block)| {
        let (offset, length) = (block.offset() as usize, block_length(block));
        let rows = footer.rows.as_ref().map(|rows| rows[number]);
        open_batch(&file.slice_with_length(offset, length), block, columns, rows, None)
    };
    let batches = footer.blocks.iter().enumerate().map(open).collect::<Result<_, _>>()?;
    Ok((batches, footer.content))
}

/// A record batch from the bytes of its block, which [`open_footer`] found in the file: with the rows that
/// the footer says, and with all tensor columns or one.
pub(super) fn open_batch(
    bytes: &Buffer,
    block: &Block,
    columns: &[TensorColumn],
    rows: Option<u32>,
    only: Option<usize>,
) -> Result<Batch, Fault> {
    guarded(|| {
        if bytes.as_ptr().align_offset(align_of::<u64>()) != 0 {
            return Err(structure("it lies at an odd address in memory"));
        }
        buffers(bytes, block)?;
        let schema = with_ids_as_bytes(&schema(columns));
        let mut decoder =
            FileDecoder::new(schema, MetadataVersion::V5).with_require_alignment(true);
        let mut wanted = columns;
        if let Some(column) = only {
            decoder = decoder.with_projection(vec![0, 1, 2 + 2 * column, 3 + 2 * column]);
            wanted = &columns[column..=column];
        }
        let batch = decoder
            .read_record_batch(block, bytes)?
            .ok_or_else(|| structure("a block of the footer is not a record batch"))?;
        if let Some(expected) = rows.filter(|&rows| rows as usize != batch.num_rows()) {
            let found = batch.num_rows();
            let reason = format!("a record batch of {found} rows, by the footer of {expected}");
            return Err(Fault::Structure(reason));
        }
        Batch::new(&batch, wanted)
    })
}

/// The schema in which ids are decoded: the same buffers, but UTF-8 is tested where an id is read.
fn with_ids_as_bytes(schema: &Schema) -> Arc<Schema> {
    let mut fields: Vec<Arc<Field>> = schema.fields.iter().cloned().collect();
    fields[0] = Arc::new(fields[0].as_ref().clone().with_data_type(DataType::Binary));
    Arc::new(Schema::new(fields))
}

/// Where in a block its buffers lie, by the metadata it begins with, after everything that Arrow's decoder
/// takes on trust has been tested: message and buffers lie where they may, and nothing is compressed.
pub(super) fn buffers(bytes: &[u8], block: &Block) -> Result<Vec<Range<usize>>, Fault> {
    let (metadata, body) = (block.metaDataLength() as usize, block.bodyLength() as usize);
    // Encapsulated message: 0xFFFFFFFF, metadata length, flatbuffer, padding, body.
    if bytes[..4] != CONTINUATION {
        return Err(structure("a record batch without its mark"));
    }
    let message = root_as_message(&bytes[8..metadata])
        .map_err(|error| Fault::Structure(error.to_string()))?;
    let batch = message.header_as_record_batch().ok_or_else(outside)?;
    if batch.compression().is_some() {
        return Err(structure("compressed Arrow buffers are not part of the format"));
    }
    let mut buffers = Vec::new();
    for buffer in batch.buffers().into_iter().flatten() {
        let (start, length) = (number(buffer.offset())?, number(buffer.length())?);
        if start.checked_add(length).is_none_or(|buffer_end| buffer_end > body) {
            return Err(outside());
        }
        if !start.is_multiple_of(ALIGNMENT) {
            return Err(structure("a buffer lies at an odd place"));
        }
        buffers.push(metadata + start..metadata + start + length);
    }
    for node in batch.nodes().into_iter().flatten() {
        if number(node.null_count())? > number(node.length())? {
            return Err(structure("more nulls than rows"));
        }
    }
    Ok(buffers)
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::shard::{ShardRow, ShardWriter};
    use tcolz_pixels::recipe::Codec;

    #[test]
    fn the_end_of_a_shard_and_each_record_batch_are_asked_for_before_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000.arrow");
        // Rows of 48 kB: record batches further apart than what is asked for around their beginnings.
        let columns = [TensorColumn::new(128, Dtype::U8, Codec::Raw)];
        let mut writer = ShardWriter::create(&path, &columns).unwrap();
        let stored = [vec![7; columns[0].raw_bytes()]];
        for row in 0..300 {
            let sample_id = &format!("{row}.jpg");
            writer
                .push(ShardRow { sample_id, label: None, stored: &stored, pixels: &[[0; 32]] })
                .unwrap();
        }
        writer.finish().unwrap();
        let file = Buffer::from(std::fs::read(&path).unwrap());
        let asked = RefCell::new(Vec::new());
        let ask = |bytes: &[u8]| {
            let start = bytes.as_ptr() as usize - file.as_ptr() as usize;
            asked.borrow_mut().push(start..start + bytes.len());
        };
        let (batches, _) = open_batches(&file, &columns, &ask).ok().unwrap();
        let asked = asked.into_inner();
        assert_eq!((batches.len(), asked.len()), (2, 3));
        assert_eq!(asked[0].end, file.len());
        for (batch, asked) in batches.iter().zip(&asked[1..]) {
            for index in [batch.ids.values().as_ref(), batch.ids.offsets().inner().inner()] {
                let start = index.as_ptr() as usize - file.as_ptr() as usize;
                assert!(asked.start <= start && start + index.len() <= asked.end, "{asked:?}");
            }
        }
        let hashes = batches[0].hashes[0].values().inner();
        let start = hashes.as_ptr() as usize - file.as_ptr() as usize;
        assert!(asked[2].start <= start, "with the batch behind them: {asked:?}, {start}");
    }

    #[test]
    fn a_shard_of_a_few_bytes_is_refused_and_not_asked_for_beyond_its_ends() {
        let file = Buffer::from(vec![1u8; 5]);
        let asked = RefCell::new(0);
        let opened = open_batches(&file, &[], &|bytes| *asked.borrow_mut() += bytes.len());
        assert!(opened.is_err());
        assert_eq!(asked.into_inner(), 5);
    }
}
