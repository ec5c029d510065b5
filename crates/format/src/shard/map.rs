//! The memory map: one of the homes of `unsafe`.

#![allow(unsafe_code, reason = "SIMD and the memory map")]

use std::fs::File;
use std::io;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::Buffer;
use memmap2::{Mmap, MmapMut};

use super::sigbus::Listed;

/// A map that [`name_lost_maps`](super::name_lost_maps) knows the file of.
#[derive(Debug)]
pub(super) struct Mapped {
    /// In front of the map: it is taken from the list before it is unmapped.
    _listed: Listed,
    map: Mmap,
}

impl std::ops::Deref for Mapped {
    type Target = Mmap;

    fn deref(&self) -> &Mmap {
        &self.map
    }
}

/// Maps a whole file and gives it out as an Arrow buffer that keeps the map alive.
///
/// The contract that no type can hold: as long as the buffer lives, nobody may truncate the file
/// (a read past its new end is a SIGBUS). Shards are replaced by rename and never written in
/// place, so a tcolz process never breaks it. Bytes that another process changes in place are caught
/// by the row hash, which is tested on every read.
///
/// # Errors
/// When the file cannot be mapped.
pub(super) fn map_file(file: &File, path: &Path) -> io::Result<(Buffer, Option<Arc<Mapped>>)> {
    if file.metadata()?.len() == 0 {
        return Ok((Buffer::from_vec(Vec::<u8>::new()), None));
    }
    // SAFETY: the map is read-only and private to this process; files of a dataset are only ever
    // replaced by rename, never truncated or rewritten in place (the contract above).
    let map = unsafe { Mmap::map(file)? };
    let Some(start) = NonNull::new(map.as_ptr().cast_mut()) else {
        return Err(io::Error::other("the map has no address"));
    };
    let _listed = Listed::new(map.as_ptr(), map.len(), path);
    let (length, map) = (map.len(), Arc::new(Mapped { _listed, map }));
    let owner = Arc::clone(&map);
    // SAFETY: `start` and `length` describe the map, which the buffer's owner keeps mapped, at the
    // same address, until the last clone of the buffer is dropped; nobody writes through it.
    let buffer = unsafe { Buffer::from_custom_allocation(start, length, owner) };
    Ok((buffer, Some(map)))
}

/// Zeros, of which `fill` writes a few: memory is taken only where it is written to, page by page.
///
/// # Errors
/// When there is no address space for them.
pub(super) fn mostly_blank<E: From<io::Error>>(
    length: usize,
    fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
) -> Result<Buffer, E> {
    let mut map = MmapMut::map_anon(length)?;
    fill(&mut map)?;
    let Some(start) = NonNull::new(map.as_mut_ptr()) else {
        return Err(io::Error::other("the map has no address").into());
    };
    let length = map.len();
    // SAFETY: `start` and `length` describe the map, which belongs to no file and which the buffer's owner
    // keeps at the same address until the last clone of the buffer is dropped; nobody writes to it any more.
    Ok(unsafe { Buffer::from_custom_allocation(start, length, Arc::new(map)) })
}

/// Asks the system to read these bytes of the map soon, in one go; a hint, so that it may not.
pub(super) fn will_need(map: &Mmap, bytes: &[u8]) {
    let offset = (bytes.as_ptr() as usize).wrapping_sub(map.as_ptr() as usize);
    #[cfg(unix)]
    if offset.checked_add(bytes.len()).is_some_and(|end| end <= map.len()) {
        // Not being able to look ahead costs time and nothing else.
        let _ = map.advise_range(memmap2::Advice::WillNeed, offset, bytes.len());
    }
}
