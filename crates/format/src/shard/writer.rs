//! Writes one shard: rows in, an Arrow IPC file out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, FixedSizeListArray, Float16Array, Float32Array, LargeBinaryArray, RecordBatch,
    StringArray, UInt8Array, UInt16Array, UInt64Array,
};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::MetadataVersion;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_schema::ArrowError;
use arrow_schema::{DataType, Field, Schema};

use crate::sample::Label;
use tcolz_base::durable::HashedFile;
use tcolz_pixels::recipe::{Codec, Dtype};

use super::content::ShardContent;
use super::error::ShardError;
use super::format::{
    ALIGNMENT, BATCH_ROWS_KEY, CONTENT_KEY, MAX_BATCH_BYTES, MAX_BATCH_ROWS, TensorColumn,
    row_hash, schema,
};

/// What a finished shard is, as dataset.json records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardSummary {
    /// Rows written.
    pub rows: u64,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// BLAKE3 of the whole file.
    pub blake3: blake3::Hash,
}

/// One sample, ready to be stored: its tensor bytes are already encoded for each column's codec.
#[derive(Debug, Clone, Copy)]
pub struct ShardRow<'a> {
    /// Sample id, unique within its split.
    pub sample_id: &'a str,
    /// Class index.
    pub label: Label,
    /// Stored bytes of each tensor column: a frame, or `column.raw_bytes()` bytes for a raw column.
    pub stored: &'a [Vec<u8>],
    /// BLAKE3 of the tensor of each column, as a reader gives it back.
    pub pixels: &'a [[u8; 32]],
}

/// Upper bound of what a row adds to the file besides its tensor bytes and its id.
const ROW_OVERHEAD_BYTES: u64 = 64;
/// Upper bound of a record batch's metadata and padding, for each tensor column.
const BATCH_OVERHEAD_BYTES: u64 = 2048;

/// Writes one shard. Nothing carries the shard's name before [`ShardWriter::finish`] has synced it.
pub struct ShardWriter {
    path: PathBuf,
    columns: Vec<TensorColumn>,
    schema: Arc<Schema>,
    file: FileWriter<HashedFile>,
    batch: BatchBuilder,
    /// Rows of each record batch written.
    batch_rows: Vec<String>,
    content: ShardContent,
    rows: u64,
    bytes_bound: u64,
}

impl ShardWriter {
    /// Begins the shard `path`, whose folder must exist.
    ///
    /// # Errors
    /// [`ShardError::Io`] when the folder is missing, full or not writable.
    pub fn create(path: &Path, columns: &[TensorColumn]) -> Result<ShardWriter, ShardError> {
        let io_error = |source| ShardError::Io { path: path.to_owned(), source };
        let schema = Arc::new(schema(columns));
        let file = HashedFile::create(path).map_err(io_error)?;
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)
            .and_then(|options| FileWriter::try_new_with_options(file, &schema, options))
            .map_err(|error| arrow_error(path, error))?;
        Ok(ShardWriter {
            path: path.to_owned(),
            columns: columns.to_vec(),
            schema,
            file: options,
            batch: BatchBuilder::new(columns.len()),
            batch_rows: Vec::new(),
            content: ShardContent::default(),
            rows: 0,
            bytes_bound: 8192,
        })
    }

    /// Rows taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// An upper bound of the file's length if `row` were added and the shard finished.
    ///
    /// A pure function of the rows, so that shards are cut at the same places on every machine.
    pub fn bytes_bound_with(&self, row: &ShardRow<'_>) -> u64 {
        let stored: u64 = row.stored.iter().map(|bytes| bytes.len() as u64).sum();
        let per_column = self.columns.len() as u64;
        self.bytes_bound
            + stored
            + row.sample_id.len() as u64
            + ROW_OVERHEAD_BYTES * (1 + per_column)
            + if self.batch.rows() == 0 { BATCH_OVERHEAD_BYTES * (1 + per_column) } else { 0 }
    }

    /// Adds a row and returns its number in the shard.
    ///
    /// # Errors
    /// [`ShardError::Io`] when the disk refuses.
    ///
    /// # Panics
    /// When `row.stored` or `row.pixels` does not hold one entry a column, or a raw entry has the wrong length:
    /// the caller encoded it.
    pub fn push(&mut self, row: ShardRow<'_>) -> Result<u32, ShardError> {
        assert_eq!(row.stored.len(), self.columns.len(), "one stored tensor a column");
        assert_eq!(row.pixels.len(), self.columns.len(), "one hash a column");
        for (column, stored) in self.columns.iter().zip(row.stored) {
            if column.codec == Codec::Raw {
                assert_eq!(stored.len(), column.raw_bytes(), "raw bytes of {}", column.name);
            }
        }
        if !self.batch.has_room_for(&row) {
            self.flush()?;
        }
        self.bytes_bound = self.bytes_bound_with(&row);
        let number = self.rows as u32;
        self.content += ShardContent::of_row(number, row.sample_id, row.label, row.pixels);
        self.batch.push(row);
        self.rows += 1;
        Ok(number)
    }

    /// Writes the footer, syncs, and gives the shard its name.
    ///
    /// # Errors
    /// [`ShardError::Io`] when the disk refuses.
    pub fn finish(mut self) -> Result<ShardSummary, ShardError> {
        if self.batch.rows() > 0 {
            self.flush()?;
        }
        self.file.write_metadata(BATCH_ROWS_KEY, self.batch_rows.join(","));
        self.file.write_metadata(CONTENT_KEY, self.content.to_string());
        let file = self.file.into_inner().map_err(|error| arrow_error(&self.path, error))?;
        let (bytes, blake3) =
            file.commit().map_err(|source| ShardError::Io { path: self.path.clone(), source })?;
        Ok(ShardSummary { rows: self.rows, bytes, blake3 })
    }

    fn flush(&mut self) -> Result<(), ShardError> {
        self.batch_rows.push(self.batch.rows().to_string());
        let (schema, columns) = (&self.schema, &self.columns);
        let written = self.batch.take(schema, columns).and_then(|(batch, values)| {
            self.file.write(&batch)?;
            drop(batch);
            self.batch.recycle(values);
            Ok(())
        });
        written.map_err(|error| arrow_error(&self.path, error))
    }
}

/// The rows of the record batch in the making.
struct BatchBuilder {
    ids: Vec<String>,
    labels: Vec<Label>,
    tensors: Vec<TensorBuilder>,
}

#[derive(Default)]
struct TensorBuilder {
    values: Vec<u8>,
    ends: Vec<usize>,
    hashes: Vec<u64>,
}

impl BatchBuilder {
    fn new(columns: usize) -> BatchBuilder {
        let tensors = (0..columns).map(|_| TensorBuilder::default()).collect();
        BatchBuilder { ids: Vec::new(), labels: Vec::new(), tensors }
    }

    fn rows(&self) -> usize {
        self.ids.len()
    }

    fn has_room_for(&self, row: &ShardRow<'_>) -> bool {
        let held: usize = self.tensors.iter().map(|tensor| tensor.values.len()).sum();
        let added: usize = row.stored.iter().map(Vec::len).sum();
        self.rows() == 0 || (self.rows() < MAX_BATCH_ROWS && held + added <= MAX_BATCH_BYTES)
    }

    fn push(&mut self, row: ShardRow<'_>) {
        self.ids.push(row.sample_id.to_owned());
        self.labels.push(row.label);
        for (tensor, stored) in self.tensors.iter_mut().zip(row.stored) {
            tensor.values.extend_from_slice(stored);
            tensor.ends.push(stored.len());
            tensor.hashes.push(row_hash(row.sample_id, row.label, stored));
        }
    }

    /// The rows as a record batch, and the memory of their tensors for [`BatchBuilder::recycle`].
    fn take(
        &mut self,
        schema: &Arc<Schema>,
        columns: &[TensorColumn],
    ) -> Result<(RecordBatch, Vec<Buffer>), ArrowError> {
        let mut memory = Vec::with_capacity(columns.len());
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(self.ids.drain(..))),
            Arc::new(UInt16Array::from_iter(self.labels.drain(..))),
        ];
        for (tensor, column) in self.tensors.iter_mut().zip(columns) {
            let tensor = std::mem::take(tensor);
            let values = Buffer::from_vec(tensor.values);
            memory.push(values.clone());
            arrays.push(match column.codec {
                Codec::Zstd => {
                    let offsets = OffsetBuffer::<i64>::from_lengths(tensor.ends);
                    Arc::new(LargeBinaryArray::try_new(offsets, values, None)?)
                }
                Codec::Raw => fixed_shape_tensor(column, values)?,
            });
            arrays.push(Arc::new(UInt64Array::from(tensor.hashes)));
        }
        Ok((RecordBatch::try_new(Arc::clone(schema), arrays)?, memory))
    }

    /// Takes the memory of a batch that has been written and dropped back for the next one: fresh
    /// memory would cost a page fault for every 4 KB of a shard.
    fn recycle(&mut self, memory: Vec<Buffer>) {
        for (tensor, buffer) in self.tensors.iter_mut().zip(memory) {
            // A buffer that something else still holds is left to it.
            if let Ok(mut values) = buffer.into_vec::<u8>() {
                values.clear();
                tensor.values = values;
            }
        }
    }
}

fn fixed_shape_tensor(column: &TensorColumn, values: Buffer) -> Result<ArrayRef, ArrowError> {
    let (items, data_type): (ArrayRef, DataType) = match column.dtype {
        Dtype::U8 => (Arc::new(UInt8Array::new(values.into(), None)), DataType::UInt8),
        Dtype::F16 => {
            (Arc::new(Float16Array::new(ScalarBuffer::from(values), None)), DataType::Float16)
        }
        Dtype::F32 => {
            (Arc::new(Float32Array::new(ScalarBuffer::from(values), None)), DataType::Float32)
        }
    };
    let item = Arc::new(Field::new("item", data_type, false));
    let list = FixedSizeListArray::try_new(item, column.elements() as i32, items, None)?;
    Ok(Arc::new(list))
}

fn arrow_error(path: &Path, error: ArrowError) -> ShardError {
    match error {
        ArrowError::IoError(_, source) => ShardError::Io { path: path.to_owned(), source },
        other => ShardError::Structure { path: path.to_owned(), reason: other.to_string() },
    }
}
