//! A dump that lies in a tar: members are looked up in its index and read at their offsets.

mod block;
mod found;
mod header;
mod index;
mod kept;
mod links;
mod member;
mod names;
mod pax;
mod refused;
mod sparse;
mod sparse_map;
mod stamp;
mod window;

use std::fs;
use std::io;
use std::path::Path;

use tcolz_base::positioned::read_exact_at;

use super::access::{MAX_SOURCE_BYTES, Place, Watch, too_long};
use crate::dump::error::DumpError;
use crate::dump::tree::Tree;
use member::{File, Index, Member, State};
use stamp::Stamp;

/// A tar and the index of its members.
#[derive(Debug)]
pub(super) struct Tar {
    file: fs::File,
    stamp: Stamp,
    index: Index,
    /// The index came from a file, and need not be written to it again.
    was_kept: bool,
}

impl Tar {
    pub(super) fn open(
        path: &Path,
        kept: Option<&Path>,
        watch: &mut Watch<'_>,
    ) -> Result<Tar, DumpError> {
        let unreadable = |source| DumpError::Unreadable { path: path.to_owned(), source };
        if !path.metadata().map_err(unreadable)?.is_file() {
            return Err(refused::no_file(path));
        }
        let file = fs::File::open(path).map_err(unreadable)?;
        let stamp = Stamp::of(&file.metadata().map_err(unreadable)?);
        if let Some(error) = refused::no_tar(path, &file, stamp.bytes).map_err(unreadable)? {
            return Err(error);
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

    pub(super) fn damage(&self) -> &[String] {
        &self.index.damage
    }

    pub(super) fn read(&self, name: &str, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.clear();
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such member in the tar");
        let member = self.find(name).ok_or_else(missing)?;
        let File { offset, bytes: length, state } = member.file;
        let why = match state {
            State::Whole | State::Sparse if length > MAX_SOURCE_BYTES => {
                return Err(too_long(length));
            }
            State::Whole | State::Sparse => "",
            State::Dangling => return Err(missing()),
            State::Special => "not a regular file",
            State::Cut => "the tar ends within this member",
            State::Continued => "its beginning is in another volume of the tar",
            State::Unclear => "its headers in the tar are damaged or too long",
        };
        if !why.is_empty() {
            return Err(io::Error::other(why));
        }
        if Stamp::of(&self.file.metadata()?) != self.stamp {
            return Err(io::Error::other("the tar has changed since its members were listed"));
        }
        if state == State::Sparse {
            return sparse::read(&self.file, self.stamp.bytes, offset, bytes);
        }
        bytes.resize(length as usize, 0);
        read_exact_at(&self.file, bytes, offset)
    }

    pub(super) fn place(&self, name: &str) -> Option<Place> {
        let File { offset, bytes, state } = self.find(name)?.file;
        let is_file = !matches!(state, State::Dangling | State::Special);
        is_file.then_some(Place { position: offset, bytes })
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
            tree.add(&*member.name, !member.is_utf8);
        }
        // Once more for each that was replaced: what a folder could not hold is listed all the same.
        for (name, is_utf8) in &self.index.replaced {
            tree.add(&**name, !is_utf8);
        }
    }

    pub(super) fn first_bytes(&self, name: &str, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.find(name).map(|member| member.file) {
            Some(File { offset, bytes: length, state: State::Whole }) => {
                bytes.resize(count.min(length as usize), 0);
                read_exact_at(&self.file, &mut bytes, offset)?;
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
        let first = members.partition_point(|member| &*member.name < name);
        // A name that is not UTF-8 is not the one that it is shown as.
        members.get(first).filter(|member| &*member.name == name && member.is_utf8)
    }
}
