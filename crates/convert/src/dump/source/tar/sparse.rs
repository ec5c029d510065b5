//! Sparse members: files with holes, of which a tar stores the data between them and a map.

use std::fs::File;
use std::io;

use crate::dump::source::access::{MAX_SOURCE_BYTES, too_long};
use tcolz_base::positioned::read_exact_at;

use super::block::{BLOCK_BYTES, padded};
use super::header::{Found, Headers, Stored};
use super::pax::number;
use super::sparse_map::{MAX_PIECES, Map, Piece};
use super::window::Window;

/// Read at once of headers and maps.
const AHEAD_BYTES: usize = 1 << 12;

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
