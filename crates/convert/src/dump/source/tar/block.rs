//! Blocks of a tar: which are headers, and where the next one is.

use std::io;

use tar::Header;

use super::window::Window;

/// Tars are made of blocks of this length.
pub(super) const BLOCK_BYTES: u64 = 512;
pub(super) const BLOCK: usize = BLOCK_BYTES as usize;

/// True for the header of a member, whose checksum fits, in any of the formats of tar.
pub(super) fn is_header(block: &[u8; BLOCK]) -> bool {
    let Ok(expected) = Header::from_byte_slice(block).cksum() else { return false };
    // The checksum counts itself as eight blanks.
    let rest = || block[..148].iter().chain(&block[156..]);
    let blanks = 8 * u32::from(b' ');
    let found = rest().map(|&byte| u32::from(byte)).sum::<u32>() + blanks;
    // Some old archivers added bytes with their signs.
    let signed = || rest().map(|&byte| i32::from(byte as i8)).sum::<i32>() + blanks as i32;
    found == expected || i32::try_from(expected).is_ok_and(|expected| signed() == expected)
}

/// True where a header begins at the byte `at`.
pub(super) fn is_header_at(window: &mut Window<'_>, at: u64) -> io::Result<bool> {
    Ok(window.get(at, BLOCK)?.try_into().is_ok_and(is_header))
}

/// True for zeros, however few.
pub(super) fn is_zero(block: &[u8]) -> bool {
    block.iter().all(|&byte| byte == 0)
}

/// The first header that begins behind the byte `after` and before `until`, which need not be a whole number
/// of blocks away.
pub(super) fn next_header(
    window: &mut Window<'_>,
    after: u64,
    until: u64,
) -> io::Result<Option<u64>> {
    const MAGIC: usize = 257;
    let mut at = after;
    while at < until && at + BLOCK_BYTES <= window.length() {
        // Headers that begin in this block, and all of each.
        let blocks = window.get(at, 2 * BLOCK - 1)?;
        for (start, block) in blocks.windows(BLOCK).enumerate() {
            let Ok(block) = <&[u8; BLOCK]>::try_from(block) else { continue };
            // Old tars have no magic word; a checksum in digits is enough at the beginning of a block.
            let is_likely = block[MAGIC] == b'u' && block[MAGIC..].starts_with(b"ustar")
                || start == 0 && block[0] != 0 && block[148..154].iter().all(u8::is_ascii_digit);
            if is_likely && at + start as u64 > after && is_header(block) {
                return Ok(Some(at + start as u64));
            }
        }
        at += BLOCK_BYTES;
    }
    Ok(None)
}

/// Whole blocks for so many bytes.
pub(super) fn padded(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES)
}
