//! Mean images of classes, from the stored pixels: exact sums, rounded once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use serde::Serialize;

use tcolz_format::dataset::{Dataset, DatasetError};
use tcolz_format::shard::TensorDecoder;
use tcolz_loader::LoaderError;
use tcolz_loader::select::{Percent, Place, Selection, percent_rank, take_percent};
use tcolz_pixels::recipe::Dtype;

use super::grid::Grid;

/// Classes that get a mean image: the largest ones.
pub const MAX_MEAN_CLASSES: usize = 48;

/// Samples that are read, about: of more a share of every class is read, and that is said.
pub const MEAN_BUDGET: u64 = 32_768;

/// Cells a side of a mean image at most.
const MAX_CELLS: usize = 96;

/// Mean images of classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeanImages {
    /// Samples of these classes that are stored, or selected.
    pub samples: u64,
    /// Samples of them that were read.
    pub read: u64,
    /// The share of every class that was read, in percent, by [`tcolz_loader::select::PERCENT_METHOD`] with the seed 0;
    /// `None` of everything.
    pub percent: Option<String>,
    /// Pixels a side of the images.
    pub side: usize,
    /// In the order of the classes.
    pub classes: Vec<MeanImage>,
}

/// The mean image of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeanImage {
    /// Name of the class; `None` for samples without a label.
    pub class: Option<String>,
    /// Samples that were read; never none.
    pub samples: u64,
    /// Planes `[3, side, side]`: each value is the mean, over all samples, of the pixels that it stands for.
    #[serde(skip)]
    pub planes: Vec<u8>,
}

/// Samples of a shard that are read: row, and index of the class among those shown.
struct Wanted<'a> {
    split: &'a str,
    shard: u32,
    rows: Vec<(u32, usize)>,
}

/// Sums of every class shown, and samples.
struct Totals {
    sums: Vec<Vec<u64>>,
    samples: Vec<u64>,
}

/// The mean images of the classes of what is selected, from the largest stored size; `None` where nothing is
/// selected or tensors are no pixels because a view is baked in.
///
/// # Errors
/// [`LoaderError::Dataset`] when a shard or the ledger is not as it was written; the first sample that is
/// damaged.
pub fn mean_images(
    dataset: &Dataset,
    selections: &[Selection],
    budget: u64,
) -> Result<Option<MeanImages>, LoaderError> {
    let meta = dataset.meta();
    let shown = largest_classes(selections);
    let (Some(column), Dtype::U8) = (meta.columns.len().checked_sub(1), meta.recipe.dtype) else {
        return Ok(None);
    };
    let index_of = |label: u16| shown.binary_search(&label).ok();
    let samples: u64 = selections
        .iter()
        .flat_map(Selection::labels)
        .filter(|&&label| index_of(label).is_some())
        .count() as u64;
    if samples == 0 {
        return Ok(None);
    }
    // In thousandths of a percent, at least one: a small share of every class, but of each at least one sample.
    let share = (budget * 100_000 / samples).clamp(1, 100_000);
    let percent = (share < 100_000).then(|| format!("{}.{:03}", share / 1000, share % 1000));
    let percent = percent.as_deref().map(Percent::parse).transpose()?;
    let mut wanted = Vec::new();
    for selection in selections {
        let taken = match percent {
            None => vec![true; selection.len()],
            Some(percent) => take_percent(percent, selection.labels(), &ranks(dataset, selection)?),
        };
        let places = selection.places().iter().zip(selection.labels()).zip(taken);
        for ((&Place { shard, row }, &label), taken) in places {
            let Some(class) = index_of(label).filter(|_| taken) else { continue };
            match wanted.last_mut() {
                Some(Wanted { split, shard: last, rows })
                    if *split == selection.split() && *last == shard =>
                {
                    rows.push((row, class));
                }
                _ => wanted.push(Wanted {
                    split: selection.split(),
                    shard,
                    rows: vec![(row, class)],
                }),
            }
        }
    }
    let grid = Grid::of(meta.columns[column].size() as usize, MAX_CELLS);
    let totals = add_up(dataset, column, &grid, &wanted, shown.len())?;
    let class = |(index, &label): (usize, &u16)| MeanImage {
        class: meta.classes.get(usize::from(label)).cloned(),
        samples: totals.samples[index],
        planes: grid.mean(&totals.sums[index], totals.samples[index]),
    };
    Ok(Some(MeanImages {
        samples,
        read: totals.samples.iter().sum(),
        percent: percent.map(|percent| percent.to_string()),
        side: grid.cells(),
        classes: shown.iter().enumerate().map(class).collect(),
    }))
}

/// Labels of the largest classes, ascending; of equal ones the first.
fn largest_classes(selections: &[Selection]) -> Vec<u16> {
    let mut counts: BTreeMap<u16, u64> = BTreeMap::new();
    for &label in selections.iter().flat_map(Selection::labels) {
        *counts.entry(label).or_default() += 1;
    }
    let mut classes: Vec<(u16, u64)> = counts.into_iter().collect();
    classes.sort_by_key(|&(label, samples)| (std::cmp::Reverse(samples), label));
    let mut labels: Vec<u16> =
        classes.into_iter().take(MAX_MEAN_CLASSES).map(|(label, _)| label).collect();
    labels.sort_unstable();
    labels
}

/// Where each sample of a selection stands in the order of shares.
fn ranks(dataset: &Dataset, selection: &Selection) -> Result<Vec<u128>, DatasetError> {
    selection.read_ledger(dataset, &["sample_id"], |batch, rows| {
        let id = batch.text("sample_id")?;
        Ok(rows.iter().map(|&row| percent_rank(0, id(row).unwrap_or_default())).collect())
    })
}

/// Reads the samples, on all cores.
fn add_up(
    dataset: &Dataset,
    column: usize,
    grid: &Grid,
    wanted: &[Wanted<'_>],
    classes: usize,
) -> Result<Totals, DatasetError> {
    let tensor = &dataset.meta().columns[column];
    let empty =
        || Totals { sums: vec![vec![0; grid.values()]; classes], samples: vec![0; classes] };
    let pool = Mutex::new(Vec::new());
    let take = || pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let read = |wanted: &Wanted<'_>| -> Result<(), DatasetError> {
        let mut totals = take().unwrap_or_else(empty);
        let reader = dataset.open_shard(wanted.split, wanted.shard)?;
        let mut decoder = TensorDecoder::new(tensor);
        let mut planes = vec![0; tensor.raw_bytes()];
        for &(row, class) in &wanted.rows {
            reader.read(row, column, &mut decoder, &mut planes)?;
            grid.add(&planes, &mut totals.sums[class]);
            totals.samples[class] += 1;
        }
        pool.lock().unwrap_or_else(PoisonError::into_inner).push(totals);
        Ok(())
    };
    dataset.read_expected_shards()?;
    let read: Vec<Result<(), DatasetError>> = wanted.par_iter().map(read).collect();
    // One after the other, so that of several errors the first is told.
    read.into_iter().collect::<Result<(), _>>()?;
    let mut all = take().unwrap_or_else(empty);
    while let Some(totals) = take() {
        for (sums, others) in all.sums.iter_mut().zip(&totals.sums) {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        }
        all.samples.iter_mut().zip(&totals.samples).for_each(|(sum, other)| *sum += other);
    }
    Ok(all)
}
