//! The loop: epochs, steps, validation, checkpoints.
//!
//! ```text
//! epoch: ┌ batch ─ loss ─ gradients ┐ × accumulate ─▶ step ─▶ steps.csv, a checkpoint now and then
//!        └─────────────── until the order ends ──────────────┘
//!        receipts ─▶ validation ─▶ best-next.safetensors ─▶ log.csv, curves ─▶ checkpoint ─▶ best.safetensors
//! ```
//! What a run computes is decided by its options and its seed. A checkpoint is written behind a step, never
//! between the batches that make one; whatever was written after it is written again by whoever goes on from
//! it, to the same bytes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use candle_core::Tensor;

use super::batches::Batches;
use super::best;
use super::checkpoint::{self, ALL_DONE, Progress, Sums};
use super::clock::Clock;
use super::curves;
use super::error::{Result, TrainError, begin_anew};
use super::features::Features;
use super::files::{STEPS_FILE, TIMES_FILE};
use super::learner::{Learner, answer, sample_loss};
use super::log::{EpochRow, Validated, write_log};
use super::observer::{EpochReport, StepReport, TrainObserver};
use super::options::CheckpointEvery;
use super::outcome::Outcome;
use super::resources::Sampler;
use super::rows::{Rows, StepRow};
use super::run::RunFolder;
use super::setup::Setup;
use tcolz_loader::{Loader, Stripes};

/// Time between two drawings of the curves.
const DRAWING_INTERVAL: Duration = Duration::from_secs(5);

/// A loss above this has nothing to do with learning: that of guessing is the logarithm of the classes.
const DIVERGED_LOSS: f64 = 1e3;
/// A loss of so many times that of guessing says that nothing was learnt, or worse.
const WORSE_THAN_GUESSING: f64 = 1.1;
/// What a learning rate that was too high is divided by.
const LOWER: f64 = 10.0;

/// A run that goes on.
pub(super) struct Fit<'a> {
    pub(super) setup: &'a Setup,
    pub(super) folder: &'a RunFolder,
    pub(super) train: &'a Loader,
    pub(super) validation: Option<&'a Loader>,
    /// Features of what the two loaders read, where they are kept.
    pub(super) features: Vec<Features>,
    pub(super) learner: Learner,
    pub(super) progress: Progress,
    pub(super) sampler: Sampler,
    pub(super) stop: &'a AtomicBool,
    pub(super) observer: &'a mut dyn TrainObserver,
    /// It was said that the loss is far too high.
    pub(super) warned: bool,
}

/// A step that was made, of which is not known yet what it came to.
struct Unsettled {
    /// The step of the run, from 1.
    step: u64,
    learning_rate: f64,
    /// Of its batches.
    outcomes: Vec<Outcome>,
}

impl Fit<'_> {
    /// Steps of an epoch.
    pub(super) fn steps_per_epoch(setup: &Setup, samples: u64) -> u64 {
        Fit::batches_per_epoch(setup, samples).div_ceil(u64::from(setup.options.accumulate))
    }

    fn batches_per_epoch(setup: &Setup, samples: u64) -> u64 {
        let batch_size = setup.options.batch_size as u32;
        Stripes { start: 0, total: samples, world: 1, batch_size, last: setup.last_batch() }.steps()
    }

    /// Trains to the end of the run.
    ///
    /// # Errors
    /// [`TrainError::Interrupted`], [`TrainError::Diverged`]; whatever is wrong with samples, network or disk.
    pub(super) fn run(mut self) -> Result<Progress> {
        let options = &self.setup.options;
        let path = self.folder.path();
        write_log(path, &self.progress.rows)?;
        let (mut steps, fault) = Rows::steps(path, &self.progress.marks, self.progress.step)?;
        let (mut times, other) = Rows::times(path, &self.progress.marks, self.progress.epoch)?;
        fault.iter().chain(&other).for_each(|fault| self.observer.warning(fault));
        let (begun, before) = (Instant::now(), self.progress.seconds);
        let mut drawn: Option<Instant> = None;
        while self.progress.epoch < options.epochs && self.progress.finished.is_none() {
            let epoch_begun = Instant::now();
            let clock = self.epoch(&mut steps, begun, before)?;
            let (photos_per_second, waiting) = clock.rates();
            let validated = match self.validation {
                Some(loader) => Some(match self.validate(loader) {
                    Err(error @ TrainError::Interrupted { .. }) => {
                        self.checkpoint(&mut steps)?;
                        return Err(error);
                    }
                    validated => validated?,
                }),
                None => None,
            };
            let row = self.row(validated)?;
            if let Some(found) = validated {
                self.warn_of("validation loss", found.loss, self.progress.step);
            }
            self.progress.rows.push(row);
            if row.best {
                let saved = best::save(self.setup, self.folder, &self.learner, &row)?;
                self.progress.best_file = Some(saved);
            }
            self.folder.check()?;
            write_log(path, &self.progress.rows)?;
            let seconds = epoch_begun.elapsed().as_secs_f64();
            times.time(row.epoch, seconds, photos_per_second, waiting)?;
            self.progress.mark(TIMES_FILE, times.mark()?);
            self.progress.epoch += 1;
            self.progress.finished = self.ending();
            self.progress.loader = self.train.begin(self.progress.epoch);
            self.progress.sums = Sums::default();
            self.progress.seconds = before + begun.elapsed().as_secs_f64();
            if self.progress.finished.is_some()
                || drawn.is_none_or(|drawn| drawn.elapsed() >= DRAWING_INTERVAL)
            {
                curves::write(path, options, &self.progress.rows)?;
                drawn = Some(Instant::now());
            }
            if self.progress.finished.is_some() {
                self.sampler.end();
            }
            self.checkpoint(&mut steps)?;
            if row.best {
                best::publish(self.folder)?;
            }
            let epochs = options.epochs;
            self.observer.epoch(&EpochReport { row, epochs, seconds, photos_per_second, waiting });
            if self.progress.finished.is_none() {
                self.obey()?;
            }
        }
        if let Some(fault) = best::fault(self.folder, &self.progress)? {
            let Fit { setup, folder, learner, progress, observer, .. } = &mut self;
            best::make_again(setup, folder, learner, progress, fault, *observer)?;
        }
        self.warn_of_the_result();
        Ok(self.progress)
    }

    /// Says that the model that is kept is worse than guessing.
    fn warn_of_the_result(&mut self) {
        let guessing = (self.setup.dataset.meta().classes.len() as f64).ln();
        let Some(best) = self.progress.best() else { return };
        let loss = best.validation.map_or(best.train_loss, |found| found.loss);
        if loss > WORSE_THAN_GUESSING * guessing {
            let rate = self.lower_rate();
            self.observer.warning(&format!(
                "the loss of the best epoch is {loss:.4}, and guessing has {guessing:.4}: nothing was learnt, or the rate is too \
                 high. {}",
                begin_anew(rate)
            ));
        }
    }

    /// Trains the rest of an epoch.
    fn epoch(&mut self, steps: &mut Rows, begun: Instant, before: f64) -> Result<Clock> {
        let options = &self.setup.options;
        let samples = self.train.epoch_order(self.progress.epoch).len() as u64;
        let steps_per_epoch = Fit::steps_per_epoch(self.setup, samples);
        let batches_per_epoch = Fit::batches_per_epoch(self.setup, samples);
        let mut batches = self.batches()?;
        let mut clock = Clock::begin();
        let (mut last_checkpoint, mut since) = (Instant::now(), 0);
        let (fetch_every, mut unsettled) = (self.setup.fetch_every(), Vec::new());
        loop {
            let learning_rate = options.schedule.learning_rate(
                self.progress.step,
                steps_per_epoch,
                options.epochs,
                options.base_rate(),
            );
            let momentum = options.schedule.momentum(
                self.progress.step,
                steps_per_epoch,
                options.epochs,
                options.sgd.momentum,
            );
            let mut outcomes = Vec::new();
            let mut waited = Duration::ZERO;
            for _ in 0..options.accumulate {
                let in_epoch = batches.state()?.position / options.batch_size as u64;
                let number = u64::from(self.progress.epoch) * batches_per_epoch + in_epoch;
                let asked = Instant::now();
                let Some(batch) = batches.next() else { break };
                waited += asked.elapsed();
                let batch = batch?;
                let outcome = self.learner.learn(&batch.inputs, &batch.labels, number)?;
                if let Outcome::Known(learnt) = &outcome {
                    self.check_loss(learnt.loss, learning_rate, self.progress.step + 1)?;
                }
                outcomes.push(outcome);
            }
            if outcomes.is_empty() {
                break;
            }
            let step = self.progress.step + 1;
            if !self.learner.step(learning_rate, momentum)? {
                let what = "the gradients overflow in float16".to_owned();
                return Err(self.diverged(what, learning_rate, step));
            }
            let samples = outcomes.iter().map(Outcome::samples).sum();
            clock.step(samples, waited);
            self.progress.step = step;
            self.progress.loader = batches.state()?;
            unsettled.push(Unsettled { step, learning_rate, outcomes });
            if unsettled.len() >= fetch_every {
                self.settle(&mut unsettled, steps, &clock, steps_per_epoch)?;
            }
            since += 1;
            let due = match options.checkpoint_every {
                CheckpointEvery::Steps(steps) => since >= steps,
                CheckpointEvery::Time(time) => last_checkpoint.elapsed() >= time,
            };
            let stopped = self.stop.load(Ordering::Relaxed);
            if due || stopped {
                self.settle(&mut unsettled, steps, &clock, steps_per_epoch)?;
                self.progress.seconds = before + begun.elapsed().as_secs_f64();
                self.checkpoint(steps)?;
                (last_checkpoint, since) = (Instant::now(), 0);
            }
            self.obey()?;
        }
        self.settle(&mut unsettled, steps, &clock, steps_per_epoch)?;
        let state = batches.state()?;
        drop(batches);
        self.train.check_receipts(&state)?;
        Ok(clock)
    }

    /// Takes in what steps came to, in their order: sums, rows of steps.csv, reports.
    fn settle(
        &mut self,
        unsettled: &mut Vec<Unsettled>,
        rows: &mut Rows,
        clock: &Clock,
        steps_per_epoch: u64,
    ) -> Result<()> {
        let outcomes: Vec<&Outcome> = unsettled.iter().flat_map(|step| &step.outcomes).collect();
        let mut learnt = Outcome::settle(&outcomes)?.into_iter();
        for Unsettled { step, learning_rate, outcomes } in unsettled.drain(..) {
            let mut group = Sums { learning_rate, ..Sums::default() };
            for learnt in learnt.by_ref().take(outcomes.len()) {
                self.check_loss(learnt.loss, learning_rate, step)?;
                group.loss += learnt.loss * learnt.weight;
                group.weight += learnt.weight;
                group.right += learnt.right;
                group.samples += learnt.samples;
            }
            self.warn_of("loss", group.mean_loss(), step);
            let sums = &mut self.progress.sums;
            sums.loss += group.loss;
            sums.weight += group.weight;
            sums.right += group.right;
            sums.samples += group.samples;
            sums.learning_rate = learning_rate;
            let epoch = self.progress.epoch + 1;
            let (loss, accuracy) = (group.mean_loss(), group.accuracy());
            rows.step(&StepRow { step, epoch, learning_rate, loss, accuracy })?;
            let (photos_per_second, waiting) = clock.rates();
            self.observer.step(&StepReport {
                epoch,
                epochs: self.setup.options.epochs,
                step: step - u64::from(self.progress.epoch) * steps_per_epoch,
                steps_per_epoch,
                run_step: step,
                loss: self.progress.sums.mean_loss(),
                accuracy: self.progress.sums.accuracy(),
                learning_rate,
                photos_per_second,
                waiting,
            });
        }
        Ok(())
    }

    /// The batches of the rest of the epoch.
    fn batches(&self) -> Result<Batches> {
        let state = self.progress.loader.clone();
        let device = &self.setup.device;
        match self.features.first() {
            None => Ok(Batches::Images(self.train.resume_tensors(&state, device)?)),
            Some(features) => {
                let order = self.train.epoch_order(state.epoch);
                let (size, last) = (self.setup.options.batch_size, self.setup.last_batch());
                Ok(Batches::Features(features.epoch(order, state, size, last)?, device.clone()))
            }
        }
    }

    /// What the network reaches on samples that it is not trained on.
    fn validate(&mut self, loader: &Loader) -> Result<Validated> {
        let all = loader.selection().len() as u64;
        let device = &self.setup.device;
        let mut batches = match self.features.get(1) {
            None => Batches::Images(loader.tensors(0, device)),
            Some(features) => {
                let (order, size) = (loader.epoch_order(0), self.setup.options.batch_size);
                let last = tcolz_loader::LastBatch::Keep;
                let epoch = features.epoch(order, loader.begin(0), size, last)?;
                Batches::Features(epoch, device.clone())
            }
        };
        let network = self.learner.inference()?;
        let (mut loss, mut right, mut samples) = (0.0, 0u64, 0u64);
        let fetch_every = self.setup.fetch_every();
        let mut unsettled: Vec<(Tensor, Tensor)> = Vec::new();
        loop {
            let batch = batches.next().transpose()?;
            let is_last = batch.is_none();
            if let Some(batch) = batch {
                unsettled.push((network.logits(&batch.inputs)?, batch.labels.clone()));
            }
            if !unsettled.is_empty() && (is_last || unsettled.len() >= fetch_every) {
                for (logits, labels) in unsettled.drain(..) {
                    let (logits, labels) = (logits.to_vec2::<f32>()?, labels.to_vec1::<u32>()?);
                    for (logits, &label) in logits.iter().zip(&labels) {
                        loss += sample_loss(logits, label as usize);
                        right += u64::from(answer(logits) == label as usize);
                    }
                    samples += labels.len() as u64;
                }
                self.observer.validating(samples, all);
            }
            self.obey()?;
            if is_last {
                break;
            }
        }
        let count = samples as f64;
        Ok(Validated { loss: loss / count, accuracy: right as f64 / count, samples })
    }

    /// The epoch that has just been trained, as a row of the log.
    fn row(&self, validation: Option<Validated>) -> Result<EpochRow> {
        let sums = &self.progress.sums;
        if let Some(found) = validation.filter(|found| !found.loss.is_finite()) {
            let what = format!("the validation loss is {}", found.loss);
            return Err(self.diverged(what, sums.learning_rate, self.progress.step + 1));
        }
        let best = match (validation, self.progress.best().and_then(|best| best.validation)) {
            (Some(found), Some(best)) => found.loss < best.loss,
            _ => true,
        };
        Ok(EpochRow {
            epoch: self.progress.epoch + 1,
            step: self.progress.step,
            learning_rate: sums.learning_rate,
            train_loss: sums.mean_loss(),
            train_accuracy: sums.accuracy(),
            train_samples: sums.samples,
            validation,
            best,
        })
    }

    /// Says once that a loss is so high that the run has diverged.
    fn warn_of(&mut self, what: &str, loss: f64, step: u64) {
        if loss < DIVERGED_LOSS || self.warned {
            return;
        }
        self.warned = true;
        let rate = self.lower_rate();
        self.observer.warning(&format!(
            "the {what} at step {step} is {loss:.1e}, and guessing has {:.2}: the run has diverged. {}",
            (self.setup.dataset.meta().classes.len() as f64).ln(),
            begin_anew(rate)
        ));
    }

    /// A rate to try after a run has diverged.
    fn lower_rate(&self) -> f64 {
        // Two digits: 0.05 / 10 is no 0.005 in binary.
        let rate = self.setup.options.base_rate() / LOWER;
        format!("{rate:.1e}").parse().unwrap_or(rate)
    }

    /// Why the run is over, where it is.
    fn ending(&self) -> Option<String> {
        let (done, options) = (self.progress.epoch, &self.setup.options);
        let best = self.progress.best().map_or(done, |best| best.epoch);
        match options.patience {
            Some(patience) if self.validation.is_some() && done - best >= patience => {
                Some(format!("the validation loss has not become better in {patience} epochs"))
            }
            _ => (done >= options.epochs).then(|| ALL_DONE.to_owned()),
        }
    }

    fn checkpoint(&mut self, steps: &mut Rows) -> Result<()> {
        self.folder.check()?;
        // What the checkpoint counts as done is on the disk before it.
        self.progress.mark(STEPS_FILE, steps.mark()?);
        self.sampler.mark(&mut self.progress);
        let tensors = self.learner.tensors()?;
        self.progress.loss_scale = self.learner.loss_scale();
        match checkpoint::save(&self.folder.checkpoint(), &mut self.progress, &tensors) {
            Err(TrainError::Diverged { what, learning_rate, .. }) => {
                Err(self.diverged(what, learning_rate, self.progress.step + 1))
            }
            saved => saved,
        }?;
        self.observer.checkpoint(self.progress.step);
        Ok(())
    }

    /// Stops where that was asked for.
    fn obey(&self) -> Result<()> {
        let (epoch, step) = (self.progress.epoch + 1, self.progress.step);
        if self.stop.load(Ordering::Relaxed) {
            return Err(TrainError::Interrupted { epoch, step });
        }
        Ok(())
    }

    fn check_loss(&self, loss: f64, learning_rate: f64, step: u64) -> Result<()> {
        if loss.is_finite() {
            return Ok(());
        }
        Err(self.diverged(format!("the loss is {loss}"), learning_rate, step))
    }

    fn diverged(&self, what: String, learning_rate: f64, step: u64) -> TrainError {
        let path: PathBuf = self.folder.checkpoint();
        let kept = match checkpoint::load(&path) {
            Ok(Some((progress, _))) => {
                format!(
                    "; the checkpoint behind step {} is kept in {}",
                    progress.step,
                    path.display()
                )
            }
            _ => String::new(),
        };
        let lower = self.lower_rate();
        TrainError::Diverged { what, step, learning_rate, lower, kept }
    }
}
