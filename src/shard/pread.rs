//! Reads one shard by its file and not through a map: for disks where a page fault is dear, and where a
//! file that is cut short while it is read must be an error.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayData, BinaryArray, MutableArrayData, UInt16Array, UInt64Array};

use crate::positioned::read_exact_at;
use crate::sample::Label;

use super::error::ShardError;
use super::format::{TensorColumn, row_hash};
use super::reader::ShardReader;

/// An open shard whose ids, labels, hashes and offsets lie in memory (some 60 bytes a row); the tensors
/// are read from the file, one request each.
#[derive(Debug)]
pub struct ShardFile {
    path: PathBuf,
    columns: Vec<TensorColumn>,
    file: File,
    bytes: u64,
    batches: Vec<FileBatch>,
    /// First row of each batch, and the number of rows at the end.
    first_rows: Vec<u32>,
}

/// A record batch without its tensors.
#[derive(Debug)]
pub(super) struct FileBatch {
    ids: BinaryArray,
    labels: UInt16Array,
    hashes: Vec<UInt64Array>,
    /// For each tensor column, where in the file the stored bytes of each row begin, and where the last
    /// ones end.
    starts: Vec<Vec<u64>>,
}

impl FileBatch {
    /// Copies what is not tensors; `starts` as in the field. `None` for more than an array can hold, which
    /// no array holds.
    pub(super) fn new(
        (ids, labels): (&BinaryArray, &UInt16Array),
        hashes: &[UInt64Array],
        starts: Vec<Vec<u64>>,
    ) -> Option<FileBatch> {
        let hashes = hashes.iter().map(|hashes| copied(hashes).map(UInt64Array::from));
        Some(FileBatch {
            ids: copied(ids)?.into(),
            labels: copied(labels)?.into(),
            hashes: hashes.collect::<Option<_>>()?,
            starts,
        })
    }
}

/// The array in memory of its own.
fn copied(array: &dyn Array) -> Option<ArrayData> {
    let data = array.to_data();
    let mut copy = MutableArrayData::new(vec![&data], false, data.len());
    copy.try_extend(0, 0, data.len()).ok()?;
    Some(copy.freeze())
}

impl ShardFile {
    /// Opens the shard `path` and tests what [`ShardReader::open`] tests.
    ///
    /// # Errors
    /// As [`ShardReader::open`].
    pub fn open(
        path: &Path,
        columns: &[TensorColumn],
        expected_bytes: u64,
        expected_rows: u64,
    ) -> Result<ShardFile, ShardError> {
        let reader = ShardReader::open(path, columns, expected_bytes, expected_rows)?;
        let (file, batches, first_rows) = reader.into_file().ok_or_else(|| {
            let reason = "it cannot be read without a map".to_owned();
            ShardError::Structure { path: path.to_owned(), reason }
        })?;
        let (path, columns) = (path.to_owned(), columns.to_vec());
        Ok(ShardFile { path, columns, file, bytes: expected_bytes, batches, first_rows })
    }

    /// Where the shard lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sample id of a row; as [`ShardReader::sample_id`].
    ///
    /// # Panics
    /// When the shard has no such row.
    pub fn sample_id(&self, row: u32) -> &str {
        let (batch, index) = self.locate(row);
        str::from_utf8(batch.ids.value(index)).unwrap_or("\u{FFFD}")
    }

    /// Label of a row; as [`ShardReader::label`].
    ///
    /// # Panics
    /// When the shard has no such row.
    pub fn label(&self, row: u32) -> Label {
        let (batch, index) = self.locate(row);
        batch.labels.is_valid(index).then(|| batch.labels.value(index))
    }

    /// Reads the stored bytes of a row into `stored` and tests their hash.
    ///
    /// # Errors
    /// [`ShardError::CutShort`] when the file ends before them, [`ShardError::Io`],
    /// [`ShardError::Damaged`].
    ///
    /// # Panics
    /// When `row` or `column` is out of range.
    pub fn read_stored(
        &self,
        row: u32,
        column: usize,
        stored: &mut Vec<u8>,
    ) -> Result<(), ShardError> {
        let (batch, index) = self.locate(row);
        let Range { start, end } = self.span(row, column);
        // Both lie in the file as it was opened, which was mapped whole.
        stored.resize((end - start) as usize, 0);
        read_exact_at(&self.file, stored, start).map_err(|source| {
            let path = self.path.clone();
            if source.kind() != io::ErrorKind::UnexpectedEof {
                return ShardError::Io { path, source };
            }
            let found = self.file.metadata().map_or(0, |metadata| metadata.len());
            let sample_id = self.sample_id(row).to_owned();
            ShardError::CutShort { path, row, sample_id, expected: self.bytes, found }
        })?;
        let expected = batch.hashes[column].value(index);
        let found = row_hash(self.sample_id(row), self.label(row), stored);
        if found == expected {
            return Ok(());
        }
        Err(ShardError::Damaged {
            path: self.path.clone(),
            row,
            sample_id: self.sample_id(row).to_owned(),
            column: self.columns[column].name.clone(),
            expected,
            found,
        })
    }

    /// Where in the file the stored bytes of a row lie.
    ///
    /// # Panics
    /// When `row` or `column` is out of range.
    pub fn span(&self, row: u32, column: usize) -> Range<u64> {
        let (batch, index) = self.locate(row);
        batch.starts[column][index]..batch.starts[column][index + 1]
    }

    /// Reads bytes of the file as they are, whatever they mean: so that the system has them in its cache.
    ///
    /// # Errors
    /// [`ShardError::Io`], also when the file ends before them.
    pub fn read_bytes(&self, offset: u64, bytes: &mut [u8]) -> Result<(), ShardError> {
        read_exact_at(&self.file, bytes, offset)
            .map_err(|source| ShardError::Io { path: self.path.clone(), source })
    }

    fn locate(&self, row: u32) -> (&FileBatch, usize) {
        let batch = self.first_rows.partition_point(|&first| first <= row) - 1;
        (&self.batches[batch], (row - self.first_rows[batch]) as usize)
    }
}
