//! The index of a tar's members, made by one forward pass over the file.
//!
//! Headers and data alike are read: a disk that seeks is faster at reading everything than at jumping
//! from header to header. As `tar x` would, the last of several members of one name wins, and links
//! stand for what they point to. Rubbish between members is skipped, and a tar that was cut off is read
//! as far as it goes; both are noted.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use tar::{Archive, EntryType, Header};

use super::Watch;

/// Tars are made of blocks of this length.
pub(super) const BLOCK_BYTES: u64 = 512;
/// Read at once in the forward pass. Skipping a member shorter than this never seeks.
const FORWARD_BYTES: usize = 1 << 20;
/// Links to links are followed so far.
const MAX_LINKS: usize = 8;

/// The members of a tar, sorted by name, and what is odd about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) members: Vec<Member>,
    pub(super) notes: Vec<String>,
}

/// A file in a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Path with `/`, without `./`; what is not UTF-8 or a control character is `�`.
    pub(super) name: Box<str>,
    /// Where its data begin.
    pub(super) offset: u64,
    /// Its length in bytes.
    pub(super) bytes: u64,
    pub(super) state: State,
}

/// Whether a member can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Whole,
    /// As whole, under a name that is not UTF-8.
    BadName,
    /// A link to something that is not in the tar.
    Dangling,
    /// Stored with holes.
    Sparse,
    /// The tar ends within it.
    Cut,
}

/// True for the header of a member, whose checksum fits, in any of the formats of tar; also for the
/// zeros of an empty tar.
pub(super) fn is_header(block: &[u8]) -> bool {
    let header = Header::from_byte_slice(block);
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    // The checksum counts itself as eight blanks.
    let found = sum(&block[..148]) + sum(&block[156..]) + 8 * u32::from(b' ');
    block.iter().all(|&byte| byte == 0) || header.cksum().is_ok_and(|expected| expected == found)
}

impl Index {
    /// Goes through the tar once; `None` when `watch` gives up.
    pub(super) fn make(
        file: &File,
        length: u64,
        watch: &mut Watch<'_>,
    ) -> io::Result<Option<Index>> {
        let mut found = Found::default();
        let mut begin = 0;
        // Once, unless there is rubbish between members.
        while begin < length {
            let ended = read_members(file, begin, length, &mut found, watch)?;
            let Some((end, error)) = ended else { return Ok(None) };
            let Some(error) = error else { break };
            let next = next_header(file, end + BLOCK_BYTES, length)?.unwrap_or(length);
            let skipped = next - end;
            found.notes.push(format!(
                "{skipped} bytes from byte {end} on are no tar ({error}) and were skipped"
            ));
            begin = next;
        }
        Ok(Some(found.index()))
    }
}

/// Reads the members from `begin` on, up to the end or to something that is no member: where that is, and
/// the error. `None` when `watch` gives up.
fn read_members(
    file: &File,
    begin: u64,
    length: u64,
    found: &mut Found,
    watch: &mut Watch<'_>,
) -> io::Result<Option<(u64, Option<io::Error>)>> {
    let mut archive = Archive::new(Forward::new(file, begin)?);
    // Several tars in one file, one after the other, are one.
    archive.set_ignore_zeros(true);
    let mut end = begin;
    for (entry, number) in archive.entries_with_seek()?.zip(0u64..) {
        let entry = match entry {
            Ok(entry) => entry,
            // The last block is cut off.
            Err(_) if length - end < BLOCK_BYTES => break,
            Err(error) => return Ok(Some((end, Some(error)))),
        };
        let (offset, bytes) = (begin + entry.raw_file_position(), entry.size());
        end = offset.saturating_add(bytes).saturating_add(BLOCK_BYTES - 1) / BLOCK_BYTES
            * BLOCK_BYTES;
        if number.is_multiple_of(64) && watch(offset.min(length), length).is_break() {
            return Ok(None);
        }
        let link = entry.link_name_bytes();
        let kind = entry.header().entry_type();
        found.add(&entry.path_bytes(), kind, link.as_deref(), (offset, bytes), length);
        if end > length {
            break;
        }
    }
    if end > length {
        found.notes.push(format!(
            "the tar is cut off: its last member ends at byte {end}, the file at byte {length}; was it \
             downloaded whole?"
        ));
    } else if end == length {
        found.notes.push("the tar has no end mark; was it downloaded whole?".to_owned());
    }
    Ok(Some((length, None)))
}

/// The next block from `from` on that is the header of a member.
fn next_header(file: &File, from: u64, length: u64) -> io::Result<Option<u64>> {
    let mut reader = Forward::new(file, from.min(length))?;
    let mut block = [0; BLOCK_BYTES as usize];
    let mut at = from;
    while at + BLOCK_BYTES <= length {
        reader.read_exact(&mut block)?;
        // Old tars have no magic word; in rubbish, a checksum alone is too little to go by.
        if block[257..262] == *b"ustar" && is_header(&block) {
            return Ok(Some(at));
        }
        at += BLOCK_BYTES;
    }
    Ok(None)
}

/// What the forward pass has found so far.
#[derive(Default)]
struct Found {
    members: HashMap<Box<str>, Member>,
    /// Name of a link, and the name it stands for.
    links: HashMap<Box<str>, Box<str>>,
    outside: u64,
    notes: Vec<String>,
}

impl Found {
    fn add(
        &mut self,
        path: &[u8],
        kind: EntryType,
        link: Option<&[u8]>,
        (offset, bytes): (u64, u64),
        length: u64,
    ) {
        let (text, is_utf8) = match str::from_utf8(path) {
            Ok(text) => (text.to_owned(), true),
            Err(_) => (String::from_utf8_lossy(path).into_owned(), false),
        };
        let is_data = kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse();
        let is_link = kind.is_hard_link() || kind.is_symlink();
        // Old tars mark a folder by the `/` at its end alone.
        if !(is_data || is_link) || text.ends_with('/') {
            return;
        }
        let Some(name) = normal(&text, "") else {
            self.outside += 1;
            return;
        };
        if is_link {
            let target = link.and_then(|link| str::from_utf8(link).ok());
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            // A hard link names a member, a symbolic link a path from where it stands.
            let from = if kind.is_symlink() { folder } else { "" };
            let target = target.and_then(|target| normal(target, from)).unwrap_or_default();
            self.members.remove(&name);
            self.links.insert(name, target);
            return;
        }
        let state = match () {
            () if offset.saturating_add(bytes) > length => State::Cut,
            () if kind.is_gnu_sparse() => State::Sparse,
            () if !is_utf8 => State::BadName,
            () => State::Whole,
        };
        self.links.remove(&name);
        self.members.insert(name.clone(), Member { name, offset, bytes, state });
    }

    fn index(mut self) -> Index {
        let resolve = |name: &str| {
            let mut target = name;
            for _ in 0..MAX_LINKS {
                target = self.links.get(target).map_or(target, |next| next);
            }
            let name = name.into();
            match self.members.get(target) {
                Some(member) => Member { name, ..member.clone() },
                None => Member { name, offset: u64::MAX, bytes: 0, state: State::Dangling },
            }
        };
        let linked: Vec<Member> = self.links.keys().map(|name| resolve(name)).collect();
        if self.outside > 0 {
            let outside = self.outside;
            self.notes.push(format!("{outside} members have names outside of the tar: not taken"));
        }
        let mut members: Vec<Member> = self.members.into_values().chain(linked).collect();
        members.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Index { members, notes: self.notes }
    }
}

/// A path below `folder` without `.` and `..`; `None` when it leaves the tar.
fn normal(path: &str, folder: &str) -> Option<Box<str>> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if path.starts_with('/') {
        return None;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            // Only a link may step up, and not out.
            ".." if !folder.is_empty() => drop(parts.pop()?),
            ".." => return None,
            part => parts.push(part),
        }
    }
    let name = parts.join("/").replace(char::is_control, "\u{FFFD}");
    (!name.is_empty()).then(|| name.into())
}

/// Reads forward from a place in the file, which is position 0; skips within what it has read without
/// seeking.
struct Forward<'a> {
    reader: BufReader<&'a File>,
    position: u64,
}

impl Forward<'_> {
    fn new(mut file: &File, begin: u64) -> io::Result<Forward<'_>> {
        file.seek(SeekFrom::Start(begin))?;
        Ok(Forward { reader: BufReader::with_capacity(FORWARD_BYTES, file), position: 0 })
    }
}

impl Read for Forward<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(bytes)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Forward<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Current(skip) = to else {
            return Err(io::Error::other("only forward from here"));
        };
        self.reader.seek_relative(skip)?;
        self.position = self.position.saturating_add_signed(skip);
        Ok(self.position)
    }
}
