//! What a dataset holds: its statistics, and what it takes on disk.

use serde::Serialize;

use super::asked::Asked;
use super::statistics::Statistics;
use super::totals::statistics;
use tcolz_base::door::call;
use tcolz_format::dataset::{Dataset, DatasetError};
use tcolz_loader::select::Selection;
use tcolz_pixels::recipe::Recipe;

/// What a dataset holds. The JSON form is `tcolz inspect --json`; its schema is
/// `schemas/inspect.schema.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// The dataset's folder.
    pub dataset: String,
    /// Identity of the content.
    pub content_root: String,
    /// The tcolz that made it.
    pub tcolz_version: String,
    /// Version of the format.
    pub format_version: u32,
    /// How pixels became tensors.
    pub recipe: Recipe,
    /// Views by name; the recipe's is given to a reader that asks for none.
    pub views: Vec<String>,
    /// Class names, indexed by label.
    pub classes: Vec<String>,
    /// What was missing from the source, or could not be read, beside the inputs that the ledger has.
    pub source_damage: Vec<String>,
    /// What was asked for, where not everything is looked at.
    pub asked: Option<Asked>,
    /// What was selected of each split, where not everything is looked at.
    pub selected: Option<Vec<Selected>>,
    /// What its ledger adds up to; of a selection, what the selected samples add up to.
    #[serde(flatten)]
    pub statistics: Statistics,
    /// What the shards of each split take.
    pub storage: Vec<SplitStorage>,
    /// Bytes of dataset.json's files: shards and ledger.
    pub stored_bytes: u64,
    /// Bytes of the ledger.
    pub ledger_bytes: u64,
    /// Number of shards.
    pub shards: u64,
    /// Uncompressed bytes of all tensors, over the bytes stored.
    pub ratio: f64,
}

/// How many samples of a split each step of a selection left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Selected {
    /// Name of the split.
    pub split: String,
    /// Stored in it.
    pub stored: u64,
    /// Of these, named by the subset's file.
    pub subset: u64,
    /// Of these, meeting the conditions.
    pub condition: u64,
    /// Of these, in the share: what is looked at.
    pub percent: u64,
}

/// What the shards of a split take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitStorage {
    /// Name of the split.
    pub name: String,
    /// Number of shards.
    pub shards: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Inspects a dataset.
///
/// # Errors
/// As [`Dataset::scan_ledger`]; [`DatasetError::Structure`] when the ledger has rows that this dataset
/// cannot hold, or other counts than dataset.json.
pub fn inspect(dataset: &Dataset) -> Result<Inspection, DatasetError> {
    let statistics = statistics(dataset, None)?;
    let (found, expected) = (statistics.counts, dataset.meta().counts);
    if found != expected {
        let path = dataset.root().join(&dataset.meta().ledger.file);
        let reason = format!(
            "counts are {found:?}, dataset.json says {expected:?}; {} has more",
            call("verify", &[&dataset.root().display().to_string()], &[])
        );
        return Err(DatasetError::Structure { path, reason });
    }
    Ok(inspection(dataset, statistics))
}

/// Inspects some samples of a dataset: those of the selections, no sample in two. What the dataset takes
/// on disk is told of all of it.
///
/// # Errors
/// As [`inspect()`].
pub fn inspect_selected(
    dataset: &Dataset,
    selections: &[Selection],
) -> Result<Inspection, DatasetError> {
    let statistics = statistics(dataset, Some(selections))?;
    let selected = |selection: &Selection| {
        let counts = selection.counts();
        let [stored, subset, condition, percent] =
            [counts.split, counts.subset, counts.condition, counts.percent].map(|n| n as u64);
        Selected { split: selection.split().to_owned(), stored, subset, condition, percent }
    };
    let selected = selections.iter().map(selected).collect();
    Ok(Inspection {
        asked: Some(Asked::of(dataset, selections)),
        selected: Some(selected),
        ..inspection(dataset, statistics)
    })
}

fn inspection(dataset: &Dataset, statistics: Statistics) -> Inspection {
    let meta = dataset.meta();
    let storage: Vec<SplitStorage> = meta
        .splits
        .iter()
        .map(|split| SplitStorage {
            name: split.name.clone(),
            shards: split.shards.len() as u64,
            bytes: split.shards.iter().map(|shard| shard.bytes).sum(),
        })
        .collect();
    let stored_bytes = storage.iter().map(|split| split.bytes).sum::<u64>() + meta.ledger.bytes;
    let row_bytes: u64 = meta.columns.iter().map(|column| column.raw_bytes() as u64).sum();
    let raw_bytes = meta.counts.stored * row_bytes;
    Inspection {
        dataset: dataset.root().display().to_string(),
        content_root: meta.content_root.clone(),
        tcolz_version: meta.tcolz_version.clone(),
        format_version: meta.format_version,
        recipe: meta.recipe.clone(),
        views: meta.views.iter().map(|view| view.name.clone()).collect(),
        classes: meta.classes.clone(),
        source_damage: meta.source_damage.clone(),
        shards: storage.iter().map(|split| split.shards).sum(),
        storage,
        stored_bytes,
        ledger_bytes: meta.ledger.bytes,
        ratio: raw_bytes as f64 / stored_bytes.max(1) as f64,
        asked: None,
        selected: None,
        statistics,
    }
}
