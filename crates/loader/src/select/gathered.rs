//! What the ledger says of the samples of a selection, gathered batch by batch.

use super::condition::Condition;
use super::percent::{keep_together, percent_rank, take_percent};
use super::selection::{Place, Select, SelectCounts, Selection};
use super::subset::{Meaning, Subset};
use crate::LoaderError;
use tcolz_base::door::call;
use tcolz_format::dataset::{
    Dataset, DatasetError, LedgerBatch, LedgerError, PHOTO_FIELD, SplitParts, photo_key,
};
use tcolz_format::sample::NO_LABEL;

/// What is gathered of rows of the ledger that follow each other; one entry for each stored sample of the
/// split.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) places: Vec<Place>,
    labels: Vec<u16>,
    /// Filled where there is a condition, or photos that were seen are left out.
    holds: Vec<bool>,
    /// Filled where there is a percentage.
    ranks: Vec<u128>,
    /// Filled where there is a subset: what its lines mean, and the entry of it, if it has one.
    meant: Vec<(Meaning, Option<u32>)>,
}

impl Gathered {
    pub(super) fn of(
        batch: &LedgerBatch<'_>,
        select: &Select,
        parts: &SplitParts,
        condition: Option<&Condition>,
        subset: Option<&Subset>,
    ) -> Result<Gathered, LedgerError> {
        let (stored, label) = (parts.stored(batch)?, batch.u16("label")?);
        let needs_id = subset.is_some() || select.percent.is_some();
        let sample_id = needs_id.then(|| batch.text("sample_id")).transpose()?;
        let mut holds = condition.map(|condition| condition.holds(batch)).transpose()?;
        if let Some(seen) = &select.unseen {
            let holds = holds.get_or_insert_with(|| vec![true; batch.rows()]);
            let photo = batch.hash(PHOTO_FIELD)?;
            for (row, holds) in holds.iter_mut().enumerate() {
                *holds &= photo(row).is_none_or(|hash| seen.get(photo_key(&hash)).is_none());
            }
        }
        let mut found = Gathered::default();
        for row in 0..batch.rows() {
            let place = stored(row)?;
            let id = sample_id.as_ref().and_then(|id| id(row)).unwrap_or_default();
            if let Some(subset) = subset {
                let entry = place.map(|_| found.places.len() as u32);
                let meanings = subset.meanings(id).iter();
                found.meant.extend(meanings.map(|&meaning| (meaning, entry)));
            }
            let Some((shard, row_in_shard)) = place else { continue };
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
    pub(super) fn append(&mut self, mut part: Gathered) {
        let first = self.places.len() as u32;
        let moved =
            |(meaning, entry): (Meaning, Option<u32>)| (meaning, entry.map(|entry| first + entry));
        self.meant.extend(part.meant.into_iter().map(moved));
        self.places.append(&mut part.places);
        self.labels.append(&mut part.labels);
        self.holds.append(&mut part.holds);
        self.ranks.append(&mut part.ranks);
    }

    /// Brings the rows of several splits from the ledger's order into that of storage.
    pub(super) fn sort(&mut self) {
        if self.places.is_sorted() {
            return;
        }
        let mut order: Vec<u32> = (0..self.places.len() as u32).collect();
        order.sort_by_key(|&entry| self.places[entry as usize]);
        fn sorted<T: Copy>(values: &mut Vec<T>, order: &[u32]) {
            if !values.is_empty() {
                *values = order.iter().map(|&entry| values[entry as usize]).collect();
            }
        }
        sorted(&mut self.places, &order);
        sorted(&mut self.labels, &order);
        sorted(&mut self.holds, &order);
        sorted(&mut self.ranks, &order);
        let mut moved = vec![0; order.len()];
        for (&entry, to) in order.iter().zip(0..) {
            moved[entry as usize] = to;
        }
        for (_, entry) in &mut self.meant {
            *entry = entry.map(|entry| moved[entry as usize]);
        }
    }

    pub(super) fn finish(
        self,
        select: &Select,
        parts: SplitParts,
        subset: Option<Subset>,
    ) -> Result<Selection, LoaderError> {
        let count = |kept: &[bool]| kept.iter().filter(|&&kept| kept).count();
        let mut kept = vec![true; self.places.len()];
        let unseen = select.unseen.is_some();
        let mut counts = SelectCounts { split: kept.len(), unseen, ..SelectCounts::default() };
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
            let mut taken = take_percent(percent, &labels, &ranks);
            if parts.names().len() > 1 {
                keep_together(&ranks, &mut taken);
            }
            keep(&mut places, &taken);
            keep(&mut labels, &taken);
        }
        counts.percent = places.len();
        let select = select.clone();
        if places.is_empty() {
            let (split, counts) = (select.split, counts.to_string());
            return Err(LoaderError::Nothing { split, counts });
        }
        Ok(Selection { select, parts, places, labels, counts })
    }
}

/// Drops what is not kept; what is dropped gives its memory back.
fn keep<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    values.retain(|_| kept.next().is_some_and(|&kept| kept));
    values.shrink_to_fit();
}

/// Every stored row of the split stands in the ledger once, in the order of storage.
pub(super) fn check_places(
    dataset: &Dataset,
    split: &str,
    places: &[Place],
) -> Result<(), DatasetError> {
    let shards = &*dataset.split(split)?.shards;
    let rows = |shard: u32| (0..).map(move |row| Place { shard, row });
    let expected = shards.iter().zip(0..).flat_map(|(s, shard)| rows(shard).take(s.rows as usize));
    if places.iter().copied().eq(expected) {
        return Ok(());
    }
    let path = dataset.root().join(&dataset.meta().ledger.file);
    let reason = format!(
        "the stored rows of split {split} are not those of its shards, in their order; run {}",
        call("verify", &[&dataset.root().display().to_string()], &[])
    );
    Err(DatasetError::Structure { path, reason })
}
