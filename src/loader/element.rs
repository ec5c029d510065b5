//! The numbers that batches are made of, and the way of a tensor to each of them.

use super::LoaderError;
use crate::recipe::Dtype;
use crate::shard::{ShardError, ShardReader, TensorColumn, TensorDecoder};
use crate::transform::{View, bf16, f16};

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
    impl Sealed for super::f16 {}
    impl Sealed for super::bf16 {}
}

/// What a batch is made of: `f32`, `f16`, `bf16`, or `u8` for pixels as stored, without a view.
pub trait Element:
    sealed::Sealed + Copy + Default + Send + Sync + std::fmt::Debug + 'static
{
    /// Its name, as in `--dtype`.
    const NAME: &'static str;

    /// The number of a float32, rounded to the nearest, ties to even. Pixels keep what they are.
    #[doc(hidden)]
    fn of(value: f32) -> Self;

    /// The tensor of a row of pixels through the view's tables.
    #[doc(hidden)]
    fn read(
        reader: &ShardReader,
        row: u32,
        source: &mut Source<Self>,
        out: &mut [Self],
    ) -> Result<(), ShardError> {
        source.read_and_look_up(reader, row, out)
    }
}

impl Element for f32 {
    const NAME: &'static str = "f32";

    fn of(value: f32) -> f32 {
        value
    }

    fn read(
        reader: &ShardReader,
        row: u32,
        source: &mut Source<f32>,
        out: &mut [f32],
    ) -> Result<(), ShardError> {
        let Source { column, decoder, tables, channel_order, .. } = source;
        reader.read_mapped(row, *column, decoder, (tables, *channel_order), out)
    }
}

impl Element for f16 {
    const NAME: &'static str = "f16";

    fn of(value: f32) -> f16 {
        f16::from_f32(value)
    }
}

impl Element for bf16 {
    const NAME: &'static str = "bf16";

    fn of(value: f32) -> bf16 {
        bf16::from_f32(value)
    }
}

impl Element for u8 {
    const NAME: &'static str = "u8";

    fn of(value: f32) -> u8 {
        value as u8
    }

    fn read(
        reader: &ShardReader,
        row: u32,
        source: &mut Source<u8>,
        out: &mut [u8],
    ) -> Result<(), ShardError> {
        reader.read(row, source.column, &mut source.decoder, out)
    }
}

/// Reads the tensors of one column as elements; one a thread, it owns its scratch space.
pub struct Source<T> {
    column: usize,
    dtype: Dtype,
    decoder: TensorDecoder,
    tables: Box<[[T; 256]; 3]>,
    channel_order: [usize; 3],
    stored: Vec<u8>,
}

impl<T: Element> Source<T> {
    /// A source of the tensors of `columns[column]`, seen through `view`.
    pub(super) fn new(columns: &[TensorColumn], column: usize, view: &View) -> Source<T> {
        let dtype = columns[column].dtype;
        Source {
            column,
            dtype,
            decoder: TensorDecoder::new(&columns[column]),
            tables: Box::new(view.tables().map(|table| table.map(T::of))),
            channel_order: view.order(),
            stored: vec![0; columns[column].raw_bytes()],
        }
    }

    /// Fills `out`, `[3, H, W]`, from a row.
    pub(super) fn read(
        &mut self,
        reader: &ShardReader,
        row: u32,
        out: &mut [T],
    ) -> Result<(), ShardError> {
        if self.dtype == Dtype::U8 {
            return T::read(reader, row, self, out);
        }
        // The view is in the stored numbers already.
        reader.read(row, self.column, &mut self.decoder, &mut self.stored)?;
        match self.dtype {
            Dtype::F16 => convert(&self.stored, out, |bytes| f16::from_le_bytes(bytes).to_f32()),
            _ => convert(&self.stored, out, f32::from_le_bytes),
        }
        Ok(())
    }

    fn read_and_look_up(
        &mut self,
        reader: &ShardReader,
        row: u32,
        out: &mut [T],
    ) -> Result<(), ShardError> {
        reader.read(row, self.column, &mut self.decoder, &mut self.stored)?;
        let plane = out.len() / 3;
        let outputs = out.chunks_exact_mut(plane.max(1));
        for ((out, table), channel) in outputs.zip(&*self.tables).zip(self.channel_order) {
            for (out, &pixel) in out.iter_mut().zip(&self.stored[channel * plane..][..plane]) {
                *out = table[usize::from(pixel)];
            }
        }
        Ok(())
    }
}

fn convert<T: Element, const N: usize>(
    stored: &[u8],
    out: &mut [T],
    value: impl Fn([u8; N]) -> f32,
) {
    for (out, &bytes) in out.iter_mut().zip(stored.as_chunks::<N>().0) {
        *out = T::of(value(bytes));
    }
}

/// The view that a batch of `T` of this column is seen through: the one asked for, else the recipe's.
///
/// # Errors
/// [`LoaderError::View`] when the column has another one baked in, or holds no pixels for `u8`.
pub(super) fn check_view<T: Element>(
    column: &TensorColumn,
    asked: Option<&str>,
    recipe_view: &str,
) -> Result<String, LoaderError> {
    let refuse = |reason: String| Err(LoaderError::View { reason });
    let view = asked.unwrap_or(recipe_view);
    if column.dtype == Dtype::U8 {
        return Ok(view.to_owned());
    }
    let (name, dtype) = (&column.name, column.dtype);
    if T::NAME == u8::NAME {
        return refuse(format!(
            "{name} holds {dtype} numbers of the view {recipe_view}, no pixels"
        ));
    }
    if view != recipe_view {
        return refuse(format!(
            "{name} holds {dtype} numbers of the view {recipe_view}; the view {view} cannot be had: \
             ask for {recipe_view}, or convert with --dtype u8"
        ));
    }
    Ok(view.to_owned())
}
