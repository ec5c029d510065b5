//! Some columns of the ledger, a batch of rows at a time: what a statistic over half a million rows needs,
//! without a [`LedgerRow`](super::LedgerRow) for each of them.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow_schema::DataType;

use crate::sample::Status;
use crate::shard::TensorColumn;
use tcolz_pixels::ChannelSums;
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};

use super::ledger::tensor_fields;

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

/// A ledger that is not as a reader of some of its columns expects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The column was not asked for, or there is none.
    #[error("no column {name}")]
    NoColumn {
        /// Its name.
        name: String,
    },
    /// The column is of another type.
    #[error("{name}: {fault}")]
    ColumnType {
        /// Its name.
        name: String,
        /// What it is not.
        fault: &'static str,
    },
    /// A row says what no row can say.
    #[error("ledger row {row}: {fault}")]
    Row {
        /// Its place in the ledger, from 0.
        row: u64,
        /// What is wrong with it.
        fault: String,
    },
    /// The file is not as it was written.
    #[error("{fault}")]
    File {
        /// What is wrong with it.
        fault: String,
    },
}

impl LedgerError {
    /// What is wrong with a row, by its place in the ledger from 0.
    pub fn of_row(row: u64, fault: impl Into<String>) -> LedgerError {
        LedgerError::Row { row, fault: fault.into() }
    }

    pub(super) fn of_file(fault: impl ToString) -> LedgerError {
        LedgerError::File { fault: fault.to_string() }
    }
}

fn of_other_type(name: &str, fault: &'static str) -> LedgerError {
    LedgerError::ColumnType { name: name.to_owned(), fault }
}

/// A value of the ledger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LedgerValue<'a> {
    /// Of a [`LedgerType::Integer`](super::LedgerType::Integer) column.
    Integer(u64),
    /// Of a [`LedgerType::Real`](super::LedgerType::Real) column.
    Real(f32),
    /// Of a [`LedgerType::Word`](super::LedgerType::Word) column.
    Word(&'a str),
    /// Of a [`LedgerType::Hash`](super::LedgerType::Hash) column.
    Hash(&'a [u8]),
}

/// A column of whatever type.
#[derive(Clone, Copy)]
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

    fn get(self, row: usize) -> Option<LedgerValue<'a>> {
        use LedgerValue::{Hash, Integer, Real, Word};
        match self {
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

    fn column(&self, name: &str) -> Result<&'a dyn Array, LedgerError> {
        let column = self
            .batch
            .column_by_name(name)
            .ok_or_else(|| LedgerError::NoColumn { name: name.to_owned() })?;
        Ok(column.as_ref())
    }

    /// A column of whatever type.
    ///
    /// # Errors
    /// Here and below: [`LedgerError::NoColumn`] where the column was not asked for, [`LedgerError::ColumnType`] where
    /// it is of another type.
    pub fn value(
        &self,
        name: &str,
    ) -> Result<impl Fn(usize) -> Option<LedgerValue<'a>> + use<'a>, LedgerError> {
        let values = Values::of(self.column(name)?);
        let values = values.ok_or_else(|| of_other_type(name, "of no type that a ledger has"))?;
        Ok(move |row| values.get(row))
    }

    /// A column of text.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn text(
        &self,
        name: &str,
    ) -> Result<impl Fn(usize) -> Option<&'a str> + use<'a>, LedgerError> {
        let array = self
            .column(name)?
            .as_string_opt::<i32>()
            .ok_or_else(|| of_other_type(name, "not text"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    pub(super) fn number<T: ArrowPrimitiveType>(
        &self,
        name: &str,
    ) -> Result<impl Fn(usize) -> Option<T::Native> + use<'a, T>, LedgerError> {
        let array = self
            .column(name)?
            .as_primitive_opt::<T>()
            .ok_or_else(|| of_other_type(name, "not of its type"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    /// A column of 8-bit numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn u8(&self, name: &str) -> Result<impl Fn(usize) -> Option<u8> + use<'a>, LedgerError> {
        self.number::<UInt8Type>(name)
    }

    /// A column of 16-bit numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn u16(&self, name: &str) -> Result<impl Fn(usize) -> Option<u16> + use<'a>, LedgerError> {
        self.number::<UInt16Type>(name)
    }

    /// A column of 32-bit numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn u32(&self, name: &str) -> Result<impl Fn(usize) -> Option<u32> + use<'a>, LedgerError> {
        self.number::<UInt32Type>(name)
    }

    /// A column of 64-bit numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn u64(&self, name: &str) -> Result<impl Fn(usize) -> Option<u64> + use<'a>, LedgerError> {
        self.number::<UInt64Type>(name)
    }

    /// A column of 32-bit floating-point numbers.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn f32(&self, name: &str) -> Result<impl Fn(usize) -> Option<f32> + use<'a>, LedgerError> {
        self.number::<Float32Type>(name)
    }

    /// A column of flags.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn flag(
        &self,
        name: &str,
    ) -> Result<impl Fn(usize) -> Option<bool> + use<'a>, LedgerError> {
        let array = self
            .column(name)?
            .as_boolean_opt()
            .ok_or_else(|| of_other_type(name, "not boolean"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row)))
    }

    /// A column of BLAKE3 hashes.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`].
    pub fn hash(
        &self,
        name: &str,
    ) -> Result<impl Fn(usize) -> Option<[u8; 32]> + use<'a>, LedgerError> {
        let array = self
            .column(name)?
            .as_fixed_size_binary_opt()
            .ok_or_else(|| of_other_type(name, "not a hash"))?;
        Ok(move |row| array.is_valid(row).then(|| array.value(row).try_into().ok())?)
    }

    /// The status of each row. Needs the column `status`.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`]; each call for a word that is no status.
    pub fn status(
        &self,
    ) -> Result<impl Fn(usize) -> Result<Status, LedgerError> + use<'a>, LedgerError> {
        let (status, first) = (self.text("status")?, self.first_row);
        Ok(move |row| {
            let known = status(row).and_then(Status::parse);
            known.ok_or_else(|| LedgerError::of_row(first + row as u64, "no known status"))
        })
    }

    /// What decoding learned of each photo. Needs the columns [`PHOTO_FIELDS`].
    ///
    /// # Errors
    /// As [`LedgerBatch::value`]; each call for a word that is no format.
    pub fn photo(
        &self,
    ) -> Result<impl Fn(usize) -> Result<Option<PhotoInfo>, LedgerError> + use<'a>, LedgerError>
    {
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
            let unknown = || LedgerError::of_row(first + row as u64, "no known format");
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
    /// As [`LedgerBatch::value`].
    pub fn sums(
        &self,
        column: &TensorColumn,
    ) -> Result<impl Fn(usize) -> Option<ChannelSums> + use<'a>, LedgerError> {
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
