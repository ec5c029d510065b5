//! Bytes of a source file → rows of RGB.
//!
//! ```text
//! bytes ─ sniff ─┬ JPEG ─ jpeg ─ libjpeg (safe) ─ libjpeg_shim.c ─ libjpeg-turbo ─┐
//!                ├ PNG  ─ png ────────────────────────────────────── crate png ────┤
//!                ├ GIF  ─ gif ────────────────────────────────────── crate gif ────┼─► RowSink, strip by strip
//!                ├ WebP ─ webp ───────────────────────────────────── crate image ──┤
//!                └ BMP  ─ bmp ─────────────────────────────────────────────────────┘
//! ```
//!
//! Pixels are those of Pillow 11.3's `Image.open(…).convert("RGB")`, under `LOAD_TRUNCATED_IMAGES` for truncated JPEGs; what differs
//! is said in the module of each format. Alpha is dropped, EXIF orientation is applied on request only, colour profiles are ignored.
//! A file's format is told by its first bytes; its size is checked against the limit before anything is allocated for it.
//! Truncated files of other formats than JPEG are refused, unless every pixel is there.
//!
//! What surrounds compressed pixels (chunks, blocks, headers) is read here, as leniently as Pillow reads it; the crates see files that
//! hold one picture and break no rule. `tests/python/pillow_corpus.py` makes pictures of every kind, against which this is compared.

#![deny(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod bmp;
mod error;
mod exif;
mod gif;
mod guard;
mod jpeg;
mod libjpeg;
mod photo;
mod png;
mod png_chunks;
mod quality;
mod rest;
mod sink;
mod webp;

use guard::guard;

pub use error::DecodeError;
pub use libjpeg::libjpeg_turbo_version;
pub use photo::PhotoReader;

use tcolz_pixels::file_kind::{FIRST_BYTES, FileKind};
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};
use tcolz_pixels::recipe::{DEFAULT_MAX_PIXELS, Fit};
use tcolz_pixels::{RgbImage, RowSink};

/// Most scans of a JPEG. Encoders write about ten (mozjpeg up to a dozen or so); each costs a pass over the whole picture, so a file
/// of a few kilobytes with thousands of scans would take minutes.
pub const DEFAULT_MAX_SCANS: u32 = 100;

/// Longest side of a picture, as of a JPEG. Resizing needs memory for each pixel of a side, and only a hostile file has more.
pub const MAX_SIDE: u32 = 65_535;

/// A recycled buffer larger than this is given back after the file that needed it.
const KEPT_BUFFER_BYTES: usize = 1024 * 1024;

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

/// Permission to decode a JPEG smaller than it is, which is faster: to 1/8, 1/4 or 1/2 of its size, whichever is the smallest whose
/// picture is at least what `fit` needs for a square of `size`. Other formats are decoded in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleTo {
    /// Side of the square, in pixels.
    pub size: u32,
    /// Squash and crop need the shorter side to be at least `size`; pad needs the longer one.
    pub fit: Fit,
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

/// Reads the header only.
///
/// # Errors
/// As [`Decoder::decode`], as far as the header shows it: the pixels may still turn out to be corrupt.
pub fn probe(bytes: &[u8], limits: &DecodeLimits) -> Result<Probe, DecodeError> {
    match sniff(bytes)? {
        SourceFormat::Jpeg => jpeg::probe(bytes, limits),
        SourceFormat::Png => png::probe(bytes, limits),
        SourceFormat::Gif => gif::probe(bytes, limits),
        SourceFormat::Webp => webp::probe(bytes, limits),
        SourceFormat::Bmp => bmp::probe(bytes, limits),
    }
}

/// The EXIF orientation (1–8) of a JPEG, PNG or WebP that has one in its header.
pub fn orientation(bytes: &[u8]) -> Option<u8> {
    match sniff(bytes).ok()? {
        SourceFormat::Jpeg => exif::jpeg_orientation(bytes),
        SourceFormat::Png => png::orientation(bytes),
        SourceFormat::Webp => webp::orientation(bytes),
        SourceFormat::Gif | SourceFormat::Bmp => None,
    }
}

/// Decodes files one after the other and recycles its buffers; one for each worker thread.
///
/// Every file is decoded as if it were the first: no error of one file reaches the next.
#[derive(Debug)]
pub struct Decoder {
    limits: DecodeLimits,
    strip: Vec<u8>,
}

impl Decoder {
    /// A decoder that refuses what is beyond `limits`.
    pub fn new(limits: DecodeLimits) -> Decoder {
        Decoder { limits, strip: Vec::new() }
    }

    /// Decodes one file and gives its rows to `sink`.
    ///
    /// # Errors
    /// Any file that gives no photo, with the reason; the sink may have received some rows by then. A truncated JPEG that gives at
    /// least its first rows is no error: see [`PhotoInfo::recovered_share`].
    pub fn decode(
        &mut self,
        bytes: &[u8],
        scale: Option<ScaleTo>,
        sink: &mut dyn RowSink,
    ) -> Result<PhotoInfo, DecodeError> {
        let Decoder { limits, strip } = self;
        let result = match sniff(bytes)? {
            SourceFormat::Jpeg => jpeg::decode(bytes, limits, scale, strip, sink),
            SourceFormat::Png => png::decode(bytes, limits, strip, sink),
            SourceFormat::Gif => gif::decode(bytes, limits, strip, sink),
            SourceFormat::Webp => webp::decode(bytes, limits, strip, sink),
            SourceFormat::Bmp => bmp::decode(bytes, limits, strip, sink),
        };
        if strip.capacity() > KEPT_BUFFER_BYTES {
            *strip = Vec::new();
        }
        result
    }
}

impl Decoder {
    /// As [`Decoder::decode`], with the picture turned upright by its EXIF [`orientation`]. One that must be turned is held whole.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn decode_upright(
        &mut self,
        bytes: &[u8],
        scale: Option<ScaleTo>,
        sink: &mut dyn RowSink,
    ) -> Result<PhotoInfo, DecodeError> {
        let Some(orientation) = orientation(bytes).filter(|&orientation| orientation > 1) else {
            return self.decode(bytes, scale, sink);
        };
        let mut image = RgbImage::new();
        let info = self.decode(bytes, scale, &mut image)?;
        sink::give_upright(sink, &mut self.strip, &image, orientation);
        Ok(info)
    }
}

/// The format that the first bytes stand for.
fn sniff(bytes: &[u8]) -> Result<SourceFormat, DecodeError> {
    let first = &bytes[..bytes.len().min(FIRST_BYTES)];
    match FileKind::of(first) {
        _ if bytes.is_empty() => Err(DecodeError::Empty),
        Some(FileKind::Photo(format)) => Ok(format),
        found => {
            let first_bytes = first[..first.len().min(8)].to_vec();
            Err(DecodeError::UnknownFormat { first_bytes, found })
        }
    }
}

/// Refuses pictures without pixels and pictures with too many.
fn check_pixels(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        assert_eq!(sniff(b""), Err(DecodeError::Empty));
        assert_eq!(sniff(b"GIF89a"), Ok(SourceFormat::Gif));
        assert_eq!(sniff(b"RIFF\x10\0\0\0WEBPVP8 "), Ok(SourceFormat::Webp));
        assert_eq!(sniff(&[0xFF, 0xD8, 0xFF, 0xE0]), Ok(SourceFormat::Jpeg));
        let page = sniff(b"<!DOCTYPE html>");
        let found = Some(FileKind::Other("web page"));
        let first_bytes = b"<!DOCTYP".to_vec();
        assert_eq!(page, Err(DecodeError::UnknownFormat { first_bytes, found }));
    }
}
