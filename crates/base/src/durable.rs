//! Files that become visible whole or not at all.
//!
//! Every file of a dataset is written under a temporary name in its own folder, synced, renamed,
//! and then the folder is synced: after a crash a name either is absent or stands for complete
//! bytes. Assumption about the disk: `rename` within one folder is atomic, and a synced folder
//! keeps the names it had.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// How the names of unfinished files begin; whatever carries it may be removed when nobody writes.
pub const TEMPORARY_PREFIX: &str = ".tcolz-unfinished-";

/// A file that is being written and does not yet carry its name.
#[derive(Debug)]
pub struct DurableFile {
    temporary: NamedTempFile,
    target: PathBuf,
}

impl DurableFile {
    /// Begins a file that will be called `target`; its folder must exist.
    ///
    /// # Errors
    /// When the folder is missing, full or not writable.
    pub fn create(target: &Path) -> io::Result<DurableFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY_PREFIX);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new file: readable by all, less the umask (the crate's default is private).
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let temporary = builder.tempfile_in(folder_of(target))?;
        Ok(DurableFile { temporary, target: target.to_owned() })
    }

    /// The open file, to write to.
    pub fn file(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }

    /// Syncs the bytes, gives the file its name (replacing an older one) and syncs the folder.
    ///
    /// # Errors
    /// When the disk refuses any of the three; the temporary file is then removed.
    pub fn commit(self) -> io::Result<()> {
        self.temporary.as_file().sync_all()?;
        self.temporary.persist(&self.target).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.target))
    }
}

impl io::Write for DurableFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.temporary.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.temporary.flush()
    }
}

/// A [`DurableFile`] that is buffered, and hashes and counts what is written to it.
#[derive(Debug)]
pub struct HashedFile {
    file: BufWriter<DurableFile>,
    hash: blake3::Hasher,
    bytes: u64,
}

impl HashedFile {
    /// Begins a file that will be called `target`; its folder must exist.
    ///
    /// # Errors
    /// As [`DurableFile::create`].
    pub fn create(target: &Path) -> io::Result<HashedFile> {
        let file = BufWriter::with_capacity(1 << 16, DurableFile::create(target)?);
        Ok(HashedFile { file, hash: blake3::Hasher::new(), bytes: 0 })
    }

    /// Gives the file its name; returns its length in bytes and the BLAKE3 of all of it.
    ///
    /// # Errors
    /// As [`DurableFile::commit`].
    pub fn commit(self) -> io::Result<(u64, blake3::Hash)> {
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.commit()?;
        Ok((self.bytes, self.hash.finalize()))
    }
}

impl io::Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Length in bytes and BLAKE3 of a file, read from end to end.
///
/// # Errors
/// When it cannot be read.
pub fn hash(path: &Path) -> io::Result<(u64, blake3::Hash)> {
    let mut hash = blake3::Hasher::new();
    hash.update_reader(File::open(path)?)?;
    Ok((hash.count(), hash.finalize()))
}

/// Writes `bytes` as the file `target`, whole or not at all.
///
/// # Errors
/// As [`DurableFile::create`] and [`DurableFile::commit`].
pub fn write(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = DurableFile::create(target)?;
    io::Write::write_all(&mut file, bytes)?;
    file.commit()
}

/// Writes `bytes` as the file `target`, unless it holds them already. Whether it had to be written.
///
/// # Errors
/// As [`write()`].
pub fn write_changed(target: &Path, bytes: &[u8]) -> io::Result<bool> {
    match fs::read(target) {
        Ok(there) if there == bytes => Ok(false),
        _ => write(target, bytes).map(|()| true),
    }
}

/// Writes `bytes` to a place that a person named. A file appears whole or not at all, also at the end of symbolic links, which
/// stay. What is no file, such as a device or a named pipe, and a file that is named by its being open (`/dev/stdout`), is written to
/// and never replaced.
///
/// # Errors
/// As [`write()`]; when links lead in a circle, or what is written to refuses.
pub fn write_output(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            io::Write::write_all(&mut File::options().write(true).open(path)?, bytes)
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        // A file, or a name that is free, maybe at the end of a link.
        _ => {
            let mut target = path.to_owned();
            while let Ok(next) = fs::read_link(&target) {
                target = folder_of(&target).join(next);
                // `/dev/stdout`: a file that is open already, whatever its name.
                if target.starts_with("/proc") {
                    return io::Write::write_all(
                        &mut File::options().write(true).open(path)?,
                        bytes,
                    );
                }
            }
            write(&target, bytes)
        }
    }
}

/// Makes the folder `folder`, and those above it that are missing, so that it survives a crash.
///
/// Where it is there already its name is synced all the same: whoever made it may have been killed
/// before. That sync may fail, as in a folder that others own.
///
/// # Errors
/// When a folder cannot be made, or its name cannot be synced.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let above = folder_of(folder);
    let made = match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !above.exists() => {
            create_folder(above)?;
            fs::create_dir(folder)
        }
        made => made,
    };
    match made {
        Ok(()) => match sync_folder(above) {
            // New names in a folder that may be written to but not be read: nothing can sync them.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        },
        Err(_) if folder.is_dir() => {
            let _ = sync_folder(above);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Makes names created or removed in `folder` survive a crash.
///
/// # Errors
/// When the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Bytes that this user may still write to the disk that holds `path`, or will hold it: it need not exist.
///
/// # Errors
/// When the disk cannot be asked.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let absolute = std::path::absolute(path)?;
    let exists = absolute.ancestors().find(|folder| folder.exists());
    fs4::available_space(exists.unwrap_or(&absolute))
}

/// Removes what an interrupted writer left behind in `folder` (not in folders below it).
///
/// # Errors
/// When the folder cannot be read or a file cannot be removed.
pub fn remove_leftovers(folder: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The lock that whoever writes into a folder holds: `flock` on the folder itself, which a kill releases as
/// well.
#[derive(Debug)]
pub struct FolderLock(File);

impl FolderLock {
    /// Takes the lock of a folder; `None` when another process holds it.
    ///
    /// # Errors
    /// When the folder cannot be opened or locked.
    pub fn take(folder: &Path) -> io::Result<Option<FolderLock>> {
        let folder = File::open(folder)?;
        match folder.try_lock() {
            Ok(()) => Ok(Some(FolderLock(folder))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether the folder that is locked still has this name: a folder that was removed or renamed keeps its lock, and
    /// does not keep others from one that takes its name.
    ///
    /// # Errors
    /// When the system does not say.
    #[cfg(unix)]
    pub fn still_named(&self, folder: &Path) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let locked = self.0.metadata()?;
        match fs::metadata(folder) {
            Ok(named) => Ok((named.dev(), named.ino()) == (locked.dev(), locked.ino())),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Elsewhere than on Unix a folder that is open keeps its name.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(unix))]
    pub fn still_named(&self, _folder: &Path) -> io::Result<bool> {
        Ok(true)
    }
}

/// Whether the system refused because there is nothing of this name.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread is just starting has a copy of the
        // descriptor until it executes its program, and would hold the lock for so long.
        let _ = self.0.unlock();
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_has_no_name_before_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("shard");
        let mut file = DurableFile::create(&target).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!target.exists());
        file.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"half");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_made_with_those_above_it_and_never_in_place_of_a_file() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        create_folder(&deep).unwrap();
        create_folder(&deep).unwrap();
        assert!(deep.is_dir());
        fs::write(root.path().join("file"), b"kept").unwrap();
        create_folder(&root.path().join("file")).unwrap_err();
        create_folder(&root.path().join("file/below")).unwrap_err();
        assert_eq!(fs::read(root.path().join("file")).unwrap(), b"kept");
    }

    #[cfg(unix)]
    #[test]
    fn an_output_at_the_end_of_links_replaces_the_file_and_no_link() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("far")).unwrap();
        symlink("far/target", at("near")).unwrap();
        symlink(at("near"), at("nearer")).unwrap();
        // Dangling at first, then with a file behind it.
        for bytes in [b"one", b"two"] {
            write_output(&at("nearer"), bytes).unwrap();
            assert_eq!(fs::read(at("far/target")).unwrap(), bytes);
            assert!(at("near").is_symlink() && at("nearer").is_symlink());
        }
        symlink("circle", at("circle")).unwrap();
        write_output(&at("circle"), b"").unwrap_err();
        write_output(&at("far"), b"").unwrap_err();
        write_output(&at("nowhere/file"), b"").unwrap_err();
        assert!(at("circle").is_symlink() && at("far").is_dir());
    }

    #[test]
    fn a_copy_of_the_descriptor_in_a_child_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap().unwrap();
        let copy = lock.0.try_clone().unwrap();
        assert!(FolderLock::take(folder.path()).unwrap().is_none());
        drop(lock);
        assert!(FolderLock::take(folder.path()).unwrap().is_some());
        drop(copy);
    }

    #[test]
    fn an_abandoned_file_leaves_nothing_and_a_killed_one_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        drop(DurableFile::create(&folder.path().join("a")).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(folder.path().join(format!("{TEMPORARY_PREFIX}x")), b"killed").unwrap();
        fs::write(folder.path().join("kept"), b"kept").unwrap();
        assert_eq!(remove_leftovers(folder.path()).unwrap(), 1);
        assert!(folder.path().join("kept").exists());
    }
}
