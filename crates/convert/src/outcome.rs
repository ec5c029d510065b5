//! What became of one input, and the place where outcomes wait for their turn.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::dump::{Input, Problem, is_of_the_machine};
use tcolz_format::sample::Status;
use tcolz_photo::DecodeError;

use super::error::ConvertError;
use super::prepare::{PrepareError, Prepared, Preparer};

/// What became of one input.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Its status.
    pub(super) status: Status,
    /// Reason for the ledger.
    pub(super) reason: Option<String>,
    /// Length and BLAKE3 of the file, when it could be read.
    pub(super) source: Option<(u64, [u8; 32])>,
    /// Present when stored.
    pub(super) prepared: Option<Prepared>,
    pub(super) effort: Effort,
}

/// What an input cost its worker, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Effort {
    /// Reading the file.
    pub(super) read: f64,
    /// From the file's bytes to the outcome.
    pub(super) work: f64,
    /// CPU time of that work.
    pub(super) cpu: f64,
}

impl Outcome {
    fn without_photo(
        status: Status,
        reason: String,
        source: Option<(u64, [u8; 32])>,
    ) -> Result<Outcome, ConvertError> {
        Ok(Outcome {
            status,
            reason: Some(reason),
            source,
            prepared: None,
            effort: Effort::default(),
        })
    }
}

/// Prepares an input whose file was read with this result.
pub(super) fn outcome(
    preparer: &mut Preparer,
    input: &Input,
    read: io::Result<&[u8]>,
) -> Result<Outcome, ConvertError> {
    match &input.problem {
        Some(Problem::Duplicate { first_line, label_conflict }) => {
            let code = if *label_conflict { "label conflict" } else { "duplicate" };
            let reason = format!("{code}: the same path stands on line {first_line}");
            return Outcome::without_photo(Status::Duplicate, reason, None);
        }
        Some(Problem::Unusable { code, detail }) => {
            return Outcome::without_photo(Status::Quarantined, format!("{code}: {detail}"), None);
        }
        None => {}
    }
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(error) if is_missing(&error) => {
            let reason = "missing: no such file".to_owned();
            return Outcome::without_photo(Status::Missing, reason, None);
        }
        Err(source) if is_of_the_machine(&source) => {
            let sample_id = input.sample_id.to_string();
            return Err(ConvertError::SourceAway { sample_id, source });
        }
        Err(error) => {
            let reason = format!("unreadable: {error}");
            return Outcome::without_photo(Status::Quarantined, reason, None);
        }
    };
    let source = Some((bytes.len() as u64, *blake3::hash(bytes).as_bytes()));
    match preparer.prepare(bytes) {
        Ok(prepared) => {
            let share = prepared.photo.recovered_share;
            let reason = (share < 1.0)
                .then(|| format!("truncated: {:.1} % of the rows recovered", share * 100.0));
            let (status, prepared) = (Status::Stored, Some(prepared));
            Ok(Outcome { status, reason, source, prepared, effort: Effort::default() })
        }
        Err(PrepareError::Decode(DecodeError::OutOfMemory { .. })) => {
            Err(ConvertError::NoMemory { sample_id: input.sample_id.to_string() })
        }
        Err(PrepareError::Decode(error)) => {
            // In words that mean the same behind every door: they are kept in the ledger.
            let advice = match &error {
                DecodeError::TooManyPixels { .. } => {
                    ", or take larger ones by the recipe's max_pixels"
                }
                _ => "",
            };
            let reason = format!("{}: {error}{advice}", error.code());
            Outcome::without_photo(Status::Quarantined, reason, source)
        }
        Err(PrepareError::Codec(source)) => {
            Err(ConvertError::Codec { sample_id: input.sample_id.to_string(), source })
        }
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

type Finished = Result<Outcome, ConvertError>;

/// Outcomes that wait until all before them have been taken.
pub(super) struct Outcomes {
    state: Mutex<State>,
    came: Condvar,
}

struct State {
    waiting: BTreeMap<usize, Finished>,
    next: usize,
    workers: usize,
}

impl Outcomes {
    /// Outcomes from input number `first` on, which `workers` threads will bring.
    pub(super) fn new(first: usize, workers: usize) -> Outcomes {
        let state = State { waiting: BTreeMap::new(), next: first, workers };
        Outcomes { state: Mutex::new(state), came: Condvar::new() }
    }

    /// Held by each worker: when it is dropped, for whatever reason, the worker brings nothing more.
    pub(super) fn worker(&self) -> Worker<'_> {
        Worker(self)
    }

    /// Brings an outcome. The taker is woken only by the one it waits for.
    pub(super) fn put(&self, index: usize, outcome: Finished) {
        let mut state = self.lock();
        state.waiting.insert(index, outcome);
        if index == state.next {
            self.came.notify_one();
        }
    }

    /// Waits for the next outcome in order, and moves it and those that follow it into `ready`; false
    /// when no more will come.
    pub(super) fn next(&self, ready: &mut Vec<(usize, Finished)>) -> bool {
        let mut state = self.lock();
        while state.workers > 0 && !state.waiting.contains_key(&state.next) {
            state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let State { waiting, next, .. } = &mut *state;
        while let Some(outcome) = waiting.remove(next) {
            ready.push((*next, outcome));
            *next += 1;
        }
        !ready.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Inserting and removing are the only changes, so the state is valid after any panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker that still brings outcomes.
pub(super) struct Worker<'a>(&'a Outcomes);

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.0.lock().workers -= 1;
        self.0.came.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> Finished {
        Outcome::without_photo(Status::Missing, String::new(), None)
    }

    #[test]
    fn outcomes_come_out_in_order_whatever_the_order_they_came_in() {
        let outcomes = Outcomes::new(5, 1);
        let worker = outcomes.worker();
        let mut ready = Vec::new();
        outcomes.put(7, done());
        outcomes.put(5, done());
        assert!(outcomes.next(&mut ready));
        outcomes.put(6, done());
        assert!(outcomes.next(&mut ready));
        assert_eq!(ready.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [5, 6, 7]);
        drop(worker);
        ready.clear();
        assert!(!outcomes.next(&mut ready));
    }

    #[test]
    fn a_worker_that_dies_leaves_nobody_waiting() {
        let outcomes = Outcomes::new(0, 1);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| outcomes.next(&mut Vec::new()));
            drop(outcomes.worker());
            assert!(!waiting.join().unwrap());
        });
    }
}
