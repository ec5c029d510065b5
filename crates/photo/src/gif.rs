//! GIF: the first frame on its canvas, as Pillow shows it.
//!
//! The canvas grows where the frame reaches beyond it. Outside the frame it is the transparent colour of the frame, else colour 0.
//! A transparent pixel has the colour that its palette entry names, since alpha is dropped. Without a palette, or with one that is
//! nothing but a grey ramp, a pixel is its own grey; colours beyond a palette are black. (Pillow takes the colours of the screen for a
//! frame whose own palette is such a ramp; here the frame's own ones count.) Bytes between blocks that begin no block
//! are skipped, and nothing after the first frame is looked at.
//!
//! Blocks are read here, the frame's pixels by the crate `gif`.

use std::io::{Cursor, Read};

use gif::{DecodeOptions, DecodingError};

use super::error::DecodeError;
use super::guard::guard;
use super::limits::{DecodeLimits, Probe, check_pixels};
use super::rest::Rest;
use super::sink::STRIP_BYTES;
use tcolz_pixels::RowSink;
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};

const FORMAT: SourceFormat = SourceFormat::Gif;

/// What the LZW decoder and its buffers need.
const LZW_BYTES: u64 = 256 * 1024;

const EXTENSION: u8 = b'!';
const GRAPHIC_CONTROL: u8 = 0xF9;
const IMAGE: u8 = b',';
const TRAILER: u8 = b';';

/// The first frame's place, colours and compressed pixels.
struct FirstFrame<'data> {
    canvas: (u32, u32),
    left: usize,
    top: usize,
    width: u16,
    height: u16,
    interlaced: bool,
    /// Index of the colour outside the frame.
    outside: u8,
    palette: [[u8; 3]; 256],
    /// From the code size on.
    pixels: Rest<'data>,
}

/// Decodes the first frame. `strip` is scratch space.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
    strip: &mut Vec<u8>,
    sink: &mut dyn RowSink,
) -> Result<PhotoInfo, DecodeError> {
    let frame = open(bytes, limits)?;
    let indices = frame.indices()?;
    let frame_width = usize::from(frame.width);

    let (width, height) = frame.canvas;
    sink.start(width, height);
    let outside = frame.palette[usize::from(frame.outside)];
    let rows_a_strip = (STRIP_BYTES / (width as usize * 3)).max(1);
    for first_row in (0..height as usize).step_by(rows_a_strip) {
        strip.clear();
        for row in first_row..(first_row + rows_a_strip).min(height as usize) {
            let row_start = strip.len();
            strip.extend(std::iter::repeat_n(outside, width as usize).flatten());
            if let Some(frame_row) =
                row.checked_sub(frame.top).filter(|&row| row < frame.height.into())
            {
                let source = &indices[frame_row * frame_width..][..frame_width];
                let target = &mut strip[row_start + frame.left * 3..];
                for (pixel, &index) in target.chunks_exact_mut(3).zip(source) {
                    pixel.copy_from_slice(&frame.palette[usize::from(index)]);
                }
            }
        }
        sink.rows(first_row as u32, strip);
    }

    Ok(PhotoInfo {
        format: FORMAT,
        progressive: frame.interlaced,
        width,
        height,
        jpeg_quality: None,
        exif_orientation: None,
        recovered_share: 1.0,
    })
}

/// What the header and the first frame's descriptor tell.
pub(super) fn probe(bytes: &[u8], limits: &DecodeLimits) -> Result<Probe, DecodeError> {
    let frame = open(bytes, limits)?;
    let (width, height) = frame.canvas;
    let strip_bytes = u64::from(width) * 3 + STRIP_BYTES as u64;
    Ok(Probe {
        format: FORMAT,
        width,
        height,
        progressive: frame.interlaced,
        peak_bytes: frame.pixel_count() as u64 + 2 * strip_bytes + LZW_BYTES,
    })
}

/// Reads up to the pixels of the first frame.
fn open<'data>(
    bytes: &'data [u8],
    limits: &DecodeLimits,
) -> Result<FirstFrame<'data>, DecodeError> {
    let mut rest = Rest::new(FORMAT, bytes);
    rest.take(6)?;
    let (screen_width, screen_height) = (rest.u16()?, rest.u16()?);
    let [flags, _background, _aspect] = rest.array()?;
    let mut colours = palette(&mut rest, flags)?;
    let mut transparent = None;
    loop {
        match rest.u8()? {
            EXTENSION => {
                let label = rest.u8()?;
                while let block @ [_, ..] = sub_block(&mut rest)? {
                    if let (GRAPHIC_CONTROL, [flags, _, _, index, ..]) = (label, block)
                        && flags & 1 != 0
                    {
                        transparent = Some(*index);
                    }
                }
            }
            IMAGE => break,
            TRAILER => {
                let reason = "an end before any frame".to_owned();
                return Err(DecodeError::Corrupt { format: FORMAT, reason });
            }
            _ => {}
        }
    }
    let [left, top, width, height] = [rest.u16()?, rest.u16()?, rest.u16()?, rest.u16()?];
    let flags = rest.u8()?;
    colours = palette(&mut rest, flags)?.or(colours);

    let reach = |screen: u16, offset: u16, side: u16| {
        u32::from(screen).max(u32::from(offset) + u32::from(side))
    };
    let canvas = (reach(screen_width, left, width), reach(screen_height, top, height));
    check_pixels(FORMAT, canvas.0, canvas.1, limits)?;
    check_pixels(FORMAT, width.into(), height.into(), limits)?;
    Ok(FirstFrame {
        canvas,
        left: left.into(),
        top: top.into(),
        width,
        height,
        interlaced: flags & 0x40 != 0,
        outside: transparent.unwrap_or(0),
        palette: all_colours(colours.unwrap_or_default()),
        pixels: rest,
    })
}

/// The palette that the flags of a screen or a frame announce.
fn palette<'data>(
    rest: &mut Rest<'data>,
    flags: u8,
) -> Result<Option<&'data [[u8; 3]]>, DecodeError> {
    if flags & 0x80 == 0 {
        return Ok(None);
    }
    let colours = 2 << (flags & 7);
    Ok(Some(rest.take(colours * 3)?.as_chunks().0))
}

/// The colour of every index that a pixel can have.
fn all_colours(palette: &[[u8; 3]]) -> [[u8; 3]; 256] {
    let grey = std::array::from_fn(|index| [index as u8; 3]);
    if grey.starts_with(palette) {
        return grey;
    }
    std::array::from_fn(|index| palette.get(index).copied().unwrap_or_default())
}

/// The next block of at most 255 bytes; an empty one ends a sequence.
fn sub_block<'data>(rest: &mut Rest<'data>) -> Result<&'data [u8], DecodeError> {
    let length = rest.u8()?;
    rest.take(length.into())
}

impl FirstFrame<'_> {
    fn pixel_count(&self) -> usize {
        usize::from(self.width) * usize::from(self.height)
    }

    /// Decodes the frame to places in its palette, row by row from the top.
    fn indices(&self) -> Result<Vec<u8>, DecodeError> {
        let mut indices = vec![0; self.pixel_count()];
        let decoded = guard(FORMAT, || {
            let file = Cursor::new(self.canonical_head()).chain(self.pixels.all());
            let mut decoder = DecodeOptions::new().read_info(file).map_err(in_words)?;
            decoder.next_frame_info().map_err(in_words)?;
            decoder.read_into_buffer(&mut indices).map_err(in_words)
        });
        match decoded {
            Ok(()) => Ok(indices),
            Err(error @ (DecodeError::DecoderFailed { .. } | DecodeError::OutOfMemory { .. })) => {
                Err(error)
            }
            // What the crate says of a file that ends too early depends on where it ends.
            Err(error) => {
                let mut rest = self.pixels.clone();
                rest.u8()?;
                while !sub_block(&mut rest)?.is_empty() {}
                Err(error)
            }
        }
    }

    /// A file of this frame alone, up to its pixels; the crate wants a palette, and nothing of it reaches the pixels.
    fn canonical_head(&self) -> Vec<u8> {
        let [width, height] = [self.width, self.height].map(u16::to_le_bytes);
        let interlaced = if self.interlaced { 0x40 } else { 0 };
        let parts: [&[u8]; 9] = [
            b"GIF89a",
            &width,
            &height,
            &[0x80, 0, 0],
            &[0; 6],
            &[IMAGE, 0, 0, 0, 0],
            &width,
            &height,
            &[interlaced],
        ];
        parts.concat()
    }
}

fn in_words(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::OutOfMemory => DecodeError::OutOfMemory { format: FORMAT },
        error => DecodeError::Corrupt { format: FORMAT, reason: error.to_string() },
    }
}
