//! Reads the ledger back into rows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::sample::Status;
use crate::shard::TensorColumn;

use super::DatasetError;
use super::ledger::{LedgerRow, TensorFacts, ledger_schema};
use super::ledger_batch::{LedgerBatch, LedgerError, pixels_field};

/// Parses the bytes of `ledger.parquet`. `path` is only what errors call it.
///
/// # Errors
/// [`DatasetError::Structure`] when it is not Parquet, not the schema of these tensor columns, or
/// holds a value that no ledger holds.
pub fn read_ledger(
    bytes: Vec<u8>,
    columns: &[TensorColumn],
    path: &Path,
) -> Result<Vec<LedgerRow>, DatasetError> {
    // The Parquet reader promises errors and not panics, but it parses a format with many corners;
    // whatever it does on hostile bytes ends here.
    let rows = catch_unwind(AssertUnwindSafe(|| read(bytes.into(), columns)))
        .unwrap_or_else(|_| Err(LedgerError::of_file("the Parquet reader gave up on these bytes")));
    rows.map_err(|error| DatasetError::Structure {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn read(bytes: Bytes, columns: &[TensorColumn]) -> Result<Vec<LedgerRow>, LedgerError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(LedgerError::of_file)?;
    check_schema(&ledger_schema(columns), builder.schema())?;
    let reader = builder.with_batch_size(8192).build().map_err(LedgerError::of_file)?;
    let mut rows = Vec::new();
    let mut names = Names::default();
    for batch in reader {
        let batch = batch.map_err(LedgerError::of_file)?;
        append(&batch, columns, &mut names, &mut rows)?;
    }
    Ok(rows)
}

pub(super) fn check_schema(expected: &Schema, found: &Schema) -> Result<(), LedgerError> {
    for (expected, found) in expected.fields().iter().zip(found.fields()) {
        let same = expected.name() == found.name()
            && expected.data_type() == found.data_type()
            && expected.is_nullable() == found.is_nullable();
        if !same {
            let fault = format!("ledger column differs: expected {expected:?}, found {found:?}");
            return Err(LedgerError::of_file(fault));
        }
    }
    let (expected, found) = (expected.fields().len(), found.fields().len());
    if expected != found {
        let fault = format!("the ledger has {found} columns, expected {expected}");
        return Err(LedgerError::of_file(fault));
    }
    Ok(())
}

/// Lists and splits repeat in every row; each name is held once.
#[derive(Default)]
struct Names(Vec<Arc<str>>);

impl Names {
    fn get(&mut self, name: &str) -> Arc<str> {
        // The last name is nearly always the next one: rows are ordered by split and list.
        if let Some(known) = self.0.iter().rev().find(|known| &***known == name) {
            return Arc::clone(known);
        }
        self.0.push(name.into());
        Arc::clone(&self.0[self.0.len() - 1])
    }
}

fn append(
    batch: &RecordBatch,
    columns: &[TensorColumn],
    names: &mut Names,
    rows: &mut Vec<LedgerRow>,
) -> Result<(), LedgerError> {
    let all = LedgerBatch::new(batch, rows.len() as u64);
    let (list, line) = (all.text("list")?, all.u32("line")?);
    let (sample_id, path) = (all.text("sample_id")?, all.text("path")?);
    let tweet_id = all.u64("tweet_id")?;
    let (split, label) = (all.text("split")?, all.u16("label")?);
    let (status, reason) = (all.status()?, all.text("reason")?);
    let (shard, row) = (all.u32("shard")?, all.u32("row")?);
    let source_bytes = all.u64("source_bytes")?;
    let source_blake3 = all.hash("source_blake3")?;
    let photo = all.photo()?;
    let (dhash, agreement) = (all.u64("dhash")?, all.u8("agreement")?);
    let text_neg = all.f32("text_neg")?;
    let text_neu = all.f32("text_neu")?;
    let text_pos = all.f32("text_pos")?;
    let tensors =
        columns.iter().map(|column| tensor_facts(&all, column)).collect::<Result<Vec<_>, _>>()?;

    rows.reserve(batch.num_rows());
    for index in 0..batch.num_rows() {
        let number = rows.len() as u64;
        let absent = |what: &str| LedgerError::of_row(number, format!("no {what}"));
        let (status, photo) = (status(index)?, photo(index)?);
        let place = shard(index).zip(row(index));
        let tensors: Vec<TensorFacts> = tensors.iter().filter_map(|facts| facts(index)).collect();
        let known = usize::from(place.is_some()) + tensors.len();
        let expected = if status == Status::Stored { 1 + columns.len() } else { 0 };
        if known != expected {
            let fault = format!("{status}, which its place or tensors contradict");
            return Err(LedgerError::of_row(number, fault));
        }
        let [list, split] = [list(index), split(index)].map(|name| names.get(name.unwrap_or("")));
        rows.push(LedgerRow {
            list,
            line: line(index).ok_or_else(|| absent("line"))?,
            sample_id: sample_id(index).ok_or_else(|| absent("sample id"))?.to_owned(),
            path: path(index).ok_or_else(|| absent("path"))?.to_owned(),
            tweet_id: tweet_id(index),
            split,
            label: label(index),
            status,
            reason: reason(index).map(str::to_owned),
            place,
            source: source_bytes(index).zip(source_blake3(index)),
            photo,
            tensors,
            dhash: dhash(index),
            text_scores: match (text_neg(index), text_neu(index), text_pos(index)) {
                (Some(negative), Some(neutral), Some(positive)) => {
                    Some([negative, neutral, positive])
                }
                _ => None,
            },
            agreement: agreement(index),
        });
    }
    Ok(())
}

fn tensor_facts<'a>(
    all: &LedgerBatch<'a>,
    column: &TensorColumn,
) -> Result<impl Fn(usize) -> Option<TensorFacts> + use<'a>, LedgerError> {
    let (blake3, sums) = (all.hash(&pixels_field(column))?, all.sums(column)?);
    Ok(move |row| Some(TensorFacts { blake3: blake3(row)?, sums: sums(row)? }))
}
