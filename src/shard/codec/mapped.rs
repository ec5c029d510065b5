//! Pixels through tables of float32: what a view is, as one pass over the data.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::CodecError;
use super::kernels::SimdLevel;

/// A table of 256 values, and what is quicker than looking them up.
pub(super) struct Table<'a> {
    values: &'a [f32; 256],
    /// The number that the table adds to every pixel, if adding it gives the table bit for bit.
    offset: Option<f32>,
}

impl<'a> Table<'a> {
    #[inline(always)]
    pub(super) fn new(values: &'a [f32; 256]) -> Self {
        let offset = values[0];
        let mut different = 0;
        for (pixel, &value) in (0..=255u8).zip(values) {
            different |= (f32::from(pixel) + offset).to_bits() ^ value.to_bits();
        }
        Self { values, offset: (different == 0).then_some(offset) }
    }

    /// The value of each pixel, row by row.
    #[inline(always)]
    pub(super) fn map<'b>(
        &self,
        level: SimdLevel,
        rows: impl Iterator<Item = (&'b [u8], &'b mut [f32])>,
    ) {
        if let Some(offset) = self.offset {
            return add_offset_to_rows(level, offset, rows);
        }
        for (pixels, out) in rows {
            for (out, &pixel) in out.iter_mut().zip(pixels) {
                *out = self.values[usize::from(pixel)];
            }
        }
    }
}

/// Pixels plus an offset, row by row. Where a row is whole cache lines it is written past the caches: a batch
/// is larger than they are, and no line is read only to be overwritten.
#[inline(always)]
fn add_offset_to_rows<'a>(
    level: SimdLevel,
    offset: f32,
    rows: impl Iterator<Item = (&'a [u8], &'a mut [f32])>,
) {
    #[cfg(target_arch = "x86_64")]
    if level.has_avx2() {
        // SAFETY: a level says so only after detection.
        return unsafe { add_offset_avx2(offset, rows) };
    }
    let _ = level;
    rows.for_each(|(pixels, out)| add_offset(pixels, offset, out));
}

#[inline(always)]
fn add_offset(pixels: &[u8], offset: f32, out: &mut [f32]) {
    for (out, &pixel) in out.iter_mut().zip(pixels) {
        *out = f32::from(pixel) + offset;
    }
}

/// Makes what was written past the caches visible to other threads, also when a row panics.
#[cfg(target_arch = "x86_64")]
struct Fence;

#[cfg(target_arch = "x86_64")]
impl Drop for Fence {
    fn drop(&mut self) {
        // SAFETY: every CPU of this target has SSE, the only thing the fence needs.
        unsafe { _mm_sfence() };
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_offset_avx2<'a>(offset: f32, rows: impl Iterator<Item = (&'a [u8], &'a mut [f32])>) {
    const LINE_BYTES: usize = 64;
    let _fence = Fence;
    let offsets = _mm256_set1_ps(offset);
    for (pixels, out) in rows {
        let whole_lines = (out.as_ptr() as usize).is_multiple_of(LINE_BYTES);
        let (groups, rest) = pixels.as_chunks::<8>();
        let (outs, _) = out.as_chunks_mut::<8>();
        if !whole_lines || !rest.is_empty() || !outs.len().is_multiple_of(2) {
            add_offset(pixels, offset, out);
            continue;
        }
        for (group, out) in groups.iter().zip(outs) {
            let wide = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*group)));
            let sums = _mm256_add_ps(_mm256_cvtepi32_ps(wide), offsets);
            // SAFETY: `out` covers the 32 bytes that are written, and lies at a multiple of 32: the
            // row begins at a multiple of 64 and its groups are 32 bytes each. The fence comes before
            // anything that hands the row to another thread.
            unsafe { _mm256_stream_ps(out.as_mut_ptr(), sums) };
        }
    }
}

/// # Errors
/// [`CodecError::ChannelOrder`] for a channel above 2.
pub(super) fn check_channels(channel_order: [usize; 3]) -> Result<(), CodecError> {
    if channel_order.iter().any(|&channel| channel > 2) {
        return Err(CodecError::ChannelOrder { got: channel_order });
    }
    Ok(())
}

/// A tensor `[3, height, width]` through a table for each output channel: plane c of `out` is
/// `tables[c][pixel of input channel channel_order[c]]`.
///
/// # Errors
/// [`CodecError::TensorLength`] when the lengths differ or are no multiple of 3;
/// [`CodecError::ChannelOrder`] for a channel above 2.
pub fn map_tensor(
    level: SimdLevel,
    tensor: &[u8],
    tables: &[[f32; 256]; 3],
    channel_order: [usize; 3],
    out: &mut [f32],
) -> Result<(), CodecError> {
    check_channels(channel_order)?;
    if tensor.len() != out.len() || !out.len().is_multiple_of(3) {
        return Err(CodecError::TensorLength { expected: tensor.len(), got: out.len() });
    }
    let plane = out.len() / 3;
    level.run(
        #[inline(always)]
        || {
            let outputs = out.chunks_exact_mut(plane.max(1));
            for ((out, table), channel) in outputs.zip(tables).zip(channel_order) {
                let pixels = &tensor[channel * plane..][..plane];
                Table::new(table).map(level, std::iter::once((pixels, out)));
            }
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_tensor_is_looked_up_pixel_by_pixel_at_every_simd_level() {
        let pixels: Vec<u8> = (0..3 * 999u32).map(|i| (i * 37 + i / 512) as u8).collect();
        let adds = std::array::from_fn(|pixel| pixel as f32 + -103.939f32);
        let scales = std::array::from_fn(|pixel| pixel as f32 / 127.5 - 1.0);
        let mut odd = adds;
        odd[200] = 7.0;
        let (tables, order) = ([adds, scales, odd], [2, 1, 0]);
        // Planes of whole cache lines and others, at aligned addresses and others.
        for (plane, start) in [(999, 0), (992, 0), (992, 1), (992, 8), (8, 0), (1, 0)] {
            for level in SimdLevel::available() {
                let mut out = vec![-7.0; 3 * plane + 32];
                let start = out.as_ptr().align_offset(64) + start;
                let (before, rest) = out.split_at_mut(start);
                let (mapped, after) = rest.split_at_mut(3 * plane);
                map_tensor(level, &pixels[..3 * plane], &tables, order, mapped).unwrap();
                for (index, value) in mapped.iter().enumerate() {
                    let (channel, at) = (index / plane, index % plane);
                    let pixel = pixels[order[channel] * plane + at];
                    assert_eq!(value.to_bits(), tables[channel][usize::from(pixel)].to_bits());
                }
                let untouched = before.iter().chain(&*after).all(|&value| value == -7.0);
                assert!(untouched, "{level:?}, {plane}, {start}");
            }
        }
        let refused = |order, length| {
            let mut out = vec![0.0; length];
            map_tensor(SimdLevel::PLAIN, &pixels, &tables, order, &mut out).unwrap_err()
        };
        assert_eq!(refused([0, 1, 3], 2997), CodecError::ChannelOrder { got: [0, 1, 3] });
        assert_eq!(refused(order, 5), CodecError::TensorLength { expected: 2997, got: 5 });
    }
}
