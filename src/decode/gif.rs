//! GIF: the first frame on its canvas, as Pillow shows it.
//!
//! The canvas grows where the frame reaches beyond it. Outside the frame it is the transparent colour of the frame, else colour 0.
//! A transparent pixel has the colour that its palette entry names, since alpha is dropped.

use std::io::Cursor;

use gif::{DecodeOptions, Decoder, DecodingError};

use super::sink::STRIP_BYTES;
use super::{DecodeError, DecodeLimits, Probe, RowSink, check_pixels, guard};
use crate::sample::{PhotoInfo, SourceFormat};

const FORMAT: SourceFormat = SourceFormat::Gif;

/// What the LZW decoder and the file's extensions need.
const LZW_BYTES: u64 = 256 * 1024;

type FrameDecoder<'data> = Decoder<Cursor<&'data [u8]>>;

/// The first frame's place and colours.
struct FirstFrame {
    canvas: (u32, u32),
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    interlaced: bool,
    /// Index of the colour outside the frame.
    outside: u8,
    palette: [[u8; 3]; 256],
}

/// Decodes the first frame. `strip` is scratch space.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
    strip: &mut Vec<u8>,
    sink: &mut dyn RowSink,
) -> Result<PhotoInfo, DecodeError> {
    let (mut decoder, frame) = open(bytes, limits)?;
    let mut indices = vec![0; frame.width * frame.height];
    guard(FORMAT, || decoder.read_into_buffer(&mut indices).map_err(in_words))?;

    let (width, height) = frame.canvas;
    sink.start(width, height);
    let outside = frame.palette[usize::from(frame.outside)];
    let rows_a_strip = (STRIP_BYTES / (width as usize * 3)).max(1);
    for first_row in (0..height as usize).step_by(rows_a_strip) {
        strip.clear();
        for row in first_row..(first_row + rows_a_strip).min(height as usize) {
            let row_start = strip.len();
            strip.extend(std::iter::repeat_n(outside, width as usize).flatten());
            if let Some(frame_row) = row.checked_sub(frame.top).filter(|&row| row < frame.height) {
                let source = &indices[frame_row * frame.width..][..frame.width];
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
    let (_, frame) = open(bytes, limits)?;
    let (width, height) = frame.canvas;
    let strip_bytes = u64::from(width) * 3 + STRIP_BYTES as u64;
    Ok(Probe {
        format: FORMAT,
        width,
        height,
        progressive: frame.interlaced,
        peak_bytes: (frame.width * frame.height) as u64 + 2 * strip_bytes + LZW_BYTES,
    })
}

/// Reads up to the pixels of the first frame.
fn open<'data>(
    bytes: &'data [u8],
    limits: &DecodeLimits,
) -> Result<(FrameDecoder<'data>, FirstFrame), DecodeError> {
    guard(FORMAT, || {
        let mut decoder = DecodeOptions::new().read_info(Cursor::new(bytes)).map_err(in_words)?;
        let (screen_width, screen_height) = (decoder.width(), decoder.height());
        let global_palette = decoder.global_palette().map(<[u8]>::to_vec);
        let frame = decoder.next_frame_info().map_err(in_words)?.ok_or_else(|| {
            let reason = "no frame".to_owned();
            DecodeError::Truncated { format: FORMAT, reason }
        })?;
        let reach = |screen: u16, offset: u16, side: u16| {
            u32::from(screen).max(u32::from(offset) + u32::from(side))
        };
        let canvas = (
            reach(screen_width, frame.left, frame.width),
            reach(screen_height, frame.top, frame.height),
        );
        check_pixels(FORMAT, canvas.0, canvas.1, limits)?;
        check_pixels(FORMAT, frame.width.into(), frame.height.into(), limits)?;
        let colours = frame.palette.as_deref().or(global_palette.as_deref()).unwrap_or_default();
        let mut palette = [[0; 3]; 256];
        for (entry, colour) in palette.iter_mut().zip(colours.chunks_exact(3)) {
            entry.copy_from_slice(colour);
        }
        let frame = FirstFrame {
            canvas,
            left: frame.left.into(),
            top: frame.top.into(),
            width: frame.width.into(),
            height: frame.height.into(),
            interlaced: frame.interlaced,
            outside: frame.transparent.unwrap_or(0),
            palette,
        };
        Ok((decoder, frame))
    })
}

fn in_words(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            DecodeError::Truncated { format: FORMAT, reason: error.to_string() }
        }
        DecodingError::OutOfMemory => DecodeError::OutOfMemory { format: FORMAT },
        error => DecodeError::Corrupt { format: FORMAT, reason: error.to_string() },
    }
}
