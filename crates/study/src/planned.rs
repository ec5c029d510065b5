//! What belongs to which entry of the study's file: indices of its jobs.

use super::spec::TrainingSpec;

/// An entry of the models with one of its seeds.
#[derive(Debug)]
pub(super) struct PlannedModel {
    pub(super) name: String,
    pub(super) training: TrainingSpec,
    pub(super) seed: u64,
    pub(super) train: usize,
    /// One for each benchmark that it is evaluated on.
    pub(super) evaluations: Vec<Option<usize>>,
    pub(super) cost: Option<usize>,
}

/// A cross-validation of a model.
#[derive(Debug)]
pub(super) struct PlannedFolds {
    pub(super) name: String,
    pub(super) folds: String,
    pub(super) model: String,
    /// Seed, fold from 1, job of its evaluation.
    pub(super) evaluations: Vec<(u64, u32, usize)>,
}

/// A learning curve.
#[derive(Debug)]
pub(super) struct PlannedCurve {
    pub(super) model: String,
    pub(super) benchmark: String,
    /// Share, seed, jobs of training and evaluation.
    pub(super) points: Vec<(String, u64, usize, usize)>,
}

/// An upper limit.
#[derive(Debug)]
pub(super) struct PlannedLimit {
    pub(super) model: String,
    pub(super) tested_percent: String,
    pub(super) benchmark: Option<String>,
    pub(super) seed: u64,
    pub(super) train: usize,
    pub(super) evaluation: usize,
    pub(super) compared: Option<usize>,
}
