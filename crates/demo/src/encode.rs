//! A drawn picture as a file of one of the kinds that real dumps hold.

use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};

use super::draw::Picture;
use super::error::DemoError;
use tcolz_pixels::picture::{Indexed, Pixels, encode_gif, encode_png_of};

/// Quality of the JPEGs: what phones and Twitter write.
const QUALITY: u8 = 85;

/// Steps of each channel of the palette, so that it has 216 colours.
const STEPS: u8 = 6;

/// Bayer's matrix: where ordered dithering rounds up.
const DITHER: [[u8; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 4:2:0, as nearly all are.
    Jpeg {
        progressive: bool,
    },
    /// 4:2:0 with a colour profile.
    JpegWithProfile,
    JpegGrey,
    /// Inverted and with Adobe's marker, as Photoshop writes it.
    JpegCmyk,
    /// The same, luminance and chroma in place of the inks.
    JpegYcck,
    Png,
    PngAlpha,
    PngWide,
    PngPalette,
    Gif,
}

/// The file of a picture.
pub(super) fn encode(picture: &Picture, kind: Kind) -> Result<Vec<u8>, DemoError> {
    let (width, height) = (u32::from(picture.width), u32::from(picture.height));
    let png = |pixels: Pixels<'_>| Ok(encode_png_of(width, height, pixels)?);
    match kind {
        Kind::Jpeg { progressive } => Ok(jpeg(picture, &picture.rgb, ColorType::Rgb, |encoder| {
            encoder.set_progressive(progressive);
            Ok(())
        })?),
        Kind::JpegWithProfile => Ok(jpeg(picture, &picture.rgb, ColorType::Rgb, |encoder| {
            encoder.add_icc_profile(&colour_profile())
        })?),
        Kind::JpegGrey => Ok(jpeg(picture, &luma(&picture.rgb), ColorType::Luma, |_| Ok(()))?),
        Kind::JpegCmyk => Ok(jpeg(picture, &inks(&picture.rgb), ColorType::Cmyk, |_| Ok(()))?),
        Kind::JpegYcck => {
            Ok(jpeg(picture, &inks(&picture.rgb), ColorType::CmykAsYcck, |_| Ok(()))?)
        }
        Kind::Png => png(Pixels::Rgb8(&picture.rgb)),
        Kind::PngAlpha => png(Pixels::Rgba8(&fading(picture))),
        Kind::PngWide => {
            let wide: Vec<u16> = picture.rgb.iter().map(|&value| u16::from(value) * 257).collect();
            png(Pixels::Rgb16(&wide))
        }
        Kind::PngPalette => {
            let (palette, indices) = few_colours(picture);
            png(Pixels::Indexed(Indexed { palette: &palette, indices: &indices }))
        }
        Kind::Gif => {
            let (palette, indices) = few_colours(picture);
            let pixels = Indexed { palette: &palette, indices: &indices };
            Ok(encode_gif(width, height, pixels)?)
        }
    }
}

fn jpeg(
    picture: &Picture,
    pixels: &[u8],
    colour: ColorType,
    set_up: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), EncodingError>,
) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, QUALITY);
    if matches!(colour, ColorType::Rgb) {
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
    }
    set_up(&mut encoder)?;
    encoder.encode(pixels, picture.width, picture.height, colour)?;
    Ok(bytes)
}

/// Luminance as JPEG has it (Rec. 601), one byte a pixel.
fn luma(rgb: &[u8]) -> Vec<u8> {
    let luma = |rgb: &[u8]| {
        let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
        ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
    };
    rgb.chunks_exact(3).map(luma).collect()
}

/// Cyan, magenta, yellow, black: four bytes a pixel, as much black as the colour allows.
fn inks(rgb: &[u8]) -> Vec<u8> {
    let pixel = |rgb: &[u8]| {
        let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(|value| 255 - u16::from(value));
        let black = r.min(g).min(b);
        // Ink on top of black covers only what black leaves; all black leaves nothing.
        let ink = |value: u16| ((value - black) * 255).checked_div(255 - black).unwrap_or(0) as u8;
        [ink(r), ink(g), ink(b), black as u8]
    };
    rgb.chunks_exact(3).flat_map(pixel).collect()
}

/// The picture and an opacity that falls from left to right.
fn fading(picture: &Picture) -> Vec<u8> {
    let width = usize::from(picture.width);
    let pixels = picture.rgb.chunks_exact(3).enumerate();
    pixels
        .flat_map(|(pixel, rgb)| {
            let opacity = 255 - (pixel % width * 255 / width) as u8;
            [rgb[0], rgb[1], rgb[2], opacity]
        })
        .collect()
}

/// The picture in 216 colours, dithered: the palette and a place in it for each pixel.
fn few_colours(picture: &Picture) -> (Vec<[u8; 3]>, Vec<u8>) {
    let levels = u16::from(STEPS - 1);
    let level = |step: u8| (u16::from(step) * 255 / levels) as u8;
    let mut palette = Vec::new();
    for r in 0..STEPS {
        for g in 0..STEPS {
            palette.extend((0..STEPS).map(|b| [level(r), level(g), level(b)]));
        }
    }
    let width = usize::from(picture.width);
    let index = |(pixel, rgb): (usize, &[u8])| {
        let threshold = u16::from(DITHER[pixel / width % 4][pixel % width % 4]) * 16 + 8;
        let step = |value: u8| ((u16::from(value) * levels + threshold) / 256) as u8;
        let [r, g, b] = [step(rgb[0]), step(rgb[1]), step(rgb[2])];
        (r * STEPS + g) * STEPS + b
    };
    let indices = picture.rgb.chunks_exact(3).enumerate().map(index).collect();
    (palette, indices)
}

/// The 128 bytes of an ICC header (display, RGB → XYZ, version 2.1, illuminant D50) and an empty table
/// of tags: a profile for programs that look for one, which says nothing.
fn colour_profile() -> Vec<u8> {
    let mut profile = vec![0; 132];
    let mut put = |at: usize, bytes: &[u8]| profile[at..][..bytes.len()].copy_from_slice(bytes);
    put(0, &132u32.to_be_bytes());
    put(8, &[2, 0x10, 0, 0]);
    put(12, b"mntrRGB XYZ ");
    put(36, b"acsp");
    put(68, &[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    profile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::SplitMix64;
    use tcolz_photo::{DecodeLimits, Decoder};
    use tcolz_pixels::RgbImage;

    /// Mean distance of two pictures' pixels, in levels.
    fn distance(a: &[u8], b: &[u8]) -> f64 {
        let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / a.len() as f64
    }

    #[test]
    fn every_kind_of_file_shows_the_picture_that_was_drawn() {
        for class in 0..3 {
            let picture = Picture::draw(&mut SplitMix64(7 + class as u64), class, 120, 90);
            // Levels: none for lossless kinds; noise is lost in JPEGs, more of it in fewer colours.
            for (kind, most) in [
                (Kind::Png, 0.0),
                (Kind::PngAlpha, 0.0),
                (Kind::PngWide, 0.0),
                (Kind::Jpeg { progressive: false }, 8.0),
                (Kind::Jpeg { progressive: true }, 8.0),
                (Kind::JpegWithProfile, 8.0),
                (Kind::JpegCmyk, 8.0),
                (Kind::JpegYcck, 8.0),
                (Kind::PngPalette, 18.0),
                (Kind::Gif, 18.0),
            ] {
                let file = encode(&picture, kind).unwrap();
                let mut image = RgbImage::new();
                Decoder::new(DecodeLimits::default()).decode(&file, None, &mut image).unwrap();
                assert_eq!((image.width, image.height), (120, 90), "{kind:?}");
                let found = distance(&image.pixels, &picture.rgb);
                assert!(found <= most, "{kind:?} of class {class}: {found:.2} levels off");
            }
        }
    }

    #[test]
    fn a_grey_file_has_one_channel_and_a_profile_is_where_decoders_look_for_it() {
        let picture = Picture::draw(&mut SplitMix64(1), 2, 40, 30);
        let grey = encode(&picture, Kind::JpegGrey).unwrap();
        let mut image = RgbImage::new();
        Decoder::new(DecodeLimits::default()).decode(&grey, None, &mut image).unwrap();
        assert!(image.pixels.chunks(3).all(|rgb| rgb[0] == rgb[1] && rgb[1] == rgb[2]));
        let with = encode(&picture, Kind::JpegWithProfile).unwrap();
        assert!(with.windows(12).any(|bytes| bytes == b"ICC_PROFILE\0"));
        for kind in [Kind::JpegCmyk, Kind::JpegYcck] {
            let file = encode(&picture, kind).unwrap();
            assert!(file.windows(5).any(|bytes| bytes == b"Adobe"), "{kind:?}");
        }
    }
}
