//! A 64-bit difference hash: near-duplicates differ in few of its bits.
//!
//! Computed from stored pixels, so that no photo is decoded for it again. All in integers:
//!
//! 1. Luma of each pixel: `(19595·R + 38470·G + 7471·B + 32768) >> 16`, ITU-R 601 as Pillow's
//!    conversion to `L`.
//! 2. Cells: the square of side `n` is cut into 9 columns and 8 rows. Cell `i` of `k` takes the pixels
//!    `⌊i·n/k⌋ .. max(⌊(i+1)·n/k⌋, ⌊i·n/k⌋ + 1)`, so a square smaller than the grid repeats pixels.
//!    The cell's value is its mean luma, rounded half up: `(2·sum + area) / (2·area)`.
//! 3. Bits: row by row, left to right, 1 where a cell is darker than its right neighbour; the first
//!    one is the most significant (the order of `dhash` in the Python package `imagehash`).

use std::ops::Range;

use super::kernels::wide;

const COLUMNS: usize = 9;
const ROWS: usize = 8;

/// The difference hash of a square's planes `[3, size, size]`.
///
/// # Panics
/// If the planes are not three squares of at least one pixel.
pub fn dhash(planes: &[u8], size: u32) -> u64 {
    let size = size as usize;
    assert!(size > 0 && planes.len() == 3 * size * size, "planes are not [3, {size}, {size}]");
    let mut hash = 0;
    // for each column of pixels, the luma of a row of cells
    let mut columns = vec![0; size];
    for row in 0..ROWS {
        let (top, bottom) = cell(row, ROWS, size);
        wide(
            #[inline(always)]
            || add_up(planes, size, top..bottom, &mut columns),
        );
        let mut left_neighbour = None;
        for column in 0..COLUMNS {
            let (left, right) = cell(column, COLUMNS, size);
            let sum: u64 = columns[left..right].iter().map(|&luma| u64::from(luma)).sum();
            let area = ((right - left) * (bottom - top)) as u64;
            let mean = (2 * sum + area) / (2 * area);
            if let Some(darker) = left_neighbour.map(|left: u64| left < mean) {
                hash = hash << 1 | u64::from(darker);
            }
            left_neighbour = Some(mean);
        }
    }
    hash
}

/// Sums of luma down some rows of pixels. At most 512 rows of 255: far below 2³².
#[inline(always)]
fn add_up(planes: &[u8], size: usize, rows: Range<usize>, columns: &mut [u32]) {
    columns.fill(0);
    let plane = size * size;
    for y in rows {
        let row = |channel: usize| &planes[channel * plane + y * size..][..size];
        let pixels = row(0).iter().zip(row(1)).zip(row(2));
        for (sum, ((&red, &green), &blue)) in columns.iter_mut().zip(pixels) {
            *sum += (u32::from(red) * 19_595
                + u32::from(green) * 38_470
                + u32::from(blue) * 7_471
                + 32_768)
                >> 16;
        }
    }
}

/// First pixel of a cell, and the one after its last.
fn cell(index: usize, count: usize, size: usize) -> (usize, usize) {
    let start = index * size / count;
    (start, ((index + 1) * size / count).max(start + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(size: u32, value: impl Fn(u32, u32) -> u8) -> Vec<u8> {
        let plane: Vec<u8> = (0..size * size).map(|i| value(i % size, i / size)).collect();
        plane.repeat(3)
    }

    #[test]
    fn a_square_that_brightens_to_the_right_has_every_bit_and_its_mirror_none() {
        for size in [9, 32, 224] {
            assert_eq!(dhash(&grey(size, |x, _| (x * 255 / size) as u8), size), u64::MAX);
            assert_eq!(dhash(&grey(size, |x, _| 255 - (x * 255 / size) as u8), size), 0);
        }
    }

    #[test]
    fn the_first_pair_is_the_most_significant_bit() {
        let planes = grey(72, |x, y| if x >= 8 && y < 9 { 200 } else { 0 });
        assert_eq!(dhash(&planes, 72), 1 << 63);
    }

    #[test]
    fn a_flat_square_and_a_single_pixel_have_no_bits() {
        assert_eq!(dhash(&grey(50, |_, _| 77), 50), 0);
        assert_eq!(dhash(&[1, 2, 3], 1), 0);
    }
}
