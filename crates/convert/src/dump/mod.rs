//! Raw dumps: which photos there are, what they are called, and how to get at their bytes.
//!
//! ```text
//! Source ─▶ Tree ─▶ Reading ─▶ lists ─▶ left out ─▶ splits, text scores ─▶ Dump
//! folder    every   layout     inputs   photos that
//! or tar    file    and why             are no input
//! ```
//!
//! A layout turns a [`Source`] into a [`Dump`]: one [`Input`] for each line of each list (or for each
//! file, where a dump has no lists), in the order in which they will be stored. Nothing is decoded
//! here, and nothing is left out without a word: a line that cannot be used carries its [`Problem`], and a
//! photo that is no input stands in [`Dump::unlisted`].

mod error;
mod input;
mod layout;
mod left_out;
mod list;
mod litter;
mod names;
mod options;
mod outline;
mod resolve;
mod same_files;
mod source;
mod splits;
mod text_scores;
mod tree;

use std::io;
use std::path::Path;

pub use error::DumpError;
pub use input::{Input, Problem, tweet_id};
pub use layout::{Layout, NotUsed, Reading};
pub use options::{DumpOptions, ListFile, ListFileError};
pub(crate) use source::is_of_the_machine;
pub use source::{MAX_SOURCE_BYTES, Place, Source, Watch};
pub use tree::Skipped;

use layout::{Facts, Unrecognised, listed, recognise};
use left_out::LeftOut;
use outline::Outline;
use resolve::fold;
use same_files::{identical, same_files};
use splits::divide;
use tcolz_format::dataset::{MakeSplits, SPLIT_METHODS};
use tree::Tree;

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
    /// Lists the dump in `source`, whose layout is recognised unless one is given.
    ///
    /// # Errors
    /// As [`DumpOptions::open`].
    pub fn open(source: &Path, layout: Option<Layout>) -> Result<Dump, DumpError> {
        let options = DumpOptions { layout, ..DumpOptions::new(source) };
        options.open(&mut |_, _| std::ops::ControlFlow::Continue(()))
    }

    /// Lists what lies in `source`.
    fn list(
        options: &DumpOptions,
        source: Source,
        watch: &mut Watch<'_>,
    ) -> Result<Dump, DumpError> {
        let path = || source.path().to_owned();
        let tree = Tree::of(&source, watch)?;
        if options.layout.is_none()
            && tree.is_file("dataset.json")
            && tree.is_file("ledger.parquet")
        {
            return Err(DumpError::IsDataset { path: path() });
        }
        let outline = Outline::of(&source, &tree, watch)?;
        let mut facts = Facts::of(&source, &tree, outline);
        let by_hand = !options.lists.is_empty();
        if by_hand && matches!(options.layout, Some(Layout::Folder | Layout::Classes)) {
            return Err(DumpError::ListsOfFolder { path: path() });
        }
        let recognised = recognise(&facts, options.layout, by_hand);
        let by_tables = |reading: &Reading| reading.layout != Layout::Folder;
        if matches!(options.layout, None | Some(Layout::Csv))
            && !by_hand
            && !recognised.as_ref().is_ok_and(by_tables)
            && let Some(broken) = facts.broken.take()
        {
            return Err(broken);
        }
        let mut reading = recognised.map_err(|why| match why {
            Unrecognised::Unknown(mut found) => {
                found.extend(tree.skipped.in_words());
                DumpError::UnknownLayout { path: path(), found: found.join("; ") }
            }
            Unrecognised::TableOrFolder { table, class } => {
                DumpError::TableOrFolder { path: path(), table, class }
            }
            Unrecognised::NoClasses(folders) => {
                DumpError::NoClassFolders { path: path(), folders: listed(&folders) }
            }
        })?;
        let mut found = reading.open(options, &source, &tree, &facts.outline)?;
        if found.inputs.is_empty() {
            return Err(DumpError::Empty { path: path(), layout: reading.layout });
        }
        found.used.extend(
            options
                .text_scores
                .as_deref()
                .and_then(|scores| source.inside(&scores.canonicalize().ok()?)),
        );
        if reading.root.contains(char::is_control) {
            let fault = format!(
                "the folder name `{}` holds a control character",
                names::shown(&reading.root)
            );
            return Err(DumpError::FolderName { path: path(), fault });
        }
        let left_out = LeftOut::of(&source, &tree, &reading, &found, watch)?;
        reading.not_used.extend(left_out.by_folder);
        let count = left_out.photos.len() as u64;
        if count > left_out.taken && options.layout.is_none() && !by_hand {
            let (reading, all) = (Box::new(reading), left_out.taken + count);
            return Err(DumpError::LeavesOut { path: path(), reading, count, all });
        }
        if let Some(first) = left_out.photos.first().filter(|_| options.strict) {
            let (path, first) = (path(), first.clone());
            return Err(DumpError::Unlisted {
                path,
                count,
                first,
                words: reading.not_used_in_words(),
            });
        }
        let mut notes = std::mem::take(&mut reading.notes);
        notes.extend(found.notes);
        notes.extend(alike(&found.classes));
        notes.extend(tree.skipped.hidden_in_words());
        notes.extend_from_slice(&tree.notes);
        notes.extend_from_slice(source.notes());
        let damage = source.damage().to_vec();
        let mut dump = Dump {
            reading,
            prefix: found.prefix,
            lists: found.lists,
            splits: found.splits,
            classes: found.classes,
            inputs: found.inputs,
            unlisted: left_out.photos,
            skipped: tree.skipped,
            source,
            made_splits: None,
            notes,
            damage,
        };
        if let Some(make) = &options.make_splits {
            if dump.splits.len() != 1 {
                let (path, splits) = (dump.source.path().to_owned(), dump.splits.join(", "));
                return Err(DumpError::HasSplits { path, splits });
            }
            dump.divide(make, watch)?;
        }
        dump.mark_duplicates();
        if let Some(path) = &options.text_scores {
            text_scores::add(&mut dump, path)?;
        }
        dump.sort();
        Ok(dump)
    }

    /// Gives the inputs of a dump without splits theirs.
    fn divide(&mut self, make: &MakeSplits, watch: &mut Watch<'_>) -> Result<(), DumpError> {
        let keeps_files_together = make.keeps_files_together().ok_or_else(|| {
            DumpError::SplitMethod { found: make.method.clone(), known: SPLIT_METHODS.join(", ") }
        })?;
        let same = match keeps_files_together {
            true => same_files(&self.source, &self.prefix, &self.inputs, watch)?,
            false => Vec::new(),
        };
        self.notes.extend(identical(&same, &self.inputs));
        self.splits = divide(make, &mut self.inputs, &same);
        self.made_splits = Some(make.clone());
        Ok(())
    }

    /// Puts the inputs into the order of storage: path order for folders, member order for a tar, where
    /// what is not in it comes last. Stable, so that repeated paths stay in the order of their lines.
    fn sort(&mut self) {
        if self.source.is_tar() {
            let Dump { source, prefix, inputs, .. } = self;
            inputs.sort_by_cached_key(|input| {
                let place = source.place(&format!("{prefix}{}", input.sample_id));
                let position = place.map_or(u64::MAX, |place| place.position);
                (input.split, position, input.sample_id.clone())
            });
        } else {
            self.inputs.sort_by(|a, b| (a.split, &a.sample_id).cmp(&(b.split, &b.sample_id)));
        }
    }

    /// Keeps the index of a tar in the file `kept`, for [`DumpOptions::open_indexed`].
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

    /// The first line of a path in a split wins; later ones are duplicates and say so. The same path in
    /// two splits stays in both and is noted as leakage.
    fn mark_duplicates(&mut self) {
        let inputs = &self.inputs;
        let at = |index: u32| &inputs[index as usize];
        // Sorted by number, and not hashed by path: half a million paths stand in memory once already.
        let mut order: Vec<u32> = (0..inputs.len() as u32).collect();
        order.retain(|&index| at(index).problem.is_none());
        let key = |index: u32| (&at(index).sample_id, at(index).split);
        order.sort_by(|&a, &b| key(a).cmp(&key(b)));
        let mut duplicates = Vec::new();
        let mut leaked: Vec<u32> = Vec::new();
        for same_path in order.chunk_by(|&a, &b| at(a).sample_id == at(b).sample_id) {
            if same_path.iter().any(|&index| at(index).split != at(same_path[0]).split) {
                leaked.push(same_path[0]);
            }
            for same_split in same_path.chunk_by(|&a, &b| at(a).split == at(b).split) {
                let first = at(same_split[0]);
                for &index in &same_split[1..] {
                    let label_conflict = at(index).label != first.label;
                    let problem = Problem::Duplicate { first_line: first.line, label_conflict };
                    duplicates.push((index, problem));
                }
            }
        }
        if let Some(&first) = leaked.first() {
            let (count, id) = (leaked.len(), &at(first).sample_id);
            let what = if count == 1 { "photo stands" } else { "photos stand" };
            self.notes.push(format!(
                "leakage: {count} {what} in more than one split, the first is `{id}`; stored in each"
            ));
        }
        for (index, problem) in duplicates {
            self.inputs[index as usize].problem = Some(problem);
        }
    }
}

/// Classes that are called alike but for capitals and how letters are composed, where there are some.
fn alike(classes: &[String]) -> Option<String> {
    let mut folded: Vec<(String, &String)> =
        classes.iter().map(|class| (fold(class), class)).collect();
    folded.sort();
    let pair = folded.windows(2).find(|pair| pair[0].0 == pair[1].0)?;
    let (one, other) = (pair[0].1, pair[1].1);
    Some(format!("the classes `{one}` and `{other}` differ in capitals or composed letters alone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_lines_wins_and_a_conflict_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("b-t4sa_train.txt", "a.jpg 0\nb.jpg 1\na.jpg 0\n./a.jpg 1\n");
        write("b-t4sa_val.txt", "a.jpg 0\n");
        let dump = Dump::open(folder.path(), None).unwrap();
        let found: Vec<_> = dump
            .inputs
            .iter()
            .map(|input| match input.problem {
                None => (input.split, input.line, None),
                Some(Problem::Duplicate { first_line, label_conflict }) => {
                    (input.split, input.line, Some((first_line, label_conflict)))
                }
                Some(Problem::Unusable { .. }) => panic!("{input:?}"),
            })
            .collect();
        let first = |split, line| (split, line, None);
        assert_eq!(
            found,
            [
                first(0, 1),
                (0, 3, Some((1, false))),
                (0, 4, Some((1, true))),
                first(0, 2),
                first(1, 1)
            ]
        );
        let [note] = &dump.notes[..] else { panic!("{:?}", dump.notes) };
        assert!(note.contains("1 photo stands in more than one split") && note.contains("a.jpg"));
    }
}
