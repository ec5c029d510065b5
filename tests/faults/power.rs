//! A power cut, as hard as a disk may take it: every name that no sync of its folder covers is gone,
//! and so are the bytes of every file that was not synced itself.
//!
//! (A removal that was not synced could also come undone; this does not play that.)

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One sync, as the trace tells it.
#[derive(Debug, Clone)]
pub(crate) enum Sync {
    File { inode: u64, bytes: u64, path: PathBuf },
    Folder { path: PathBuf, names: BTreeSet<String> },
}

/// Reads a trace; empty where no sync was done.
pub(crate) fn trace(file: &Path) -> Vec<Sync> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let parse = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["file", inode, bytes, path] => Sync::File {
                inode: inode.parse().unwrap(),
                bytes: bytes.parse().unwrap(),
                path: path.into(),
            },
            ["folder", path, names] => Sync::Folder {
                path: path.into(),
                names: names.split_terminator('/').map(str::to_owned).collect(),
            },
            _ => panic!("not a line of a trace: {line}"),
        }
    };
    text.lines().map(parse).collect()
}

/// What a disk remembers whatever happens.
#[derive(Debug)]
pub(crate) struct Durable {
    root: PathBuf,
    names: BTreeMap<PathBuf, BTreeSet<String>>,
    files: BTreeSet<(u64, u64)>,
}

impl Durable {
    /// All that lies in `root` now.
    pub(crate) fn all(root: &Path) -> Durable {
        let mut durable =
            Durable { root: root.to_owned(), names: BTreeMap::new(), files: BTreeSet::new() };
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let mut names = BTreeSet::new();
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                let metadata = entry.metadata().unwrap();
                names.insert(entry.file_name().into_string().unwrap());
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else {
                    durable.files.insert((metadata.ino(), metadata.len()));
                }
            }
            durable.names.insert(folder, names);
        }
        durable
    }

    /// What it remembers after these syncs, too.
    pub(crate) fn and(mut self, syncs: Vec<Sync>) -> Durable {
        for sync in syncs {
            match sync {
                Sync::File { inode, bytes, .. } => {
                    self.files.insert((inode, bytes));
                }
                Sync::Folder { path, names } => {
                    self.names.insert(path, names);
                }
            }
        }
        self
    }

    /// Takes everything else from the disk; returns what was lost, as paths below the root.
    pub(crate) fn cut_the_power(&self) -> Vec<PathBuf> {
        let mut lost = Vec::new();
        let mut folders = vec![self.root.clone()];
        let none = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            let remembered = self.names.get(&folder).unwrap_or(&none);
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                let (path, metadata) = (entry.path(), entry.metadata().unwrap());
                if remembered.contains(entry.file_name().to_str().unwrap()) {
                    if metadata.is_dir() {
                        folders.push(path);
                        continue;
                    }
                    if self.files.contains(&(metadata.ino(), metadata.len())) {
                        continue;
                    }
                    fs::write(&path, b"").unwrap();
                } else if metadata.is_dir() {
                    fs::remove_dir_all(&path).unwrap();
                } else {
                    fs::remove_file(&path).unwrap();
                }
                lost.push(path.strip_prefix(&self.root).unwrap().to_owned());
            }
        }
        lost
    }
}
