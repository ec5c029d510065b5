//! Pixels through tables of float32: what a view is, as one pass over the data.

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

    /// The value of each pixel.
    #[inline(always)]
    pub(super) fn map(&self, pixels: &[u8], out: &mut [f32]) {
        if let Some(offset) = self.offset {
            for (out, &pixel) in out.iter_mut().zip(pixels) {
                *out = f32::from(pixel) + offset;
            }
        } else {
            for (out, &pixel) in out.iter_mut().zip(pixels) {
                *out = self.values[usize::from(pixel)];
            }
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
                Table::new(table).map(&tensor[channel * plane..][..plane], out);
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
        for level in [SimdLevel::PLAIN, SimdLevel::detect()] {
            let mut out = vec![0.0; pixels.len()];
            map_tensor(level, &pixels, &tables, order, &mut out).unwrap();
            for (index, value) in out.iter().enumerate() {
                let (channel, at) = (index / 999, index % 999);
                let pixel = pixels[order[channel] * 999 + at];
                assert_eq!(value.to_bits(), tables[channel][usize::from(pixel)].to_bits());
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
