//! What is in hand of whom: photos that wait, images that are ready, replies; what the threads share.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tcolz_pixels::photo_info::PhotoInfo;
use tokio::sync::oneshot::Sender;

use super::classifier::{Classifier, Prepared};
use super::client::{Client, FairQueue};
use super::metrics::Metrics;
use super::options::Limits;
use super::refusal::Refusal;
use super::upload::File;

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
    pub(super) fn make_room(
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
    pub(super) state: Mutex<State>,
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
