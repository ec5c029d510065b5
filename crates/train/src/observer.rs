//! What a run tells while it goes.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::log::EpochRow;
use super::memory::MemoryEstimate;

/// Watches a run. Everything has an empty default.
pub trait TrainObserver: Send {
    /// Something worth knowing that is no fault.
    fn note(&mut self, _text: &str) {}

    /// Something that may spoil the result.
    fn warning(&mut self, _text: &str) {}

    /// Everything is known; the first step comes next, or the features of a frozen backbone.
    fn begun(&mut self, _begun: &Begun) {}

    /// Features of a frozen backbone are kept in this file; so many of the samples' are there already.
    fn features_begun(&mut self, _file: &Path, _bytes: u64, _there: u64, _all: u64) {}

    /// Features are there of so many samples.
    fn features(&mut self, _done: u64, _all: u64) {}

    /// A step is done.
    fn step(&mut self, _step: &StepReport) {}

    /// So many samples are validated.
    fn validating(&mut self, _done: u64, _all: u64) {}

    /// An epoch is done, validated and logged.
    fn epoch(&mut self, _epoch: &EpochReport) {}

    /// So many rates are tried by the learning-rate finder.
    fn tried(&mut self, _done: u32, _all: u32, _learning_rate: f64, _loss: f64) {}

    /// A checkpoint is on the disk.
    fn checkpoint(&mut self, _step: u64) {}
}

impl TrainObserver for () {}

/// What a run is, before its first step.
#[derive(Debug, Clone, Serialize)]
pub struct Begun {
    /// The run's folder.
    pub out: PathBuf,
    /// Name of the network.
    pub network: &'static str,
    /// Where its weights come from.
    pub weights: String,
    /// What is trained: `head` or `all`.
    pub finetune: &'static str,
    /// Numbers in all parameters.
    pub parameters: u64,
    /// Of these, those that are trained.
    pub trained: u64,
    /// Class names.
    pub classes: Vec<String>,
    /// Samples of each class that are trained on.
    pub class_samples: Vec<u64>,
    /// Samples that are trained on.
    pub samples: u64,
    /// Samples that are validated on.
    pub validation_samples: u64,
    /// What is validated on, in words.
    pub validation: String,
    /// Selected samples that are left out because they have no label.
    pub unlabelled: u64,
    /// Side of the images.
    pub size: u32,
    /// View they are seen through.
    pub view: String,
    /// Mean and variance of BatchNorm: `batch` or `stored`.
    pub batch_norm: &'static str,
    /// How shards are read and in which order, in words.
    pub reading: String,
    /// Where the network computes.
    pub device: String,
    /// Memory that a step needs.
    pub memory: MemoryEstimate,
    /// Epochs.
    pub epochs: u32,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Steps that are done already.
    pub resumed: u64,
}

/// Where a run stands behind a step.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StepReport {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Epochs.
    pub epochs: u32,
    /// Steps done in this epoch.
    pub step: u64,
    /// Steps of an epoch.
    pub steps_per_epoch: u64,
    /// Steps done in the run.
    pub run_step: u64,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Share of right answers in the epoch so far.
    pub accuracy: f64,
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Samples a second in this epoch, from its third step on.
    pub photos_per_second: f64,
    /// Share of that time in which data was waited for.
    pub waiting: f64,
}

/// An epoch that is done.
#[derive(Debug, Clone, Serialize)]
pub struct EpochReport {
    /// Its row of log.csv.
    pub row: EpochRow,
    /// Epochs.
    pub epochs: u32,
    /// Seconds that this process spent on it.
    pub seconds: f64,
    /// Samples a second while training.
    pub photos_per_second: f64,
    /// Share of the time of training in which data was waited for.
    pub waiting: f64,
}
