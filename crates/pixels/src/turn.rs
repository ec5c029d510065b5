//! Rows of bytes to columns of bytes and back: `[8][n]` ↔ `[n][8]`.
//!
//! A block is 8 rows of 16 bytes. Each byte's place in it is a number of 7 bits, three for the row
//! and four for the column; [`interleave`] rotates these bits to the left by one. Doing it three
//! times turns rows into columns, four more times turn them back.

#![allow(unsafe_code, reason = "SIMD")]

/// Rows that the horizontal pass takes at once: 8 × i32 is one AVX2 register.
pub(super) const GROUP_ROWS: usize = 8;

/// Columns of a block.
const BLOCK: usize = 16;

/// Turns bytes `[from, to)` of the rows: `out[i][r] = rows[r][from + i]`.
#[inline(always)]
pub(super) fn turn_in(
    rows: &[&[u8]; GROUP_ROWS],
    from: usize,
    to: usize,
    out: &mut Vec<[u8; GROUP_ROWS]>,
) {
    let length = to - from;
    // grows and never shrinks: what lies behind `length` is not read
    if out.len() < length {
        out.resize(length, [0; GROUP_ROWS]);
    }
    let [a, b, c, d, e, f, g, h] = rows.map(|row| row[from..to].as_chunks::<BLOCK>().0);
    let wide = length / BLOCK;
    for i in 0..wide {
        let rows = [&a[i], &b[i], &c[i], &d[i], &e[i], &f[i], &g[i], &h[i]];
        let block = interleave(interleave(interleave(vectors(rows))));
        let (pairs, _) = out[i * BLOCK..][..BLOCK].as_flattened_mut().as_chunks_mut::<BLOCK>();
        for (pair, columns) in pairs.iter_mut().zip(block) {
            vector::store(columns, pair);
        }
    }
    for i in wide * BLOCK..length {
        for (byte, row) in out[i].iter_mut().zip(rows) {
            *byte = row[from + i];
        }
    }
}

/// Turns back: `out[r · stride + i] = columns[i][r]`.
#[inline(always)]
pub(super) fn turn_out(columns: &[[u8; GROUP_ROWS]], out: &mut [u8], stride: usize) {
    let (wide, rest) = columns.as_chunks::<BLOCK>();
    for (i, columns) in wide.iter().enumerate() {
        let (pairs, _) = columns.as_flattened().as_chunks::<BLOCK>();
        let [a, b, c, d, e, f, g, h] = pairs else { unreachable!("16 columns are 8 pairs") };
        let pairs = vectors([a, b, c, d, e, f, g, h]);
        let block = interleave(interleave(interleave(interleave(pairs))));
        for (row, bytes) in block.into_iter().enumerate() {
            vector::store(bytes, &mut out[row * stride..].as_chunks_mut::<BLOCK>().0[i]);
        }
    }
    for (i, column) in rest.iter().enumerate() {
        for (row, &byte) in column.iter().enumerate() {
            out[row * stride + wide.len() * BLOCK + i] = byte;
        }
    }
}

#[inline(always)]
fn vectors([a, b, c, d, e, f, g, h]: [&[u8; BLOCK]; 8]) -> [vector::Bytes; 8] {
    use vector::load;
    [load(a), load(b), load(c), load(d), load(e), load(f), load(g), load(h)]
}

/// Puts byte `b` of vectors `i` and `i + 4` side by side, for all of them.
#[inline(always)]
fn interleave([a, b, c, d, e, f, g, h]: [vector::Bytes; 8]) -> [vector::Bytes; 8] {
    use vector::{zip_high, zip_low};
    [
        zip_low(a, e),
        zip_high(a, e),
        zip_low(b, f),
        zip_high(b, f),
        zip_low(c, g),
        zip_high(c, g),
        zip_low(d, h),
        zip_high(d, h),
    ]
}

/// 16 bytes in a register.
#[cfg(target_arch = "x86_64")]
mod vector {
    use std::arch::x86_64::*;

    pub(super) type Bytes = __m128i;

    #[inline(always)]
    pub(super) fn load(bytes: &[u8; 16]) -> Bytes {
        // SAFETY: SSE2 belongs to every x86-64 CPU; 16 bytes are read where 16 bytes are, and the
        // load asks for no alignment.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    pub(super) fn store(bytes: Bytes, out: &mut [u8; 16]) {
        // SAFETY: SSE2 belongs to every x86-64 CPU; 16 bytes are written where 16 bytes are, and
        // the store asks for no alignment.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) }
    }

    #[inline(always)]
    pub(super) fn zip_low(a: Bytes, b: Bytes) -> Bytes {
        // SAFETY: SSE2 belongs to every x86-64 CPU.
        unsafe { _mm_unpacklo_epi8(a, b) }
    }

    #[inline(always)]
    pub(super) fn zip_high(a: Bytes, b: Bytes) -> Bytes {
        // SAFETY: SSE2 belongs to every x86-64 CPU.
        unsafe { _mm_unpackhi_epi8(a, b) }
    }
}

/// 16 bytes, for every other CPU.
#[cfg(not(target_arch = "x86_64"))]
mod vector {
    pub(super) type Bytes = [u8; 16];

    pub(super) fn load(bytes: &[u8; 16]) -> Bytes {
        *bytes
    }

    pub(super) fn store(bytes: Bytes, out: &mut [u8; 16]) {
        *out = bytes;
    }

    pub(super) fn zip_low(a: Bytes, b: Bytes) -> Bytes {
        std::array::from_fn(|i| if i % 2 == 0 { a[i / 2] } else { b[i / 2] })
    }

    pub(super) fn zip_high(a: Bytes, b: Bytes) -> Bytes {
        std::array::from_fn(|i| if i % 2 == 0 { a[8 + i / 2] } else { b[8 + i / 2] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turned_bytes_are_where_they_belong_and_come_back() {
        for length in [1, 3, 15, 16, 17, 47, 96, 672] {
            let byte = |row: usize, i: usize| (row * 89 + i * 7 + i / 256) as u8;
            let pixels: Vec<u8> = (0..GROUP_ROWS * (length + 5))
                .map(|at| byte(at / (length + 5), at % (length + 5)))
                .collect();
            let rows: [&[u8]; GROUP_ROWS] =
                std::array::from_fn(|row| &pixels[row * (length + 5)..][..length + 5]);
            let mut columns = Vec::new();
            turn_in(&rows, 4, 4 + length, &mut columns);
            for (i, column) in columns[..length].iter().enumerate() {
                for (row, &value) in column.iter().enumerate() {
                    assert_eq!(value, byte(row, i + 4));
                }
            }
            let mut back = vec![0; GROUP_ROWS * (length + 2)];
            turn_out(&columns[..length], &mut back, length + 2);
            for (row, back) in back.chunks(length + 2).enumerate() {
                assert_eq!(back[..length], rows[row][4..4 + length]);
            }
        }
    }
}
