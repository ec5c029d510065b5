//! Trainings of a few steps, as `tcolz train` makes them, and what they come to.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use candle_core::Device;
use tcolz::nn::Network;
use tcolz::train::{
    Begun, CacheChoice, CheckpointEvery, DeviceChoice, Finetune, StepReport, TrainError,
    TrainObserver, TrainOptions, Validation, train,
};
use tcolz_train::STEPS_FILE;

use super::machine;
use super::settings::Place;

/// Steps before a speed is measured: memory, kernels and algorithms are new.
const WARM_UP_STEPS: u64 = 3;
/// A rate at which nothing diverges in a few steps.
const LEARNING_RATE: f64 = 1e-3;
/// More than any training here takes.
const EPOCHS: u32 = 10_000;

/// When a training is ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    pub(crate) steps: u64,
    pub(crate) time: Duration,
}

/// What a training came to.
#[derive(Debug, Default)]
pub(crate) struct Trained {
    /// Of each step of the run.
    pub(crate) losses: Vec<f64>,
    /// Samples a second behind the first steps; 0 where there were no others.
    pub(crate) samples_per_second: f64,
    /// Share of the time in which data was waited for.
    pub(crate) waiting: f64,
    /// What was said to be needed, in bytes.
    pub(crate) estimate: u64,
    /// The most that was in use, in bytes, and not before.
    pub(crate) used: u64,
}

/// The options of a training of this check.
pub(crate) fn options(
    place: &Place,
    network: Network,
    finetune: Finetune,
    out: &Path,
) -> TrainOptions {
    let mut options = TrainOptions::new(&place.dataset, network, out);
    options.finetune = finetune;
    options.validation = Validation::Nothing;
    options.learning_rate = Some(LEARNING_RATE);
    options.epochs = EPOCHS;
    options.device = place.choice;
    // The backbone is passed through in every step.
    options.cache = CacheChoice::Off;
    options.checkpoint_every = CheckpointEvery::Steps(u64::MAX);
    options
}

/// Trains until then.
pub(crate) fn run(options: &TrainOptions, until: Until) -> Result<Trained, Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let device = tcolz_train::open_device(options.device)?;
    let mut watch = Watch {
        until,
        batch: options.batch_size as f64,
        before: machine::used_bytes(&device).unwrap_or(0),
        device,
        stop: Arc::clone(&stop),
        begun: None,
        last: None,
        timed: (0, Duration::ZERO),
        trained: Trained::default(),
    };
    match train(options, &stop, &mut watch) {
        Ok(_) | Err(TrainError::Interrupted { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let steps = fs::read_to_string(options.out.join(STEPS_FILE))?;
    let (steps_timed, time) = watch.timed;
    let mut trained = watch.trained;
    trained.samples_per_second =
        steps_timed as f64 * watch.batch / time.as_secs_f64().max(f64::MIN_POSITIVE);
    trained.losses = losses(&steps).ok_or("steps.csv has no losses")?;
    Ok(trained)
}

/// The training on the CPU.
pub(crate) fn on_the_cpu(mut options: TrainOptions, out: &Path) -> TrainOptions {
    options.device = DeviceChoice::Cpu;
    options.out = out.to_owned();
    options
}

/// The column `loss`.
fn losses(steps: &str) -> Option<Vec<f64>> {
    let mut lines = steps.lines();
    let column = lines.next()?.split(',').position(|name| name == "loss")?;
    lines.map(|line| line.split(',').nth(column)?.parse().ok()).collect()
}

struct Watch {
    until: Until,
    batch: f64,
    device: Device,
    /// Memory in use before the training.
    before: u64,
    stop: Arc<AtomicBool>,
    begun: Option<Instant>,
    /// The step before: when, which epoch, which step of the run.
    last: Option<(Instant, u32, u64)>,
    /// Steps behind the first ones, and how long they took. Between epochs a checkpoint is written.
    timed: (u64, Duration),
    trained: Trained,
}

impl TrainObserver for Watch {
    fn begun(&mut self, begun: &Begun) {
        self.trained.estimate = begun.memory.total();
        self.begun = Some(Instant::now());
    }

    fn step(&mut self, step: &StepReport) {
        let now = Instant::now();
        if let Some((before, epoch, run_step)) = self.last.replace((now, step.epoch, step.run_step))
            && epoch == step.epoch
            && run_step >= WARM_UP_STEPS
        {
            self.timed.0 += step.run_step - run_step;
            self.timed.1 += now.duration_since(before);
            self.trained.waiting = step.waiting;
        }
        let used = machine::used_bytes(&self.device).unwrap_or(0).saturating_sub(self.before);
        self.trained.used = self.trained.used.max(used);
        let late = self.begun.is_some_and(|begun| now.duration_since(begun) >= self.until.time);
        if step.run_step >= self.until.steps || late {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}
