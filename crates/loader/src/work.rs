//! What each of an epoch's threads does: the next step, a free buffer, sample after sample into it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::LoaderError;
use super::augment::{Augmenter, Occurrences};
use super::batch::Damaged;
use super::buffer::Buffer;
use super::element::{Element, Source};
use super::forward::Forward;
use super::hints::Hints;
use super::order::Stripes;
use super::queue::Queue;
use super::select::{Place, Selection};
use super::shards::{Row, Shards};
use tcolz_format::sample::NO_LABEL;
use tcolz_format::shard::ShardError;
use tcolz_format::shard::codec::Upcoming;

/// What every worker of an epoch needs.
pub(super) struct Work<T: Element> {
    pub(super) queue: Arc<Queue<T>>,
    pub(super) shards: Arc<Shards>,
    pub(super) selection: Arc<Selection>,
    /// The epoch's order: indices into the selection.
    pub(super) order: Arc<Vec<u32>>,
    pub(super) stripes: Stripes,
    pub(super) rank: u32,
    pub(super) column: usize,
    pub(super) damaged: Damaged,
    pub(super) forward: Option<Arc<Forward>>,
    /// How often samples stand in the order; there where they are augmented.
    pub(super) occurrences: Option<Arc<Occurrences>>,
    /// Where shards are mapped.
    pub(super) hints: Option<Arc<Hints>>,
}

impl<T: Element> Work<T> {
    /// Fills batches until there is nothing more to do.
    pub(super) fn run(self, mut source: Source<T>, mut augmenter: Option<Augmenter>) {
        while let Some((step, mut buffer)) = self.queue.begin() {
            let filled =
                guarded(step, || self.fill(step, &mut source, &mut augmenter, &mut buffer));
            self.queue.finish(step, filled.map(|()| buffer));
        }
        self.queue.worker_ends();
    }

    /// The samples of a step: position in the epoch's order, index into the selection, and place.
    fn samples(&self, step: u64) -> impl Iterator<Item = (u64, usize, Place)> {
        let positions = self.stripes.batch(self.rank, step);
        positions.map(|position| {
            let index = self.order[(position % self.order.len() as u64) as usize] as usize;
            (position, index, self.selection.places()[index])
        })
    }

    /// How often the epoch's order has the sample `index` before this position.
    fn times(&self, position: u64, index: usize) -> u32 {
        let total = self.order.len() as u64;
        self.occurrences.as_ref().map_or(0, |known| known.before(position, total, index))
    }

    fn fill(
        &self,
        step: u64,
        source: &mut Source<T>,
        augmenter: &mut Option<Augmenter>,
        buffer: &mut Buffer<T>,
    ) -> Result<(), LoaderError> {
        if let Some(forward) = &self.forward {
            forward.wait_for(self.stripes.batch(self.rank, step));
        }
        if let Some(hints) = &self.hints {
            hints.begin(step);
        }
        // Each shard of the batch once, or a little more often: a shard forgets one 64 numbers away.
        let mut tested = [None; 64];
        for (_, _, place) in self.samples(step) {
            let last = &mut tested[place.shard as usize % 64];
            if last.replace(place.shard) != Some(place.shard) {
                self.shards.get(place.shard)?.check_length()?;
            }
        }
        let mut following = self.samples(step).skip(1);
        for (position, index, place) in self.samples(step) {
            let upcoming = match following.next() {
                Some((_, _, next)) => self.shards.mapped(next, self.column)?,
                None => &[],
            };
            let row = self.shards.row(place, self.column)?;
            let augmented = augmenter.as_mut().and_then(|augmenter| {
                // An id that is damaged is found out when the row is read, and draws in vain.
                let times = self.times(position, index);
                let drawn = augmenter.draw(row.sample_id(), times)?;
                Some((augmenter, drawn))
            });
            let upcoming = Upcoming::new(upcoming);
            let error = match source.read(row, augmented, upcoming, buffer.next()) {
                Ok(()) if row.label() == self.selection.label(index) => {
                    buffer.push(row.sample_id(), self.selection.label(index));
                    continue;
                }
                Ok(()) => return Err(self.foreign(row, index)),
                Err(error) => error,
            };
            let of_the_row =
                matches!(error, ShardError::Damaged { .. } | ShardError::Undecodable { .. });
            if self.damaged == Damaged::Fail || !of_the_row {
                return Err(error.into());
            }
            buffer.skip(self.shards.ledger_id(place)?, error);
        }
        Ok(())
    }

    /// A sound row of another dataset's shard.
    fn foreign(&self, row: Row<'_>, index: usize) -> LoaderError {
        let label =
            |label: u16| if label == NO_LABEL { "none".to_owned() } else { label.to_string() };
        let expected = label(self.selection.labels()[index]);
        ShardError::Structure {
            path: row.path().to_owned(),
            reason: format!(
                "row {} (sample `{}`) has the label {}, in the ledger {expected}",
                row.number(),
                row.sample_id(),
                label(row.label().unwrap_or(NO_LABEL)),
            ),
        }
        .into()
    }
}

/// Makes an error of a panic, so that the consumer hears of it.
fn guarded(step: u64, work: impl FnOnce() -> Result<(), LoaderError>) -> Result<(), LoaderError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = format!("it panicked: {}", panic_text(&*panic));
        Err(LoaderError::Worker { step, reason })
    })
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a word")
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
