//! BMP of every kind that Pillow reads, row by row, with its pixels: fields of fewer than 8 bits are `value · 255 / most`, cut off.
//!
//! Where Pillow goes wrong, this does what the format says. In run-length coded files: places that are skipped ("delta") and rows that
//! are left out have colour 0, as has what follows an early end; literal runs may have an odd number of 4-bit pixels. Elsewhere: a
//! palette of 4-bit pixels may be a grey ramp, one of 8-bit pixels black and white alone. Colours beyond a short palette are black.
//! Fields that Pillow does not know are read too.

use std::borrow::Cow;

use super::error::DecodeError;
use super::limits::{DecodeLimits, Probe, check_pixels};
use super::rest::Rest;
use super::sink::STRIP_BYTES;
use tcolz_pixels::RowSink;
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};

const FORMAT: SourceFormat = SourceFormat::Bmp;

/// Length of the oldest header, whose sides have two bytes and whose palette has three a colour.
const CORE_HEADER_BYTES: u32 = 12;
/// Lengths of the headers that begin alike: Windows' (40, then versions 2 to 5) and that of OS/2 2 (64).
const HEADERS: [u32; 6] = [40, 52, 56, 64, 108, 124];

/// Masks of red, green and blue, a byte each.
const EIGHT_BITS_EACH: [u32; 3] = [0xFF_0000, 0xFF00, 0xFF];

/// What stands before the pixels.
struct Head<'data> {
    width: u32,
    height: u32,
    top_down: bool,
    bits: usize,
    coding: Coding,
    palette: [[u8; 3]; 256],
    /// From the pixels on.
    pixels: Rest<'data>,
}

/// How pixels are stored.
#[derive(Clone, Copy)]
enum Coding {
    /// Places in the palette, rows padded to four bytes.
    Indexed,
    /// Red, green, blue as fields of a number, rows padded to four bytes.
    Fields([Field; 3]),
    /// Runs of places in the palette.
    Runs,
}

impl Coding {
    /// Of the masks of red, green and blue.
    fn of_masks(masks: [u32; 3]) -> Result<Coding, DecodeError> {
        let [red, green, blue] = masks;
        let apart = red & green == 0 && red & blue == 0 && green & blue == 0;
        match masks.map(Field::of_mask) {
            [Some(red), Some(green), Some(blue)] if apart => Ok(Coding::Fields([red, green, blue])),
            _ => Err(unsupported(format!("colours with the masks {masks:x?}"))),
        }
    }
}

/// A colour's bits in a pixel.
#[derive(Clone, Copy)]
struct Field {
    shift: u32,
    /// The largest value, at least 1.
    most: u32,
}

impl Field {
    /// `None` for a mask without bits, or whose bits do not lie side by side.
    fn of_mask(mask: u32) -> Option<Field> {
        let shift = mask.trailing_zeros();
        let most = mask.checked_shr(shift)?;
        (most & most.wrapping_add(1) == 0).then_some(Field { shift, most })
    }

    fn level(self, pixel: u32) -> u8 {
        let value = (pixel >> self.shift) & self.most;
        match self.most {
            255 => value as u8,
            most => (u64::from(value) * 255 / u64::from(most)) as u8,
        }
    }
}

/// Decodes one BMP. `strip` is scratch space.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
    strip: &mut Vec<u8>,
    sink: &mut dyn RowSink,
) -> Result<PhotoInfo, DecodeError> {
    let head = Head::read(bytes, limits)?;
    let (width, height) = (head.width as usize, head.height as usize);
    let rows = head.rows()?;
    sink.start(head.width, head.height);
    let rows_a_strip = (STRIP_BYTES / (width * 3)).max(1);
    for first_row in (0..height).step_by(rows_a_strip) {
        strip.clear();
        for row in first_row..(first_row + rows_a_strip).min(height) {
            let stored = if head.top_down { row } else { height - 1 - row };
            let row = &rows.bytes[stored * rows.stride..];
            let pixel = |at: usize| match rows.bits {
                bits @ ..8 => row[at * bits / 8] >> (8 - bits - at * bits % 8) & ((1 << bits) - 1),
                _ => row[at],
            };
            match (head.coding, rows.bits / 8) {
                (Coding::Fields(fields), bytes) => {
                    for pixel in row.chunks_exact(bytes).take(width) {
                        let pixel =
                            pixel.iter().rev().fold(0, |all, &byte| all << 8 | u32::from(byte));
                        strip.extend(fields.map(|field| field.level(pixel)));
                    }
                }
                _ => strip.extend((0..width).flat_map(|at| head.palette[usize::from(pixel(at))])),
            }
        }
        sink.rows(first_row as u32, strip);
    }
    Ok(PhotoInfo {
        format: FORMAT,
        progressive: false,
        width: head.width,
        height: head.height,
        jpeg_quality: None,
        exif_orientation: None,
        recovered_share: 1.0,
    })
}

/// What the header tells.
pub(super) fn probe(bytes: &[u8], limits: &DecodeLimits) -> Result<Probe, DecodeError> {
    let head = Head::read(bytes, limits)?;
    let unpacked_bytes = match head.coding {
        Coding::Runs => u64::from(head.width) * u64::from(head.height),
        _ => 0,
    };
    Ok(Probe {
        format: FORMAT,
        width: head.width,
        height: head.height,
        progressive: false,
        peak_bytes: unpacked_bytes + 2 * (u64::from(head.width) * 3 + STRIP_BYTES as u64),
    })
}

/// Rows in the order of the file, without run-length coding.
struct Rows<'data> {
    bytes: Cow<'data, [u8]>,
    /// Bytes from one row to the next.
    stride: usize,
    /// Bits a pixel: 1, 2, 4, 8, 16, 24 or 32.
    bits: usize,
}

impl<'data> Head<'data> {
    fn read(bytes: &'data [u8], limits: &DecodeLimits) -> Result<Head<'data>, DecodeError> {
        let mut rest = Rest::new(FORMAT, bytes);
        rest.take(10)?;
        let mut pixels_at = rest.u32()? as usize;
        let header_bytes = rest.u32()?;
        let core = header_bytes == CORE_HEADER_BYTES;
        if !core && !HEADERS.contains(&header_bytes) {
            return Err(unsupported(format!("a header of {header_bytes} bytes")));
        }
        let mut header = Rest::new(FORMAT, rest.take(header_bytes as usize - 4)?);
        let header_end = rest.at();
        let (width, height) = if core {
            (header.u16()?.into(), i32::from(header.u16()?))
        } else {
            (header.u32()?, header.u32()? as i32)
        };
        check_pixels(FORMAT, width, height.unsigned_abs(), limits)?;
        header.take(2)?; // planes
        let bits = header.u16()?;
        let (mut compression, mut colours) = (0, 0);
        if !core {
            compression = header.u32()?;
            header.take(12)?; // length of the pixels, dots a metre
            colours = header.u32()? as usize;
            header.take(4)?; // how many of them matter
        }
        let coding = match (compression, bits) {
            (0, 1 | 2 | 4 | 8) => Coding::Indexed,
            (1, 8) | (2, 4) => Coding::Runs,
            (0, 16) => Coding::of_masks([0x7C00, 0x3E0, 0x1F])?,
            (0, 24 | 32) => Coding::of_masks(EIGHT_BITS_EACH)?,
            (3, 16 | 24 | 32) => {
                // Behind a header of 40 bytes, inside a longer one.
                let masks = if header.all().is_empty() { &mut rest } else { &mut header };
                match [masks.u32()?, masks.u32()?, masks.u32()?] {
                    [0, 0, 0] => Coding::of_masks(EIGHT_BITS_EACH)?,
                    masks => Coding::of_masks(masks)?,
                }
            }
            _ => {
                let reason = format!("{bits} bits a pixel with compression {compression}");
                return Err(unsupported(reason));
            }
        };
        let mut palette = [[0; 3]; 256];
        if bits <= 8 {
            let count = if colours == 0 { 1 << bits } else { colours };
            let colour_bytes = if core { 3 } else { 4 };
            let stored = rest.all().chunks_exact(colour_bytes).take(count);
            for (colour, bgr) in palette.iter_mut().zip(stored.clone()) {
                *colour = [bgr[2], bgr[1], bgr[0]];
            }
            // Pixels are their own greys where the palette is nothing but a grey ramp, however short.
            let grey = std::array::from_fn(|index| [index as u8; 3]);
            if bits == 8 && stored.len() == count && grey.starts_with(&palette[..count.min(256)]) {
                palette = grey;
            }
            // Some writers forget the palette when they say where pixels begin, some say nothing.
            if pixels_at == header_end {
                pixels_at = pixels_at.saturating_add(count.saturating_mul(4));
            } else if pixels_at == 0 {
                pixels_at = header_end.saturating_add(count.saturating_mul(colour_bytes));
            }
        } else if pixels_at == 0 {
            pixels_at = rest.at();
        }
        Ok(Head {
            width,
            height: height.unsigned_abs(),
            top_down: height < 0,
            bits: bits.into(),
            coding,
            palette,
            pixels: Rest::from(FORMAT, bytes, pixels_at),
        })
    }

    fn rows(&self) -> Result<Rows<'data>, DecodeError> {
        let (width, height) = (self.width as usize, self.height as usize);
        if let Coding::Runs = self.coding {
            let bytes = Cow::Owned(self.unpacked()?);
            return Ok(Rows { bytes, stride: width, bits: 8 });
        }
        let row_bits = width * self.bits;
        let stride = row_bits.div_ceil(32) * 4;
        // The last row needs no padding.
        let bytes = self.pixels.clone().take(stride * (height - 1) + row_bits.div_ceil(8))?;
        Ok(Rows { bytes: Cow::Borrowed(bytes), stride, bits: self.bits })
    }

    /// Undoes run-length coding: places in the palette, one byte each, rows in the order of the file.
    fn unpacked(&self) -> Result<Vec<u8>, DecodeError> {
        const END_OF_ROW: u8 = 0;
        const END: u8 = 1;
        const DELTA: u8 = 2;

        let width = self.width as usize;
        let mut unpacked = vec![0; width * self.height as usize];
        let mut rest = self.pixels.clone();
        // Where the next pixel goes, and how many there were in its row.
        let (mut at, mut x) = (0, 0);
        while at < unpacked.len() {
            let nibble = |bytes: &[u8], pixel: usize| bytes[pixel / 2] >> (4 - pixel % 2 * 4) & 15;
            let put = |unpacked: &mut Vec<u8>, count: usize, value: &dyn Fn(usize) -> u8| {
                let target = unpacked[at..].iter_mut().take(count);
                target.enumerate().for_each(|(pixel, place)| *place = value(pixel));
            };
            match rest.array()? {
                [0, END_OF_ROW] => {
                    at = if x == 0 { at + width } else { at.next_multiple_of(width) };
                    x = 0;
                }
                [0, END] => break,
                [0, DELTA] => {
                    let [right, up] = rest.array()?.map(usize::from);
                    at += right + up * width;
                    x = at % width;
                }
                [0, count] => {
                    // Padded to an even number of bytes, of which the last ones may be missing where they name no pixel.
                    let bytes = (usize::from(count) * self.bits).div_ceil(16) * 2;
                    let count = usize::from(count).min(unpacked.len() - at);
                    let literal = rest.clone().take((count * self.bits).div_ceil(8))?;
                    rest.skip(bytes);
                    if self.bits == 4 {
                        put(&mut unpacked, count, &|pixel| nibble(literal, pixel));
                    } else {
                        put(&mut unpacked, count, &|pixel| literal[pixel]);
                    }
                    at += count;
                    x += count;
                }
                [count, value] => {
                    // A run ends with its row at the latest.
                    let count = usize::from(count).min(width.saturating_sub(x));
                    if self.bits == 4 {
                        put(&mut unpacked, count, &|pixel| nibble(&[value], pixel % 2));
                    } else {
                        put(&mut unpacked, count, &|_| value);
                    }
                    at += count;
                    x += count;
                }
            }
        }
        Ok(unpacked)
    }
}

fn unsupported(reason: String) -> DecodeError {
    DecodeError::Unsupported { format: FORMAT, reason }
}
