//! The lossless tensor codec.

mod classes;
mod decoder;
mod encoder;
mod kernels;
mod lanes;
mod plain;
mod predictor;
pub mod reference;
mod tiles;

pub use decoder::{FrameDecoder, T};
pub use encoder::FrameEncoder;
pub use kernels::SimdLevel;
pub use plain::{decode_plain, encode_plain};
pub use tiles::{MAX_SIDE, TILE, TensorShape};

/// Name of the frames' content in the column's metadata; another layout gets another name.
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
