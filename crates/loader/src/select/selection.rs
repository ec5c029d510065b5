//! What is asked for, and what is read then.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::condition::Condition;
use super::percent::Percent;
use super::subset::SubsetCounts;
use crate::LoaderError;
use tcolz_format::dataset::{
    Dataset, DatasetError, LedgerBatch, LedgerError, PHOTO_FIELD, PLACE_FIELDS, SeenPhotos,
    SplitParts, photo_key,
};
use tcolz_format::sample::{Label, NO_LABEL};

/// What to read of a dataset; the steps are taken in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// Name of the split, or names of several joined by `+`, which are read one behind the other: see
    /// [`Dataset::split_parts`].
    pub split: String,
    /// A file that names samples, one on a line: sample ids or list lines. Of a sample id that stands in
    /// several of the splits it names every row.
    pub subset: Option<PathBuf>,
    /// Conditions on ledger columns, as [`Condition`] reads them.
    pub condition: Option<String>,
    /// Of these, only photos that are none of these: what a model has never seen.
    pub unseen: Option<Arc<SeenPhotos>>,
    /// A share of every class. The rows of a sample id that stands in several of the splits are taken together.
    pub percent: Option<Percent>,
    /// Another seed takes another share.
    pub percent_seed: u64,
}

impl Select {
    /// All stored samples of a split.
    pub fn split(name: &str) -> Select {
        Select { split: name.to_owned(), ..Select::default() }
    }

    /// Which part of the split, in words, as screens and pictures name it; empty of all of it:
    /// `subset train.txt, where width > 300, 10 % of every class`.
    pub fn part(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.subset.as_ref().map(|file| {
            format!("subset {}", file.file_name().unwrap_or(file.as_os_str()).display())
        }));
        words.extend(self.condition.as_ref().map(|condition| format!("where {condition}")));
        words.extend(self.unseen.as_ref().map(|_| "unseen photos only".to_owned()));
        words.extend(self.percent.map(|percent| match self.percent_seed {
            0 => format!("{percent} % of every class"),
            seed => format!("{percent} % of every class (seed {seed})"),
        }));
        words.join(", ")
    }

    /// The condition, read for `dataset`.
    ///
    /// # Errors
    /// [`LoaderError::Condition`].
    pub fn condition_of(&self, dataset: &Dataset) -> Result<Option<Condition>, LoaderError> {
        let (columns, classes) = (dataset.ledger_columns(), &dataset.meta().classes);
        let parse = |text: &String| Condition::parse(text, &columns, classes);
        self.condition.as_ref().map(parse).transpose()
    }
}

/// Where a stored sample lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the shard within the split; of several splits read as one, among the shards of all.
    pub shard: u32,
    /// Row in the shard.
    pub row: u32,
}

/// How many samples each step left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SelectCounts {
    /// Stored in the split.
    pub split: usize,
    /// Of these, named by the subset's file.
    pub subset: usize,
    /// Of these, meeting the conditions, and not seen before where that is asked for.
    pub condition: usize,
    /// Whether photos that a model has seen do not meet them.
    pub unseen: bool,
    /// Of these, in the share.
    pub percent: usize,
    /// What the lines of the subset's file came to.
    pub subset_lines: Option<SubsetCounts>,
}

impl fmt::Display for SelectCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SelectCounts { split, subset, condition, percent, .. } = self;
        write!(f, "{split} stored, {subset} in the subset, {condition} meet the conditions")?;
        write!(f, "{}, ", if self.unseen { " and were not seen by the model" } else { "" })?;
        write!(f, "{percent} in the share")
    }
}

/// The samples that are read, in the order of storage: 10 bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    pub(super) select: Select,
    pub(super) parts: SplitParts,
    pub(super) places: Vec<Place>,
    pub(super) labels: Vec<u16>,
    pub(super) counts: SelectCounts,
}

impl Selection {
    /// Name of the split; names of several joined by `+`.
    pub fn split(&self) -> &str {
        &self.select.split
    }

    /// What was asked for.
    pub fn select(&self) -> &Select {
        &self.select
    }

    /// The splits that it is of.
    pub fn parts(&self) -> &SplitParts {
        &self.parts
    }

    /// Index of the sample at a place of the selection's splits; `None` where it was not selected.
    pub fn index(&self, place: Place) -> Option<usize> {
        self.places.binary_search(&place).ok()
    }

    /// Ids of the selected samples, in the order of storage.
    ///
    /// # Errors
    /// As [`Dataset::scan_ledger`].
    pub fn sample_ids(&self, dataset: &Dataset) -> Result<Vec<String>, DatasetError> {
        self.read_ledger(dataset, &["sample_id"], |batch, rows| {
            let id = batch.text("sample_id")?;
            Ok(rows.iter().map(|&row| id(row).unwrap_or_default().to_owned()).collect())
        })
    }

    /// Keys of the selected photos ([`photo_key`]), in the order of storage; `None` where the ledger has no hash.
    ///
    /// # Errors
    /// As [`Dataset::scan_ledger`].
    pub fn photos(&self, dataset: &Dataset) -> Result<Vec<Option<u64>>, DatasetError> {
        self.read_ledger(dataset, &[PHOTO_FIELD], |batch, rows| {
            let hash = batch.hash(PHOTO_FIELD)?;
            Ok(rows.iter().map(|&row| hash(row).map(|hash| photo_key(&hash))).collect())
        })
    }

    /// Reads the ledger columns `names` of the selected samples. `read` gets a batch of rows and the indices of those
    /// that are selected, and gives a value for each of these; the values come back in the order of storage.
    ///
    /// # Errors
    /// As [`Dataset::scan_ledger`]; [`DatasetError::Structure`] when the dataset is not the one that was selected from.
    pub fn read_ledger<T: Send>(
        &self,
        dataset: &Dataset,
        names: &[&str],
        read: impl Fn(&LedgerBatch<'_>, &[usize]) -> Result<Vec<T>, LedgerError> + Sync,
    ) -> Result<Vec<T>, DatasetError> {
        let columns: Vec<&str> = names.iter().copied().chain(PLACE_FIELDS).collect();
        let batches = dataset.scan_ledger(&columns, |batch| {
            let stored = self.parts.stored(batch)?;
            let (mut rows, mut indices) = (Vec::new(), Vec::new());
            for row in 0..batch.rows() {
                let place = stored(row)?.map(|(shard, row)| Place { shard, row });
                if let Some(index) = place.and_then(|place| self.index(place)) {
                    rows.push(row);
                    indices.push(index);
                }
            }
            let values = read(batch, &rows)?;
            debug_assert_eq!(values.len(), rows.len(), "a value for each selected row");
            Ok(indices.into_iter().zip(values).collect::<Vec<_>>())
        })?;
        let mut values: Vec<(usize, T)> = batches.into_iter().flatten().collect();
        // Splits may be read in another order than the ledger's.
        values.sort_by_key(|&(index, _)| index);
        if !values.iter().map(|&(index, _)| index).eq(0..self.len()) {
            let path = dataset.root().join(&dataset.meta().ledger.file);
            let reason = format!(
                "{} of {} selected samples are there: it has changed meanwhile",
                values.len(),
                self.len()
            );
            return Err(DatasetError::Structure { path, reason });
        }
        Ok(values.into_iter().map(|(_, value)| value).collect())
    }

    /// Samples in the selection; never none.
    #[allow(clippy::len_without_is_empty, reason = "a selection is never empty")]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Where the samples lie, ascending.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Label of a sample.
    ///
    /// # Panics
    /// When `index` is not below [`Selection::len`].
    pub fn label(&self, index: usize) -> Label {
        Some(self.labels[index]).filter(|&label| label != NO_LABEL)
    }

    /// Labels of all samples, [`NO_LABEL`] where there is none.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// What each step left.
    pub fn counts(&self) -> SelectCounts {
        self.counts
    }
}
