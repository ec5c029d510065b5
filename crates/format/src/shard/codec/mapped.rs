//! Pixels through tables of numbers: what a view is, as one pass over the data.

#![allow(unsafe_code, reason = "SIMD and the memory map")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use tcolz_pixels::{bf16, f16};

use super::CodecError;
#[cfg(target_arch = "x86_64")]
use super::avx512::Fence;
use super::kernels::SimdLevel;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for super::f16 {}
    impl Sealed for super::bf16 {}
}

/// What a table gives for a pixel: `f32`, `f16` or `bf16`.
pub trait Number: sealed::Sealed + Copy {
    /// Its length in bytes.
    #[doc(hidden)]
    const BYTES: usize = size_of::<Self>();

    /// Its bytes, little-endian, zeros behind them.
    #[doc(hidden)]
    fn bytes(self) -> [u8; 4];

    /// The same numbers, if they are float32.
    #[doc(hidden)]
    fn as_floats(_: &mut [Self]) -> Option<&mut [f32]> {
        None
    }
}

impl Number for f32 {
    fn bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }

    fn as_floats(numbers: &mut [f32]) -> Option<&mut [f32]> {
        Some(numbers)
    }
}

impl Number for f16 {
    fn bytes(self) -> [u8; 4] {
        u32::from(self.to_bits()).to_le_bytes()
    }
}

impl Number for bf16 {
    fn bytes(self) -> [u8; 4] {
        u32::from(self.to_bits()).to_le_bytes()
    }
}

/// Bytes that are read next, brought into the caches while numbers are written past them: memory that waits for
/// writes has time to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Upcoming<'a>(&'a [u8]);

impl<'a> Upcoming<'a> {
    /// These bytes, from the first on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Asks for the next line of them.
    #[inline(always)]
    pub(super) fn ask(&mut self) {
        let Some((line, rest)) = self.0.split_first_chunk::<LINE_BYTES>() else { return };
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every CPU of this target has SSE, and a hint changes nothing.
        unsafe {
            _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast());
        }
        let _ = line;
        self.0 = rest;
    }
}

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// One byte of each of a table's 256 numbers.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct BytePlane(pub(super) [u8; 256]);

/// A table byte by byte: as many planes as a number has bytes.
pub(super) type ByteTable = [BytePlane];

/// A view as three tables of 256 numbers, and whatever is quicker than looking them up one by one.
#[derive(Clone, Debug)]
pub struct PixelTables<T> {
    channels: Vec<Table<T>>,
    channel_order: [usize; 3],
}

/// The table of an output channel.
#[derive(Clone, Debug)]
struct Table<T> {
    values: Box<[T; 256]>,
    bytes: Vec<BytePlane>,
    /// The number that the table adds to every pixel, if adding it gives the table bit for bit.
    offset: Option<f32>,
}

impl<T: Number> PixelTables<T> {
    /// Plane c of what is made is `tables[c][pixel of input channel channel_order[c]]`.
    ///
    /// # Errors
    /// [`CodecError::ChannelOrder`] for a channel above 2.
    pub fn new(tables: &[[T; 256]; 3], channel_order: [usize; 3]) -> Result<Self, CodecError> {
        if channel_order.iter().any(|&channel| channel > 2) {
            return Err(CodecError::ChannelOrder { got: channel_order });
        }
        Ok(Self { channels: tables.iter().map(Table::new).collect(), channel_order })
    }

    /// The input channel of each output channel.
    pub(super) fn channel_order(&self) -> [usize; 3] {
        self.channel_order
    }

    /// The numbers of an output channel's pixels, row by row.
    #[inline(always)]
    pub(super) fn map_rows<'b>(
        &self,
        level: SimdLevel,
        output_channel: usize,
        rows: impl Iterator<Item = (&'b [u8], &'b mut [T])>,
        upcoming: &mut Upcoming<'_>,
    ) where
        T: 'b,
    {
        let table = &self.channels[output_channel];
        #[cfg(target_arch = "x86_64")]
        if let Some(level) = level.avx512() {
            if let Some(offset) = table.offset {
                let rows = rows.filter_map(|(pixels, out)| Some((pixels, T::as_floats(out)?)));
                return rows
                    .for_each(|(pixels, out)| level.add_offset(pixels, offset, out, upcoming));
            }
            return rows.for_each(|(pixels, out)| {
                level.look_up(pixels, &table.bytes, out, upcoming);
            });
        }
        if let Some(offset) = table.offset {
            let rows = rows.filter_map(|(pixels, out)| Some((pixels, T::as_floats(out)?)));
            return add_offset_to_rows(level, offset, rows, upcoming);
        }
        for (pixels, out) in rows {
            for (out, &pixel) in out.iter_mut().zip(pixels) {
                *out = table.values[usize::from(pixel)];
            }
        }
    }
}

impl<T: Number> Table<T> {
    fn new(values: &[T; 256]) -> Self {
        let plane = |byte: usize| BytePlane(values.map(|value| value.bytes()[byte]));
        let mut floats = *values;
        let offset = T::as_floats(&mut floats).and_then(|floats| {
            let offset = floats[0];
            let adds = |(pixel, value): (u8, &f32)| {
                (f32::from(pixel) + offset).to_bits() == value.to_bits()
            };
            (0..=255).zip(&*floats).all(adds).then_some(offset)
        });
        Self { values: Box::new(*values), bytes: (0..T::BYTES).map(plane).collect(), offset }
    }
}

/// Pixels plus an offset, row by row. Where a row is whole cache lines it is written past the caches: a batch
/// is larger than they are, and no line is read only to be overwritten.
#[inline(always)]
fn add_offset_to_rows<'a>(
    level: SimdLevel,
    offset: f32,
    rows: impl Iterator<Item = (&'a [u8], &'a mut [f32])>,
    upcoming: &mut Upcoming<'_>,
) {
    #[cfg(target_arch = "x86_64")]
    if level.has_avx2() {
        // SAFETY: a level says so only after detection.
        return unsafe { add_offset_avx2(offset, rows, upcoming) };
    }
    let _ = (level, upcoming);
    rows.for_each(|(pixels, out)| add_offset(pixels, offset, out));
}

#[inline(always)]
fn add_offset(pixels: &[u8], offset: f32, out: &mut [f32]) {
    for (out, &pixel) in out.iter_mut().zip(pixels) {
        *out = f32::from(pixel) + offset;
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_offset_avx2<'a>(
    offset: f32,
    rows: impl Iterator<Item = (&'a [u8], &'a mut [f32])>,
    upcoming: &mut Upcoming<'_>,
) {
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
        for (index, (group, out)) in groups.iter().zip(outs).enumerate() {
            // A line of pixels for each line of them.
            if index.is_multiple_of(LINE_BYTES / 8) {
                upcoming.ask();
            }
            let wide = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*group)));
            let sums = _mm256_add_ps(_mm256_cvtepi32_ps(wide), offsets);
            // SAFETY: `out` covers the 32 bytes that are written, and lies at a multiple of 32: the
            // row begins at a multiple of 64 and its groups are 32 bytes each. The fence comes before
            // anything that hands the row to another thread.
            unsafe { _mm256_stream_ps(out.as_mut_ptr(), sums) };
        }
    }
}

/// A tensor `[3, height, width]` through the tables, and `upcoming` meanwhile into the caches.
///
/// # Errors
/// [`CodecError::TensorLength`] when the lengths differ or are no multiple of 3.
pub fn map_tensor<T: Number>(
    level: SimdLevel,
    tensor: &[u8],
    tables: &PixelTables<T>,
    out: &mut [T],
    mut upcoming: Upcoming<'_>,
) -> Result<(), CodecError> {
    if tensor.len() != out.len() || !out.len().is_multiple_of(3) {
        return Err(CodecError::TensorLength { expected: tensor.len(), got: out.len() });
    }
    let plane = out.len() / 3;
    level.run(
        #[inline(always)]
        || {
            let outputs = out.chunks_exact_mut(plane.max(1)).enumerate();
            for ((channel, out), source) in outputs.zip(tables.channel_order) {
                let pixels = &tensor[source * plane..][..plane];
                let rows = std::iter::once((pixels, out));
                tables.map_rows(level, channel, rows, &mut upcoming);
            }
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every plane length and address that a kernel treats in its own way.
    fn check<T: Number + PartialEq + std::fmt::Debug>(tables: &[[T; 256]; 3], filler: T) {
        let pixels: Vec<u8> = (0..3 * 999u32).map(|i| (i * 37 + i / 512) as u8).collect();
        let order = [2, 1, 0];
        let by_table = PixelTables::new(tables, order).unwrap();
        // Planes of whole cache lines and others, at aligned addresses and others.
        for (plane, start) in
            [(999, 0), (992, 0), (992, 1), (960, 0), (960, 8), (64, 3), (63, 0), (8, 0), (1, 0)]
        {
            for level in SimdLevel::available() {
                let mut out = vec![filler; 3 * plane + 128];
                let start = out.as_ptr().align_offset(64) + start;
                let (before, rest) = out.split_at_mut(start);
                let (mapped, after) = rest.split_at_mut(3 * plane);
                let next = Upcoming::new(&pixels[plane..]);
                map_tensor(level, &pixels[..3 * plane], &by_table, mapped, next).unwrap();
                for (index, value) in mapped.iter().enumerate() {
                    let (channel, at) = (index / plane, index % plane);
                    let pixel = pixels[order[channel] * plane + at];
                    let expected = tables[channel][usize::from(pixel)];
                    assert_eq!(value.bytes(), expected.bytes(), "{level:?}, {plane}, {start}");
                }
                let untouched = before.iter().chain(&*after).all(|value| *value == filler);
                assert!(untouched, "{level:?}, {plane}, {start}");
            }
        }
        let refused =
            map_tensor(SimdLevel::PLAIN, &pixels, &by_table, &mut [filler; 5], Upcoming::default());
        assert_eq!(refused, Err(CodecError::TensorLength { expected: 2997, got: 5 }));
    }

    #[test]
    fn a_mapped_tensor_is_looked_up_pixel_by_pixel_at_every_simd_level() {
        let adds = std::array::from_fn(|pixel| pixel as f32 + -103.939f32);
        let scales = std::array::from_fn(|pixel| pixel as f32 / 127.5 - 1.0);
        // any bits at all, not-a-numbers and minus zero too
        let odd = std::array::from_fn(|pixel| f32::from_bits((pixel as u32) << 31 ^ 0x7fff_8001));
        check(&[adds, scales, odd], -7.0);
        check(&[adds, scales, odd].map(|table| table.map(f16::from_f32)), f16::from_f32(-7.0));
        check(&[adds, scales, odd].map(|table| table.map(bf16::from_f32)), bf16::from_f32(-7.0));
        let every_byte = |pixel: usize| ((pixel * 0x0101) ^ 0x5a00) as u16;
        let halves = std::array::from_fn(|pixel| f16::from_bits(every_byte(pixel) & 0x3bff));
        check(&[halves; 3], f16::from_f32(-7.0));
    }
}
