//! What a conversion will take: time, size and memory, each with an interval.
//!
//! A few hundred photos go through the real pipeline, and nothing is written. What a mean of n photos says
//! of all of them is uncertain by s/√n (s: their standard deviation), less where most were probed
//! (finite population); the intervals are three times that wide to each side. Time is uncertain
//! beyond that, because disks and neighbours vary.

use serde::Serialize;

use tcolz_pixels::recipe::Codec;

use super::outcome::Effort;

/// Standard errors from the middle of an interval to its end: 99.7 % for a normal distribution.
const STANDARD_ERRORS: f64 = 3.0;
/// How much faster or slower a machine may be over a whole conversion than while it was probed.
const MACHINE: [f64; 2] = [0.85, 1.5];
/// Time to sync a shard: an SSD, and a disk that seeks.
const SYNC_SECONDS: [f64; 3] = [0.001, 0.02, 0.3];
/// Time to hash and write a byte of a shard on a core that the pipeline shares.
const WRITE_SECONDS: f64 = 2e-9;
/// Time of the writing thread for an input: its rows in shard and ledger.
const ROW_SECONDS: [f64; 3] = [2e-6, 3e-5, 2e-4];
/// Bytes of a ledger row: hashes and sums hardly compress, unless all photos are the same one.
const LEDGER_ROW_BYTES: [f64; 3] = [10.0, 180.0, 420.0];
/// Bytes of an empty dataset: dataset.json, headers and footers of the files.
const FIXED_BYTES: [f64; 3] = [2_000.0, 12_000.0, 40_000.0];

/// A number that is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Hardly less.
    pub low: f64,
    /// Most likely.
    pub expected: f64,
    /// Hardly more.
    pub high: f64,
}

impl Interval {
    /// A number that is known.
    pub fn exact(value: f64) -> Interval {
        Interval { low: value, expected: value, high: value }
    }

    /// The mean of a population of `population`, of which `values` are known.
    pub(super) fn mean(values: &[f64], population: u64) -> Interval {
        let count = values.len() as f64;
        if values.is_empty() {
            return Interval::exact(0.0);
        }
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        // One value says nothing about the others.
        let deviation = if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { mean };
        let error = STANDARD_ERRORS * deviation * unknown(values.len(), population) / count.sqrt();
        Interval { low: (mean - error).max(0.0), expected: mean, high: mean + error }
    }

    /// The share of a population, when `hits` of `count` were found. Where none was found, there may
    /// still be three in `count` (the rule of three).
    pub(super) fn share(hits: usize, count: usize, population: u64) -> Interval {
        let n = (count as f64).max(1.0);
        let share = hits as f64 / n;
        let deviation = (share * (1.0 - share) / n).sqrt();
        let error = (STANDARD_ERRORS * deviation + 3.0 / n) * unknown(count, population);
        let (low, high) = ((share - error).max(0.0), (share + error).min(1.0));
        Interval { low, expected: share, high }
    }

    /// The product of two unknown numbers that are not negative.
    pub(super) fn times(self, other: Interval) -> Interval {
        Interval {
            low: self.low * other.low,
            expected: self.expected * other.expected,
            high: self.high * other.high,
        }
    }

    /// The sum of two unknown numbers.
    pub(super) fn plus(self, other: Interval) -> Interval {
        Interval {
            low: self.low + other.low,
            expected: self.expected + other.expected,
            high: self.high + other.high,
        }
    }

    /// Whether a number lies inside.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl From<[f64; 3]> for Interval {
    fn from([low, expected, high]: [f64; 3]) -> Interval {
        Interval { low, expected, high }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// The correction for a finite population: 1 when little of it is known, 0 when all of it is.
fn unknown(known: usize, population: u64) -> f64 {
    let (known, all) = (known as f64, population as f64);
    if all > 1.0 { ((all - known).max(0.0) / (all - 1.0)).sqrt() } else { 0.0 }
}

/// What a conversion will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// Inputs that are still to be done.
    pub inputs: u64,
    /// Photos that were probed.
    pub probed: u64,
    /// Probed photos that were not there.
    pub probed_missing: u64,
    /// Threads.
    pub threads: u64,
    /// Photos that will be stored.
    pub stored: Interval,
    /// Bytes of source files that will be read.
    pub source_bytes: Interval,
    /// Seconds from here to the end.
    pub seconds: Interval,
    /// Bytes of shards, ledger and dataset.json.
    pub dataset_bytes: Interval,
    /// The same for the codecs, where both were tried.
    pub codecs: Vec<CodecForecast>,
    /// Highest anonymous memory of the process, in bytes; on Linux.
    pub peak_memory_bytes: Option<Interval>,
}

/// The size of a dataset by codec.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CodecForecast {
    /// The codec.
    pub codec: Codec,
    /// Bytes of the dataset.
    pub dataset_bytes: Interval,
}

/// What probing measured.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Inputs that are still to be done, and those among them whose files are worth opening.
    pub(super) inputs: u64,
    pub(super) openable: u64,
    /// What each probed photo cost its worker, in seconds: see [`Effort`].
    pub(super) read: Vec<f64>,
    pub(super) work: Vec<f64>,
    pub(super) cpu: Vec<f64>,
    /// Length of each probed file that could be read.
    pub(super) source_bytes: Vec<f64>,
    /// What each stored photo adds to a shard.
    pub(super) stored_bytes: Vec<f64>,
    pub(super) missing: u64,
}

impl Measured {
    pub(super) fn add(&mut self, effort: Effort) {
        self.read.push(effort.read);
        self.work.push(effort.work);
        self.cpu.push(effort.cpu);
    }

    /// The time for all on `threads` threads, with shards of `shard_bytes`.
    ///
    /// At best nobody else uses the cores and the photos are in memory. Most likely the machine stays as
    /// busy as it is, and reading on costs what it cost in the middle: the first of a run of probes pays
    /// for the disk's way there, which a conversion pays once. At worst, every photo costs that.
    pub(super) fn seconds(
        &self,
        dataset_bytes: Interval,
        threads: usize,
        shard_bytes: u64,
    ) -> Interval {
        let all = self.openable as f64;
        let cores = std::thread::available_parallelism().map_or(threads, usize::from);
        let (threads, busy) = (threads as f64, threads.min(cores) as f64);
        let mean = |values: &[f64]| Interval::mean(values, self.openable);
        let (work, cpu, read) = (mean(&self.work), mean(&self.cpu), mean(&self.read));
        // Workers share the work; reading is one after the other, while others work.
        let time = |work: f64, read: f64| all * ((work + read) / threads).max(read);
        let middle = time(work.expected, median(&self.read));
        let photos = Interval {
            low: (all * cpu.low / busy * MACHINE[0]).min(middle),
            expected: middle,
            high: time(work.high, read.high) * MACHINE[1],
        };
        let shards = (dataset_bytes.expected / shard_bytes as f64).ceil();
        let rows = Interval::exact(self.inputs as f64).times(ROW_SECONDS.into());
        let writing = Interval::exact(WRITE_SECONDS).times(dataset_bytes).plus(rows);
        photos.plus(writing).plus(Interval::exact(shards + 4.0).times(SYNC_SECONDS.into()))
    }

    /// Photos that will be stored.
    pub(super) fn stored(&self) -> Interval {
        let count = self.work.len();
        let stored = Interval::share(self.stored_bytes.len(), count, self.openable);
        Interval::exact(self.openable as f64).times(stored)
    }

    /// The dataset's size, when a stored photo adds `photo_bytes` to a shard.
    pub(super) fn dataset_bytes(&self, photo_bytes: Interval) -> Interval {
        let ledger = Interval::exact(self.inputs as f64).times(LEDGER_ROW_BYTES.into());
        self.stored().times(photo_bytes).plus(ledger).plus(FIXED_BYTES.into())
    }

    /// Bytes of all source files.
    pub(super) fn all_source_bytes(&self) -> Interval {
        let mean = Interval::mean(&self.source_bytes, self.openable);
        Interval::exact(self.openable as f64).times(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_whole_is_certain_and_what_is_not_is_not() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(Interval::mean(&values, 4), Interval::exact(2.5));
        let some = Interval::mean(&values, 400);
        assert!(some.low < 1.0 && some.high > 4.0 && some.expected == 2.5, "{some:?}");
        assert_eq!(Interval::share(4, 4, 4), Interval::exact(1.0));
        let bad = Interval::share(0, 100, 1_000_000);
        assert!(bad.low == 0.0 && (0.029..0.031).contains(&bad.high), "{bad:?}");
    }

    #[test]
    fn the_mean_of_a_population_lies_inside_the_interval_of_a_sample() {
        // A skewed population, such as file sizes: many small, few large.
        let population: Vec<f64> =
            (0..4000).map(|n: i32| f64::from(n * 7919 % 4000).powi(3)).collect();
        let truth = population.iter().sum::<f64>() / population.len() as f64;
        for begin in 0..40 {
            let sample: Vec<f64> = population.iter().copied().skip(begin).step_by(83).collect();
            let interval = Interval::mean(&sample, population.len() as u64);
            assert!(interval.contains(truth), "{interval:?} {truth}");
        }
    }
}
