//! The footer of a shard: which record batches there are, where, and of how many rows.
//!
//! It is tested whole before a record batch is read, so that each can be opened when it is first needed.

use std::sync::Arc;

use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::read_footer_length;
use arrow_ipc::{Block, MetadataVersion, root_as_footer};
use arrow_schema::{Field, Schema};

use super::content::ShardContent;
use super::fault::{Fault, guarded, number, outside, structure};
use super::format::{ALIGNMENT, BATCH_ROWS_KEY, CONTENT_KEY, TensorColumn, schema};

/// Length of the trailing footer length and magic.
const TRAILER_BYTES: usize = 10;
/// Length of the mark that ends the record batches: a continuation marker and a length of zero.
const END_MARK_BYTES: usize = 8;

/// What a shard says of itself at its end, tested as far as no record batch is read for it.
#[derive(Debug)]
pub(super) struct Footer {
    /// The record batches, in order, each within the file.
    pub(super) blocks: Vec<Block>,
    /// The rows of each; `None` for a shard that was written before its footer said so.
    pub(super) rows: Option<Vec<u32>>,
    /// What the shard holds; `None` for one that was written before its footer said so.
    pub(super) content: Option<ShardContent>,
}

/// Length of the footer with what stands behind it, by the last bytes of a file.
pub(super) fn footer_length(tail: &[u8]) -> Result<usize, Fault> {
    let trailer = tail.last_chunk::<TRAILER_BYTES>();
    let trailer = trailer.ok_or_else(|| structure("shorter than an Arrow footer"))?;
    Ok(read_footer_length(*trailer)?.saturating_add(TRAILER_BYTES))
}

/// The footer of a file of `file_bytes`, whose last bytes are `tail`: at least the whole footer.
pub(super) fn open_footer(
    tail: &[u8],
    file_bytes: usize,
    columns: &[TensorColumn],
) -> Result<Footer, Fault> {
    guarded(|| {
        let from_start = tail
            .len()
            .checked_sub(footer_length(tail)?)
            .ok_or_else(|| structure("the footer is said to be longer than the file"))?;
        let end = file_bytes - (tail.len() - from_start);
        let footer = root_as_footer(&tail[from_start..tail.len() - TRAILER_BYTES])
            .map_err(|error| Fault::Structure(error.to_string()))?;
        if footer.version() != MetadataVersion::V5 {
            return Err(structure("not Arrow IPC metadata version 5"));
        }
        let found = footer.schema().ok_or_else(|| structure("the footer holds no schema"))?;
        check_schema(&schema(columns), &try_fb_to_schema(found)?)?;
        if footer.dictionaries().is_some_and(|dictionaries| !dictionaries.is_empty()) {
            return Err(structure("a shard has no dictionaries"));
        }
        let blocks = footer.recordBatches();
        let blocks = blocks.ok_or_else(|| structure("no list of record batches"))?;
        let blocks: Vec<Block> = blocks.iter().copied().collect();
        check_order(blocks.iter(), end)?;
        blocks.iter().try_for_each(|block| check_place(block, end))?;
        let metadata = |key: &str| {
            let mut pairs = footer.custom_metadata()?.iter();
            pairs.find(|pair| pair.key() == Some(key)).map(|pair| pair.value().unwrap_or_default())
        };
        let rows = metadata(BATCH_ROWS_KEY);
        let rows = rows.map(|text| batch_rows(text, blocks.len())).transpose()?;
        let content = metadata(CONTENT_KEY).map(|text| {
            text.parse::<ShardContent>()
                .map_err(|_| Fault::Structure(format!("{CONTENT_KEY} is `{text}`")))
        });
        Ok(Footer { blocks, rows, content: content.transpose()? })
    })
}

/// The numbers of [`BATCH_ROWS_KEY`]: one for each record batch, none of them zero.
fn batch_rows(text: &str, blocks: usize) -> Result<Vec<u32>, Fault> {
    let numbers = text.split(',').filter(|_| !text.is_empty()).map(str::parse::<u32>);
    let rows = numbers.collect::<Result<Vec<u32>, _>>().ok();
    rows.filter(|rows| rows.len() == blocks && !rows.contains(&0)).ok_or_else(|| {
        Fault::Structure(format!("{BATCH_ROWS_KEY} is `{text}`, of {blocks} record batches"))
    })
}

/// First row of each of several batches, and the number of rows at the end.
pub(super) fn first_rows(rows: impl Iterator<Item = usize>) -> Result<Vec<u32>, Fault> {
    let mut first_rows = vec![0u32];
    for rows in rows {
        let end = first_rows[first_rows.len() - 1] as usize + rows;
        first_rows
            .push(u32::try_from(end).map_err(|_| structure("more rows than a shard can hold"))?);
    }
    Ok(first_rows)
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

/// Bytes of a block whose place has been tested.
pub(super) fn block_length(block: &Block) -> usize {
    block.metaDataLength() as usize + block.bodyLength() as usize
}

/// A block lies before the footer, at places that Arrow can read from.
fn check_place(block: &Block, end: usize) -> Result<(), Fault> {
    let (offset, body) = (number(block.offset())?, number(block.bodyLength())?);
    let metadata = number(i64::from(block.metaDataLength()))?;
    let length = metadata.checked_add(body).ok_or_else(outside)?;
    let aligned = offset.is_multiple_of(ALIGNMENT) && metadata.is_multiple_of(ALIGNMENT);
    let block_end = offset.checked_add(length);
    if metadata < 8 || !aligned || block_end.is_none_or(|block_end| block_end > end) {
        return Err(outside());
    }
    Ok(())
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
