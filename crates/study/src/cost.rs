//! What inference costs on the CPU: the time of fifteen images and of one, load and size of the process.
//!
//! ```text
//! round: the reference loop ─ 15 images at once ─ 1 image, three times     again until the intervals are narrow
//! ```
//! Fifteen photos at once, as in the pipeline that this project replaces, and one by itself. The network alone is timed,
//! from numbers as a view gives them to logits; decoding is the same for every model. What a network computes depends
//! on nothing of its weights but their padding, so all fine-tunings of one share a measurement. Run in a process that does nothing else, sizes
//! are those of a service that holds the model.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use candle_core::{Device, Tensor};
use serde::Serialize;

use super::StudyError;
use super::reference::{Reference, ReferenceLoop};
use super::timing::{TIMING_METHOD, Timing};
use tcolz_base::random::Random;
use tcolz_base::usage::{process_cpu_seconds, process_sizes_bytes};
use tcolz_nn::init::initial_weights;
use tcolz_nn::{Folded, ModelError, Network, PaddingStyle, Properties};

/// Images that pass through at once.
const IMAGES: usize = 15;
/// Runs of one image in a round.
const SINGLE_RUNS: usize = 3;
/// An interval this narrow, as a share of its median, is narrow enough.
const NARROW: f64 = 0.04;
/// Rounds before intervals are looked at, and rounds at most.
const ROUNDS: [usize; 2] = [15, 40];
/// Once this has passed, fewer rounds are enough.
const LONG: Duration = Duration::from_secs(20);
/// So many: with fewer runs no interval of 95 % exists.
const FEWEST_ROUNDS: usize = 7;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The network.
    pub network: Network,
    /// Side of its images.
    pub size: u32,
    /// Its outputs.
    pub classes: usize,
    /// How its weights have windows of stride 2 laid: nothing else that they ask for changes how long it takes.
    pub padding: PaddingStyle,
}

/// What inference costs.
#[derive(Debug, Clone, Serialize)]
pub struct Cost {
    /// The network.
    pub network: String,
    /// Side of its images.
    pub size: u32,
    /// Its outputs.
    pub classes: usize,
    /// How windows of stride 2 are laid.
    pub padding: PaddingStyle,
    /// Where it was measured: always `cpu`.
    pub device: &'static str,
    /// Threads that computed.
    pub threads: usize,
    /// Name of the processor; empty where the system does not say.
    pub cpu: String,
    /// Numbers in all parameters.
    pub parameters: u64,
    /// Bytes of them as float32: what has to be deployed, without any optimiser.
    pub weights_bytes: u64,
    /// How the times below were taken: [`TIMING_METHOD`].
    pub method: &'static str,
    /// Seconds of fifteen images at once.
    pub images_15: TimedImages,
    /// Seconds of one image.
    pub image_1: TimedImages,
    /// What the reference loop beside them says of the machine.
    pub reference: Reference,
    /// CPU load while fifteen images are computed; 100 is one core.
    pub cpu_percent: Option<f64>,
    /// Resident size of the process at the end, in bytes.
    pub resident_bytes: Option<u64>,
    /// Virtual size of the process at the end, in bytes.
    pub virtual_bytes: Option<u64>,
}

/// Runs of so many images at once.
#[derive(Debug, Clone, Serialize)]
pub struct TimedImages {
    /// Images that passed through at once.
    pub images: usize,
    /// Seconds of a run.
    #[serde(flatten)]
    pub timing: Timing,
}

impl Cost {
    /// What is to be said where the machine was busy; `call` measures again.
    pub fn warning(&self, call: &str) -> Option<String> {
        self.reference.busy.then(|| {
            format!(
                "the machine was busy while {} was measured: a reference loop took {:.2} times as long as on a quiet \
                 one, so its times are no ground for a choice; once the machine is quiet, measure again with {call}",
                self.network, self.reference.slowdown
            )
        })
    }
}

/// Measures a network on `threads` threads. `quickest_before`: the reference loop's quickest run beside the other
/// measurements of the study.
///
/// # Errors
/// [`StudyError::Interrupted`] once `stop` is true; when the network does not take images of this size, or memory is full.
pub fn measure(
    measured: Measured,
    threads: usize,
    quickest_before: Option<f64>,
    stop: &AtomicBool,
) -> Result<Cost, StudyError> {
    let Measured { network, size, classes, padding } = measured;
    let spec = network.spec(&Properties { padding, ..network.properties() }, classes);
    let folded = Folded::new(&spec, &initial_weights(&spec, 0)?, &Device::Cpu)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|error| StudyError::Io {
        path: "threads".into(),
        source: std::io::Error::other(error),
    })?;
    let says = |reference: &ReferenceLoop| reference.says(threads, quickest_before);
    let rounds = pool.install(|| Rounds::run(&folded, size as usize, &says, stop))?;
    let (resident, addresses) = process_sizes_bytes().unzip();
    let parameters = spec.parameters();
    let parameters: u64 = parameters.iter().map(|p| p.elements() as u64).sum();
    let timed = |images, values| {
        Timing::of(values)
            .map(|timing| TimedImages { images, timing })
            .ok_or(StudyError::Interrupted)
    };
    let reference = says(&rounds.reference);
    Ok(Cost {
        network: network.name().to_owned(),
        size,
        classes,
        padding,
        device: "cpu",
        threads,
        cpu: cpu_name(),
        parameters,
        weights_bytes: 4 * parameters,
        method: TIMING_METHOD,
        cpu_percent: rounds
            .cpu_seconds
            .map(|used| 100.0 * used / rounds.fifteen.iter().sum::<f64>()),
        images_15: timed(IMAGES, rounds.fifteen)?,
        image_1: timed(1, rounds.single)?,
        reference: reference.ok_or(StudyError::Interrupted)?,
        resident_bytes: resident,
        virtual_bytes: addresses,
    })
}

/// What was timed so far.
#[derive(Debug, Default)]
struct Rounds {
    reference: ReferenceLoop,
    fifteen: Vec<f64>,
    single: Vec<f64>,
    /// CPU time of the runs of fifteen images.
    cpu_seconds: Option<f64>,
}

impl Rounds {
    fn run(
        folded: &Folded,
        size: usize,
        says: &(impl Fn(&ReferenceLoop) -> Option<Reference> + Sync),
        stop: &AtomicBool,
    ) -> Result<Rounds, StudyError> {
        let images = images(size)?;
        let one = images.narrow(0, 0, 1).and_then(|one| one.contiguous());
        let one = one.map_err(ModelError::from)?;
        // Caches and buffers are filled before anything counts.
        folded.logits(&images)?;
        folded.logits(&one)?;
        let mut rounds = Rounds::default();
        let begun = Instant::now();
        // On a busy machine more runs make nothing surer.
        let is_busy = |rounds: &Rounds| says(&rounds.reference).is_some_and(|found| found.busy);
        while !rounds.are_enough(begun.elapsed(), is_busy(&rounds)) {
            rounds.reference.run();
            let before = process_cpu_seconds();
            rounds.fifteen.push(seconds(folded, &images)?);
            let used = process_cpu_seconds().zip(before).map(|(after, before)| after - before);
            rounds.cpu_seconds = used.map(|used| used + rounds.cpu_seconds.unwrap_or(0.0));
            for _ in 0..SINGLE_RUNS {
                rounds.single.push(seconds(folded, &one)?);
            }
            if stop.load(Ordering::Relaxed) {
                return Err(StudyError::Interrupted);
            }
        }
        rounds.reference.run();
        Ok(rounds)
    }

    fn are_enough(&self, passed: Duration, busy: bool) -> bool {
        let done = self.fifteen.len();
        let narrow = |values: &Vec<f64>| {
            Timing::of(values.clone()).is_some_and(|timing| timing.is_narrow(NARROW))
        };
        done >= ROUNDS[1]
            || (done >= FEWEST_ROUNDS && passed >= LONG)
            || (done >= ROUNDS[0] && (busy || narrow(&self.fifteen) && narrow(&self.single)))
    }
}

fn seconds(folded: &Folded, images: &Tensor) -> Result<f64, StudyError> {
    let begun = Instant::now();
    folded.logits(images)?;
    Ok(begun.elapsed().as_secs_f64())
}

/// Numbers between -1 and 1, `[15, 3, size, size]`: as long as real ones take, and the same for every study.
fn images(size: usize) -> Result<Tensor, StudyError> {
    let mut random = Random::new("tcolz-study-cost", &[0]);
    let numbers = (0..IMAGES * 3 * size * size).map(|_| (2.0 * random.unit() - 1.0) as f32);
    let images = Tensor::from_vec(numbers.collect(), (IMAGES, 3, size, size), &Device::Cpu);
    Ok(images.map_err(ModelError::from)?)
}

/// What `/proc/cpuinfo` calls the processor.
pub(super) fn cpu_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name"));
    line.map_or("", |line| line.trim_start_matches([' ', '\t', ':'])).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_is_repeated_until_its_intervals_are_narrow_and_not_for_ever() {
        let rounds = |values: &dyn Fn(usize) -> f64, number: usize| Rounds {
            fifteen: (0..number).map(values).collect(),
            single: (0..SINGLE_RUNS * number).map(values).collect(),
            ..Rounds::default()
        };
        let steady = |run: usize| 0.1 + 1e-4 * (run % 3) as f64;
        let noisy = |run: usize| 0.1 + 0.02 * (run % 5) as f64;
        let quiet = |rounds: Rounds| rounds.are_enough(Duration::ZERO, false);
        assert!(!quiet(rounds(&steady, 14)) && quiet(rounds(&steady, 15)));
        assert!(!quiet(rounds(&noisy, 39)) && quiet(rounds(&noisy, 40)));
        assert!(rounds(&noisy, 15).are_enough(Duration::ZERO, true), "nothing becomes surer");
        assert!(!rounds(&noisy, 6).are_enough(LONG, false));
        assert!(rounds(&noisy, 7).are_enough(LONG, false));
    }

    #[test]
    fn a_measurement_says_what_of_and_stops_when_it_is_asked_to() {
        let (network, padding) = (Network::MobileNetV1, PaddingStyle::RightBottom);
        let measured = Measured { network, size: 32, classes: 2, padding };
        let stopped = measure(measured, 1, None, &AtomicBool::new(true)).unwrap_err();
        assert!(matches!(stopped, StudyError::Interrupted), "{stopped}");
        // Somewhere the loop took no time at all: nothing is as quick as that.
        let found = measure(measured, 1, Some(1e-9), &AtomicBool::new(false)).unwrap();
        assert_eq!((found.size, found.classes, found.threads), (32, 2, 1));
        assert_eq!(found.image_1.timing.runs, SINGLE_RUNS * found.images_15.timing.runs);
        for timing in [&found.images_15.timing, &found.image_1.timing] {
            assert!(0.0 < timing.low && timing.low <= timing.median, "{timing:?}");
            assert!(timing.median <= timing.high, "{timing:?}");
        }
        assert!(found.reference.busy);
        let warning = found.warning("`study(s.toml)`").unwrap();
        assert!(
            warning.contains("mobilenet-v1") && warning.ends_with("again with `study(s.toml)`"),
            "{warning}"
        );
    }
}
