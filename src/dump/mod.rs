//! Raw dumps: which photos there are, what they are called, and how to get at their bytes.
//!
//! A layout turns a folder into a [`Dump`]: one [`Input`] for each line of each list (or for each
//! file, where a dump has no lists), in the order in which they will be stored. Nothing is decoded
//! here, and nothing is left out: a line that cannot be used carries its [`Problem`].

mod b_t4sa;
mod error;
mod folder;
mod list;
mod ttd;

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use error::DumpError;

use crate::sample::Label;

/// Source files above this are not read: no photo of 40 million pixels comes near it.
pub const MAX_SOURCE_BYTES: u64 = 256_000_000;

/// How a dump is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// B-T4SA: `b-t4sa_{train,val,test}.txt` beside `data/…`, unpacked.
    BT4sa,
    /// Twitter Testing Dataset: `ground_truth/twitter_*_agrees.txt` beside `images/`.
    Ttd,
    /// A folder a class, with or without folders `train`, `val`, `test` above.
    Folder,
}

impl Layout {
    /// Every layout, in the order in which `auto` tries them.
    pub const ALL: [Layout; 3] = [Layout::Ttd, Layout::BT4sa, Layout::Folder];

    /// The word used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Layout::BT4sa => "b-t4sa",
            Layout::Ttd => "ttd",
            Layout::Folder => "folder",
        }
    }

    /// The layout a word stands for.
    pub fn parse(word: &str) -> Option<Layout> {
        Layout::ALL.into_iter().find(|layout| layout.as_str() == word)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of an input list, or one file of a dump without lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Index into [`Dump::lists`].
    pub list: u16,
    /// Line in the list, from 1 (for a dump without lists: the file's place in path order).
    pub line: u32,
    /// Index into [`Dump::splits`].
    pub split: u16,
    /// The path as listed, with `/`, without `./` and the top folder.
    pub sample_id: Box<str>,
    /// Class index.
    pub label: Label,
    /// TTD: how many of five annotators agreed.
    pub agreement: Option<u8>,
    /// Why this line is not worth opening; `None` for nearly all.
    pub problem: Option<Problem>,
}

/// Why a line is not worth opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The same path stands on an earlier line of the same split.
    Duplicate {
        /// Line that won.
        first_line: u32,
        /// The two lines disagree about the label.
        label_conflict: bool,
    },
    /// The line or the name cannot be used.
    Unusable {
        /// Reason word for the ledger.
        code: &'static str,
        /// What is wrong, in words.
        detail: String,
    },
}

/// A dump, listed.
#[derive(Debug, Clone)]
pub struct Dump {
    /// How it is laid out.
    pub layout: Layout,
    /// The dump's folder.
    pub root: PathBuf,
    /// What stands before a sample id to make a path below the root: a folder and `/`, or nothing.
    pub prefix: String,
    /// Input lists, as paths relative to the dump (or what stands for a list).
    pub lists: Vec<String>,
    /// Splits, in the order in which they are converted.
    pub splits: Vec<String>,
    /// Class names, indexed by label.
    pub classes: Vec<String>,
    /// Every line, ordered by split and then in the order of storage.
    pub inputs: Vec<Input>,
    /// What a person should know about how the dump was read.
    pub notes: Vec<String>,
}

impl Dump {
    /// Lists the dump in `source`, whose layout is recognised unless one is given.
    ///
    /// # Errors
    /// When `source` is not a folder, no layout fits, or a list cannot be read.
    pub fn open(source: &Path, layout: Option<Layout>) -> Result<Dump, DumpError> {
        let metadata = source
            .metadata()
            .map_err(|error| DumpError::Unreadable { path: source.to_owned(), source: error })?;
        if !metadata.is_dir() {
            return Err(DumpError::NotAFolder { path: source.to_owned() });
        }
        let layout = match layout {
            Some(layout) => layout,
            None => recognise(source)?,
        };
        let mut dump = match layout {
            Layout::Ttd => ttd::open(source)?,
            Layout::BT4sa => b_t4sa::open(source)?,
            Layout::Folder => folder::open(source)?,
        };
        if dump.inputs.is_empty() {
            return Err(DumpError::Empty { path: source.to_owned(), layout });
        }
        mark_duplicates(&mut dump.inputs);
        // Stable, so that repeated paths stay in the order of their lines.
        dump.inputs.sort_by(|a, b| (a.split, &a.sample_id).cmp(&(b.split, &b.sample_id)));
        Ok(dump)
    }

    /// The path of a sample below the root, with `/`: what the ledger calls `path`.
    pub fn relative_path(&self, sample_id: &str) -> String {
        format!("{}{sample_id}", self.prefix)
    }

    /// Reads a sample's file whole into `bytes`, replacing what it held.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is no such file; other kinds when it cannot be read,
    /// is not a regular file, or is longer than [`MAX_SOURCE_BYTES`].
    pub fn read(&self, sample_id: &str, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.clear();
        let path = self.root.join(self.relative_path(sample_id));
        // Asked before opening: opening a FIFO would wait for a writer for ever.
        let metadata = path.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        if metadata.len() > MAX_SOURCE_BYTES {
            let length = metadata.len();
            return Err(io::Error::other(format!(
                "{length} bytes, more than the {MAX_SOURCE_BYTES} that are read"
            )));
        }
        bytes.reserve_exact(metadata.len() as usize + 1);
        File::open(path)?.take(MAX_SOURCE_BYTES).read_to_end(bytes)?;
        Ok(())
    }
}

fn recognise(source: &Path) -> Result<Layout, DumpError> {
    if ttd::recognise(source) {
        return Ok(Layout::Ttd);
    }
    if b_t4sa::recognise(source) {
        return Ok(Layout::BT4sa);
    }
    if folder::recognise(source) {
        return Ok(Layout::Folder);
    }
    Err(DumpError::UnknownLayout { path: source.to_owned() })
}

/// The first line of a path in a split wins; later ones are duplicates and say so.
fn mark_duplicates(inputs: &mut [Input]) {
    let mut first: HashMap<(u16, Box<str>), (u32, Label)> = HashMap::with_capacity(inputs.len());
    for input in inputs.iter_mut().filter(|input| input.problem.is_none()) {
        let key = (input.split, input.sample_id.clone());
        match first.get(&key) {
            None => {
                first.insert(key, (input.line, input.label));
            }
            Some(&(first_line, label)) => {
                let label_conflict = label != input.label;
                input.problem = Some(Problem::Duplicate { first_line, label_conflict });
            }
        }
    }
}

/// A tweet's id from a B-T4SA (`784760943188189184-1.jpg`) or TTD (`288005267_463613689107468288_Bm77.jpg`)
/// file name. Ids exceed 2^53, so they are never held as floating point.
pub fn tweet_id(layout: Layout, sample_id: &str) -> Option<u64> {
    let name = sample_id.rsplit('/').next()?;
    let digits = match layout {
        Layout::BT4sa => name.split('-').next()?,
        Layout::Ttd => name.split('_').nth(1)?,
        Layout::Folder => return None,
    };
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A listed path as a sample id: `/` between the parts, no `./`; refused when it could leave the dump
/// or when its name would break a line of text.
fn sample_id(listed: &str) -> Result<Box<str>, Problem> {
    let unusable = |code, detail: String| Problem::Unusable { code, detail };
    if listed.chars().any(char::is_control) {
        let detail = "the name holds a control character".to_owned();
        return Err(unusable("unusable-name", detail));
    }
    let absolute = listed.starts_with('/');
    let parts: Vec<&str> = listed.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if absolute || parts.contains(&"..") {
        let detail = format!("the path `{listed}` leaves the dump");
        return Err(unusable("path-leaves-dump", detail));
    }
    if parts.is_empty() {
        return Err(unusable("unusable-name", "the path is empty".to_owned()));
    }
    Ok(parts.join("/").into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tweet_ids_are_read_whole() {
        let listed = "data/78476/784760943188189184-1.jpg";
        assert_eq!(tweet_id(Layout::BT4sa, listed), Some(784_760_943_188_189_184));
        let ttd = "288005267_463613689107468288_Bm77-eK8_CIAAdKjk.jpg";
        assert_eq!(tweet_id(Layout::Ttd, ttd), Some(463_613_689_107_468_288));
        assert_eq!(tweet_id(Layout::BT4sa, "data/cat.jpg"), None);
        assert_eq!(
            tweet_id(Layout::Ttd, "1_99999999999999999999999_B.jpg"),
            None,
            "more than a u64"
        );
    }

    #[test]
    fn a_listed_path_cannot_leave_the_dump() {
        assert_eq!(&*sample_id("./data//1.jpg").unwrap(), "data/1.jpg");
        for listed in ["../x.jpg", "a/../../x.jpg", "/etc/passwd"] {
            let Err(Problem::Unusable { code, .. }) = sample_id(listed) else { panic!("{listed}") };
            assert_eq!(code, "path-leaves-dump");
        }
    }

    #[test]
    fn the_first_of_equal_lines_wins_and_a_conflict_is_named() {
        let input = |line, split, label| Input {
            list: 0,
            line,
            split,
            sample_id: "a.jpg".into(),
            label: Some(label),
            agreement: None,
            problem: None,
        };
        let mut inputs = [input(1, 0, 0), input(2, 0, 0), input(3, 0, 1), input(1, 1, 0)];
        mark_duplicates(&mut inputs);
        assert_eq!(inputs[0].problem, None);
        assert_eq!(
            inputs[1].problem,
            Some(Problem::Duplicate { first_line: 1, label_conflict: false })
        );
        assert_eq!(
            inputs[2].problem,
            Some(Problem::Duplicate { first_line: 1, label_conflict: true })
        );
        assert_eq!(inputs[3].problem, None, "the same path in two splits is stored in both");
    }
}
