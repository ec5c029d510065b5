//! An epoch as it is read: named threads fill batches, the consumer gets them in order.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::augment::{Augmenter, Occurrences};
use super::batch::Batch;
use super::buffer::Spare;
use super::element::{Element, Source};
use super::forward::{Forward, ShardDisk};
use super::hints::Hints;
use super::order::Stripes;
use super::plan::Plan;
use super::queue::Queue;
use super::state::{RankState, State};
use super::work::Work;
use super::{Access, Loader, LoaderError};

/// The batches of the rest of an epoch, of one rank; an iterator.
///
/// The batches are the same whatever the number of workers. After an error there are no more. Dropping it
/// at any time ends and joins its threads.
#[derive(Debug)]
pub struct Epoch<T: Element = f32> {
    queue: Arc<Queue<T>>,
    spare: Spare<T>,
    threads: Vec<JoinHandle<()>>,
    /// Where windows are read ahead.
    forward: Option<Arc<Forward>>,
    /// Where shards are mapped.
    hints: Option<Arc<Hints>>,
    stripes: Stripes,
    step: u64,
    /// Where the epoch was gone on from, and what this rank has had since.
    state: RankState,
    /// What kept the threads from starting.
    failure: Option<LoaderError>,
}

impl<T: Element> Loader<T> {
    /// Reads an epoch from its beginning.
    pub fn epoch(&self, epoch: u32) -> Epoch<T> {
        Epoch::begin(self, &self.plan, self.begin(epoch))
    }

    /// Goes on with an epoch, without replay. Where the order is [`Order::Auto`](super::Order::Auto), with the one that the state
    /// was saved in, whatever would be taken here.
    ///
    /// # Errors
    /// [`LoaderError::OtherState`] for a state of another dataset, order, seed or selection.
    pub fn resume(&self, state: &State) -> Result<Epoch<T>, LoaderError> {
        Ok(Epoch::begin(self, self.plan_of(state)?, state.clone()))
    }
}

impl<T: Element> Epoch<T> {
    pub(super) fn begin(loader: &Loader<T>, plan: &Plan, state: State) -> Epoch<T> {
        let windows = Arc::new(loader.windows(plan, &state));
        let (order, stripes) = (Arc::clone(&windows.order), windows.stripes);
        let ahead = loader.reads_ahead(plan) && stripes.steps() > 0;
        let forward = ahead.then(|| Arc::new(Forward::new(windows.ends.clone(), stripes.start)));
        let workers = loader.workers.min(usize::try_from(stripes.steps()).unwrap_or(usize::MAX));
        let hinted = loader.choices.access != Access::Read && workers > 0;
        let new_hints = || Hints::new(workers, loader.batch_size, loader.stored_batch_bytes());
        let hints = hinted.then(|| Arc::new(new_hints()));
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
            forward: forward.clone(),
            hints: hints.clone(),
            stripes,
            step: 0,
            state,
            failure: None,
        };
        let occurrences =
            loader.augment.map(|_| Arc::new(Occurrences::of(&order, loader.selection.len())));
        if let Some(forward) = &forward {
            let thread = Builder::new().name(format!("{}-ahead", loader.thread_name));
            let reader = Arc::clone(forward);
            let windows = Arc::clone(&windows);
            let mut disk = ShardDisk::new(windows);
            match thread.spawn(move || reader.run(&mut disk)) {
                Ok(thread) => epoch.threads.push(thread),
                // Nothing is read ahead, then.
                Err(_) => forward.stop(),
            }
        }
        if let Some(hints) = &hints {
            let thread = Builder::new().name(format!("{}-ahead", loader.thread_name));
            let own = Arc::clone(hints);
            // Where it cannot be started, each page is asked for when it is needed.
            epoch.threads.extend(thread.spawn(move || own.ask_for(&windows)));
        }
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
                forward: forward.clone(),
                occurrences: occurrences.clone(),
                hints: hints.clone(),
            };
            let columns = &loader.shards.dataset().meta().columns;
            let source = Source::new(columns, loader.column, &loader.view);
            let [_, height, width] = columns[loader.column].shape;
            let epoch_number = epoch.state.state.epoch;
            let augmenter = loader
                .augment
                .map(|augment| Augmenter::new(augment, plan.seed, epoch_number, [height, width]));
            queue.worker_begins();
            let thread = Builder::new().name(format!("{}-{number}", loader.thread_name));
            match thread.spawn(move || work.run(source, augmenter)) {
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
        if let Some(forward) = &self.forward {
            forward.stop();
        }
        if let Some(hints) = &self.hints {
            hints.stop();
        }
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

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
