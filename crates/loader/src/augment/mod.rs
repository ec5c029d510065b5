//! Augmentations: a sample looks a little different each time it is delivered.
//!
//! | name | what | draws, in this order |
//! | --- | --- | --- |
//! | `crop-v1` | a square of `side` pixels out of the picture, padded with black before | row, column |
//! | `resized-crop-v1` | a rectangle of random area and aspect, scaled to a square | area, aspect, row, column; at most ten times |
//! | `flip-v1` | left and right change places | one number |
//!
//! The crop comes first, then the flip, whatever was asked for first. A name stands for one algorithm
//! for ever. What it draws is decided by the name, the loader's seed, the epoch, the sample's id, and how
//! often the epoch has had that sample before (`balanced-v1` repeats samples, and each time they look
//! different; so do those that [`LastBatch::Pad`](super::LastBatch::Pad) repeats). Not by the order, the position, the world size,
//! the batch size, the workers, or where the epoch was gone on from. `schemas/loader.md` has it all in
//! prose.
//!
//! Pixels are cut and scaled as stored, before the view; what a crop takes from outside of the picture is
//! black, as in torchvision's `RandomCrop(padding=…)` of a photo. A resized crop has the pixels of Pillow 11.3's
//! `image.crop(box).resize((side, side), BILINEAR)`.

mod apply;
mod draw;
mod occurrence;

pub(super) use apply::Augmenter;
pub use draw::Drawn;
pub(super) use occurrence::Occurrences;

use std::str::FromStr;

use super::LoaderError;
use tcolz_base::door::given;
use tcolz_format::shard::TensorColumn;
use tcolz_pixels::recipe::{Dtype, MAX_SIZE};

/// Name of the flip.
pub const FLIP: &str = "flip-v1";
/// Name of the crop that scales nothing.
pub const CROP: &str = "crop-v1";
/// Name of the crop that is scaled.
pub const RESIZED_CROP: &str = "resized-crop-v1";

/// Share of the picture's area that a resized crop takes, as in torchvision: least, most.
pub const DEFAULT_SCALE: [f64; 2] = [0.08, 1.0];
/// Width by height of a resized crop, as in torchvision: least, most.
pub const DEFAULT_RATIO: [f64; 2] = [3.0 / 4.0, 4.0 / 3.0];

/// Aspects beyond this, or below its inverse, are refused: no photograph has them.
const MOST_RATIO: f64 = 100.0;

/// What is cut out of each picture.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub enum Crop {
    /// Nothing: all of it is taken.
    #[default]
    None,
    /// `crop-v1`.
    Random {
        /// Side of the square in pixels; `None` for the stored one.
        side: Option<u32>,
        /// Pixels of black that are put around the picture first.
        padding: u32,
    },
    /// `resized-crop-v1`.
    Resized {
        /// Side of the square that it is scaled to, in pixels; `None` for the stored one.
        side: Option<u32>,
        /// Share of the picture's area: least, most, above 0 and at most 1.
        scale: [f64; 2],
        /// Width by height: least, most.
        ratio: [f64; 2],
    },
}

impl Crop {
    /// A square of this side, from anywhere in the picture.
    pub fn random(side: u32) -> Crop {
        Crop::Random { side: Some(side), padding: 0 }
    }

    /// A rectangle of [`DEFAULT_SCALE`] and [`DEFAULT_RATIO`], scaled to the stored side.
    pub fn resized() -> Crop {
        Crop::Resized { side: None, scale: DEFAULT_SCALE, ratio: DEFAULT_RATIO }
    }
}

/// A text that names no crop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected random-resized, random:PADDING (pixels) or none, found `{found}`")]
#[non_exhaustive]
pub struct CropError {
    /// What was given.
    pub found: String,
}

impl FromStr for Crop {
    type Err = CropError;

    /// `none`, `random-resized`, or `random:PADDING` in pixels.
    fn from_str(text: &str) -> Result<Crop, CropError> {
        let wrong = || CropError { found: text.to_owned() };
        match text {
            "none" => Ok(Crop::None),
            "random-resized" => Ok(Crop::resized()),
            _ => {
                let padding = text.strip_prefix("random:").ok_or_else(wrong)?;
                let padding = padding.parse().map_err(|_| wrong())?;
                Ok(Crop::Random { side: None, padding })
            }
        }
    }
}

/// What is done to each sample: a crop, then a flip.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Augment {
    /// What is cut out.
    pub crop: Crop,
    /// The probability with which left and right change places, 0 to 1.
    pub flip: f64,
}

impl Augment {
    /// True when samples stay as they are.
    pub fn is_nothing(&self) -> bool {
        self.crop == Crop::None && self.flip == 0.0
    }

    /// Height and width of what becomes of pictures of this height and width.
    pub fn shape(&self, stored: [u32; 2]) -> [u32; 2] {
        match self.crop {
            Crop::None => stored,
            Crop::Random { side, .. } | Crop::Resized { side, .. } => {
                side.map_or(stored, |side| [side; 2])
            }
        }
    }

    /// Names and numbers, one text for each augmentation: what a state must agree with.
    pub fn names(&self) -> Vec<String> {
        let side = |side: Option<u32>| side.map_or_else(|| "stored".to_owned(), |s| s.to_string());
        let crop = match self.crop {
            Crop::None => None,
            Crop::Random { side: of, padding } => Some(format!("{CROP} {} {padding}", side(of))),
            Crop::Resized { side: of, scale: [s0, s1], ratio: [r0, r1] } => {
                Some(format!("{RESIZED_CROP} {} {s0} {s1} {r0} {r1}", side(of)))
            }
        };
        let flip = (self.flip > 0.0).then(|| format!("{FLIP} {}", self.flip));
        crop.into_iter().chain(flip).collect()
    }

    /// Tests that pictures of a column can be augmented like this.
    ///
    /// # Errors
    /// [`LoaderError::Option`], naming what was expected.
    pub(super) fn check(&self, column: &TensorColumn) -> Result<(), LoaderError> {
        let fail = |option, expected: String, found: String| {
            Err(LoaderError::Option { option, expected, found })
        };
        if self.is_nothing() {
            return Ok(());
        }
        if column.dtype != Dtype::U8 {
            let expected =
                format!("pixels, from a dataset converted with {}", given("dtype", Dtype::U8));
            return fail("augmentation", expected, format!("{} of {}", column.dtype, column.name));
        }
        if !(0.0..=1.0).contains(&self.flip) {
            return fail("flip", "a probability, 0 to 1".to_owned(), self.flip.to_string());
        }
        let stored = column.size();
        match self.crop {
            Crop::None => Ok(()),
            Crop::Random { side, padding } => {
                let side = side.unwrap_or(stored);
                let most = u64::from(stored) + 2 * u64::from(padding);
                let most = most.min(MAX_SIZE.into());
                if side == 0 || u64::from(side) > most {
                    let expected = format!("a side of 1 to {most}, {stored} and the padding");
                    return fail("random crop", expected, side.to_string());
                }
                // Else some crops would hold nothing but black.
                if padding >= side {
                    let expected = format!("a padding below the side, {side}");
                    return fail("random crop", expected, padding.to_string());
                }
                Ok(())
            }
            Crop::Resized { side, scale, ratio } => {
                let side = side.unwrap_or(stored);
                if !(1..=MAX_SIZE).contains(&side) {
                    let expected = format!("a side of 1 to {MAX_SIZE}");
                    return fail("random resized crop", expected, side.to_string());
                }
                if !(scale[0] > 0.0 && scale[0] <= scale[1] && scale[1] <= 1.0) {
                    let expected = "a scale above 0 and at most 1, the least first".to_owned();
                    return fail("random resized crop", expected, format!("{scale:?}"));
                }
                let sound = |ratio: f64| (MOST_RATIO.recip()..=MOST_RATIO).contains(&ratio);
                if !(ratio.iter().copied().all(sound) && ratio[0] <= ratio[1]) {
                    let expected = "a ratio of 0.01 to 100, the least first".to_owned();
                    return fail("random resized crop", expected, format!("{ratio:?}"));
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcolz_pixels::recipe::Codec;

    #[test]
    fn names_hold_every_number_that_decides_what_a_sample_looks_like() {
        let resized = Augment { crop: Crop::resized(), flip: 0.5 };
        assert_eq!(
            resized.names(),
            ["resized-crop-v1 stored 0.08 1 0.75 1.3333333333333333", "flip-v1 0.5"]
        );
        let padded = Crop::Random { side: None, padding: 4 };
        assert_eq!(Augment { crop: padded, flip: 0.0 }.names(), ["crop-v1 stored 4"]);
        assert_eq!(Augment::default().names(), [""; 0]);
        assert!(Augment::default().is_nothing());
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused_by_what_was_expected() {
        let column = TensorColumn::new(24, Dtype::U8, Codec::Zstd);
        let refused = |crop, flip| {
            let error = Augment { crop, flip }.check(&column).unwrap_err().to_string();
            error.split_once(": expected ").map(|(_, rest)| rest.to_owned()).unwrap()
        };
        let crop = |side, padding| Crop::Random { side: Some(side), padding };
        let resized = |side, scale, ratio| Crop::Resized { side: Some(side), scale, ratio };
        for (crop, flip, expected) in [
            (Crop::None, 1.5, "a probability, 0 to 1, found 1.5"),
            (Crop::None, f64::NAN, "a probability, 0 to 1, found NaN"),
            (crop(25, 0), 0.0, "a side of 1 to 24, 24 and the padding, found 25"),
            (crop(0, 0), 0.0, "a side of 1 to 24, 24 and the padding, found 0"),
            (crop(8, 8), 0.0, "a padding below the side, 8, found 8"),
            (crop(8, u32::MAX), 0.0, "a padding below the side, 8, found 4294967295"),
            (resized(0, [0.5; 2], [1.0; 2]), 0.0, "a side of 1 to 4096, found 0"),
            (
                resized(8, [0.0, 1.0], [1.0; 2]),
                0.0,
                "a scale above 0 and at most 1, the least first, found [0.0, 1.0]",
            ),
            (
                resized(8, [0.5; 2], [2.0, 1.0]),
                0.0,
                "a ratio of 0.01 to 100, the least first, found [2.0, 1.0]",
            ),
        ] {
            assert_eq!(refused(crop, flip), expected);
        }
        for crop in [Crop::None, crop(24, 0), crop(32, 4), Crop::resized()] {
            Augment { crop, flip: 1.0 }.check(&column).unwrap();
        }
        let baked = TensorColumn::new(24, Dtype::F32, Codec::Raw);
        let error = Augment { flip: 1.0, ..Augment::default() }.check(&baked).unwrap_err();
        assert!(error.to_string().contains("converted with `dtype: u8`, found f32 of image_24"));
    }
}
