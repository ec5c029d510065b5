//! The ledger added up: of everything, or of what was selected.

use std::sync::{Mutex, PoisonError};

use super::facts;
use super::statistics::Statistics;
use super::sums::Sums;
use tcolz_format::dataset::{Dataset, DatasetError};
use tcolz_loader::select::{Place, Selection};

/// The statistics of everything or of selections, from the columns that they need.
pub(super) fn statistics(
    dataset: &Dataset,
    selections: Option<&[Selection]>,
) -> Result<Statistics, DatasetError> {
    let (meta, columns) = (dataset.meta(), &dataset.meta().columns);
    let fields = facts::fields(columns);
    let fields: Vec<&str> = fields.iter().map(|field| &**field).collect();
    // One for each thread: with 65,000 classes they are too large to have one for each batch.
    let pool = Mutex::new(Vec::new());
    let take = || pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
    dataset.scan_ledger(&fields, |batch| {
        let mut sums = take().unwrap_or_else(|| Sums::new(meta));
        facts::for_each(batch, columns, &mut |facts| match holds(
            selections,
            facts.split,
            facts.place,
        ) {
            true => sums.add(facts),
            false => Ok(()),
        })?;
        pool.lock().unwrap_or_else(PoisonError::into_inner).push(sums);
        Ok(())
    })?;
    let mut all = take().unwrap_or_else(|| Sums::new(meta));
    while let Some(sums) = take() {
        all.merge(sums);
    }
    Ok(all.finish())
}

/// Whether what lies at a place of a split is among what was selected; everything is where nothing was.
pub(super) fn holds(
    selections: Option<&[Selection]>,
    split: &str,
    place: Option<(u32, u32)>,
) -> bool {
    let Some(selections) = selections else { return true };
    let Some((shard, row)) = place else { return false };
    selections.iter().any(|selection| {
        let shard = selection.parts().shard(split, shard);
        shard.is_some_and(|shard| selection.index(Place { shard, row }).is_some())
    })
}
