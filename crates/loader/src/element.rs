//! The numbers that batches are made of, and the way of a tensor to each of them.

use super::LoaderError;
use super::augment::{Augmenter, Drawn};
use super::shards::Row;
use tcolz_base::door::given;
use tcolz_format::shard::codec::{CodecError, PixelTables, Upcoming, map_tensor};
use tcolz_format::shard::{ShardError, TensorColumn, TensorDecoder, simd_level};
use tcolz_pixels::recipe::Dtype;
use tcolz_pixels::{PlainNumber, View, bf16, f16};

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
    impl Sealed for super::f16 {}
    impl Sealed for super::bf16 {}
}

/// What a batch is made of: `f32`, `f16`, `bf16`, or `u8` for pixels as stored, without a view.
pub trait Element: sealed::Sealed + PlainNumber + Send + Sync + std::fmt::Debug + 'static {
    /// Its name, as in the recipe's `dtype`.
    const NAME: &'static str;

    /// The number of a float32, rounded to the nearest, ties to even. Pixels keep what they are.
    #[doc(hidden)]
    fn of(value: f32) -> Self;

    /// What a view is for such numbers; nothing for pixels, which are seen without one.
    #[doc(hidden)]
    type Tables: Send;

    /// The tables of a view.
    #[doc(hidden)]
    fn tables(view: &View) -> Result<Self::Tables, CodecError>;

    /// The stored pixels of a tensor through the view's tables, and what is read next into the caches.
    #[doc(hidden)]
    fn decode(
        decoder: &mut TensorDecoder,
        tables: &Self::Tables,
        stored: &[u8],
        out: &mut [Self],
        upcoming: Upcoming<'_>,
    ) -> Result<(), CodecError>;

    /// Pixels `[3, height, width]` through the view's tables.
    #[doc(hidden)]
    fn look_up(tables: &Self::Tables, pixels: &[u8], out: &mut [Self]) -> Result<(), CodecError>;
}

/// The three that a view gives.
macro_rules! number {
    ($type:ident, $name:literal, $of:expr) => {
        impl Element for $type {
            const NAME: &'static str = $name;
            type Tables = PixelTables<$type>;

            fn of(value: f32) -> $type {
                $of(value)
            }

            fn tables(view: &View) -> Result<PixelTables<$type>, CodecError> {
                PixelTables::new(&view.tables().map(|table| table.map($of)), view.order())
            }

            fn decode(
                decoder: &mut TensorDecoder,
                tables: &PixelTables<$type>,
                stored: &[u8],
                out: &mut [$type],
                upcoming: Upcoming<'_>,
            ) -> Result<(), CodecError> {
                decoder.decode_mapped(stored, tables, out, upcoming)
            }

            fn look_up(
                tables: &PixelTables<$type>,
                pixels: &[u8],
                out: &mut [$type],
            ) -> Result<(), CodecError> {
                map_tensor(simd_level(), pixels, tables, out, Upcoming::default())
            }
        }
    };
}

number!(f32, "f32", std::convert::identity);
number!(f16, "f16", f16::from_f32);
number!(bf16, "bf16", bf16::from_f32);

impl Element for u8 {
    const NAME: &'static str = "u8";
    type Tables = ();

    fn of(value: f32) -> u8 {
        value as u8
    }

    fn tables(_: &View) -> Result<(), CodecError> {
        Ok(())
    }

    fn decode(
        decoder: &mut TensorDecoder,
        (): &(),
        stored: &[u8],
        out: &mut [u8],
        _: Upcoming<'_>,
    ) -> Result<(), CodecError> {
        decoder.decode(stored, out)
    }

    fn look_up((): &(), pixels: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
        out.copy_from_slice(pixels);
        Ok(())
    }
}

/// Reads the tensors of one column as elements; one a thread, it owns its scratch space.
pub(super) struct Source<T: Element> {
    /// Name of the column.
    name: String,
    /// Where [`super::Access::Read`] puts stored bytes.
    stored: Vec<u8>,
    decoding: Decoding<T>,
}

/// From stored bytes to elements.
struct Decoding<T: Element> {
    dtype: Dtype,
    decoder: TensorDecoder,
    tables: T::Tables,
    /// The tensor as stored, where the view is in it already or it is augmented first.
    tensor: Vec<u8>,
}

impl<T: Element> Source<T> {
    /// A source of the tensors of `columns[column]`, seen through `view`.
    pub(super) fn new(columns: &[TensorColumn], column: usize, view: &View) -> Source<T> {
        // No photo's frame is longer than its pixels; memory that is not written to costs nothing.
        let stored = Vec::with_capacity(columns[column].raw_bytes());
        let decoding = Decoding {
            dtype: columns[column].dtype,
            decoder: TensorDecoder::new(&columns[column]),
            tables: T::tables(view).expect("a view's channels are three"),
            tensor: vec![0; columns[column].raw_bytes()],
        };
        Source { name: columns[column].name.clone(), stored, decoding }
    }

    /// Fills `out`, `[3, H, W]`, from a row whose hash has been tested; augmented, where that changes it.
    /// `upcoming` is what will be read next.
    pub(super) fn read(
        &mut self,
        row: Row<'_>,
        augmented: Option<(&mut Augmenter, Drawn)>,
        upcoming: Upcoming<'_>,
        out: &mut [T],
    ) -> Result<(), ShardError> {
        let stored = row.stored(&mut self.stored)?;
        let decoded = match augmented {
            None => self.decoding.decode(stored, upcoming, out),
            Some((augmenter, drawn)) => {
                self.decoding.decode_augmented(stored, augmenter, drawn, out)
            }
        };
        decoded.map_err(|source| ShardError::Undecodable {
            path: row.path().to_owned(),
            row: row.number(),
            sample_id: row.sample_id().to_owned(),
            column: self.name.clone(),
            source,
        })
    }
}

impl<T: Element> Decoding<T> {
    fn decode(
        &mut self,
        stored: &[u8],
        upcoming: Upcoming<'_>,
        out: &mut [T],
    ) -> Result<(), CodecError> {
        if self.dtype == Dtype::U8 {
            return T::decode(&mut self.decoder, &self.tables, stored, out, upcoming);
        }
        // The view is in the stored numbers already.
        self.decoder.decode(stored, &mut self.tensor)?;
        match self.dtype {
            Dtype::F16 => convert(&self.tensor, out, |bytes| f16::from_le_bytes(bytes).to_f32()),
            _ => convert(&self.tensor, out, f32::from_le_bytes),
        }
        Ok(())
    }

    /// Cuts and scales pixels, then looks them up.
    fn decode_augmented(
        &mut self,
        stored: &[u8],
        augmenter: &mut Augmenter,
        drawn: Drawn,
        out: &mut [T],
    ) -> Result<(), CodecError> {
        self.decoder.decode(stored, &mut self.tensor)?;
        T::look_up(&self.tables, augmenter.apply(&self.tensor, &drawn), out)
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
             ask for {recipe_view}, or convert with {}",
            given("dtype", Dtype::U8)
        ));
    }
    Ok(view.to_owned())
}
