//! A dump once it is listed: what there is in it, and how to get at its bytes.

use std::io;
use std::path::Path;

use super::input::Input;
use super::layout::Reading;
use super::source::{Place, Source};
use super::tree::Skipped;
use tcolz_format::dataset::MakeSplits;

/// A dump, listed.
#[derive(Debug, Clone)]
pub struct Dump {
    /// How it was read, and why.
    pub reading: Reading,
    /// Where its files lie.
    pub source: Source,
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
    /// Photos in the source that are no inputs, as paths below it, sorted.
    pub unlisted: Vec<String>,
    /// What was not looked at because of its name.
    pub skipped: Skipped,
    /// How the splits were made, where the dump had none.
    pub made_splits: Option<MakeSplits>,
    /// What a person should know about how the dump was read.
    pub notes: Vec<String>,
    /// What is missing from the source or cannot be read: sentences.
    pub damage: Vec<String>,
}

impl Dump {
    /// Keeps the index of a tar in the file `kept`, for [`DumpOptions::open_indexed`](super::DumpOptions::open_indexed).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_index(&self, kept: &Path) -> io::Result<()> {
        self.source.keep_index(kept)
    }

    /// The same dump with other inputs.
    pub fn part(&self, inputs: Vec<Input>) -> Dump {
        Dump {
            reading: self.reading.clone(),
            source: self.source.clone(),
            prefix: self.prefix.clone(),
            lists: self.lists.clone(),
            splits: self.splits.clone(),
            classes: self.classes.clone(),
            inputs,
            made_splits: self.made_splits.clone(),
            unlisted: Vec::new(),
            skipped: Skipped::default(),
            notes: Vec::new(),
            damage: Vec::new(),
        }
    }

    /// The path of a sample below the root, with `/`: what the ledger calls `path`.
    pub fn relative_path(&self, sample_id: &str) -> String {
        format!("{}{sample_id}", self.prefix)
    }

    /// Reads a sample's file whole into `bytes`, replacing what it held.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn read(&self, sample_id: &str, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.source.read(&self.relative_path(sample_id), bytes)
    }

    /// Where a sample's file lies; `None` when there is none.
    pub fn place(&self, sample_id: &str) -> Option<Place> {
        self.source.place(&self.relative_path(sample_id))
    }
}
