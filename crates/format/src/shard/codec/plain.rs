//! Tensors of other types as one ordinary zstd frame, and what all frames share.

use zstd_safe::{CCtx, CParameter, DCtx};

use tcolz_base::out_of_memory::end;

use super::CodecError;

/// zstd level of plain frames: higher ones gain little on floats and cost much.
const PLAIN_LEVEL: i32 = 3;

/// Content size that a frame declares.
///
/// # Errors
/// [`CodecError::NoContentSize`] where the bytes are no zstd frame or declare none.
pub(super) fn content_size(frame: &[u8]) -> Result<u64, CodecError> {
    match zstd_safe::get_frame_content_size(frame) {
        Ok(Some(size)) => Ok(size),
        _ => Err(CodecError::NoContentSize),
    }
}

/// Compresses bytes to one ordinary zstd frame with its content size; `frame` is overwritten.
///
/// # Errors
/// [`CodecError::Zstd`] where zstd refuses, as for lack of memory.
pub fn encode_plain(bytes: &[u8], frame: &mut Vec<u8>) -> Result<(), CodecError> {
    let mut context = CCtx::try_create().unwrap_or_else(|| end());
    context
        .set_parameter(CParameter::CompressionLevel(PLAIN_LEVEL))
        .map_err(|code| CodecError::zstd("set the level", code))?;
    frame.clear();
    frame.reserve(zstd_safe::compress_bound(bytes.len()));
    context.compress2(frame, bytes).map_err(|code| CodecError::zstd("compress", code))?;
    Ok(())
}

/// Decompresses a plain frame into exactly `bytes`.
///
/// # Errors
/// [`CodecError::ContentSize`] where the frame declares another size, [`CodecError::Zstd`] where it
/// is damaged.
pub fn decode_plain(frame: &[u8], bytes: &mut [u8]) -> Result<(), CodecError> {
    let size = content_size(frame)?;
    if size != bytes.len() as u64 {
        return Err(CodecError::ContentSize { limit: bytes.len(), got: size });
    }
    let length = DCtx::try_create()
        .unwrap_or_else(|| end())
        .decompress(bytes, frame)
        .map_err(|code| CodecError::zstd("decompress", code))?;
    if length == bytes.len() {
        Ok(())
    } else {
        Err(CodecError::ContentLength { expected: bytes.len(), got: length })
    }
}
