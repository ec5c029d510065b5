//! Reads some columns of the ledger, batch by batch: what a loader needs of half a million rows.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{
    Array, AsArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::datatypes::{DataType, Float32Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::ledger::ledger_schema;
use super::ledger_reader::check_schema;
use super::{Dataset, DatasetError};

/// Rows of a batch.
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

/// A value of the ledger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LedgerValue<'a> {
    /// Of a [`LedgerType::Integer`] column.
    Integer(u64),
    /// Of a [`LedgerType::Real`] column.
    Real(f32),
    /// Of a [`LedgerType::Word`] column.
    Word(&'a str),
    /// Of a [`LedgerType::Hash`] column.
    Hash(&'a [u8]),
}

/// Some rows of the columns that were asked for.
#[derive(Debug)]
pub struct LedgerBatch(RecordBatch);

/// One column of a [`LedgerBatch`].
#[derive(Debug, Clone, Copy)]
pub struct LedgerValues<'a>(Values<'a>);

#[derive(Debug, Clone, Copy)]
enum Values<'a> {
    U8(&'a PrimitiveArray<UInt8Type>),
    U16(&'a PrimitiveArray<UInt16Type>),
    U32(&'a PrimitiveArray<UInt32Type>),
    U64(&'a PrimitiveArray<UInt64Type>),
    F32(&'a PrimitiveArray<Float32Type>),
    Text(&'a StringArray),
    Flag(&'a BooleanArray),
    Hash(&'a FixedSizeBinaryArray),
}

impl LedgerBatch {
    /// Rows in the batch.
    pub fn rows(&self) -> usize {
        self.0.num_rows()
    }

    /// A column that was asked for.
    ///
    /// # Panics
    /// When `name` was not among the columns of the scan.
    pub fn column(&self, name: &str) -> LedgerValues<'_> {
        let array = self.0.column_by_name(name).map(AsRef::as_ref).and_then(Values::of);
        LedgerValues(array.expect("a column of the ledger's schema that was asked for"))
    }
}

impl<'a> Values<'a> {
    fn of(array: &'a dyn Array) -> Option<Values<'a>> {
        Some(match array.data_type() {
            DataType::UInt8 => Values::U8(array.as_primitive_opt()?),
            DataType::UInt16 => Values::U16(array.as_primitive_opt()?),
            DataType::UInt32 => Values::U32(array.as_primitive_opt()?),
            DataType::UInt64 => Values::U64(array.as_primitive_opt()?),
            DataType::Float32 => Values::F32(array.as_primitive_opt()?),
            DataType::Utf8 => Values::Text(array.as_string_opt()?),
            DataType::Boolean => Values::Flag(array.as_boolean_opt()?),
            DataType::FixedSizeBinary(_) => Values::Hash(array.as_fixed_size_binary_opt()?),
            _ => return None,
        })
    }
}

impl<'a> LedgerValues<'a> {
    /// The value of a row of the batch, `None` where the ledger has none.
    ///
    /// # Panics
    /// When the batch has no such row.
    pub fn get(&self, row: usize) -> Option<LedgerValue<'a>> {
        use LedgerValue::{Hash, Integer, Real, Word};
        match self.0 {
            Values::U8(array) => array.is_valid(row).then(|| Integer(array.value(row).into())),
            Values::U16(array) => array.is_valid(row).then(|| Integer(array.value(row).into())),
            Values::U32(array) => array.is_valid(row).then(|| Integer(array.value(row).into())),
            Values::U64(array) => array.is_valid(row).then(|| Integer(array.value(row))),
            Values::F32(array) => array.is_valid(row).then(|| Real(array.value(row))),
            Values::Text(array) => array.is_valid(row).then(|| Word(array.value(row))),
            Values::Flag(array) => {
                array.is_valid(row).then(|| Word(if array.value(row) { "true" } else { "false" }))
            }
            Values::Hash(array) => array.is_valid(row).then(|| Hash(array.value(row))),
        }
    }

    /// The whole number of a row, `None` where there is none or the column is of another type.
    pub fn integer(&self, row: usize) -> Option<u64> {
        match self.get(row) {
            Some(LedgerValue::Integer(value)) => Some(value),
            _ => None,
        }
    }

    /// The word of a row, `None` where there is none or the column is of another type.
    pub fn word(&self, row: usize) -> Option<&'a str> {
        match self.get(row) {
            Some(LedgerValue::Word(value)) => Some(value),
            _ => None,
        }
    }
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

    /// Gives these columns of the whole ledger to `each`, in its order. Only their bytes are read;
    /// [`Dataset::open`] has tested them all.
    ///
    /// # Errors
    /// [`DatasetError::Io`]; [`DatasetError::Structure`] when the ledger is not as it was written;
    /// what `each` says.
    pub fn scan_ledger<E: From<DatasetError>>(
        &self,
        columns: &[&str],
        each: &mut dyn FnMut(&LedgerBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.root.join(&self.meta.ledger.file);
        let structure = |reason: String| DatasetError::Structure { path: path.clone(), reason };
        let file =
            File::open(&path).map_err(|source| DatasetError::Io { path: path.clone(), source })?;
        // As in `read_ledger`: whatever the Parquet reader does on hostile bytes ends here.
        let guarded = |work: &mut dyn FnMut() -> Result<Option<RecordBatch>, String>| {
            catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err("the Parquet reader gave up on these bytes".to_owned()))
                .map_err(structure)
        };
        let (mut file, mut reader) = (Some(file), None);
        guarded(&mut || {
            let Some(file) = file.take() else { return Ok(None) };
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)
                .map_err(|error| error.to_string())?;
            check_schema(&ledger_schema(&self.meta.columns), builder.schema())?;
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            let built = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
            reader = Some(built.map_err(|error| error.to_string())?);
            Ok(None)
        })?;
        let mut rows = 0;
        while let Some(batch) = guarded(&mut || {
            let next = reader.as_mut().and_then(Iterator::next);
            next.transpose().map_err(|error| error.to_string())
        })? {
            rows += batch.num_rows() as u64;
            each(&LedgerBatch(batch))?;
        }
        let expected = self.meta.ledger.rows;
        if rows != expected {
            let reason = format!("{rows} rows, but dataset.json says {expected}");
            return Err(structure(reason).into());
        }
        Ok(())
    }
}
