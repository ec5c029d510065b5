//! Writes the ledger row by row, in bounded memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, RecordBatch, StringArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow_schema::ArrowError;
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::shard::TensorColumn;
use tcolz_base::durable::HashedFile;

use super::DatasetError;
use super::ledger::{LedgerRow, TensorFacts, ledger_schema};
use super::meta::FileMeta;

/// Rows turned into columns at a time.
const BATCH_ROWS: usize = 1024;
/// Rows of a Parquet row group: what a query engine reads at least, and what the writer holds.
const ROW_GROUP_ROWS: usize = 65_536;

/// Writes `ledger.parquet`. Nothing carries that name before [`LedgerWriter::finish`].
pub struct LedgerWriter {
    path: PathBuf,
    schema: Arc<Schema>,
    columns: usize,
    pending: Vec<LedgerRow>,
    file: ArrowWriter<HashedFile>,
    rows: u64,
}

impl LedgerWriter {
    /// Begins the ledger `path`, whose folder must exist.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when the folder is missing, full or not writable.
    pub fn create(path: &Path, columns: &[TensorColumn]) -> Result<LedgerWriter, DatasetError> {
        let file = HashedFile::create(path)
            .map_err(|source| DatasetError::Io { path: path.to_owned(), source })?;
        let schema = Arc::new(ledger_schema(columns));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_created_by("tcolz".to_owned())
            .build();
        let file = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))
            .map_err(|error| parquet_error(path, error))?;
        Ok(LedgerWriter {
            path: path.to_owned(),
            schema,
            columns: columns.len(),
            pending: Vec::with_capacity(BATCH_ROWS),
            file,
            rows: 0,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when the disk refuses.
    pub fn push(&mut self, row: LedgerRow) -> Result<(), DatasetError> {
        self.pending.push(row);
        self.rows += 1;
        if self.pending.len() == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    /// Writes what is pending and the Parquet footer, syncs, and gives the ledger its name.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when the disk refuses.
    pub fn finish(mut self) -> Result<FileMeta, DatasetError> {
        self.flush()?;
        let file = self.file.into_inner().map_err(|error| parquet_error(&self.path, error))?;
        let (bytes, blake3) =
            file.commit().map_err(|source| DatasetError::Io { path: self.path.clone(), source })?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(FileMeta { file: name, rows: self.rows, bytes, blake3: blake3.to_string() })
    }

    fn flush(&mut self) -> Result<(), DatasetError> {
        let batch = record_batch(&self.schema, self.columns, &self.pending)
            .map_err(|error| parquet_error(&self.path, error.into()))?;
        self.pending.clear();
        self.file.write(&batch).map_err(|error| parquet_error(&self.path, error))
    }
}

fn record_batch(
    schema: &Arc<Schema>,
    columns: usize,
    rows: &[LedgerRow],
) -> Result<RecordBatch, ArrowError> {
    let text = |get: &dyn Fn(&LedgerRow) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(get)))
    };
    let optional_text = |get: &dyn Fn(&LedgerRow) -> Option<String>| -> ArrayRef {
        Arc::new(StringArray::from_iter(rows.iter().map(get)))
    };
    let bytes = |get: &dyn Fn(&LedgerRow) -> Option<u8>| -> ArrayRef {
        Arc::new(UInt8Array::from_iter(rows.iter().map(get)))
    };
    let numbers = |get: &dyn Fn(&LedgerRow) -> Option<u32>| -> ArrayRef {
        Arc::new(UInt32Array::from_iter(rows.iter().map(get)))
    };
    let longs = |get: &dyn Fn(&LedgerRow) -> Option<u64>| -> ArrayRef {
        Arc::new(UInt64Array::from_iter(rows.iter().map(get)))
    };
    let floats = |get: &dyn Fn(&LedgerRow) -> Option<f32>| -> ArrayRef {
        Arc::new(Float32Array::from_iter(rows.iter().map(get)))
    };
    let mut arrays: Vec<ArrayRef> = vec![
        text(&|row| &row.list),
        numbers(&|row| Some(row.line)),
        text(&|row| &row.sample_id),
        text(&|row| &row.path),
        longs(&|row| row.tweet_id),
        text(&|row| &row.split),
        Arc::new(UInt16Array::from_iter(rows.iter().map(|row| row.label))),
        text(&|row| row.status.as_str()),
        optional_text(&|row| row.reason.clone()),
        floats(&|row| Some(row.photo?.recovered_share)),
        numbers(&|row| Some(row.place?.0)),
        numbers(&|row| Some(row.place?.1)),
        longs(&|row| Some(row.source?.0)),
        hashes(rows, &|row| Some(row.source?.1))?,
        optional_text(&|row| Some(row.photo?.format.to_string())),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.photo?.progressive)))),
        numbers(&|row| Some(row.photo?.width)),
        numbers(&|row| Some(row.photo?.height)),
        bytes(&|row| row.photo?.jpeg_quality),
        bytes(&|row| row.photo?.exif_orientation),
        longs(&|row| row.dhash),
        floats(&|row| Some(row.text_scores?[0])),
        floats(&|row| Some(row.text_scores?[1])),
        floats(&|row| Some(row.text_scores?[2])),
        bytes(&|row| row.agreement),
    ];
    for column in 0..columns {
        let tensor = |row: &LedgerRow| -> Option<TensorFacts> { row.tensors.get(column).copied() };
        arrays.push(hashes(rows, &|row| Some(tensor(row)?.blake3))?);
        for channel in 0..3 {
            arrays.push(longs(&|row| Some(tensor(row)?.sums.sum[channel])));
        }
        for channel in 0..3 {
            arrays.push(longs(&|row| Some(tensor(row)?.sums.sum_of_squares[channel])));
        }
    }
    RecordBatch::try_new(Arc::clone(schema), arrays)
}

fn hashes(
    rows: &[LedgerRow],
    get: &dyn Fn(&LedgerRow) -> Option<[u8; 32]>,
) -> Result<ArrayRef, ArrowError> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(rows.len(), 32);
    for row in rows {
        match get(row) {
            Some(hash) => builder.append_value(hash)?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

pub(super) fn parquet_error(path: &Path, error: ParquetError) -> DatasetError {
    let path = path.to_owned();
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => DatasetError::Io { path, source: *source },
            Err(other) => DatasetError::Structure { path, reason: other.to_string() },
        },
        other => DatasetError::Structure { path, reason: other.to_string() },
    }
}
