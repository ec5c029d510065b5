//! What a file asks for by its header, and what it may ask for at most.

use tcolz_pixels::photo_info::SourceFormat;
use tcolz_pixels::recipe::DEFAULT_MAX_PIXELS;

use super::error::DecodeError;

/// Most scans of a JPEG. Encoders write about ten (mozjpeg up to a dozen or so); each costs a pass over the whole picture, so a file
/// of a few kilobytes with thousands of scans would take minutes.
pub const DEFAULT_MAX_SCANS: u32 = 100;

/// Longest side of a picture, as of a JPEG. Resizing needs memory for each pixel of a side, and only a hostile file has more.
pub const MAX_SIDE: u32 = 65_535;

/// What a file may ask for at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Width × height of the source, in pixels.
    pub max_pixels: u64,
    /// Scans of a JPEG.
    pub max_scans: u32,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        DecodeLimits { max_pixels: DEFAULT_MAX_PIXELS, max_scans: DEFAULT_MAX_SCANS }
    }
}

/// What the header of a file tells, before anything is allocated for its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Encoding, from the first bytes.
    pub format: SourceFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// JPEG coded in several scans, or PNG/GIF interlaced.
    pub progressive: bool,
    /// Upper estimate of the memory that decoding will need, in bytes, without the file itself and without the sink.
    pub peak_bytes: u64,
}

/// Refuses pictures without pixels and pictures with too many.
pub(super) fn check_pixels(
    format: SourceFormat,
    width: u32,
    height: u32,
    limits: &DecodeLimits,
) -> Result<(), DecodeError> {
    if width == 0 || height == 0 {
        let reason = format!("a picture of {width}×{height} pixels");
        return Err(DecodeError::Corrupt { format, reason });
    }
    if width.max(height) > MAX_SIDE {
        let reason = format!(
            "a picture of {width}×{height} pixels: sides of at most {MAX_SIDE} are decoded"
        );
        return Err(DecodeError::Unsupported { format, reason });
    }
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(DecodeError::TooManyPixels { width, height, limit: limits.max_pixels });
    }
    Ok(())
}
