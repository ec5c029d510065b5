//! Reads the ledger back into rows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    ArrowPrimitiveType, Float32Type, Schema, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::sample::{PhotoInfo, SourceFormat, Status};
use crate::shard::TensorColumn;
use crate::transform::ChannelSums;

use super::DatasetError;
use super::ledger::{LedgerRow, TensorFacts, ledger_schema, tensor_fields};

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
        .unwrap_or_else(|_| Err("the Parquet reader gave up on these bytes".to_owned()));
    rows.map_err(|reason| DatasetError::Structure { path: path.to_owned(), reason })
}

fn read(bytes: Bytes, columns: &[TensorColumn]) -> Result<Vec<LedgerRow>, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| text(&error))?;
    check_schema(&ledger_schema(columns), builder.schema())?;
    let reader = builder.with_batch_size(8192).build().map_err(|error| text(&error))?;
    let mut rows = Vec::new();
    let mut names = Names::default();
    for batch in reader {
        let batch = batch.map_err(|error| text(&error))?;
        append(&batch, columns, &mut names, &mut rows)?;
    }
    Ok(rows)
}

pub(super) fn check_schema(expected: &Schema, found: &Schema) -> Result<(), String> {
    for (expected, found) in expected.fields().iter().zip(found.fields()) {
        let same = expected.name() == found.name()
            && expected.data_type() == found.data_type()
            && expected.is_nullable() == found.is_nullable();
        if !same {
            return Err(format!("ledger column differs: expected {expected:?}, found {found:?}"));
        }
    }
    let (expected, found) = (expected.fields().len(), found.fields().len());
    if expected != found {
        return Err(format!("the ledger has {found} columns, expected {expected}"));
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

/// The columns of a batch by name, with typed access; types were tested against the schema.
struct Columns<'a>(&'a RecordBatch);

impl Columns<'_> {
    fn column(&self, name: &str) -> Result<&dyn Array, String> {
        let column = self.0.column_by_name(name).ok_or_else(|| format!("no column {name}"))?;
        Ok(column.as_ref())
    }

    fn text<'a>(
        &'a self,
        name: &str,
    ) -> Result<impl Fn(usize) -> Option<&'a str> + use<'a>, String> {
        let array =
            self.column(name)?.as_string_opt::<i32>().ok_or_else(|| format!("{name}: not text"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    fn number<'a, T: ArrowPrimitiveType>(
        &'a self,
        name: &str,
    ) -> Result<impl Fn(usize) -> Option<T::Native> + use<'a, T>, String> {
        let array = self
            .column(name)?
            .as_primitive_opt::<T>()
            .ok_or_else(|| format!("{name}: not of its type"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    fn flag<'a>(&'a self, name: &str) -> Result<impl Fn(usize) -> Option<bool> + use<'a>, String> {
        let array =
            self.column(name)?.as_boolean_opt().ok_or_else(|| format!("{name}: not boolean"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    fn hash<'a>(
        &'a self,
        name: &str,
    ) -> Result<impl Fn(usize) -> Option<[u8; 32]> + use<'a>, String> {
        let array = self
            .column(name)?
            .as_fixed_size_binary_opt()
            .ok_or_else(|| format!("{name}: not a hash"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row).try_into().ok())?)
    }
}

fn append(
    batch: &RecordBatch,
    columns: &[TensorColumn],
    names: &mut Names,
    rows: &mut Vec<LedgerRow>,
) -> Result<(), String> {
    let all = Columns(batch);
    let (list, line) = (all.text("list")?, all.number::<UInt32Type>("line")?);
    let (sample_id, path) = (all.text("sample_id")?, all.text("path")?);
    let tweet_id = all.number::<UInt64Type>("tweet_id")?;
    let (split, label) = (all.text("split")?, all.number::<UInt16Type>("label")?);
    let (status, reason) = (all.text("status")?, all.text("reason")?);
    let recovered_share = all.number::<Float32Type>("recovered_share")?;
    let (shard, row) = (all.number::<UInt32Type>("shard")?, all.number::<UInt32Type>("row")?);
    let source_bytes = all.number::<UInt64Type>("source_bytes")?;
    let source_blake3 = all.hash("source_blake3")?;
    let (format, progressive) = (all.text("format")?, all.flag("progressive")?);
    let (width, height) = (all.number::<UInt32Type>("width")?, all.number::<UInt32Type>("height")?);
    let jpeg_quality = all.number::<UInt8Type>("jpeg_quality")?;
    let exif_orientation = all.number::<UInt8Type>("exif_orientation")?;
    let (dhash, agreement) =
        (all.number::<UInt64Type>("dhash")?, all.number::<UInt8Type>("agreement")?);
    let text_neg = all.number::<Float32Type>("text_neg")?;
    let text_neu = all.number::<Float32Type>("text_neu")?;
    let text_pos = all.number::<Float32Type>("text_pos")?;
    let tensors =
        columns.iter().map(|column| tensor_facts(&all, column)).collect::<Result<Vec<_>, _>>()?;

    rows.reserve(batch.num_rows());
    for index in 0..batch.num_rows() {
        let absent = |what: &str| format!("ledger row {}: no {what}", rows.len());
        let status = status(index).and_then(Status::parse).ok_or_else(|| absent("known status"))?;
        let photo = match (format(index), width(index), height(index)) {
            (Some(format), Some(width), Some(height)) => Some(PhotoInfo {
                format: SourceFormat::parse(format).ok_or_else(|| absent("known format"))?,
                progressive: progressive(index).unwrap_or(false),
                width,
                height,
                jpeg_quality: jpeg_quality(index),
                exif_orientation: exif_orientation(index),
                recovered_share: recovered_share(index).unwrap_or(1.0),
            }),
            _ => None,
        };
        let place = shard(index).zip(row(index));
        let tensors: Vec<TensorFacts> = tensors.iter().filter_map(|facts| facts(index)).collect();
        let known = usize::from(place.is_some()) + tensors.len();
        let expected = if status == Status::Stored { 1 + columns.len() } else { 0 };
        if known != expected {
            let row = rows.len();
            return Err(format!(
                "ledger row {row}: {status}, which its place or tensors contradict"
            ));
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
    all: &'a Columns<'a>,
    column: &TensorColumn,
) -> Result<impl Fn(usize) -> Option<TensorFacts> + use<'a>, String> {
    let [pixels, sums @ ..] = tensor_fields(column);
    let blake3 = all.hash(&pixels)?;
    let sums =
        sums.iter().map(|name| all.number::<UInt64Type>(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(move |row| {
        let value = |index: usize| sums.get(index).and_then(|sum| sum(row));
        Some(TensorFacts {
            blake3: blake3(row)?,
            sums: ChannelSums {
                sum: [value(0)?, value(1)?, value(2)?],
                sum_of_squares: [value(3)?, value(4)?, value(5)?],
            },
        })
    })
}
