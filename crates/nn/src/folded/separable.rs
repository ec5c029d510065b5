//! Expand, depthwise, project (or depthwise, project) in one step, a band of rows at a time: what lies between is
//! as large as the second-level cache and not as the image.
//!
//! ```text
//! input rows ── expand, one panel ─▶ hidden rows of the band, 32 channels
//!                                        └─ depthwise ─▶ rows of the band, 32 of all hidden channels
//!                                                            └─ project, when all are there (+ residual) ─▶ output rows
//! ```

#![allow(unsafe_code, reason = "SIMD")]

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::depthwise::{self, Depthwise, DepthwiseJob};
use super::lines::BLOCK;
use super::lines::{Lines, Shared};
use super::packed::{PANEL, Packed, Runs};
use super::product::{self, Bounds, Job, Place};
use super::simd::Level;
use crate::spec::Sides;

/// Bytes of a band's channels between depthwise and project.
const BAND_BYTES: usize = 640 << 10;
/// Bytes of a band's hidden panel.
const PANEL_BYTES: usize = 512 << 10;
/// An image of fewer rows is divided between threads by channels, not by bands.
const BANDED_ROWS: usize = 28;

/// Memory of one thread.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    hidden: Lines,
    band: Lines,
}

/// The three convolutions and where they read and write.
#[derive(Debug)]
pub(super) struct Separable {
    pub(super) level: Level,
    /// With its bounds; `None`: the depthwise convolution reads the input itself.
    pub(super) expand: Option<(Arc<Packed>, Bounds)>,
    pub(super) depthwise: (Arc<Depthwise>, Bounds),
    pub(super) project: (Arc<Packed>, Bounds),
    pub(super) stride: usize,
    pub(super) sides: Sides,
    /// Height and width that come in and go out.
    pub(super) size: [usize; 2],
    pub(super) out: [usize; 2],
    pub(super) source: Place,
    pub(super) target: Place,
    pub(super) residual: Option<Place>,
}

/// Windows in a hidden band and a finished one, whose planes have the same numbers of pixels in each call.
#[derive(Debug)]
pub(super) struct SeparableRuns {
    rows: usize,
    expand: Option<Runs>,
    project: Runs,
}

impl Separable {
    /// Rows of a band: as many as fit, and about the same number in each.
    fn band_rows(&self, parts: usize) -> usize {
        let [height, width] = self.out;
        let channels = self.depthwise.0.channels().next_multiple_of(BLOCK);
        let finished = BAND_BYTES / (4 * channels * width).max(1);
        let hidden = match self.expand {
            Some(_) => PANEL_BYTES / (4 * PANEL * self.size[1] * self.stride).max(1),
            None => height,
        };
        let mut bands = height.div_ceil(finished.min(hidden).clamp(1, height.max(1)));
        if parts > 1 && (bands > 1 || height >= BANDED_ROWS) {
            bands = bands.next_multiple_of(parts);
        }
        height.div_ceil(bands.max(1)).max(1)
    }

    /// From one block of a hidden band to the next, for so many output rows.
    fn hidden_plane(&self, rows: usize) -> usize {
        let rows = (rows - 1) * self.stride + self.depthwise.0.kernel()[0];
        plane(rows.min(self.size[0]), self.size[1])
    }

    fn band_plane(&self, rows: usize) -> usize {
        plane(rows, self.out[1])
    }

    /// What is made once for a number of threads.
    pub(super) fn runs(&self, parts: usize) -> SeparableRuns {
        let rows = self.band_rows(parts);
        SeparableRuns {
            rows,
            expand: self
                .expand
                .as_ref()
                .map(|(packed, _)| packed.runs(self.source.plane, self.source.row)),
            project: self.project.0.runs(self.band_plane(rows), self.out[1] * BLOCK),
        }
    }

    fn reserve(&self, runs: &SeparableRuns, scratch: &mut Scratch) {
        let blocks = self.depthwise.0.channels().div_ceil(BLOCK);
        scratch.band.reserve(blocks * self.band_plane(runs.rows));
        if self.expand.is_some() {
            scratch.hidden.reserve(PANEL / BLOCK * self.hidden_plane(runs.rows));
        }
    }

    /// Computes the step with one thread for each scratch.
    pub(super) fn run(
        &self,
        runs: &SeparableRuns,
        scratch: &mut [Scratch],
        source: &[f32],
        residual: Option<&[f32]>,
        target: &mut [f32],
    ) {
        let [height, _] = self.out;
        let bands = height.div_ceil(runs.rows);
        let parts = scratch.len();
        scratch.iter_mut().for_each(|scratch| self.reserve(runs, scratch));
        let target = Shared::new(target);
        let blocks = self.depthwise.0.channels().div_ceil(BLOCK);
        let band = |number: usize| number * runs.rows..height.min((number + 1) * runs.rows);
        let whole_bands = |part: usize, scratch: &mut Scratch| {
            for number in (part..bands).step_by(parts) {
                let Scratch { hidden, band: finished } = scratch;
                let rows = band(number);
                let shared = Shared::new(finished.numbers_mut());
                // SAFETY: the scratch is this thread's, and no other band has these rows.
                unsafe {
                    self.depthwise(runs, &rows, 0..blocks, source, hidden, shared);
                    let job = self.project(runs, &rows);
                    product::run(&job, &job.region(), finished.numbers(), residual, target);
                }
            }
        };
        if parts <= 1 {
            scratch.iter_mut().for_each(|scratch| whole_bands(0, scratch));
            return;
        }
        if bands > 1 {
            each(scratch, whole_bands);
            return;
        }
        // One band: first the hidden channels are divided, then the output.
        let rows = 0..height;
        let mut finished = std::mem::take(&mut scratch[0].band);
        let shared = Shared::new(finished.numbers_mut());
        let panels = blocks.div_ceil(PANEL / BLOCK);
        each(scratch, |part, scratch| {
            let cut = |part: usize| (part * panels / parts * (PANEL / BLOCK)).min(blocks);
            let blocks = cut(part)..cut(part + 1);
            // SAFETY: no other part has these blocks.
            unsafe { self.depthwise(runs, &rows, blocks, source, &mut scratch.hidden, shared) };
        });
        let job = self.project(runs, &rows);
        each(scratch, |part, _| {
            for region in job.part(part, parts) {
                // SAFETY: regions of different parts do not overlap.
                unsafe { product::run(&job, &region, finished.numbers(), residual, target) };
            }
        });
        scratch[0].band = finished;
    }

    /// Expand and depthwise for some blocks of channels, two at a time.
    ///
    /// # Safety
    /// No other thread reads or writes these blocks of the band meanwhile.
    unsafe fn depthwise(
        &self,
        runs: &SeparableRuns,
        rows: &Range<usize>,
        blocks: Range<usize>,
        source: &[f32],
        hidden: &mut Lines,
        band: Shared,
    ) {
        let (weights, bounds) = &self.depthwise;
        let [height, width] = self.size;
        let first = (rows.start * self.stride).saturating_sub(self.sides.top).min(height);
        let end = (rows.end - 1) * self.stride + weights.kernel()[0];
        let present = first..end.saturating_sub(self.sides.top).clamp(first, height);
        let band_plane = self.band_plane(runs.rows);
        let mut job = DepthwiseJob {
            level: self.level,
            weights,
            bounds: *bounds,
            stride: self.stride,
            sides: self.sides,
            size: self.size,
            present: present.clone(),
            source: self.source.moved(first, blocks.start),
            rows: rows.clone(),
            width: self.out[1],
            target: Place {
                origin: blocks.start * band_plane,
                plane: band_plane,
                row: self.out[1] * BLOCK,
            },
            blocks: blocks.clone(),
        };
        let Some(((packed, bounds), expand)) = self.expand.as_ref().zip(runs.expand.as_ref())
        else {
            // SAFETY: as promised to this function.
            unsafe { depthwise::run(&job, source, band) };
            return;
        };
        let place = Place { origin: 0, plane: self.hidden_plane(runs.rows), row: width * BLOCK };
        for first in blocks.clone().step_by(PANEL / BLOCK) {
            let panel = first / (PANEL / BLOCK);
            let product = Job {
                level: self.level,
                packed,
                runs: expand,
                bounds: *bounds,
                source: self.source.moved(present.start, 0),
                step: BLOCK,
                target: place,
                first_block: first,
                residual: None,
                rows: present.len(),
                columns: width,
            }
            .flattened();
            let mut region = product.region();
            region.panels = panel..panel + 1;
            let shared = Shared::new(hidden.numbers_mut());
            job.source = place;
            job.blocks = first..blocks.end.min(first + PANEL / BLOCK);
            job.target.origin = first * band_plane;
            // SAFETY: the hidden rows are this thread's; for the band as promised to this function.
            unsafe {
                product::run(&product, &region, source, None, shared);
                depthwise::run(&job, hidden.numbers(), band);
            }
        }
    }

    fn project<'a>(&'a self, runs: &'a SeparableRuns, rows: &Range<usize>) -> Job<'a> {
        Job {
            level: self.level,
            packed: &self.project.0,
            runs: &runs.project,
            bounds: self.project.1,
            source: Place {
                origin: 0,
                plane: self.band_plane(runs.rows),
                row: self.out[1] * BLOCK,
            },
            step: BLOCK,
            target: self.target.moved(rows.start, 0),
            first_block: 0,
            residual: self.residual.map(|residual| residual.moved(rows.start, 0)),
            rows: rows.len(),
            columns: self.out[1],
        }
        .flattened()
    }
}

/// Numbers of a block of channels: an odd number of lines more where planes would lie a page's multiple apart, and
/// so all fall into the same places of the first-level cache.
pub(super) fn plane(rows: usize, columns: usize) -> usize {
    const PAGE: usize = 4096 / 4;
    let numbers = rows * columns * BLOCK;
    if numbers.is_multiple_of(PAGE) { numbers + BLOCK } else { numbers }
}

/// Calls a function with each scratch, in parallel where there are several.
pub(super) fn each(scratch: &mut [Scratch], work: impl Fn(usize, &mut Scratch) + Sync) {
    if let [scratch] = scratch {
        work(0, scratch);
    } else {
        scratch
            .par_iter_mut()
            .enumerate()
            .with_max_len(1)
            .for_each(|(part, scratch)| work(part, scratch));
    }
}
