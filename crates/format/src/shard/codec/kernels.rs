//! SIMD kernels, with `mapped` the homes of unsafe code of the codec; each has a plain twin that agrees
//! with it bit for bit.

#![allow(unsafe_code, reason = "SIMD and the memory map")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

#[cfg(target_arch = "x86_64")]
use super::avx512::Avx512;
#[cfg(target_arch = "x86_64")]
use super::lanes::{CHUNK, LANES, ONE_HOT};
use super::lanes::{LaneLayout, PlaneLanes};

/// Instruction sets that the codec knows how to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimdLevel(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl SimdLevel {
    /// Plain code, as the compiler makes it for the oldest CPU of the target.
    pub const PLAIN: Self = Self(Level::Plain);

    /// The best level of this CPU.
    pub fn detect() -> Self {
        Self::available().next_back().unwrap_or(Self::PLAIN)
    }

    /// All levels that this CPU has, slowest first.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        [
            Some(Self::PLAIN),
            #[cfg(target_arch = "x86_64")]
            is_x86_feature_detected!("avx2").then_some(Self(Level::Avx2)),
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(|level| Self(Level::Avx512(level))),
        ]
        .into_iter()
        .flatten()
    }

    /// Runs `work`, which must be inlined into it, compiled for this level.
    #[inline]
    pub(super) fn run<R>(self, work: impl FnOnce() -> R) -> R {
        match self.0 {
            Level::Plain => work(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: both levels are made by `available` alone, after AVX2 was detected.
            Level::Avx2 | Level::Avx512(_) => unsafe { run_avx2(work) },
        }
    }

    /// True when AVX2 may be used, because this CPU has it.
    #[inline]
    pub(super) fn has_avx2(self) -> bool {
        self.0 != Level::Plain
    }

    /// AVX-512, if this is that level.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(super) fn avx512(self) -> Option<Avx512> {
        if let Level::Avx512(level) = self.0 { Some(level) } else { None }
    }

    /// Residuals to pixels in place, G, R and B; false where this level has no kernel.
    pub(super) fn unpredict(self, layout: &LaneLayout, planes: &mut [PlaneLanes; 3]) -> bool {
        match self.0 {
            Level::Plain => false,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 | Level::Avx512(_) => {
                // SAFETY: both levels are made by `available` alone, after AVX2 was detected.
                unsafe { unpredict_avx2(layout, planes) };
                true
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl From<Avx512> for SimdLevel {
    fn from(level: Avx512) -> Self {
        Self(Level::Avx512(level))
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn load_16(bytes: &[u8], at: usize) -> __m128i {
    let bytes: &[u8; 16] = bytes[at..].first_chunk().expect("16 bytes inside the buffer");
    // SAFETY: the reference covers the 16 bytes that an unaligned load reads.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn load_32(bytes: &[u8], at: usize) -> __m256i {
    let bytes: &[u8; 32] = bytes[at..].first_chunk().expect("32 bytes inside the buffer");
    // SAFETY: the reference covers the 32 bytes that an unaligned load reads.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Transposes 16×16 bytes in each 128-bit half: four rounds of interleaving row i with row i + 8.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn transpose_16(mut rows: [__m256i; 16]) -> [__m256i; 16] {
    for _ in 0..4 {
        let mut next = rows;
        for i in 0..8 {
            next[2 * i] = _mm256_unpacklo_epi8(rows[i], rows[i + 8]);
            next[2 * i + 1] = _mm256_unpackhi_epi8(rows[i], rows[i + 8]);
        }
        rows = next;
    }
    rows
}

/// The neighbours of 32 pixels, one in each row of a band.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Neighbours {
    w: __m256i,
    nw: __m256i,
    n: __m256i,
    ne: __m256i,
}

#[cfg(target_arch = "x86_64")]
impl Neighbours {
    /// Decodes one pixel in each lane and moves on by one column. `first` and `last` mark the lanes
    /// at their first and last column, the last byte of `carried` stands above lane 0 in two steps.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn step(
        &mut self,
        residual: __m256i,
        first: __m256i,
        last: __m256i,
        carried: __m128i,
    ) -> __m256i {
        let Self { w, nw, n, ne } = *self;
        let ne_inside = _mm256_blendv_epi8(ne, n, last);
        let up = _mm256_subs_epu8(n, nw);
        let down = _mm256_subs_epu8(nw, n);
        let gradient = _mm256_subs_epu8(_mm256_adds_epu8(w, up), down);
        let low = _mm256_min_epu8(_mm256_min_epu8(ne_inside, n), w);
        let high = _mm256_max_epu8(_mm256_max_epu8(ne_inside, n), w);
        let predicted = _mm256_max_epu8(_mm256_min_epu8(gradient, high), low);
        // at its first column a lane's W and NW are N, which makes N the prediction
        let predicted = _mm256_blendv_epi8(predicted, n, first);
        let pixel = _mm256_add_epi8(predicted, residual);
        // lane i gets lane i − 1's pixel, lane 0 the one of the band above
        let lower = _mm256_permute2x128_si256::<0x02>(pixel, _mm256_castsi128_si256(carried));
        let ne_next = _mm256_alignr_epi8::<15>(pixel, lower);
        *self = Self { w: pixel, nw: n, n: ne, ne: ne_next };
        pixel
    }
}

/// The wavefront of `lanes`: one step decodes one pixel in each of 32 rows of three planes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn unpredict_avx2(layout: &LaneLayout, planes: &mut [PlaneLanes; 3]) {
    let above = _mm256_set1_epi8(-128);
    let stride = layout.lane_bytes() - 2;
    let start = Neighbours { w: above, nw: above, n: above, ne: above };
    let (mut a, mut b, mut c) = (start, start, start);
    let mut chunks = [[_mm256_setzero_si256(); CHUNK]; 3];
    for (start, edges) in layout.chunks() {
        for (lanes, chunk) in planes.iter().zip(&mut chunks) {
            load_chunk(layout.chunk(&lanes.bytes, start), stride, chunk);
        }
        let mut last_lane = [[0u8; CHUNK]; 3];
        let carried = planes.each_ref().map(|lanes| layout.carried(lanes, start));
        let [chunk_a, chunk_b, chunk_c] = &mut chunks;
        for step in 0..CHUNK {
            let first = load_32(&ONE_HOT, usize::from(edges[step].first));
            let last = load_32(&ONE_HOT, usize::from(edges[step].last));
            let g = a.step(chunk_a[step], first, last, load_16(carried[0], step));
            let red = b.step(chunk_b[step], first, last, load_16(carried[1], step));
            let blue = c.step(chunk_c[step], first, last, load_16(carried[2], step));
            last_lane[0][step] = _mm256_extract_epi8::<31>(g) as u8;
            last_lane[1][step] = _mm256_extract_epi8::<31>(red) as u8;
            last_lane[2][step] = _mm256_extract_epi8::<31>(blue) as u8;
            let minus_128 = _mm256_add_epi8(g, above);
            chunk_a[step] = g;
            chunk_b[step] = _mm256_add_epi8(red, minus_128);
            chunk_c[step] = _mm256_add_epi8(blue, minus_128);
        }
        for ((lanes, chunk), last_lane) in planes.iter_mut().zip(&chunks).zip(&last_lane) {
            store_chunk(chunk, layout.chunk_mut(&mut lanes.bytes, start), stride);
            layout.carry(lanes, start, last_lane);
        }
    }
}

/// The bytes of 32 steps, transposed: vector t holds what all lanes need at step t.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn load_chunk(lanes: &[u8], stride: usize, chunk: &mut [__m256i; CHUNK]) {
    assert!(lanes.len() >= (LANES - 1) * stride + CHUNK, "a chunk lies inside the lanes");
    for half in [0, 16] {
        let mut rows = [_mm256_setzero_si256(); 16];
        for (i, row) in rows.iter_mut().enumerate() {
            // SAFETY: i + 16 < LANES and half + 16 <= CHUNK, so by the assertion all 16 bytes of
            // both loads lie inside `lanes`.
            let (low, high) = unsafe {
                let at = lanes.as_ptr().add(i * stride + half);
                (_mm_loadu_si128(at.cast()), _mm_loadu_si128(at.add(16 * stride).cast()))
            };
            *row = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high);
        }
        chunk[half..half + 16].copy_from_slice(&transpose_16(rows));
    }
}

/// The inverse of [`load_chunk`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn store_chunk(chunk: &[__m256i; CHUNK], lanes: &mut [u8], stride: usize) {
    assert!(lanes.len() >= (LANES - 1) * stride + CHUNK, "a chunk lies inside the lanes");
    for half in [0, 16] {
        let mut columns = [_mm256_setzero_si256(); 16];
        columns.copy_from_slice(&chunk[half..half + 16]);
        for (i, row) in transpose_16(columns).into_iter().enumerate() {
            // SAFETY: i + 16 < LANES and half + 16 <= CHUNK, so by the assertion all 16 bytes of
            // both stores lie inside `lanes`.
            unsafe {
                let at = lanes.as_mut_ptr().add(i * stride + half);
                _mm_storeu_si128(at.cast(), _mm256_castsi256_si128(row));
                let high = at.add(16 * stride).cast();
                _mm_storeu_si128(high, _mm256_extracti128_si256::<1>(row));
            }
        }
    }
}

/// Writes eight rows of eight bytes, `stride` bytes apart.
#[inline(always)]
pub(super) fn put_rows(tile: &[u8; 64], bytes: &mut [u8], stride: usize) {
    assert!(bytes.len() >= 7 * stride + 8, "eight rows lie inside the buffer");
    for y in 0..8 {
        // SAFETY: y < 8, so 8 bytes of the tile are read, and by the assertion 8 bytes inside
        // `bytes` are written.
        unsafe {
            let row = tile.as_ptr().add(8 * y).cast::<u64>().read_unaligned();
            bytes.as_mut_ptr().add(y * stride).cast::<u64>().write_unaligned(row);
        }
    }
}

/// Reads eight rows of eight bytes, `stride` bytes apart.
#[inline(always)]
pub(super) fn get_rows(bytes: &[u8], stride: usize) -> [u8; 64] {
    assert!(bytes.len() >= 7 * stride + 8, "eight rows lie inside the buffer");
    let mut tile = [0; 64];
    for y in 0..8 {
        // SAFETY: y < 8, so by the assertion 8 bytes inside `bytes` are read, and 8 bytes of the
        // tile are written.
        unsafe {
            let row = bytes.as_ptr().add(y * stride).cast::<u64>().read_unaligned();
            tile.as_mut_ptr().add(8 * y).cast::<u64>().write_unaligned(row);
        }
    }
    tile
}
