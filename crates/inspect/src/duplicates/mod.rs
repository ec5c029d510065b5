//! Duplicates and leakage: stored samples that are the same file, the same pixels, or nearly the same picture;
//! within and across splits, with equal and with conflicting labels.
//!
//! ```text
//! ledger ─▶ equal hashes of files and pixels ─────────────────────────────▶ groups
//!        └▶ dhash within 7 bits ─▶ means do not rule it out ─▶ pixels ≤ 12 ─┘
//! ```
//!
//! The relation is closed: where A is like B and B like C, all three are one group, as whoever divides a dataset
//! into splits must treat them.

mod candidates;
mod found;
mod groups;
mod hamming;
mod samples;
mod thresholds;
mod thumbnails;

use rayon::prelude::*;

use tcolz_format::dataset::{Dataset, DatasetError};
use tcolz_pixels::recipe::Dtype;

use candidates::candidates;
pub use found::{DuplicateGroup, Duplicates, Link, Member, NearSearch, Relation};
use groups::{Pair, groups};
pub use hamming::MAX_DISTANCE;
use samples::Sample;
pub use thresholds::{GRID, MAX_DIFFERENCE};
use thumbnails::Thumbnails;

/// Finds the duplicates among the stored samples of a dataset. Of pixels only those of near candidates are read.
///
/// # Errors
/// As [`Dataset::scan_ledger`] and [`Dataset::open_shard`]; the first sample that is damaged.
pub fn find_duplicates(dataset: &Dataset) -> Result<Duplicates, DatasetError> {
    let meta = dataset.meta();
    // The largest size: the one that the hashes are of.
    let column = meta.columns.len() - 1;
    let samples = samples::read(dataset, column)?;
    let (mut pairs, different) = equal(&samples);
    let mut near = None;
    if meta.recipe.dtype == Dtype::U8 {
        let hashed: Vec<u32> = different
            .into_iter()
            .filter(|&index| samples[index as usize].dhash.is_some())
            .collect();
        let candidates = candidates(&samples, &hashed);
        near = Some(NearSearch {
            max_distance: MAX_DISTANCE,
            grid: GRID,
            max_difference: MAX_DIFFERENCE,
            compared: candidates.pairs.len() as u64,
            cut: candidates.cut,
        });
        pairs.extend(confirmed(dataset, column, &samples, candidates.pairs)?);
    }
    let groups = groups(samples.len(), pairs);
    let mut groups = named(dataset, &samples, groups)?;
    // Stable: within a rank the ledger's order stays.
    groups.sort_by_key(|group| std::cmp::Reverse((group.across_splits, group.conflicting_labels)));
    let dataset = dataset.root().display().to_string();
    Ok(Duplicates { dataset, samples: samples.len() as u64, near, groups })
}

/// Links between samples with equal pixels, and one sample for each different picture.
fn equal(samples: &[Sample]) -> (Vec<Pair>, Vec<u32>) {
    let key = |index: u32| {
        let sample = &samples[index as usize];
        (sample.pixels, sample.source, index)
    };
    let mut order: Vec<u32> = (0..samples.len() as u32).collect();
    order.par_sort_unstable_by_key(|&index| key(index));
    let (mut pairs, mut different) = (Vec::new(), Vec::new());
    let same_pixels = |a: &u32, b: &u32| key(*a).0 == key(*b).0;
    for picture in order.chunk_by(same_pixels) {
        let same_file = |a: &u32, b: &u32| key(*a).1.is_some() && key(*a).1 == key(*b).1;
        let mut link = |first: u32, second: u32, relation| {
            let (first, second) = (first.min(second), first.max(second));
            pairs.push(Pair { first, second, relation, distance: 0, difference: 0.0 });
        };
        let mut representative = None;
        for file in picture.chunk_by(same_file) {
            let first = *representative.get_or_insert(file[0]);
            if first != file[0] {
                link(first, file[0], Relation::SamePixels);
            }
            file[1..].iter().for_each(|&other| link(file[0], other, Relation::SameFile));
        }
        different.extend(representative);
    }
    different.sort_unstable();
    (pairs, different)
}

/// The candidates whose pixels are nearly the same.
fn confirmed(
    dataset: &Dataset,
    column: usize,
    samples: &[Sample],
    candidates: Vec<(u32, u32)>,
) -> Result<Vec<Pair>, DatasetError> {
    let mut wanted: Vec<u32> = candidates.iter().flat_map(|&(a, b)| [a, b]).collect();
    wanted.par_sort_unstable();
    wanted.dedup();
    let thumbnails = Thumbnails::read(dataset, column, samples, wanted)?;
    let hash = |index: u32| samples[index as usize].dhash.unwrap_or_default();
    let compare = |&(first, second): &(u32, u32)| {
        let difference = thumbnails.difference(first, second);
        let distance = (hash(first) ^ hash(second)).count_ones();
        let pair = Pair { first, second, relation: Relation::Near, distance, difference };
        (difference <= MAX_DIFFERENCE).then_some(pair)
    };
    Ok(candidates.par_iter().filter_map(compare).collect())
}

/// The groups with the names of their samples, which are read only now.
fn named(
    dataset: &Dataset,
    samples: &[Sample],
    groups: Vec<(Vec<u32>, Vec<Pair>)>,
) -> Result<Vec<DuplicateGroup>, DatasetError> {
    let row = |index: u32| samples[index as usize].ledger_row;
    let mut wanted: Vec<u64> =
        groups.iter().flat_map(|(members, _)| members).map(|&index| row(index)).collect();
    wanted.sort_unstable();
    let names = dataset.scan_ledger(&["sample_id"], |batch| {
        let sample_id = batch.text("sample_id")?;
        let first = batch.first_row();
        let from = wanted.partition_point(|&row| row < first);
        let to = wanted.partition_point(|&row| row < first + batch.rows() as u64);
        let name = |&row: &u64| sample_id((row - first) as usize).unwrap_or_default().to_owned();
        Ok(wanted[from..to].iter().map(name).collect::<Vec<String>>())
    })?;
    let names: Vec<String> = names.into_iter().flatten().collect();
    let member = |&index: &u32| {
        let sample = &samples[index as usize];
        let place = wanted.partition_point(|&row| row < sample.ledger_row);
        Member {
            sample_id: names[place].clone(),
            split: dataset.meta().splits[usize::from(sample.split)].name.clone(),
            label: sample.label,
            ledger_row: sample.ledger_row,
        }
    };
    let group = |(members, pairs): (Vec<u32>, Vec<Pair>)| {
        let first = &samples[members[0] as usize];
        let any = |differs: &dyn Fn(&Sample) -> bool| {
            members.iter().any(|&index| differs(&samples[index as usize]))
        };
        let place = |index: u32| members.partition_point(|&member| member < index);
        let link = |pair: &Pair| Link {
            first: place(pair.first),
            second: place(pair.second),
            relation: pair.relation,
            distance: pair.distance,
            difference: pair.difference,
        };
        DuplicateGroup {
            relation: pairs.iter().map(|pair| pair.relation).max().unwrap_or(Relation::SameFile),
            across_splits: any(&|sample| sample.split != first.split),
            conflicting_labels: any(&|sample| sample.label != first.label),
            members: members.iter().map(member).collect(),
            links: pairs.iter().map(link).collect(),
        }
    };
    Ok(groups.into_iter().map(group).collect())
}
