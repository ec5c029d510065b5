//! Reading ahead for disks that seek: the blocks of a window are read forward, in large requests, by a thread of
//! their own, so that the samples of a window, in whatever order, are in the system's cache.
//!
//! ```text
//! window   0            1            2
//! reading  ███████████▶ ███████████▶ ·····     one window ahead of the workers, and no more
//! workers               batches of 0           wait for the window that they come to
//! ```
//! Within a window the movement is forward too: by shard and row, and where a record batch is not open yet,
//! its index, then what is wanted of the batch, and its hashes, which lie behind it.
//!
//! It is help and no more: a window that cannot be read ahead is left to the workers, who read each
//! sample and say what is wrong.

mod request;
mod windows;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::LoaderError;
pub use request::{Located, MAX_GAP_BYTES, Request, WindowReads, forward_requests, next_requests};
pub(super) use windows::{ShardDisk, Windows};

/// What reads ahead: the shards, or a pretended disk in a test.
pub(super) trait Disk {
    /// Goes to a window.
    fn begin(&mut self, window: usize);

    /// The next requests of the window, once those before have been read; none at its end. What must be
    /// known for them is read first.
    fn requests(&mut self) -> Result<Vec<Request>, LoaderError>;

    /// Brings these bytes into the system's cache.
    fn read(&mut self, request: Request) -> Result<(), LoaderError>;
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
            disk.begin(window);
            loop {
                let requests = disk.requests()?;
                if requests.is_empty() {
                    break;
                }
                for request in requests {
                    if self.lock().over {
                        return Ok(());
                    }
                    disk.read(request)?;
                }
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
    use std::time::Duration;

    use super::*;

    /// A disk that notes what is read of it, window by window.
    struct Pretended<'a> {
        forward: &'a Forward,
        window: usize,
        /// What the window has left.
        left: Vec<u64>,
        read: Vec<(usize, u64)>,
        most_ahead: usize,
        fails_at: Option<usize>,
    }

    impl Disk for Pretended<'_> {
        fn begin(&mut self, window: usize) {
            let needed = self.forward.lock().needed;
            self.most_ahead = self.most_ahead.max(window.saturating_sub(needed));
            (self.window, self.left) = (window, vec![2, 1, 0]);
        }

        /// Two at first, then one.
        fn requests(&mut self) -> Result<Vec<Request>, LoaderError> {
            let shard = self.window as u32;
            let keep = self.left.len().saturating_sub(2);
            let next = self.left.split_off(keep).into_iter().rev();
            Ok(next.map(|offset| Request { shard, offset, length: 1 }).collect())
        }

        fn read(&mut self, request: Request) -> Result<(), LoaderError> {
            let window = request.shard as usize;
            self.read.push((window, request.offset));
            assert_ne!(self.fails_at, Some(window), "this window cannot be read");
            Ok(())
        }
    }

    fn pretended(forward: &Forward, fails_at: Option<usize>) -> Pretended<'_> {
        Pretended {
            forward,
            window: 0,
            left: Vec::new(),
            read: Vec::new(),
            most_ahead: 0,
            fails_at,
        }
    }

    #[test]
    fn windows_are_read_in_order_one_ahead_of_the_workers_from_where_an_epoch_goes_on() {
        let forward = Forward::new(vec![10, 20, 30, 40, 45], 12);
        let mut disk = pretended(&forward, None);
        thread::scope(|scope| {
            scope.spawn(|| forward.run(&mut disk));
            // The worker stays until the next window is read as well: however quick it is, reading is
            // ahead of it, and has time to go too far, if it would.
            let stay = |window: usize| {
                let next = (window + 2).min(forward.ends.len());
                let mut progress = forward.lock();
                while progress.ready < next {
                    progress = forward.changed.wait(progress).unwrap();
                }
                drop(progress);
                thread::sleep(Duration::from_millis(20));
            };
            stay(1);
            for position in (12..60).step_by(4) {
                forward.wait_for(position..position + 4);
                let window = window_of(&forward.ends, (position + 3).min(44));
                assert!(position >= 45 || forward.lock().ready > window, "{position}");
                stay(window);
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
