//! The AVX-512 level: proof that the CPU has it, loads and stores, and bytes that are looked up in registers. The kernels
//! that stand on it, `steps_fill` and `steps_wave`, have no unsafe code of their own; who holds an [`Avx512`] may run
//! them (`avx512_kernels`).

#![allow(unsafe_code, reason = "SIMD and the memory map")]

use std::arch::x86_64::*;

/// Proof that this CPU has AVX-512 F, BW, VL and VBMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512(());

/// A cache line, which is a vector.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u8; 64]);

impl Line {
    pub(super) const ZERO: Line = Line([0; 64]);
}

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi");
        found.then_some(Self(()))
    }
}

/// Makes what was written past the caches visible to other threads, also when a row panics.
pub(super) struct Fence;

impl Drop for Fence {
    fn drop(&mut self) {
        // SAFETY: every CPU of this target has SSE, the only thing the fence needs.
        unsafe { _mm_sfence() };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
pub(super) fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the reference covers the 64 bytes that an unaligned load reads.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// 16 bytes from `at` on.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
pub(super) fn load_16(bytes: &[u8], at: usize) -> __m128i {
    let bytes: &[u8; 16] = bytes[at..].first_chunk().expect("16 bytes inside the buffer");
    // SAFETY: the reference covers the 16 bytes that an unaligned load reads.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
pub(super) fn store(bytes: &mut [u8; 64], value: __m512i) {
    // SAFETY: the reference covers the 64 bytes that an unaligned store writes.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), value) };
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
fn store_16(bytes: &mut [u8; 16], value: __m128i) {
    // SAFETY: the reference covers the 16 bytes that an unaligned store writes.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) };
}

/// Past the caches where the line is whole: a batch is larger than they are, and no line is read only to
/// be overwritten. A [`Fence`] must come before another thread looks.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
pub(super) fn stream(bytes: &mut [u8; 64], value: __m512i) {
    let to = bytes.as_mut_ptr();
    if (to as usize).is_multiple_of(64) {
        // SAFETY: the reference covers the 64 bytes, which begin at a multiple of 64.
        unsafe { _mm512_stream_si512(to.cast(), value) };
    } else {
        store(bytes, value);
    }
}

/// Writes four rows of 16 bytes, `stride` bytes apart.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
pub(super) fn put_rows(x: __m512i, out: &mut [u8], stride: usize) {
    let rows = &mut out[..3 * stride + 16];
    store_16(row_at(rows, 0), _mm512_castsi512_si128(x));
    store_16(row_at(rows, stride), _mm512_extracti32x4_epi32::<1>(x));
    store_16(row_at(rows, 2 * stride), _mm512_extracti32x4_epi32::<2>(x));
    store_16(row_at(rows, 3 * stride), _mm512_extracti32x4_epi32::<3>(x));
}

#[inline(always)]
fn row_at(rows: &mut [u8], at: usize) -> &mut [u8; 16] {
    rows[at..].first_chunk_mut().expect("a row inside the tensor")
}

/// One byte of each pixel's number: the table's 256 bytes lie in four registers.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
pub(super) fn look_up_byte(x: __m512i, table: &[u8; 256]) -> __m512i {
    let [a, b, c, d] = table.as_chunks::<64>().0 else { unreachable!("256 bytes are four lines") };
    let low = _mm512_permutex2var_epi8(load(a), x, load(b));
    let high = _mm512_permutex2var_epi8(load(c), x, load(d));
    _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high)
}
