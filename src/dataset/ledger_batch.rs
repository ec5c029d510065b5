//! Some columns of the ledger, a batch of rows at a time: what a statistic over half a million rows needs,
//! without a [`LedgerRow`](super::LedgerRow) for each of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    ArrowPrimitiveType, Float32Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;

use crate::sample::{PhotoInfo, SourceFormat, Status};
use crate::shard::TensorColumn;
use crate::transform::ChannelSums;

use super::ledger::{ledger_schema, tensor_fields};
use super::ledger_reader::check_schema;
use super::{Dataset, DatasetError};

/// Rows of a batch at most.
const BATCH_ROWS: usize = 8192;

/// Columns that [`LedgerBatch::photo`] reads.
pub const PHOTO_FIELDS: [&str; 7] = [
    "format",
    "progressive",
    "width",
    "height",
    "jpeg_quality",
    "exif_orientation",
    "recovered_share",
];

/// Rows that follow each other in the ledger, and those of their columns that were asked for. Types are
/// those of [`ledger_schema`](super::ledger_schema); a null is `None`.
#[derive(Debug)]
pub struct LedgerBatch<'a> {
    batch: &'a RecordBatch,
    first_row: u64,
}

impl Dataset {
    /// Reads the columns `names` of the ledger and nothing else, and gives `read` every batch of rows, on all
    /// cores; what it gives comes back in the ledger's order.
    ///
    /// # Errors
    /// [`DatasetError::Checksum`] or [`DatasetError::Structure`] when the ledger is not as it was written;
    /// [`DatasetError::Structure`] with the reason that `read` gives.
    pub fn scan_ledger<T: Send>(
        &self,
        names: &[&str],
        read: impl Fn(&LedgerBatch<'_>) -> Result<T, String> + Sync,
    ) -> Result<Vec<T>, DatasetError> {
        let bytes = self.ledger_bytes()?;
        let expected = self.meta().ledger.rows;
        // As for read_ledger: whatever the Parquet reader does on hostile bytes ends here.
        let scanned = catch_unwind(AssertUnwindSafe(|| {
            scan(bytes.into(), &self.meta().columns, names, &read)
        }))
        .unwrap_or_else(|_| Err("the Parquet reader gave up on these bytes".to_owned()));
        let scanned = scanned.and_then(|(rows, results)| match rows {
            rows if rows == expected => Ok(results),
            found => Err(format!("{found} rows, but dataset.json says {expected}")),
        });
        scanned.map_err(|reason| DatasetError::Structure {
            path: self.root().join(&self.meta().ledger.file),
            reason,
        })
    }
}

/// The number of rows, and what `read` gives for each batch.
fn scan<T: Send>(
    bytes: Bytes,
    columns: &[TensorColumn],
    names: &[&str],
    read: &(impl Fn(&LedgerBatch<'_>) -> Result<T, String> + Sync),
) -> Result<(u64, Vec<T>), String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let metadata = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new())
        .map_err(|error| text(&error))?;
    check_schema(&ledger_schema(columns), metadata.schema())?;
    let parquet = metadata.metadata();
    let mask =
        ProjectionMask::columns(parquet.file_metadata().schema_descr(), names.iter().copied());
    let mut first_rows = Vec::with_capacity(parquet.num_row_groups());
    let mut rows = 0;
    for group in parquet.row_groups() {
        first_rows.push(rows);
        rows += u64::try_from(group.num_rows()).unwrap_or(0);
    }
    let read_group = |(group, first_row): (usize, u64)| -> Result<Vec<T>, String> {
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata.clone());
        let reader = builder
            .with_projection(mask.clone())
            .with_row_groups(vec![group])
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| text(&error))?;
        let mut first_row = first_row;
        let mut results = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| text(&error))?;
            results.push(read(&LedgerBatch { batch: &batch, first_row })?);
            first_row += batch.num_rows() as u64;
        }
        Ok(results)
    };
    let groups: Vec<(usize, u64)> = first_rows.into_iter().enumerate().collect();
    let results: Result<Vec<Vec<T>>, String> = groups.into_par_iter().map(read_group).collect();
    Ok((rows, results?.into_iter().flatten().collect()))
}

impl<'a> LedgerBatch<'a> {
    pub(super) fn new(batch: &'a RecordBatch, first_row: u64) -> LedgerBatch<'a> {
        LedgerBatch { batch, first_row }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// Place in the ledger of the first row, from 0.
    pub fn first_row(&self) -> u64 {
        self.first_row
    }

    fn column(&self, name: &str) -> Result<&'a dyn Array, String> {
        let column = self.batch.column_by_name(name).ok_or_else(|| format!("no column {name}"))?;
        Ok(column.as_ref())
    }

    /// A column of text.
    ///
    /// # Errors
    /// A sentence, here and below, when the column was not asked for or is of another type.
    pub fn text(&self, name: &str) -> Result<impl Fn(usize) -> Option<&'a str> + use<'a>, String> {
        let array =
            self.column(name)?.as_string_opt::<i32>().ok_or_else(|| format!("{name}: not text"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    pub(super) fn number<T: ArrowPrimitiveType>(
        &self,
        name: &str,
    ) -> Result<impl Fn(usize) -> Option<T::Native> + use<'a, T>, String> {
        let array = self
            .column(name)?
            .as_primitive_opt::<T>()
            .ok_or_else(|| format!("{name}: not of its type"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    /// A column of 8-bit numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::text`].
    pub fn u8(&self, name: &str) -> Result<impl Fn(usize) -> Option<u8> + use<'a>, String> {
        self.number::<UInt8Type>(name)
    }

    /// A column of 16-bit numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::text`].
    pub fn u16(&self, name: &str) -> Result<impl Fn(usize) -> Option<u16> + use<'a>, String> {
        self.number::<UInt16Type>(name)
    }

    /// A column of 32-bit numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::text`].
    pub fn u32(&self, name: &str) -> Result<impl Fn(usize) -> Option<u32> + use<'a>, String> {
        self.number::<UInt32Type>(name)
    }

    /// A column of 64-bit numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::text`].
    pub fn u64(&self, name: &str) -> Result<impl Fn(usize) -> Option<u64> + use<'a>, String> {
        self.number::<UInt64Type>(name)
    }

    /// A column of 32-bit floating-point numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::text`].
    pub fn f32(&self, name: &str) -> Result<impl Fn(usize) -> Option<f32> + use<'a>, String> {
        self.number::<Float32Type>(name)
    }

    /// A column of flags.
    ///
    /// # Errors
    /// As [`LedgerBatch::text`].
    pub fn flag(&self, name: &str) -> Result<impl Fn(usize) -> Option<bool> + use<'a>, String> {
        let array =
            self.column(name)?.as_boolean_opt().ok_or_else(|| format!("{name}: not boolean"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    /// A column of BLAKE3 hashes.
    ///
    /// # Errors
    /// As [`LedgerBatch::text`].
    pub fn hash(&self, name: &str) -> Result<impl Fn(usize) -> Option<[u8; 32]> + use<'a>, String> {
        let array = self
            .column(name)?
            .as_fixed_size_binary_opt()
            .ok_or_else(|| format!("{name}: not a hash"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row).try_into().ok())?)
    }

    /// The status of each row. Needs the column `status`.
    ///
    /// # Errors
    /// As [`LedgerBatch::text`]; each call for a word that is no status.
    pub fn status(&self) -> Result<impl Fn(usize) -> Result<Status, String> + use<'a>, String> {
        let (status, first) = (self.text("status")?, self.first_row);
        Ok(move |row| {
            let known = status(row).and_then(Status::parse);
            known.ok_or_else(|| format!("ledger row {}: no known status", first + row as u64))
        })
    }

    /// What decoding learned of each photo. Needs the columns [`PHOTO_FIELDS`].
    ///
    /// # Errors
    /// As [`LedgerBatch::text`]; each call for a word that is no format.
    pub fn photo(
        &self,
    ) -> Result<impl Fn(usize) -> Result<Option<PhotoInfo>, String> + use<'a>, String> {
        let [format, progressive, width, height, quality, orientation, share] = PHOTO_FIELDS;
        let (format, progressive) = (self.text(format)?, self.flag(progressive)?);
        let (width, height) = (self.u32(width)?, self.u32(height)?);
        let (quality, orientation) = (self.u8(quality)?, self.u8(orientation)?);
        let (share, first) = (self.f32(share)?, self.first_row);
        Ok(move |row| {
            let (Some(format), Some(width), Some(height)) = (format(row), width(row), height(row))
            else {
                return Ok(None);
            };
            let unknown = || format!("ledger row {}: no known format", first + row as u64);
            Ok(Some(PhotoInfo {
                format: SourceFormat::parse(format).ok_or_else(unknown)?,
                progressive: progressive(row).unwrap_or(false),
                width,
                height,
                jpeg_quality: quality(row),
                exif_orientation: orientation(row),
                recovered_share: share(row).unwrap_or(1.0),
            }))
        })
    }

    /// The channel sums of each row's tensor. Needs the columns that [`sum_fields`] names.
    ///
    /// # Errors
    /// As [`LedgerBatch::text`].
    pub fn sums(
        &self,
        column: &TensorColumn,
    ) -> Result<impl Fn(usize) -> Option<ChannelSums> + use<'a>, String> {
        let sums =
            sum_fields(column).iter().map(|name| self.u64(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(move |row| {
            let value = |index: usize| sums.get(index).and_then(|sum| sum(row));
            Some(ChannelSums {
                sum: [value(0)?, value(1)?, value(2)?],
                sum_of_squares: [value(3)?, value(4)?, value(5)?],
            })
        })
    }
}

/// Ledger columns that hold the sums of a tensor column: of r, g, b, then of their squares.
pub fn sum_fields(column: &TensorColumn) -> [String; 6] {
    let [_, sums @ ..] = tensor_fields(column);
    sums
}

/// The ledger column that holds the BLAKE3 of a tensor column's pixels.
pub fn pixels_field(column: &TensorColumn) -> String {
    let [pixels, ..] = tensor_fields(column);
    pixels
}
