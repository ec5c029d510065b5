//! A member of a tar as it is stored: the headers that describe it, in any of the formats of tar.
//!
//! ```text
//! [L long name] [K long link] [x pax records] header [S map …] data, padded to 512 bytes
//! ```
//!
//! Formats: POSIX.1-2017 `pax`, "ustar" and "pax interchange"; the manual of GNU tar, "Basic Tar Format".

use std::io;

use tar::Header;

use super::block::{BLOCK, BLOCK_BYTES, is_header, is_header_at, is_zero, padded};
use super::pax::Pax;
use super::sparse_map::{Sparse, old_sparse};
use super::window::Window;

/// Longest name that is read; systems allow 4,096 bytes.
const MAX_NAME_BYTES: u64 = 1 << 16;
/// Longest pax header that is read: room for the map of a file with half a million holes.
const MAX_PAX_BYTES: u64 = 1 << 24;

/// What stands at a place in a tar.
pub(super) enum Found {
    Member(Stored),
    /// A block of zeros: the end mark.
    Zeros,
    /// A header for all members that follow, up to the byte `end`.
    Global {
        end: u64,
    },
    /// No header; why not.
    Rubbish(&'static str),
    /// Headers up to the byte `end`, and no member behind them.
    Orphan {
        end: u64,
    },
    /// The file ends within the headers of a member.
    Cut,
}

/// A member as its headers describe it.
pub(super) struct Stored {
    pub(super) path: Vec<u8>,
    /// What a link points to.
    pub(super) link: Vec<u8>,
    pub(super) kind: Kind,
    /// Where its first header begins.
    pub(super) begin: u64,
    /// Where its data begin.
    pub(super) data: u64,
    /// Length of its data in the tar.
    pub(super) bytes: u64,
    pub(super) sparse: Option<Sparse>,
    /// A header that may name the member, or its length, cannot be read.
    pub(super) is_unclear: bool,
}

/// What a member is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// A file of a kind that is not known, which POSIX says to read as a file.
    UnknownFile(u8),
    HardLink,
    SymbolicLink,
    Folder,
    /// A device or a FIFO.
    Special,
    /// The end of a file that begins in another volume of the tar.
    Continued,
    /// What an archiver keeps for itself.
    Private(u8),
}

/// Reads the headers of members, one after the other.
#[derive(Default)]
pub(super) struct Headers {
    /// The next member goes on with this file of another volume.
    continued: Option<Vec<u8>>,
    /// Global headers with names or lengths, which are not followed.
    pub(super) odd_globals: u64,
}

impl Stored {
    /// Where the next header is expected.
    pub(super) fn end(&self) -> u64 {
        self.data.saturating_add(padded(self.bytes))
    }
}

impl Headers {
    /// Reads what stands at the byte `begin`, which is less than the length of the file.
    pub(super) fn read(&mut self, window: &mut Window<'_>, begin: u64) -> io::Result<Found> {
        let (mut long_name, mut long_link, mut pax) = (None, None, Pax::default());
        let mut is_unclear = false;
        let mut at = begin;
        let alone =
            |at: u64, found: Found| Ok(if at == begin { found } else { Found::Orphan { end: at } });
        loop {
            let block = window.get(at, BLOCK)?;
            if is_zero(block) {
                return alone(at, Found::Zeros);
            }
            let Ok(block) = <[u8; BLOCK]>::try_from(block) else { return Ok(Found::Cut) };
            if !is_header(&block) {
                return alone(at, Found::Rubbish("no header"));
            }
            let header = Header::from_byte_slice(&block);
            let Some(bytes) = size(header) else {
                return alone(at, Found::Rubbish("a length that is no number"));
            };
            let kind = header.entry_type().as_byte();
            let data = at + BLOCK_BYTES;
            if !matches!(kind, b'L' | b'K' | b'x' | b'X' | b'g') {
                let stored = Stored {
                    path: pax.path.take().or(long_name).unwrap_or_else(|| path(&block)),
                    link: pax.link.take().or(long_link).unwrap_or_else(|| text(&block[157..257])),
                    kind: Kind::of(kind),
                    begin,
                    data,
                    bytes: pax.bytes.unwrap_or(bytes),
                    sparse: None,
                    is_unclear,
                };
                return self.member(window, stored, &block, pax).map(Found::Member);
            }
            let end = data.saturating_add(bytes);
            if end > window.length() {
                return Ok(Found::Cut);
            }
            let limit = if matches!(kind, b'L' | b'K') { MAX_NAME_BYTES } else { MAX_PAX_BYTES };
            let content = if bytes <= limit { window.get(data, bytes as usize)? } else { b"" };
            is_unclear |= bytes > limit;
            match kind {
                b'L' => long_name = Some(text(content)),
                b'K' => long_link = Some(text(content)),
                b'g' => self.global(content),
                _ => {
                    let read = Pax::of(content);
                    is_unclear |= read.is_damaged;
                    pax = read;
                }
            }
            let end = data.saturating_add(padded(bytes));
            if kind == b'g' && at == begin {
                return Ok(Found::Global { end });
            }
            at = end;
        }
    }

    /// Notes what a header for all members says.
    fn global(&mut self, content: &[u8]) {
        let pax = Pax::of(content);
        self.odd_globals +=
            u64::from(pax.path.is_some() || pax.link.is_some() || pax.bytes.is_some());
        self.continued = pax.continued;
    }

    /// The member whose own header is `block`.
    fn member(
        &mut self,
        window: &mut Window<'_>,
        mut stored: Stored,
        block: &[u8; BLOCK],
        pax: Pax,
    ) -> io::Result<Stored> {
        if let Some(name) = self.continued.take() {
            (stored.path, stored.kind) = (name, Kind::Continued);
        }
        // Old tars mark a folder by the `/` at its end alone.
        if matches!(stored.kind, Kind::File | Kind::UnknownFile(_)) && stored.path.ends_with(b"/") {
            stored.kind = Kind::Folder;
        }
        let is_file = matches!(stored.kind, Kind::File | Kind::UnknownFile(_));
        // Some archivers give links and folders a length and no data.
        if !is_file
            && !matches!(stored.kind, Kind::Continued | Kind::Private(_))
            && stored.bytes > 0
            && (is_zero(window.get(stored.data, BLOCK)?) || is_header_at(window, stored.data)?)
        {
            stored.bytes = 0;
        }
        if !is_file {
            return Ok(stored);
        }
        if let Some((name, sparse)) = pax.sparse.finished() {
            stored.path = name.unwrap_or(stored.path);
            stored.sparse = Some(sparse);
        } else if block[156] == b'S' {
            stored.sparse = Some(old_sparse(window, &mut stored.data, block)?);
        }
        Ok(stored)
    }
}

impl Kind {
    fn of(kind: u8) -> Kind {
        match kind {
            b'0' | 0 | b'7' | b'S' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::SymbolicLink,
            b'3' | b'4' | b'6' => Kind::Special,
            b'5' => Kind::Folder,
            b'M' => Kind::Continued,
            b'A' | b'D' | b'E' | b'I' | b'N' | b'V' => Kind::Private(kind),
            _ => Kind::UnknownFile(kind),
        }
    }

    /// What is known of a kind that holds data and is no file.
    pub(super) fn describe(kind: u8) -> &'static str {
        match kind {
            b'1' | b'2' => "links",
            b'5' => "folders",
            b'A' => "access lists of Solaris",
            b'D' => "lists of folders by GNU tar",
            b'E' => "attributes of Solaris",
            b'I' => "inodes of star",
            b'N' => "old long names of GNU tar",
            b'V' => "names of volumes",
            _ => "devices or FIFOs",
        }
    }
}

/// Length of a member's data; left blank by some for what has none.
fn size(header: &Header) -> Option<u64> {
    let is_blank = || header.as_old().size.iter().all(|byte| matches!(byte, b' ' | 0));
    header.entry_size().ok().or_else(|| is_blank().then_some(0))
}

/// A text field, which ends at its first zero.
fn text(field: &[u8]) -> Vec<u8> {
    field.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

/// The name in a header, with what ustar puts before it.
fn path(block: &[u8; BLOCK]) -> Vec<u8> {
    let name = text(&block[..100]);
    // GNU tar keeps other things where ustar has its prefix, star at its end.
    if !block[257..].starts_with(b"ustar") || block[257..].starts_with(b"ustar  ") {
        return name;
    }
    let end = if block[508..] == *b"tar\0" { 345 + 131 } else { 345 + 155 };
    let mut path = text(&block[345..end]);
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend(name);
    path
}
