//! Duplicates and leakage: stored samples that are the same file, the same pixels, or nearly the same picture;
//! within and across splits, with equal and with conflicting labels.
//!
//! ```text
//! ledger ─▶ equal hashes of files and pixels ─────────────────────────────▶ groups
//!        └▶ dhash within 7 bits ─▶ means do not rule it out ─▶ pixels ≤ 12 ─┘
//! ```
//!
//! The thresholds come from looking at the Twitter Testing Dataset: of its 805,000 pairs 25 are the same picture
//! to the eye (13 the same file), with hashes at most 3 bits apart and a difference of at most 9.1 levels; one of
//! them is darker than its twin, one lacks text, others were only compressed again. The most alike of all other
//! pairs are different photos, which differ by 21.9 levels.
//!
//! The relation is closed: where A is like B and B like C, all three are one group, as whoever divides a dataset
//! into splits must treat them.

mod candidates;
mod groups;
mod hamming;
mod samples;
mod thumbnails;

use rayon::prelude::*;
use serde::Serialize;

use tcolz_format::dataset::{Dataset, DatasetError};
use tcolz_format::sample::Label;
use tcolz_pixels::recipe::Dtype;

use candidates::candidates;
use groups::{Pair, groups};
pub use hamming::MAX_DISTANCE;
use samples::Sample;
use thumbnails::Thumbnails;

/// Cells a side of the grid on which near duplicates are compared: fine enough to tell photos apart, coarse enough
/// that noise, compression and a shift by a pixel vanish.
pub const GRID: usize = 16;

/// Largest difference of near duplicates: the root of the mean square difference of the grid's cells over the
/// three channels, in levels of 0 to 255. Between 9.1 and 21.9, see above, and nearer to the former: a
/// duplicate too many costs a look, and two photos of one scene are not the same photo.
pub const MAX_DIFFERENCE: f64 = 12.0;

/// In which sense two samples are the same; the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Their source files have the same bytes.
    SameFile,
    /// Their tensors have the same bytes.
    SamePixels,
    /// They look alike.
    Near,
}

/// Every group of duplicates of a dataset. The JSON form is `tcolz inspect --duplicates --json`; its schema is
/// `schemas/duplicates.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicates {
    /// The dataset's folder.
    pub dataset: String,
    /// Stored samples, all of which were looked at.
    pub samples: u64,
    /// What counts as near; `None` where only equal files and pixels were looked for, because the tensors
    /// are no pixels: a view is baked in.
    pub near: Option<NearSearch>,
    /// The groups: those across splits and those with conflicting labels first, then in the ledger's order.
    pub groups: Vec<DuplicateGroup>,
}

/// The search for near duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NearSearch {
    /// Bits in which hashes may differ.
    pub max_distance: u32,
    /// Cells a side of the grid.
    pub grid: usize,
    /// Largest root mean square difference on the grid, in levels.
    pub max_difference: f64,
    /// Pairs whose pixels were compared.
    pub compared: u64,
    /// Samples with so many others near by hash that they were compared with the most alike only.
    pub cut: u64,
}

/// Samples that are the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DuplicateGroup {
    /// The weakest relation that holds it together.
    pub relation: Relation,
    /// Its samples stand in several splits: leakage.
    pub across_splits: bool,
    /// Its samples have different labels.
    pub conflicting_labels: bool,
    /// The samples, in the ledger's order; at least two.
    pub members: Vec<Member>,
    /// What holds them together: one link fewer than members, the closest there are.
    pub links: Vec<Link>,
}

/// A sample of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The sample.
    pub sample_id: String,
    /// Its split.
    pub split: String,
    /// Its class.
    pub label: Label,
    /// Its row in the ledger, from 0.
    pub ledger_row: u64,
}

/// Two members that are the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Link {
    /// Index of a member.
    pub first: usize,
    /// Index of another.
    pub second: usize,
    /// In which sense.
    pub relation: Relation,
    /// Bits in which their hashes differ.
    pub distance: u32,
    /// Difference on the grid, in levels.
    pub difference: f64,
}

impl Duplicates {
    /// Groups that satisfy a condition, and the samples in them.
    pub fn count(&self, condition: impl Fn(&DuplicateGroup) -> bool) -> (u64, u64) {
        let groups = self.groups.iter().filter(|group| condition(group));
        groups.fold((0, 0), |(groups, samples), group| {
            (groups + 1, samples + group.members.len() as u64)
        })
    }
}

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
