//! The chunks of a PNG, read as leniently as Pillow reads them, and handed to the crate `png` in canonical form.
//!
//! What Pillow makes of files that break the rules, and so do we:
//! - chunks that are not needed may be broken, doubled, misplaced or unknown; of several palettes the last one before the pixels counts;
//! - a palette may be short: the colours beyond it are black; bytes that make no whole colour are ignored;
//! - checksums of pixels are not looked at, nor what follows the pixels.
//!
//! One thing differs: Pillow refuses a file for a wrong checksum of any chunk before the pixels, here only the header and the palette
//! need a right one.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

use super::error::DecodeError;
use super::limits::{DecodeLimits, check_pixels};
use super::rest::Rest;

use tcolz_pixels::photo_info::SourceFormat;

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

/// The value of a header's colour byte for pixels that are places in a palette.
const INDEXED: u8 = 3;
/// Bytes of a palette of all the colours that a pixel can name.
const PALETTE_BYTES: usize = 256 * 3;
/// Bytes of a chunk beside its data: length, kind, checksum.
const FRAME_BYTES: usize = 12;

/// What stands before the pixels.
pub(super) struct Head<'data> {
    /// Width, height, bits, colour, compression, filter, interlacing.
    header: [u8; 13],
    palette: &'data [u8],
    pub(super) exif: Option<&'data [u8]>,
}

impl<'data> Head<'data> {
    /// Reads up to the first chunk of pixels, and no further than a header of too many.
    pub(super) fn read(
        rest: &mut Rest<'data>,
        limits: &DecodeLimits,
    ) -> Result<Head<'data>, DecodeError> {
        let (mut header, mut palette, mut exif) = (None, &[][..], None);
        loop {
            let mut next = rest.clone();
            let length = u32::from_be_bytes(next.array()?) as usize;
            let kind: [u8; 4] = next.array()?;
            match &kind {
                b"IDAT" => break,
                b"IEND" => return Err(corrupt("no pixels")),
                kind if !kind.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') => {
                    return Err(corrupt("something that is no chunk"));
                }
                _ => {}
            }
            let data = next.take(length)?;
            let checksum = u32::from_be_bytes(next.array()?);
            *rest = next;
            match &kind {
                b"CgBI" => {
                    let reason = "what Xcode makes of a PNG for iOS (CgBI)".to_owned();
                    return Err(DecodeError::Unsupported { format: SourceFormat::Png, reason });
                }
                b"IHDR" | b"PLTE" if crc(&[&kind, data]) != checksum => {
                    return Err(corrupt("a wrong checksum of its header or palette"));
                }
                b"IHDR" => {
                    let bytes = data.first_chunk().ok_or_else(|| corrupt("a short header"))?;
                    let (width, height) = size(bytes);
                    check_pixels(SourceFormat::Png, width, height, limits)?;
                    header = Some(*bytes);
                }
                b"PLTE" => palette = data,
                b"eXIf" => exif = Some(data),
                _ => {}
            }
        }
        let header = header.ok_or_else(|| corrupt("pixels before the header"))?;
        Ok(Head { header, palette, exif })
    }

    /// Signature, header and, where pixels are places in one, a palette of 256 colours: no pixel lies outside it.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let mut header = self.header;
        header[10] = 0; // There is one way of compression.
        header[12] = u8::from(header[12] != 0);
        let mut bytes = SIGNATURE.to_vec();
        append(&mut bytes, b"IHDR", &header);
        if header[9] == INDEXED {
            let mut palette = [0; PALETTE_BYTES];
            let colours = self.palette.as_chunks::<3>().0.as_flattened();
            let length = colours.len().min(PALETTE_BYTES);
            palette[..length].copy_from_slice(&colours[..length]);
            append(&mut bytes, b"PLTE", &palette);
        }
        bytes
    }
}

/// Width and height in pixels.
fn size(&[a, b, c, d, e, f, g, h, ..]: &[u8; 13]) -> (u32, u32) {
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

/// A canonical head, the chunks of pixels as they stand in the file, and an end.
pub(super) struct Stream<'data> {
    pub(super) head: Cursor<Vec<u8>>,
    /// From the next chunk on.
    pub(super) pixels: Rest<'data>,
    /// What is left of the chunk of pixels being read, with its frame.
    pub(super) chunk: &'data [u8],
}

impl Stream<'_> {
    /// Goes on to the next chunk of pixels. Where there is none the stream ends, in order if the file goes on.
    fn advance(&mut self) {
        let mut next = self.pixels.clone();
        let (Ok(length), Ok(kind)) = (next.array(), next.array::<4>()) else { return };
        if &kind == b"IDAT" {
            let whole = (u32::from_be_bytes(length) as usize).saturating_add(FRAME_BYTES);
            let all = self.pixels.all();
            self.chunk = &all[..whole.min(all.len())];
            let _ = self.pixels.take(self.chunk.len());
        } else {
            let mut end = Vec::new();
            append(&mut end, b"IEND", &[]);
            self.head = Cursor::new(end);
            let _ = self.pixels.take(self.pixels.all().len());
        }
    }
}

impl BufRead for Stream<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.head.fill_buf()?.is_empty() && self.chunk.is_empty() {
            self.advance();
        }
        let head = self.head.fill_buf()?;
        Ok(if head.is_empty() { self.chunk } else { head })
    }

    fn consume(&mut self, count: usize) {
        if self.head.fill_buf().is_ok_and(<[u8]>::is_empty) {
            self.chunk = &self.chunk[count..];
        } else {
            self.head.consume(count);
        }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// The crate asks for it and does not use it.
impl Seek for Stream<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn append(bytes: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    bytes.extend((data.len() as u32).to_be_bytes());
    bytes.extend(kind);
    bytes.extend(data);
    bytes.extend(crc(&[kind, data]).to_be_bytes());
}

/// CRC-32 of a chunk's kind and data (PNG, annex D), for the few bytes of a header and a palette.
fn crc(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().copied().flatten();
    !bytes.fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn corrupt(reason: &str) -> DecodeError {
    DecodeError::Corrupt { format: SourceFormat::Png, reason: reason.to_owned() }
}
