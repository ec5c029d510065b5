//! An epoch as it is read: named threads fill batches, the consumer gets them in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::batch::{Batch, Buffer, Damaged};
use super::element::{Element, Source};
use super::order::Stripes;
use super::queue::Queue;
use super::select::{Place, Selection};
use super::shards::Shards;
use super::state::{RankState, State};
use super::{Loader, LoaderError};
use crate::sample::NO_LABEL;
use crate::shard::ShardError;

/// The batches of the rest of an epoch, of one rank; an iterator.
///
/// The batches are the same whatever the number of workers. After an error there are no more. Dropping it
/// at any time ends and joins its threads.
#[derive(Debug)]
pub struct Epoch<T: Element = f32> {
    queue: Arc<Queue<T>>,
    spare: Spare<T>,
    threads: Vec<JoinHandle<()>>,
    stripes: Stripes,
    step: u64,
    /// Where the epoch was gone on from, and what this rank has had since.
    state: RankState,
    /// What kept the threads from starting.
    failure: Option<LoaderError>,
}

/// Buffers between epochs.
pub(super) type Spare<T> = Arc<std::sync::Mutex<Vec<Buffer<T>>>>;

/// What every worker of an epoch needs.
struct Work<T: Element> {
    queue: Arc<Queue<T>>,
    shards: Arc<Shards>,
    selection: Arc<Selection>,
    /// The epoch's order: indices into the selection.
    order: Arc<Vec<u32>>,
    stripes: Stripes,
    rank: u32,
    column: usize,
    damaged: Damaged,
    /// Steps that are asked for ahead of the one that is filled.
    ahead: u64,
}

impl<T: Element> Epoch<T> {
    pub(super) fn begin(loader: &Loader<T>, state: State) -> Epoch<T> {
        let order = Arc::new(loader.epoch_order(state.epoch));
        let stripes = loader.stripes(state.position, order.len() as u64);
        let spare = std::mem::take(&mut *lock(&loader.spare));
        let layout = (loader.batch_size, loader.shape);
        let queue = Arc::new(Queue::new(stripes.steps(), layout, loader.buffers, spare));
        // The receipts so far go on with rank 0, so that merged ranks count them once.
        let mut state = RankState { rank: loader.rank, world: loader.world, state };
        if loader.rank > 0 {
            (state.state.delivered, state.state.skipped) = Default::default();
        }
        let mut epoch = Epoch {
            queue: Arc::clone(&queue),
            spare: Arc::clone(&loader.spare),
            threads: Vec::new(),
            stripes,
            step: 0,
            state,
            failure: None,
        };
        let workers = loader.workers.min(usize::try_from(stripes.steps()).unwrap_or(usize::MAX));
        for number in 0..workers {
            let work = Work {
                queue: Arc::clone(&queue),
                shards: Arc::clone(&loader.shards),
                selection: Arc::clone(&loader.selection),
                order: Arc::clone(&order),
                stripes,
                rank: loader.rank,
                column: loader.column,
                damaged: loader.damaged,
                ahead: workers as u64,
            };
            let columns = &loader.shards.dataset().meta().columns;
            let source = Source::new(columns, loader.column, &loader.view);
            queue.worker_begins();
            let thread = Builder::new().name(format!("{}-{number}", loader.thread_name));
            match thread.spawn(move || work.run(source)) {
                Ok(thread) => epoch.threads.push(thread),
                Err(error) => {
                    queue.worker_ends();
                    if number == 0 {
                        let reason = format!("it could not be started: {error}");
                        epoch.failure = Some(LoaderError::Worker { step: 0, reason });
                    }
                    break;
                }
            }
        }
        epoch
    }

    /// Where this rank stands: behind the last batch that [`Iterator::next`] gave. Merge those of all
    /// ranks, of one alone too, with [`RankState::merge`].
    pub fn state(&self) -> RankState {
        self.state.clone()
    }

    /// How the rest of the epoch is divided.
    pub fn stripes(&self) -> Stripes {
        self.stripes
    }

    fn end(&mut self) {
        self.queue.stop();
        for thread in self.threads.drain(..) {
            // A worker's panic has been handed in as the error of its step.
            let _ = thread.join();
        }
    }
}

impl<T: Element> Iterator for Epoch<T> {
    type Item = Result<Batch<T>, LoaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.step >= self.stripes.steps() {
            self.end();
            return None;
        }
        let taken = match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.queue.take(self.step),
        };
        match taken {
            Ok(buffer) => {
                self.step += 1;
                let batch = Batch::new(buffer, Arc::clone(&self.queue));
                let (delivered, skipped) = batch.receipts();
                self.state.state.position = self.stripes.position_after(self.step);
                self.state.state.delivered += delivered;
                self.state.state.skipped += skipped;
                Some(Ok(batch))
            }
            Err(error) => {
                self.step = u64::MAX;
                self.end();
                Some(Err(error))
            }
        }
    }
}

impl<T: Element> Drop for Epoch<T> {
    fn drop(&mut self) {
        self.end();
        lock(&self.spare).extend(self.queue.take_free());
    }
}

impl<T: Element> Work<T> {
    fn run(self, mut source: Source<T>) {
        while let Some((step, mut buffer)) = self.queue.begin() {
            let filled = guarded(step, || self.fill(step, &mut source, &mut buffer));
            self.queue.finish(step, filled.map(|()| buffer));
        }
        self.queue.worker_ends();
    }

    /// The samples of a step: index into the selection, and place.
    fn samples(&self, step: u64) -> impl Iterator<Item = (usize, Place)> {
        let positions = self.stripes.batch(self.rank, step);
        positions.map(|position| {
            let index = self.order[(position % self.order.len() as u64) as usize] as usize;
            (index, self.selection.places()[index])
        })
    }

    fn fill(
        &self,
        step: u64,
        source: &mut Source<T>,
        buffer: &mut Buffer<T>,
    ) -> Result<(), LoaderError> {
        let ahead = if step == 0 { 0..=self.ahead } else { step + self.ahead..=step + self.ahead };
        for step in ahead.filter(|&step| step < self.stripes.steps()) {
            for (_, place) in self.samples(step) {
                self.shards.get(place.shard)?.will_need(place.row, self.column);
            }
        }
        // Each shard of the batch once, or a little more often: a shard forgets one 64 numbers away.
        let mut tested = [None; 64];
        for (_, place) in self.samples(step) {
            let last = &mut tested[place.shard as usize % 64];
            if last.replace(place.shard) != Some(place.shard) {
                self.shards.get(place.shard)?.check_length()?;
            }
        }
        for (index, place) in self.samples(step) {
            let reader = self.shards.get(place.shard)?;
            let error = match source.read(reader, place.row, buffer.next()) {
                Ok(()) if reader.label(place.row) == self.selection.label(index) => {
                    buffer.push(reader.sample_id(place.row), self.selection.label(index));
                    continue;
                }
                Ok(()) => return Err(self.foreign(place, index)),
                Err(error) => error,
            };
            let of_the_row =
                matches!(error, ShardError::Damaged { .. } | ShardError::Undecodable { .. });
            if self.damaged == Damaged::Fail || !of_the_row {
                return Err(error.into());
            }
            buffer.skip(&self.shards.ledger_id(place)?, error);
        }
        Ok(())
    }

    /// A sound row of another dataset's shard.
    fn foreign(&self, place: Place, index: usize) -> LoaderError {
        let label =
            |label: u16| if label == NO_LABEL { "none".to_owned() } else { label.to_string() };
        let expected = label(self.selection.labels()[index]);
        match self.shards.get(place.shard) {
            Err(error) => error,
            Ok(reader) => ShardError::Structure {
                path: reader.path().to_owned(),
                reason: format!(
                    "row {} (sample `{}`) has the label {}, in the ledger {expected}",
                    place.row,
                    reader.sample_id(place.row),
                    label(reader.label(place.row).unwrap_or(NO_LABEL)),
                ),
            }
            .into(),
        }
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Makes an error of a panic, so that the consumer hears of it.
fn guarded(step: u64, work: impl FnOnce() -> Result<(), LoaderError>) -> Result<(), LoaderError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let reason = format!("it panicked: {}", text.unwrap_or("without a word"));
        Err(LoaderError::Worker { step, reason })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_panics_reaches_the_consumer_as_the_error_of_its_step() {
        let queue: Queue<f32> = Queue::new(3, (1, [3, 1, 1]), 3, Vec::new());
        queue.worker_begins();
        let panics = |step| guarded(step, || panic!("step {step} is cursed"));
        let begun: Vec<_> = (0..3).map(|_| queue.begin().unwrap()).collect();
        for (step, buffer) in begun.into_iter().rev() {
            let filled = if step == 1 { panics(step) } else { Ok(()) };
            queue.finish(step, filled.map(|()| buffer));
        }
        assert!(queue.take(0).is_ok());
        let error = queue.take(1).unwrap_err().to_string();
        assert!(error.contains("step 1: it panicked: step 1 is cursed"), "{error}");
        assert!(queue.begin().is_none(), "nothing is begun behind an error");
    }

    #[test]
    fn a_consumer_whose_workers_are_gone_gets_an_error_and_waits_for_nobody() {
        let queue: Queue<f32> = Queue::new(3, (1, [3, 1, 1]), 1, Vec::new());
        queue.worker_begins();
        queue.begin().unwrap();
        queue.worker_ends();
        let error = queue.take(0).unwrap_err().to_string();
        assert!(error.contains("no worker is left"), "{error}");
    }
}
