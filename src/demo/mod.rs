//! Made-up photos: a dump to try everything on when there is no other.
//!
//! The pictures are drawn by arithmetic from their number alone, so two demos are equal. They
//! compress like photographs (soft light, texture, sensor noise), and the classes differ in colour and
//! shape. A few files are odd on purpose; each shows how the conversion treats its kind.

mod draw;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};
use rayon::prelude::*;

use crate::decode::{PictureError, encode_png};
use draw::{Picture, SplitMix64};

/// Class folders of the demo.
pub const CLASSES: [&str; 3] = ["negative", "neutral", "positive"];

/// A demo that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A JPEG could not be made.
    #[error("making a JPEG: {0}")]
    Jpeg(#[from] EncodingError),
    /// A PNG could not be made.
    #[error("making a PNG: {0}")]
    Png(#[from] PictureError),
}

/// Writes `photos` made-up photos into a folder for each class below `folder`.
///
/// Seven of them are odd: PNG bytes under a `.jpg` name, grayscale, CMYK, progressive, truncated, a
/// photo of 4 × 5 pixels, and a text file that is no photo (it ends in quarantine).
///
/// # Errors
/// When a folder or file cannot be written.
pub fn make_dump(folder: &Path, photos: u32) -> Result<(), DemoError> {
    for class in CLASSES {
        let path = folder.join(class);
        fs::create_dir_all(&path).map_err(|source| DemoError::Io { path, source })?;
    }
    (0..photos).into_par_iter().try_for_each(|number| {
        let class = number as usize % CLASSES.len();
        let path = folder.join(CLASSES[class]).join(format!("{number:05}.jpg"));
        let bytes = photo(number, class)?;
        fs::write(&path, bytes).map_err(|source| DemoError::Io { path, source })
    })
}

fn photo(number: u32, class: usize) -> Result<Vec<u8>, DemoError> {
    let mut random = SplitMix64(u64::from(number));
    let (width, height) = match random.below(4) {
        0 => (600, 450),
        1 => (480, 640),
        2 => (640, 640),
        _ => (680, 383),
    };
    let picture = Picture::draw(&mut random, class, width, height);
    Ok(match number {
        2 => encode_png(u32::from(width), u32::from(height), &picture.rgb)?,
        3 => jpeg(&picture.luma(), width, height, ColorType::Luma, false)?,
        4 => jpeg(&picture.cmyk(), width, height, ColorType::Cmyk, false)?,
        5 => jpeg(&picture.rgb, width, height, ColorType::Rgb, true)?,
        6 => {
            let mut whole = jpeg(&picture.rgb, width, height, ColorType::Rgb, false)?;
            whole.truncate(whole.len() * 2 / 3);
            whole
        }
        7 => {
            let tiny = Picture::draw(&mut random, class, 4, 5);
            jpeg(&tiny.rgb, 4, 5, ColorType::Rgb, false)?
        }
        8 => b"This file is called .jpg, but it is no photo.\n".to_vec(),
        _ => jpeg(&picture.rgb, width, height, ColorType::Rgb, number.is_multiple_of(2))?,
    })
}

fn jpeg(
    pixels: &[u8],
    width: u16,
    height: u16,
    colour: ColorType,
    progressive: bool,
) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 85);
    encoder.set_progressive(progressive);
    if matches!(colour, ColorType::Rgb) {
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
    }
    encoder.encode(pixels, width, height, colour)?;
    Ok(bytes)
}
