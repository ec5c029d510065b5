//! Files of text that people write, in whatever encoding their editor chose.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;

/// Reads a text: UTF-8 with or without a byte order mark, or UTF-16 as Windows writes it.
///
/// # Errors
/// When the system refuses; [`io::ErrorKind::InvalidData`], naming what was found and what to do, where it is no text.
pub fn read(path: &Path) -> io::Result<String> {
    decode(&fs::read(path)?).map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// True for letters beside zeros: UTF-16 without a mark, of most scripts. A few zeros in a text are damage.
fn looks_wide(bytes: &[u8], letters: usize) -> bool {
    const LOOKED_AT: usize = 64;
    let looked_at = &bytes[..bytes.len().min(LOOKED_AT) / 2 * 2];
    let zeros =
        |from: usize| looked_at.iter().skip(from).step_by(2).filter(|&&byte| byte == 0).count();
    looked_at.len() >= 8 && zeros(letters) == 0 && zeros(1 - letters) * 8 > looked_at.len() * 3
}

/// The bytes of a text without a byte order mark, UTF-16 turned into UTF-8. Whether others are UTF-8 is not tested.
/// `None` where the text is damaged UTF-16, or UTF-32.
pub fn to_utf8(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks();
        let units = units.iter().map(|&pair| unit(pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.ok().filter(|text| rest.is_empty() && !text.contains('\0'))
    };
    let text = match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // Without a mark: letters beside zeros.
        _ if looks_wide(bytes, 0) => utf16(bytes, u16::from_le_bytes),
        _ if looks_wide(bytes, 1) => utf16(bytes, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => return Some(Cow::Borrowed(rest)),
        _ => return Some(Cow::Borrowed(bytes)),
    };
    text.map(|text| Cow::Owned(text.into_bytes()))
}

/// The text of bytes.
fn decode(bytes: &[u8]) -> Result<String, String> {
    match to_utf8(bytes) {
        Some(text) => of_utf8(&text),
        None => Err("it is no text, or damaged UTF-16: save it as UTF-8".to_owned()),
    }
}

fn of_utf8(bytes: &[u8]) -> Result<String, String> {
    let line = |at: usize| 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        return Err(format!(
            "line {} holds a byte 0, which no text has: save it as UTF-8",
            line(at)
        ));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            Err(format!("line {} is not UTF-8: save it as UTF-8", line(error.valid_up_to())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_in_every_encoding_of_an_editor() {
        let text = "cät/1.jpg\r\ndog/2.jpg\n";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            [b"\xFF\xFE", &*le].concat(),
            [b"\xFE\xFF", &*be].concat(),
            le,
            be,
        ] {
            assert_eq!(decode(&bytes).unwrap(), text);
        }
        assert_eq!(decode(b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_named_with_its_line() {
        assert!(decode(b"a\nb\0c").unwrap_err().contains("line 2 holds a byte 0"));
        assert!(decode(b"a\nb\nc\xE4").unwrap_err().contains("line 3 is not UTF-8"));
        assert!(decode(b"\xFF\xFEa").unwrap_err().contains("UTF-16"));
        assert!(decode(b"\xFF\xFE\x00\xD8").unwrap_err().contains("UTF-16"));
        assert!(decode(&[0, 0, 0, 0]).unwrap_err().contains("byte 0"));
    }
}
