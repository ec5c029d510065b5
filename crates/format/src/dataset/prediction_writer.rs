//! Predictions as Parquet, for DuckDB, Polars and pandas: one row a sample.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, RecordBatch, StringArray, UInt8Array};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use tcolz_base::durable::HashedFile;

use super::DatasetError;
use super::ledger_writer::parquet_error;

/// Rows turned into columns at a time.
const BATCH_ROWS: usize = 65_536;

/// What was predicted, column by column; every slice but `classes` has an entry for each sample.
#[derive(Debug, Clone, Copy)]
pub struct PredictionColumns<'a> {
    /// Class names.
    pub classes: &'a [String],
    /// Sample ids.
    pub sample_ids: &'a [String],
    /// The right class of each sample.
    pub labels: &'a [u16],
    /// The predicted class of each sample.
    pub predictions: &'a [u16],
    /// How many annotators agreed, where that is known.
    pub agreement: Option<&'a [u8]>,
    /// `[samples, classes]`
    pub probabilities: &'a [f32],
}

/// Columns: `sample_id`, `label` and `prediction` (class names), `agreement` where it is known, then
/// `probability_CLASS` for each class.
pub fn prediction_schema(classes: &[String], with_agreement: bool) -> Schema {
    let required = |name: &str, data_type| Field::new(name, data_type, false);
    let mut fields = vec![
        required("sample_id", DataType::Utf8),
        required("label", DataType::Utf8),
        required("prediction", DataType::Utf8),
    ];
    fields.extend(with_agreement.then(|| required("agreement", DataType::UInt8)));
    fields.extend(classes.iter().map(|class| {
        let name = format!("probability_{class}");
        required(&name, DataType::Float32)
    }));
    Schema::new(fields)
}

/// Writes predictions as the Parquet file `path`, whole or not at all; its folder must exist.
///
/// # Errors
/// [`DatasetError::Io`] when the disk refuses; [`DatasetError::Structure`] when the columns differ in length.
pub fn write_predictions(path: &Path, all: &PredictionColumns<'_>) -> Result<(), DatasetError> {
    let io = |source| DatasetError::Io { path: path.to_owned(), source };
    let (samples, width) = (all.sample_ids.len(), all.classes.len());
    let lengths = [
        all.labels.len(),
        all.predictions.len(),
        all.agreement.map_or(samples, <[u8]>::len),
        all.probabilities.len() / width.max(1),
    ];
    if lengths != [samples; 4] {
        let reason = format!("columns of {lengths:?} values for {samples} samples");
        return Err(DatasetError::Structure { path: path.to_owned(), reason });
    }
    let schema = Arc::new(prediction_schema(all.classes, all.agreement.is_some()));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by("tcolz".to_owned())
        .build();
    let file = HashedFile::create(path).map_err(io)?;
    let parquet = |error| parquet_error(path, error);
    let mut writer =
        ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(parquet)?;
    for first in (0..samples).step_by(BATCH_ROWS) {
        let rows = first..(first + BATCH_ROWS).min(samples);
        let name = |&class: &u16| all.classes.get(usize::from(class)).map(String::as_str);
        let names = |classes: &[u16]| -> ArrayRef {
            Arc::new(StringArray::from_iter(classes.iter().map(name)))
        };
        let ids = StringArray::from_iter_values(&all.sample_ids[rows.clone()]);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(ids),
            names(&all.labels[rows.clone()]),
            names(&all.predictions[rows.clone()]),
        ];
        if let Some(agreement) = all.agreement {
            columns.push(Arc::new(UInt8Array::from(agreement[rows.clone()].to_vec())));
        }
        for class in 0..width {
            let of = |row: usize| all.probabilities[row * width + class];
            columns.push(Arc::new(Float32Array::from_iter_values(rows.clone().map(of))));
        }
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
        let batch = batch.map_err(|error| parquet(error.into()))?;
        writer.write(&batch).map_err(parquet)?;
    }
    writer.into_inner().map_err(parquet)?.commit().map_err(io)?;
    Ok(())
}
