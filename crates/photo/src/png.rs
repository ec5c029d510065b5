//! PNG, row by row: even a 16-bit photo of 40 megapixels needs a few rows of memory (an interlaced one, its RGB pixels).
//!
//! Chunks are read in `png_chunks`, pixels by the crate `png`.
//!
//! As Pillow's `convert("RGB")` does, alpha is dropped and not composited. The one difference: 16-bit samples are rounded to 8 bits,
//! where Pillow cuts off colour's low bytes and clips grey.

use std::io::Cursor;

use png::{BitDepth, ColorType, DecodeOptions, DecodingError, Reader, Transformations};

use super::error::DecodeError;
use super::exif;
use super::guard::guard;
use super::limits::{DecodeLimits, Probe};
use super::png_chunks::{Head, SIGNATURE, Stream};
use super::rest::Rest;
use super::sink::{STRIP_BYTES, give_image};
use tcolz_pixels::RowSink;
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};

const FORMAT: SourceFormat = SourceFormat::Png;

/// What inflating needs beside rows.
const INFLATE_BYTES: u64 = 512 * 1024;

/// Adam7: first column and row of each pass, and the steps between its columns and rows.
const PASSES: [(u32, u32, u32, u32); 7] = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
];

/// A PNG of which everything before the pixels has been read.
struct Opened<'data> {
    reader: Reader<Stream<'data>>,
    exif: Option<&'data [u8]>,
}

/// Decodes one PNG. `strip` is scratch space.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
    strip: &mut Vec<u8>,
    sink: &mut dyn RowSink,
) -> Result<PhotoInfo, DecodeError> {
    let Opened { mut reader, exif } = open(bytes, limits)?;
    let info = reader.info();
    let (width, height, interlaced) = (info.width, info.height, info.interlaced);
    let exif_orientation = exif.and_then(exif::orientation);
    let kind = reader.output_color_type();
    let row_bytes = reader.output_line_size(width).ok_or_else(too_wide)?;
    let mut samples = vec![0; row_bytes];

    if interlaced {
        let mut image = vec![0; width as usize * height as usize * 3];
        for (x, y, x_step, y_step) in PASSES {
            if x >= width {
                continue; // an empty pass has no rows at all
            }
            for row in (y..height).step_by(y_step as usize) {
                read_row(&mut reader, &mut samples)?;
                strip.clear();
                append_rgb(kind, &samples, (width - x).div_ceil(x_step) as usize, strip);
                let target = &mut image[row as usize * width as usize * 3..];
                let columns = (x..width).step_by(x_step as usize);
                for (column, pixel) in columns.zip(strip.chunks_exact(3)) {
                    target[column as usize * 3..][..3].copy_from_slice(pixel);
                }
            }
        }
        give_image(sink, strip, (width, height), 3, &image);
    } else {
        sink.start(width, height);
        let rows_a_strip = (STRIP_BYTES / (width as usize * 3)).max(1) as u32;
        strip.clear();
        let mut first_row = 0;
        for row in 0..height {
            read_row(&mut reader, &mut samples)?;
            append_rgb(kind, &samples, width as usize, strip);
            if row + 1 - first_row == rows_a_strip || row + 1 == height {
                sink.rows(first_row, strip);
                strip.clear();
                first_row = row + 1;
            }
        }
    }

    Ok(PhotoInfo {
        format: FORMAT,
        progressive: interlaced,
        width,
        height,
        jpeg_quality: None,
        exif_orientation,
        recovered_share: 1.0,
    })
}

/// The EXIF orientation, where it stands before the pixels.
pub(super) fn orientation(bytes: &[u8]) -> Option<u8> {
    let mut rest = Rest::new(FORMAT, bytes.get(SIGNATURE.len()..)?);
    let limits = DecodeLimits { max_pixels: u64::MAX, ..DecodeLimits::default() };
    Head::read(&mut rest, &limits).ok()?.exif.and_then(exif::orientation)
}

/// What the header tells.
pub(super) fn probe(bytes: &[u8], limits: &DecodeLimits) -> Result<Probe, DecodeError> {
    let reader = open(bytes, limits)?.reader;
    let info = reader.info();
    // A raw row before and after unfiltering, the same expanded, and a strip.
    let row_bytes = reader.output_line_size(info.width).ok_or_else(too_wide)? as u64;
    let rgb_row_bytes = u64::from(info.width) * 3;
    let image_bytes = if info.interlaced { rgb_row_bytes * u64::from(info.height) } else { 0 };
    let strip_bytes = rgb_row_bytes + STRIP_BYTES as u64;
    Ok(Probe {
        format: FORMAT,
        width: info.width,
        height: info.height,
        progressive: info.interlaced,
        peak_bytes: image_bytes + 6 * row_bytes + strip_bytes + INFLATE_BYTES,
    })
}

/// Reads up to the pixels. The size is checked before anything is allocated for it.
fn open<'data>(bytes: &'data [u8], limits: &DecodeLimits) -> Result<Opened<'data>, DecodeError> {
    let mut rest = Rest::new(FORMAT, bytes);
    rest.take(SIGNATURE.len())?;
    let head = Head::read(&mut rest, limits)?;
    let stream = Stream { head: Cursor::new(head.canonical()), pixels: rest, chunk: &[] };
    let reader = guard(FORMAT, || {
        // Pixels are checked as Pillow does it: by the checksum of what was compressed and not by those of the chunks.
        let mut options = DecodeOptions::default();
        options.set_ignore_crc(true);
        options.set_ignore_adler32(false);
        let mut decoder = png::Decoder::new_with_options(stream, options);
        // Palettes and fewer than 8 bits become 8-bit samples.
        decoder.set_transformations(Transformations::EXPAND);
        decoder.read_info().map_err(in_words)
    })?;
    Ok(Opened { reader, exif: head.exif })
}

fn read_row(reader: &mut Reader<Stream<'_>>, samples: &mut [u8]) -> Result<(), DecodeError> {
    let row = guard(FORMAT, || reader.read_row(samples).map_err(in_words))?;
    row.map(|_| ()).ok_or_else(|| {
        let reason = "fewer rows than the header says".to_owned();
        DecodeError::Corrupt { format: FORMAT, reason }
    })
}

/// Appends `pixels` pixels of a row of samples (big-endian where 16-bit) as RGB.
fn append_rgb(
    (colour, depth): (ColorType, BitDepth),
    samples: &[u8],
    pixels: usize,
    rgb: &mut Vec<u8>,
) {
    // The nearest of 255 steps, as exact integers: 65535 = 257 · 255.
    let rounded = |pair: &[u8]| {
        let sample = u32::from(u16::from_be_bytes([pair[0], pair[1]]));
        ((sample + 128) / 257) as u8
    };
    let wide = depth == BitDepth::Sixteen;
    let channels = colour.samples();
    let pixel_bytes = if wide { channels * 2 } else { channels };
    let grey = channels < 3;
    for pixel in samples.chunks_exact(pixel_bytes).take(pixels) {
        let value = |channel: usize| {
            if wide { rounded(&pixel[channel * 2..]) } else { pixel[channel] }
        };
        rgb.extend_from_slice(&if grey { [value(0); 3] } else { [value(0), value(1), value(2)] });
    }
}

fn too_wide() -> DecodeError {
    let reason = "rows too wide for this machine's memory".to_owned();
    DecodeError::Unsupported { format: FORMAT, reason }
}

fn in_words(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format: FORMAT, reason: error.to_string() }
        }
        DecodingError::LimitsExceeded => {
            let reason = "more memory asked for than such an image needs".to_owned();
            DecodeError::Unsupported { format: FORMAT, reason }
        }
        error => DecodeError::Corrupt { format: FORMAT, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bit_samples_are_rounded_to_the_nearest_of_256_levels() {
        let kind = (ColorType::Grayscale, BitDepth::Sixteen);
        for sample in 0..=u16::MAX {
            let mut rgb = Vec::new();
            append_rgb(kind, &sample.to_be_bytes(), 1, &mut rgb);
            let exact = (f64::from(sample) * 255.0 / 65535.0).round() as u8;
            assert_eq!(rgb, [exact; 3]);
        }
    }
}
