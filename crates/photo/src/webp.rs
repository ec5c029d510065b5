//! WebP: the first frame, in black where it does not cover its canvas, as Pillow shows it. Alpha is dropped and not composited.
//!
//! The file's chunks are read here, the frame's pixels by the crate `image`. Unlike Pillow, which needs the whole file, this needs
//! the first frame only; neither its alpha nor what follows it is looked at, but for the orientation.

use std::borrow::Cow;
use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder, ImageError, Limits};

use super::error::DecodeError;
use super::exif;
use super::guard::guard;
use super::limits::{DecodeLimits, Probe, check_pixels};
use super::rest::Rest;
use super::sink::give_image;
use tcolz_pixels::RowSink;
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};

const FORMAT: SourceFormat = SourceFormat::Webp;

/// Bytes that the decoder holds for each pixel at its peak beside the decoded frame: planes, a copy.
const WORKING_BYTES_A_PIXEL: u64 = 8;

/// What it needs for a picture of no size: Huffman tables and the like.
const FIXED_BYTES: u64 = 1024 * 1024;

/// The first frame and where it lies on its canvas.
struct FirstFrame<'data> {
    /// Only where there is more of it than the frame.
    canvas: Option<(u32, u32)>,
    left: u32,
    top: u32,
    /// The frame as a file of its own.
    file: Cow<'data, [u8]>,
    exif: Option<&'data [u8]>,
}

/// A piece of the file: what it is and its bytes.
type Chunk<'data> = ([u8; 4], &'data [u8]);

/// Decodes the first frame. `strip` is scratch space.
pub(super) fn decode(
    bytes: &[u8],
    limits: &DecodeLimits,
    strip: &mut Vec<u8>,
    sink: &mut dyn RowSink,
) -> Result<PhotoInfo, DecodeError> {
    let frame = FirstFrame::find(bytes)?;
    let (decoder, canvas) = frame.open(limits)?;
    let size = decoder.dimensions();
    let channels = channels(&decoder)?;
    let row_bytes = size.0 as usize * channels;
    let mut pixels = vec![0; row_bytes * size.1 as usize];
    guard(FORMAT, || decoder.read_image(&mut pixels).map_err(in_words))?;

    let (width, height) = canvas;
    if size == canvas {
        give_image(sink, strip, canvas, channels, &pixels);
    } else {
        let mut whole = vec![0; width as usize * height as usize * 3];
        let rows = whole.chunks_exact_mut(width as usize * 3).skip(frame.top as usize);
        for (row, source) in rows.zip(pixels.chunks_exact(row_bytes)) {
            let target = row[frame.left as usize * 3..].chunks_exact_mut(3);
            for (pixel, source) in target.zip(source.chunks_exact(channels)) {
                pixel.copy_from_slice(&source[..3]);
            }
        }
        give_image(sink, strip, canvas, 3, &whole);
    }
    Ok(PhotoInfo {
        format: FORMAT,
        progressive: false,
        width,
        height,
        jpeg_quality: None,
        exif_orientation: frame.exif.and_then(exif::orientation),
        recovered_share: 1.0,
    })
}

/// The EXIF orientation.
pub(super) fn orientation(bytes: &[u8]) -> Option<u8> {
    FirstFrame::find(bytes).ok()?.exif.and_then(exif::orientation)
}

/// What the headers tell.
pub(super) fn probe(bytes: &[u8], limits: &DecodeLimits) -> Result<Probe, DecodeError> {
    let frame = FirstFrame::find(bytes)?;
    let (decoder, canvas) = frame.open(limits)?;
    let bytes_a_pixel = channels(&decoder)? as u64 + WORKING_BYTES_A_PIXEL;
    let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    let canvas_bytes = if decoder.dimensions() == canvas { 0 } else { pixels(canvas) * 3 };
    let file_bytes = frame.file.len() as u64;
    Ok(Probe {
        format: FORMAT,
        width: canvas.0,
        height: canvas.1,
        progressive: false,
        peak_bytes: pixels(decoder.dimensions()) * bytes_a_pixel
            + canvas_bytes
            + file_bytes
            + FIXED_BYTES,
    })
}

impl<'data> FirstFrame<'data> {
    fn find(bytes: &'data [u8]) -> Result<Self, DecodeError> {
        let mut rest = Rest::new(FORMAT, bytes);
        rest.take(12)?;
        let first @ (kind, data) = chunk(&mut rest)?;
        let mut frame =
            FirstFrame { canvas: None, left: 0, top: 0, file: Cow::Borrowed(bytes), exif: None };
        match &kind {
            _ if is_picture(first) => {}
            b"VP8X" => frame.find_extended(data, &mut rest)?,
            _ => return Err(corrupt("neither a picture nor a header as its first chunk")),
        }
        Ok(frame)
    }

    /// Finds the first frame and the orientation behind a header with these bytes.
    fn find_extended(&mut self, header: &[u8], rest: &mut Rest<'data>) -> Result<(), DecodeError> {
        let [flags, _, _, _, a, b, c, d, e, f, ..] = *header else {
            return Err(corrupt("a short header"));
        };
        let animated = flags & 2 != 0;
        self.canvas = Some((number(a, b, c) + 1, number(d, e, f) + 1));
        let picture = loop {
            match chunk(rest)? {
                (kind, data) if animated && &kind == b"ANMF" => {
                    let [a, b, c, d, e, f, ..] = *data else {
                        return Err(corrupt("a short frame"));
                    };
                    (self.left, self.top) = (number(a, b, c) * 2, number(d, e, f) * 2);
                    let mut parts = Rest::new(FORMAT, data.get(16..).unwrap_or_default());
                    let mut parts = std::iter::from_fn(|| chunk(&mut parts).ok());
                    let picture = parts.find(|part| is_picture(*part));
                    break picture.ok_or_else(|| corrupt("a frame without a picture"))?;
                }
                picture if !animated && is_picture(picture) => break picture,
                (kind, data) if &kind == b"EXIF" => self.exif = Some(data),
                _ => {}
            }
        };
        self.file = Cow::Owned(file_of(picture));
        while let (None, Ok((kind, data))) = (self.exif, chunk(rest)) {
            self.exif = (&kind == b"EXIF").then_some(data);
        }
        Ok(())
    }

    /// A decoder of the frame, and the size of its canvas.
    fn open(&self, limits: &DecodeLimits) -> Result<(Decoder<'_>, (u32, u32)), DecodeError> {
        let mut decoder =
            guard(FORMAT, || WebPDecoder::new(Cursor::new(&*self.file)).map_err(in_words))?;
        let (width, height) = decoder.dimensions();
        let canvas = self.canvas.unwrap_or((width, height));
        check_pixels(FORMAT, width, height, limits)?;
        check_pixels(FORMAT, canvas.0, canvas.1, limits)?;
        if self.left + width > canvas.0 || self.top + height > canvas.1 {
            return Err(corrupt("a frame that reaches beyond its canvas"));
        }
        let mut memory = Limits::default();
        let bytes_a_pixel = 4 + WORKING_BYTES_A_PIXEL;
        memory.max_alloc = Some(limits.max_pixels.saturating_mul(bytes_a_pixel) + FIXED_BYTES);
        guard(FORMAT, || decoder.set_limits(memory).map_err(in_words))?;
        Ok((decoder, canvas))
    }
}

type Decoder<'data> = WebPDecoder<Cursor<&'data [u8]>>;

/// The next chunk. A byte that makes its length even follows it, but for the last one of some files.
fn chunk<'data>(rest: &mut Rest<'data>) -> Result<Chunk<'data>, DecodeError> {
    let kind = rest.array()?;
    let length = rest.u32()? as usize;
    let data = rest.take(length)?;
    if length % 2 == 1 && !rest.all().is_empty() {
        rest.take(1)?;
    }
    Ok((kind, data))
}

fn is_picture((kind, _): Chunk<'_>) -> bool {
    matches!(&kind, b"VP8 " | b"VP8L")
}

/// A file that holds this picture and nothing else.
fn file_of((kind, data): Chunk<'_>) -> Vec<u8> {
    let length = (data.len() as u32).to_le_bytes();
    let whole = (data.len() as u32 + 12).to_le_bytes();
    [&b"RIFF"[..], &whole, b"WEBP", &kind, &length, data].concat()
}

/// A number of three bytes.
fn number(low: u8, middle: u8, high: u8) -> u32 {
    u32::from_le_bytes([low, middle, high, 0])
}

fn channels(decoder: &Decoder<'_>) -> Result<usize, DecodeError> {
    match decoder.color_type() {
        ColorType::Rgb8 => Ok(3),
        ColorType::Rgba8 => Ok(4),
        other => {
            let reason = format!("pixels of kind {other:?}");
            Err(DecodeError::Unsupported { format: FORMAT, reason })
        }
    }
}

fn corrupt(reason: &str) -> DecodeError {
    DecodeError::Corrupt { format: FORMAT, reason: reason.to_owned() }
}

fn in_words(error: ImageError) -> DecodeError {
    match error {
        ImageError::Unsupported(error) => {
            DecodeError::Unsupported { format: FORMAT, reason: error.to_string() }
        }
        error => DecodeError::Corrupt { format: FORMAT, reason: error.to_string() },
    }
}
