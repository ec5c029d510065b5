//! The thread that infers whole batches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::Instant;

use tokio::sync::oneshot::Sender;

use super::classifier::Prepared;
use super::options::Limits;
use super::queue::{Answer, Labelled, Ready, Shared, refuse, send};
use super::refusal::Refusal;

/// Share of the newest batch in the time that an image is expected to take.
const NEWEST: f64 = 0.2;

/// What the inferring thread does.
pub(super) fn infer(shared: &Shared) {
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
    while state.ready.iter().count() < batch_images && state.to_be_ready() > 0 {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let waited = shared.planes.wait_timeout(state, left);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    let batch: Vec<_> = std::iter::from_fn(|| state.ready.pop()).take(batch_images).collect();
    state.inferring = batch.len();
    Some(batch.into_iter().map(|(_, ready)| ready).collect())
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
