//! Which samples are read: a split, of it a subset, of that what meets conditions, of that a share.
//!
//! ```text
//! ledger ─ split ─ --subset FILE ─ --where 'agreement >= 5' ─ --percent 10 ─▶ Selection
//! ```
//! The result is decided by the dataset and the four choices alone, and stands in the order of storage.

mod condition;
mod percent;
mod subset;

use std::fmt;
use std::path::PathBuf;

pub use condition::Condition;
pub use percent::{PERCENT_METHOD, Percent, percent_rank, take_percent};
use subset::Subset;
pub use subset::SubsetCounts;

use super::LoaderError;
use crate::dataset::{Dataset, DatasetError, LedgerBatch};
use crate::sample::{Label, NO_LABEL, Status};

/// What to read of a dataset; the steps are taken in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// Name of the split.
    pub split: String,
    /// A file that names samples, one on a line: sample ids or list lines.
    pub subset: Option<PathBuf>,
    /// Conditions on ledger columns, as [`Condition`] reads them.
    pub condition: Option<String>,
    /// A share of every class.
    pub percent: Option<Percent>,
    /// Another seed takes another share.
    pub percent_seed: u64,
}

impl Select {
    /// All stored samples of a split.
    pub fn split(name: &str) -> Select {
        Select { split: name.to_owned(), ..Select::default() }
    }
}

/// Where a stored sample lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the shard within the split.
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
    /// Of these, meeting the conditions.
    pub condition: usize,
    /// Of these, in the share.
    pub percent: usize,
    /// What the lines of the subset's file came to.
    pub subset_lines: Option<SubsetCounts>,
}

impl fmt::Display for SelectCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SelectCounts { split, subset, condition, percent, .. } = self;
        write!(f, "{split} stored, {subset} in the subset, {condition} meet the conditions, ")?;
        write!(f, "{percent} in the share")
    }
}

/// The samples that are read, in the order of storage: 10 bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    split: String,
    places: Vec<Place>,
    labels: Vec<u16>,
    counts: SelectCounts,
}

impl Selection {
    /// Selects from a dataset. Reads the columns of the ledger that are needed and nothing else.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`] for a split that is not there; [`DatasetError::Structure`] when ledger
    /// and dataset.json contradict each other; [`LoaderError::Condition`], [`LoaderError::SubsetFile`],
    /// [`LoaderError::SubsetLine`]; [`LoaderError::Nothing`] when no sample is left.
    pub fn of(dataset: &Dataset, select: &Select) -> Result<Selection, LoaderError> {
        dataset.split(&select.split)?;
        let columns = dataset.ledger_columns();
        let parse = |text: &String| Condition::parse(text, &columns);
        let mut gather = Gather {
            select,
            condition: select.condition.as_ref().map(parse).transpose()?,
            subset: select.subset.as_deref().map(Subset::read).transpose()?,
            places: Vec::new(),
            labels: Vec::new(),
            holds: Vec::new(),
            ranks: Vec::new(),
        };
        let condition = gather.condition.clone();
        let mut wanted = vec!["split", "status", "label", "shard", "row"];
        if gather.subset.is_some() || select.percent.is_some() {
            wanted.push("sample_id");
        }
        wanted.extend(condition.iter().flat_map(Condition::columns));
        dataset.scan_ledger(&wanted, &mut |batch| {
            gather.add(batch).map_err(|reason| {
                let path = dataset.root().join(&dataset.meta().ledger.file);
                LoaderError::from(DatasetError::Structure { path, reason })
            })
        })?;
        check_places(dataset, &select.split, &gather.places)?;
        gather.finish()
    }

    /// Name of the split.
    pub fn split(&self) -> &str {
        &self.split
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

/// What is gathered while the ledger goes by; one entry for each stored sample of the split.
struct Gather<'a> {
    select: &'a Select,
    condition: Option<Condition>,
    subset: Option<Subset>,
    places: Vec<Place>,
    labels: Vec<u16>,
    /// Filled where there is a condition.
    holds: Vec<bool>,
    /// Filled where there is a percentage.
    ranks: Vec<u128>,
}

impl Gather<'_> {
    fn add(&mut self, batch: &LedgerBatch) -> Result<(), String> {
        let (split, status) = (batch.column("split"), batch.column("status"));
        let (label, shard) = (batch.column("label"), batch.column("shard"));
        let row_in_shard = batch.column("row");
        let needs_id = self.subset.is_some() || self.select.percent.is_some();
        let sample_id = needs_id.then(|| batch.column("sample_id"));
        let holds = self.condition.as_ref().map(|condition| condition.holds(batch));
        for row in 0..batch.rows() {
            let own = split.word(row) == Some(&self.select.split);
            let stored = own && status.word(row) == Some(Status::Stored.as_str());
            let id = sample_id.as_ref().and_then(|ids| ids.word(row)).unwrap_or_default();
            if let Some(subset) = &mut self.subset {
                subset.see(id, stored.then_some(self.places.len() as u32));
            }
            if !stored {
                continue;
            }
            let number = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
            let place = number(shard.integer(row)).zip(number(row_in_shard.integer(row)));
            let Some((shard, row_in_shard)) = place else {
                return Err("a stored sample without its place".to_owned());
            };
            self.places.push(Place { shard, row: row_in_shard });
            self.labels.push(label.integer(row).map_or(NO_LABEL, |label| label as u16));
            self.holds.extend(holds.as_ref().map(|holds| holds[row]));
            if self.select.percent.is_some() {
                self.ranks.push(percent_rank(self.select.percent_seed, id));
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Selection, LoaderError> {
        let count = |kept: &[bool]| kept.iter().filter(|&&kept| kept).count();
        let mut kept = vec![true; self.places.len()];
        let mut counts = SelectCounts { split: kept.len(), ..SelectCounts::default() };
        if let Some(subset) = self.subset {
            let (named, lines) = subset.finish(kept.len())?;
            (kept, counts.subset_lines) = (named, Some(lines));
        }
        counts.subset = count(&kept);
        for (kept, holds) in kept.iter_mut().zip(&self.holds) {
            *kept &= holds;
        }
        counts.condition = count(&kept);
        let (mut places, mut labels, mut ranks) = (self.places, self.labels, self.ranks);
        keep(&mut places, &kept);
        keep(&mut labels, &kept);
        if let Some(percent) = self.select.percent {
            keep(&mut ranks, &kept);
            let taken = take_percent(percent, &labels, &ranks);
            keep(&mut places, &taken);
            keep(&mut labels, &taken);
        }
        counts.percent = places.len();
        let split = self.select.split.clone();
        if places.is_empty() {
            return Err(LoaderError::Nothing { split, counts: counts.to_string() });
        }
        Ok(Selection { split, places, labels, counts })
    }
}

/// Drops what is not kept; what is dropped gives its memory back.
fn keep<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    values.retain(|_| kept.next().is_some_and(|&kept| kept));
    values.shrink_to_fit();
}

/// Every stored row of the split stands in the ledger once, in the order of storage.
fn check_places(dataset: &Dataset, split: &str, places: &[Place]) -> Result<(), DatasetError> {
    let shards = &dataset.split(split)?.shards;
    let rows = |shard: u32| (0..).map(move |row| Place { shard, row });
    let expected = shards.iter().zip(0..).flat_map(|(s, shard)| rows(shard).take(s.rows as usize));
    if places.iter().copied().eq(expected) {
        return Ok(());
    }
    let path = dataset.root().join(&dataset.meta().ledger.file);
    let reason = format!(
        "the stored rows of split {split} are not those of its shards, in their order; run `tcolz verify {}`",
        dataset.root().display()
    );
    Err(DatasetError::Structure { path, reason })
}
