//! From a source and what is asked for to a dump: the stages in their order.

use std::path::Path;

use super::contents::Dump;
use super::error::DumpError;
use super::input::Problem;
use super::layout::{Facts, Layout, Reading, Unrecognised, listed, recognise};
use super::left_out::LeftOut;
use super::list_file::{ListFile, is_table};
use super::names::{fold, shown};
use super::options::DumpOptions;
use super::outline::Outline;
use super::same_files::{identical, same_files};
use super::source::{Source, Watch};
use super::splits::divide;
use super::text_scores::add as add_text_scores;
use tcolz_format::dataset::{MakeSplits, SPLIT_METHODS};

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
        let tree = source.tree(watch)?;
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
            let fault =
                format!("the folder name `{}` holds a control character", shown(&reading.root));
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
            add_text_scores(&mut dump, path)?;
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

impl DumpOptions {
    /// Lists the dump. `watch` is told how far the index of a tar is.
    ///
    /// # Errors
    /// When the source is neither folder nor tar, no layout fits, or a list cannot be read.
    pub fn open(&self, watch: &mut Watch<'_>) -> Result<Dump, DumpError> {
        self.open_indexed(None, watch)
    }

    /// As [`DumpOptions::open`], with the index that [`Dump::keep_index`] left in the file `kept`.
    ///
    /// # Errors
    /// As [`DumpOptions::open`].
    pub fn open_indexed(
        &self,
        kept: Option<&Path>,
        watch: &mut Watch<'_>,
    ) -> Result<Dump, DumpError> {
        // A table stands for the folder that it lies in.
        if self.source.is_file() && is_table(&self.source) {
            let mut options = self.clone();
            let absolute = std::path::absolute(&self.source)
                .map_err(|source| DumpError::Unreadable { path: self.source.clone(), source })?;
            if !options.lists.is_empty() || options.layout.is_some_and(|known| known != Layout::Csv)
            {
                return Err(DumpError::TableAsSource { path: self.source.clone() });
            }
            options.lists.push(ListFile { split: None, path: absolute.clone() });
            options.layout = Some(Layout::Csv);
            let source = Source::open(&self.source, watch)?;
            return Dump::list(&options, source, watch);
        }
        let source = Source::open_indexed(&self.source, kept, watch)?;
        Dump::list(self, source, watch)
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
