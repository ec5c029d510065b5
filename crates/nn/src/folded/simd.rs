//! Vectors of float32 behind one trait, which `levels` implements: AVX-512, AVX2 with FMA, and a plain version.
//!
//! Kernels are generic over [`Simd`] and always inlined into one function a level, which carries the
//! `target_feature`. AVX-512 and AVX2 give the same bits: each number is one chain of fused
//! multiply-adds in the same order.

#![allow(unsafe_code, reason = "SIMD")]

use super::packed::Runs;

/// What this CPU can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Sixteen numbers at once.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Eight numbers at once.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the compiler makes of loops.
    Plain,
}

impl Level {
    /// The levels that this CPU has, the fastest first.
    pub(super) fn all() -> Vec<Level> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                levels.push(Level::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Level::Avx2);
            }
        }
        levels.push(Level::Plain);
        levels
    }
}

/// A tile of a product: where its numbers lie.
pub(super) struct Tile<'a> {
    pub(super) source: *const f32,
    pub(super) step: usize,
    pub(super) runs: &'a Runs,
    pub(super) weights: *const f32,
    pub(super) width: usize,
    pub(super) bias: *const f32,
    pub(super) bounds: [f32; 2],
    pub(super) target: *mut f32,
    pub(super) target_plane: usize,
    pub(super) residual: *const f32,
    pub(super) residual_plane: usize,
}

/// The operations that kernels are written in.
///
/// # Safety
/// Each may be called only where the CPU has what the level is called after; `load` and `store` take
/// pointers to [`Simd::LANES`] numbers.
pub(super) trait Simd: Copy {
    /// Numbers of a vector: 8 or [`BLOCK`](super::lines::BLOCK).
    const LANES: usize;
    /// Pixels of the largest tile whose sums stay in registers.
    const TILE: usize;
    /// A vector.
    type Vector: Copy;

    unsafe fn splat(value: f32) -> Self::Vector;
    unsafe fn load(from: *const f32) -> Self::Vector;
    unsafe fn store(to: *mut f32, vector: Self::Vector);
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b + c
    unsafe fn multiply_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The nearest number between low and high; what is no number stays none.
    unsafe fn clamp(vector: Self::Vector, low: Self::Vector, high: Self::Vector) -> Self::Vector;
    /// [`sum`](super::tile::sum) as a function of this level.
    unsafe fn sum<const PIXELS: usize, const VECTORS: usize, const STEP: usize>(tile: &Tile<'_>);
}
