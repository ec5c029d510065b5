//! Pictures for people: RGB → PNG. Nothing of a dataset is stored this way.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// A picture that could not be encoded.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PictureError(#[from] image::ImageError);

/// Encodes interleaved RGB, `width × height × 3` bytes, as a PNG file.
///
/// # Errors
/// When `rgb` has another length, or the encoder refuses the size.
pub fn encode_png(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    let expected = u64::from(width) * u64::from(height) * 3;
    if rgb.len() as u64 != expected {
        use image::error::{ImageError, ParameterError, ParameterErrorKind};
        let kind = ParameterErrorKind::DimensionMismatch;
        return Err(ImageError::Parameter(ParameterError::from_kind(kind)).into());
    }
    PngEncoder::new(&mut bytes).write_image(rgb, width, height, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{DecodeLimits, Decoder, RgbImage};

    #[test]
    fn a_picture_comes_back_as_it_was() {
        let rgb: Vec<u8> = (0..5 * 3 * 3).map(|value| value as u8 * 5).collect();
        let png = encode_png(5, 3, &rgb).unwrap();
        let mut image = RgbImage::new();
        Decoder::new(DecodeLimits::default()).decode(&png, None, &mut image).unwrap();
        assert_eq!((image.width, image.height, image.pixels), (5, 3, rgb));
        assert!(encode_png(5, 4, &[0; 45]).is_err());
    }
}
