//! How fast an epoch is, and how long it waited for data.

use std::time::{Duration, Instant};

/// Steps of an epoch before its speed is measured: the loader's threads and the memory's pages are new.
const WARM_UP_STEPS: u64 = 2;

/// Time of an epoch's training in this process: all of it, and that from the third step on.
pub(super) struct Clock {
    steps: u64,
    all: Span,
    settled: Option<Span>,
}

struct Span {
    begun: Instant,
    samples: u64,
    waited: Duration,
}

impl Span {
    fn begin() -> Span {
        Span { begun: Instant::now(), samples: 0, waited: Duration::ZERO }
    }

    fn step(&mut self, samples: u64, waited: Duration) {
        (self.samples, self.waited) = (self.samples + samples, self.waited + waited);
    }
}

impl Clock {
    pub(super) fn begin() -> Clock {
        Clock { steps: 0, all: Span::begin(), settled: None }
    }

    /// A step is done, for which data was waited for.
    pub(super) fn step(&mut self, samples: u64, waited: Duration) {
        self.steps += 1;
        self.all.step(samples, waited);
        match &mut self.settled {
            Some(span) => span.step(samples, waited),
            None if self.steps == WARM_UP_STEPS => self.settled = Some(Span::begin()),
            None => {}
        }
    }

    /// Samples a second, and the share of time that was waited; of all steps where there are no later ones.
    pub(super) fn rates(&self) -> (f64, f64) {
        let span = self.settled.as_ref().filter(|span| span.samples > 0).unwrap_or(&self.all);
        let seconds = span.begun.elapsed().as_secs_f64().max(1e-9);
        (span.samples as f64 / seconds, (span.waited.as_secs_f64() / seconds).min(1.0))
    }
}
