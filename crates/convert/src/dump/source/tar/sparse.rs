//! Sparse members: files with holes, of which a tar stores the data between them and a map.

use std::fs::File;
use std::io;

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use crate::dump::source::{MAX_SOURCE_BYTES, too_long};
use tcolz_base::positioned::read_exact_at;

use super::block::{BLOCK, BLOCK_BYTES, padded};
use super::header::{Found, Headers, Stored};
use super::pax::number;
use super::window::Window;

/// Data between holes: offset in the file and length, in bytes.
pub(super) type Piece = (u64, u64);

/// More pieces than this are not read: 16 MiB of memory for a map.
pub(super) const MAX_PIECES: usize = 1 << 20;
/// Read at once of headers and maps.
const AHEAD_BYTES: usize = 1 << 12;

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

/// Reads the sparse member whose headers begin at `begin`, its holes as zeros.
pub(super) fn read(file: &File, length: u64, begin: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut window = Window::new(file, length, AHEAD_BYTES);
    let unreadable = |why| {
        io::Error::other(format!(
            "a sparse member, stored with holes, whose map cannot be read: {why}"
        ))
    };
    let Found::Member(Stored { data, bytes: stored, sparse: Some(sparse), .. }) =
        Headers::default().read(&mut window, begin)?
    else {
        return Err(unreadable("its headers are not what they were"));
    };
    if sparse.real_bytes > MAX_SOURCE_BYTES {
        return Err(too_long(sparse.real_bytes));
    }
    let (pieces, mut at) = match sparse.map {
        Map::Pieces(pieces) => (pieces, data),
        Map::BeforeData => map_before_data(&mut window, data)?.map_err(unreadable)?,
        Map::Unreadable(why) => return Err(unreadable(why)),
    };
    let stored = (data.saturating_add(stored)).saturating_sub(at);
    check(&pieces, sparse.real_bytes, stored).map_err(unreadable)?;
    bytes.resize(sparse.real_bytes as usize, 0);
    for (offset, length) in pieces {
        read_exact_at(file, &mut bytes[offset as usize..(offset + length) as usize], at)?;
        at += length;
    }
    Ok(())
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

/// Pieces must follow each other within the file and be all the data that are stored.
fn check(pieces: &[Piece], real_bytes: u64, stored: u64) -> Result<(), &'static str> {
    let (mut end, mut sum) = (0, 0u64);
    for &(offset, length) in pieces {
        if offset < end {
            return Err("its pieces overlap");
        }
        end = offset
            .checked_add(length)
            .filter(|&end| end <= real_bytes)
            .ok_or("it leaves the file")?;
        // GNU tar would pad a piece, other archivers would not.
        if length > 0 && sum % BLOCK_BYTES != 0 {
            return Err("a piece is not a whole number of blocks");
        }
        sum += length;
    }
    if sum == stored { Ok(()) } else { Err("it does not fit the data") }
}

type PiecesAndData = (Vec<Piece>, u64);

/// Reads the map that begins at `data`, and where the data behind it begin.
fn map_before_data(
    window: &mut Window<'_>,
    data: u64,
) -> io::Result<Result<PiecesAndData, &'static str>> {
    /// No number takes more, its end of line included.
    const LINE: usize = 21;
    let mut at = data;
    let mut next = || {
        let line = window.get(at, LINE)?;
        let line = line.iter().position(|&byte| byte == b'\n').map(|end| &line[..end]);
        at += line.map_or(0, |line| line.len() as u64 + 1);
        io::Result::Ok(
            line.filter(|line| !line.is_empty()).and_then(number).ok_or("a number is missing"),
        )
    };
    let count = match next()? {
        Ok(count) if count <= MAX_PIECES as u64 => count,
        Ok(_) => return Ok(Err("it has too many pieces")),
        Err(why) => return Ok(Err(why)),
    };
    let mut pieces = Vec::new();
    for _ in 0..count {
        match (next()?, next()?) {
            (Ok(offset), Ok(length)) => pieces.push((offset, length)),
            (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
        }
    }
    Ok(Ok((pieces, data + padded(at - data))))
}
