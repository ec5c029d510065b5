//! What a file is, told by its first bytes and never by its name.

use crate::photo_info::SourceFormat;

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

use FileKind::{Archive, Other, OtherPicture, Photo};

/// Bytes at the beginning of a file, and what it is.
const MAGIC: &[(&[u8], FileKind)] = &[
    (b"\xFF\xD8\xFF", Photo(SourceFormat::Jpeg)),
    (b"\x89PNG\r\n\x1A\n", Photo(SourceFormat::Png)),
    (b"GIF87a", Photo(SourceFormat::Gif)),
    (b"GIF89a", Photo(SourceFormat::Gif)),
    (b"II*\0", OtherPicture("TIFF")),
    (b"MM\0*", OtherPicture("TIFF")),
    (b"II+\0", OtherPicture("BigTIFF")),
    (b"MM\0+", OtherPicture("BigTIFF")),
    (b"IIU\0", OtherPicture("Panasonic raw")),
    (b"IIRO", OtherPicture("Olympus raw")),
    (b"FUJIFILMCCD-RAW", OtherPicture("Fujifilm raw")),
    (b"\xFF\x0A", OtherPicture("JPEG XL")),
    (b"\0\0\0\x0CJXL \r\n\x87\n", OtherPicture("JPEG XL")),
    (b"\0\0\0\x0CjP  \r\n\x87\n", OtherPicture("JPEG 2000")),
    (b"\xFF\x4F\xFF\x51", OtherPicture("JPEG 2000")),
    (b"\xFF\xD8\xFF\xF7", OtherPicture("JPEG-LS")),
    (b"II\xBC", OtherPicture("JPEG XR")),
    (b"8BPS", OtherPicture("Photoshop")),
    (b"gimp xcf", OtherPicture("GIMP")),
    (b"\0\0\x01\0", OtherPicture("ICO")),
    (b"\0\0\x02\0", OtherPicture("CUR")),
    (b"icns", OtherPicture("ICNS")),
    (b"qoif", OtherPicture("QOI")),
    (b"DDS ", OtherPicture("DDS")),
    (b"BPG\xFB", OtherPicture("BPG")),
    (b"\x8AMNG\r\n\x1A\n", OtherPicture("MNG")),
    (b"\x8BJNG\r\n\x1A\n", OtherPicture("JNG")),
    (b"AT&TFORM", OtherPicture("DjVu")),
    (b"\x76\x2F\x31\x01", OtherPicture("OpenEXR")),
    (b"#?RADIANCE", OtherPicture("Radiance HDR")),
    (b"SIMPLE  =", OtherPicture("FITS")),
    (b"\xD7\xCD\xC6\x9A", OtherPicture("WMF")),
    (b"%!PS", OtherPicture("PostScript")),
    (b"%PDF", Other("PDF")),
    (b"{\\rtf", Other("RTF")),
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", Other("Microsoft Office")),
    (b"\x1A\x45\xDF\xA3", Other("Matroska or WebM video")),
    (b"\0\0\x01\xBA", Other("MPEG video")),
    (b"\0\0\x01\xB3", Other("MPEG video")),
    (b"FLV\x01", Other("Flash video")),
    (b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", Other("Windows Media video")),
    (b"OggS", Other("Ogg")),
    (b"ID3", Other("MP3")),
    (b"fLaC", Other("FLAC")),
    (b"\x89HDF\r\n\x1A\n", Other("HDF5")),
    (b"PAR1", Other("Parquet")),
    (b"ARROW1", Other("Arrow")),
    (b"\x93NUMPY", Other("NumPy array")),
    (b"\x80\x02", Other("pickle")),
    (b"\x80\x03", Other("pickle")),
    (b"\x80\x04\x95", Other("pickle")),
    (b"\x80\x05\x95", Other("pickle")),
    (b"version https://git-lfs", Other("Git LFS pointer")),
    (b"\0\x05\x16\x07", Other("AppleDouble")),
    (b"SQLite format 3\0", Other("SQLite")),
    (b"\x7FELF", Other("program")),
    (b"\x1F\x8B", Archive("gzip")),
    (b"PK\x03\x04", Archive("zip")),
    (b"PK\x05\x06", Archive("zip")),
    (b"\x28\xB5\x2F\xFD", Archive("zstd")),
    (b"\x04\x22\x4D\x18", Archive("lz4")),
    (b"\xFD7zXZ\0", Archive("xz")),
    (b"BZh", Archive("bzip2")),
    (b"7z\xBC\xAF\x27\x1C", Archive("7z")),
    (b"Rar!\x1A\x07", Archive("rar")),
];

/// Beginnings of text files, in small letters, behind a byte order mark and blanks.
const TEXT_MAGIC: &[(&[u8], FileKind)] = &[
    (b"<svg", OtherPicture("SVG")),
    (b"<!doctype svg", OtherPicture("SVG")),
    (b"<!doctype html", Other("web page")),
    (b"<html", Other("web page")),
    (b"<head", Other("web page")),
    (b"<body", Other("web page")),
    (b"<?xml", Other("XML")),
];

/// Longest header of a BMP, with room for more. Fewer bytes than 12 are none.
const BMP_HEADER_BYTES: std::ops::RangeInclusive<u32> = 12..=255;

impl FileKind {
    /// What a file is that begins with `bytes` ([`FIRST_BYTES`] of them, or all it has); `None` for text and
    /// whatever has no name here.
    pub fn of(bytes: &[u8]) -> Option<FileKind> {
        let at = |place: usize, magic: &[u8]| {
            bytes.get(place..).is_some_and(|rest| rest.starts_with(magic))
        };
        if at(0, b"RIFF") {
            return match bytes.get(8..12)? {
                b"WEBP" => Some(Photo(SourceFormat::Webp)),
                b"AVI " => Some(Other("AVI video")),
                b"WAVE" => Some(Other("WAV")),
                _ => None,
            };
        }
        if at(0, b"BM") && is_bmp(bytes) {
            return Some(Photo(SourceFormat::Bmp));
        }
        if at(4, b"ftyp") {
            return Some(of_brands(bytes));
        }
        if at(4, b"moov") || at(4, b"mdat") {
            return Some(Other("MP4 video"));
        }
        if at(16, b"\xDE\xC0\xEF\xBE") {
            return Some(FileKind::Other("LMDB"));
        }
        if at(257, b"ustar") {
            return Some(Archive("tar"));
        }
        if at(128, b"DICM") {
            return Some(OtherPicture("DICOM"));
        }
        if let [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n', ..] = bytes {
            return Some(OtherPicture("PNM"));
        }
        // The longest: what begins as a JPEG may be something else.
        let found =
            MAGIC.iter().filter(|(magic, _)| at(0, magic)).max_by_key(|(magic, _)| magic.len());
        found.map(|&(_, kind)| kind).or_else(|| of_text(bytes))
    }

    /// The name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Photo(format) => format.as_str(),
            OtherPicture(name) | Archive(name) | Other(name) => name,
        }
    }

    /// True for pictures, whether they are decoded here or not.
    pub fn is_picture(self) -> bool {
        matches!(self, Photo(_) | OtherPicture(_))
    }
}

/// "BM" alone begins many a text: the length of the header behind it must be one, too, or the file be cut off before it.
fn is_bmp(bytes: &[u8]) -> bool {
    match bytes.get(14..18).and_then(|length| length.try_into().ok()) {
        Some(length) => BMP_HEADER_BYTES.contains(&u32::from_le_bytes(length)),
        None => bytes[2..].contains(&0),
    }
}

/// A file of the kind that HEIF and MP4 are of: the first brands say which.
fn of_brands(bytes: &[u8]) -> FileKind {
    let length = bytes.first_chunk().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let brands = bytes.get(8..length.min(bytes.len())).unwrap_or_default().as_chunks::<4>().0;
    let has = |names: &[&[u8; 4]]| brands.iter().any(|brand| names.contains(&brand));
    match bytes.get(8..12) {
        _ if has(&[b"avif", b"avis"]) => OtherPicture("AVIF"),
        _ if has(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"]) => OtherPicture("HEIC"),
        Some(b"mif1" | b"msf1") => OtherPicture("HEIC"),
        Some(b"crx ") => OtherPicture("Canon raw"),
        Some(b"qt  ") => Other("QuickTime video"),
        _ => Other("MP4 video"),
    }
}

fn of_text(bytes: &[u8]) -> Option<FileKind> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let begins = |magic: &[u8]| {
        text.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic))
    };
    let kind = TEXT_MAGIC.iter().find(|(magic, _)| begins(magic))?.1;
    let holds =
        |what: &[u8]| text.windows(what.len()).any(|window| window.eq_ignore_ascii_case(what));
    Some(match kind {
        Other("XML") if holds(b"<svg") => OtherPicture("SVG"),
        Other("XML") if holds(b"<html") => Other("web page"),
        kind => kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        let of = |bytes: &[u8]| FileKind::of(bytes).map(FileKind::name);
        for (bytes, name) in [
            (&b""[..], None),
            (b"GIF89a", Some("gif")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("webp")),
            (b"RIFF\x10\0\0\0WAVEfmt ", Some("WAV")),
            (b"\xFF\xD8\xFF\xE0", Some("jpeg")),
            (b"\xFF\xD8 a text", None),
            (b"\xFF\xD8\xFF\xF7", Some("JPEG-LS")),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", Some("HEIC")),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", Some("HEIC")),
            (b"\0\0\0\x1Cftypavif", Some("AVIF")),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Some("AVIF")),
            (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", Some("MP4 video")),
            (b"P6\n4 4\n255\n", Some("PNM")),
            (b"\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\0\0\xDE\xC0\xEF\xBE\x01", Some("LMDB")),
            (b"path,label\n", None),
            (b"version https://git-lfs.github.com/spec/v1\n", Some("Git LFS pointer")),
            (b" \r\n<!DOCTYPE HTML PUBLIC", Some("web page")),
            (b"\xEF\xBB\xBF<Html>", Some("web page")),
            (b"<?xml version='1.0'?>\n<!-- drawn --><svg width='9'>", Some("SVG")),
            (b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code>", Some("XML")),
        ] {
            assert_eq!(of(bytes), name, "{}", bytes.escape_ascii());
        }
        assert!(FileKind::of(b"II*\0").is_some_and(FileKind::is_picture));
        assert!(!FileKind::of(b"PK\x03\x04").is_some_and(FileKind::is_picture));
    }

    #[test]
    fn two_letters_make_no_bmp() {
        let of = |bytes: &[u8]| FileKind::of(bytes).map(FileKind::name);
        let bmp = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0";
        for cut in 5..bmp.len() {
            assert_eq!(of(&bmp[..cut]), Some("bmp"), "{cut} bytes");
        }
        assert_eq!(of(b"BMW,label\nBMW/1.jpg,car\n"), None);
        assert_eq!(of(b"BMI\n"), None);
        assert_eq!(of(b"BM"), None);
    }
}
