//! The threads that decode photos. Expensive ones get a part of them only, so that others go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;

use tokio::sync::oneshot::Sender;

use super::classifier::{Prepared, Preparer};
use super::client::Client;
use super::cost::Cost;
use super::occlusion::occluded;
use super::queue::{ExpensiveJob, Job, Ready, Shared, State, refuse, send};
use super::refusal::Refusal;

/// Share of the queue, of the connections and of the memory for uploads that expensive photos may take while they wait.
const EXPENSIVE_SHARE: usize = 2;
/// When to come back with an expensive photo, in seconds.
const EXPENSIVE_WAIT: u64 = 5;

/// What a decoding thread does next.
enum Task {
    New(Client, Job),
    Expensive(Client, ExpensiveJob),
}

/// What a decoding thread does.
pub(super) fn decode(shared: &Shared) {
    let mut preparer = shared.classifier.preparer();
    while let Some(task) = next(shared) {
        let (client, job, expensive_bytes) = match task {
            Task::Expensive(client, ExpensiveJob { job, peak_bytes }) => {
                (client, job, Some(peak_bytes))
            }
            Task::New(client, job) => {
                let cost = || Cost::of(job.file.bytes(), &shared.classifier.facts().recipe);
                let cost = catch_unwind(AssertUnwindSafe(cost));
                match cost.unwrap_or_else(|_panic| Err(Refusal::defect())) {
                    Ok(Cost { peak_bytes, expensive: true }) => {
                        postpone(shared, client, ExpensiveJob { job, peak_bytes });
                        continue;
                    }
                    Ok(_) => (client, job, None),
                    Err(refusal) => {
                        let images = job.replies.len();
                        finish(shared, images, None, |_| ());
                        send(refuse(job.replies, &refusal));
                        continue;
                    }
                }
            }
        };
        let images = job.replies.len();
        // A client that went away is not worked for.
        let gone = job.replies.iter().all(Sender::is_closed);
        let prepared = (!gone).then(|| {
            let prepare = || prepare(shared, preparer.as_mut(), &job);
            catch_unwind(AssertUnwindSafe(prepare))
        });
        let Job { file, replies } = job;
        // The bytes make room for other uploads before the batch is inferred.
        drop(file);
        let (mut ready, mut refused) = (Vec::new(), Vec::new());
        match prepared {
            None => {}
            Some(Ok(Ok(images))) => {
                let pairs = images.into_iter().zip(replies);
                ready.extend(pairs.map(|(image, reply)| Ready { image, reply }));
            }
            Some(Ok(Err(refusal))) => refused = refuse(replies, &refusal),
            Some(Err(_panic)) => {
                preparer = shared.classifier.preparer();
                refused = refuse(replies, &Refusal::defect());
            }
        }
        finish(shared, images, expensive_bytes, |state| {
            ready.into_iter().for_each(|ready| state.ready.push(client, ready));
        });
        send(refused);
    }
}

/// Waits for something to do; `None` when nothing will come any more.
fn next(shared: &Shared) -> Option<Task> {
    let mut state = shared.state();
    loop {
        let peak_bytes = state.expensive.peek().map(|expensive| expensive.peak_bytes);
        let fits = peak_bytes.is_some_and(|bytes| {
            state.expensive_preparing < shared.expensive_threads
                && state.expensive_bytes + bytes <= shared.expensive_memory_bytes
        });
        if let Some((client, expensive)) = fits.then(|| state.expensive.pop()).flatten() {
            state.preparing += expensive.job.replies.len();
            state.expensive_preparing += 1;
            state.expensive_bytes += expensive.peak_bytes;
            return Some(Task::Expensive(client, expensive));
        }
        if let Some((client, job)) = state.waiting.pop() {
            state.preparing += job.replies.len();
            return Some(Task::New(client, job));
        }
        if state.closed && state.expensive.is_empty() && state.preparing == 0 {
            return None;
        }
        state = shared.job.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Lets an expensive photo wait by itself. Where too many do, the newest of the client with the most has to go.
fn postpone(shared: &Shared, client: Client, expensive: ExpensiveJob) {
    let limits = &shared.limits;
    let most = (limits.queue_images.min(limits.connections) / EXPENSIVE_SHARE).max(1);
    let most_bytes = limits.upload_bytes / EXPENSIVE_SHARE;
    let mut state = shared.state();
    state.preparing -= expensive.job.replies.len();
    state.expensive.push(client, expensive);
    let mut dropped = Vec::new();
    loop {
        let images =
            state.expensive.iter().map(|(_, expensive)| expensive.job.replies.len()).sum::<usize>();
        let bytes = state
            .expensive
            .iter()
            .map(|(_, expensive)| expensive.job.file.bytes().len())
            .sum::<usize>();
        // One may always wait.
        if state.expensive.iter().count() == 1 || (images <= most && bytes <= most_bytes) {
            break;
        }
        let Some(expensive) = state.expensive.pop_of_longest(client) else { break };
        dropped.extend(expensive.job.replies);
    }
    shared.metrics.in_hand.set(state.in_hand() as i64);
    drop(state);
    shared.job.notify_all();
    shared.planes.notify_one();
    let refusal = Refusal::busy("too many large photos are waiting: try again", EXPENSIVE_WAIT);
    send(refuse(dropped, &refusal));
}

fn prepare(
    shared: &Shared,
    preparer: &mut dyn Preparer,
    job: &Job,
) -> Result<Vec<Prepared>, Refusal> {
    let image = preparer.prepare(job.file.bytes())?;
    if job.replies.len() == 1 {
        return Ok(vec![image]);
    }
    let size = shared.classifier.facts().size as usize;
    let occluded = occluded(&image.planes, size).ok_or_else(Refusal::defect)?;
    let photo = image.photo;
    Ok(occluded.into_iter().map(|planes| Prepared { planes, photo }).collect())
}

/// Ends a photo of so many images.
fn finish(
    shared: &Shared,
    images: usize,
    expensive_bytes: Option<u64>,
    change: impl FnOnce(&mut State),
) {
    let mut state = shared.state();
    state.preparing -= images;
    if let Some(bytes) = expensive_bytes {
        state.expensive_preparing -= 1;
        state.expensive_bytes -= bytes;
    }
    change(&mut state);
    shared.metrics.in_hand.set(state.in_hand() as i64);
    let may_go_on = !state.expensive.is_empty() || state.closed;
    drop(state);
    if may_go_on {
        shared.job.notify_all();
    }
    shared.planes.notify_one();
}
