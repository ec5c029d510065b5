//! The levels of [`Simd`].

#![allow(unsafe_code, reason = "SIMD")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::simd::{Simd, Tile};
use super::tile;

/// 512 bits.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx512;

// SAFETY (of every block below): the caller of an unsafe method of `Simd` promises that the CPU has the
// level's instructions and that pointers are good for a vector.
#[cfg(target_arch = "x86_64")]
impl Simd for Avx512 {
    const LANES: usize = 16;
    // 2 × 14 sums, two vectors of weights and one of the input: 31 of 32 registers.
    const TILE: usize = 14;
    type Vector = __m512;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m512) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn multiply_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn clamp(vector: __m512, low: __m512, high: __m512) -> __m512 {
        // The instructions give their second operand where one is no number.
        // SAFETY: see above.
        unsafe { _mm512_min_ps(high, _mm512_max_ps(low, vector)) }
    }

    #[inline(always)]
    unsafe fn sum<const PIXELS: usize, const VECTORS: usize, const STEP: usize>(tile: &Tile<'_>) {
        #[target_feature(enable = "avx512f")]
        unsafe fn sum<const PIXELS: usize, const VECTORS: usize, const STEP: usize>(
            tile: &Tile<'_>,
        ) {
            // SAFETY: as promised to the method.
            unsafe { tile::sum::<Avx512, PIXELS, VECTORS, STEP>(tile) }
        }
        // SAFETY: see above.
        unsafe { sum::<PIXELS, VECTORS, STEP>(tile) }
    }
}

/// 256 bits.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2;

#[cfg(target_arch = "x86_64")]
impl Simd for Avx2 {
    const LANES: usize = 8;
    // 2 × 6 sums, two vectors of weights and one of the input: 15 of 16 registers.
    const TILE: usize = 6;
    type Vector = __m256;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m256) {
        // SAFETY: see above.
        unsafe { _mm256_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn multiply_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn clamp(vector: __m256, low: __m256, high: __m256) -> __m256 {
        // SAFETY: see above.
        unsafe { _mm256_min_ps(high, _mm256_max_ps(low, vector)) }
    }

    #[inline(always)]
    unsafe fn sum<const PIXELS: usize, const VECTORS: usize, const STEP: usize>(tile: &Tile<'_>) {
        #[target_feature(enable = "avx2,fma")]
        unsafe fn sum<const PIXELS: usize, const VECTORS: usize, const STEP: usize>(
            tile: &Tile<'_>,
        ) {
            // SAFETY: as promised to the method.
            unsafe { tile::sum::<Avx2, PIXELS, VECTORS, STEP>(tile) }
        }
        // SAFETY: see above.
        unsafe { sum::<PIXELS, VECTORS, STEP>(tile) }
    }
}

/// Without intrinsics.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl Simd for Plain {
    const LANES: usize = 8;
    const TILE: usize = 2;
    type Vector = [f32; 8];

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; 8] {
        [value; 8]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; 8] {
        // SAFETY: see above; an unaligned read.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: [f32; 8]) {
        // SAFETY: see above; an unaligned write.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(vector) }
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn multiply_add(a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        // Without the instruction a fused one would be a call.
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    unsafe fn clamp(vector: [f32; 8], low: [f32; 8], high: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|lane| {
            let value = vector[lane];
            let value = if value < low[lane] { low[lane] } else { value };
            if value > high[lane] { high[lane] } else { value }
        })
    }

    unsafe fn sum<const PIXELS: usize, const VECTORS: usize, const STEP: usize>(tile: &Tile<'_>) {
        // SAFETY: see above.
        unsafe { tile::sum::<Plain, PIXELS, VECTORS, STEP>(tile) }
    }
}
