//! Reading ahead for disks that seek: the blocks of a window are read forward, in large requests, by a thread of
//! their own, so that the samples of a window, in whatever order, are in the system's cache.
//!
//! ```text
//! window   0            1            2
//! reading  ███████████▶ ███████████▶ ·····     one window ahead of the workers, and no more
//! workers               batches of 0           wait for the window that they come to
//! ```
//! It is help and no more: a window that cannot be read ahead is left to the workers, who read each
//! sample and say what is wrong.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::LoaderError;
use super::order::Stripes;
use super::select::Selection;
use super::shards::Shards;

/// What lies between two samples is read rather than sought past, if it is no longer: a seek of 8 ms
/// takes as long as 1 MB at 120 MB/s.
pub const MAX_GAP_BYTES: u64 = 1_000_000;
/// Bytes that are read at a time, into memory that is used again.
const PIECE_BYTES: u64 = 4 << 20;

/// Bytes of a shard that are read in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Number of the shard within the split.
    pub shard: u32,
    /// First byte in the file.
    pub offset: u64,
    /// How many.
    pub length: u64,
}

/// What is read for one window of an epoch, or for a whole epoch that has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowReads {
    /// Read ahead, in this order.
    pub forward: Vec<Request>,
    /// Then one for each sample, in the order of delivery; behind reading ahead, from the cache.
    pub samples: Vec<Request>,
}

/// The requests that read these samples forward: by shard and place, neighbours in one go.
pub fn forward_requests(samples: &[Request]) -> Vec<Request> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let mut requests: Vec<Request> = Vec::new();
    for next in sorted {
        if let Some(last) = requests.last_mut() {
            let end = last.offset + last.length;
            if last.shard == next.shard && next.offset <= end + MAX_GAP_BYTES {
                last.length = end.max(next.offset + next.length) - last.offset;
                continue;
            }
        }
        requests.push(next);
    }
    requests
}

/// The samples of an epoch that a rank reads, window by window.
#[derive(Debug)]
pub(super) struct Windows {
    pub(super) shards: Arc<Shards>,
    pub(super) selection: Arc<Selection>,
    pub(super) order: Arc<Vec<u32>>,
    pub(super) stripes: Stripes,
    pub(super) rank: u32,
    pub(super) column: usize,
    /// Where the windows end, as positions of the order; one where the order has none.
    pub(super) ends: Vec<u64>,
}

impl Windows {
    /// Where the samples of a window lie that this rank has, in the order of delivery.
    pub(super) fn samples(&self, window: usize) -> Result<Vec<Request>, LoaderError> {
        let begin = window.checked_sub(1).map_or(0, |before| self.ends[before]);
        let Stripes { start, .. } = self.stripes;
        let positions = begin.max(start)..self.ends[window];
        let stripe = u64::from(self.stripes.world) * u64::from(self.stripes.batch_size);
        let step = |position: u64| (position - start) / stripe;
        let mut samples = Vec::new();
        if positions.is_empty() {
            return Ok(samples);
        }
        for step in step(positions.start)..=step(positions.end - 1).min(self.last_step()) {
            let own = self.stripes.batch(self.rank, step);
            for position in own.start.max(positions.start)..own.end.min(positions.end) {
                let place = self.selection.places()[self.order[position as usize] as usize];
                let Range { start, end } =
                    self.shards.get(place.shard)?.span(place.row, self.column);
                samples.push(Request { shard: place.shard, offset: start, length: end - start });
            }
        }
        Ok(samples)
    }

    fn last_step(&self) -> u64 {
        self.stripes.steps().saturating_sub(1)
    }
}

/// What reads ahead: the shards, or a pretended disk in a test.
pub(super) trait Disk {
    /// The requests of a window.
    fn requests(&mut self, window: usize) -> Result<Vec<Request>, LoaderError>;

    /// Brings these bytes into the system's cache.
    fn read(&mut self, request: Request) -> Result<(), LoaderError>;
}

/// The shards of an epoch.
pub(super) struct ShardDisk {
    pub(super) windows: Arc<Windows>,
    pub(super) scratch: Vec<u8>,
}

impl Disk for ShardDisk {
    fn requests(&mut self, window: usize) -> Result<Vec<Request>, LoaderError> {
        Ok(forward_requests(&self.windows.samples(window)?))
    }

    fn read(&mut self, request: Request) -> Result<(), LoaderError> {
        let shard = self.windows.shards.get(request.shard)?;
        let end = request.offset + request.length;
        let mut offset = request.offset;
        while offset < end {
            let piece = PIECE_BYTES.min(end - offset);
            self.scratch.resize(piece as usize, 0);
            shard.read_bytes(offset, &mut self.scratch)?;
            offset += piece;
        }
        Ok(())
    }
}

/// The window that a position lies in.
fn window_of(ends: &[u64], position: u64) -> usize {
    ends.partition_point(|&end| end <= position)
}

/// How far reading ahead has come, and how far the workers have.
#[derive(Debug)]
pub(super) struct Forward {
    /// Where the windows end, as positions of the order.
    ends: Vec<u64>,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug)]
struct Progress {
    /// Windows below this number are read.
    ready: usize,
    /// The furthest window that a worker has come to.
    needed: usize,
    over: bool,
}

impl Forward {
    /// For windows that end at these positions, read from the position `start` on.
    pub(super) fn new(ends: Vec<u64>, start: u64) -> Forward {
        let first = window_of(&ends, start);
        let progress = Progress { ready: first, needed: first, over: false };
        Forward { ends, progress: Mutex::new(progress), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads window after window, at most one ahead of the workers, until all are read or it is over.
    pub(super) fn run(&self, disk: &mut dyn Disk) {
        // Whatever ends it, nobody must wait for it any longer.
        let _ = catch_unwind(AssertUnwindSafe(|| self.read_windows(disk)));
        self.lock().ready = usize::MAX;
        self.changed.notify_all();
    }

    fn read_windows(&self, disk: &mut dyn Disk) -> Result<(), LoaderError> {
        let first = self.lock().ready;
        for window in first..self.ends.len() {
            let mut progress = self.lock();
            while window > progress.needed + 1 && !progress.over {
                progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
            }
            drop(progress);
            for request in disk.requests(window)? {
                if self.lock().over {
                    return Ok(());
                }
                disk.read(request)?;
            }
            self.lock().ready = window + 1;
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Waits until the windows of these positions are read. Positions behind the end, which repeat others,
    /// are not waited for.
    pub(super) fn wait_for(&self, positions: Range<u64>) {
        let end = positions.end.min(self.ends.last().copied().unwrap_or(0));
        if positions.start >= end {
            return;
        }
        let window = window_of(&self.ends, end - 1);
        let mut progress = self.lock();
        if progress.needed < window {
            progress.needed = window;
            self.changed.notify_all();
        }
        while progress.ready <= window && !progress.over {
            progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more is read or waited for.
    pub(super) fn stop(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::loader::order::{WINDOW_BLOCKS, forward_blocks, window_ends, windowed_order};
    use crate::loader::select::Place;

    /// Full shards of 1,200 photos of 40 to 66 kB, 64 MB each, and a short one; where each photo lies.
    fn layout(shards: u32) -> (Vec<Place>, Vec<Request>, Vec<u64>) {
        let (mut places, mut spans, mut row_bytes) = (Vec::new(), Vec::new(), Vec::new());
        for shard in 0..shards {
            let mut offset = 1000;
            let rows = if shard + 1 == shards { 30 } else { 1200 };
            for row in 0..rows {
                // Ids, labels and hashes lie between the record batches.
                offset += if row % 256 == 0 { 20_000 } else { 0 };
                let length = 40_000 + u64::from(row * 7919 + shard * 13) % 26_000;
                places.push(Place { shard, row });
                spans.push(Request { shard, offset, length });
                offset += length;
            }
            row_bytes.push(offset / u64::from(rows));
        }
        (places, spans, row_bytes)
    }

    #[test]
    fn a_window_is_read_forward_in_requests_of_more_than_4_mb_that_hold_all_its_samples() {
        let (places, spans, row_bytes) = layout(40);
        let blocks = forward_blocks(&places, &row_bytes);
        let order = windowed_order(3, 1, &blocks, WINDOW_BLOCKS);
        let ends = window_ends(3, 1, &blocks, WINDOW_BLOCKS);
        assert_eq!((*ends.last().unwrap() as usize, ends.len()), (order.len(), 8));
        let (mut requests, mut short, mut begin) = (0, 0, 0);
        for end in ends {
            let window: Vec<Request> =
                order[begin..end as usize].iter().map(|&index| spans[index as usize]).collect();
            begin = end as usize;
            let forward = forward_requests(&window);
            assert!(forward.is_sorted(), "forward");
            for sample in &window {
                let inside = |request: &&Request| {
                    request.shard == sample.shard
                        && request.offset <= sample.offset
                        && sample.offset + sample.length <= request.offset + request.length
                };
                assert_eq!(forward.iter().filter(inside).count(), 1, "each sample, once");
            }
            let wanted: u64 = window.iter().map(|sample| sample.length).sum();
            let read: u64 = forward.iter().map(|request| request.length).sum();
            assert!(read < wanted + wanted / 100, "and next to nothing else: {read} of {wanted}");
            requests += forward.len();
            short += forward.iter().filter(|request| request.length < 4_000_000).count();
        }
        // 39 shards of 3 blocks, the short one, and neighbours that lie in one window are one.
        assert!((100..=118).contains(&requests), "{requests}");
        assert_eq!(short, 1, "the short shard");
    }

    #[test]
    fn what_lies_far_apart_is_sought_and_what_lies_near_is_read_through() {
        let at = |shard, offset, length| Request { shard, offset, length };
        let samples = [
            at(1, 0, 10),
            at(0, 5_000_000, 50),
            at(0, 100, 50),
            at(0, 1_000_150, 50),
            at(0, 120, 10),
        ];
        assert_eq!(
            forward_requests(&samples),
            [at(0, 100, 1_000_100), at(0, 5_000_000, 50), at(1, 0, 10)]
        );
        assert_eq!(forward_requests(&[]), []);
    }

    /// A disk that notes what is read of it, window by window.
    struct Pretended<'a> {
        forward: &'a Forward,
        read: Vec<(usize, u64)>,
        most_ahead: usize,
        fails_at: Option<usize>,
    }

    impl Disk for Pretended<'_> {
        fn requests(&mut self, window: usize) -> Result<Vec<Request>, LoaderError> {
            let needed = self.forward.lock().needed;
            self.most_ahead = self.most_ahead.max(window.saturating_sub(needed));
            Ok((0..3).map(|n| Request { shard: window as u32, offset: n, length: 1 }).collect())
        }

        fn read(&mut self, request: Request) -> Result<(), LoaderError> {
            let window = request.shard as usize;
            self.read.push((window, request.offset));
            assert_ne!(self.fails_at, Some(window), "this window cannot be read");
            Ok(())
        }
    }

    fn pretended(forward: &Forward, fails_at: Option<usize>) -> Pretended<'_> {
        Pretended { forward, read: Vec::new(), most_ahead: 0, fails_at }
    }

    #[test]
    fn windows_are_read_in_order_one_ahead_of_the_workers_from_where_an_epoch_goes_on() {
        let forward = Forward::new(vec![10, 20, 30, 40, 45], 12);
        let mut disk = pretended(&forward, None);
        thread::scope(|scope| {
            scope.spawn(|| forward.run(&mut disk));
            for position in (12..60).step_by(4) {
                forward.wait_for(position..position + 4);
                let progress = forward.lock();
                let window = window_of(&forward.ends, (position + 3).min(44));
                assert!(position >= 45 || progress.ready > window, "{position}: {progress:?}");
            }
        });
        let expected: Vec<_> = (1..5).flat_map(|w| (0..3).map(move |n| (w, n))).collect();
        assert_eq!(disk.read, expected);
        assert_eq!(disk.most_ahead, 1);
    }

    #[test]
    fn nobody_waits_for_what_cannot_be_read_or_is_over() {
        let forward = Forward::new(vec![10, 20, 30], 0);
        let mut disk = pretended(&forward, Some(1));
        thread::scope(|scope| {
            scope.spawn(|| forward.run(&mut disk));
            forward.wait_for(0..30);
        });
        assert_eq!(disk.read.last(), Some(&(1, 0)), "nothing after the failure");
        let forward = Forward::new(vec![10, 20, 30], 0);
        thread::scope(|scope| {
            scope.spawn(|| forward.wait_for(0..30));
            forward.stop();
        });
        let mut disk = pretended(&forward, None);
        forward.run(&mut disk);
        assert_eq!(disk.read, []);
    }
}
