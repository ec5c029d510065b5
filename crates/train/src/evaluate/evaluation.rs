//! Evaluates a model: what is tested before, and what comes of it.

use serde::Serialize;

use super::error::EvaluateError;
use super::fit::check_recipe;
use super::options::EvaluateOptions;
use super::predictions::{Level, Mistake, Predictions};
use super::protocol::{Protocol, ScoredClasses};
use super::seen::SeenCounts;
use super::statistics::Scores;
use super::stream;
use tcolz_device::device_name;
use tcolz_format::dataset::{Dataset, Receipt};
use tcolz_loader::{Select, Selection};
use tcolz_nn::Model;
use tcolz_nn::file::ModelFacts;

/// Mistakes that are listed and shown.
pub const MISTAKES: usize = 24;

/// How good a model is on samples of a dataset. The JSON form is what `tcolz evaluate --json` prints; its schema is
/// `schemas/evaluate.schema.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// The model.
    pub model: EvaluatedModel,
    /// The dataset's folder.
    pub dataset: String,
    /// Identity of the dataset's content.
    pub content_root: String,
    /// Which samples.
    pub selection: EvaluatedSamples,
    /// Where the network ran: `cpu`, `cuda:0`.
    pub device: String,
    /// What was scored.
    pub protocol: Protocol,
    /// Samples, each counted once.
    pub samples: u64,
    /// How many of them the model has seen before.
    pub seen: SeenCounts,
    /// The loader's receipt of them: equal receipts, equal samples.
    pub receipt: Receipt,
    /// Scores of all of them.
    pub scores: Scores,
    /// [`Protocol::Ttd`]: scores by agreement, the strictest first.
    pub levels: Option<Vec<Level>>,
    /// The worst mistakes, at most [`MISTAKES`].
    pub mistakes: Vec<Mistake>,
    /// What was said of each sample.
    #[serde(skip)]
    pub predictions: Predictions,
}

/// What is known of the model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluatedModel {
    /// Its file; `None` of one that was never saved.
    pub file: Option<String>,
    /// Its network.
    pub network: String,
    /// Its classes, dropped ones too.
    pub classes: Vec<String>,
    /// The view that images are seen through.
    pub view: String,
    /// Side of its images, in pixels.
    pub size: u32,
    /// What was fine-tuned: `head` or `all`.
    pub finetune: Option<String>,
    /// The part of the training split that it saw; `None`: all.
    pub percent: Option<String>,
    /// Epochs it was trained for.
    pub epochs: Option<u32>,
    /// Content root of the dataset that it was trained on.
    pub content_root: Option<String>,
}

/// Which samples of the dataset were asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluatedSamples {
    /// The split.
    pub split: String,
    /// Stored in it.
    pub stored: u64,
    /// The file that names samples.
    pub subset: Option<String>,
    /// Conditions on ledger columns.
    pub condition: Option<String>,
    /// Photos that the model has seen were left out.
    pub unseen: bool,
    /// The share of every class.
    pub percent: Option<String>,
    /// Which share.
    pub percent_seed: u64,
    /// Which part of the split, in words ([`Select::part`]).
    #[serde(skip)]
    pub part: String,
}

impl EvaluatedSamples {
    /// In words: `split test, where width > 300, 10 % of every class`.
    pub fn words(&self) -> String {
        match &*self.part {
            "" => format!("split {}", self.split),
            part => format!("split {}, {part}", self.split),
        }
    }
}

/// Tests that a model can be evaluated on a dataset, by what it says of itself.
///
/// # Errors
/// [`EvaluateError::Recipe`], [`EvaluateError::Classes`].
pub fn check_model(
    facts: &ModelFacts,
    dataset: &Dataset,
    protocol: Protocol,
) -> Result<ScoredClasses, EvaluateError> {
    check_recipe(facts, dataset)?;
    let classes = &dataset.meta().classes;
    ScoredClasses::matched(&facts.classes, classes, protocol, dataset.root())
}

/// Tests that samples of a dataset can be scored, without reading any.
///
/// # Errors
/// As [`Selection::of`]; [`EvaluateError::Unlabelled`], [`EvaluateError::Agreement`].
pub fn check_samples(
    dataset: &Dataset,
    select: &Select,
    protocol: Protocol,
) -> Result<(), EvaluateError> {
    stream::scorable(dataset, &Selection::of(dataset, select)?, protocol).map(|_| ())
}

/// Evaluates a model on samples of a dataset; `progress` gets how many are done, of how many.
///
/// # Errors
/// [`EvaluateError::Recipe`], [`EvaluateError::Classes`] when the dataset is not what the model was trained for;
/// [`EvaluateError::Unlabelled`], [`EvaluateError::Agreement`], [`EvaluateError::NotFinite`]; as
/// [`tcolz_loader::LoaderBuilder::build`] and of reading; when the device's memory is full.
pub fn evaluate(
    model: &Model,
    dataset: &Dataset,
    options: &EvaluateOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Evaluation, EvaluateError> {
    let facts = &model.facts;
    let classes = check_model(facts, dataset, options.protocol)?;
    let seen = SeenCounts::of(dataset, &options.select, &options.seen)?;
    let (predictions, receipt) = stream::predictions(model, dataset, options, classes, progress)?;
    let Select { split, subset, condition, unseen, percent, percent_seed } = &options.select;
    Ok(Evaluation {
        model: EvaluatedModel {
            file: None,
            network: facts.network.name().to_owned(),
            classes: facts.classes.clone(),
            view: facts.view.name.clone(),
            size: facts.size,
            finetune: facts.finetune.clone(),
            percent: facts.percent.clone(),
            epochs: facts.epochs,
            content_root: facts.content_root.clone(),
        },
        dataset: dataset.root().display().to_string(),
        content_root: dataset.meta().content_root.clone(),
        selection: EvaluatedSamples {
            split: split.clone(),
            stored: dataset.split(split)?.rows,
            subset: subset.as_ref().map(|file| file.display().to_string()),
            condition: condition.clone(),
            unseen: unseen.is_some(),
            percent: percent.map(|percent| percent.to_string()),
            percent_seed: *percent_seed,
            part: options.select.part(),
        },
        device: device_name(&options.device),
        protocol: options.protocol,
        samples: predictions.len() as u64,
        seen,
        receipt,
        scores: predictions.scores(),
        levels: predictions.levels(),
        mistakes: predictions.mistakes(MISTAKES),
        predictions,
    })
}
