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

use super::ModelError;
use super::tensor_file::pieces;

/// The key of the hash in the file's metadata. Files that 0.2.0 and earlier wrote have none.
pub(crate) const SEAL_KEY: &str = "tcolz-blake3";

/// BLAKE3 of a text and of tensors, in hexadecimal.
///
/// # Errors
/// Those of Candle.
pub(crate) fn seal(text: &str, tensors: &BTreeMap<&str, &Tensor>) -> Result<String, ModelError> {
    let mut hash = blake3::Hasher::new();
    hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    for (key, tensor) in tensors {
        hash_tensor(&mut hash, key, tensor)?;
    }
    Ok(hash.finalize().to_string())
}

/// What is wrong with text and tensors of a file by the hash in its metadata; nothing where it has none.
///
/// # Errors
/// Those of Candle.
pub(crate) fn seal_fault(
    metadata: &BTreeMap<String, String>,
    text: &str,
    tensors: &BTreeMap<&str, &Tensor>,
) -> Result<Option<String>, ModelError> {
    let Some(expected) = metadata.get(SEAL_KEY) else { return Ok(None) };
    let found = seal(text, tensors)?;
    Ok((found != *expected)
        .then(|| format!("its metadata and tensors have the BLAKE3 {found}, expected {expected}")))
}

/// Adds a tensor to a hash.
///
/// # Errors
/// Those of Candle.
pub(crate) fn hash_tensor(
    hash: &mut blake3::Hasher,
    key: &str,
    tensor: &Tensor,
) -> Result<(), ModelError> {
    hash.update(&(key.len() as u64).to_le_bytes()).update(key.as_bytes());
    for &side in tensor.dims() {
        hash.update(&(side as u64).to_le_bytes());
    }
    for piece in pieces(tensor)? {
        hash.update(&piece?);
    }
    Ok(())
}
