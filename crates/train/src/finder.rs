//! Which learning rate: a range test (Smith 2015), as fastai and Keras users know it.
//!
//! The rate rises by a factor from step to step. While it is too low the loss hardly falls, then it falls, and
//! where it is too high it rises. The rate suggested is the one at which the smoothed loss falls fastest.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::batches::Batches;
use super::curves::trained_on;
use super::error::{Result, TrainError};
use super::features::{self, Features, Made};
use super::files::{FINDER_FILES, TRAINED_FILE};
use super::learner::Learner;
use super::observer::TrainObserver;
use super::options::TrainOptions;
use super::outcome::Outcome;
use super::run::RunFolder;
use super::setup::Setup;
use super::summary::on_threads;
use tcolz_base::durable;
use tcolz_charts::{Line, LinePoint, LinesChart, LinesPanel};
use tcolz_loader::{Order, Select};

/// The lowest and the highest rate that are tried.
pub const FINDER_RATES: [f64; 2] = [1e-6, 10.0];
/// Steps from one to the other.
pub const FINDER_STEPS: u32 = 100;

/// Share of a loss in the running mean: steps are noisy.
const SMOOTHING: f64 = 0.1;
/// A smoothed loss of so many times the lowest one has diverged.
const DIVERGED: f64 = 3.0;
/// Steps at the beginning that say nothing: the running mean is that of few.
const FIRST_STEPS: usize = 8;

/// What a range test came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The rate at which the loss falls fastest; `None` where it never falls.
    pub suggested: Option<f64>,
    /// What was tried, in this order.
    pub tried: Vec<Tried>,
    /// `lr-finder.csv` and `lr-finder.png`.
    pub files: Vec<PathBuf>,
}

/// A step of a range test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tried {
    /// Its learning rate.
    pub learning_rate: f64,
    /// Its loss.
    pub loss: f64,
    /// The running mean of the losses.
    pub smoothed: f64,
}

/// Tries rising learning rates on the samples and with the options of a run, which is not begun: nothing of its
/// folder is changed but `lr-finder.csv` and `lr-finder.png`. Features of a frozen backbone are used where they are
/// kept; they are made where the test would pass every sample through the backbone in any case, and the run finds them.
///
/// # Errors
/// As [`train`](super::train).
pub fn find_learning_rate(
    options: &TrainOptions,
    stop: &AtomicBool,
    observer: &mut dyn TrainObserver,
) -> std::result::Result<Finding, TrainError> {
    on_threads(options, || find(options, stop, observer))
}

fn find(
    options: &TrainOptions,
    stop: &AtomicBool,
    observer: &mut dyn TrainObserver,
) -> Result<Finding> {
    let setup = Setup::of(options)?;
    let folder = RunFolder::take(&options.out)?;
    let select = setup.samples.train.select(folder.path(), TRAINED_FILE)?;
    let loader = setup.train_loader(&select, Order::Auto)?;
    let mut learner = Learner::new(&setup)?;
    let features = features_of(&setup, &folder, &select, &learner, stop, observer)?;
    let begin = |epoch: u32| -> Result<Batches> {
        let Some(features) = &features else {
            return Ok(Batches::Images(loader.tensors(epoch, &setup.device)));
        };
        let (order, size) = (loader.epoch_order(epoch), setup.options.batch_size);
        let epoch = features.epoch(order, loader.begin(epoch), size, setup.last_batch())?;
        Ok(Batches::Features(epoch, setup.device.clone()))
    };
    let [low, high] = FINDER_RATES;
    let factor = (high / low).powf(1.0 / f64::from(FINDER_STEPS - 1));
    let (mut tried, mut mean, mut lowest) = (Vec::<Tried>::new(), 0.0, f64::INFINITY);
    let mut epoch = 0;
    let mut batches = begin(0)?;
    'steps: for step in 0..FINDER_STEPS {
        let learning_rate = low * factor.powi(step as i32);
        let (mut loss, mut weight) = (0.0, 0.0);
        for part in 0..options.accumulate {
            let batch = match batches.next() {
                Some(batch) => batch?,
                None => {
                    epoch += 1;
                    batches = begin(epoch)?;
                    let Some(batch) = batches.next() else { break 'steps };
                    batch?
                }
            };
            let number = u64::from(step) * u64::from(options.accumulate) + u64::from(part);
            let outcome = learner.learn(&batch.inputs, &batch.labels, number)?;
            for learnt in Outcome::settle(&[&outcome])? {
                loss += learnt.loss * learnt.weight;
                weight += learnt.weight;
            }
        }
        let loss = loss / weight;
        if !loss.is_finite() {
            break;
        }
        learner.step(learning_rate, options.sgd.momentum)?;
        mean += SMOOTHING * (loss - mean);
        // As if the mean had begun with the first loss, not with 0.
        let smoothed = mean / (1.0 - (1.0 - SMOOTHING).powi(step as i32 + 1));
        tried.push(Tried { learning_rate, loss, smoothed });
        observer.tried(step + 1, FINDER_STEPS, learning_rate, loss);
        lowest = if tried.len() > FIRST_STEPS { lowest.min(smoothed) } else { lowest };
        if smoothed > diverged(&tried, lowest) {
            break;
        }
        if stop.load(Ordering::Relaxed) {
            return Err(TrainError::Interrupted { epoch: epoch + 1, step: u64::from(step) + 1 });
        }
    }
    let suggested = suggest(&tried);
    let [csv, png] = FINDER_FILES.map(|name| folder.path().join(name));
    let mut text = "step,learning_rate,loss,smoothed\n".to_owned();
    for (Tried { learning_rate, loss, smoothed }, step) in tried.iter().zip(1..) {
        text.push_str(&format!("{step},{learning_rate:e},{loss:.8},{smoothed:.8}\n"));
    }
    durable::write(&csv, text.as_bytes()).map_err(TrainError::io(&csv))?;
    let subtitle = trained_on(options);
    let title = format!("{}: learning rates tried, one a step", options.network.name());
    let panels = vec![panel(&tried, suggested)];
    let picture = LinesChart { title: &title, subtitle: &subtitle, panels }.light()?;
    durable::write(&png, &picture.png).map_err(TrainError::io(&png))?;
    Ok(Finding { suggested, tried, files: vec![csv, png] })
}

/// Features of a frozen backbone: those that are there, and the few that are missing.
fn features_of(
    setup: &Setup,
    folder: &RunFolder,
    select: &Select,
    learner: &Learner,
    stop: &AtomicBool,
    observer: &mut dyn TrainObserver,
) -> Result<Option<Features>> {
    let Some(cache) = features::folder(setup, folder.path()) else { return Ok(None) };
    let options = &setup.options;
    let most = u64::from(FINDER_STEPS * options.accumulate) * options.batch_size as u64;
    let plain = setup.plain_loader(select)?;
    Ok(match features::make(setup, cache, &[&plain], most, learner, stop, observer)? {
        Made::Kept(mut features, _) => features.pop(),
        Made::NotKept(_) => None,
        Made::Stopped(stopped, _) => return Err(stopped),
    })
}

/// The loss from which on a run has diverged: above that of the beginning, too, where little was left to learn.
fn diverged(tried: &[Tried], lowest: f64) -> f64 {
    let first = tried.iter().take(FIRST_STEPS).map(|tried| tried.loss).fold(0.0, f64::max);
    (DIVERGED * lowest).max(1.2 * first)
}

/// Where the smoothed loss falls fastest, by the logarithm of the rate: the steepest of lines through five
/// neighbours each, before the lowest loss.
fn suggest(tried: &[Tried]) -> Option<f64> {
    let lowest = (FIRST_STEPS.min(tried.len())..tried.len())
        .min_by(|&a, &b| tried[a].smoothed.total_cmp(&tried[b].smoothed))?;
    let slope = |middle: usize| {
        // Steps are equally far from each other on the logarithm.
        let values = (0..5).map(|place| (place as f64 - 2.0) * tried[middle + place - 2].smoothed);
        values.sum::<f64>() / 10.0
    };
    let candidates = FIRST_STEPS..=lowest.min(tried.len().saturating_sub(3));
    let steepest =
        candidates.map(|middle| (slope(middle), middle)).min_by(|a, b| a.0.total_cmp(&b.0));
    steepest.filter(|(slope, _)| *slope < 0.0).map(|(_, middle)| tried[middle].learning_rate)
}

fn panel(tried: &[Tried], suggested: Option<f64>) -> LinesPanel {
    let lowest = tried.iter().map(|tried| tried.smoothed).fold(f64::INFINITY, f64::min);
    let line = |name: &str, value: fn(&Tried) -> f64| {
        let points = tried.iter().map(|tried| LinePoint {
            x: tried.learning_rate,
            y: value(tried),
            interval: None,
        });
        // What lies far above says only that the rate is too high, and would flatten the rest.
        let most = diverged(tried, lowest);
        let shown = points.filter(|point| point.y <= most);
        Line { name: name.to_owned(), points: shown.collect() }
    };
    let suggestion =
        |rate: f64| (rate, format!("suggested: {rate:.1e}, where the smoothed loss falls fastest"));
    LinesPanel {
        x_name: "learning rate, logarithmic".to_owned(),
        y_name: "loss (nats)".to_owned(),
        lines: vec![
            line("smoothed loss: running mean of the steps", |tried| tried.smoothed),
            line("loss of each step", |tried| tried.loss),
        ],
        logarithmic_x: true,
        from_zero: true,
        mark: suggested.map(suggestion),
        ..LinesPanel::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcolz_charts::legible;

    fn tried(losses: impl Iterator<Item = f64>) -> Vec<Tried> {
        let rate = |step: i32| 1e-6 * 10f64.powf(f64::from(step) * 0.07);
        let losses = losses.zip(0..);
        losses
            .map(|(loss, step)| Tried { learning_rate: rate(step), loss, smoothed: loss })
            .collect()
    }

    #[test]
    fn the_rate_is_suggested_at_which_the_loss_falls_fastest() {
        // Flat, then a slope that is steepest in its middle at step 50, then up.
        let curve = (0..100).map(|step| {
            let x = (f64::from(step) - 50.0) / 6.0;
            if step < 70 { 2.0 - x.tanh() } else { 1.0 + 0.2 * (f64::from(step) - 70.0) }
        });
        let tried = tried(curve);
        let suggested = suggest(&tried).unwrap();
        assert!((suggested / tried[50].learning_rate - 1.0).abs() < 0.2, "{suggested}");
        let panels = vec![panel(&tried, Some(suggested))];
        let picture = LinesChart { title: "a test", subtitle: "", panels }.picture().unwrap();
        legible::check(&picture);
        for words in ["smoothed loss: running mean", "loss of each step", "suggested: "] {
            assert!(picture.light.svg.contains(words), "the legend explains it: {words}");
        }
    }

    #[test]
    fn a_loss_that_falls_to_nearly_nothing_is_drawn_from_where_it_began() {
        let tried = tried((0..100).map(|step| 0.7 * (1.0 - f64::from(step) / 101.0).powi(4)));
        let lowest = tried.last().unwrap().smoothed;
        assert!(lowest < 1e-3 && diverged(&tried, lowest) >= 0.7, "{lowest}");
    }

    #[test]
    fn nothing_is_suggested_where_the_loss_never_falls() {
        assert_eq!(suggest(&tried((0..100).map(f64::from))), None);
        assert_eq!(suggest(&tried((0..5).map(|_| 1.0))), None);
        assert_eq!(suggest(&[]), None);
    }
}
