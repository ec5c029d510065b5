//! Reads some columns of the ledger, on all cores: what a loader or a statistic needs of half a million rows.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;

use super::ledger::ledger_schema;
use super::ledger_reader::check_schema;
use super::{Dataset, DatasetError, LedgerBatch, LedgerError};

/// Rows of a batch at most.
const BATCH_ROWS: usize = 8192;

/// What a ledger column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerType {
    /// Whole numbers from 0.
    Integer,
    /// Numbers of float32.
    Real,
    /// Words; also the flags, as `true` and `false`.
    Word,
    /// 32 bytes.
    Hash,
}

/// What can go wrong with a row group.
enum ScanError {
    Io(std::io::Error),
    Ledger(LedgerError),
}

impl Dataset {
    /// Names and types of the ledger's columns, in its order.
    pub fn ledger_columns(&self) -> Vec<(String, LedgerType)> {
        let type_of = |data_type: &DataType| match data_type {
            DataType::Float32 => LedgerType::Real,
            DataType::Utf8 | DataType::Boolean => LedgerType::Word,
            DataType::FixedSizeBinary(_) => LedgerType::Hash,
            _ => LedgerType::Integer,
        };
        let schema = ledger_schema(&self.meta.columns);
        let fields = schema.fields().iter();
        fields.map(|field| (field.name().clone(), type_of(field.data_type()))).collect()
    }

    /// Reads the columns `names` of the ledger and nothing else, and gives `read` every batch of rows, on all
    /// cores; what it gives comes back in the ledger's order. Only these columns' bytes are read:
    /// [`Dataset::open`] has tested them all.
    ///
    /// # Errors
    /// [`DatasetError::Io`]; [`DatasetError::Structure`] when the ledger is not as it was written, or with
    /// the reason that `read` gives, of its first batch that has one.
    pub fn scan_ledger<T: Send>(
        &self,
        names: &[&str],
        read: impl Fn(&LedgerBatch<'_>) -> Result<T, LedgerError> + Sync,
    ) -> Result<Vec<T>, DatasetError> {
        let path = self.root.join(&self.meta.ledger.file);
        self.scan(&path, names, &read).map_err(|error| match error {
            ScanError::Io(source) => DatasetError::Io { path, source },
            ScanError::Ledger(error) => DatasetError::Structure { path, reason: error.to_string() },
        })
    }

    fn scan<T: Send>(
        &self,
        path: &Path,
        names: &[&str],
        read: &(impl Fn(&LedgerBatch<'_>) -> Result<T, LedgerError> + Sync),
    ) -> Result<Vec<T>, ScanError> {
        // One open file for each row group: clones of one would share its position.
        let open = || File::open(path).map_err(ScanError::Io);
        let file = open()?;
        let metadata = guarded(|| {
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
                .map_err(LedgerError::of_file)
        })?;
        check_schema(&ledger_schema(&self.meta.columns), metadata.schema())?;
        let parquet = metadata.metadata();
        let schema = parquet.file_metadata().schema_descr();
        let mask = ProjectionMask::columns(schema, names.iter().copied());
        let mut groups: Vec<(usize, u64)> = Vec::with_capacity(parquet.num_row_groups());
        let mut rows = 0u64;
        for (index, group) in parquet.row_groups().iter().enumerate() {
            groups.push((index, rows));
            rows = rows.saturating_add(u64::try_from(group.num_rows()).unwrap_or(0));
        }
        let expected = self.meta.ledger.rows;
        if rows != expected {
            let reason = format!("{rows} rows, but dataset.json says {expected}");
            return Err(LedgerError::of_file(reason).into());
        }
        let of_group = |(index, first_row): (usize, u64)| -> Result<Vec<T>, ScanError> {
            let builder =
                ParquetRecordBatchReaderBuilder::new_with_metadata(open()?, metadata.clone())
                    .with_projection(mask.clone())
                    .with_row_groups(vec![index])
                    .with_batch_size(BATCH_ROWS);
            let mut reader = guarded(|| builder.build().map_err(LedgerError::of_file))?;
            let rows_of_group = parquet.row_group(index).num_rows() as u64;
            let (mut results, mut row) = (Vec::new(), first_row);
            while let Some(batch) = next_batch(&mut reader)? {
                results.push(read(&LedgerBatch::new(&batch, row))?);
                row = row.saturating_add(batch.num_rows() as u64);
            }
            match row - first_row {
                found if found == rows_of_group => Ok(results),
                found => Err(ScanError::Ledger(LedgerError::of_file(format!(
                    "row group {index} has {found} rows, its footer says {rows_of_group}"
                )))),
            }
        };
        let results: Vec<Result<Vec<T>, ScanError>> =
            groups.into_par_iter().map(of_group).collect();
        // One after the other, so that of several errors the first is told.
        let mut all = Vec::new();
        for results in results {
            all.append(&mut results?);
        }
        Ok(all)
    }
}

impl From<LedgerError> for ScanError {
    fn from(error: LedgerError) -> ScanError {
        ScanError::Ledger(error)
    }
}

fn next_batch(reader: &mut ParquetRecordBatchReader) -> Result<Option<RecordBatch>, LedgerError> {
    guarded(|| reader.next().transpose().map_err(LedgerError::of_file))
}

/// The Parquet reader promises errors and not panics, but it parses a format with many corners; whatever it
/// does on hostile bytes ends here.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(LedgerError::of_file("the Parquet reader gave up on these bytes")))
}
