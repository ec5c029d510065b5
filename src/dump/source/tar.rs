//! A dump that lies in a tar: members are looked up in its index and read at their offsets.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::positioned::read_exact_at;

use super::index::{BLOCK_BYTES, Index, Member, State, is_header};
use super::{DumpError, MAX_SOURCE_BYTES, Place, Tree, Watch, kept, too_long};

/// A tar and the index of its members.
#[derive(Debug)]
pub(super) struct Tar {
    file: File,
    stamp: Stamp,
    index: Index,
    /// The index came from a file, and need not be written to it again.
    was_kept: bool,
}

/// What tells that a file is still the one that was indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    /// Nanoseconds since 1970 of the last change.
    pub(super) modified: u128,
}

impl Tar {
    pub(super) fn open(
        path: &Path,
        kept: Option<&Path>,
        watch: &mut Watch<'_>,
    ) -> Result<Tar, DumpError> {
        let unreadable = |source| DumpError::Unreadable { path: path.to_owned(), source };
        let not_a_source = || DumpError::NotASource { path: path.to_owned() };
        if !path.metadata().map_err(unreadable)?.is_file() {
            return Err(not_a_source());
        }
        let file = File::open(path).map_err(unreadable)?;
        let stamp = Stamp::of(&file.metadata().map_err(unreadable)?);
        let mut first = [0; BLOCK_BYTES as usize];
        if (&file).read_exact(&mut first).is_err() || !is_header(&first) {
            return Err(not_a_source());
        }
        let was_kept = kept.and_then(|kept| kept::read(kept, stamp));
        let (index, was_kept) = match was_kept {
            Some(index) => (index, true),
            None => {
                let made = Index::make(&file, stamp.bytes, watch).map_err(unreadable)?;
                (made.ok_or_else(|| DumpError::GivenUp { path: path.to_owned() })?, false)
            }
        };
        Ok(Tar { file, stamp, index, was_kept })
    }

    pub(super) fn keep(&self, kept: &Path) -> io::Result<()> {
        if self.was_kept && kept.exists() {
            return Ok(());
        }
        kept::write(kept, self.stamp, &self.index)
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.index.notes
    }

    pub(super) fn read(&self, name: &str, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.clear();
        let member = self.find(name).ok_or(io::ErrorKind::NotFound)?;
        match member.state {
            State::Whole | State::BadName => {}
            State::Dangling => return Err(io::ErrorKind::NotFound.into()),
            State::Sparse => return Err(io::Error::other("stored with holes (a sparse member)")),
            State::Cut => return Err(io::Error::other("the tar ends within this member")),
        }
        if member.bytes > MAX_SOURCE_BYTES {
            return Err(too_long(member.bytes));
        }
        if Stamp::of(&self.file.metadata()?) != self.stamp {
            return Err(io::Error::other("the tar has changed since its members were listed"));
        }
        bytes.resize(member.bytes as usize, 0);
        read_exact_at(&self.file, bytes, member.offset)
    }

    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let member = self.find(name).filter(|member| member.state != State::Dangling)?;
        Some(Place { position: member.offset, bytes: member.bytes })
    }

    /// A tar that was moved away can still be read, and that is all that counts.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.file.metadata() {
            Err(error) => Err(error.to_string()),
            Ok(found) if Stamp::of(&found) != self.stamp => Err(format!(
                "it has been written to ({} bytes now, {} when its members were listed)",
                found.len(),
                self.stamp.bytes
            )),
            Ok(_) => Ok(()),
        }
    }

    pub(super) fn walk(&self, tree: &mut Tree) {
        for member in &self.index.members {
            tree.add(&*member.name, member.state == State::BadName);
        }
    }

    pub(super) fn first_bytes(&self, name: &str, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.find(name) {
            Some(Member {
                state: State::Whole | State::BadName, offset, bytes: length, ..
            }) => {
                bytes.resize(count.min(*length as usize), 0);
                read_exact_at(&self.file, &mut bytes, *offset)?;
            }
            _ => {
                self.read(name, &mut bytes)?;
                bytes.truncate(count);
            }
        }
        Ok(bytes)
    }

    fn find(&self, name: &str) -> Option<&Member> {
        let members = &self.index.members;
        let found = members.binary_search_by(|member| (*member.name).cmp(name)).ok()?;
        Some(&members[found])
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        let modified =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Stamp { bytes: metadata.len(), modified: modified.map_or(0, |since| since.as_nanos()) }
    }
}
