//! Pairs that may be near duplicates, from the ledger alone: hashes close to each other, and channel means that do
//! not rule it out.

use std::ops::Range;

use rayon::prelude::*;

use super::hamming::HashIndex;
use super::samples::Sample;
use super::thresholds::MAX_DIFFERENCE;

/// Samples that one sample is compared with: the most alike by means and deviations. A photo posted a
/// thousand times is still one group, because each of its copies is linked to some of the others.
const MAX_CANDIDATES: usize = 32;

/// Samples whose means are looked at for one sample, the nearest in brightness first.
const MAX_LOOKED_AT: usize = 2048;

/// Grid cells are rounded to levels, which can bring two pictures nearer to each other by one level.
const ROUNDING: f32 = 1.0;

/// Pairs of samples to be compared.
#[derive(Debug)]
pub(super) struct Candidates {
    /// Indices of samples.
    pub(super) pairs: Vec<(u32, u32)>,
    /// Samples for which not everything that is near by hash was taken.
    pub(super) cut: u64,
}

/// Samples by hash, those of a hash by brightness.
struct Buckets {
    /// Indices of samples.
    order: Vec<u32>,
    /// What is compared of each of them, side by side in memory: with many samples of a hash this is the search.
    looks: Vec<Look>,
    hashes: Vec<u64>,
    /// Where the samples of each hash begin in `order`, and its length.
    starts: Vec<usize>,
}

/// Brightness, channel means and channel standard deviations of a sample, in levels.
#[derive(Clone, Copy)]
struct Look {
    grey: f32,
    mean: [f32; 3],
    std: [f32; 3],
}

impl Buckets {
    fn of(samples: &[Sample], among: &[u32]) -> Buckets {
        let hash = |index: u32| samples[index as usize].dhash.unwrap_or_default();
        let grey = |index: u32| samples[index as usize].grey();
        let mut order = among.to_vec();
        order.par_sort_unstable_by(|&a, &b| {
            let by_hash = hash(a).cmp(&hash(b));
            by_hash.then(grey(a).total_cmp(&grey(b))).then(a.cmp(&b))
        });
        let (mut hashes, mut starts) = (Vec::new(), Vec::new());
        for (place, &index) in order.iter().enumerate() {
            if hashes.last() != Some(&hash(index)) {
                hashes.push(hash(index));
                starts.push(place);
            }
        }
        starts.push(order.len());
        let look = |&index: &u32| {
            let Sample { mean, std, .. } = samples[index as usize];
            Look { grey: grey(index), mean, std }
        };
        Buckets { looks: order.iter().map(look).collect(), order, hashes, starts }
    }

    fn bucket(&self, hash: u32) -> Range<usize> {
        self.starts[hash as usize]..self.starts[hash as usize + 1]
    }

    /// The candidates of the sample at `place` among those behind it in its own bucket and those of the buckets
    /// `others`, and whether these are all.
    fn of_place(&self, place: usize, own: u32, others: &[(u32, u32)]) -> (Vec<u32>, bool) {
        let look = self.looks[place];
        let limit = MAX_DIFFERENCE as f32 + ROUNDING;
        let near = |other: &usize| (self.looks[*other].grey - look.grey).abs() <= limit;
        let mut looked_at = 0;
        let mut found = Vec::new();
        let mut take = |other: usize| {
            looked_at += 1;
            let (bound, alike) = compare(&look, &self.looks[other]);
            if bound <= limit * limit {
                found.push((alike, self.order[other]));
            }
            looked_at < MAX_LOOKED_AT
        };
        let behind = place + 1..self.bucket(own).end;
        let mut complete = behind.take_while(near).all(&mut take);
        for &(_, other) in others {
            let bucket = self.bucket(other);
            let middle = bucket.start
                + self.looks[bucket.clone()].partition_point(|other| other.grey < look.grey);
            complete = complete
                && (middle..bucket.end).take_while(near).all(&mut take)
                && (bucket.start..middle).rev().take_while(near).all(&mut take);
        }
        if found.len() > MAX_CANDIDATES {
            complete = false;
            let order = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
            found.select_nth_unstable_by(MAX_CANDIDATES, order);
            found.truncate(MAX_CANDIDATES);
        }
        (found.into_iter().map(|(_, other)| other).collect(), complete)
    }
}

/// The least mean square difference that two pictures with these means can have (by Jensen's inequality), and
/// how far apart they are by means and deviations.
fn compare(a: &Look, b: &Look) -> (f32, f32) {
    let squares = |a: &[f32; 3], b: &[f32; 3]| {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>() / 3.0
    };
    let bound = squares(&a.mean, &b.mean);
    (bound, bound + squares(&a.std, &b.std))
}

/// The pairs among some samples, all of which have a hash, that are to be compared; in an order that follows
/// from the samples alone.
pub(super) fn candidates(samples: &[Sample], among: &[u32]) -> Candidates {
    let buckets = Buckets::of(samples, among);
    let index = HashIndex::of(&buckets.hashes);
    let of_hash = |hash: u32| -> (Vec<(u32, u32)>, u64) {
        let neighbours = index.neighbours(hash as usize);
        let of_place = |place: usize| {
            let (found, complete) = buckets.of_place(place, hash, &neighbours.found);
            let first = buckets.order[place];
            let pairs = found.into_iter().map(move |second| (first.min(second), first.max(second)));
            (pairs.collect::<Vec<_>>(), u64::from(!complete || !neighbours.complete))
        };
        let bucket = buckets.bucket(hash).into_par_iter().with_min_len(256);
        let (pairs, cut): (Vec<_>, Vec<u64>) = bucket.map(of_place).unzip();
        (pairs.into_iter().flatten().collect(), cut.iter().sum())
    };
    let hashes = 0..buckets.hashes.len() as u32;
    let (pairs, cut): (Vec<_>, Vec<u64>) = hashes.into_par_iter().map(of_hash).unzip();
    Candidates { pairs: pairs.into_iter().flatten().collect(), cut: cut.iter().sum() }
}
