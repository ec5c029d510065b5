//! Asks the system for the stored bytes of the next batches, where shards are mapped.
//!
//! A thread of its own does it: on a disk that has enough to do, asking waits until the disk takes the
//! request, and a worker that waits decodes nothing.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::forward::Windows;

/// Stored bytes that are asked for ahead of the workers: what a fast disk gives in some hundredths of a
/// second, and next to nothing beside the memory of the batches.
const AHEAD_BYTES: u64 = 32 << 20;
/// Samples that are asked for ahead of the workers, at most: small ones lie many to a page, and asking costs a call each.
const AHEAD_SAMPLES: u64 = 4096;

/// How far the workers have come, for the thread that asks ahead.
#[derive(Debug)]
pub(super) struct Hints {
    /// Steps that are asked for ahead of the furthest one that is being filled.
    depth: u64,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Progress {
    /// The furthest step that a worker has begun.
    begun: u64,
    over: bool,
}

impl Hints {
    /// For so many workers and batches of so many samples and stored bytes: at least a batch for each worker.
    pub(super) fn new(workers: usize, batch_size: usize, batch_bytes: u64) -> Hints {
        let samples = AHEAD_SAMPLES / batch_size.max(1) as u64;
        let depth = (AHEAD_BYTES / batch_bytes.max(1)).min(samples).max(workers as u64);
        Hints { depth, progress: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker begins a step.
    pub(super) fn begin(&self, step: u64) {
        let mut progress = self.lock();
        if progress.begun < step {
            progress.begun = step;
            self.changed.notify_all();
        }
    }

    /// Nothing more is asked for.
    pub(super) fn stop(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    /// Gives `ask` step after step, no further ahead of the workers than the depth, until all of `steps` are
    /// asked for or it is over.
    fn run(&self, steps: u64, mut ask: impl FnMut(u64)) {
        for step in 0..steps {
            let mut progress = self.lock();
            while step > progress.begun + self.depth && !progress.over {
                progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
            }
            if progress.over {
                return;
            }
            drop(progress);
            ask(step);
        }
    }

    /// Asks for the samples of an epoch in the order of delivery.
    pub(super) fn ask_for(&self, epoch: &Windows) {
        self.run(epoch.stripes.steps(), |step| {
            for position in epoch.stripes.batch(epoch.rank, step) {
                if self.lock().over {
                    return;
                }
                // Whoever reads the sample says what is wrong with its shard.
                let _ = epoch.shards.will_need(epoch.place(position), epoch.column);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    #[test]
    fn steps_are_asked_for_in_order_and_no_further_ahead_than_the_depth() {
        let hints = Hints::new(2, 4, AHEAD_BYTES / 5);
        let asked = AtomicU64::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                hints.run(20, |step| {
                    assert_eq!(asked.fetch_add(1, Ordering::SeqCst), step, "in order");
                });
            });
            for begun in 0..20 {
                hints.begin(begun);
                hints.begin(begun / 2); // another worker, behind
                let most = 20.min(begun + 6);
                while asked.load(Ordering::SeqCst) < most {
                    std::thread::yield_now();
                }
                // Time to go too far, if it would.
                std::thread::sleep(Duration::from_millis(5));
                assert_eq!(asked.load(Ordering::SeqCst), most);
            }
        });
    }

    #[test]
    fn each_worker_has_a_batch_ahead_however_large_batches_are() {
        assert_eq!(Hints::new(7, 64, u64::MAX).depth, 7);
        assert_eq!(Hints::new(2, 64, 0).depth, AHEAD_SAMPLES / 64, "and however small");
        assert_eq!(Hints::new(2, usize::MAX, 0).depth, 2);
    }

    #[test]
    fn nothing_is_asked_for_when_it_is_over() {
        let hints = Hints::new(1, 1, AHEAD_BYTES);
        let asked = AtomicU64::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                hints.run(u64::MAX, |_| {
                    asked.fetch_add(1, Ordering::SeqCst);
                });
            });
            std::thread::sleep(Duration::from_millis(5));
            hints.stop();
        });
        assert!(asked.load(Ordering::SeqCst) <= 2);
        hints.run(5, |_| panic!("it is over"));
    }
}
