//! The sums of a tile, whatever the vectors.

#![allow(unsafe_code, reason = "SIMD")]
#![allow(
    clippy::needless_range_loop,
    reason = "tiles of registers: rows and vectors are counted, not walked"
)]

use super::lines::BLOCK;
use super::simd::{Simd, Tile};

/// A tile: PIXELS × (VECTORS · LANES) sums in registers.
#[inline(always)]
pub(super) unsafe fn sum<S: Simd, const PIXELS: usize, const VECTORS: usize, const STEP: usize>(
    tile: &Tile<'_>,
) {
    // SAFETY: as promised to `run`.
    unsafe {
        let step = if STEP == 0 { tile.step } else { STEP };
        let mut sums = [[S::splat(0.0); VECTORS]; PIXELS];
        for vector in 0..VECTORS {
            let bias = S::load(tile.bias.add(vector * S::LANES));
            for pixel in 0..PIXELS {
                sums[pixel][vector] = bias;
            }
        }
        let mut weights = tile.weights;
        for (runs, count) in
            [(&tile.runs.full, tile.runs.full_count), (&tile.runs.rest, tile.runs.rest_count)]
        {
            for &run in runs {
                let mut source = tile.source.add(run);
                for _ in 0..count {
                    let mut row = [S::splat(0.0); VECTORS];
                    for vector in 0..VECTORS {
                        row[vector] = S::load(weights.add(vector * S::LANES));
                    }
                    for pixel in 0..PIXELS {
                        let input = S::splat(*source.add(pixel * step));
                        for vector in 0..VECTORS {
                            sums[pixel][vector] =
                                S::multiply_add(input, row[vector], sums[pixel][vector]);
                        }
                    }
                    source = source.add(1);
                    weights = weights.add(tile.width);
                }
            }
        }
        let (low, high) = (S::splat(tile.bounds[0]), S::splat(tile.bounds[1]));
        for vector in 0..VECTORS {
            let (block, lane) = (vector * S::LANES / BLOCK, vector * S::LANES % BLOCK);
            let target = tile.target.add(block * tile.target_plane + lane);
            let residual = tile.residual.wrapping_add(block * tile.residual_plane + lane);
            for pixel in 0..PIXELS {
                let mut value = sums[pixel][vector];
                if !tile.residual.is_null() {
                    value = S::add(value, S::load(residual.add(pixel * BLOCK)));
                }
                S::store(target.add(pixel * BLOCK), S::clamp(value, low, high));
            }
        }
    }
}
