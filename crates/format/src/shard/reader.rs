//! Reads one shard through the memory map: no copy, no allocation per row, nothing trusted.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::Array;
use arrow_buffer::Buffer;

use crate::sample::Label;

use super::content::ShardContent;
use super::error::ShardError;
use super::footer::first_rows;
use super::format::{TensorColumn, row_hash};
use super::map::{Mapped, map_file, will_need};
use super::open::{Batch, Tensor, check_length, open_batches, open_file};
use super::tensor::TensorDecoder;

/// An open shard.
#[derive(Debug)]
pub struct ShardReader {
    path: PathBuf,
    columns: Vec<TensorColumn>,
    batches: Vec<Batch>,
    /// First row of each batch, and the number of rows at the end.
    first_rows: Vec<u32>,
    content: Option<ShardContent>,
    /// What the rows are mapped from; `None` for a shard in memory.
    backing: Option<Backing>,
}

#[derive(Debug)]
struct Backing {
    file: File,
    map: Option<Arc<Mapped>>,
    bytes: u64,
}

impl ShardReader {
    /// Maps the shard `path` and tests its length, schema, row count and all offsets. Row data is
    /// tested when it is read.
    ///
    /// # Errors
    /// [`ShardError::Io`], [`ShardError::Length`], [`ShardError::Schema`], [`ShardError::Rows`],
    /// or [`ShardError::Structure`] for whatever else is not as a shard must be.
    pub fn open(
        path: &Path,
        columns: &[TensorColumn],
        expected_bytes: u64,
        expected_rows: u64,
    ) -> Result<ShardReader, ShardError> {
        let io_error = |source| ShardError::Io { path: path.to_owned(), source };
        let file = open_file(path, expected_bytes)?;
        let (buffer, map) = map_file(&file, path).map_err(io_error)?;
        let ask = |bytes: &[u8]| {
            if let Some(map) = &map {
                will_need(map, bytes);
            }
        };
        let mut reader = Self::of_buffer(path, buffer, columns, &ask)?;
        reader.backing = Some(Backing { file, map, bytes: expected_bytes });
        if u64::from(reader.rows()) != expected_rows {
            return Err(ShardError::Rows {
                path: path.to_owned(),
                expected: expected_rows,
                found: u64::from(reader.rows()),
            });
        }
        Ok(reader)
    }

    /// Reads a shard that lies in memory; `path` is only what errors call it.
    ///
    /// # Errors
    /// As [`ShardReader::open`].
    pub fn from_buffer(
        path: &Path,
        file: Buffer,
        columns: &[TensorColumn],
    ) -> Result<ShardReader, ShardError> {
        Self::of_buffer(path, file, columns, &|_| ())
    }

    fn of_buffer(
        path: &Path,
        file: Buffer,
        columns: &[TensorColumn],
        ask: &dyn Fn(&[u8]),
    ) -> Result<ShardReader, ShardError> {
        let (batches, content) =
            open_batches(&file, columns, ask).map_err(|fault| fault.at(path))?;
        let first_rows = first_rows(batches.iter().map(|batch| batch.ids.len()));
        let first_rows = first_rows.map_err(|fault| fault.at(path))?;
        let (path, columns) = (path.to_owned(), columns.to_vec());
        Ok(ShardReader { path, columns, batches, first_rows, content, backing: None })
    }

    /// Tests that the file still has the length with which it was opened. A map whose file was cut short
    /// ends the process where it is read; testing before a batch makes an error of it, save for what is
    /// cut while that batch is read.
    ///
    /// # Errors
    /// [`ShardError::Length`], [`ShardError::Io`].
    pub fn check_length(&self) -> Result<(), ShardError> {
        let Some(Backing { file, bytes, .. }) = &self.backing else { return Ok(()) };
        check_length(file, &self.path, *bytes)
    }

    /// Asks the system to read the stored bytes of a row soon: one request instead of a page fault for
    /// every four kilobytes.
    ///
    /// # Panics
    /// When `row` or `column` is out of range.
    pub fn will_need(&self, row: u32, column: usize) {
        if let Some(Backing { map: Some(map), .. }) = &self.backing {
            will_need(map, self.untested(row, column));
        }
    }

    /// Where in the file the stored bytes of a row lie; counted from the first stored byte for a shard in
    /// memory.
    ///
    /// # Panics
    /// When `row` or `column` is out of range.
    pub fn span(&self, row: u32, column: usize) -> Range<u64> {
        let stored = self.untested(row, column);
        let first = match &self.backing {
            Some(Backing { map: Some(map), .. }) => map.as_ptr(),
            _ => self.untested(0, column).as_ptr(),
        };
        let start = (stored.as_ptr() as usize).wrapping_sub(first as usize) as u64;
        start..start + stored.len() as u64
    }

    /// Rows in the shard.
    pub fn rows(&self) -> u32 {
        self.first_rows[self.first_rows.len() - 1]
    }

    /// What its footer says that it holds; `None` for a shard of an early version.
    pub fn content(&self) -> Option<ShardContent> {
        self.content
    }

    /// The tensor columns, in the order that the `column` arguments count.
    pub fn columns(&self) -> &[TensorColumn] {
        &self.columns
    }

    /// Where the shard lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sample id of a row. Trustworthy once [`ShardReader::stored`] has tested the row; a damaged id that
    /// is not UTF-8 comes out as `�`, which no hash fits.
    ///
    /// # Panics
    /// When `row` is not below [`ShardReader::rows`].
    pub fn sample_id(&self, row: u32) -> &str {
        let (batch, index) = self.locate(row);
        str::from_utf8(batch.ids.value(index)).unwrap_or("\u{FFFD}")
    }

    /// Label of a row. Trustworthy once [`ShardReader::stored`] has tested the row.
    ///
    /// # Panics
    /// When `row` is not below [`ShardReader::rows`].
    pub fn label(&self, row: u32) -> Label {
        let (batch, index) = self.locate(row);
        batch.labels.is_valid(index).then(|| batch.labels.value(index))
    }

    /// The stored bytes of a row, straight from the map, after its hash has been tested.
    ///
    /// # Errors
    /// [`ShardError::Damaged`] when id, label or bytes are not the ones that were written.
    ///
    /// # Panics
    /// When `row` or `column` is out of range.
    pub fn stored(&self, row: u32, column: usize) -> Result<&[u8], ShardError> {
        let (batch, index) = self.locate(row);
        let stored = self.untested(row, column);
        let expected = batch.hashes[column].value(index);
        let found = row_hash(self.sample_id(row), self.label(row), stored);
        if found != expected {
            return Err(ShardError::Damaged {
                path: self.path.clone(),
                row,
                sample_id: self.sample_id(row).to_owned(),
                column: self.columns[column].name.clone(),
                expected,
                found,
            });
        }
        Ok(stored)
    }

    /// Fills `out` (`column.raw_bytes()` bytes) with the tensor `[3, H, W]`, little-endian.
    ///
    /// # Errors
    /// [`ShardError::Damaged`], or [`ShardError::Undecodable`] when the codec refuses the bytes.
    ///
    /// # Panics
    /// When `row` or `column` is out of range, or `out` has another length.
    pub fn read(
        &self,
        row: u32,
        column: usize,
        decoder: &mut TensorDecoder,
        out: &mut [u8],
    ) -> Result<(), ShardError> {
        let stored = self.stored(row, column)?;
        assert_eq!(out.len(), self.columns[column].raw_bytes(), "the buffer holds one tensor");
        decoder.decode(stored, out).map_err(|source| ShardError::Undecodable {
            path: self.path.clone(),
            row,
            sample_id: self.sample_id(row).to_owned(),
            column: self.columns[column].name.clone(),
            source,
        })
    }

    /// The stored bytes of a row, whatever they are: for those who only ask for them.
    ///
    /// # Panics
    /// When `row` or `column` is out of range.
    pub fn untested(&self, row: u32, column: usize) -> &[u8] {
        let (batch, index) = self.locate(row);
        match &batch.tensors[column] {
            Tensor::Frames(frames) => frames.value(index),
            Tensor::Raw { values, row_bytes } => {
                &values[index * row_bytes..(index + 1) * row_bytes]
            }
        }
    }

    fn locate(&self, row: u32) -> (&Batch, usize) {
        assert!(row < self.rows(), "row {row} of {} rows", self.rows());
        let batch = self.first_rows.partition_point(|&first| first <= row) - 1;
        (&self.batches[batch], (row - self.first_rows[batch]) as usize)
    }
}
