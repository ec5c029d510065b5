//! The text of a list, in whatever encoding it was saved.

use std::borrow::Cow;
use std::path::Path;

use crate::dump::DumpError;
use tcolz_base::text_file::to_utf8;
use tcolz_pixels::file_kind::FileKind;

/// The bytes of a list as UTF-8. Other encodings of one byte a letter pass as they are: a line that is not
/// UTF-8 is refused by itself.
///
/// # Errors
/// [`DumpError::NotText`] for a file that is no text.
pub(in crate::dump) fn text<'a>(bytes: &'a [u8], path: &Path) -> Result<Cow<'a, [u8]>, DumpError> {
    let not_text = |found: &str, advice| {
        let (path, found) = (path.to_owned(), found.to_owned());
        Err(DumpError::NotText { path, found, advice })
    };
    match FileKind::of(bytes) {
        Some(kind @ FileKind::Archive(_)) => return not_text(kind.name(), "unpack it first"),
        // Two letters are too few to go by: a path may begin with `BM`.
        Some(kind) if bytes.contains(&0) => return not_text(kind.name(), "name a list of text"),
        _ => {}
    }
    match to_utf8(bytes) {
        Some(text) => Ok(text),
        None => not_text("damaged UTF-16, or no text", "save it as UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let text = text(bytes, Path::new("labels.csv")).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn utf16_and_marks_are_read_and_what_is_no_text_is_refused_by_name() {
        let wide: Vec<u8> =
            "\u{FEFF}path,label\r\nö😀.jpg,a".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&wide).unwrap(), "path,label\r\nö😀.jpg,a");
        assert_eq!(read(b"\xEF\xBB\xBFa,b").unwrap(), "a,b");
        assert_eq!(read(b"").unwrap(), "");
        assert_eq!(read(b"BMW.jpg 0\n").unwrap(), "BMW.jpg 0\n");
        for (bytes, told) in [
            (&wide[..21], "damaged UTF-16"),
            (b"\x1F\x8B\x08\0", "gzip"),
            (b"PK\x03\x04\x14\0", "zip"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains(told) && error.contains("labels.csv"), "{error}");
        }
    }
}
