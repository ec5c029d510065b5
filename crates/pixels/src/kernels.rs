//! The two passes of a convolution over 8-bit pixels, in Pillow's fixed point.
//!
//! Plain integer code, compiled twice: for every CPU and for AVX2, where the horizontal pass has its
//! inner sum in intrinsics. Integers add up to the same in any grouping, so both give the same pixels.
//!
//! The horizontal pass takes [`GROUP_ROWS`] rows at a time and turns them, so that the pixels of one
//! column lie side by side: then each weight meets eight pixels at once, whatever its window.

#![allow(unsafe_code, reason = "SIMD")]

use super::turn::{GROUP_ROWS, turn_in, turn_out};
use super::weights::{PRECISION_BITS, Weights, Window};

/// Columns that are turned at once; with three channels they fill a third of a 32 KiB L1 cache.
const BLOCK_COLUMNS: usize = 448;

/// Target bytes of one step of the vertical pass: four AVX2 accumulators.
pub(super) const STEP_BYTES: usize = 32;

const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Memory of the horizontal pass, kept between photos.
#[derive(Debug, Default)]
pub(super) struct Turned {
    /// Source bytes, `[column × channel][GROUP_ROWS]`.
    source: Vec<[u8; GROUP_ROWS]>,
    /// Scaled bytes, `[channel × column][GROUP_ROWS]`.
    scaled: Vec<[u8; GROUP_ROWS]>,
}

impl Turned {
    /// Bytes kept for later photos.
    pub(super) fn capacity_bytes(&self) -> usize {
        (self.source.capacity() + self.scaled.capacity()) * GROUP_ROWS
    }
}

/// Runs `work` compiled for AVX2, where this CPU has it and it is not switched off: plain code then
/// works on 32 bytes at once. `work` and what it calls must be inlined for that.
#[inline]
pub(super) fn wide<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(target_arch = "x86_64")]
    if super::simd_enabled() && is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn avx2<T>(work: impl FnOnce() -> T) -> T {
            work()
        }
        // SAFETY: the line above found AVX2, the only thing the function asks of its caller.
        return unsafe { avx2(work) };
    }
    work()
}

/// Scales the width of [`GROUP_ROWS`] rows.
///
/// `rows`: interleaved RGB, all as long as the weights' source. `out`: rows of `stride` bytes, each
/// taking all reds, then all greens, then all blues of the scaled row.
pub(super) fn horizontal(
    simd: bool,
    rows: &[&[u8]; GROUP_ROWS],
    weights: &Weights,
    turned: &mut Turned,
    out: &mut [u8],
    stride: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if simd && is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn avx2(
            rows: &[&[u8]; GROUP_ROWS],
            weights: &Weights,
            turned: &mut Turned,
            out: &mut [u8],
            stride: usize,
        ) {
            horizontal_with(rows, weights, turned, out, stride, |pixels, taps| {
                convolve_avx2(pixels, taps)
            });
        }
        // SAFETY: the line above found AVX2, the only thing the function asks of its caller.
        return unsafe { avx2(rows, weights, turned, out, stride) };
    }
    let _ = simd; // other CPUs have one path only
    horizontal_with(rows, weights, turned, out, stride, convolve);
}

#[inline(always)]
fn horizontal_with(
    rows: &[&[u8]; GROUP_ROWS],
    weights: &Weights,
    turned: &mut Turned,
    out: &mut [u8],
    stride: usize,
    convolve: impl Fn(&[[[u8; GROUP_ROWS]; 3]], &[i32]) -> [[u8; GROUP_ROWS]; 3],
) {
    let windows = weights.windows();
    let width = windows.len();
    // grows and never shrinks, so that sizes which alternate do not clear it again and again
    if turned.scaled.len() < width * 3 {
        turned.scaled.resize(width * 3, [0; GROUP_ROWS]);
    }
    let mut x = 0;
    while x < width {
        let first = windows[x].start;
        let inside = |window: &&Window| window.end - first <= BLOCK_COLUMNS;
        let block = windows[x..].iter().take_while(inside).count().max(1);
        let last = windows[x + block - 1].end;
        turn_in(rows, first * 3, last * 3, &mut turned.source);
        for window in &windows[x..x + block] {
            let taps = weights.taps(window);
            let columns = &turned.source[(window.start - first) * 3..(window.end - first) * 3];
            let (pixels, _) = columns.as_chunks::<3>();
            for (channel, bytes) in convolve(pixels, taps).iter().enumerate() {
                turned.scaled[channel * width + x] = *bytes;
            }
            x += 1;
        }
    }
    turn_out(&turned.scaled[..width * 3], out, stride);
}

/// One target pixel of eight rows: the weighted sum of as many columns as there are taps.
#[inline(always)]
fn convolve(pixels: &[[[u8; GROUP_ROWS]; 3]], taps: &[i32]) -> [[u8; GROUP_ROWS]; 3] {
    let mut sums = [[HALF; GROUP_ROWS]; 3];
    for (pixel, &tap) in pixels.iter().zip(taps) {
        for (sum, column) in sums.iter_mut().zip(pixel) {
            for (sum, &value) in sum.iter_mut().zip(column) {
                *sum = sum.wrapping_add(tap.wrapping_mul(i32::from(value)));
            }
        }
    }
    let mut pixel = [[0; GROUP_ROWS]; 3];
    for (bytes, sums) in pixel.iter_mut().zip(&sums) {
        for (byte, &sum) in bytes.iter_mut().zip(sums) {
            *byte = to_pixel(sum);
        }
    }
    pixel
}

/// [`convolve`] with one register for each channel.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn convolve_avx2(pixels: &[[[u8; GROUP_ROWS]; 3]], taps: &[i32]) -> [[u8; GROUP_ROWS]; 3] {
    use std::arch::x86_64::*;
    let mut sums = [_mm256_set1_epi32(HALF); 3];
    for (pixel, &tap) in pixels.iter().zip(taps) {
        let tap = _mm256_set1_epi32(tap);
        for (sum, &column) in sums.iter_mut().zip(pixel) {
            let values = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(column)));
            *sum = _mm256_add_epi32(*sum, _mm256_mullo_epi32(values, tap));
        }
    }
    sums.map(|sum| {
        let sum = _mm256_srai_epi32::<{ PRECISION_BITS as i32 }>(sum);
        // both packings saturate, which is the clamping to 0..=255
        let words =
            _mm_packs_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
        _mm_cvtsi128_si64(_mm_packus_epi16(words, words)).to_le_bytes()
    })
}

/// Scales the height of one target row: the weighted sum of `taps.len()` rows of `stride` bytes,
/// of which the first begins at `source`. `out` is `stride` bytes, a multiple of [`STEP_BYTES`].
pub(super) fn vertical(simd: bool, source: &[u8], stride: usize, taps: &[i32], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if simd && is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn avx2(source: &[u8], stride: usize, taps: &[i32], out: &mut [u8]) {
            vertical_plain(source, stride, taps, out);
        }
        // SAFETY: the line above found AVX2, the only thing the function asks of its caller.
        return unsafe { avx2(source, stride, taps, out) };
    }
    let _ = simd; // other CPUs have one path only
    vertical_plain(source, stride, taps, out);
}

#[inline(always)]
fn vertical_plain(source: &[u8], stride: usize, taps: &[i32], out: &mut [u8]) {
    for (step, out) in out.as_chunks_mut::<STEP_BYTES>().0.iter_mut().enumerate() {
        let mut sums = [HALF; STEP_BYTES];
        for (row, &tap) in source.chunks_exact(stride).zip(taps) {
            let values = &row.as_chunks::<STEP_BYTES>().0[step];
            for (sum, &value) in sums.iter_mut().zip(values) {
                *sum = sum.wrapping_add(tap.wrapping_mul(i32::from(value)));
            }
        }
        for (byte, &sum) in out.iter_mut().zip(&sums) {
            *byte = to_pixel(sum);
        }
    }
}

/// Pillow's `clip8`.
#[inline(always)]
fn to_pixel(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Filter;

    fn noise(length: usize, seed: u32) -> Vec<u8> {
        let mut state = seed;
        let step = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        std::iter::repeat_with(step).take(length).collect()
    }

    /// The sum as it is written in the books.
    fn weighted(values: impl Iterator<Item = u8>, taps: &[i32]) -> u8 {
        let sum: i64 = values.zip(taps).map(|(v, &t)| i64::from(v) * i64::from(t)).sum();
        ((sum + i64::from(HALF)) >> PRECISION_BITS).clamp(0, 255) as u8
    }

    #[test]
    fn the_horizontal_pass_is_the_plain_weighted_sum_with_and_without_avx2() {
        for (input, output) in [(1, 1), (5, 3), (37, 224), (640, 224), (1500, 31), (4000, 2)] {
            for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos3] {
                let mut weights = Weights::default();
                weights.prepare(filter, input, output);
                let pixels = noise(input as usize * 3 * GROUP_ROWS, input);
                let rows: [&[u8]; GROUP_ROWS] = std::array::from_fn(|row| {
                    &pixels[row * input as usize * 3..][..input as usize * 3]
                });
                let stride = (output as usize * 3).next_multiple_of(STEP_BYTES);
                for simd in [false, true] {
                    let mut out = vec![0; stride * GROUP_ROWS];
                    horizontal(simd, &rows, &weights, &mut Turned::default(), &mut out, stride);
                    for (row, source) in rows.iter().enumerate() {
                        for (x, window) in weights.windows().iter().enumerate() {
                            for channel in 0..3 {
                                let values =
                                    (window.start..window.end).map(|i| source[i * 3 + channel]);
                                let expected = weighted(values, weights.taps(window));
                                let got = out[row * stride + channel * output as usize + x];
                                assert_eq!(got, expected, "{filter} {input} {output} {row} {x}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_vertical_pass_is_the_plain_weighted_sum_with_and_without_avx2() {
        let stride = 3 * STEP_BYTES;
        let taps = [-300_000, 1 << 21, 1 << 21, 300_000, 4_000];
        let source = noise(stride * taps.len(), 7);
        for simd in [false, true] {
            let mut out = vec![0; stride];
            vertical(simd, &source, stride, &taps, &mut out);
            for (x, &got) in out.iter().enumerate() {
                let column = (0..taps.len()).map(|row| source[row * stride + x]);
                assert_eq!(got, weighted(column, &taps));
            }
        }
    }
}
