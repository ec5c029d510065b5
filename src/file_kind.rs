//! What a file is, told by its first bytes and never by its name.

use crate::sample::SourceFormat;

/// First bytes that are enough for [`FileKind::of`].
pub const FIRST_BYTES: usize = 512;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A photo that is decoded here.
    Photo(SourceFormat),
    /// A picture of a format that is not decoded here.
    OtherPicture(&'static str),
    /// Files packed into one.
    Archive(&'static str),
    /// Something else that has a name.
    Other(&'static str),
}

/// Bytes at the beginning of a file, and what it is.
const MAGIC: &[(&[u8], FileKind)] = &[
    (b"\xFF\xD8\xFF", FileKind::Photo(SourceFormat::Jpeg)),
    (b"\x89PNG\r\n\x1A\n", FileKind::Photo(SourceFormat::Png)),
    (b"GIF87a", FileKind::Photo(SourceFormat::Gif)),
    (b"GIF89a", FileKind::Photo(SourceFormat::Gif)),
    (b"BM", FileKind::Photo(SourceFormat::Bmp)),
    (b"II*\0", FileKind::OtherPicture("TIFF")),
    (b"MM\0*", FileKind::OtherPicture("TIFF")),
    (b"II+\0", FileKind::OtherPicture("BigTIFF")),
    (b"MM\0+", FileKind::OtherPicture("BigTIFF")),
    (b"\xFF\x0A", FileKind::OtherPicture("JPEG XL")),
    (b"\0\0\0\x0CJXL \r\n\x87\n", FileKind::OtherPicture("JPEG XL")),
    (b"\0\0\0\x0CjP  \r\n\x87\n", FileKind::OtherPicture("JPEG 2000")),
    (b"\xFF\x4F\xFF\x51", FileKind::OtherPicture("JPEG 2000")),
    (b"8BPS", FileKind::OtherPicture("Photoshop")),
    (b"\0\0\x01\0", FileKind::OtherPicture("ICO")),
    (b"qoif", FileKind::OtherPicture("QOI")),
    (b"\x76\x2F\x31\x01", FileKind::OtherPicture("OpenEXR")),
    (b"<svg", FileKind::OtherPicture("SVG")),
    (b"%PDF", FileKind::Other("PDF")),
    (b"<!DOCTYPE", FileKind::Other("web page")),
    (b"<!doctype", FileKind::Other("web page")),
    (b"<html", FileKind::Other("web page")),
    (b"<HTML", FileKind::Other("web page")),
    (b"<?xml", FileKind::Other("XML")),
    (b"\x1A\x45\xDF\xA3", FileKind::Other("Matroska or WebM video")),
    (b"\x89HDF\r\n\x1A\n", FileKind::Other("HDF5")),
    (b"PAR1", FileKind::Other("Parquet")),
    (b"ARROW1", FileKind::Other("Arrow")),
    (b"\x93NUMPY", FileKind::Other("NumPy array")),
    (b"version https://git-lfs", FileKind::Other("Git LFS pointer")),
    (b"\0\x05\x16\x07", FileKind::Other("AppleDouble")),
    (b"SQLite format 3\0", FileKind::Other("SQLite")),
    (b"\x1F\x8B", FileKind::Archive("gzip")),
    (b"PK\x03\x04", FileKind::Archive("zip")),
    (b"PK\x05\x06", FileKind::Archive("zip")),
    (b"\x28\xB5\x2F\xFD", FileKind::Archive("zstd")),
    (b"\xFD7zXZ\0", FileKind::Archive("xz")),
    (b"BZh", FileKind::Archive("bzip2")),
    (b"7z\xBC\xAF\x27\x1C", FileKind::Archive("7z")),
    (b"Rar!\x1A\x07", FileKind::Archive("rar")),
];

impl FileKind {
    /// What a file is that begins with `bytes` ([`FIRST_BYTES`] of them, or all it has); `None` for text and
    /// whatever has no name here.
    pub fn of(bytes: &[u8]) -> Option<FileKind> {
        let at = |place: usize, magic: &[u8]| {
            bytes.get(place..).is_some_and(|rest| rest.starts_with(magic))
        };
        if at(0, b"RIFF") && at(8, b"WEBP") {
            return Some(FileKind::Photo(SourceFormat::Webp));
        }
        if at(4, b"ftyp") {
            return Some(match bytes.get(8..12) {
                Some(b"avif" | b"avis") => FileKind::OtherPicture("AVIF"),
                Some(
                    b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1",
                ) => FileKind::OtherPicture("HEIC"),
                _ => FileKind::Other("MP4 video"),
            });
        }
        if at(16, b"\xDE\xC0\xEF\xBE") {
            return Some(FileKind::Other("LMDB"));
        }
        if at(257, b"ustar") {
            return Some(FileKind::Archive("tar"));
        }
        if let [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n', ..] = bytes {
            return Some(FileKind::OtherPicture("PNM"));
        }
        MAGIC.iter().find(|(magic, _)| at(0, magic)).map(|&(_, kind)| kind)
    }

    /// The name of the format.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Photo(format) => format.as_str(),
            FileKind::OtherPicture(name) | FileKind::Archive(name) | FileKind::Other(name) => name,
        }
    }

    /// True for pictures, whether they are decoded here or not.
    pub fn is_picture(self) -> bool {
        matches!(self, FileKind::Photo(_) | FileKind::OtherPicture(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        let of = |bytes: &[u8]| FileKind::of(bytes).map(FileKind::name);
        assert_eq!(of(b""), None);
        assert_eq!(of(b"GIF89a"), Some("gif"));
        assert_eq!(of(b"RIFF\x10\0\0\0WEBPVP8 "), Some("webp"));
        assert_eq!(of(b"RIFF\x10\0\0\0WAVEfmt "), None);
        assert_eq!(of(&[0xFF, 0xD8, 0xFF, 0xE0]), Some("jpeg"));
        assert_eq!(of(b"\0\0\0\x18ftypheic\0\0\0\0mif1"), Some("HEIC"));
        assert_eq!(of(b"\0\0\0\x1Cftypavif"), Some("AVIF"));
        assert_eq!(of(b"P6\n4 4\n255\n"), Some("PNM"));
        assert_eq!(of(b"\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\0\0\xDE\xC0\xEF\xBE\x01"), Some("LMDB"));
        assert_eq!(of(b"path,label\n"), None);
        assert!(FileKind::of(b"II*\0").is_some_and(FileKind::is_picture));
        assert!(!FileKind::of(b"PK\x03\x04").is_some_and(FileKind::is_picture));
    }
}
