//! Parts of planar pictures: cut out, turned round, scaled.

use super::Resizer;
use super::kernels::wide;
use crate::RowSink;
use crate::recipe::{Filter, Fit};

/// Rows that are handed to the resizer at a time.
const STRIP_ROWS: usize = 8;

/// A rectangle of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First row; may lie outside of the picture.
    pub top: isize,
    /// First column; may lie outside of the picture.
    pub left: isize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Copies a part of a picture, its rows from right to left where `flipped`. What lies outside of the
/// picture is 0.
///
/// `planes`: `[3, height, width]`. `out`: `[3, part.height, part.width]`.
///
/// # Panics
/// When a length is not that of its shape.
pub fn cut(planes: &[u8], shape: [usize; 2], part: Part, flipped: bool, out: &mut [u8]) {
    assert_eq!(planes.len(), 3 * shape[0] * shape[1], "a picture of this height and width");
    assert_eq!(out.len(), 3 * part.height * part.width, "a buffer of the part's size");
    wide(
        #[inline(always)]
        || cut_rows(planes, shape, part, flipped, out),
    );
}

#[inline(always)]
fn cut_rows(planes: &[u8], [height, width]: [usize; 2], part: Part, flipped: bool, out: &mut [u8]) {
    // Columns of the part, counted from its left, that lie in the picture.
    let inside = |first: isize, length: usize, most: usize| {
        let from = (-first).clamp(0, length as isize) as usize;
        let to = (most as isize - first).clamp(0, length as isize) as usize;
        from..to.max(from)
    };
    let columns = inside(part.left, part.width, width);
    let rows = inside(part.top, part.height, height);
    let first = (part.left + columns.start as isize).max(0) as usize;
    for channel in 0..3 {
        let out = &mut out[channel * part.height * part.width..][..part.height * part.width];
        for (y, out) in out.chunks_exact_mut(part.width.max(1)).enumerate() {
            if !rows.contains(&y) || columns.is_empty() {
                out.fill(0);
                continue;
            }
            let row = (part.top + y as isize) as usize;
            let pixels = &planes[(channel * height + row) * width + first..][..columns.len()];
            if !flipped {
                out[..columns.start].fill(0);
                out[columns.clone()].copy_from_slice(pixels);
                out[columns.end..].fill(0);
                continue;
            }
            let turned = part.width - columns.end..part.width - columns.start;
            out[..turned.start].fill(0);
            for (out, &pixel) in out[turned.clone()].iter_mut().rev().zip(pixels) {
                *out = pixel;
            }
            out[turned.end..].fill(0);
        }
    }
}

/// Scales parts of planar pictures to squares, with the pixels of Pillow 11.3's
/// `image.crop(box).resize((side, side), BILINEAR)`; one for each worker.
#[derive(Debug, Default)]
pub struct PlaneResizer {
    resizer: Option<(u32, Resizer)>,
    /// Some rows of the part, interleaved.
    strip: Vec<u8>,
}

impl PlaneResizer {
    /// A resizer without any scratch space yet.
    pub fn new() -> PlaneResizer {
        PlaneResizer::default()
    }

    /// The part of a picture `[3, height, width]`, scaled: `[3, side, side]`.
    ///
    /// # Panics
    /// When the part is empty or does not lie in the picture, or `side` is 0.
    pub fn resize(
        &mut self,
        planes: &[u8],
        [height, width]: [usize; 2],
        part: Part,
        side: u32,
    ) -> &[u8] {
        let inside = |first: isize, length: usize, most: usize| {
            first >= 0 && length > 0 && first as usize + length <= most
        };
        assert!(
            inside(part.top, part.height, height) && inside(part.left, part.width, width),
            "{part:?} lies in a picture of {height} × {width}"
        );
        assert_eq!(planes.len(), 3 * height * width, "a picture of this height and width");
        if self.resizer.as_ref().is_none_or(|(made_for, _)| *made_for != side) {
            let resizer = Resizer::new(&[side], Fit::Squash, Filter::Bilinear);
            self.resizer = Some((side, resizer));
        }
        let (_, resizer) = self.resizer.as_mut().expect("made above");
        self.strip.resize(3 * STRIP_ROWS * width, 0);
        resizer.start(part.width as u32, part.height as u32);
        let (top, left) = (part.top as usize, part.left as usize);
        for first in (0..part.height).step_by(STRIP_ROWS) {
            let rows = STRIP_ROWS.min(part.height - first);
            let strip = &mut self.strip[..3 * rows * part.width];
            for (y, strip) in strip.chunks_exact_mut(3 * part.width).enumerate() {
                let plane = |channel: usize| {
                    let row = (channel * height + top + first + y) * width + left;
                    &planes[row..][..part.width]
                };
                interleave([plane(0), plane(1), plane(2)], strip);
            }
            resizer.rows(first as u32, strip);
        }
        resizer.planes(0)
    }
}

/// Three rows of one channel each → one of three.
fn interleave([red, green, blue]: [&[u8]; 3], out: &mut [u8]) {
    wide(
        #[inline(always)]
        || {
            let (pixels, _) = out.as_chunks_mut::<3>();
            for (((pixel, &r), &g), &b) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
                *pixel = [r, g, b];
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture([height, width]: [usize; 2]) -> Vec<u8> {
        (0..3 * height * width)
            .map(|i| (i * 37 + i / 5 + i / (height * width) * 11) as u8)
            .collect()
    }

    /// Pixel by pixel, as it is written in the books.
    fn plain(planes: &[u8], [height, width]: [usize; 2], part: Part, flipped: bool) -> Vec<u8> {
        let mut out = Vec::new();
        for channel in 0..3 {
            for y in 0..part.height as isize {
                for x in 0..part.width as isize {
                    let x = if flipped { part.width as isize - 1 - x } else { x };
                    let (row, column) = (part.top + y, part.left + x);
                    let inside = (0..height as isize).contains(&row)
                        && (0..width as isize).contains(&column);
                    out.push(if inside {
                        planes[(channel * height + row as usize) * width + column as usize]
                    } else {
                        0
                    });
                }
            }
        }
        out
    }

    #[test]
    fn a_part_is_cut_out_pixel_by_pixel_also_where_it_reaches_outside() {
        for shape in [[40, 40], [33, 70], [1, 1], [3, 2]] {
            let planes = picture(shape);
            for (top, left) in [(0, 0), (-3, 2), (5, -7), (30, 31), (-50, 0), (0, 90), (-1, -1)] {
                for (height, width) in [(1, 1), (40, 40), (8, 37), (100, 90)] {
                    let part = Part { top, left, height, width };
                    for flipped in [false, true] {
                        let mut out = vec![7; 3 * height * width];
                        cut(&planes, shape, part, flipped, &mut out);
                        assert_eq!(out, plain(&planes, shape, part, flipped), "{shape:?} {part:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_scaled_part_is_what_the_resizer_makes_of_a_picture_of_that_part_alone() {
        let shape = [61, 47];
        let planes = picture(shape);
        let mut resizer = PlaneResizer::new();
        for side in [24, 7, 64] {
            for (top, left, height, width) in
                [(0, 0, 61, 47), (3, 5, 24, 24), (60, 46, 1, 1), (10, 0, 50, 3), (0, 40, 9, 7)]
            {
                let part = Part { top, left, height, width };
                let alone = plain(&planes, shape, part, false);
                let pixels = height * width;
                let rgb: Vec<u8> = (0..pixels)
                    .flat_map(|at| [alone[at], alone[pixels + at], alone[2 * pixels + at]])
                    .collect();
                let mut expected = Resizer::new(&[side], Fit::Squash, Filter::Bilinear);
                expected.start(width as u32, height as u32);
                expected.rows(0, &rgb);
                let found = resizer.resize(&planes, shape, part, side);
                assert_eq!(found, expected.planes(0), "{part:?} {side}");
            }
        }
    }
}
