//! The queue, and what is in hand of whom.
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

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot::{self, Receiver, Sender};

use super::ServeError;
use super::classifier::{Classifier, Prepared};
use super::client::{Client, FairQueue};
use super::cost;
use super::decoding::decode;
use super::inferring::infer;
use super::metrics::Metrics;
use super::occlusion::CELLS;
use super::options::Limits;
use super::refusal::Refusal;
use super::upload::File;
use tcolz_base::usage::cores;
use tcolz_pixels::photo_info::PhotoInfo;

/// Longest wait that a client is told, in seconds.
const LONGEST_WAIT: f64 = 60.0;

/// What is answered for one image.
pub(super) type Answer = Result<Labelled, Refusal>;

/// An image that got a label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Labelled {
    /// One for each class.
    pub(super) probabilities: Vec<f32>,
    pub(super) photo: PhotoInfo,
}

/// A photo to be decoded.
pub(super) struct Job {
    pub(super) file: File,
    /// One for the photo; where it is to be occluded, one for each of [`occluded`](super::occlusion::occluded)'s after it.
    pub(super) replies: Vec<Sender<Answer>>,
}

/// A photo that is expensive to decode.
pub(super) struct ExpensiveJob {
    pub(super) job: Job,
    pub(super) peak_bytes: u64,
}

/// An image to be inferred.
pub(super) struct Ready {
    pub(super) image: Prepared,
    pub(super) reply: Sender<Answer>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) waiting: FairQueue<Job>,
    pub(super) expensive: FairQueue<ExpensiveJob>,
    /// Images whose photos are being decoded.
    pub(super) preparing: usize,
    /// Expensive photos that are being decoded, and their memory.
    pub(super) expensive_preparing: usize,
    pub(super) expensive_bytes: u64,
    pub(super) ready: FairQueue<Ready>,
    pub(super) inferring: usize,
    /// Nothing new is taken; what is in hand is finished.
    pub(super) closed: bool,
    pub(super) seconds_an_image: f64,
}

impl State {
    pub(super) fn in_hand(&self) -> usize {
        self.to_be_ready() + self.ready.iter().count() + self.inferring
    }

    pub(super) fn to_be_ready(&self) -> usize {
        let waiting = self.waiting.iter().map(|(_, job)| job.replies.len());
        let expensive = self.expensive.iter().map(|(_, expensive)| expensive.job.replies.len());
        waiting.sum::<usize>() + expensive.sum::<usize>() + self.preparing
    }

    /// Images of each client that nobody works on.
    fn shares(&self) -> HashMap<Client, usize> {
        let waiting = self.waiting.iter().map(|(client, job)| (client, job.replies.len()));
        let expensive =
            self.expensive.iter().map(|(client, expensive)| (client, expensive.job.replies.len()));
        let ready = self.ready.iter().map(|(client, _)| (client, 1));
        let mut shares = HashMap::new();
        for (client, images) in waiting.chain(expensive).chain(ready) {
            *shares.entry(client).or_default() += images;
        }
        shares
    }

    /// Makes room for images of a client, at the cost of those that have more than it will have. The replies of what had
    /// to go, or `None` where there is no such room.
    fn make_room(
        &mut self,
        client: Client,
        images: usize,
        limit: usize,
    ) -> Option<Vec<Sender<Answer>>> {
        let mut dropped = Vec::new();
        let mut missing = (self.in_hand() + images).saturating_sub(limit);
        if missing == 0 {
            return Some(dropped);
        }
        let mut shares = self.shares();
        let fair = shares.remove(&client).unwrap_or(0) + images;
        if shares.values().map(|share| share.saturating_sub(fair)).sum::<usize>() < missing {
            return None;
        }
        while missing > 0 {
            let (&most, share) = shares.iter_mut().max_by_key(|(_, share)| **share)?;
            let replies = if let Some(job) = self.waiting.pop_newest(most) {
                job.replies
            } else if let Some(expensive) = self.expensive.pop_newest(most) {
                expensive.job.replies
            } else {
                vec![self.ready.pop_newest(most)?.reply]
            };
            *share = share.saturating_sub(replies.len());
            missing = missing.saturating_sub(replies.len());
            dropped.extend(replies);
        }
        Some(dropped)
    }
}

/// What the threads of a [`Batcher`] share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something is waiting, or the queue was closed.
    pub(super) job: Condvar,
    /// Something is ready, or will never be.
    pub(super) planes: Condvar,
    pub(super) limits: Limits,
    /// Expensive photos that are decoded at a time, and their memory.
    pub(super) expensive_threads: usize,
    pub(super) expensive_memory_bytes: u64,
    pub(super) metrics: Arc<Metrics>,
    pub(super) classifier: Arc<dyn Classifier>,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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

pub(super) fn refuse(
    replies: Vec<Sender<Answer>>,
    refusal: &Refusal,
) -> Vec<(Sender<Answer>, Answer)> {
    replies.into_iter().map(|reply| (reply, Err(refusal.clone()))).collect()
}

/// Sends answers, last of all: whoever has one finds its place in the queue free.
pub(super) fn send(answers: Vec<(Sender<Answer>, Answer)>) {
    for (reply, answer) in answers {
        // Nobody may be waiting any more.
        drop(reply.send(answer));
    }
}
