//! Is the machine busy with something else? A fixed computation is timed beside every measurement and says so.

use std::hint::black_box;
use std::time::Instant;

use serde::Serialize;

use super::timing::Timing;
use tcolz_base::usage::process_cpu_seconds;

/// Slower than at its quickest by more than this, the loop says that the machine is busy. Above what clock rates vary by,
/// below what one other busy process costs.
pub const BUSY_FACTOR: f64 = 1.25;

/// Steps of the loop on each thread: about 5 ms, longer than a scheduler lets one of several processes compute at a time.
const STEPS: u32 = 2_500_000;

/// The reference loop's runs beside a measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Reference {
    /// Seconds of a run, on as many threads as what is measured.
    #[serde(flatten)]
    pub timing: Timing,
    /// Of the cores that it asked for, the share that it got; `None` where the system does not say.
    pub cpu_share: Option<f64>,
    /// By how much a quarter of the runs or more took longer than they would on a quiet machine.
    pub slowdown: f64,
    /// Whether that is more than [`BUSY_FACTOR`].
    pub busy: bool,
}

/// The reference loop while it is being run.
#[derive(Debug, Default)]
pub(super) struct ReferenceLoop {
    seconds: Vec<f64>,
    cpu_seconds: Option<f64>,
}

impl ReferenceLoop {
    /// Runs it once on every thread of the pool.
    pub(super) fn run(&mut self) {
        let before = process_cpu_seconds();
        let begun = Instant::now();
        rayon::broadcast(|_| {
            let mut state = black_box(0x9E37_79B9_7F4A_7C15u64);
            for _ in 0..STEPS {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
            }
            black_box(state)
        });
        self.seconds.push(begun.elapsed().as_secs_f64());
        let used = process_cpu_seconds().zip(before).map(|(after, before)| after - before);
        self.cpu_seconds = used.map(|used| used + self.cpu_seconds.unwrap_or(0.0));
    }

    /// What it says so far; `quickest_before`: its quickest run beside other measurements on this machine.
    pub(super) fn says(&self, threads: usize, quickest_before: Option<f64>) -> Option<Reference> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(threads);
        let wall: f64 = self.seconds.iter().sum();
        let cpu_share = self.cpu_seconds.map(|used| (used / (wall * cores as f64)).min(1.0));
        let timing = Timing::of(self.seconds.clone())?;
        let slowdown = slowdown(&timing, quickest_before, cpu_share);
        Some(Reference { timing, cpu_share, slowdown, busy: slowdown > BUSY_FACTOR })
    }
}

/// Against the quickest run that is known, or, where even that one had to share the cores, by what share it got.
fn slowdown(timing: &Timing, quickest_before: Option<f64>, cpu_share: Option<f64>) -> f64 {
    let quickest = quickest_before.map_or(timing.quickest, |before| before.min(timing.quickest));
    let shared = cpu_share.filter(|share| *share > 0.0).map_or(1.0, |share| 1.0 / share);
    (timing.upper_quartile / quickest).max(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_noticed_within_a_measurement_against_others_and_by_the_share_of_its_cores()
    {
        let timing = |slow: usize| {
            let runs = (0..20).map(|run| if run < slow { 0.016 } else { 0.010 });
            Timing::of(runs.collect()).unwrap()
        };
        let busy = |timing: &Timing, before, share| slowdown(timing, before, share) > BUSY_FACTOR;
        assert!(!busy(&timing(0), None, Some(0.97)));
        assert!(!busy(&timing(4), None, Some(0.97)), "a few slow runs are no busy machine");
        assert!(busy(&timing(5), None, None), "a quarter of them are");
        assert!(busy(&timing(0), Some(0.007), None), "another measurement found it quicker");
        assert!(!busy(&timing(0), Some(0.012), None), "or slower");
        assert!(busy(&timing(20), None, Some(0.6)), "steadily slow: it got 0.6 of the cores");
    }

    #[test]
    fn the_loop_runs_on_all_threads_and_says_how_it_went() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let found = pool.install(|| {
            let mut reference = ReferenceLoop::default();
            (0..3).for_each(|_| reference.run());
            reference.says(2, None).unwrap()
        });
        assert_eq!(found.timing.runs, 3);
        assert!(found.timing.quickest > 0.0 && found.slowdown >= 1.0, "{found:?}");
        assert_eq!(found.busy, found.slowdown > BUSY_FACTOR);
    }
}
