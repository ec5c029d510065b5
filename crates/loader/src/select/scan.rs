//! From the ledger to a selection.

use super::condition::Condition;
use super::gathered::{Gathered, check_places};
use super::selection::{Select, Selection};
use super::subset::Subset;
use crate::LoaderError;
use tcolz_format::dataset::{Dataset, LedgerBatch, PHOTO_FIELD, PLACE_FIELDS};

impl Selection {
    /// Selects from a dataset. Reads the columns of the ledger that are needed and nothing else.
    ///
    /// # Errors
    /// [`LoaderError::Dataset`] for a split that is not there, or when ledger and dataset.json contradict each other;
    /// [`LoaderError::Condition`], [`LoaderError::SubsetFile`], [`LoaderError::SubsetLine`]; [`LoaderError::NotStored`]
    /// where the condition asks for another status; [`LoaderError::Nothing`] when no sample is left.
    pub fn of(dataset: &Dataset, select: &Select) -> Result<Selection, LoaderError> {
        Selection::scanned(dataset, select, false)
    }

    /// The same for one who opens the shards next: the ledger is read once for both.
    pub(crate) fn and_shards(dataset: &Dataset, select: &Select) -> Result<Selection, LoaderError> {
        Selection::scanned(dataset, select, true)
    }

    fn scanned(dataset: &Dataset, select: &Select, shards: bool) -> Result<Selection, LoaderError> {
        let parts = dataset.split_parts(&select.split)?;
        let condition = select.condition_of(dataset)?;
        if let Some(text) = select.condition.as_ref()
            && condition.as_ref().is_some_and(Condition::excludes_stored)
        {
            return Err(LoaderError::NotStored {
                text: text.clone(),
                dataset: dataset.root().to_owned(),
            });
        }
        let subset = select.subset.as_deref().map(Subset::read).transpose()?;
        let mut wanted = vec!["label"];
        wanted.extend(PLACE_FIELDS);
        if subset.is_some() || select.percent.is_some() {
            wanted.push("sample_id");
        }
        wanted.extend(condition.iter().flat_map(Condition::columns));
        wanted.extend(select.unseen.iter().map(|_| PHOTO_FIELD));
        let gather = |batch: &LedgerBatch<'_>| {
            Gathered::of(batch, select, &parts, condition.as_ref(), subset.as_ref())
        };
        let batches = match shards {
            true => dataset.scan_ledger_and_shards(&wanted, gather),
            false => dataset.scan_ledger(&wanted, gather),
        }?;
        let mut gathered = Gathered::default();
        batches.into_iter().for_each(|batch| gathered.append(batch));
        if parts.names().len() > 1 {
            gathered.sort();
        }
        check_places(dataset, &select.split, &gathered.places)?;
        gathered.finish(select, parts, subset)
    }
}
