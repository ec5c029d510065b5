//! The text of a list, in whatever encoding it was saved.

use std::borrow::Cow;
use std::path::Path;

use crate::dump::DumpError;
use crate::file_kind::FileKind;

/// Bytes at the beginning that tell UTF-16 without a mark from text of one byte a letter.
const LOOKED_AT: usize = 256;

/// The bytes of a list without a byte-order mark, UTF-16 turned into UTF-8. Other encodings pass as they
/// are: a line that is not UTF-8 is refused by itself.
///
/// # Errors
/// [`DumpError::NotText`] for a file that is no text, for UTF-16 without a mark or with unpaired surrogates, and
/// for UTF-32.
pub(in crate::dump) fn text<'a>(bytes: &'a [u8], path: &Path) -> Result<Cow<'a, [u8]>, DumpError> {
    let not_text = |found: &str, advice| {
        let (path, found) = (path.to_owned(), found.to_owned());
        Err(DumpError::NotText { path, found, advice })
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, text @ ..] => Ok(Cow::Borrowed(text)),
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => not_text("UTF-32", SAVE_AS_UTF8),
        [0xFF, 0xFE, text @ ..] => utf16(text, u16::from_le_bytes)
            .map_or_else(|| not_text("damaged UTF-16", SAVE_AS_UTF8), Ok),
        [0xFE, 0xFF, text @ ..] => utf16(text, u16::from_be_bytes)
            .map_or_else(|| not_text("damaged UTF-16", SAVE_AS_UTF8), Ok),
        _ => {
            let looked_at = &bytes[..bytes.len().min(LOOKED_AT)];
            let zeros = |first: usize| {
                looked_at.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count()
            };
            let pairs = looked_at.len() / 2;
            // Letters of most scripts come with a zero each; no text of one byte a letter holds so many.
            if pairs > 1 && zeros(0).max(zeros(1)) * 2 > pairs {
                return not_text("UTF-16 without a byte-order mark", SAVE_AS_UTF8);
            }
            match FileKind::of(bytes) {
                Some(kind @ FileKind::Archive(_)) => not_text(kind.name(), "unpack it first"),
                // Two letters are too few to go by: a path may begin with `BM`.
                Some(kind) if bytes.contains(&0) => not_text(kind.name(), "expected lines of text"),
                _ => Ok(Cow::Borrowed(bytes)),
            }
        }
    }
}

const SAVE_AS_UTF8: &str = "save it as UTF-8";

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Cow<'static, [u8]>> {
    let pairs = bytes.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    let units = pairs.map(|pair| unit([pair[0], pair[1]]));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| whole).map(|text| Cow::Owned(text.into_bytes()))
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
        let wide = |text: &str, mark: u16| -> Vec<u8> {
            std::iter::once(mark).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        };
        assert_eq!(
            read(&wide("path,label\r\nö😀.jpg,a", 0xFEFF)).unwrap(),
            "path,label\r\nö😀.jpg,a"
        );
        let swapped: Vec<u8> =
            wide("a,b", 0xFEFF).chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        assert_eq!(read(&swapped).unwrap(), "a,b");
        assert_eq!(read(b"\xEF\xBB\xBFa,b").unwrap(), "a,b");
        assert_eq!(read(b"").unwrap(), "");
        assert_eq!(read(b"BMW.jpg 0\n").unwrap(), "BMW.jpg 0\n");
        for (bytes, told) in [
            (&wide("path,label", 0x20)[..], "UTF-16 without"),
            (&wide("a", 0xFEFF)[..3], "damaged UTF-16"),
            (b"\xFF\xFE\0\0a\0\0\0", "UTF-32"),
            (b"\x1F\x8B\x08\0", "gzip"),
            (b"PK\x03\x04\x14\0", "zip"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(error.contains(told) && error.contains("labels.csv"), "{error}");
        }
    }
}
