//! JPEG: libjpeg-turbo's rows, Pillow's pixels.
//!
//! A truncated file is kept as far as it goes, with the pixels that Pillow gives under `LOAD_TRUNCATED_IMAGES`. Its
//! `recovered_share` is a share of rows:
//! - A row counts when the luminance data of all MCU rows up to its own are there: in a file of one scan the MCU row in which the
//!   data end does not count, in a file of several scans the same holds for the first scan with luminance.
//! - A file whose later scans are missing or cut is complete in rows but not in detail. It counts as one row short of whole, so that
//!   1.0 always means that nothing is missing. (A file that lacks only its end marker is whole.)
//! - With no row at all there is no photo: [`DecodeError::Truncated`].
//!
//! Two things differ from Pillow, both for the better: a file cut inside a header between two scans keeps the scans before it, and a
//! truncated arithmetic-coded file keeps its rows (Pillow shows black). Pixels are the same on every x86-64 processor; the C code
//! that libjpeg-turbo uses where it has no SIMD agrees on all but damaged data.
//!
//! Speed is that of libjpeg-turbo's own `tj3Decompress8` (`benches/stages/decode.rs` compares them).

use super::error::DecodeError;
use super::libjpeg::{Failure, Header, Libjpeg, MAX_STRIP_ROWS};
use super::limits::{DecodeLimits, Probe, check_pixels};
use super::sink::STRIP_BYTES;
use super::{exif, quality};
use tcolz_pixels::RowSink;
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};
use tcolz_pixels::recipe::Fit;

const FORMAT: SourceFormat = SourceFormat::Jpeg;

/// Numerators n of the scales n/8 that are used. The inverse DCTs of 1, 2, 4 and 8 have fast paths in libjpeg-turbo; the others are
/// plain C and slower than decoding at the next size up.
const EIGHTHS: [u32; 4] = [1, 2, 4, 8];

/// What libjpeg allocates beside the coefficients and the rows, generously.
const LIBJPEG_FIXED_BYTES: u64 = 256 * 1024;

/// Permission to decode a JPEG smaller than it is, which is faster: to 1/8, 1/4 or 1/2 of its size, whichever is the smallest whose
/// picture is at least what `fit` needs for a square of `size`. Other formats are decoded in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleTo {
    /// Side of the square, in pixels.
    pub size: u32,
    /// Squash and crop need the shorter side to be at least `size`; pad needs the longer one.
    pub fit: Fit,
}

/// Decodes one JPEG. `strip` is scratch space.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
    scale: Option<ScaleTo>,
    strip: &mut Vec<u8>,
    sink: &mut dyn RowSink,
) -> Result<PhotoInfo, DecodeError> {
    let in_words = |failure| in_words(failure, limits);
    let mut jpeg = open(bytes, limits)?;
    let header = jpeg.header().clone();
    let eighths = scale.map_or(8, |scale| smallest_eighths(header.width, header.height, scale));
    let output = jpeg.start(eighths).map_err(in_words)?;

    let pixel_bytes = jpeg.pixel_bytes();
    let row_bytes = output.width as usize * pixel_bytes;
    let strip_rows = strip_rows(row_bytes, output.mcu_rows as usize).min(output.height as usize);
    let strip_bytes = strip_rows * row_bytes;
    if strip.len() < strip_bytes {
        strip.resize(strip_bytes, 0);
    }
    let strip = &mut strip[..strip_bytes];
    sink.start(output.width, output.height);

    let mut row = 0;
    while row < output.height {
        let rows = jpeg.read(strip).map_err(in_words)?;
        let samples = &mut strip[..rows * row_bytes];
        sink.rows(row, if pixel_bytes == 4 { cmyk_to_rgb(samples) } else { samples });
        row += rows as u32;
    }

    let status = jpeg.status();
    let mut rows_reached = status.rows_reached;
    if status.incomplete && rows_reached == header.height {
        rows_reached = header.height - 1;
    }
    if rows_reached == 0 {
        let reason = "the data end before its first rows".to_owned();
        return Err(DecodeError::Truncated { format: FORMAT, reason });
    }

    Ok(PhotoInfo {
        format: FORMAT,
        progressive: header.progressive != 0,
        width: header.width,
        height: header.height,
        jpeg_quality: quality::of_luminance_table(&header.luma_table),
        exif_orientation: exif::jpeg_orientation(bytes),
        recovered_share: rows_reached as f32 / header.height as f32,
    })
}

/// What the header tells.
pub(super) fn probe(bytes: &[u8], limits: &DecodeLimits) -> Result<Probe, DecodeError> {
    let jpeg = open(bytes, limits)?;
    let header = jpeg.header();
    // Coefficients of the whole picture where there are several scans; samples of a few MCU rows, before and after upsampling;
    // one strip.
    let strip = strip_rows(header.width as usize * jpeg.pixel_bytes(), 32) as u64
        * u64::from(header.width)
        * jpeg.pixel_bytes() as u64;
    Ok(Probe {
        format: FORMAT,
        width: header.width,
        height: header.height,
        progressive: header.progressive != 0,
        peak_bytes: header.coefficient_bytes + 4 * header.row_bytes + strip + LIBJPEG_FIXED_BYTES,
    })
}

/// Reads the header and refuses what is not decoded here.
fn open<'data>(bytes: &'data [u8], limits: &DecodeLimits) -> Result<Libjpeg<'data>, DecodeError> {
    let jpeg =
        Libjpeg::open(bytes, limits.max_scans).map_err(|failure| in_words(failure, limits))?;
    let Header { width, height, components, data_precision, .. } = *jpeg.header();
    check_pixels(FORMAT, width, height, limits)?;
    if data_precision != 8 {
        let reason = format!("{data_precision} bits a sample, not 8");
        return Err(DecodeError::Unsupported { format: FORMAT, reason });
    }
    if !matches!(components, 1 | 3 | 4) {
        let reason = format!("{components} components, not 1, 3 or 4");
        return Err(DecodeError::Unsupported { format: FORMAT, reason });
    }
    Ok(jpeg)
}

fn in_words(failure: Failure, limits: &DecodeLimits) -> DecodeError {
    match failure {
        Failure::Fatal(reason) => DecodeError::Corrupt { format: FORMAT, reason },
        Failure::TooManyScans => DecodeError::TooManyScans { limit: limits.max_scans },
        Failure::Cut(reason) => DecodeError::Truncated { format: FORMAT, reason },
        Failure::OutOfMemory => DecodeError::OutOfMemory { format: FORMAT },
    }
}

/// Rows of one strip: whole MCU rows, about [`STRIP_BYTES`] of them.
fn strip_rows(row_bytes: usize, mcu_rows: usize) -> usize {
    let fitting = (STRIP_BYTES / row_bytes).min(MAX_STRIP_ROWS);
    (fitting / mcu_rows * mcu_rows).max(mcu_rows.min(MAX_STRIP_ROWS))
}

/// The smallest scale, in eighths, whose picture is at least what `scale` needs; full size where none is.
fn smallest_eighths(width: u32, height: u32, scale: ScaleTo) -> u32 {
    let enough = |eighths: u32| {
        // libjpeg rounds up.
        let scaled = |side: u32| (u64::from(side) * u64::from(eighths)).div_ceil(8);
        let (width, height) = (scaled(width), scaled(height));
        let needed = match scale.fit {
            // Both sides shrink to the size; with a crop the shorter side does.
            Fit::Squash | Fit::Crop => width.min(height),
            Fit::Pad => width.max(height),
        };
        needed >= u64::from(scale.size)
    };
    EIGHTHS.into_iter().find(|&eighths| enough(eighths)).unwrap_or(8)
}

/// Turns CMYK, four bytes a pixel, into RGB in the front three quarters of the same memory, as Pillow 11.3 does.
///
/// Pillow takes every CMYK JPEG to be inverted as Adobe writes it, with an Adobe marker or without (JpegImagePlugin's raw mode
/// `CMYK;I`), and converts by `cmyk2rgb` of its Convert.c.
fn cmyk_to_rgb(samples: &mut [u8]) -> &mut [u8] {
    // a·b/255, rounded, in Pillow's integers.
    let scaled = |a: u8, b: u8| {
        let product = u32::from(a) * u32::from(b) + 128;
        ((product >> 8) + product) >> 8
    };
    let pixels = samples.len() / 4;
    for pixel in 0..pixels {
        let black_light = samples[pixel * 4 + 3]; // 255 − K, and K is stored inverted
        for channel in 0..3 {
            let ink = 255 - samples[pixel * 4 + channel];
            // At most 255·b/255 = b is taken from b, so this stays in a byte.
            samples[pixel * 3 + channel] = black_light - scaled(ink, black_light) as u8;
        }
    }
    &mut samples[..pixels * 3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_the_smallest_that_still_covers_the_target() {
        let eighths =
            |width, height, fit| smallest_eighths(width, height, ScaleTo { size: 224, fit });
        assert_eq!(eighths(1792, 1792, Fit::Squash), 1);
        assert_eq!(eighths(1784, 1784, Fit::Squash), 2); // 223 at 1/8
        assert_eq!(eighths(1785, 1785, Fit::Squash), 1); // rounded up to 224
        assert_eq!(eighths(900, 450, Fit::Squash), 4);
        assert_eq!(eighths(900, 450, Fit::Crop), 4);
        assert_eq!(eighths(900, 450, Fit::Pad), 2);
        assert_eq!(eighths(100, 50, Fit::Squash), 8);
        assert_eq!(eighths(65_500, 65_500, Fit::Squash), 1);
    }

    #[test]
    fn strips_are_whole_mcu_rows_and_never_empty() {
        for row_bytes in [3, 672, 3 * 1000, 3 * 4096, 3 * 65_500, 4 * 65_500] {
            for mcu_rows in [1, 2, 4, 8, 16, 32] {
                let rows = strip_rows(row_bytes, mcu_rows);
                assert!(rows > 0 && rows <= MAX_STRIP_ROWS && rows.is_multiple_of(mcu_rows));
                assert!(rows == mcu_rows || rows * row_bytes <= STRIP_BYTES);
            }
        }
    }

    #[test]
    fn white_paper_is_white_and_black_ink_is_black() {
        let mut inverted = [255, 255, 255, 255, 255, 255, 255, 0, 0, 255, 255, 255];
        assert_eq!(cmyk_to_rgb(&mut inverted), [255, 255, 255, 0, 0, 0, 0, 255, 255]);
    }
}
