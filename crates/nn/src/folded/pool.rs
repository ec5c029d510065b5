//! Pools, sums and copies over blocks of channels, as loops that the compiler turns into vectors.

use super::lines::BLOCK;
use super::product::{Bounds, Place};
use crate::spec::Sides;

/// An image in blocks of channels: what is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) place: Place,
    pub(super) size: [usize; 2],
}

impl Image<'_> {
    fn pixel(&self, block: usize, row: usize, column: usize) -> &[f32; BLOCK] {
        let at =
            self.place.origin + block * self.place.plane + row * self.place.row + column * BLOCK;
        let (blocks, _) = self.numbers[at..at + BLOCK].as_chunks();
        &blocks[0]
    }
}

/// The same: what is written.
#[derive(Debug)]
pub(super) struct ImageMut<'a> {
    pub(super) numbers: &'a mut [f32],
    pub(super) place: Place,
    pub(super) size: [usize; 2],
}

impl ImageMut<'_> {
    fn pixel(&mut self, block: usize, row: usize, column: usize) -> &mut [f32; BLOCK] {
        let at =
            self.place.origin + block * self.place.plane + row * self.place.row + column * BLOCK;
        let (blocks, _) = self.numbers[at..at + BLOCK].as_chunks_mut();
        &mut blocks[0]
    }

    /// Writes zeros around the image.
    pub(super) fn clear_border(&mut self, blocks: usize, border: Sides) {
        if border == Sides::default() {
            return;
        }
        let [height, width] = self.size;
        let row = self.place.row;
        for block in 0..blocks {
            let first = self.place.origin + block * self.place.plane - border.left * BLOCK;
            let edge = first - border.top * row;
            self.numbers[edge..first].fill(0.0);
            for line in self.numbers[first..first + height * row].chunks_exact_mut(row) {
                line[..border.left * BLOCK].fill(0.0);
                line[(border.left + width) * BLOCK..].fill(0.0);
            }
            self.numbers[first + height * row..][..border.bottom * row].fill(0.0);
        }
    }
}

/// What a window becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its largest.
    Max,
    /// Its mean.
    Average,
}

/// Pools windows, cut to what lies inside the image.
pub(super) fn pool(
    kind: Kind,
    blocks: usize,
    [kernel, stride]: [usize; 2],
    sides: Sides,
    source: Image<'_>,
    mut target: ImageMut<'_>,
) {
    let cut = |place: usize, before: usize, size: usize| {
        let first = place * stride;
        first.saturating_sub(before).min(size)..(first + kernel).saturating_sub(before).min(size)
    };
    let [height, width] = target.size;
    for block in 0..blocks {
        for row in 0..height {
            let rows = cut(row, sides.top, source.size[0]);
            for column in 0..width {
                let columns = cut(column, sides.left, source.size[1]);
                let pooled = cell(kind, block, rows.clone(), columns, source);
                *target.pixel(block, row, column) = pooled;
            }
        }
    }
}

fn cell(
    kind: Kind,
    block: usize,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    source: Image<'_>,
) -> [f32; BLOCK] {
    let count = (rows.len() * columns.len()) as f32;
    let mut pooled = [if kind == Kind::Max { f32::MIN } else { 0.0 }; BLOCK];
    for row in rows {
        for column in columns.clone() {
            let pixel = source.pixel(block, row, column);
            for (pooled, &number) in pooled.iter_mut().zip(pixel) {
                *pooled = match kind {
                    // As in the reference: what is no number never is the largest.
                    Kind::Max if number > *pooled => number,
                    Kind::Max => *pooled,
                    Kind::Average => *pooled + number,
                };
            }
        }
    }
    match kind {
        Kind::Max => pooled,
        Kind::Average => pooled.map(|sum| sum / count),
    }
}

/// Means over cells: cell i is from ⌊i·size/side⌋ up to ⌈(i+1)·size/side⌉.
pub(super) fn adaptive(blocks: usize, source: Image<'_>, mut target: ImageMut<'_>) {
    let [height, width] = target.size;
    let cells = |cell: usize, side: usize, size: usize| {
        cell * size / side..((cell + 1) * size).div_ceil(side)
    };
    for block in 0..blocks {
        for row in 0..height {
            let rows = cells(row, height, source.size[0]);
            for column in 0..width {
                let columns = cells(column, width, source.size[1]);
                *target.pixel(block, row, column) =
                    cell(Kind::Average, block, rows.clone(), columns, source);
            }
        }
    }
}

/// `bounded(x + scale · body)`
pub(super) fn add(
    blocks: usize,
    scale: f32,
    [low, high]: Bounds,
    source: Image<'_>,
    body: Image<'_>,
    mut target: ImageMut<'_>,
) {
    let [height, width] = target.size;
    for block in 0..blocks {
        for row in 0..height {
            for column in 0..width {
                let (x, body) = (source.pixel(block, row, column), body.pixel(block, row, column));
                let sum = target.pixel(block, row, column);
                for lane in 0..BLOCK {
                    let value = x[lane] + scale * body[lane];
                    let value = if value < low { low } else { value };
                    sum[lane] = if value > high { high } else { value };
                }
            }
        }
    }
}

/// Copies channels to where others begin, which need not be the first of a block.
pub(super) fn copy(channels: usize, first: usize, source: Image<'_>, mut target: ImageMut<'_>) {
    let [height, width] = source.size;
    for channel in 0..channels {
        let (from, to) = (channel, first + channel);
        for row in 0..height {
            for column in 0..width {
                target.pixel(to / BLOCK, row, column)[to % BLOCK] =
                    source.pixel(from / BLOCK, row, column)[from % BLOCK];
            }
        }
    }
}

/// `[channels, height, width]` row by row → features.
pub(super) fn flatten(channels: usize, source: Image<'_>, target: &mut [f32]) {
    let [height, width] = source.size;
    let mut features = target.iter_mut();
    for channel in 0..channels {
        for row in 0..height {
            for column in 0..width {
                if let Some(feature) = features.next() {
                    *feature = source.pixel(channel / BLOCK, row, column)[channel % BLOCK];
                }
            }
        }
    }
}

impl ImageMut<'_> {
    /// Planes of channels → blocks.
    pub(super) fn fill_from_planes(&mut self, channels: usize, planes: &[f32], from: Place) {
        let [height, width] = self.size;
        for channel in 0..channels {
            for row in 0..height {
                let line = &planes[from.origin + channel * from.plane + row * from.row..][..width];
                for (column, &number) in line.iter().enumerate() {
                    self.pixel(channel / BLOCK, row, column)[channel % BLOCK] = number;
                }
            }
        }
    }
}
