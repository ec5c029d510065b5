//! The lossless tensor codec: a u8 tensor `[3, height, width]` as one standard zstd frame.
//!
//! ```text
//! pixels ─ planes ─ prediction ─ colour fit ─ 8×8 tiles ─ classes ─ Huffman blocks ─ zstd frame
//! ```
//! 1. **Planes** G, R−G+128, B−G+128, modulo 256.
//! 2. **Prediction**, plane by plane: W + N − NW limited to the range of W, N and NE. At the first
//!    column W and NW are N, at the last one NE is N, and above the first row stands 128. The
//!    residual is pixel − prediction modulo 256, a signed byte.
//! 3. **Colour fit**: `(a·g + 4) >> 3` is taken from each residual of R−G, `(b·g + 4) >> 3` from
//!    each of B−G, where g is G's residual there; the encoder finds a and b by least squares.
//! 4. **Tiles** of 8×8, cut off at the right and lower edge. A tile whose residuals all lie in −8
//!    to 7 puts two of them into one byte: the same pixel of both chroma planes where both are so
//!    narrow (a *pair*), else the upper and the lower half of one plane's tile.
//! 5. **Classes** of equally active tiles, two for each way of packing. Each class is a stream of
//!    bytes; zstd is used as a pure Huffman coder with a code of its own for each stream.
//!
//! # Content of the frame (format 1)
//! | bytes | what |
//! | --- | --- |
//! | 1 | format, 1 |
//! | 1 + 1 | coefficients a (R−G) and b (B−G) in eighths, signed |
//! | 1 | 0 |
//! | ⌈height/8⌉·⌈width/8⌉ | class map: one byte for each place of a tile, row by row |
//! | … | six streams, one behind the other: wide 1, wide 2, half 1, half 2, pair 1, pair 2 |
//!
//! A map byte is `27·luma + chroma`. A plane's code (`luma`, `red`, `blue`) is 0: all residuals are
//! zero, no bytes; 1, 2: n bytes in a wide stream, one residual each; 3, 4: ⌈n/2⌉ bytes in a half
//! stream, residual i in the low half of byte i and residual i + ⌈n/2⌉ in its high half. `chroma`
//! is `5·red + blue` below 25; 25, 26: n bytes in a pair stream, R−G's residual in the low half,
//! B−G's in the high half. n is the tile's number of pixels, in row order; halves of a byte are
//! signed four-bit numbers, and the spare one of an odd n is zero. Within a stream, tiles follow
//! in map order, at one place in the order luma, R−G, B−G. Nothing follows the last stream.
//!
//! How frames are cut into zstd blocks is the encoder's affair and no part of the format.
//!
//! # Why so
//! At 224×224 against planes G, R−G, B−G, left + 7/8 of the slope above, 16×32 tiles in six classes
//! (estimated sizes, order-0 Huffman codes, photographs of two collections):
//!
//! | step | size |
//! | --- | --- |
//! | limited gradient with NE instead of the 7/8 slope | −1.5 %, −1.9 % |
//! | 8×8 tiles and pairs | −2.6 %, −4.6 % |
//! | halves | −0.1 %, ±0; and 9–15 % fewer symbols to decode |
//! | colour fit | −0.9 %, ±0 |
//! | one map byte for three planes instead of two | −0.4 %, −0.4 % |
//! | two classes for each way of packing instead of 4, 2 and 3 | +0.3 %, +0.4 %; zstd 10 % faster |
//!
//! The predictor's inverse is serial along a row. It is decoded as a wavefront over 32 rows, see
//! `lanes`, and `steps` for AVX-512; the format knows nothing of that.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_kernels;
mod classes;
mod decoder;
mod encoder;
mod kernels;
mod lanes;
mod mapped;
mod plain;
mod predictor;
pub mod reference;
#[cfg(target_arch = "x86_64")]
mod steps;
#[cfg(target_arch = "x86_64")]
mod steps_fill;
#[cfg(target_arch = "x86_64")]
mod steps_wave;
#[cfg(test)]
mod tests;
mod tile_reader;
mod tile_writer;
mod tiles;

pub use decoder::FrameDecoder;
pub use encoder::FrameEncoder;
pub use kernels::SimdLevel;
pub use mapped::{Number, PixelTables, Upcoming, map_tensor};
pub use plain::{decode_plain, encode_plain};
pub use tiles::{MAX_SIDE, TILE, TensorShape};

/// Name of the frames' content in the column's metadata; another format gets another name.
pub const CODEC_NAME: &str = "limited-gradient-tiles8-v1";

/// Why a frame was not made or not decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// A side is zero or too long.
    #[error("expected sides of 1 to {MAX_SIDE} pixels, found {height}×{width}")]
    Shape {
        /// Rows asked for.
        height: u32,
        /// Columns asked for.
        width: u32,
    },
    /// The caller's tensor does not fit the shape.
    #[error("expected a tensor of {expected} values, found {got}")]
    TensorLength {
        /// Values of the shape.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// An output channel asks for an input channel that does not exist.
    #[error("expected channels 0, 1 and 2, found {got:?}")]
    ChannelOrder {
        /// The order given.
        got: [usize; 3],
    },
    /// No zstd frame, or one without its content size.
    #[error("expected a zstd frame that declares its content size")]
    NoContentSize,
    /// The declared content size is not one that the shape allows.
    #[error("expected a content of at most {limit} bytes, the frame declares {got}")]
    ContentSize {
        /// The most that the shape allows.
        limit: usize,
        /// Declared size.
        got: u64,
    },
    /// The content is shorter or longer than its class map says.
    #[error("expected a content of {expected} bytes, found {got}")]
    ContentLength {
        /// Bytes by header and class map.
        expected: usize,
        /// Bytes found.
        got: usize,
    },
    /// Format byte or reserved byte of another version.
    #[error("expected a content that begins with format 1, found {got:?}")]
    Format {
        /// Format byte and reserved byte.
        got: [u8; 2],
    },
    /// A code in the class map that does not exist.
    #[error("expected a tile code of the format, found {code}")]
    Class {
        /// The code found.
        code: u8,
    },
    /// zstd's own refusal.
    #[error("zstd could not {what}: {message}")]
    Zstd {
        /// What was tried.
        what: &'static str,
        /// zstd's name of the error.
        message: &'static str,
    },
}

impl CodecError {
    fn zstd(what: &'static str, code: zstd_safe::ErrorCode) -> Self {
        Self::Zstd { what, message: zstd_safe::get_error_name(code) }
    }
}
