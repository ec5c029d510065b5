//! A photo's bytes → its squares, by a recipe: what a conversion stores and a prediction looks at.

use super::decoder::Decoder;
use super::error::DecodeError;
use super::jpeg::ScaleTo;
use super::limits::DecodeLimits;
use tcolz_pixels::Resizer;
use tcolz_pixels::photo_info::{PhotoInfo, rows_there};
use tcolz_pixels::recipe::{DecodeMode, Orient, Recipe};

/// Decodes and resizes photos by one recipe; one for each worker, it owns and recycles its buffers.
#[derive(Debug)]
pub struct PhotoReader {
    decoder: Decoder,
    resizer: Resizer,
    scale: Option<ScaleTo>,
    orient: Orient,
    refuse_truncated: bool,
}

impl PhotoReader {
    /// A reader for a recipe, which has been checked ([`Recipe::is_valid`]).
    ///
    /// # Panics
    /// If a size is 0.
    pub fn new(recipe: &Recipe) -> PhotoReader {
        let limits = DecodeLimits { max_pixels: recipe.max_pixels, ..DecodeLimits::default() };
        // Of several sizes the largest decides how small a JPEG may be decoded: each has the pixels that it has beside
        // the others.
        let scale = ScaleTo { size: recipe.largest_size(), fit: recipe.fit };
        PhotoReader {
            decoder: Decoder::new(limits),
            resizer: Resizer::new(&recipe.sizes, recipe.fit, recipe.filter),
            orient: recipe.orient,
            refuse_truncated: recipe.refuse_truncated,
            scale: (recipe.decode == DecodeMode::Scaled).then_some(scale),
        }
    }

    /// Reads one photo.
    ///
    /// # Errors
    /// As [`Decoder::decode`]; [`DecodeError::Truncated`] also for a photo of which only a part is there, where the
    /// recipe refuses it.
    pub fn read(&mut self, bytes: &[u8]) -> Result<PhotoInfo, DecodeError> {
        let photo = match self.orient {
            Orient::Stored => self.decoder.decode(bytes, self.scale, &mut self.resizer),
            Orient::Exif => self.decoder.decode_upright(bytes, self.scale, &mut self.resizer),
        }?;
        if self.refuse_truncated && photo.recovered_share < 1.0 {
            let reason = rows_there(photo.recovered_share);
            return Err(DecodeError::Truncated { format: photo.format, reason });
        }
        Ok(photo)
    }

    /// The last photo's pixels for the size at this index of the recipe: `[3, size, size]`, red, green, blue.
    ///
    /// # Panics
    /// If no photo was read yet, or the last one gave an error.
    pub fn planes(&self, size_index: usize) -> &[u8] {
        self.resizer.planes(size_index)
    }
}
