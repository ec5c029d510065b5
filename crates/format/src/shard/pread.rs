//! Reads one shard by its file and not through a map: for disks where a page fault is expensive, and where a
//! file that is cut short while it is read must be an error.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::sample::Label;
use tcolz_base::positioned::read_exact_at;

use super::content::ShardContent;
use super::error::ShardError;
use super::footer::{Footer, first_rows, footer_length, open_footer};
use super::format::{TensorColumn, row_hash};
use super::index::{Failure, Index};
use super::open::{check_length, open_file};

/// What is read of the end of a file at first: more than a footer takes.
const TAIL_BYTES: u64 = 65_536;

/// An open shard of which a record batch is opened when one of its rows is first asked for. What is not
/// tensors of those that are open lies in memory (some 60 bytes a row); the tensors are read from the file,
/// one request each.
///
/// A shard whose footer does not say how many rows its record batches have, one of an earlier version, has
/// them all opened at once.
#[derive(Debug)]
pub struct ShardFile {
    path: PathBuf,
    columns: Vec<TensorColumn>,
    file: File,
    bytes: u64,
    footer: Footer,
    /// First row of each batch, and the number of rows at the end.
    first_rows: Vec<u32>,
    /// The record batches that are open: batch after batch, for each tensor column.
    opened: Vec<OnceLock<Index>>,
}

/// A row of a [`ShardFile`], whose record batch is open.
#[derive(Debug, Clone, Copy)]
pub struct FileRow<'a> {
    shard: &'a ShardFile,
    index: &'a Index,
    /// Within its record batch.
    at: usize,
    row: u32,
    column: usize,
}

impl ShardFile {
    /// Opens the shard `path` and tests its length, its schema, the place of every record batch and the
    /// number of rows. What [`ShardReader::open`](super::ShardReader::open) tests besides is tested of a
    /// record batch when it is opened.
    ///
    /// # Errors
    /// As [`ShardReader::open`](super::ShardReader::open).
    pub fn open(
        path: &Path,
        columns: &[TensorColumn],
        expected_bytes: u64,
        expected_rows: u64,
    ) -> Result<ShardFile, ShardError> {
        let io_error = |source| ShardError::Io { path: path.to_owned(), source };
        let file = open_file(path, expected_bytes)?;
        let tail_of = |length: u64| {
            let length = length.min(expected_bytes);
            let mut tail = vec![0; length as usize];
            read_exact_at(&file, &mut tail, expected_bytes - length).map_err(io_error)?;
            Ok(tail)
        };
        let mut tail = tail_of(TAIL_BYTES)?;
        let needed = footer_length(&tail).map_err(|fault| fault.at(path))?;
        if needed > tail.len() {
            tail = tail_of(needed as u64)?;
        }
        let length = usize::try_from(expected_bytes)
            .map_err(|_| io_error(io::ErrorKind::FileTooLarge.into()))?;
        let footer = open_footer(&tail, length, columns).map_err(|fault| fault.at(path))?;
        let opened = (0..footer.blocks.len() * columns.len()).map(|_| OnceLock::new()).collect();
        let (path, columns) = (path.to_owned(), columns.to_vec());
        let mut shard = ShardFile {
            path,
            columns,
            file,
            bytes: expected_bytes,
            footer,
            first_rows: Vec::new(),
            opened,
        };
        shard.first_rows =
            first_rows(shard.batch_rows()?.into_iter()).map_err(|fault| fault.at(&shard.path))?;
        let found = shard.first_rows.last().copied().map_or(0, u64::from);
        if found != expected_rows {
            return Err(ShardError::Rows { path: shard.path, expected: expected_rows, found });
        }
        Ok(shard)
    }

    /// The rows of each record batch: by the footer, or else by opening them all.
    fn batch_rows(&self) -> Result<Vec<usize>, ShardError> {
        if let Some(rows) = &self.footer.rows {
            return Ok(rows.iter().map(|&rows| rows as usize).collect());
        }
        let rows = (0..self.footer.blocks.len()).map(|batch| {
            (0..self.columns.len()).try_fold(0, |_, column| Ok(self.index(batch, column)?.rows()))
        });
        rows.collect()
    }

    /// As [`ShardReader::content`](super::ShardReader::content).
    pub fn content(&self) -> Option<ShardContent> {
        self.footer.content
    }

    /// Where the shard lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A row, for one tensor column; opens its record batch where nobody has.
    ///
    /// # Errors
    /// [`ShardError::Structure`] when the shard has no such row, or its record batch is not as one must be;
    /// [`ShardError::Length`] when the file has changed its length since it was opened, [`ShardError::Io`].
    ///
    /// # Panics
    /// When `column` is out of range.
    pub fn row(&self, row: u32, column: usize) -> Result<FileRow<'_>, ShardError> {
        let batch = self.batch_of(row).ok_or_else(|| {
            let reason = format!("it has no row {row}");
            ShardError::Structure { path: self.path.clone(), reason }
        })?;
        let index = self.index(batch, column)?;
        let at = (row - self.first_rows[batch]) as usize;
        Ok(FileRow { shard: self, index, at, row, column })
    }

    /// Whether [`ShardFile::row`] has nothing to read.
    pub fn is_open(&self, row: u32, column: usize) -> bool {
        let cell = self.batch_of(row).map(|batch| batch * self.columns.len() + column);
        cell.and_then(|cell| self.opened.get(cell)).is_some_and(|cell| cell.get().is_some())
    }

    /// Reads bytes of the file as they are, whatever they mean: so that the system has them in its cache.
    ///
    /// # Errors
    /// [`ShardError::Io`], also when the file ends before them.
    pub fn read_bytes(&self, offset: u64, bytes: &mut [u8]) -> Result<(), ShardError> {
        read_exact_at(&self.file, bytes, offset).map_err(|source| self.io_error(source))
    }

    fn io_error(&self, source: io::Error) -> ShardError {
        ShardError::Io { path: self.path.clone(), source }
    }

    fn batch_of(&self, row: u32) -> Option<usize> {
        let behind = self.first_rows.partition_point(|&first| first <= row);
        behind.checked_sub(1).filter(|&batch| batch < self.footer.blocks.len())
    }

    /// The index of a record batch. Two threads may read it at once; the second one's is dropped.
    fn index(&self, batch: usize, column: usize) -> Result<&Index, ShardError> {
        let cell = &self.opened[batch * self.columns.len() + column];
        if let Some(index) = cell.get() {
            return Ok(index);
        }
        check_length(&self.file, &self.path, self.bytes)?;
        let rows = self.footer.rows.as_ref().map(|rows| rows[batch]);
        let block = &self.footer.blocks[batch];
        let index = Index::read(&self.file, block, &self.columns, column, rows);
        let index = index.map_err(|failure| match failure {
            Failure::Io(source) => self.io_error(source),
            Failure::Fault(fault) => fault.at(&self.path),
        })?;
        Ok(cell.get_or_init(|| index))
    }
}

impl<'a> FileRow<'a> {
    /// The shard's path.
    pub fn path(&self) -> &'a Path {
        &self.shard.path
    }

    /// Its number in the shard.
    pub fn number(&self) -> u32 {
        self.row
    }

    /// Sample id; as [`ShardReader::sample_id`](super::ShardReader::sample_id).
    pub fn sample_id(&self) -> &'a str {
        self.index.sample_id(self.at)
    }

    /// Label; as [`ShardReader::label`](super::ShardReader::label).
    pub fn label(&self) -> Label {
        self.index.label(self.at)
    }

    /// Where in the file the stored bytes lie.
    pub fn span(&self) -> Range<u64> {
        self.index.span(self.at)
    }

    /// Where in the file the hashes of the record batch lie, behind its tensors; `None` once they are in
    /// memory.
    pub fn hashes_to_read(&self) -> Option<Range<u64>> {
        self.index.hashes_to_read()
    }

    /// Reads the hashes of the record batch into memory, if they are not there.
    ///
    /// # Errors
    /// As [`FileRow::read_stored`], without [`ShardError::Damaged`].
    pub fn read_hashes(&self) -> Result<(), ShardError> {
        self.index.hashes(&self.shard.file).map(drop).map_err(|source| self.ends_before(source))
    }

    /// Reads the stored bytes into `stored` and tests their hash.
    ///
    /// # Errors
    /// [`ShardError::CutShort`] when the file ends before them, [`ShardError::Io`],
    /// [`ShardError::Damaged`].
    pub fn read_stored(&self, stored: &mut Vec<u8>) -> Result<(), ShardError> {
        let Range { start, end } = self.span();
        // Both lie in the file as it was opened.
        stored.resize((end - start) as usize, 0);
        read_exact_at(&self.shard.file, stored, start)
            .map_err(|source| self.ends_before(source))?;
        let hashes = self.index.hashes(&self.shard.file);
        let expected = hashes.map_err(|source| self.ends_before(source))?[self.at];
        let found = row_hash(self.sample_id(), self.label(), stored);
        if found == expected {
            return Ok(());
        }
        Err(ShardError::Damaged {
            path: self.shard.path.clone(),
            row: self.row,
            sample_id: self.sample_id().to_owned(),
            column: self.shard.columns[self.column].name.clone(),
            expected,
            found,
        })
    }

    /// What the system said where bytes of this row were to be read.
    fn ends_before(&self, source: io::Error) -> ShardError {
        if source.kind() != io::ErrorKind::UnexpectedEof {
            return self.shard.io_error(source);
        }
        ShardError::CutShort {
            path: self.shard.path.clone(),
            row: self.row,
            sample_id: self.sample_id().to_owned(),
            expected: self.shard.bytes,
            found: self.shard.file.metadata().map_or(0, |metadata| metadata.len()),
        }
    }
}
