//! What a dataset holds, told from dataset.json and the ledger: no pixel is read.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dataset::{Counts, Dataset, DatasetError, LedgerRow};
use crate::recipe::Recipe;
use crate::sample::Status;
use crate::transform::ChannelSums;

/// What a dataset holds. The JSON form is `tcolz inspect --json`.
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
    /// What became of the listed inputs.
    pub counts: Counts,
    /// For each split: stored samples, in all and by class.
    pub splits: Vec<SplitCounts>,
    /// Inputs that were not stored, by reason code.
    pub reasons: BTreeMap<String, u64>,
    /// Stored although truncated.
    pub recovered: u64,
    /// Stored samples by source format; progressive JPEGs apart from others.
    pub formats: BTreeMap<String, u64>,
    /// Source photos that are stored: pixels a side.
    pub source: SourceFacts,
    /// One for each stored size.
    pub tensors: Vec<TensorInspection>,
    /// Bytes of dataset.json's files: shards and ledger.
    pub stored_bytes: u64,
    /// Number of shards.
    pub shards: u64,
}

/// Stored samples of a split.
#[derive(Debug, Clone, Serialize)]
pub struct SplitCounts {
    /// Name of the split.
    pub name: String,
    /// Stored samples.
    pub samples: u64,
    /// Stored samples of each class, in the order of the classes.
    pub by_class: Vec<u64>,
    /// Stored samples without a label.
    pub unlabelled: u64,
}

/// Sizes of the source photos that are stored.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SourceFacts {
    /// Bytes of their files.
    pub bytes: u64,
    /// Smallest, mean and largest width in pixels.
    pub width: [f64; 3],
    /// Smallest, mean and largest height in pixels.
    pub height: [f64; 3],
}

/// One stored size.
#[derive(Debug, Clone, Serialize)]
pub struct TensorInspection {
    /// Column name.
    pub column: String,
    /// Element type and shape, such as `u8:3x224x224`.
    pub tensor: String,
    /// Codec word.
    pub codec: String,
    /// Bytes of all its tensors uncompressed.
    pub raw_bytes: u64,
    /// Exact channel means (red, green, blue) of the pixels as seen, over everything stored.
    pub mean: [f64; 3],
    /// Exact channel standard deviations (population), likewise.
    pub std: [f64; 3],
}

impl Inspection {
    /// Uncompressed bytes of all tensors, over the bytes stored.
    pub fn ratio(&self) -> f64 {
        let raw: u64 = self.tensors.iter().map(|tensor| tensor.raw_bytes).sum();
        raw as f64 / self.stored_bytes.max(1) as f64
    }
}

/// Inspects a dataset.
///
/// # Errors
/// As [`Dataset::ledger`].
pub fn inspect(dataset: &Dataset) -> Result<Inspection, DatasetError> {
    let meta = dataset.meta();
    let rows = dataset.ledger()?;
    let stored: Vec<&LedgerRow> = rows.iter().filter(|row| row.status == Status::Stored).collect();
    let mut reasons = BTreeMap::new();
    for row in rows.iter().filter(|row| row.status != Status::Stored) {
        let code = row.reason_code().unwrap_or("unknown").to_owned();
        *reasons.entry(code).or_insert(0) += 1;
    }
    let mut formats = BTreeMap::new();
    for photo in stored.iter().filter_map(|row| row.photo) {
        let progressive = if photo.progressive { " (progressive)" } else { "" };
        *formats.entry(format!("{}{progressive}", photo.format)).or_insert(0) += 1;
    }
    let shards = || meta.splits.iter().flat_map(|split| &split.shards);
    Ok(Inspection {
        dataset: dataset.root().display().to_string(),
        content_root: meta.content_root.clone(),
        tcolz_version: meta.tcolz_version.clone(),
        format_version: meta.format_version,
        recipe: meta.recipe.clone(),
        views: meta.views.iter().map(|view| view.name.clone()).collect(),
        classes: meta.classes.clone(),
        counts: meta.counts,
        splits: split_counts(dataset, &stored),
        reasons,
        recovered: stored
            .iter()
            .filter(|row| row.photo.is_some_and(|photo| photo.recovered_share < 1.0))
            .count() as u64,
        formats,
        source: source_facts(&stored),
        tensors: tensors(dataset, &stored),
        stored_bytes: shards().map(|shard| shard.bytes).sum::<u64>() + meta.ledger.bytes,
        shards: shards().count() as u64,
    })
}

fn split_counts(dataset: &Dataset, stored: &[&LedgerRow]) -> Vec<SplitCounts> {
    let meta = dataset.meta();
    let empty = |name: &String| SplitCounts {
        name: name.clone(),
        samples: 0,
        by_class: vec![0; meta.classes.len()],
        unlabelled: 0,
    };
    let mut splits: Vec<SplitCounts> = meta.splits.iter().map(|split| empty(&split.name)).collect();
    for row in stored {
        let Some(split) = splits.iter_mut().find(|split| *split.name == *row.split) else {
            continue;
        };
        split.samples += 1;
        match row.label.and_then(|label| split.by_class.get_mut(usize::from(label))) {
            Some(count) => *count += 1,
            None => split.unlabelled += 1,
        }
    }
    splits
}

fn source_facts(stored: &[&LedgerRow]) -> SourceFacts {
    let sides = |side: &dyn Fn(&crate::sample::PhotoInfo) -> u32| -> [f64; 3] {
        let sides: Vec<u32> =
            stored.iter().filter_map(|row| Some(side(row.photo.as_ref()?))).collect();
        let sum: u64 = sides.iter().map(|&side| u64::from(side)).sum();
        let mean = sum as f64 / sides.len().max(1) as f64;
        let smallest = f64::from(sides.iter().copied().min().unwrap_or(0));
        [smallest, mean, f64::from(sides.iter().copied().max().unwrap_or(0))]
    };
    SourceFacts {
        bytes: stored.iter().filter_map(|row| Some(row.source?.0)).sum(),
        width: sides(&|photo| photo.width),
        height: sides(&|photo| photo.height),
    }
}

fn tensors(dataset: &Dataset, stored: &[&LedgerRow]) -> Vec<TensorInspection> {
    let columns = dataset.meta().columns.iter().enumerate();
    let inspect = |(index, column): (usize, &crate::shard::TensorColumn)| {
        let mut sums = ChannelSums::default();
        for row in stored {
            sums.merge(&row.tensors[index].sums);
        }
        let samples = stored.len() as u64;
        let pixels = samples * u64::from(column.size()).pow(2);
        TensorInspection {
            column: column.name.clone(),
            tensor: column.describe(),
            codec: column.encoding.clone().unwrap_or_else(|| column.codec.to_string()),
            raw_bytes: samples * column.raw_bytes() as u64,
            mean: sums.mean(pixels),
            std: sums.std(pixels),
        }
    };
    columns.map(inspect).collect()
}
