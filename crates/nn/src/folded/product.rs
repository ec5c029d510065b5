//! Convolutions and linear layers as products of tiles: pixels × output channels.
//!
//! A tile's sums stay in registers while all inputs pass by: for each window place and channel one number of
//! each pixel is spread over a vector and multiplied by a vector of weights, which lie in the order of use
//! ([`Packed`]). Bias comes first, residual and activation last, before anything is stored. Each output is one
//! chain of multiply-adds in one order, whatever the tile it falls into: so neither threads nor the batch
//! change a bit.

#![allow(unsafe_code, reason = "SIMD")]
#![allow(
    clippy::needless_range_loop,
    reason = "tiles of registers: rows and vectors are counted, not walked"
)]

use std::ops::Range;

use super::levels::Plain;
#[cfg(target_arch = "x86_64")]
use super::levels::{Avx2, Avx512};
use super::lines::{BLOCK, Shared};
use super::packed::{PANEL, Packed, Runs};
use super::simd::{Level, Simd, Tile};

/// Bytes of input that are gone over for every panel before the next ones: part of a second-level cache.
const CHUNK_BYTES: usize = 512 << 10;

/// Where pixels lie: pixel (0, 0) of block 0, and from there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Of the first pixel.
    pub(super) origin: usize,
    /// From a block of channels to the next.
    pub(super) plane: usize,
    /// From a row to the next.
    pub(super) row: usize,
}

impl Place {
    /// The same `rows` lower and `blocks` further.
    pub(super) fn moved(self, rows: usize, blocks: usize) -> Place {
        Place { origin: self.origin + rows * self.row + blocks * self.plane, ..self }
    }
}

/// The bounds of an activation.
pub(super) type Bounds = [f32; 2];

/// One product: an image of rows × columns pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) level: Level,
    pub(super) packed: &'a Packed,
    pub(super) runs: &'a Runs,
    pub(super) bounds: Bounds,
    /// Where the windows begin: `row` from those of one row to those of the next.
    pub(super) source: Place,
    /// From a window to the next of its row.
    pub(super) step: usize,
    pub(super) target: Place,
    /// The block of outputs that the target begins with.
    pub(super) first_block: usize,
    /// What is added before the activation.
    pub(super) residual: Option<Place>,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Part of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    pub(super) panels: Range<usize>,
}

impl<'a> Job<'a> {
    /// All of it.
    pub(super) fn region(&self) -> Region {
        Region { rows: 0..self.rows, columns: 0..self.columns, panels: 0..self.packed.panels() }
    }

    /// The same pixels as one row, where rows follow each other without a gap: tiles are fuller.
    pub(super) fn flattened(self) -> Job<'a> {
        let whole = |place: Place, step| place.row == self.columns * step;
        let gapless = whole(self.source, self.step)
            && whole(self.target, BLOCK)
            && self.residual.is_none_or(|residual| whole(residual, BLOCK));
        if !gapless {
            return self;
        }
        Job { rows: 1, columns: self.rows * self.columns, ..self }
    }

    /// Cuts a job into parts of about the same work that do not overlap: by pixels where those are the larger part
    /// of what is read, else by panels, so that each thread reads its own weights.
    pub(super) fn part(&self, part: usize, parts: usize) -> Vec<Region> {
        let all = self.region();
        if parts <= 1 {
            return vec![all];
        }
        let cut = |range: &Range<usize>, part: usize, parts: usize| {
            let length = range.len();
            range.start + part * length / parts..range.start + (part + 1) * length / parts
        };
        let pixels = self.rows * self.columns;
        if pixels > self.packed.shape[0] * self.packed.shape[2] * self.packed.shape[3] {
            return vec![if self.rows > 1 {
                Region { rows: cut(&all.rows, part, parts), ..all }
            } else {
                Region { columns: cut(&all.columns, part, parts), ..all }
            }];
        }
        // Panels in `parts` pieces of their pixels, so that an odd panel is shared.
        let pieces = if pixels >= 2 * parts { parts } else { 1 };
        let units = cut(&(0..all.panels.len() * pieces), part, parts);
        let mut regions = Vec::new();
        let mut unit = units.start;
        while unit < units.end {
            let (panel, piece) = (unit / pieces, unit % pieces);
            if piece == 0 && unit + pieces <= units.end {
                let end = units.end / pieces;
                regions.push(Region { panels: panel..end, ..all.clone() });
                unit = end * pieces;
                continue;
            }
            let panels = panel..panel + 1;
            regions.push(if self.rows > 1 {
                Region { rows: cut(&all.rows, piece, pieces), columns: all.columns.clone(), panels }
            } else {
                Region { rows: all.rows.clone(), columns: cut(&all.columns, piece, pieces), panels }
            });
            unit += 1;
        }
        regions
    }

    /// Tests that everything lies inside.
    fn check(&self, region: &Region, source: usize, target: usize, residual: Option<usize>) {
        let all = self.region();
        assert!(region.rows.end <= all.rows.end && region.columns.end <= all.columns.end);
        assert!(region.panels.end <= all.panels.end);
        let first = region.panels.start * (PANEL / BLOCK);
        assert!(first >= self.first_block, "the target begins at or before the region");
        let last = (region.panels.end * (PANEL / BLOCK)).min(self.packed.blocks()) - 1;
        let (down, right) = (region.rows.end - 1, region.columns.end - 1);
        let read =
            self.source.origin + down * self.source.row + right * self.step + self.runs.reach;
        assert!(read <= source, "a product reads {read} of {source} numbers");
        let end = |place: Place, block: usize| {
            place.origin + block * place.plane + down * place.row + (right + 1) * BLOCK
        };
        let wrote = end(self.target, last - self.first_block);
        assert!(wrote <= target, "a product writes {wrote} of {target} numbers");
        let added = self.residual.map(|place| end(place, last));
        assert!(added <= residual, "a product adds {added:?} of {residual:?} numbers");
        let counted = self.runs.full.len() * self.runs.full_count
            + self.runs.rest.len() * self.runs.rest_count;
        assert_eq!(counted, self.packed.depth(), "the runs are those of the weights");
    }
}

/// Computes part of a job.
///
/// # Safety
/// While this runs, no other thread reads or writes the pixels and channels of the region in the target.
pub(super) unsafe fn run(
    job: &Job<'_>,
    region: &Region,
    source: &[f32],
    residual: Option<&[f32]>,
    target: Shared,
) {
    if region.rows.is_empty() || region.columns.is_empty() || region.panels.is_empty() {
        return;
    }
    assert_eq!(job.residual.is_some(), residual.is_some(), "what is added is where it is said");
    job.check(region, source.len(), target.len(), residual.map(<[f32]>::len));
    let pointers = Pointers {
        source: source.as_ptr(),
        residual: residual.map_or(std::ptr::null(), <[f32]>::as_ptr),
        target: target.start(),
    };
    // SAFETY: `check` saw that each window, residual and target of the job lies inside, the region is part of
    // the job, and a level exists only where the CPU has it.
    unsafe {
        match job.level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => steps::<Avx512>(job, region, pointers),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => steps::<Avx2>(job, region, pointers),
            Level::Plain => steps::<Plain>(job, region, pointers),
        }
    }
}

#[derive(Clone, Copy)]
struct Pointers {
    source: *const f32,
    residual: *const f32,
    target: *mut f32,
}

/// The step from window to window as a constant, where it is a common one: addresses of a tile are then one
/// pointer and constants. 0 stands for any other.
unsafe fn steps<S: Simd>(job: &Job<'_>, region: &Region, pointers: Pointers) {
    const ONE: usize = BLOCK;
    const TWO: usize = 2 * BLOCK;
    // SAFETY: as promised to `run`.
    unsafe {
        match job.step {
            ONE => chunks::<S, ONE>(job, region, pointers),
            TWO => chunks::<S, TWO>(job, region, pointers),
            2 => chunks::<S, 2>(job, region, pointers),
            _ => chunks::<S, 0>(job, region, pointers),
        }
    }
}

/// A chunk of pixels after the other, for each the panels, for each the rows.
unsafe fn chunks<S: Simd, const STEP: usize>(job: &Job<'_>, region: &Region, pointers: Pointers) {
    let pixel_bytes = 4 * job.packed.shape[1] * (job.step / BLOCK).max(1).pow(2);
    let pixels = (CHUNK_BYTES / pixel_bytes).max(S::TILE);
    let (rows, columns) = (region.rows.clone(), region.columns.clone());
    let (tall, wide) = if rows.len() > 1 {
        ((pixels / columns.len().max(1)).max(1), columns.len().max(1))
    } else {
        (1, pixels.next_multiple_of(S::TILE))
    };
    for top in rows.clone().step_by(tall) {
        for left in columns.clone().step_by(wide) {
            let columns = left..columns.end.min(left + wide);
            for panel in region.panels.clone() {
                for row in top..rows.end.min(top + tall) {
                    // SAFETY: as promised to `run`.
                    unsafe { line::<S, STEP>(job, panel, row, columns.clone(), pointers) }
                }
            }
        }
    }
}

/// Some pixels of a row, one panel: tiles of about the same width.
unsafe fn line<S: Simd, const STEP: usize>(
    job: &Job<'_>,
    panel: usize,
    row: usize,
    columns: Range<usize>,
    pointers: Pointers,
) {
    let packed = job.packed;
    let width = packed.width(panel);
    let lanes = if S::LANES == BLOCK { width } else { BLOCK };
    let tiles = columns.len().div_ceil(S::TILE);
    for first in (0..width).step_by(lanes) {
        let block = (panel * PANEL + first) / BLOCK;
        let mut left = columns.start;
        for tile in 0..tiles {
            let right = columns.start + (tile + 1) * columns.len() / tiles;
            // SAFETY: as promised to `run`; the weights of a panel begin where all before it are full, and the bias
            // is padded to whole blocks.
            unsafe {
                let at = |place: Place, block: usize| {
                    place.origin + block * place.plane + row * place.row + left * BLOCK
                };
                let residual = match job.residual {
                    Some(place) => pointers.residual.add(at(place, block)),
                    None => std::ptr::null(),
                };
                let tile = Tile {
                    source: pointers
                        .source
                        .add(job.source.origin + row * job.source.row + left * job.step),
                    step: job.step,
                    runs: job.runs,
                    weights: packed
                        .numbers
                        .numbers()
                        .as_ptr()
                        .add(panel * PANEL * packed.depth() + first),
                    width,
                    bias: packed.bias.numbers().as_ptr().add(block * BLOCK),
                    bounds: job.bounds,
                    target: pointers.target.add(at(job.target, block - job.first_block)),
                    target_plane: job.target.plane,
                    residual,
                    residual_plane: job.residual.map_or(0, |place| place.plane),
                };
                if lanes == S::LANES {
                    by_pixels::<S, 1, STEP>(&tile, right - left);
                } else {
                    by_pixels::<S, 2, STEP>(&tile, right - left);
                }
            }
            left = right;
        }
    }
}

unsafe fn by_pixels<S: Simd, const VECTORS: usize, const STEP: usize>(
    tile: &Tile<'_>,
    pixels: usize,
) {
    macro_rules! with {
        ($($count:literal)*) => {
            match pixels {
                // SAFETY: as promised to `run`.
                $($count if $count <= S::TILE => unsafe { S::sum::<$count, VECTORS, STEP>(tile) },)*
                _ => unreachable!("a tile has at most TILE pixels"),
            }
        };
    }
    with!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}
