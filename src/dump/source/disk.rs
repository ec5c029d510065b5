//! A dump that lies unpacked in a folder.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{DumpError, MAX_SOURCE_BYTES, Place, folder_name, is_hidden, too_long};

/// A folder that was there when it was opened.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Disk {
    pub(super) fn open(root: &Path) -> io::Result<Disk> {
        Ok(Disk { root: root.to_owned(), identity: identity(&root.metadata()?) })
    }

    pub(super) fn read(&self, relative: &str, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.clear();
        let path = self.root.join(relative);
        // Asked before opening: opening a FIFO would wait for a writer for ever.
        if !path.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let file = File::open(path)?;
        let before = file.metadata()?;
        if before.len() > MAX_SOURCE_BYTES {
            return Err(too_long(before.len()));
        }
        bytes.reserve_exact(before.len() as usize + 1);
        (&file).take(MAX_SOURCE_BYTES).read_to_end(bytes)?;
        // Half an old file and half a new one would be a photo that never was.
        let after = file.metadata()?;
        let same = before.len() == after.len() && before.modified().ok() == after.modified().ok();
        if !same || bytes.len() as u64 != after.len() {
            let (before, after) = (before.len(), after.len());
            return Err(io::Error::other(format!(
                "the file changed while it was read ({before} bytes before, {after} after)"
            )));
        }
        Ok(())
    }

    pub(super) fn place(&self, relative: &str) -> Option<Place> {
        let metadata = self.root.join(relative).metadata().ok()?;
        Some(Place { position: identity(&metadata).map_or(0, |id| id.1), bytes: metadata.len() })
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match self.root.metadata() {
            Err(error) => Err(error.to_string()),
            Ok(found) if identity(&found) != self.identity => {
                Err("another folder stands in its place".to_owned())
            }
            // A disk that was pulled out answers for its root and fails for what is in it.
            Ok(_) => match fs::read_dir(&self.root).map(|mut entries| entries.next()) {
                Err(error) | Ok(Some(Err(error))) => Err(error.to_string()),
                _ => Ok(()),
            },
        }
    }

    pub(super) fn is_file(&self, relative: &str) -> bool {
        self.root.join(relative).is_file()
    }

    pub(super) fn is_folder(&self, relative: &str) -> bool {
        self.root.join(relative).is_dir()
    }

    pub(super) fn folders(&self, folder: &str) -> Result<BTreeSet<String>, DumpError> {
        let above = self.root.join(folder);
        let unreadable = |source| DumpError::Unreadable { path: above.clone(), source };
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&above).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            if is_hidden(&name) || !entry.path().is_dir() {
                continue;
            }
            let name = name.into_string().map_err(|name| name.to_string_lossy().into_owned());
            names.insert(folder_name(&above, name)?);
        }
        Ok(names)
    }

    pub(super) fn loose_files(&self, folder: &str) -> Result<usize, DumpError> {
        let above = self.root.join(folder);
        let unreadable = |source| DumpError::Unreadable { path: above.clone(), source };
        let mut count = 0;
        for entry in fs::read_dir(&above).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            count += usize::from(!is_hidden(&entry.file_name()) && !entry.path().is_dir());
        }
        Ok(count)
    }

    pub(super) fn walk(
        &self,
        folder: &str,
        found: &mut dyn FnMut(String, bool),
    ) -> Result<(), DumpError> {
        // A stack and not recursion: the depth of a folder tree is the disk's choice, not ours.
        let mut folders = vec![(self.root.join(folder), folder.to_owned(), false)];
        while let Some((path, relative, bad_name)) = folders.pop() {
            let unreadable = |source| DumpError::Unreadable { path: path.clone(), source };
            for entry in fs::read_dir(&path).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let name = entry.file_name();
                if is_hidden(&name) {
                    continue;
                }
                let bad_name = bad_name || name.to_str().is_none();
                let relative = format!("{relative}{}", name.to_string_lossy());
                // Links to files are followed, links to folders are not: they may form a circle.
                if entry.file_type().map_err(unreadable)?.is_dir() {
                    folders.push((entry.path(), format!("{relative}/"), bad_name));
                } else {
                    found(relative, bad_name);
                }
            }
        }
        Ok(())
    }
}

/// Device and inode: what tells a folder from another one of the same name.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_exchanged_or_has_gone_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("dump");
        fs::create_dir(&root).unwrap();
        let disk = Disk::open(&root).unwrap();
        assert_eq!(disk.check(), Ok(()));
        fs::rename(&root, folder.path().join("elsewhere")).unwrap();
        assert!(disk.check().unwrap_err().contains("No such file"));
        fs::create_dir(&root).unwrap();
        assert!(disk.check().unwrap_err().contains("another folder"));
    }
}
