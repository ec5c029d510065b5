//! What is encoded is decoded to what it was.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use tcolz_photo::{DecodeLimits, Decoder};
use tcolz_pixels::RgbImage;
use tcolz_pixels::picture::{Indexed, Pixels, encode_gif, encode_png, encode_png_of};

const PALETTE: [[u8; 3]; 3] = [[250, 10, 20], [0, 99, 0], [7, 8, 255]];

fn decoded(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut image = RgbImage::new();
    Decoder::new(DecodeLimits::default()).decode(file, None, &mut image).unwrap();
    (image.width, image.height, image.pixels)
}

#[test]
fn a_picture_comes_back_as_it_was_from_every_kind_of_png_and_from_gif() {
    let rgb: Vec<u8> = (0..5 * 3 * 3).map(|value| value as u8 * 5).collect();
    let expected = (5, 3, rgb.clone());
    assert_eq!(decoded(&encode_png(5, 3, &rgb).unwrap()), expected);
    let kind = |pixels| encode_png_of(5, 3, pixels).unwrap();
    let rgba: Vec<u8> = rgb.chunks(3).flat_map(|p| [p[0], p[1], p[2], p[0] / 2]).collect();
    assert_eq!(decoded(&kind(Pixels::Rgba8(&rgba))), expected, "opacity is dropped");
    let wide: Vec<u16> = rgb.iter().map(|&value| u16::from(value) * 257).collect();
    assert_eq!(decoded(&kind(Pixels::Rgb16(&wide))), expected);
    let indices: Vec<u8> = (0..15).map(|pixel| pixel % 3).collect();
    let indexed = Indexed { palette: &PALETTE, indices: &indices };
    let few: Vec<u8> = indices.iter().flat_map(|&index| PALETTE[usize::from(index)]).collect();
    assert_eq!(decoded(&kind(Pixels::Indexed(indexed))), (5, 3, few.clone()));
    assert_eq!(decoded(&encode_gif(5, 3, indexed).unwrap()), (5, 3, few));
}
