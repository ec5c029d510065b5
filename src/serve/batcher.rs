//! Queue, decoding threads, and the thread that infers whole batches.
//!
//! ```text
//! submit ─▶ waiting ─▶ tcolz-decode-0 … n ─▶ ready ─▶ tcolz-infer ─▶ replies
//!           └───────────── at most `queue_images` in hand ───────────────┘
//! ```
//!
//! A batch is made of what is ready. While other images are being decoded it waits for them, a few
//! milliseconds at most; an image that is alone never waits. While one batch is inferred the next is decoded.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::oneshot::{self, Receiver, Sender};

use super::ServeError;
use super::classifier::{Classifier, Prepared};
use super::metrics::Metrics;
use super::occlusion::{CELLS, occluded};
use super::options::Limits;
use super::refusal::Refusal;
use super::upload::File;
use crate::sample::PhotoInfo;
use crate::usage::cores;

/// Share of the newest batch in the time that an image is expected to take.
const NEWEST: f64 = 0.2;
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

struct Job {
    file: File,
    /// One for the photo; where it is to be occluded, one for each of [`occluded`]'s after it.
    replies: Vec<Sender<Answer>>,
}

struct Ready {
    image: Prepared,
    reply: Sender<Answer>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    preparing: usize,
    ready: VecDeque<Ready>,
    inferring: usize,
    /// Nothing new is taken; what is in hand is finished.
    closed: bool,
    seconds_an_image: f64,
}

impl State {
    fn in_hand(&self) -> usize {
        self.to_be_ready() + self.ready.len() + self.inferring
    }

    fn to_be_ready(&self) -> usize {
        self.waiting.iter().map(|job| job.replies.len()).sum::<usize>() + self.preparing
    }
}

struct Shared {
    state: Mutex<State>,
    /// Something is waiting, or the queue was closed.
    job: Condvar,
    /// Something is ready, or will never be.
    planes: Condvar,
    limits: Limits,
    metrics: Arc<Metrics>,
    classifier: Arc<dyn Classifier>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue and its threads; they end when it is dropped, after what is in hand.
pub(super) struct Batcher {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Batcher {
    pub(super) fn start(
        classifier: Arc<dyn Classifier>,
        limits: &Limits,
        metrics: Arc<Metrics>,
    ) -> Result<Batcher, ServeError> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            job: Condvar::new(),
            planes: Condvar::new(),
            limits: limits.clone(),
            metrics,
            classifier,
        });
        let mut batcher = Batcher { shared, threads: Vec::new() };
        for number in 0..cores() {
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

    /// Takes files into the queue, all or none; their answers come in the receivers. Dropped receivers
    /// tell that nobody waits any more.
    ///
    /// # Errors
    /// A [`Refusal`] that says when to come back, where there is no room for all.
    pub(super) fn submit(&self, files: Vec<File>) -> Result<Vec<Receiver<Answer>>, Refusal> {
        let (jobs, receivers) = files.into_iter().map(|file| job(file, 1)).unzip();
        self.enqueue(jobs, receivers)
    }

    /// Takes a file into the queue whose answers are those of [`occluded`].
    ///
    /// # Errors
    /// As [`Batcher::submit`].
    pub(super) fn submit_occluded(&self, file: File) -> Result<Vec<Receiver<Answer>>, Refusal> {
        let (job, receivers) = job(file, CELLS * CELLS + 1);
        self.enqueue(vec![job], vec![receivers])
    }

    fn enqueue(
        &self,
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
        if in_hand + receivers.len() > limit {
            let seconds = (in_hand as f64 * state.seconds_an_image).clamp(1.0, LONGEST_WAIT);
            let message =
                format!("{in_hand} images are in hand, at most {limit} can be: try again");
            return Err(Refusal::busy(message, seconds.ceil() as u64));
        }
        state.waiting.extend(jobs);
        self.shared.metrics.in_hand.set(state.in_hand() as i64);
        drop(state);
        self.shared.job.notify_all();
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

/// What a decoding thread does.
fn decode(shared: &Shared) {
    let mut preparer = shared.classifier.preparer();
    loop {
        let mut state = shared.state();
        let job = loop {
            match state.waiting.pop_front() {
                Some(job) => break job,
                None if state.closed => return,
                None => {
                    state = shared.job.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        };
        let images = job.replies.len();
        state.preparing += images;
        drop(state);
        // A client that went away is not worked for.
        let gone = job.replies.iter().all(Sender::is_closed);
        let prepared = (!gone).then(|| {
            catch_unwind(AssertUnwindSafe(|| -> Result<Vec<Prepared>, Refusal> {
                let image = preparer.prepare(&job.file.bytes)?;
                if images == 1 {
                    return Ok(vec![image]);
                }
                let size = shared.classifier.facts().size as usize;
                let occluded = occluded(&image.planes, size).ok_or_else(Refusal::defect)?;
                let photo = image.photo;
                Ok(occluded.into_iter().map(|planes| Prepared { planes, photo }).collect())
            }))
        });
        // The bytes make room for other uploads before the batch is inferred.
        drop(job.file);
        let (mut ready, mut refused) = (Vec::new(), Vec::new());
        match prepared {
            None => {}
            Some(Ok(Ok(images))) => {
                let pairs = images.into_iter().zip(job.replies);
                ready.extend(pairs.map(|(image, reply)| Ready { image, reply }));
            }
            Some(Ok(Err(refusal))) => refused = refuse(job.replies, &refusal),
            Some(Err(_panic)) => {
                preparer = shared.classifier.preparer();
                refused = refuse(job.replies, &Refusal::defect());
            }
        }
        let mut state = shared.state();
        state.preparing -= images;
        state.ready.extend(ready);
        shared.metrics.in_hand.set(state.in_hand() as i64);
        drop(state);
        shared.planes.notify_one();
        send(refused);
    }
}

fn refuse(replies: Vec<Sender<Answer>>, refusal: &Refusal) -> Vec<(Sender<Answer>, Answer)> {
    replies.into_iter().map(|reply| (reply, Err(refusal.clone()))).collect()
}

/// Sends answers, last of all: whoever has one finds its place in the queue free.
fn send(answers: Vec<(Sender<Answer>, Answer)>) {
    for (reply, answer) in answers {
        // Nobody may be waiting any more.
        drop(reply.send(answer));
    }
}

/// What the inferring thread does.
fn infer(shared: &Shared) {
    while let Some(mut batch) = next_batch(shared) {
        let taken = batch.len();
        batch.retain(|ready| !ready.reply.is_closed());
        let begun = Instant::now();
        let mut answers = Vec::new();
        if !batch.is_empty() {
            shared.metrics.batch_images.observe(batch.len() as f64);
            answers = infer_batch(shared, batch);
        }
        let seconds = begun.elapsed().as_secs_f64() / taken as f64;
        let mut state = shared.state();
        state.inferring = 0;
        state.seconds_an_image += NEWEST * (seconds - state.seconds_an_image);
        shared.metrics.in_hand.set(state.in_hand() as i64);
        drop(state);
        send(answers);
    }
}

/// Waits for a batch; `None` when nothing will come any more.
fn next_batch(shared: &Shared) -> Option<Vec<Ready>> {
    let Limits { batch_images, batch_wait, .. } = shared.limits;
    let mut state = shared.state();
    while state.ready.is_empty() {
        if state.closed && state.to_be_ready() == 0 {
            return None;
        }
        state = shared.planes.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    let deadline = Instant::now() + batch_wait;
    while state.ready.len() < batch_images && state.to_be_ready() > 0 {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let waited = shared.planes.wait_timeout(state, left);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    let taken = state.ready.len().min(batch_images);
    state.inferring = taken;
    Some(state.ready.drain(..taken).collect())
}

/// Infers a batch. Where that fails each image is tried alone, so that one does not spoil the others.
fn infer_batch(shared: &Shared, batch: Vec<Ready>) -> Vec<(Sender<Answer>, Answer)> {
    let split = |Ready { image: Prepared { planes, photo }, reply }| (planes, (photo, reply));
    let (planes, rest): (Vec<_>, Vec<_>) = batch.into_iter().map(split).unzip();
    match probabilities(shared, &planes) {
        Ok(rows) => {
            let answers = rest.into_iter().zip(rows);
            answers
                .map(|((photo, reply), probabilities)| {
                    (reply, Ok(Labelled { probabilities, photo }))
                })
                .collect()
        }
        Err(refusal) if rest.len() == 1 => {
            refuse(rest.into_iter().map(|(_, reply)| reply).collect(), &refusal)
        }
        Err(_) => {
            let images = planes.into_iter().zip(rest);
            let alone = images
                .map(|(planes, (photo, reply))| Ready { image: Prepared { planes, photo }, reply });
            alone.flat_map(|image| infer_batch(shared, vec![image])).collect()
        }
    }
}

fn probabilities(shared: &Shared, planes: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, Refusal> {
    let rows = catch_unwind(AssertUnwindSafe(|| shared.classifier.probabilities(planes)))
        .map_err(|_panic| Refusal::defect())??;
    let classes = shared.classifier.facts().classes.len();
    let sound = rows.len() == planes.len() && rows.iter().all(|row| row.len() == classes);
    if !sound || rows.iter().flatten().any(|value| !value.is_finite()) {
        return Err(Refusal::no_probabilities());
    }
    Ok(rows)
}
