//! From a file's bytes to its rows: the format is told by the first bytes, and its module does the rest.

use tcolz_pixels::file_kind::{FIRST_BYTES, FileKind};
use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};
use tcolz_pixels::{RgbImage, RowSink};

use super::error::DecodeError;
use super::jpeg::ScaleTo;
use super::limits::{DecodeLimits, Probe};
use super::{bmp, exif, gif, jpeg, png, sink, webp};

/// A recycled buffer larger than this is given back after the file that needed it.
const KEPT_BUFFER_BYTES: usize = 1024 * 1024;

/// Reads the header only.
///
/// # Errors
/// As [`Decoder::decode`], as far as the header shows it: the pixels may still turn out to be corrupt.
pub fn probe(bytes: &[u8], limits: &DecodeLimits) -> Result<Probe, DecodeError> {
    match sniff(bytes)? {
        SourceFormat::Jpeg => jpeg::probe(bytes, limits),
        SourceFormat::Png => png::probe(bytes, limits),
        SourceFormat::Gif => gif::probe(bytes, limits),
        SourceFormat::Webp => webp::probe(bytes, limits),
        SourceFormat::Bmp => bmp::probe(bytes, limits),
    }
}

/// The EXIF orientation (1–8) of a JPEG, PNG or WebP that has one in its header.
pub fn orientation(bytes: &[u8]) -> Option<u8> {
    match sniff(bytes).ok()? {
        SourceFormat::Jpeg => exif::jpeg_orientation(bytes),
        SourceFormat::Png => png::orientation(bytes),
        SourceFormat::Webp => webp::orientation(bytes),
        SourceFormat::Gif | SourceFormat::Bmp => None,
    }
}

/// Decodes files one after the other and recycles its buffers; one for each worker thread.
///
/// Every file is decoded as if it were the first: no error of one file reaches the next.
#[derive(Debug)]
pub struct Decoder {
    limits: DecodeLimits,
    strip: Vec<u8>,
}

impl Decoder {
    /// A decoder that refuses what is beyond `limits`.
    pub fn new(limits: DecodeLimits) -> Decoder {
        Decoder { limits, strip: Vec::new() }
    }

    /// Decodes one file and gives its rows to `sink`.
    ///
    /// # Errors
    /// Any file that gives no photo, with the reason; the sink may have received some rows by then. A truncated JPEG that gives at
    /// least its first rows is no error: see [`PhotoInfo::recovered_share`].
    pub fn decode(
        &mut self,
        bytes: &[u8],
        scale: Option<ScaleTo>,
        sink: &mut dyn RowSink,
    ) -> Result<PhotoInfo, DecodeError> {
        let Decoder { limits, strip } = self;
        let result = match sniff(bytes)? {
            SourceFormat::Jpeg => jpeg::decode(bytes, limits, scale, strip, sink),
            SourceFormat::Png => png::decode(bytes, limits, strip, sink),
            SourceFormat::Gif => gif::decode(bytes, limits, strip, sink),
            SourceFormat::Webp => webp::decode(bytes, limits, strip, sink),
            SourceFormat::Bmp => bmp::decode(bytes, limits, strip, sink),
        };
        if strip.capacity() > KEPT_BUFFER_BYTES {
            *strip = Vec::new();
        }
        result
    }
}

impl Decoder {
    /// As [`Decoder::decode`], with the picture turned upright by its EXIF [`orientation`]. One that must be turned is held whole.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn decode_upright(
        &mut self,
        bytes: &[u8],
        scale: Option<ScaleTo>,
        sink: &mut dyn RowSink,
    ) -> Result<PhotoInfo, DecodeError> {
        let Some(orientation) = orientation(bytes).filter(|&orientation| orientation > 1) else {
            return self.decode(bytes, scale, sink);
        };
        let mut image = RgbImage::new();
        let info = self.decode(bytes, scale, &mut image)?;
        sink::give_upright(sink, &mut self.strip, &image, orientation);
        Ok(info)
    }
}

/// The format that the first bytes stand for.
fn sniff(bytes: &[u8]) -> Result<SourceFormat, DecodeError> {
    let first = &bytes[..bytes.len().min(FIRST_BYTES)];
    match FileKind::of(first) {
        _ if bytes.is_empty() => Err(DecodeError::Empty),
        Some(FileKind::Photo(format)) => Ok(format),
        found => {
            let first_bytes = first[..first.len().min(8)].to_vec();
            Err(DecodeError::UnknownFormat { first_bytes, found })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        assert_eq!(sniff(b""), Err(DecodeError::Empty));
        assert_eq!(sniff(b"GIF89a"), Ok(SourceFormat::Gif));
        assert_eq!(sniff(b"RIFF\x10\0\0\0WEBPVP8 "), Ok(SourceFormat::Webp));
        assert_eq!(sniff(&[0xFF, 0xD8, 0xFF, 0xE0]), Ok(SourceFormat::Jpeg));
        let page = sniff(b"<!DOCTYPE html>");
        let found = Some(FileKind::Other("web page"));
        let first_bytes = b"<!DOCTYP".to_vec();
        assert_eq!(page, Err(DecodeError::UnknownFormat { first_bytes, found }));
    }
}
