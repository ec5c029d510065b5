//! A dump that lies unpacked in a folder.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::access::{MAX_SOURCE_BYTES, Place, Watch, too_long};
use crate::dump::error::DumpError;
use crate::dump::litter::is_skipped;
use crate::dump::names::printable;
use crate::dump::tree::Tree;

/// Links to folders are followed through so many of them.
const MAX_LINKS: u32 = 40;
/// Files that are reached through links; as many as links in a tar may give.
const MAX_LINKED: u64 = 1 << 21;
/// Whoever watches is told after so many files.
const WATCHED: u64 = 4096;

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

    pub(super) fn first_bytes(&self, relative: &str, count: usize) -> io::Result<Vec<u8>> {
        let path = self.root.join(relative);
        if !path.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::with_capacity(count);
        File::open(path)?.take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Adds every file to `tree`. Links to folders are followed; those that lead back into a folder that their
    /// own path goes through are not, and are noted.
    pub(super) fn walk(&self, tree: &mut Tree, watch: &mut Watch<'_>) -> Result<(), DumpError> {
        let given_up = || DumpError::GivenUp { path: self.root.clone() };
        let (mut found, mut linked, mut beyond) = (0u64, 0u64, 0u64);
        let (mut ended, mut nowhere) = (Vec::new(), Vec::new());
        // A stack and not recursion: the depth of a folder tree is the disk's choice, not ours.
        let top =
            Folder { path: self.root.clone(), relative: String::new(), bad_name: false, links: 0 };
        let mut folders = vec![top];
        while let Some(folder) = folders.pop() {
            let unreadable = |source| DumpError::Unreadable { path: folder.path.clone(), source };
            let mut is_empty = true;
            for entry in fs::read_dir(&folder.path).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let name = entry.file_name();
                let relative = format!("{}{}", folder.relative, name.to_string_lossy());
                if is_skipped(&name.to_string_lossy()) {
                    tree.skip(&relative);
                    continue;
                }
                is_empty = false;
                let bad_name = folder.bad_name || name.to_str().is_none();
                let kind = entry.file_type().map_err(unreadable)?;
                let is_link = kind.is_symlink();
                if kind.is_dir() || is_link && entry.path().is_dir() {
                    let links = folder.links + u32::from(is_link);
                    // Below a link, a folder without one may lead back as well.
                    if links > 0 && self.leads_back(&entry.path()) {
                        ended.push(relative);
                        continue;
                    }
                    if links > MAX_LINKS || links > 0 && linked >= MAX_LINKED {
                        beyond += 1;
                        continue;
                    }
                    let relative = format!("{relative}/");
                    folders.push(Folder { path: entry.path(), relative, bad_name, links });
                } else {
                    if is_link && entry.path().metadata().is_err() {
                        nowhere.push(relative.clone());
                    }
                    tree.add(relative, bad_name);
                    found += 1;
                    linked += u64::from(folder.links > 0);
                    if found.is_multiple_of(WATCHED) && watch(found, 0).is_break() {
                        return Err(given_up());
                    }
                }
            }
            if is_empty {
                tree.empty_folders.push(folder.relative);
            }
        }
        let mut note = |mut links: Vec<String>, what: &str| {
            links.sort();
            if let Some(first) = links.first() {
                let (count, first) = (links.len(), printable(first));
                tree.notes.push(format!("{what}: {count}, the first is `{first}`"));
            }
        };
        note(ended, "links back to a folder that holds them, not followed");
        note(nowhere, "links to what is not there");
        if beyond > 0 {
            tree.notes.push(format!(
                "folders behind more than {MAX_LINKS} links, or behind links to more than {MAX_LINKED} files, not \
                 looked into: {beyond}"
            ));
        }
        Ok(())
    }

    /// True for a folder that is one of those above it.
    fn leads_back(&self, folder: &Path) -> bool {
        let real = folder.metadata().ok().and_then(|metadata| identity(&metadata));
        let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(&self.root));
        let mut above = above.filter_map(|above| identity(&above.metadata().ok()?));
        real.is_none_or(|real| above.any(|above| above == real))
    }
}

/// A folder that is still to be gone through.
struct Folder {
    path: PathBuf,
    /// Below the root, `""` or ending in `/`.
    relative: String,
    /// A name on the way is not UTF-8.
    bad_name: bool,
    /// Links on the way.
    links: u32,
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
