//! Windows over all channels as the columns of a matrix (im2col), and the way back.

use super::Geometry;

/// Writes the windows of some output rows: `columns` becomes `[channels · taps, rows · output width]`.
pub(crate) fn gather(
    image: &[f32],
    geometry: &Geometry,
    rows: std::ops::Range<usize>,
    columns: &mut [f32],
) {
    let (width, [kernel_rows, kernel_columns]) = (geometry.output[1], geometry.kernel);
    let (pixels, stride) = (geometry.pixels(), geometry.stride);
    let length = rows.len() * width;
    for (number, line) in columns.chunks_exact_mut(length).enumerate() {
        let (tap, plane) = (number % geometry.taps(), number / geometry.taps());
        let (row, column) = (tap / kernel_columns, tap % kernel_columns);
        debug_assert!(row < kernel_rows);
        let plane = &image[plane * pixels..][..pixels];
        let (first, end, from) = geometry.inside(column);
        for (output, target) in rows.clone().zip(line.chunks_exact_mut(width)) {
            let Some(y) = geometry.row(output, row) else {
                target.fill(0.0);
                continue;
            };
            target[..first].fill(0.0);
            target[end..].fill(0.0);
            let target = &mut target[first..end];
            if target.is_empty() {
                continue;
            }
            let source = &plane[y * geometry.image[1] + from..];
            if stride == 1 {
                target.copy_from_slice(&source[..target.len()]);
            } else {
                for (target, source) in target.iter_mut().zip(source.iter().step_by(stride)) {
                    *target = *source;
                }
            }
        }
    }
}

/// Adds each number of the windows of some output rows to the pixel that [`gather`] took it from.
pub(crate) fn scatter(
    columns: &[f32],
    geometry: &Geometry,
    rows: std::ops::Range<usize>,
    image: &mut [f32],
) {
    let width = geometry.output[1];
    let (pixels, stride) = (geometry.pixels(), geometry.stride);
    let length = rows.len() * width;
    for (number, line) in columns.chunks_exact(length).enumerate() {
        let (tap, plane) = (number % geometry.taps(), number / geometry.taps());
        let (row, column) = (tap / geometry.kernel[1], tap % geometry.kernel[1]);
        let plane = &mut image[plane * pixels..][..pixels];
        let (first, end, from) = geometry.inside(column);
        if first == end {
            continue;
        }
        for (output, source) in rows.clone().zip(line.chunks_exact(width)) {
            let Some(y) = geometry.row(output, row) else { continue };
            let source = &source[first..end];
            let target = &mut plane[y * geometry.image[1] + from..];
            if stride == 1 {
                for (target, source) in target.iter_mut().zip(source) {
                    *target += source;
                }
            } else {
                for (target, source) in target.iter_mut().step_by(stride).zip(source) {
                    *target += source;
                }
            }
        }
    }
}
