//! What decoding a photo will cost, by its header.

use super::classifier::Fault;
use super::refusal::Refusal;
use tcolz_photo::{DecodeError, DecodeLimits, orientation, probe};
use tcolz_pixels::photo_info::SourceFormat;
use tcolz_pixels::recipe::{Orient, Recipe};

/// Work of an expensive photo: 0.2 s and more. That of a phone's photo is 12 million for its pixels and 2 to 8 for its bytes.
const EXPENSIVE_WORK: u64 = 24_000_000;
/// Memory of an expensive photo.
pub(super) const EXPENSIVE_BYTES: u64 = 16 << 20;
/// Passes that a scan costs whose code is arithmetic.
const ARITHMETIC_PASSES: u64 = 4;
/// The most memory that a pixel takes, whatever the format: a WebP's planes, their copy and its pixels.
const LARGEST_BYTES_A_PIXEL: u64 = 12;

/// The cost of one photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// Memory that decoding takes at most.
    pub(super) peak_bytes: u64,
    /// Only some of the decoding threads take such photos.
    pub(super) expensive: bool,
}

/// Memory for all expensive photos that are decoded at a time: room for the largest that a recipe allows.
pub(super) fn expensive_memory_bytes(recipe: &Recipe) -> u64 {
    LARGEST_BYTES_A_PIXEL * recipe.max_pixels + EXPENSIVE_BYTES
}

impl Cost {
    /// Looks at a file's header. What has none costs nothing: decoding ends there, too.
    ///
    /// # Errors
    /// A [`Refusal`] of a photo that takes more memory than there is for any.
    pub(super) fn of(file: &[u8], recipe: &Recipe) -> Result<Cost, Refusal> {
        let limits = DecodeLimits { max_pixels: recipe.max_pixels, ..DecodeLimits::default() };
        let Ok(found) = probe(file, &limits) else {
            return Ok(Cost { peak_bytes: 0, expensive: false });
        };
        let pixels = u64::from(found.width) * u64::from(found.height);
        let turned =
            recipe.orient == Orient::Exif && orientation(file).is_some_and(|turn| turn > 1);
        let peak_bytes = found.peak_bytes + if turned { 3 * pixels } else { 0 };
        if peak_bytes > expensive_memory_bytes(recipe) {
            let limit = recipe.max_pixels;
            let (width, height) = (found.width, found.height);
            return Err(Fault::from(DecodeError::TooManyPixels { width, height, limit }).into());
        }
        let work = |passes: u64| pixels * passes + file.len() as u64;
        let expensive = peak_bytes > EXPENSIVE_BYTES
            || work(least_passes(found.format)) > EXPENSIVE_WORK
            || (found.format == SourceFormat::Jpeg && work(jpeg_passes(file)) > EXPENSIVE_WORK);
        Ok(Cost { peak_bytes, expensive })
    }
}

/// The work for a pixel, in passes of a JPEG's decoder.
fn least_passes(format: SourceFormat) -> u64 {
    match format {
        SourceFormat::Webp => 4,
        SourceFormat::Png => 2,
        SourceFormat::Jpeg | SourceFormat::Gif | SourceFormat::Bmp => 1,
    }
}

/// The same of a JPEG: each of its scans goes over the whole picture. Those of a thumbnail in its metadata, and what
/// follows its end, are not decoded.
fn jpeg_passes(file: &[u8]) -> u64 {
    let (mut scans, mut scan_passes) = (0, 1);
    let mut at = 2;
    while let Some(&[first, marker]) = file.get(at..).and_then(|rest| rest.first_chunk()) {
        match (first, marker) {
            (0xFF, 0xD9) => break,
            // The data of a scan, also its restarts and stuffed bytes, and padding.
            (..0xFF, _) | (_, 0x00 | 0x01 | 0xD0..=0xD8 | 0xFF) => {
                at += 1;
                continue;
            }
            (_, 0xDA) => scans += 1,
            (_, 0xC9..=0xCB) => scan_passes = ARITHMETIC_PASSES,
            _ => {}
        }
        let length = file.get(at + 2..).and_then(|rest| rest.first_chunk());
        at += 2 + length.map_or(2, |length| usize::from(u16::from_be_bytes(*length)));
    }
    scans * scan_passes
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcolz_pixels::picture::{encode_jpeg, encode_png};

    /// A header that claims this size, and no pixels.
    fn claimed(mut png: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = png[12..29].iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        });
        png[29..33].copy_from_slice(&(!crc).to_be_bytes());
        png
    }

    fn is_expensive(file: &[u8]) -> bool {
        Cost::of(file, &Recipe::default()).unwrap().expensive
    }

    #[test]
    fn pixels_scans_and_bytes_make_a_photo_dear() {
        let png = encode_png(8, 8, &[9; 192]).unwrap();
        let sized = |width, height| claimed(png.clone(), width, height);
        assert!(!is_expensive(&sized(4000, 2900)) && is_expensive(&sized(4000, 3100)));
        let jpeg = encode_jpeg(640, 480, &vec![9; 640 * 480 * 3], 80).unwrap();
        assert!(!is_expensive(&jpeg));
        let (body, end) = jpeg.split_at(jpeg.len() - 2);
        let scans = [body, &[0xFF, 0xDA, 0, 2].repeat(90), end].concat();
        assert!(is_expensive(&scans), "each scan goes over all pixels");
        assert!(is_expensive(&[&jpeg[..], &vec![0; 24_000_000]].concat()));
        assert!(!is_expensive(b"no photo") && !is_expensive(&sized(9000, 9000)), "refused soon");
    }

    #[test]
    fn a_thumbnail_and_what_follows_the_end_of_a_photo_cost_nothing() {
        let jpeg = encode_jpeg(64, 48, &[9; 64 * 48 * 3], 80).unwrap();
        assert_eq!(jpeg_passes(&jpeg), 1);
        let length = (jpeg.len() as u16 + 2).to_be_bytes();
        let phone = [&jpeg[..2], &[0xFF, 0xE1], &length, &jpeg, &jpeg[2..], &jpeg, &jpeg].concat();
        assert_eq!(jpeg_passes(&phone), 1);
        for end in 0..jpeg.len() {
            assert!(jpeg_passes(&jpeg[..end]) <= 1);
        }
    }
}
