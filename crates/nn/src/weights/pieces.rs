//! A tensor as bytes, piece by piece.

use candle_core::{DType, Tensor};

use crate::ModelError;

/// Numbers that are turned into bytes at once.
const PIECE: usize = 1 << 18;

/// The bytes of a tensor as they are written, piece by piece: float32, little-endian, row-major.
pub(super) fn pieces(
    tensor: &Tensor,
) -> Result<impl Iterator<Item = Result<Vec<u8>, ModelError>>, ModelError> {
    let flat = tensor.flatten_all()?;
    let starts = (0..flat.elem_count()).step_by(PIECE);
    Ok(starts.map(move |start| {
        let piece = flat.narrow(0, start, PIECE.min(flat.elem_count() - start))?;
        let piece: Vec<f32> = piece.to_dtype(DType::F32)?.to_vec1()?;
        Ok(piece.iter().flat_map(|value| value.to_le_bytes()).collect())
    }))
}
