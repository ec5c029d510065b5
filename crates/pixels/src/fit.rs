//! Where a photo of any shape goes in a square: what is cut out, how it is scaled, where it lies.

use crate::recipe::Fit;

/// The geometry of one photo in one square tensor; all in pixels.
///
/// The part `[top, top + height) × [left, left + width)` of the photo is scaled to
/// `scaled_height × scaled_width` and put at row `y`, column `x` of the square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// First column of the photo that is used.
    pub left: u32,
    /// First row of the photo that is used.
    pub top: u32,
    /// Columns of the photo that are used.
    pub width: u32,
    /// Rows of the photo that are used.
    pub height: u32,
    /// Width after scaling.
    pub scaled_width: u32,
    /// Height after scaling.
    pub scaled_height: u32,
    /// Column of the square in which the scaled photo begins.
    pub x: u32,
    /// Row of the square in which the scaled photo begins.
    pub y: u32,
}

impl Placement {
    /// Places a photo of `width` × `height` (neither is 0) in a square of `size` × `size`.
    ///
    /// - `squash`: the whole photo, each side scaled to `size`.
    /// - `crop`: the centred square of side `s = min(width, height)`, at `left = (width − s) / 2`
    ///   and `top = (height − s) / 2`, rounded down; pixels outside it have no influence.
    /// - `pad`: as Pillow's `ImageOps.pad`: the longer side becomes `size`, the other
    ///   `round(shorter / longer · size)` in f64, ties to even, at least 1; the offset is half of
    ///   the free space, rounded the same way.
    pub fn new(fit: Fit, size: u32, width: u32, height: u32) -> Placement {
        let whole = Placement {
            left: 0,
            top: 0,
            width,
            height,
            scaled_width: size,
            scaled_height: size,
            x: 0,
            y: 0,
        };
        match fit {
            Fit::Squash => whole,
            Fit::Crop => {
                let side = width.min(height);
                let (left, top) = ((width - side) / 2, (height - side) / 2);
                Placement { left, top, width: side, height: side, ..whole }
            }
            Fit::Pad if width > height => {
                let scaled_height = shorter_side(height, width, size);
                let y = half_to_even(size - scaled_height);
                Placement { scaled_height, y, ..whole }
            }
            Fit::Pad => {
                let scaled_width = shorter_side(width, height, size);
                let x = half_to_even(size - scaled_width);
                Placement { scaled_width, x, ..whole }
            }
        }
    }

    /// Whether the scaled photo leaves a part of a square of this side black.
    pub fn leaves_border(&self, size: u32) -> bool {
        self.scaled_width != size || self.scaled_height != size
    }
}

/// `round(shorter / longer · size)` as `ImageOps.contain` computes it, at least 1, where Pillow
/// would refuse to scale to nothing.
fn shorter_side(shorter: u32, longer: u32, size: u32) -> u32 {
    let scaled = f64::from(shorter) / f64::from(longer) * f64::from(size);
    (scaled.round_ties_even() as u32).clamp(1, size)
}

/// `round(space · 0.5)` of Python.
fn half_to_even(space: u32) -> u32 {
    (f64::from(space) * 0.5).round_ties_even() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crop_takes_the_centred_square_rounding_down() {
        let p = Placement::new(Fit::Crop, 8, 11, 4);
        assert_eq!((p.left, p.top, p.width, p.height), (3, 0, 4, 4));
        let p = Placement::new(Fit::Crop, 8, 4, 9);
        assert_eq!((p.left, p.top, p.width, p.height), (0, 2, 4, 4));
        assert!(!p.leaves_border(8));
    }

    #[test]
    fn pad_rounds_ties_to_even_as_python_does() {
        // 5/8 · 4 = 2.5 → 2; free 2 → offset 1
        let p = Placement::new(Fit::Pad, 4, 8, 5);
        assert_eq!((p.scaled_width, p.scaled_height, p.x, p.y), (4, 2, 0, 1));
        // 7/8 · 4 = 3.5 → 4: nothing stays black
        let p = Placement::new(Fit::Pad, 4, 7, 8);
        assert_eq!((p.scaled_width, p.scaled_height, p.x, p.y), (4, 4, 0, 0));
        // 5/8 · 8 = 5; free 3 → 1.5 → 2
        let p = Placement::new(Fit::Pad, 8, 5, 8);
        assert_eq!((p.scaled_width, p.x, p.y), (5, 2, 0));
    }

    #[test]
    fn pad_keeps_at_least_one_pixel() {
        let p = Placement::new(Fit::Pad, 224, 40_000, 1);
        assert_eq!((p.scaled_width, p.scaled_height, p.y), (224, 1, 112));
        assert!(p.leaves_border(224));
    }
}
