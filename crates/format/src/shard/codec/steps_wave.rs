//! Residuals to pixels: the wavefront of `steps`, 32 rows of three planes at once. Every 16 steps, 16
//! columns of eight rows of each group are ready.

use std::arch::x86_64::*;

use super::avx512::{Line, load, load_16, put_rows, store};
use super::steps::{CARRY_PAD, Edges, GROUPS, StepPlanes, TURN};
use super::tiles::TILE;

/// The neighbours of 32 pixels, one in each row of a band.
#[derive(Clone, Copy)]
struct Neighbours {
    w: __m256i,
    nw: __m256i,
    n: __m256i,
    ne: __m256i,
}

/// Two blocks to pixels: byte 8r + c of the lower half is row r, column c of the tile that begins with the
/// first block; of the upper half row 4 + r of the tile that began a block before.
static UNSPREAD: Line = {
    let mut line = [0; 64];
    let mut i = 0;
    while i < 64 {
        let step = i % 8 + 2 * (i / 8 % 4);
        line[i] = (step / 8 * 64 + step % 8 * 8 + i / 8) as u8;
        i += 1;
    }
    Line(line)
};

impl Neighbours {
    /// Decodes one pixel in each lane and moves on by one column. `first` and `last` are the lanes at
    /// their first and last column; the last byte of
    /// `carried` stands above lane 0 in two steps.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
    #[inline]
    fn step(&mut self, residual: __m256i, first: u32, last: u32, carried: __m128i) -> __m256i {
        let Self { w, nw, n, ne } = *self;
        let ne_inside = _mm256_mask_blend_epi8(last, ne, n);
        let up = _mm256_subs_epu8(n, nw);
        let down = _mm256_subs_epu8(nw, n);
        let gradient = _mm256_subs_epu8(_mm256_adds_epu8(w, up), down);
        let low = _mm256_min_epu8(_mm256_min_epu8(ne_inside, n), w);
        let high = _mm256_max_epu8(_mm256_max_epu8(ne_inside, n), w);
        let predicted = _mm256_max_epu8(_mm256_min_epu8(gradient, high), low);
        // at its first column a lane's W and NW are N, which makes N the prediction
        let pixel = _mm256_mask_add_epi8(_mm256_add_epi8(predicted, residual), first, n, residual);
        // lane i gets lane i − 1's pixel, lane 0 the one of the band above
        let lower = _mm256_permute2x128_si256::<0x02>(pixel, _mm256_castsi128_si256(carried));
        let ne_next = _mm256_alignr_epi8::<15>(pixel, lower);
        *self = Self { w: pixel, nw: n, n: ne, ne: ne_next };
        pixel
    }
}

/// Decodes the residuals and writes the tensor `[3, height, width]` in the order R, G, B.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(super) fn wave(planes: &mut StepPlanes, tensor: &mut [u8]) {
    let shape = planes.shape;
    let delay = planes.carry_delay();
    let start = _mm256_set1_epi8(-128);
    let start = Neighbours { w: start, nw: start, n: start, ne: start };
    let mut neighbours = [start; 3];
    let (unspread, minus_128) = (load(&UNSPREAD.0), _mm512_set1_epi8(-128));
    let upper_rows = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    let lower_rows = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    let mut carried = std::mem::take(&mut planes.carried);
    // the last block, and 4 × 8 pixels of two rows of tiles by each of the last three
    let mut last = [[Line::ZERO; GROUPS]; 3];
    let mut pieces = [[[Line::ZERO; 3]; GROUPS]; 3];
    for turn in 0..planes.turns() {
        let edges = planes.edges(turn);
        for half in 0..2 {
            let block = 2 * turn + half;
            let step = block * TILE;
            let (g, r, b) =
                (planes.steps(0, block), planes.steps(1, block), planes.steps(2, block));
            let (g, r, b) = (to_steps(g), to_steps(r), to_steps(b));
            let (mut g_out, mut r_out, mut b_out) = (g, r, b);
            let [a, red, blue] = &mut neighbours;
            for i in 0..TILE {
                let Edges { first, last } = edges[half * TILE + i];
                g_out[i] = a.step(g[i], first, last, load_16(&carried[0], step + i));
                r_out[i] = red.step(r[i], first, last, load_16(&carried[1], step + i));
                b_out[i] = blue.step(b[i], first, last, load_16(&carried[2], step + i));
            }
            let mut groups = [to_groups(&g_out), to_groups(&r_out), to_groups(&b_out)];
            for (carried, groups) in carried.iter_mut().zip(&groups) {
                let last_lane = _mm512_cvtepi64_epi8(_mm512_srli_epi64::<56>(groups[GROUPS - 1]));
                let bytes = _mm_cvtsi128_si64(last_lane).to_le_bytes();
                carried[CARRY_PAD + step + delay..][..TILE].copy_from_slice(&bytes);
            }
            for group in 0..GROUPS {
                let luma = _mm512_xor_si512(groups[0][group], minus_128);
                groups[1][group] = _mm512_add_epi8(groups[1][group], luma);
                groups[2][group] = _mm512_add_epi8(groups[2][group], luma);
                for plane in 0..3 {
                    let (last, own) = (&mut last[plane][group], groups[plane][group]);
                    let pieces = &mut pieces[plane][group];
                    if half == 0 {
                        pieces[0] = pieces[2];
                    }
                    let piece = _mm512_permutex2var_epi8(load(&last.0), unspread, own);
                    store(&mut pieces[1 + half].0, piece);
                    store(&mut last.0, own);
                }
            }
        }
        for group in 0..GROUPS {
            let Some((row, column)) = planes.finished(turn, group) else { continue };
            let whole = row + TILE <= shape.rows() && column + TURN <= shape.columns();
            for (plane, pieces) in pieces.iter().enumerate() {
                let [a, b, c] = &pieces[group];
                let upper = _mm512_permutex2var_epi64(load(&a.0), upper_rows, load(&b.0));
                let lower = _mm512_permutex2var_epi64(load(&b.0), lower_rows, load(&c.0));
                let width = shape.columns();
                let at = [1, 0, 2][plane] * shape.plane_pixels() + row * width + column;
                if whole {
                    put_rows(upper, &mut tensor[at..], width);
                    put_rows(lower, &mut tensor[at + 4 * width..], width);
                } else {
                    let (rows, columns) = (shape.rows() - row, shape.columns() - column);
                    put_part(upper, &mut tensor[at..], width, (rows, columns));
                    if rows > 4 {
                        put_part(lower, &mut tensor[at + 4 * width..], width, (rows - 4, columns));
                    }
                }
            }
        }
    }
    planes.carried = carried;
}

/// What lies inside the image of four rows of 16 pixels, where so many rows and columns are left.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline(never)]
fn put_part(x: __m512i, out: &mut [u8], width: usize, (rows, columns): (usize, usize)) {
    let mut pixels = Line::ZERO;
    store(&mut pixels.0, x);
    for (y, pixels) in pixels.0.chunks_exact(16).enumerate().take(rows) {
        let inside = columns.min(16);
        out[y * width..][..inside].copy_from_slice(&pixels[..inside]);
    }
}

/// Blocks of four groups to the 32 bytes of each of eight steps.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
fn to_steps([a, b, c, d]: [&Line; GROUPS]) -> [__m256i; TILE] {
    let (a, b, c, d) = (load(&a.0), load(&b.0), load(&c.0), load(&d.0));
    let (even_ab, odd_ab) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let (even_cd, odd_cd) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    let lower = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let upper = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    let steps_02 = _mm512_permutex2var_epi64(even_ab, lower, even_cd);
    let steps_46 = _mm512_permutex2var_epi64(even_ab, upper, even_cd);
    let steps_13 = _mm512_permutex2var_epi64(odd_ab, lower, odd_cd);
    let steps_57 = _mm512_permutex2var_epi64(odd_ab, upper, odd_cd);
    [
        _mm512_castsi512_si256(steps_02),
        _mm512_castsi512_si256(steps_13),
        _mm512_extracti64x4_epi64::<1>(steps_02),
        _mm512_extracti64x4_epi64::<1>(steps_13),
        _mm512_castsi512_si256(steps_46),
        _mm512_castsi512_si256(steps_57),
        _mm512_extracti64x4_epi64::<1>(steps_46),
        _mm512_extracti64x4_epi64::<1>(steps_57),
    ]
}

/// The inverse of [`to_steps`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
fn to_groups([a, b, c, d, e, f, g, h]: &[__m256i; TILE]) -> [__m512i; GROUPS] {
    let (steps_02, steps_13) = (pair(*a, *c), pair(*b, *d));
    let (steps_46, steps_57) = (pair(*e, *g), pair(*f, *h));
    let even_ab = _mm512_shuffle_i64x2::<0x88>(steps_02, steps_46);
    let even_cd = _mm512_shuffle_i64x2::<0xdd>(steps_02, steps_46);
    let odd_ab = _mm512_shuffle_i64x2::<0x88>(steps_13, steps_57);
    let odd_cd = _mm512_shuffle_i64x2::<0xdd>(steps_13, steps_57);
    [
        _mm512_unpacklo_epi64(even_ab, odd_ab),
        _mm512_unpackhi_epi64(even_ab, odd_ab),
        _mm512_unpacklo_epi64(even_cd, odd_cd),
        _mm512_unpackhi_epi64(even_cd, odd_cd),
    ]
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
#[inline]
fn pair(lower: __m256i, upper: __m256i) -> __m512i {
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(lower), upper)
}
