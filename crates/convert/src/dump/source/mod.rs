//! Where the files of a dump lie: in a folder, or in a tar that is read where it is.
//!
//! Paths are relative to the dump, with `/`. Reading goes through [`Source::read`] alone.

mod access;
mod disk;
mod tar;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::DumpError;
use super::list_file::is_table;
use super::tree::Tree;
pub(crate) use access::is_of_the_machine;
pub use access::{MAX_SOURCE_BYTES, Place, Watch};
use disk::Disk;
use tar::Tar;
use tcolz_pixels::file_kind::{FIRST_BYTES, FileKind};

/// The files of a dump. Cheap to clone; all clones read the same files.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    /// The path as an absolute one, as it was given and with links followed.
    absolute: [PathBuf; 2],
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Disk(Arc<Disk>),
    Tar(Arc<Tar>),
}

impl Source {
    /// Opens a folder (or that of a table ending in `.csv` or `.tsv`), or a tar, which is gone through once
    /// for an index of its members.
    ///
    /// # Errors
    /// [`DumpError::Unreadable`]; [`DumpError::NotASource`] for any other file;
    /// [`DumpError::GivenUp`] when `watch` says so.
    pub fn open(path: &Path, watch: &mut Watch<'_>) -> Result<Source, DumpError> {
        Source::open_indexed(path, None, watch)
    }

    /// As [`Source::open`], with the index that [`Source::keep_index`] left in the file `kept`, if it is
    /// there, whole, and of this very tar.
    pub(super) fn open_indexed(
        path: &Path,
        kept: Option<&Path>,
        watch: &mut Watch<'_>,
    ) -> Result<Source, DumpError> {
        let unreadable = |source| DumpError::Unreadable { path: path.to_owned(), source };
        let path =
            match path.parent() {
                Some(folder) if is_table(path) && path.is_file() => {
                    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
                }
                _ => path,
            };
        let kind = if path.metadata().map_err(unreadable)?.is_dir() {
            Kind::Disk(Arc::new(Disk::open(path).map_err(unreadable)?))
        } else {
            Kind::Tar(Arc::new(Tar::open(path, kept, watch)?))
        };
        let absolute = [std::path::absolute(path), path.canonicalize()];
        let absolute = absolute.map(|found| found.unwrap_or_else(|_| path.to_owned()));
        Ok(Source { path: path.to_owned(), absolute, kind })
    }

    /// The folder or the tar.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True for a tar.
    pub fn is_tar(&self) -> bool {
        matches!(self.kind, Kind::Tar(_))
    }

    /// Reads a file whole into `bytes`, replacing what they held.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is no such file; other kinds when it cannot be read, is not
    /// a regular file, changed meanwhile, or is longer than [`MAX_SOURCE_BYTES`].
    pub fn read(&self, relative: &str, bytes: &mut Vec<u8>) -> io::Result<()> {
        match &self.kind {
            Kind::Disk(disk) => disk.read(relative, bytes),
            Kind::Tar(tar) => tar.read(relative, bytes),
        }
    }

    /// Where a file lies; `None` when there is none.
    pub fn place(&self, relative: &str) -> Option<Place> {
        match &self.kind {
            Kind::Disk(disk) => disk.place(relative),
            Kind::Tar(tar) => tar.place(relative),
        }
    }

    /// Tests that the source is still the one that was opened: a folder that has not been unmounted or
    /// exchanged, a tar that has not been written to.
    ///
    /// # Errors
    /// [`DumpError::Gone`].
    pub fn check(&self) -> Result<(), DumpError> {
        let checked = match &self.kind {
            Kind::Disk(disk) => disk.check(),
            Kind::Tar(tar) => tar.check(),
        };
        checked.map_err(|what| DumpError::Gone { path: self.path.clone(), what })
    }

    /// Writes the index of a tar to the file `kept`, for [`Source::open_indexed`] to find; nothing for a folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn keep_index(&self, kept: &Path) -> io::Result<()> {
        match &self.kind {
            Kind::Disk(_) => Ok(()),
            Kind::Tar(tar) => tar.keep(kept),
        }
    }

    /// What a person should know about the source itself, such as members of a tar that are not taken.
    pub(super) fn notes(&self) -> &[String] {
        match &self.kind {
            Kind::Disk(_) => &[],
            Kind::Tar(tar) => tar.notes(),
        }
    }

    /// What is missing from the source, or cannot be read: sentences; none of a folder, which is read or is an error.
    pub fn damage(&self) -> &[String] {
        match &self.kind {
            Kind::Disk(_) => &[],
            Kind::Tar(tar) => tar.damage(),
        }
    }

    pub(super) fn is_file(&self, relative: &str) -> bool {
        match &self.kind {
            Kind::Disk(disk) => disk.is_file(relative),
            Kind::Tar(tar) => tar.place(relative).is_some(),
        }
    }

    /// The first `count` bytes of a file, or all it has.
    ///
    /// # Errors
    /// As [`Source::read`]; a file may be longer than [`MAX_SOURCE_BYTES`].
    pub(super) fn first_bytes(&self, relative: &str, count: usize) -> io::Result<Vec<u8>> {
        match &self.kind {
            Kind::Disk(disk) => disk.first_bytes(relative, count),
            Kind::Tar(tar) => tar.first_bytes(relative, count),
        }
    }

    /// True for a file whose first bytes are those of a picture.
    pub(super) fn is_picture(&self, relative: &str) -> bool {
        let first = self.first_bytes(relative, FIRST_BYTES).ok();
        first.and_then(|first| FileKind::of(&first)).is_some_and(FileKind::is_picture)
    }

    /// An absolute path that lies in the folder, relative to it; `None` for a tar.
    pub(super) fn inside(&self, path: &Path) -> Option<String> {
        if self.is_tar() || !path.is_absolute() {
            return None;
        }
        let below = self.absolute.iter().find_map(|root| path.strip_prefix(root).ok())?.to_str()?;
        (!below.is_empty()).then(|| below.to_owned())
    }

    /// Reads a list whole.
    pub(super) fn text(&self, relative: &str) -> Result<Vec<u8>, DumpError> {
        let mut bytes = Vec::new();
        match self.read(relative, &mut bytes) {
            Ok(()) => Ok(bytes),
            Err(source) => Err(DumpError::Unreadable { path: self.path.join(relative), source }),
        }
    }

    /// A file of this name beside the source: next to the tar, or next to the folder.
    pub(super) fn beside(&self, name: &str) -> Option<PathBuf> {
        Some(self.absolute[0].parent()?.join(name)).filter(|path| path.is_file())
    }

    /// Goes through everything that lies in the dump.
    ///
    /// # Errors
    /// When a folder cannot be read; [`DumpError::GivenUp`] when `watch` says so.
    pub(super) fn tree(&self, watch: &mut Watch<'_>) -> Result<Tree, DumpError> {
        let mut tree = Tree::default();
        self.walk(&mut tree, watch)?;
        tree.sort();
        Ok(tree)
    }

    /// Adds every file to `tree`, however deep it lies.
    ///
    /// # Errors
    /// When a folder cannot be read; [`DumpError::GivenUp`] when `watch` says so.
    fn walk(&self, tree: &mut Tree, watch: &mut Watch<'_>) -> Result<(), DumpError> {
        match &self.kind {
            Kind::Disk(disk) => disk.walk(tree, watch),
            Kind::Tar(tar) => {
                tar.walk(tree);
                Ok(())
            }
        }
    }
}
