//! The predictor row by row in plain code: residuals for the encoder, and the inverse for CPUs
//! without a wavefront kernel.

use super::lanes::{LaneLayout, PlaneLanes};

/// What stands above the first row.
pub(super) const ABOVE: u8 = 128;

/// W + N − NW limited to the range of W, N and NE. `up` and `down` cannot both be above zero, so
/// that the saturating steps equal the exact sum limited to 0 to 255.
#[inline(always)]
fn limited_gradient(w: u8, n: u8, nw: u8, ne: u8) -> u8 {
    let (up, down) = (n.saturating_sub(nw), nw.saturating_sub(n));
    let gradient = w.saturating_add(up).saturating_sub(down);
    let (low, high) = (w.min(n).min(ne), w.max(n).max(ne));
    gradient.min(high).max(low)
}

/// Residuals of a row-major plane; `above` is the row above the first.
///
/// The first row stands before the loop, so that no row is carried from one turn to the next: with
/// thin LTO, rustc 1.95 makes wrong code of such a loop over rows of one pixel.
#[inline(always)]
pub(super) fn predict(width: usize, above: &[u8], plane: &[u8], residuals: &mut [u8]) {
    predict_row(above, &plane[..width], &mut residuals[..width]);
    let below = plane[width..].chunks_exact(width).zip(residuals[width..].chunks_exact_mut(width));
    for (above, (row, residuals)) in plane.chunks_exact(width).zip(below) {
        predict_row(above, row, residuals);
    }
}

/// Residuals of one row; `above` and `row` have the same length as `residuals`.
#[inline(always)]
fn predict_row(above: &[u8], row: &[u8], residuals: &mut [u8]) {
    let width = row.len();
    let (above, residuals) = (&above[..width], &mut residuals[..width]);
    residuals[0] = row[0].wrapping_sub(above[0]);
    if width == 1 {
        return;
    }
    // at the left edge W = NW = N, and the prediction is N whatever NE is
    let inner = width - 2;
    let (nw, n, ne) = (&above[..inner], &above[1..][..inner], &above[2..][..inner]);
    let (w, own, out) = (&row[..inner], &row[1..][..inner], &mut residuals[1..][..inner]);
    for x in 0..inner {
        out[x] = own[x].wrapping_sub(limited_gradient(w[x], n[x], nw[x], ne[x]));
    }
    let last = width - 1;
    let n = above[last];
    residuals[last] =
        row[last].wrapping_sub(limited_gradient(row[last - 1], n, above[last - 1], n));
}

/// Residuals to pixels in place: G, R and B.
pub(super) fn unpredict(layout: &LaneLayout, planes: &mut [PlaneLanes; 3]) {
    let width = layout.row(0).len();
    for lanes in planes.iter_mut() {
        let mut above = vec![ABOVE; width];
        for y in 0..layout.rows() {
            let row = &mut lanes.bytes[layout.row(y)];
            let mut w = above[0];
            let mut nw = above[0];
            for x in 0..width {
                let n = above[x];
                let ne = above[(x + 1).min(width - 1)];
                w = row[x].wrapping_add(limited_gradient(w, n, nw, ne));
                row[x] = w;
                nw = n;
            }
            above.copy_from_slice(row);
        }
    }
    let [g, red, blue] = planes;
    for chroma in [red, blue] {
        for y in 0..layout.rows() {
            let luma = &g.bytes[layout.row(y)];
            for (value, &g) in chroma.bytes[layout.row(y)].iter_mut().zip(luma) {
                *value = value.wrapping_add(g).wrapping_sub(128);
            }
        }
    }
}

/// Takes luma's share out of a chroma plane's residuals: `((coefficient·luma + 4) >> 3)` mod 256.
#[inline(always)]
pub(super) fn subtract_luma(luma: &[u8], coefficient: i8, chroma: &mut [u8]) {
    for (own, &luma) in chroma.iter_mut().zip(luma) {
        *own = own.wrapping_sub(luma_share(luma, coefficient));
    }
}

/// Puts luma's share back.
#[inline(always)]
pub(super) fn add_luma(luma: &[u8], coefficient: i8, chroma: &mut [u8]) {
    for (own, &luma) in chroma.iter_mut().zip(luma) {
        *own = own.wrapping_add(luma_share(luma, coefficient));
    }
}

/// Luma's share in a chroma residual, modulo 256.
#[inline(always)]
pub(super) fn luma_share(luma: u8, coefficient: i8) -> u8 {
    ((i16::from(coefficient) * i16::from(luma as i8) + 4) >> 3) as u8
}

/// Rows of which one is looked at by [`fit_luma`].
const FIT_EVERY: usize = 4;
/// Luma residuals from here on are edges and left out of the fit.
const FIT_LIMIT: i16 = 24;

/// The coefficient in eighths by which luma's residuals best predict a chroma plane's, by least
/// squares over a quarter of the rows; 0 where it would take less than 1/64 off Σ|residual|.
#[inline(always)]
pub(super) fn fit_luma(width: usize, luma: &[u8], chroma: &[u8]) -> i8 {
    let rows = || luma.chunks_exact(width).zip(chroma.chunks_exact(width)).step_by(FIT_EVERY);
    let (mut squares, mut products) = (0i64, 0i64);
    for (luma, chroma) in rows() {
        let (mut row_squares, mut row_products) = (0i32, 0i32);
        for (&luma, &chroma) in luma.iter().zip(chroma) {
            let (luma, chroma) = (i16::from(luma as i8), i16::from(chroma as i8));
            let luma = if luma.abs() < FIT_LIMIT { luma } else { 0 };
            row_squares += i32::from(luma) * i32::from(luma);
            row_products += i32::from(luma) * i32::from(chroma);
        }
        squares += i64::from(row_squares);
        products += i64::from(row_products);
    }
    if squares == 0 {
        return 0;
    }
    // rounded to the nearest eighth
    let eighths = (16 * products + squares).div_euclid(2 * squares);
    let coefficient = eighths.clamp(-16, 16) as i8;
    if coefficient == 0 {
        return 0;
    }
    let (mut with, mut without) = (0u64, 0u64);
    for (luma, chroma) in rows() {
        let (mut row_with, mut row_without) = (0u32, 0u32);
        for (&luma, &chroma) in luma.iter().zip(chroma) {
            let left = chroma.wrapping_sub(luma_share(luma, coefficient));
            row_with += u32::from((left as i8).unsigned_abs());
            row_without += u32::from((chroma as i8).unsigned_abs());
        }
        with += u64::from(row_with);
        without += u64::from(row_without);
    }
    if with * 64 < without * 63 { coefficient } else { 0 }
}
