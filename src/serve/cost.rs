//! What decoding a photo will cost, by its header.

use super::classifier::Fault;
use super::refusal::Refusal;
use crate::decode::{DecodeError, DecodeLimits, orientation, probe};
use crate::recipe::{Orient, Recipe};
use crate::sample::SourceFormat;

/// Passes over a pixel that a photo may cost before it is dear: a tenth of a second and more. Photos of phones cost 12
/// million, one for each pixel.
const DEAR_PASSES: u64 = 16_000_000;
/// Memory that a photo may take before it is dear.
pub(super) const DEAR_BYTES: u64 = 16 << 20;
/// The most memory that a pixel takes, whatever the format: a WebP's planes, their copy and its pixels.
const LARGEST_BYTES_A_PIXEL: u64 = 12;

/// The cost of one photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// Memory that decoding takes at most.
    pub(super) peak_bytes: u64,
    /// Only some of the decoding threads take such photos.
    pub(super) dear: bool,
}

/// Memory for all dear photos that are decoded at a time: room for the largest that a recipe allows.
pub(super) fn dear_memory_bytes(recipe: &Recipe) -> u64 {
    LARGEST_BYTES_A_PIXEL * recipe.max_pixels + DEAR_BYTES
}

impl Cost {
    /// Looks at a file's header. What has none costs nothing: decoding ends there, too.
    ///
    /// # Errors
    /// A [`Refusal`] of a photo that takes more memory than there is for any.
    pub(super) fn of(file: &[u8], recipe: &Recipe) -> Result<Cost, Refusal> {
        let limits = DecodeLimits { max_pixels: recipe.max_pixels, ..DecodeLimits::default() };
        let Ok(found) = probe(file, &limits) else {
            return Ok(Cost { peak_bytes: 0, dear: false });
        };
        let pixels = u64::from(found.width) * u64::from(found.height);
        let turned =
            recipe.orient == Orient::Exif && orientation(file).is_some_and(|turn| turn > 1);
        let peak_bytes = found.peak_bytes + if turned { 3 * pixels } else { 0 };
        if peak_bytes > dear_memory_bytes(recipe) {
            let limit = recipe.max_pixels;
            let (width, height) = (found.width, found.height);
            return Err(Fault::from(DecodeError::TooManyPixels { width, height, limit }).into());
        }
        let dear = peak_bytes > DEAR_BYTES || pixels * passes(found.format, file) > DEAR_PASSES;
        Ok(Cost { peak_bytes, dear })
    }
}

/// How often a pixel is worked on, measured in passes of a JPEG's decoder.
fn passes(format: SourceFormat, file: &[u8]) -> u64 {
    match format {
        // Each scan goes over the whole picture; its marker occurs nowhere else in compressed data.
        SourceFormat::Jpeg => {
            file.windows(2).filter(|pair| pair == &[0xFF, 0xDA]).count().max(1) as u64
        }
        SourceFormat::Webp => 4,
        SourceFormat::Png => 2,
        SourceFormat::Gif | SourceFormat::Bmp => 1,
    }
}
