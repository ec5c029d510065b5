//! Pictures for people and for made-up dumps: pixels → PNG or GIF. Nothing of a dataset is stored this way.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};

/// A picture that could not be encoded.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct PictureError(#[from] Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("{width} × {height} pixels: expected {expected} {unit}, found {found}")]
    Length { width: u32, height: u32, unit: &'static str, expected: u64, found: usize },
    #[error("expected a palette of 1 to 256 colours, found {found}")]
    Palette { found: usize },
    #[error("pixel {pixel}: colour {index} is not in the palette of {colours}")]
    Index { pixel: usize, index: u8, colours: usize },
    #[error("{width} × {height} pixels: a GIF has sides of 1 to 65535")]
    GifSide { width: u32, height: u32 },
    #[error("PNG: {0}")]
    Image(#[from] ImageError),
    #[error("PNG: {0}")]
    Png(#[from] png::EncodingError),
    #[error("GIF: {0}")]
    Gif(#[from] gif::EncodingError),
    #[error("{width} × {height} pixels: a JPEG has sides of 1 to 65535")]
    JpegSide { width: u32, height: u32 },
    #[error("JPEG: {0}")]
    Jpeg(#[from] jpeg_encoder::EncodingError),
}

/// The pixels of a picture, row by row from the top, channels interleaved.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Pixels<'a> {
    /// Red, green, blue: `width × height × 3` bytes.
    Rgb8(&'a [u8]),
    /// Red, green, blue, opacity: `width × height × 4` bytes.
    Rgba8(&'a [u8]),
    /// Red, green, blue in 65,536 levels: `width × height × 3` numbers.
    Rgb16(&'a [u16]),
    /// Places in a palette of at most 256 colours: `width × height` bytes.
    Indexed(Indexed<'a>),
}

/// A picture of few colours.
#[derive(Debug, Clone, Copy)]
pub struct Indexed<'a> {
    /// Red, green, blue of 1 to 256 colours.
    pub palette: &'a [[u8; 3]],
    /// `width × height` places in the palette, row by row.
    pub indices: &'a [u8],
}

impl Indexed<'_> {
    fn check(&self, width: u32, height: u32) -> Result<(), Cause> {
        check_length(width, height, 1, self.indices.len(), "places in the palette")?;
        let colours = self.palette.len();
        if !(1..=256).contains(&colours) {
            return Err(Cause::Palette { found: colours });
        }
        let outside = self.indices.iter().position(|&index| usize::from(index) >= colours);
        match outside {
            Some(pixel) => Err(Cause::Index { pixel, index: self.indices[pixel], colours }),
            None => Ok(()),
        }
    }
}

/// Encodes interleaved RGB, `width × height × 3` bytes, as a PNG file.
///
/// # Errors
/// When `rgb` has another length, or the encoder refuses the size.
pub fn encode_png(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>, PictureError> {
    encode_png_of(width, height, Pixels::Rgb8(rgb))
}

/// Encodes a picture as a PNG file of the colour type that its pixels stand for.
///
/// # Errors
/// When there are more or fewer pixels than `width × height`, an index lies outside its palette, or the
/// encoder refuses the size.
pub fn encode_png_of(width: u32, height: u32, pixels: Pixels<'_>) -> Result<Vec<u8>, PictureError> {
    Ok(match pixels {
        Pixels::Rgb8(bytes) => plain_png(width, height, ExtendedColorType::Rgb8, bytes)?,
        Pixels::Rgba8(bytes) => plain_png(width, height, ExtendedColorType::Rgba8, bytes)?,
        Pixels::Rgb16(samples) => {
            // The encoder takes the machine's byte order.
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
            plain_png(width, height, ExtendedColorType::Rgb16, &bytes)?
        }
        Pixels::Indexed(indexed) => indexed_png(width, height, indexed)?,
    })
}

/// Encodes interleaved RGB, `width × height × 3` bytes, as a JPEG file of a quality from 1 to 100.
///
/// # Errors
/// When `rgb` has another length, or a side is longer than a JPEG can say.
pub fn encode_jpeg(
    width: u32,
    height: u32,
    rgb: &[u8],
    quality: u8,
) -> Result<Vec<u8>, PictureError> {
    Ok(jpeg_file(width, height, rgb, quality)?)
}

fn jpeg_file(width: u32, height: u32, rgb: &[u8], quality: u8) -> Result<Vec<u8>, Cause> {
    check_length(width, height, 3, rgb.len(), "bytes")?;
    let sides = [width, height].map(|side| u16::try_from(side).ok().filter(|&side| side > 0));
    let [Some(columns), Some(rows)] = sides else { return Err(Cause::JpegSide { width, height }) };
    let mut file = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut file, quality);
    encoder.encode(rgb, columns, rows, jpeg_encoder::ColorType::Rgb)?;
    Ok(file)
}

/// Encodes a picture of few colours as a GIF file of one frame, its palette in the frame.
///
/// # Errors
/// When there are more or fewer pixels than `width × height`, an index lies outside the palette, or a
/// side is longer than a GIF can say.
pub fn encode_gif(width: u32, height: u32, pixels: Indexed<'_>) -> Result<Vec<u8>, PictureError> {
    Ok(gif_file(width, height, pixels)?)
}

fn gif_file(width: u32, height: u32, pixels: Indexed<'_>) -> Result<Vec<u8>, Cause> {
    pixels.check(width, height)?;
    let sides = [width, height].map(|side| u16::try_from(side).ok().filter(|&side| side > 0));
    let [Some(columns), Some(rows)] = sides else { return Err(Cause::GifSide { width, height }) };
    let palette = pixels.palette.as_flattened();
    let frame = gif::Frame::from_palette_pixels(columns, rows, pixels.indices, palette, None);
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, columns, rows, &[])?;
    encoder.write_frame(&frame)?;
    drop(encoder); // writes the last byte
    Ok(file)
}

fn plain_png(
    width: u32,
    height: u32,
    colour: ExtendedColorType,
    bytes: &[u8],
) -> Result<Vec<u8>, Cause> {
    check_length(width, height, u64::from(colour.bits_per_pixel() / 8), bytes.len(), "bytes")?;
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(bytes, width, height, colour)?;
    Ok(file)
}

fn indexed_png(width: u32, height: u32, pixels: Indexed<'_>) -> Result<Vec<u8>, Cause> {
    pixels.check(width, height)?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(pixels.palette.as_flattened());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels.indices)?;
    writer.finish()?;
    Ok(file)
}

fn check_length(
    width: u32,
    height: u32,
    each: u64,
    found: usize,
    unit: &'static str,
) -> Result<(), Cause> {
    let pixels = u64::from(width) * u64::from(height);
    match pixels.checked_mul(each) {
        Some(expected) if expected == found as u64 => Ok(()),
        expected => {
            let expected = expected.unwrap_or(u64::MAX);
            Err(Cause::Length { width, height, unit, expected, found })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PALETTE: [[u8; 3]; 3] = [[250, 10, 20], [0, 99, 0], [7, 8, 255]];

    #[test]
    fn the_files_are_of_the_kinds_asked_for() {
        // Byte 24 of a PNG is its bit depth, byte 25 its colour type.
        let kind = |pixels| encode_png_of(1, 1, pixels).unwrap()[24..26].to_vec();
        let indexed = Indexed { palette: &PALETTE, indices: &[2] };
        assert_eq!(kind(Pixels::Rgb8(&[1, 2, 3])), [8, 2]);
        assert_eq!(kind(Pixels::Rgba8(&[1, 2, 3, 4])), [8, 6]);
        assert_eq!(kind(Pixels::Rgb16(&[1, 2, 3])), [16, 2]);
        assert_eq!(kind(Pixels::Indexed(indexed)), [8, 3]);
        assert!(encode_gif(1, 1, indexed).unwrap().starts_with(b"GIF8"));
    }

    #[test]
    fn what_is_no_picture_is_refused_in_words() {
        let said = |result: Result<Vec<u8>, PictureError>| result.unwrap_err().to_string();
        assert!(said(encode_png(5, 4, &[0; 45])).contains("expected 60 bytes, found 45"));
        assert!(said(encode_png_of(1, 1, Pixels::Rgba8(&[0; 3]))).contains("expected 4"));
        let gif = |width, height, indices: &[u8], colours: usize| {
            said(encode_gif(width, height, Indexed { palette: &PALETTE[..colours], indices }))
        };
        assert!(gif(2, 1, &[0], 3).contains("expected 2 places in the palette, found 1"));
        assert!(gif(1, 1, &[2], 2).contains("pixel 0: colour 2 is not in the palette of 2"));
        assert!(gif(1, 1, &[0], 0).contains("found 0"));
        assert!(gif(70_000, 1, &[0; 70_000], 1).contains("sides of 1 to 65535"));
        assert!(gif(0, 0, &[], 1).contains("sides of 1 to 65535"));
    }
}
