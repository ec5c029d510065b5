//! What a sample is to look like: pure functions of a name, a seed, an epoch and a sample.
//!
//! Only integers and the operations that IEEE 754 defines to the last bit (+, −, ×, ÷, √, rounding) are
//! used: the system's `exp` and `log` have other values on other machines.

use super::{Augment, CROP, Crop, FLIP, RESIZED_CROP};
use tcolz_base::random::Random;
use tcolz_format::dataset::Receipt;

/// How often a resized crop is drawn before the middle of the picture is taken, as in torchvision.
const TRIES: usize = 10;

/// What becomes of one sample; in pixels of the stored picture.
///
/// The rectangle `[top, top + height) × [left, left + width)` is scaled to
/// `side[0] × side[1]` where it has another size, and then turned round where `flipped`. What lies outside
/// of the picture is black; only a rectangle that is not scaled reaches there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// First row; below 0 in the padding.
    pub top: i32,
    /// First column; below 0 in the padding.
    pub left: i32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Height and width of what comes out.
    pub side: [u32; 2],
    /// Left and right have changed places.
    pub flipped: bool,
}

impl Drawn {
    /// True where the sample of a picture of this height and width stays as it is.
    pub fn is_whole(&self, stored: [u32; 2]) -> bool {
        let all = [self.height, self.width] == stored && self.side == stored;
        all && (self.top, self.left, self.flipped) == (0, 0, false)
    }

    /// True where the rectangle has to be scaled.
    pub fn is_scaled(&self) -> bool {
        self.side != [self.height, self.width]
    }
}

impl Augment {
    /// What becomes of a sample of this height and width. `times`: how often the epoch's order had the
    /// sample before.
    ///
    /// The numbers of each augmentation come from a SplitMix64 of its own, begun from BLAKE3 of its name,
    /// then as 8 bytes each, little-endian: seed, epoch, the two halves of the first 16 bytes of BLAKE3 of the
    /// sample id, and `times`.
    pub fn draw(
        &self,
        (seed, epoch): (u64, u32),
        sample_id: &str,
        times: u32,
        stored: [u32; 2],
    ) -> Drawn {
        let [low, high] = Receipt::of(sample_id).words();
        let random = |name| Random::new(name, &[seed, epoch.into(), low, high, times.into()]);
        let [height, width] = stored;
        let side = self.shape(stored);
        let mut drawn = Drawn { top: 0, left: 0, height, width, side, flipped: false };
        match self.crop {
            Crop::None => {}
            Crop::Random { padding, .. } => {
                let mut random = random(CROP);
                let mut first = |stored: u32, side: u32| {
                    let room = u64::from(stored) + 2 * u64::from(padding) - u64::from(side);
                    random.below(room + 1) as i32 - padding as i32
                };
                (drawn.top, drawn.left) = (first(height, side[0]), first(width, side[1]));
                (drawn.height, drawn.width) = (side[0], side[1]);
            }
            Crop::Resized { scale, ratio, .. } => {
                let [top, left, height, width] =
                    resized(&mut random(RESIZED_CROP), stored, scale, ratio);
                (drawn.top, drawn.left) = (top as i32, left as i32);
                (drawn.height, drawn.width) = (height, width);
            }
        }
        // Below any number that is drawn for 0, above it for 1.
        drawn.flipped = self.flip > 0.0 && random(FLIP).unit() < self.flip;
        drawn
    }
}

/// Top, left, height and width, as torchvision's `RandomResizedCrop.get_params` takes them: an area between
/// the two scales, an aspect whose logarithm is evenly spread between those of the two ratios.
fn resized(
    random: &mut Random,
    [height, width]: [u32; 2],
    scale: [f64; 2],
    ratio: [f64; 2],
) -> [u32; 4] {
    let pixels = f64::from(height) * f64::from(width);
    for _ in 0..TRIES {
        let area = pixels * (scale[0] + (scale[1] - scale[0]) * random.unit());
        let aspect = between(ratio, (random.next_u64() >> 32) as u32);
        let wide = (area * aspect).sqrt().round_ties_even();
        let high = (area / aspect).sqrt().round_ties_even();
        let fits = |side: f64, stored: u32| 1.0 <= side && side <= f64::from(stored);
        if fits(wide, width) && fits(high, height) {
            let (wide, high) = (wide as u32, high as u32);
            let top = random.below(u64::from(height - high) + 1) as u32;
            let left = random.below(u64::from(width - wide) + 1) as u32;
            return [top, left, high, wide];
        }
    }
    // The largest rectangle in the middle that keeps to the ratios.
    let aspect = f64::from(width) / f64::from(height);
    let side = |side: f64, most: u32| (side.round_ties_even() as u32).clamp(1, most);
    let (high, wide) = if aspect < ratio[0] {
        (side(f64::from(width) / ratio[0], height), width)
    } else if aspect > ratio[1] {
        (height, side(f64::from(height) * ratio[1], width))
    } else {
        (height, width)
    };
    [(height - high) / 2, (width - wide) / 2, high, wide]
}

/// `low · (high / low)^u`, where u is `share` / 2³²: for each bit of `share` that is set, from the highest
/// on, `low` is multiplied by the square root, the fourth root, … of `high / low`.
fn between([low, high]: [f64; 2], share: u32) -> f64 {
    let (mut value, mut root) = (low, high / low);
    for bit in (0..u32::BITS).rev() {
        root = root.sqrt();
        if share >> bit & 1 == 1 {
            value *= root;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aspect_is_the_power_that_it_stands_for() {
        for (low, high) in [(0.75f64, 4.0 / 3.0), (0.01, 100.0), (1.0, 1.0), (2.0, 3.0)] {
            for share in [0, 1, 7 << 29, 1 << 31, 0x1234_5678, u32::MAX] {
                let exponent = f64::from(share) / 2f64.powi(32);
                let expected = low * (high / low).powf(exponent);
                let found = between([low, high], share);
                assert!((found / expected - 1.0).abs() < 1e-13, "{low} {high} {share}");
            }
        }
    }

    #[test]
    fn rectangles_lie_inside_and_keep_to_area_and_aspect() {
        let augment = Augment { crop: Crop::resized(), flip: 0.5 };
        let (mut flipped, mut areas, mut aspects) = (0, 0.0, 0.0);
        for number in 0..4000 {
            let drawn = augment.draw((1, 2), &number.to_string(), 0, [224, 224]);
            let (bottom, right) =
                (drawn.top as u32 + drawn.height, drawn.left as u32 + drawn.width);
            assert!(drawn.top >= 0 && drawn.left >= 0 && bottom <= 224 && right <= 224);
            let aspect = f64::from(drawn.width) / f64::from(drawn.height);
            assert!((0.73..1.37).contains(&aspect), "{drawn:?}");
            flipped += u32::from(drawn.flipped);
            areas += f64::from(drawn.width * drawn.height) / (224.0 * 224.0) / 4000.0;
            aspects += aspect.ln() / 4000.0;
        }
        assert!((1860..2140).contains(&flipped), "{flipped}");
        // Below the mean of the scale, 0.54: the largest areas fit at few aspects only.
        assert!((0.47..0.54).contains(&areas), "{areas}");
        assert!(aspects.abs() < 0.01, "{aspects}");
    }

    #[test]
    fn where_no_rectangle_fits_the_middle_is_taken() {
        for (ratio, expected) in [
            ([4.0, 5.0], [12, 0, 8, 32]),
            ([0.2, 0.25], [0, 12, 32, 8]),
            ([0.5, 2.0], [0, 0, 32, 32]),
        ] {
            // All of the area at once fits at no aspect but 1.
            let crop = Crop::Resized { side: None, scale: [1.0; 2], ratio };
            let middle = |drawn: Drawn| {
                [drawn.top as u32, drawn.left as u32, drawn.height, drawn.width] == expected
            };
            let augment = Augment { crop, flip: 0.0 };
            let found =
                (0..50).filter(|n: &u32| middle(augment.draw((0, 0), &n.to_string(), 0, [32, 32])));
            assert!(found.count() >= 40, "{ratio:?}");
        }
    }
}
