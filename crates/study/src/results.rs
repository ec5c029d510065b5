//! What a study found so far: JSON documents that its jobs left in its folder, and how they belong together.
//!
//! The report is a function of this and of nothing else. A number of the report is taken from a document by a JSON
//! pointer, so that it can say where it comes from.

use serde::Serialize;
use serde_json::Value;

use super::published::Benchmark;

/// A file of the study's folder that a job wrote.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// Its path below the study's folder, with `/`.
    pub file: String,
    /// What stands in it.
    #[serde(skip)]
    pub json: Value,
}

impl Document {
    /// The number at a JSON pointer (RFC 6901); `None` where there is none, or null.
    pub fn number(&self, pointer: &str) -> Option<f64> {
        self.json.pointer(pointer).and_then(Value::as_f64)
    }

    /// The text at a JSON pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.json.pointer(pointer).and_then(Value::as_str)
    }

    /// Where a value comes from: `results/train-1.json#/seconds`.
    pub fn source(&self, pointer: &str) -> String {
        format!("{}#{pointer}", self.file)
    }
}

/// Everything that a study found. What is not there yet is `None` or missing from its list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Results {
    /// The study's title.
    pub title: String,
    /// Name of the study's file, without folders.
    pub study_file: String,
    /// Benchmarks that models are evaluated on, in the study's order.
    pub benchmarks: Vec<Benchmarked>,
    /// Trained models: for each entry of the study one for each of its seeds, in their order.
    pub models: Vec<ModelResults>,
    /// Cross-validations.
    pub cross_validations: Vec<CrossValidated>,
    /// Learning curves.
    pub learning_curves: Vec<LearningCurve>,
    /// Upper limits.
    pub upper_limits: Vec<UpperLimit>,
    /// What is known of the labels of datasets, one document each (`labels.json`).
    pub labels: Vec<Named>,
    /// How the model to deploy is chosen.
    pub rule: Rule,
    /// Jobs that are not done, in words.
    pub missing: Vec<String>,
}

/// Something that models are evaluated on.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Benchmarked {
    /// Its name in the study.
    pub name: String,
    /// Published figures to stand beside it, where it is what they were measured on.
    pub published: Option<Benchmark>,
    /// TTD: its evaluations have `/levels/0` … for agreement ≥5, ≥4, ≥3, and no other scores count.
    pub ttd: bool,
}

/// A model that was trained, with what was measured of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ModelResults {
    /// Name of its entry in the study; several seeds share it.
    pub name: String,
    /// Its network: `mobilenet-v2`.
    pub network: String,
    /// `head` (FT-F) or `all` (FT-A).
    pub finetune: String,
    /// The part of the data that it saw, as asked for: `10`; `None`: all of it. Never mixed with the others.
    pub percent: Option<String>,
    /// Its seed.
    pub seed: u64,
    /// How it was trained: `train.json`.
    pub train: Option<Document>,
    /// How good it is: `evaluation.json` for each benchmark, in their order.
    pub evaluations: Vec<Option<Document>>,
    /// What inference costs: `cost.json`, the same for all that compute the same; of the entry's first seed only.
    pub cost: Option<Document>,
}

/// A model trained and tested on folds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossValidated {
    /// Name of the cross-validation.
    pub name: String,
    /// Where its folds come from, in words: `published folds in folds/five_agrees`, `5 folds, seed 1`.
    pub folds: String,
    /// Name of the model's entry.
    pub model: String,
    /// An evaluation for each seed and fold, seeds outside.
    pub evaluations: Vec<Fold>,
}

/// A fold of a cross-validation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fold {
    /// Seed of the training.
    pub seed: u64,
    /// Number of the fold, from 1.
    pub fold: u32,
    /// `evaluation.json` of its test list.
    pub document: Option<Document>,
}

/// A model trained on nested shares of the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LearningCurve {
    /// Name of the model's entry.
    pub model: String,
    /// Name of the benchmark.
    pub benchmark: String,
    /// For each share and seed, shares outside, ascending.
    pub points: Vec<CurvePoint>,
}

/// A share of a learning curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurvePoint {
    /// The share: `1`, `10`, `100`.
    pub percent: String,
    /// Seed of the training.
    pub seed: u64,
    /// `train.json`; `/samples` is how many it was trained on.
    pub train: Option<Document>,
    /// `evaluation.json`.
    pub evaluation: Option<Document>,
}

/// A model trained on a sample of all splits and tested on the rest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UpperLimit {
    /// Name of the model's entry.
    pub model: String,
    /// The share of all splits that it was tested on: `20`.
    pub tested_percent: String,
    /// Name of the benchmark that is compared with.
    pub benchmark: Option<String>,
    /// Seed of the training and of the sample.
    pub seed: u64,
    /// `train.json`.
    pub train: Option<Document>,
    /// `evaluation.json` on the rest.
    pub evaluation: Option<Document>,
    /// `evaluation.json` of the same model entry trained on the split as it is, on the benchmark.
    pub compared: Option<Document>,
}

/// A document with the name of what it is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named {
    /// The name: of a dataset.
    pub name: String,
    /// The document.
    pub document: Option<Document>,
}

/// How the model to deploy is chosen: by the weighted sum of what the models are worth, each between 0 (worst of the
/// candidates) and 1 (best).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rule {
    /// Name of the benchmark whose accuracy counts.
    pub benchmark: String,
    /// TTD: the agreement level whose accuracy counts.
    pub agreement: Option<u8>,
    /// Weight of the accuracy.
    pub accuracy: f64,
    /// Weight of the inference time of one image.
    pub inference_time: f64,
    /// Weight of the size of the deployable weights.
    pub size: f64,
}
