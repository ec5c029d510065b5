//! The demo's training: a small network from random weights, and how good it is on photos it never saw.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tcolz_format::dataset::Dataset;
use tcolz_nn::{Model, Network};
use tcolz_train::evaluate::{EvaluateOptions, Evaluation, evaluate};
use tcolz_train::{Finetune, TrainObserver, TrainOptions, TrainSummary, seen_by, train};

use super::super::output::{count, duration, plural, shown};

/// Side of the tensors that are learnt from: a sixth of the work of 224 × 224.
pub(super) const SIZE: u32 = 96;
/// With fewer photos nothing can be learnt.
pub(super) const LEAST_PHOTOS: u32 = 200;
/// What the network must reach on the test split; guessing gives a third.
pub(super) const LEAST_ACCURACY: f64 = 0.9;

const NETWORK: Network = Network::MobileNetV1;
const EPOCHS: u32 = 12;
const BATCH_SIZE: usize = 16;
const LEARNING_RATE: f64 = 0.02;

/// What became of it.
pub(super) struct Learnt {
    pub(super) summary: TrainSummary,
    pub(super) test: Evaluation,
}

impl Learnt {
    pub(super) fn accuracy(&self) -> f64 {
        self.test.scores.accuracy.value
    }

    pub(super) fn is_enough(&self) -> bool {
        self.accuracy() > LEAST_ACCURACY
    }
}

fn options(dataset: &Path, run: &Path) -> TrainOptions {
    let mut options = TrainOptions::new(dataset, NETWORK, run);
    options.finetune = Finetune::All;
    options.size = Some(SIZE);
    options.epochs = EPOCHS;
    options.batch_size = BATCH_SIZE;
    options.learning_rate = Some(LEARNING_RATE);
    options
}

/// The command that does the same.
pub(super) fn command(dataset: &Path, run: &Path) -> String {
    format!(
        "tcolz train {} --model {NETWORK} --size {SIZE} --epochs {EPOCHS} --batch-size {BATCH_SIZE} --lr {LEARNING_RATE} --out {}",
        shown(dataset),
        shown(run)
    )
}

/// Trains on the split `train`, keeps the best epoch by the split `val`, and meets the split `test` once.
pub(super) fn learn(
    dataset: &Dataset,
    run: &Path,
    observer: &mut dyn TrainObserver,
) -> anyhow::Result<Learnt> {
    let options = options(dataset.root(), run);
    let summary = train(&options, &AtomicBool::new(false), observer)?;
    let model = Model::open(&summary.model)?;
    let seen = seen_by(&summary.model, &model.facts).map(Arc::new);
    // One of its photos may lie in the split train, too: dumps have such.
    let mut options = EvaluateOptions::split("test", seen.clone());
    options.select.unseen = seen.ok();
    let test = evaluate(&model, dataset, &options, &mut |_, _| ())?;
    Ok(Learnt { summary, test })
}

pub(super) fn text(learnt: &Learnt) -> String {
    let Learnt { summary, test } = learnt;
    let accuracy = &test.scores.accuracy;
    let verdict = if learnt.is_enough() { "PASS" } else { "DIFFERS" };
    format!(
        "   {} in {}, the best is {}\n   {verdict}  test split: {} of {} right, {:.3} (95 % interval {:.3} to {:.3}); guessing gives 0.333\n",
        plural(summary.rows.len() as u64, "epoch"),
        duration(summary.seconds),
        summary.best.epoch,
        count(accuracy.count),
        count(accuracy.of),
        accuracy.value,
        accuracy.low,
        accuracy.high,
    )
}
