//! Convolution of each channel by itself, a block of channels at a time: inputs, weights and sums are vectors
//! over the block.

#![allow(unsafe_code, reason = "SIMD")]
#![allow(
    clippy::needless_range_loop,
    reason = "tiles of registers: rows and vectors are counted, not walked"
)]

use std::ops::Range;

use super::fold::Weights;
use super::levels::Plain;
#[cfg(target_arch = "x86_64")]
use super::levels::{Avx2, Avx512};
use super::lines::BLOCK;
use super::lines::{Lines, Shared};
use super::product::{Bounds, Place};
use super::simd::{Level, Simd};
use crate::spec::Sides;

/// Pixels whose sums are made together.
const PIXELS: usize = 6;

/// Weights by blocks of channels: in each the bias, then the window's places, [`BLOCK`] numbers each.
#[derive(Debug)]
pub(super) struct Depthwise {
    numbers: Lines,
    channels: usize,
    kernel: [usize; 2],
}

impl Depthwise {
    /// Packs weights `[channels, 1, rows, columns]`.
    pub(super) fn new(weights: &Weights, channels: usize, kernel: [usize; 2]) -> Depthwise {
        let places = kernel[0] * kernel[1];
        let mut numbers = Lines::zeros(channels.div_ceil(BLOCK) * (1 + places) * BLOCK);
        let blocks = numbers.numbers_mut().chunks_exact_mut((1 + places) * BLOCK);
        for (block, first) in blocks.zip((0..channels).step_by(BLOCK)) {
            for channel in first..channels.min(first + BLOCK) {
                block[channel - first] = weights.bias[channel];
                for place in 0..places {
                    block[(1 + place) * BLOCK + channel - first] =
                        weights.kernel[channel * places + place];
                }
            }
        }
        Depthwise { numbers, channels, kernel }
    }

    /// Channels that come in and go out.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Rows and columns of a window.
    pub(super) fn kernel(&self) -> [usize; 2] {
        self.kernel
    }
}

/// Some rows of some blocks of channels.
#[derive(Debug, Clone)]
pub(super) struct DepthwiseJob<'a> {
    pub(super) level: Level,
    pub(super) weights: &'a Depthwise,
    pub(super) bounds: Bounds,
    pub(super) stride: usize,
    pub(super) sides: Sides,
    /// Height and width of the image that comes in, all of it.
    pub(super) size: [usize; 2],
    /// Rows of it that are there; `source` is the place of the first one.
    pub(super) present: Range<usize>,
    /// The place of the first of `blocks`.
    pub(super) source: Place,
    /// Rows that are made, each `width` pixels; `target` is the place of the first one, of the first of
    /// `blocks`.
    pub(super) rows: Range<usize>,
    pub(super) width: usize,
    pub(super) target: Place,
    pub(super) blocks: Range<usize>,
}

/// Rows or columns of a window at `first` (counted from the padding's edge) that lie inside `size`.
fn inside(first: usize, before: usize, kernel: usize, size: usize) -> Range<usize> {
    let start = before.saturating_sub(first).min(kernel);
    start..(size + before).saturating_sub(first).min(kernel).max(start)
}

/// Computes a job.
///
/// # Safety
/// While this runs, no other thread reads or writes the job's rows and blocks in the target.
pub(super) unsafe fn run(job: &DepthwiseJob<'_>, source: &[f32], target: Shared) {
    if job.rows.is_empty() || job.blocks.is_empty() || job.width == 0 {
        return;
    }
    let blocks = job.blocks.len() - 1;
    for row in [job.rows.start, job.rows.end - 1] {
        let window = inside(row * job.stride, job.sides.top, job.weights.kernel[0], job.size[0]);
        let first = row * job.stride + window.start;
        let last = row * job.stride + window.end;
        assert!(
            window.is_empty()
                || first - job.sides.top >= job.present.start
                    && last - job.sides.top <= job.present.end,
            "the rows of a window are present"
        );
    }
    let [_, width] = job.size;
    let read = job.source.origin
        + blocks * job.source.plane
        + job.present.len().saturating_sub(1) * job.source.row
        + width * BLOCK;
    assert!(read <= source.len(), "a convolution reads {read} of {} numbers", source.len());
    let wrote = job.target.origin
        + blocks * job.target.plane
        + (job.rows.len() - 1) * job.target.row
        + job.width * BLOCK;
    assert!(wrote <= target.len(), "a convolution writes {wrote} of {} numbers", target.len());
    assert!(job.blocks.end <= job.weights.channels.div_ceil(BLOCK), "the blocks have weights");
    // SAFETY: everything lies inside, as was just seen, and a level exists only where the CPU has it.
    unsafe {
        match job.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512(job, source.as_ptr(), target.start()),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2(job, source.as_ptr(), target.start()),
            Level::Plain => blocks_of::<Plain>(job, source.as_ptr(), target.start()),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(job: &DepthwiseJob<'_>, source: *const f32, target: *mut f32) {
    // SAFETY: as promised to `run`.
    unsafe { blocks_of::<Avx512>(job, source, target) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(job: &DepthwiseJob<'_>, source: *const f32, target: *mut f32) {
    // SAFETY: as promised to `run`.
    unsafe { blocks_of::<Avx2>(job, source, target) }
}

#[inline(always)]
unsafe fn blocks_of<S: Simd>(job: &DepthwiseJob<'_>, source: *const f32, target: *mut f32) {
    let [kernel_rows, kernel_columns] = job.weights.kernel;
    let places = kernel_rows * kernel_columns;
    let weights = job.weights.numbers.numbers().as_ptr();
    let [height, width] = job.size;
    // Pixels whose windows lie inside, from left to right.
    let left = job.sides.left.div_ceil(job.stride).min(job.width);
    let right = match (width + job.sides.left).checked_sub(kernel_columns) {
        Some(room) => (room / job.stride + 1).clamp(left, job.width),
        None => left,
    };
    for block in 0..job.blocks.len() {
        for lane in (0..BLOCK).step_by(S::LANES) {
            // SAFETY: as promised to `run`; a window's rows are cut to those that are there, its columns
            // to those of the image, and between `left` and `right` nothing need be cut.
            unsafe {
                let weights = weights.add((job.blocks.start + block) * (1 + places) * BLOCK + lane);
                for row in job.rows.clone() {
                    let top = row * job.stride;
                    let rows = inside(top, job.sides.top, kernel_rows, height);
                    let target = target.add(
                        job.target.origin
                            + block * job.target.plane
                            + (row - job.rows.start) * job.target.row
                            + lane,
                    );
                    // Before the first column by what is padded: only used where it is inside.
                    let source = source
                        .add(job.source.origin + block * job.source.plane + lane)
                        .wrapping_add(
                            (top + rows.start)
                                .wrapping_sub(job.sides.top + job.present.start)
                                .wrapping_mul(job.source.row),
                        )
                        .wrapping_sub(job.sides.left * BLOCK);
                    let window: Window<S> = Window {
                        source,
                        row: job.source.row,
                        weights: weights.add((1 + rows.start * kernel_columns) * BLOCK),
                        bias: S::load(weights),
                        rows: rows.len(),
                        kernel_columns,
                        low: S::splat(job.bounds[0]),
                        high: S::splat(job.bounds[1]),
                    };
                    let step = job.stride * BLOCK;
                    let mut pixel = 0;
                    while pixel < job.width {
                        let (to, first) = (target.add(pixel * BLOCK), pixel * step);
                        if pixel >= left && pixel + PIXELS <= right {
                            let columns = 0..kernel_columns;
                            match job.stride {
                                1 => window.sum::<PIXELS>(first, BLOCK, columns, to),
                                2 => window.sum::<PIXELS>(first, 2 * BLOCK, columns, to),
                                _ => window.sum::<PIXELS>(first, step, columns, to),
                            }
                            pixel += PIXELS;
                        } else {
                            let at = pixel * job.stride;
                            let columns = inside(at, job.sides.left, kernel_columns, width);
                            window.sum::<1>(first, 0, columns, to);
                            pixel += 1;
                        }
                    }
                }
            }
        }
    }
}

/// The windows of a row: those rows of them that lie inside.
struct Window<S: Simd> {
    source: *const f32,
    row: usize,
    weights: *const f32,
    bias: S::Vector,
    rows: usize,
    kernel_columns: usize,
    low: S::Vector,
    high: S::Vector,
}

impl<S: Simd> Window<S> {
    /// COUNT pixels, `step` numbers apart, from `first` on.
    #[inline(always)]
    unsafe fn sum<const COUNT: usize>(
        &self,
        first: usize,
        step: usize,
        columns: Range<usize>,
        target: *mut f32,
    ) {
        // SAFETY: as promised to `run`.
        unsafe {
            let mut sums = [self.bias; COUNT];
            for row in 0..self.rows {
                for column in columns.clone() {
                    let weight =
                        S::load(self.weights.add((row * self.kernel_columns + column) * BLOCK));
                    let source = self.source.wrapping_add(first + row * self.row + column * BLOCK);
                    for pixel in 0..COUNT {
                        let input = S::load(source.wrapping_add(pixel * step));
                        sums[pixel] = S::multiply_add(input, weight, sums[pixel]);
                    }
                }
            }
            for (pixel, sum) in sums.into_iter().enumerate() {
                S::store(target.add(pixel * BLOCK), S::clamp(sum, self.low, self.high));
            }
        }
    }
}
