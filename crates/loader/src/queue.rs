//! What passes between the workers and the consumer: steps out, batches back in order, buffers round.
//!
//! A worker takes a free buffer and the next step in one go. So the earliest step that nobody has
//! delivered always has a buffer, and a bounded number of buffers cannot come to a standstill.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::LoaderError;
use super::buffer::Buffer;
use super::element::Element;

/// Steps, buffers and finished batches of one epoch.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    /// A buffer came back, or it is over.
    for_workers: Condvar,
    /// A batch is finished, or a worker has ended.
    for_consumer: Condvar,
    /// A new buffer, when the consumer keeps all there are.
    batch_size: usize,
    shape: [usize; 3],
}

/// What a step came to.
type Finished<T> = Result<Buffer<T>, LoaderError>;

#[derive(Debug)]
struct State<T> {
    free: Vec<Buffer<T>>,
    next_step: u64,
    /// Steps from here on are not begun: the epoch's end, or an error's place.
    end: u64,
    finished: Vec<(u64, Finished<T>)>,
    workers: usize,
}

impl<T: Element> Queue<T> {
    /// A queue of `steps` steps and `buffers` buffers, those of `spare` first.
    pub(super) fn new(
        steps: u64,
        (batch_size, shape): (usize, [usize; 3]),
        buffers: usize,
        mut free: Vec<Buffer<T>>,
    ) -> Queue<T> {
        free.truncate(buffers);
        free.resize_with(buffers, || Buffer::new(batch_size, shape));
        let finished = Vec::with_capacity(buffers);
        Queue {
            state: Mutex::new(State { free, next_step: 0, end: steps, finished, workers: 0 }),
            for_workers: Condvar::new(),
            for_consumer: Condvar::new(),
            batch_size,
            shape,
        }
    }

    /// The lock; a thread that panicked with it has left nothing half done.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn worker_begins(&self) {
        self.lock().workers += 1;
    }

    pub(super) fn worker_ends(&self) {
        self.lock().workers -= 1;
        self.for_consumer.notify_all();
    }

    /// The next step and an empty buffer for it; `None` when there is nothing more to do.
    pub(super) fn begin(&self) -> Option<(u64, Buffer<T>)> {
        let mut state = self.lock();
        loop {
            if state.next_step >= state.end {
                return None;
            }
            if let Some(mut buffer) = state.free.pop() {
                let step = state.next_step;
                state.next_step += 1;
                drop(state);
                buffer.clear();
                buffer.allocate();
                return Some((step, buffer));
            }
            state = self.for_workers.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands in what a step came to.
    pub(super) fn finish(&self, step: u64, result: Finished<T>) {
        let mut state = self.lock();
        if result.is_err() {
            state.end = state.end.min(step + 1);
            self.for_workers.notify_all();
        }
        state.finished.push((step, result));
        self.for_consumer.notify_all();
    }

    /// Waits for a step's result.
    pub(super) fn take(&self, step: u64) -> Finished<T> {
        let mut state = self.lock();
        loop {
            if let Some(at) = state.finished.iter().position(|(finished, _)| *finished == step) {
                return state.finished.swap_remove(at).1;
            }
            if state.workers == 0 {
                return Err(LoaderError::Worker { step, reason: "no worker is left".to_owned() });
            }
            if state.next_step <= step && state.free.is_empty() {
                // The consumer keeps every batch it got.
                state.free.push(Buffer::new(self.batch_size, self.shape));
                self.for_workers.notify_one();
            }
            state = self.for_consumer.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A buffer is free again; one without memory gets new memory from the worker that takes it.
    pub(super) fn give_back(&self, buffer: Buffer<T>) {
        self.lock().free.push(buffer);
        self.for_workers.notify_one();
    }

    /// No further step is begun.
    pub(super) fn stop(&self) {
        self.lock().end = 0;
        self.for_workers.notify_all();
    }

    /// The buffers that are free, for another epoch.
    pub(super) fn take_free(&self) -> Vec<Buffer<T>> {
        let mut state = self.lock();
        let finished = std::mem::take(&mut state.finished);
        let mut free = std::mem::take(&mut state.free);
        free.extend(finished.into_iter().filter_map(|(_, result)| result.ok()));
        free
    }
}
