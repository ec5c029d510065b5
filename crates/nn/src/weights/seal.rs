//! The hash that a file carries which was written here: of its text and its tensors.
//!
//! ```text
//! __metadata__ { KEY: text, "tcolz-blake3": BLAKE3 over length of the text │ text │ tensor │ tensor │ … }
//! tensor = length of the key │ key │ sides │ float32 bits      lengths and sides: u64; everything little-endian
//! ```
//! Tensors come in the order of their keys. What else stands in the header follows from these, or means nothing: whoever
//! copies text, hash and tensors into another safetensors file keeps the hash valid.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::pieces::pieces;
use crate::ModelError;

/// The key of the hash in the file's metadata. Files of 0.1.0 have none.
pub const SEAL_KEY: &str = "tcolz-blake3";

/// BLAKE3 of a text and of tensors, in hexadecimal; and the key of the first tensor with a number that is not finite.
///
/// # Errors
/// Those of Candle.
pub(super) fn seal<'a>(
    text: &str,
    tensors: &BTreeMap<&'a str, &Tensor>,
) -> Result<(String, Option<&'a str>), ModelError> {
    let mut hash = blake3::Hasher::new();
    hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    let mut not_finite = None;
    for (&key, tensor) in tensors {
        if !hash_tensor(&mut hash, key, tensor)? {
            not_finite = not_finite.or(Some(key));
        }
    }
    Ok((hash.finalize().to_string(), not_finite))
}

/// What is wrong with text and tensors of a file by the hash in its metadata; nothing where it has none.
///
/// # Errors
/// Those of Candle.
pub fn seal_fault(
    metadata: &BTreeMap<String, String>,
    text: &str,
    tensors: &BTreeMap<&str, &Tensor>,
) -> Result<Option<String>, ModelError> {
    let Some(expected) = metadata.get(SEAL_KEY) else { return Ok(None) };
    let (found, _) = seal(text, tensors)?;
    Ok((found != *expected)
        .then(|| format!("its metadata and tensors have the BLAKE3 {found}, expected {expected}")))
}

/// Adds a tensor to a hash; tells whether all its numbers are finite.
///
/// # Errors
/// Those of Candle.
pub fn hash_tensor(
    hash: &mut blake3::Hasher,
    key: &str,
    tensor: &Tensor,
) -> Result<bool, ModelError> {
    hash.update(&(key.len() as u64).to_le_bytes()).update(key.as_bytes());
    for &side in tensor.dims() {
        hash.update(&(side as u64).to_le_bytes());
    }
    let mut finite = true;
    for piece in pieces(tensor)? {
        let piece = piece?;
        hash.update(&piece);
        finite &= piece.as_chunks().0.iter().all(|&bytes| f32::from_le_bytes(bytes).is_finite());
    }
    Ok(finite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_number_that_is_not_finite_is_found_and_named() {
        for (number, expected) in [(1.0, None), (f32::NAN, Some("b")), (f32::INFINITY, Some("b"))] {
            let tensor = |last| Tensor::new(&[0.5f32, last], &Device::Cpu).unwrap();
            let (a, b, c) = (tensor(1.0), tensor(number), tensor(number));
            let tensors = [("c", &c), ("a", &a), ("b", &b)].into();
            assert_eq!(seal("text", &tensors).unwrap().1, expected);
        }
    }
}
