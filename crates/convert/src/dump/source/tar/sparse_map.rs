//! The map of a sparse member: where its data go, as its headers have it.

use std::io;

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use super::block::BLOCK;
use super::window::Window;

/// Data between holes: offset in the file and length, in bytes.
pub(super) type Piece = (u64, u64);

/// More pieces than this are not read: 16 MiB of memory for a map.
pub(super) const MAX_PIECES: usize = 1 << 20;
/// What is known of a sparse member from its headers.
pub(super) struct Sparse {
    /// Its length with its holes.
    pub(super) real_bytes: u64,
    pub(super) map: Map,
}

/// Where the data of a sparse member go.
pub(super) enum Map {
    Pieces(Vec<Piece>),
    /// Decimal numbers in front of the data, a line each: how many pieces, then offset and length of each.
    BeforeData,
    Unreadable(&'static str),
}

/// The map of a sparse member in the old format of GNU tar: four pieces in its header, 21 in each block that
/// follows. `data` moves behind these.
pub(super) fn old_sparse(
    window: &mut Window<'_>,
    data: &mut u64,
    block: &[u8; BLOCK],
) -> io::Result<Sparse> {
    let Some(gnu) = Header::from_byte_slice(block).as_gnu() else {
        return Ok(Sparse { real_bytes: 0, map: Map::Unreadable("it is not of GNU tar") });
    };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut is_readable = true;
    let mut push = |entries: &[GnuSparseHeader]| {
        for entry in entries.iter().filter(|entry| !entry.is_empty()) {
            match (entry.offset(), entry.length()) {
                (Ok(offset), Ok(length)) if pieces.len() < MAX_PIECES => {
                    pieces.push((offset, length))
                }
                _ => is_readable = false,
            }
        }
    };
    push(&gnu.sparse);
    let mut is_extended = gnu.is_extended();
    while is_extended {
        let mut extension = GnuExtSparseHeader::new();
        let found = window.get(*data, BLOCK)?;
        // Cut within the map: the data begin where the file ends.
        *data += found.len() as u64;
        if found.len() < BLOCK {
            break;
        }
        extension.as_mut_bytes().copy_from_slice(found);
        push(extension.sparse());
        is_extended = extension.is_extended();
    }
    let map =
        if is_readable { Map::Pieces(pieces) } else { Map::Unreadable("its numbers are wrong") };
    match gnu.real_size() {
        Ok(real_bytes) => Ok(Sparse { real_bytes, map }),
        Err(_) => Ok(Sparse { real_bytes: 0, map: Map::Unreadable("its length is no number") }),
    }
}
