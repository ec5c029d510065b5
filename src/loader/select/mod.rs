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
pub use subset::SubsetCounts;
use subset::{Meaning, Subset};

use super::LoaderError;
use crate::dataset::{Dataset, DatasetError, LedgerBatch, OwnRows};
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
        let condition = select.condition.as_ref().map(parse).transpose()?;
        let subset = select.subset.as_deref().map(Subset::read).transpose()?;
        let mut wanted = vec!["split", "status", "label", "shard", "row"];
        if subset.is_some() || select.percent.is_some() {
            wanted.push("sample_id");
        }
        wanted.extend(condition.iter().flat_map(Condition::columns));
        let own = dataset.own_rows(&select.split);
        let parts = dataset.scan_ledger(&wanted, |batch| {
            Gathered::of(batch, &own, select, condition.as_ref(), subset.as_ref())
        })?;
        let mut gathered = Gathered::default();
        parts.into_iter().for_each(|part| gathered.append(part));
        check_places(dataset, &select.split, &gathered.places)?;
        gathered.finish(select, subset)
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

/// What is gathered of rows of the ledger that follow each other; one entry for each stored sample of the
/// split.
#[derive(Default)]
struct Gathered {
    places: Vec<Place>,
    labels: Vec<u16>,
    /// Filled where there is a condition.
    holds: Vec<bool>,
    /// Filled where there is a percentage.
    ranks: Vec<u128>,
    /// Filled where there is a subset: what its lines mean, and the entry of it, if it has one.
    meant: Vec<(Meaning, Option<u32>)>,
}

impl Gathered {
    fn of(
        batch: &LedgerBatch<'_>,
        own: &OwnRows<'_>,
        select: &Select,
        condition: Option<&Condition>,
        subset: Option<&Subset>,
    ) -> Result<Gathered, String> {
        let (split, status, label) =
            (batch.text("split")?, batch.text("status")?, batch.u16("label")?);
        let (shard, row_in_shard) = (batch.u32("shard")?, batch.u32("row")?);
        let needs_id = subset.is_some() || select.percent.is_some();
        let sample_id = needs_id.then(|| batch.text("sample_id")).transpose()?;
        let holds = condition.map(|condition| condition.holds(batch)).transpose()?;
        let mut found = Gathered::default();
        for row in 0..batch.rows() {
            let stored = own.holds(split(row)) && status(row) == Some(Status::Stored.as_str());
            let id = sample_id.as_ref().and_then(|id| id(row)).unwrap_or_default();
            if let Some(subset) = subset {
                let entry = stored.then_some(found.places.len() as u32);
                let meanings = subset.meanings(id).iter();
                found.meant.extend(meanings.map(|&meaning| (meaning, entry)));
            }
            if !stored {
                continue;
            }
            let shard = shard(row).and_then(|shard| own.shard(split(row), shard));
            let Some((shard, row_in_shard)) = shard.zip(row_in_shard(row)) else {
                return Err("a stored sample without its place".to_owned());
            };
            found.places.push(Place { shard, row: row_in_shard });
            found.labels.push(label(row).unwrap_or(NO_LABEL));
            found.holds.extend(holds.as_ref().map(|holds| holds[row]));
            if select.percent.is_some() {
                found.ranks.push(percent_rank(select.percent_seed, id));
            }
        }
        Ok(found)
    }

    /// Adds what was gathered of the rows behind.
    fn append(&mut self, mut part: Gathered) {
        let first = self.places.len() as u32;
        let moved =
            |(meaning, entry): (Meaning, Option<u32>)| (meaning, entry.map(|entry| first + entry));
        self.meant.extend(part.meant.into_iter().map(moved));
        self.places.append(&mut part.places);
        self.labels.append(&mut part.labels);
        self.holds.append(&mut part.holds);
        self.ranks.append(&mut part.ranks);
    }

    fn finish(self, select: &Select, subset: Option<Subset>) -> Result<Selection, LoaderError> {
        let count = |kept: &[bool]| kept.iter().filter(|&&kept| kept).count();
        let mut kept = vec![true; self.places.len()];
        let mut counts = SelectCounts { split: kept.len(), ..SelectCounts::default() };
        if let Some(mut subset) = subset {
            self.meant.into_iter().for_each(|(meaning, entry)| subset.see(meaning, entry));
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
        if let Some(percent) = select.percent {
            keep(&mut ranks, &kept);
            let taken = take_percent(percent, &labels, &ranks);
            keep(&mut places, &taken);
            keep(&mut labels, &taken);
        }
        counts.percent = places.len();
        let split = select.split.clone();
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
