//! What limits a loader: a pure function of the rates that were measured.

use serde::Serialize;

/// A rate that reaches this share of another one counts as equal to it: measurements of a few seconds differ by
/// about this much from one to the next.
const AS_FAST: f64 = 0.9;

/// Photos a second of each stage, by the same number of threads, from shards that are in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageRates {
    /// Threads that each stage ran on.
    pub threads: usize,
    /// The stored bytes are fetched and their hash is tested.
    pub storage: f64,
    /// And a tensor is made of them.
    pub decompression: f64,
    /// And the view is applied in a batch.
    pub batches: f64,
}

/// Photos a second of one epoch whose shards had to come from the disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColdRates {
    /// The stored bytes alone.
    pub storage: f64,
    /// Whole batches.
    pub batches: f64,
}

/// What the measured rates say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limits {
    /// The number of threads with the fastest batches.
    pub threads: usize,
    /// The stage that takes most of a sample's time with that many threads.
    pub stage: Limit,
    /// What more threads bring; `None` where only one number of threads was measured.
    pub scaling: Option<Scaling>,
    /// What a first epoch waits for; `None` where it was not measured.
    pub first_epoch: Option<FirstEpoch>,
}

/// What more threads bring.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scaling {
    /// The fewest threads that were measured.
    pub few: usize,
    /// The most threads that were measured.
    pub many: usize,
    /// Batches of `many` threads, as a multiple of those of `few`.
    pub times: f64,
}

impl Scaling {
    /// Whether more threads measured clearly faster.
    pub fn helps(&self) -> bool {
        self.times > AS_FAST.recip()
    }
}

/// How a first epoch compares with later ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FirstEpoch {
    /// Its batches, as a share of those from memory.
    pub share: f64,
    /// The stored bytes alone from the disk, as a multiple of its batches.
    pub disk_times: f64,
    /// What it waits for.
    pub limit: ColdLimit,
}

/// What most of the time of a batch's sample goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// Fetching the stored bytes and testing their hash.
    Storage,
    /// Making tensors of them.
    Decompression,
    /// Applying the view and writing the batch, which is larger than the caches: memory.
    Memory,
}

/// What a first epoch waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColdLimit {
    /// Nothing: it is as fast as from memory.
    Nothing,
    /// The disk, which gives the stored bytes alone no faster.
    Disk,
    /// The disk and the processor in turn: either is faster alone.
    Both,
}

impl Limits {
    /// What the rates say: `warm` with one or more numbers of threads, `cold` with the most of them. `None` without
    /// any warm rates.
    pub fn of(warm: &[StageRates], cold: Option<ColdRates>) -> Option<Limits> {
        let fastest = warm.iter().max_by(|a, b| a.batches.total_cmp(&b.batches))?;
        let few = warm.iter().min_by_key(|rates| rates.threads)?;
        let many = warm.iter().max_by_key(|rates| rates.threads)?;
        let times = many.batches / few.batches;
        let scaling = Scaling { few: few.threads, many: many.threads, times };
        Some(Limits {
            threads: fastest.threads,
            stage: Limit::of(fastest.storage, fastest.decompression, fastest.batches),
            scaling: (few.threads < many.threads).then_some(scaling),
            first_epoch: cold.map(|cold| FirstEpoch::of(cold, many.batches)),
        })
    }
}

impl Limit {
    /// What limits batches, by the rates of the three stages with equal threads, in samples a second. A
    /// stage costs the time it takes longer than the one before it.
    pub fn of(storage: f64, decompression: f64, batches: f64) -> Limit {
        let [storage, decompressed, all] = [storage, decompression, batches].map(f64::recip);
        let decompression = (decompressed - storage).max(0.0);
        let memory = (all - storage.max(decompressed)).max(0.0);
        if storage >= decompression && storage >= memory {
            Limit::Storage
        } else if decompression >= memory {
            Limit::Decompression
        } else {
            Limit::Memory
        }
    }
}

impl FirstEpoch {
    fn of(cold: ColdRates, warm_batches: f64) -> FirstEpoch {
        let share = cold.batches / warm_batches;
        let disk_times = cold.storage / cold.batches;
        let limit = if share >= AS_FAST {
            ColdLimit::Nothing
        } else if disk_times <= AS_FAST.recip() {
            ColdLimit::Disk
        } else {
            ColdLimit::Both
        };
        FirstEpoch { share, disk_times, limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warm(threads: usize, storage: f64, decompression: f64, batches: f64) -> StageRates {
        StageRates { threads, storage, decompression, batches }
    }

    #[test]
    fn the_limit_is_the_stage_that_takes_longest() {
        assert_eq!(Limit::of(100.0, 90.0, 80.0), Limit::Storage);
        assert_eq!(Limit::of(100_000.0, 20_000.0, 15_000.0), Limit::Decompression);
        assert_eq!(Limit::of(100_000.0, 95_000.0, 40_000.0), Limit::Memory);
        // Whole batches may be quicker than tensors alone, where one pass does both.
        assert_eq!(Limit::of(100_000.0, 20_000.0, 21_000.0), Limit::Decompression);
    }

    /// 12,344 photos/s came from the disk alone, 4,470 as batches: the disk was blamed.
    #[test]
    fn a_disk_that_gives_more_than_the_batches_take_is_not_the_limit() {
        let rates = [warm(1, 60_000.0, 7_000.0, 6_100.0), warm(2, 70_000.0, 6_900.0, 5_900.0)];
        let cold = ColdRates { storage: 12_344.0, batches: 4_470.0 };
        let found = Limits::of(&rates, Some(cold)).unwrap().first_epoch.unwrap();
        assert_eq!(found.limit, ColdLimit::Both);
        assert!((found.disk_times - 2.76).abs() < 0.01, "{found:?}");
        let first = |storage, batches| {
            Limits::of(&rates, Some(ColdRates { storage, batches })).unwrap().first_epoch.unwrap()
        };
        assert_eq!(first(2_300.0, 2_250.0).limit, ColdLimit::Disk);
        assert_eq!(first(12_344.0, 5_800.0).limit, ColdLimit::Nothing);
        assert_eq!(Limits::of(&rates, None).unwrap().first_epoch, None);
    }

    /// More threads were advised where two were slower than one.
    #[test]
    fn more_threads_help_only_where_they_measured_faster() {
        let slower = [warm(1, 60_000.0, 7_000.0, 6_100.0), warm(2, 70_000.0, 6_900.0, 5_900.0)];
        let found = Limits::of(&slower, None).unwrap();
        assert_eq!((found.threads, found.stage), (1, Limit::Decompression));
        assert!(!found.scaling.unwrap().helps(), "{found:?}");
        let faster = [warm(1, 60_000.0, 7_000.0, 6_100.0), warm(4, 200_000.0, 26_000.0, 22_000.0)];
        let found = Limits::of(&faster, None).unwrap();
        assert_eq!(found.threads, 4);
        let scaling = found.scaling.unwrap();
        assert!(scaling.helps() && (scaling.few, scaling.many) == (1, 4), "{scaling:?}");
        assert_eq!(Limits::of(&faster[..1], None).unwrap().scaling, None, "nothing to compare");
        assert_eq!(Limits::of(&[], None), None);
    }
}
