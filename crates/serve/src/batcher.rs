//! The queue and its threads.
//!
//! ```text
//!                    ┌─▶ expensive ──┐ a part of the threads
//! submit ─▶ waiting ─┴──────────┴▶ tcolz-decode-0 … n ─▶ ready ─▶ tcolz-infer ─▶ replies
//!           └───────────── at most `queue_images` in hand ────────────────────┘
//! ```
//!
//! A batch is made of what is ready. While other images are being decoded it waits for them, a few
//! milliseconds at most; an image that is alone never waits. While one batch is inferred the next is decoded.
//! Clients have turns in every queue. A full one takes an image from a client that has fewer in it, at the cost of the one
//! that has the most. Photos that are expensive to decode wait by themselves, and others overtake them.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot::{self, Receiver};

use super::ServeError;
use super::classifier::Classifier;
use super::client::Client;
use super::cost;
use super::decoding::decode;
use super::inferring::infer;
use super::metrics::Metrics;
use super::occlusion::CELLS;
use super::options::Limits;
use super::queue::{Answer, Job, Shared, refuse, send};
use super::refusal::Refusal;
use super::upload::File;
use tcolz_base::usage::cores;

/// Longest wait that a client is told, in seconds.
const LONGEST_WAIT: f64 = 60.0;

/// The queue and its threads; they end when it is dropped, after what is in hand.
pub(super) struct Batcher {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// Threads that decode: one is left where an expensive photo keeps another one.
pub(super) fn decoding_threads() -> usize {
    cores().max(2)
}

impl Batcher {
    pub(super) fn start(
        classifier: Arc<dyn Classifier>,
        limits: &Limits,
        metrics: Arc<Metrics>,
    ) -> Result<Batcher, ServeError> {
        let threads = decoding_threads();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            job: Condvar::new(),
            planes: Condvar::new(),
            limits: limits.clone(),
            expensive_threads: threads / 2,
            expensive_memory_bytes: cost::expensive_memory_bytes(&classifier.facts().recipe),
            metrics,
            classifier,
        });
        let mut batcher = Batcher { shared, threads: Vec::new() };
        for number in 0..threads {
            batcher.spawn(format!("tcolz-decode-{number}"), decode)?;
        }
        batcher.spawn("tcolz-infer".to_owned(), infer)?;
        Ok(batcher)
    }

    fn spawn(&mut self, name: String, work: fn(&Shared)) -> Result<(), ServeError> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name(name).spawn(move || work(&shared));
        self.threads.push(thread.map_err(ServeError::Start)?);
        Ok(())
    }

    /// Takes files of a client into the queue, all or none; their answers come in the receivers. Dropped receivers
    /// tell that nobody waits any more.
    ///
    /// # Errors
    /// A [`Refusal`] that says when to come back, where there is no room for all.
    pub(super) fn submit(
        &self,
        client: Client,
        files: Vec<File>,
    ) -> Result<Vec<Receiver<Answer>>, Refusal> {
        let (jobs, receivers) = files.into_iter().map(|file| job(file, 1)).unzip();
        self.enqueue(client, jobs, receivers)
    }

    /// Takes a file into the queue whose answers are those of [`occluded`](super::occlusion::occluded).
    ///
    /// # Errors
    /// As [`Batcher::submit`].
    pub(super) fn submit_occluded(
        &self,
        client: Client,
        file: File,
    ) -> Result<Vec<Receiver<Answer>>, Refusal> {
        let (job, receivers) = job(file, CELLS * CELLS + 1);
        self.enqueue(client, vec![job], vec![receivers])
    }

    fn enqueue(
        &self,
        client: Client,
        jobs: Vec<Job>,
        receivers: Vec<Vec<Receiver<Answer>>>,
    ) -> Result<Vec<Receiver<Answer>>, Refusal> {
        let receivers: Vec<_> = receivers.into_iter().flatten().collect();
        let limit = self.shared.limits.queue_images;
        if receivers.len() > limit {
            return Err(Refusal::too_many(limit));
        }
        let mut state = self.shared.state();
        let in_hand = state.in_hand();
        if state.closed {
            return Err(Refusal::busy("the service is being stopped", 5));
        }
        let seconds = (in_hand as f64 * state.seconds_an_image).clamp(1.0, LONGEST_WAIT);
        let full = || {
            let message =
                format!("{in_hand} images are in hand, at most {limit} can be: try again");
            Refusal::busy(message, seconds.ceil() as u64)
        };
        let dropped = state.make_room(client, receivers.len(), limit).ok_or_else(full)?;
        jobs.into_iter().for_each(|job| state.waiting.push(client, job));
        self.shared.metrics.in_hand.set(state.in_hand() as i64);
        drop(state);
        self.shared.job.notify_all();
        send(refuse(dropped, &full()));
        Ok(receivers)
    }
}

fn job(file: File, answers: usize) -> (Job, Vec<Receiver<Answer>>) {
    let (replies, receivers) = (0..answers).map(|_| oneshot::channel()).unzip();
    (Job { file, replies }, receivers)
}

impl Drop for Batcher {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.job.notify_all();
        self.shared.planes.notify_all();
        for thread in self.threads.drain(..) {
            // Its panics are caught where they happen.
            let _ = thread.join();
        }
    }
}
