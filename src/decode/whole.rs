//! WebP and BMP: formats that the `image` crate decodes only whole. Alpha is dropped and not composited.

use std::io::{Cursor, ErrorKind};

use image::codecs::bmp::BmpDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder, ImageError, Limits};

use super::sink::give_image;
use super::{DecodeError, DecodeLimits, Probe, RowSink, check_pixels, exif, guard};
use crate::sample::{PhotoInfo, SourceFormat};

/// Bytes that a decoder holds for each pixel at its peak beside the decoded image: for WebP planes, a copy, an animation's canvas.
fn working_bytes_a_pixel(format: SourceFormat) -> u64 {
    match format {
        SourceFormat::Webp => 8,
        _ => 1,
    }
}

/// What the decoders need for an image of no size: Huffman tables and the like.
const FIXED_BYTES: u64 = 1024 * 1024;

/// Decodes a WebP (its first frame) or a BMP. `strip` is scratch space.
pub(super) fn decode(
    format: SourceFormat,
    bytes: &[u8],
    limits: &DecodeLimits,
    strip: &mut Vec<u8>,
    sink: &mut dyn RowSink,
) -> Result<PhotoInfo, DecodeError> {
    let mut decoder = open(format, bytes, limits)?;
    let (width, height) = decoder.dimensions();
    let channels = channels(format, decoder.color_type())?;
    let mut pixels = vec![0; width as usize * height as usize * channels];
    let exif_orientation = guard(format, || {
        let exif = decoder.exif_metadata().ok().flatten();
        decoder.read_image_boxed(&mut pixels).map_err(|error| in_words(format, error))?;
        Ok(exif.as_deref().and_then(exif::orientation))
    })?;
    give_image(sink, strip, (width, height), channels, &pixels);
    Ok(PhotoInfo {
        format,
        progressive: false,
        width,
        height,
        jpeg_quality: None,
        exif_orientation,
        recovered_share: 1.0,
    })
}

/// What the header tells.
pub(super) fn probe(
    format: SourceFormat,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<Probe, DecodeError> {
    let decoder = open(format, bytes, limits)?;
    let (width, height) = decoder.dimensions();
    let bytes_a_pixel =
        channels(format, decoder.color_type())? as u64 + working_bytes_a_pixel(format);
    Ok(Probe {
        format,
        width,
        height,
        progressive: false,
        peak_bytes: u64::from(width) * u64::from(height) * bytes_a_pixel + FIXED_BYTES,
    })
}

/// Reads the header and checks the size.
fn open<'data>(
    format: SourceFormat,
    bytes: &'data [u8],
    limits: &DecodeLimits,
) -> Result<Box<dyn ImageDecoder + 'data>, DecodeError> {
    guard(format, || {
        let source = Cursor::new(bytes);
        let opened: Result<Box<dyn ImageDecoder>, ImageError> = match format {
            SourceFormat::Webp => WebPDecoder::new(source).map(|decoder| Box::new(decoder) as _),
            _ => BmpDecoder::new(source).map(|decoder| Box::new(decoder) as _),
        };
        let mut decoder = opened.map_err(|error| in_words(format, error))?;
        let (width, height) = decoder.dimensions();
        check_pixels(format, width, height, limits)?;
        let mut memory = Limits::default();
        let bytes_a_pixel = 4 + working_bytes_a_pixel(format);
        memory.max_alloc = Some(limits.max_pixels.saturating_mul(bytes_a_pixel) + FIXED_BYTES);
        decoder.set_limits(memory).map_err(|error| in_words(format, error))?;
        Ok(decoder)
    })
}

fn channels(format: SourceFormat, colour: ColorType) -> Result<usize, DecodeError> {
    match colour {
        ColorType::Rgb8 => Ok(3),
        ColorType::Rgba8 => Ok(4),
        other => {
            Err(DecodeError::Unsupported { format, reason: format!("pixels of kind {other:?}") })
        }
    }
}

fn in_words(format: SourceFormat, error: ImageError) -> DecodeError {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format, reason: error.to_string() }
        }
        ImageError::Unsupported(error) => {
            DecodeError::Unsupported { format, reason: error.to_string() }
        }
        error => DecodeError::Corrupt { format, reason: error.to_string() },
    }
}
