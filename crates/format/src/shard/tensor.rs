//! Stored bytes of one column back to tensors.

use tcolz_pixels::recipe::{Codec, Dtype};
use tcolz_pixels::simd_enabled;

use super::codec::{
    CodecError, FrameDecoder, Number, PixelTables, SimdLevel, Upcoming, decode_plain, map_tensor,
};
use super::format::TensorColumn;

/// The instruction set of the codec: the CPU's best, unless [`simd_enabled`] says otherwise.
pub fn simd_level() -> SimdLevel {
    if simd_enabled() { SimdLevel::detect() } else { SimdLevel::PLAIN }
}

/// Turns the stored bytes of one column back into tensors; one a thread, it owns its scratch space.
pub struct TensorDecoder(Kind);

enum Kind {
    Raw,
    Frame(Box<FrameDecoder>),
    Plain,
}

impl TensorDecoder {
    /// A decoder for the bytes of `column`.
    ///
    /// # Panics
    /// When the column's sides are not from 1 to [`tcolz_pixels::recipe::MAX_SIZE`], which no dataset.json
    /// gets past its check.
    pub fn new(column: &TensorColumn) -> TensorDecoder {
        TensorDecoder(match (column.codec, column.dtype) {
            (Codec::Raw, _) => Kind::Raw,
            (Codec::Zstd, Dtype::U8) => {
                let decoder =
                    FrameDecoder::with_level(column.shape[1], column.shape[2], simd_level());
                Kind::Frame(Box::new(decoder.expect("sides that dataset.json's check accepts")))
            }
            (Codec::Zstd, _) => Kind::Plain,
        })
    }

    /// Fills `out` with the tensor behind `stored`.
    ///
    /// # Errors
    /// When the bytes are not a frame of this column's shape.
    pub fn decode(&mut self, stored: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
        match &mut self.0 {
            Kind::Raw => {
                out.copy_from_slice(stored);
                Ok(())
            }
            Kind::Frame(decoder) => decoder.decode(stored, out),
            Kind::Plain => decode_plain(stored, out),
        }
    }

    /// [`TensorDecoder::decode`] of a u8 column through a table for each output channel, in one pass,
    /// `[3, H, W]`, and `upcoming` meanwhile into the caches.
    ///
    /// # Errors
    /// When the bytes are not a frame of this column's shape, or `out` is not.
    pub fn decode_mapped<T: Number>(
        &mut self,
        stored: &[u8],
        tables: &PixelTables<T>,
        out: &mut [T],
        upcoming: Upcoming<'_>,
    ) -> Result<(), CodecError> {
        match &mut self.0 {
            Kind::Raw => map_tensor(simd_level(), stored, tables, out, upcoming),
            Kind::Frame(decoder) => decoder.decode_mapped(stored, tables, out, upcoming),
            // No column of pixels is of this kind.
            Kind::Plain => Err(CodecError::TensorLength { expected: 0, got: out.len() }),
        }
    }
}
