//! JSON files that prove themselves: their last key is the checksum of all that stands before it.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::DatasetError;

const CHECKSUM: &str = "checksum";
const CHECKSUM_KEY: &str = "\"checksum\": \"";

/// A JSON object, indented, with a last key `checksum`: BLAKE3, in hexadecimal, of all bytes before that key's opening
/// quote.
///
/// # Panics
/// Never: what is written here is an object of plain values, which has a JSON form.
pub fn seal(value: &impl Serialize) -> Vec<u8> {
    let json = serde_json::to_string_pretty(value).expect("every value has a JSON form");
    let open = json.trim_end().strip_suffix('}').expect("a JSON object ends in a brace");
    let mut text = format!("{},\n  ", open.trim_end());
    let checksum = blake3::hash(text.as_bytes());
    text.push_str(&format!("{CHECKSUM_KEY}{checksum}\"\n}}\n"));
    text.into_bytes()
}

/// What [`seal`] wrote, without its checksum, which is tested. `path` is only what errors call it.
///
/// # Errors
/// [`DatasetError::Structure`], [`DatasetError::Checksum`].
pub fn unseal(bytes: &[u8], path: &Path) -> Result<Value, DatasetError> {
    let structure = |reason: String| DatasetError::Structure { path: path.to_owned(), reason };
    let text = str::from_utf8(bytes).map_err(|_| structure("not UTF-8".to_owned()))?;
    let key = text.rfind(CHECKSUM_KEY).ok_or_else(|| structure("no checksum".to_owned()))?;
    let expected = text[key + CHECKSUM_KEY.len()..]
        .strip_suffix("\"\n}\n")
        .ok_or_else(|| structure("the checksum is not the last key".to_owned()))?;
    let found = blake3::hash(&bytes[..key]).to_string();
    if found != expected {
        let (path, expected) = (path.to_owned(), expected.to_owned());
        return Err(DatasetError::Checksum { path, expected, found });
    }
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| structure(error.to_string()))?;
    if let Some(object) = value.as_object_mut() {
        object.remove(CHECKSUM);
    }
    Ok(value)
}
