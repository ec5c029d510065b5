//! The kernels of the AVX-512 level, for whoever holds the proof that the CPU has it.

#![allow(unsafe_code, reason = "SIMD and the memory map")]

use std::arch::x86_64::*;

use super::avx512::{Avx512, Fence, load, load_16, look_up_byte, stream};
use super::mapped::{ByteTable, Number, Upcoming};
use super::steps::StepPlanes;
use super::tile_reader::Streams;
use super::{steps_fill, steps_wave};

impl Avx512 {
    /// Spreads the tiles of a frame's content over the steps.
    pub(super) fn fill(self, planes: &mut StepPlanes, streams: Streams<'_>) {
        // SAFETY: `detect` alone makes a `Self`, so that the CPU has what the function needs.
        unsafe { steps_fill::fill(planes, streams) }
    }

    /// Residuals to the tensor `[3, height, width]` in the order R, G, B.
    pub(super) fn wave(self, planes: &mut StepPlanes, tensor: &mut [u8]) {
        // SAFETY: as in `fill`.
        unsafe { steps_wave::wave(planes, tensor) }
    }

    /// Each pixel plus an offset: quicker than a table where permuting bytes is slow.
    pub(super) fn add_offset(
        self,
        pixels: &[u8],
        offset: f32,
        out: &mut [f32],
        upcoming: &mut Upcoming<'_>,
    ) {
        let _fence = Fence;
        // SAFETY: as in `fill`.
        unsafe { add_offset(pixels, offset, out, upcoming) }
    }

    /// The table's number of each pixel.
    pub(super) fn look_up<T: Number>(
        self,
        pixels: &[u8],
        table: &ByteTable,
        out: &mut [T],
        upcoming: &mut Upcoming<'_>,
    ) {
        let _fence = Fence;
        // SAFETY: as in `fill`.
        unsafe {
            match T::BYTES {
                2 => look_up::<2>(pixels, table, bytes_of(out), upcoming),
                _ => look_up::<4>(pixels, table, bytes_of(out), upcoming),
            }
        }
    }
}

/// [`Avx512::add_offset`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn add_offset(pixels: &[u8], offset: f32, out: &mut [f32], upcoming: &mut Upcoming<'_>) {
    let offsets = _mm512_set1_ps(offset);
    let (groups, rest) = pixels.as_chunks::<16>();
    let (lines, rest_out) = out.as_chunks_mut::<16>();
    for (index, (group, line)) in groups.iter().zip(lines).enumerate() {
        // A line of pixels for each line of them.
        if index.is_multiple_of(4) {
            upcoming.ask();
        }
        let wide = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_16(group, 0)));
        let sums = _mm512_castps_si512(_mm512_add_ps(wide, offsets));
        let line: &mut [u8; 64] = bytes_of(line).first_chunk_mut().expect("16 floats are 64 bytes");
        stream(line, sums);
    }
    for (out, &pixel) in rest_out.iter_mut().zip(rest) {
        *out = f32::from(pixel) + offset;
    }
}

fn bytes_of<T: Number>(out: &mut [T]) -> &mut [u8] {
    let bytes = size_of_val(out);
    // SAFETY: the same memory; `Number` is sealed, and its types are any bits without padding.
    unsafe { std::slice::from_raw_parts_mut(out.as_mut_ptr().cast(), bytes) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn look_up<const N: usize>(
    pixels: &[u8],
    table: &ByteTable,
    out: &mut [u8],
    upcoming: &mut Upcoming<'_>,
) {
    let (groups, rest) = pixels.as_chunks::<64>();
    let (outs, out_rest) = out.split_at_mut(groups.len() * 64 * N);
    for (group, out) in groups.iter().zip(outs.chunks_exact_mut(64 * N)) {
        upcoming.ask();
        let lines = out.as_chunks_mut::<64>().0.iter_mut();
        if N == 4 {
            lines.zip(look_up_4(load(group), table)).for_each(|(out, line)| stream(out, line));
        } else {
            lines.zip(look_up_2(load(group), table)).for_each(|(out, line)| stream(out, line));
        }
    }
    for (&pixel, out) in rest.iter().zip(out_rest.chunks_exact_mut(N)) {
        (0..N).for_each(|byte| out[byte] = table[byte].0[usize::from(pixel)]);
    }
}

/// Four-byte numbers of 64 pixels, 16 a vector. Pixels are put where the interleaving of their bytes takes
/// them back from.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
fn look_up_4(x: __m512i, table: &ByteTable) -> [__m512i; 4] {
    let turned = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    let x = _mm512_permutexvar_epi32(turned, x);
    let [a, b, c, d, ..] = table else { unreachable!("four bytes a number") };
    let (a, b) = (look_up_byte(x, &a.0), look_up_byte(x, &b.0));
    let (c, d) = (look_up_byte(x, &c.0), look_up_byte(x, &d.0));
    let (ab, cd) = (_mm512_unpacklo_epi8(a, b), _mm512_unpacklo_epi8(c, d));
    let (ab_high, cd_high) = (_mm512_unpackhi_epi8(a, b), _mm512_unpackhi_epi8(c, d));
    [
        _mm512_unpacklo_epi16(ab, cd),
        _mm512_unpackhi_epi16(ab, cd),
        _mm512_unpacklo_epi16(ab_high, cd_high),
        _mm512_unpackhi_epi16(ab_high, cd_high),
    ]
}

/// Two-byte numbers of 64 pixels, 32 a vector.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
fn look_up_2(x: __m512i, table: &ByteTable) -> [__m512i; 2] {
    let x = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), x);
    let [a, b, ..] = table else { unreachable!("two bytes a number") };
    let (a, b) = (look_up_byte(x, &a.0), look_up_byte(x, &b.0));
    [_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b)]
}
