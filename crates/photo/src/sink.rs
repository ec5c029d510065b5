//! Gives decoded pictures to a [`RowSink`].

use tcolz_pixels::{RgbImage, RowSink};

/// Gives an image to a sink, turned upright from an EXIF orientation of 1 to 8. `strip` is scratch space.
pub(super) fn give_upright(
    sink: &mut dyn RowSink,
    strip: &mut Vec<u8>,
    image: &RgbImage,
    orientation: u8,
) {
    let transposed = orientation >= 5;
    let from_right = matches!(orientation, 2 | 3 | 7 | 8);
    let from_below = matches!(orientation, 3 | 4 | 6 | 7);
    let (columns, rows) = (image.width as usize, image.height as usize);
    let (width, height) = if transposed { (rows, columns) } else { (columns, rows) };
    sink.start(width as u32, height as u32);
    let rows_a_strip = (STRIP_BYTES / (width * 3)).max(1);
    for first_row in (0..height).step_by(rows_a_strip) {
        strip.clear();
        for y in first_row..(first_row + rows_a_strip).min(height) {
            for x in 0..width {
                let (column, row) = if transposed { (y, x) } else { (x, y) };
                let column = if from_right { columns - 1 - column } else { column };
                let row = if from_below { rows - 1 - row } else { row };
                strip.extend_from_slice(&image.pixels[(row * columns + column) * 3..][..3]);
            }
        }
        sink.rows(first_row as u32, strip);
    }
}

/// Bytes of a strip of rows: small enough to stay in the second-level cache until the sink has read it, large enough that the
/// cost of a call disappears.
pub(super) const STRIP_BYTES: usize = 128 * 1024;

/// Gives a whole interleaved image to a sink, strip by strip, dropping any channel beyond the third.
pub(super) fn give_image(
    sink: &mut dyn RowSink,
    strip: &mut Vec<u8>,
    (width, height): (u32, u32),
    channels: usize,
    pixels: &[u8],
) {
    sink.start(width, height);
    let rows_a_strip = (STRIP_BYTES / (width as usize * 3)).max(1);
    let strips = pixels.chunks(rows_a_strip * width as usize * channels);
    for (first_row, source) in (0..).step_by(rows_a_strip).zip(strips) {
        if channels == 3 {
            sink.rows(first_row, source);
        } else {
            strip.clear();
            strip.extend(
                source.chunks_exact(channels).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]),
            );
            sink.rows(first_row, strip);
        }
    }
}
