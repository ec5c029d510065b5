//! Every file of a dump by its path: what recognition, lists and the count of what is left out go by.
//!
//! Folder and tar give the same tree: it holds files alone, so that an empty folder, which not every copy
//! of a dump keeps, decides nothing.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde::Serialize;

use super::litter::{is_hidden_by_hand, skipped_part};
use super::names::{fold, printable};

/// Skipped places that are named; the others are counted.
const NAMED: usize = 20;

/// The files of a dump, sorted by path.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: Vec<TreeFile>,
    /// Folders on the disk that hold nothing, sorted.
    pub(super) empty_folders: Vec<String>,
    pub(super) skipped: Skipped,
    /// Paths of what was skipped, until they are counted.
    skipped_parts: Vec<Box<str>>,
    /// What was odd on the way.
    pub(super) notes: Vec<String>,
    /// Paths as [`fold`] makes them, and their files; `None` where two files have one. Made when first needed.
    folded: OnceCell<HashMap<String, Option<usize>>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TreeFile {
    /// Below the dump, with `/`.
    pub(super) path: Box<str>,
    /// The name is not UTF-8; what could not be read of it is `�`.
    pub(super) bad_name: bool,
}

/// What was not looked at because of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Files and folders that were skipped; a folder counts once.
    pub entries: u64,
    /// The first of them, in the order of their paths.
    pub first: Vec<String>,
    /// How many were hidden by a dot that no system is known to put there.
    pub hidden: u64,
}

impl Skipped {
    /// What was skipped, in words; `None` where nothing was.
    pub(super) fn in_words(&self) -> Option<String> {
        let first = self.first.first()?;
        let what = if self.entries == 1 { "file or folder was" } else { "files or folders were" };
        Some(format!(
            "{} {what} skipped for a name that begins with a dot or is a system's own, the first is `{first}`",
            self.entries
        ))
    }

    /// The same, where a name begins with a dot that no system is known to put there.
    pub(super) fn hidden_in_words(&self) -> Option<String> {
        self.in_words().filter(|_| self.hidden > 0)
    }
}

/// What a file is, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    Picture,
    Other,
    Unknown,
}

impl NameKind {
    pub(super) fn of(path: &str) -> NameKind {
        const PICTURES: [&str; 19] = [
            "jpg", "jpeg", "jpe", "jfif", "png", "gif", "webp", "bmp", "dib", "tif", "tiff",
            "heic", "heif", "avif", "jxl", "jp2", "ppm", "pgm", "mpo",
        ];
        const OTHERS: [&str; 55] = [
            "txt", "csv", "tsv", "json", "jsonl", "ndjson", "xml", "html", "htm", "md", "rst",
            "yaml", "yml", "toml", "ini", "cfg", "log", "py", "ipynb", "sh", "m", "r", "pdf",
            "doc", "docx", "xls", "xlsx", "db", "sqlite", "mat", "npy", "npz", "pkl", "pickle",
            "pt", "pth", "h5", "hdf5", "parquet", "arrow", "feather", "lmdb", "zip", "tar", "gz",
            "tgz", "bz2", "xz", "zst", "7z", "rar", "mp4", "mov", "avi", "wav",
        ];
        const BARE: [&str; 10] = [
            "readme",
            "license",
            "licence",
            "copying",
            "notice",
            "authors",
            "changelog",
            "citation",
            "makefile",
            "version",
        ];
        let name = path.rsplit('/').next().unwrap_or(path);
        let is =
            |known: &[&str], word: &str| known.iter().any(|known| known.eq_ignore_ascii_case(word));
        match name.rsplit_once('.') {
            Some((_, ending)) if is(&PICTURES, ending) => NameKind::Picture,
            Some((_, ending)) if is(&OTHERS, ending) => NameKind::Other,
            None if is(&BARE, name) => NameKind::Other,
            _ => NameKind::Unknown,
        }
    }
}

impl Tree {
    /// Puts all files into the order of their paths and counts what was skipped, once everything was added.
    pub(super) fn sort(&mut self) {
        self.files.sort_unstable();
        self.empty_folders.sort_unstable();
        self.count_skipped();
    }

    /// Adds a file, unless it is skipped for a name in its path.
    pub(super) fn add(&mut self, path: impl Into<Box<str>>, bad_name: bool) {
        let path = path.into();
        match skipped_part(&path) {
            Some(part) => {
                let part = part.to_owned();
                self.skip(&part);
            }
            None => self.files.push(TreeFile { path, bad_name }),
        }
    }

    /// Counts a file or a folder that is not looked at.
    pub(super) fn skip(&mut self, path: &str) {
        if self.skipped_parts.last().is_none_or(|last| **last != *path) {
            self.skipped_parts.push(path.into());
        }
    }

    fn count_skipped(&mut self) {
        self.skipped_parts.sort_unstable();
        self.skipped_parts.dedup();
        let is_hidden = |path: &str| is_hidden_by_hand(path.rsplit('/').next().unwrap_or(path));
        self.skipped = Skipped {
            entries: self.skipped_parts.len() as u64,
            first: self.skipped_parts.iter().take(NAMED).map(|path| printable(path)).collect(),
            hidden: self.skipped_parts.iter().filter(|path| is_hidden(path)).count() as u64,
        };
        self.skipped_parts = Vec::new();
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// All files, in the order of their paths.
    pub(super) fn files(&self) -> &[TreeFile] {
        &self.files
    }

    /// The number of the file at `path`.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.files.binary_search_by(|file| (*file.path).cmp(path)).ok()
    }

    /// The files by their paths without what lists may write in another way.
    pub(super) fn folded(&self) -> &HashMap<String, Option<usize>> {
        self.folded.get_or_init(|| {
            let mut folded = HashMap::with_capacity(self.files.len());
            for (index, file) in self.files.iter().enumerate() {
                let place = folded.entry(fold(&file.path)).or_insert(Some(index));
                if *place != Some(index) {
                    *place = None;
                }
            }
            folded
        })
    }

    /// The numbers of all files with this path; two names that are not UTF-8 may look alike.
    pub(super) fn find_all(&self, path: &str) -> std::ops::Range<usize> {
        let begin = self.files.partition_point(|file| *file.path < *path);
        let count = self.files[begin..].iter().take_while(|file| *file.path == *path).count();
        begin..begin + count
    }

    pub(super) fn is_file(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// The files below `folder` (`""` for all, otherwise ending in `/`), in the order of their paths.
    pub(super) fn below(&self, folder: &str) -> &[TreeFile] {
        let begin = self.files.partition_point(|file| &*file.path < folder);
        let rest = &self.files[begin..];
        &rest[..rest.partition_point(|file| file.path.starts_with(folder))]
    }

    pub(super) fn is_folder(&self, folder: &str) -> bool {
        !self.below(&format!("{}/", folder.trim_end_matches('/'))).is_empty()
    }

    /// The files directly in `folder`, without the folder before their names.
    pub(super) fn names_in<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let names = self.below(folder).iter().map(|file| &file.path[folder.len()..]);
        names.filter(|name| !name.contains('/'))
    }
}
