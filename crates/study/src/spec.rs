//! STUDY.toml: which models are compared, on what, and by which rule one is chosen.
//!
//! ```toml
//! title = "Which network?"
//! [datasets.photos]
//! path = "out"                       # relative to this file
//! [training]                         # what every model has unless it says otherwise
//! dataset = "photos"
//! [[models]]
//! name = "MobileNetV2 FT-F"
//! network = "mobilenet-v2"
//! weights = "mobilenet_v2.pth"
//! finetune = "head"
//! [[benchmarks]]
//! name = "test"
//! dataset = "photos"
//! ```
//! Every key is written down in `schemas/study.md`. An unknown key is refused with its line.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::StudyError;
use super::published::Benchmark;
use tcolz_base::nearest::nearest;
use tcolz_base::storage::{NotLocal, local_path};
use tcolz_base::text_file;
use tcolz_loader::Percent;
use tcolz_loader::augment::Crop;
use tcolz_nn::{BatchNormMode, Network};
use tcolz_train::schedule::Schedule;
use tcolz_train::{ClassWeights, Finetune, Preset};

/// A study's file as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StudySpec {
    /// Stands above the report.
    pub title: String,
    /// Datasets by the name that the rest of the file calls them.
    pub datasets: BTreeMap<String, DatasetSpec>,
    /// What every model has unless it says otherwise.
    #[serde(default)]
    pub training: TrainingSpec,
    /// The models that are compared.
    pub models: Vec<TrainingSpec>,
    /// What they are evaluated on.
    pub benchmarks: Vec<BenchmarkSpec>,
    /// Models trained and tested on folds.
    #[serde(default)]
    pub cross_validations: Vec<CrossValidationSpec>,
    /// Models trained on nested shares of the data.
    #[serde(default)]
    pub learning_curves: Vec<LearningCurveSpec>,
    /// Models trained on a sample of all splits and tested on the rest.
    #[serde(default)]
    pub upper_limits: Vec<UpperLimitSpec>,
    /// What is to be known of labels.
    #[serde(default)]
    pub labels: LabelsSpec,
    /// How the model to deploy is chosen.
    #[serde(default)]
    pub choice: ChoiceSpec,
}

/// A dataset of tcolz.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DatasetSpec {
    /// Its folder, relative to the study's file.
    pub path: PathBuf,
}

/// How a model is trained; the words are those of the options of a training.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TrainingSpec {
    /// Stands in the report; several seeds share it.
    pub name: Option<String>,
    /// The network.
    #[serde(default, deserialize_with = "network")]
    pub network: Option<Network>,
    /// A file of weights to begin with, relative to the study's file; random ones without.
    pub weights: Option<PathBuf>,
    /// Which weights of a file that holds several; else the usual ones.
    pub weights_key: Option<String>,
    /// `head` (FT-F) or `all` (FT-A).
    #[serde(default, deserialize_with = "word")]
    pub finetune: Option<Finetune>,
    /// The dataset, by its name.
    pub dataset: Option<String>,
    /// The split that is trained on; else `train`.
    pub split: Option<String>,
    /// Conditions on ledger columns.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// The share of every class that is trained on.
    #[serde(default, deserialize_with = "percent")]
    pub percent: Option<Percent>,
    /// Another one takes another share.
    pub percent_seed: Option<u64>,
    /// The share of every class that is held out and validated on; else the split `val`, where there is one.
    #[serde(default, deserialize_with = "percent")]
    pub holdout: Option<Percent>,
    /// Values to begin with.
    #[serde(default, deserialize_with = "word")]
    pub preset: Option<Preset>,
    /// Each gives a model of its own; else the seed 0.
    pub seeds: Option<Vec<u64>>,
    /// Epochs.
    pub epochs: Option<u32>,
    /// Samples that pass through at once.
    pub batch_size: Option<usize>,
    /// Batches whose gradients make a step.
    pub accumulate: Option<u32>,
    /// Base learning rate.
    pub lr: Option<f64>,
    /// Momentum.
    pub momentum: Option<f64>,
    /// Weight decay.
    pub weight_decay: Option<f64>,
    /// How the learning rate changes.
    #[serde(default, deserialize_with = "word")]
    pub schedule: Option<Schedule>,
    /// Share of each label that is spread over all classes.
    pub label_smoothing: Option<f64>,
    /// How much the classes count.
    #[serde(default, deserialize_with = "word")]
    pub class_weights: Option<ClassWeights>,
    /// Mean and variance of BatchNorm.
    #[serde(default, deserialize_with = "word")]
    pub batch_norm: Option<BatchNormMode>,
    /// Epochs without a better validation loss after which a run ends.
    pub patience: Option<u32>,
    /// Side of the tensors.
    pub size: Option<u32>,
    /// The view.
    pub view: Option<String>,
    /// Probability with which left and right change places.
    pub flip: Option<f64>,
    /// What is cut out of each image.
    #[serde(default, deserialize_with = "word")]
    pub crop: Option<Crop>,
}

/// Something that models are evaluated on.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BenchmarkSpec {
    /// Stands in the report.
    pub name: String,
    /// The dataset, by its name.
    pub dataset: String,
    /// The split; else `test`, or the only one that there is.
    pub split: Option<String>,
    /// Conditions on ledger columns.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// `plain` or `ttd`: without the output `neutral`, by agreement.
    #[serde(default)]
    pub protocol: ProtocolSpec,
    /// Names of the models that are evaluated on it; else all.
    pub models: Option<Vec<String>>,
    /// It is what these published figures were measured on.
    pub published: Option<Benchmark>,
}

/// What is scored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolSpec {
    /// Every class.
    #[default]
    Plain,
    /// As the Twitter Testing Dataset is used.
    Ttd,
}

/// A model trained and tested on folds.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CrossValidationSpec {
    /// Stands in the report.
    pub name: String,
    /// The dataset, by its name.
    pub dataset: String,
    /// The split that the folds divide; else the only one that there is.
    pub split: Option<String>,
    /// Conditions on ledger columns: what made folds divide.
    #[serde(rename = "where")]
    pub condition: Option<String>,
    /// A number of folds that are made, or a folder of published ones with `testN/train.txt` and `testN/test.txt`.
    pub folds: FoldsSpec,
    /// Other folds for another seed, where they are made.
    #[serde(default)]
    pub folds_seed: u64,
    /// Names of the models; else all.
    pub models: Option<Vec<String>>,
    /// What is other than in the models' own training.
    #[serde(default)]
    pub training: TrainingSpec,
}

/// Where folds come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum FoldsSpec {
    /// So many are made.
    Made(u32),
    /// They lie in this folder, relative to the study's file.
    Published(PathBuf),
}

/// A model trained on nested shares.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LearningCurveSpec {
    /// Name of the model.
    pub model: String,
    /// Name of the benchmark.
    pub benchmark: String,
    /// The shares; 100 is the model itself.
    #[serde(deserialize_with = "percents")]
    pub percents: Vec<Percent>,
    /// Seeds; else those of the model.
    pub seeds: Option<Vec<u64>>,
}

/// A model trained on a sample of all splits.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UpperLimitSpec {
    /// Name of the model.
    pub model: String,
    /// The share of every class of all splits that is tested on.
    #[serde(deserialize_with = "some_percent")]
    pub test_percent: Percent,
    /// Name of the benchmark that it is compared with.
    pub benchmark: Option<String>,
    /// Seeds; else those of the model.
    pub seeds: Option<Vec<u64>>,
}

/// What is to be known of labels.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LabelsSpec {
    /// Names of the datasets.
    pub datasets: Vec<String>,
}

/// How the model to deploy is chosen.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ChoiceSpec {
    /// Name of the benchmark whose accuracy counts; else the first.
    pub benchmark: Option<String>,
    /// TTD: the agreement level whose accuracy counts; else 5.
    pub agreement: Option<u8>,
    /// Weight of the accuracy.
    pub accuracy: f64,
    /// Weight of the inference time of one image.
    pub inference_time: f64,
    /// Weight of the size of the weights.
    pub size: f64,
}

impl Default for ChoiceSpec {
    fn default() -> Self {
        ChoiceSpec {
            benchmark: None,
            agreement: None,
            accuracy: 0.6,
            inference_time: 0.3,
            size: 0.1,
        }
    }
}

/// What is wrong with the text of a study's file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// A text that is no TOML, or keys and values that a study's file does not have.
    #[error("{said};{} schemas/study.md has the keys", meant.as_ref().map_or(String::new(), |key| format!(" did you mean `{key}`?")))]
    Text {
        /// What was expected and what was found, with line and column.
        said: String,
        /// Of an unknown key the known one that is nearest.
        meant: Option<String>,
    },
    /// A path that is none of this machine.
    #[error("{path}: {source}", path = path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What to give instead.
        source: NotLocal,
    },
}

/// What the parser calls things, and what they are in a study's file.
const WORDS: [(&str, &str); 12] = [
    ("missing field `", "missing: the key `"),
    ("unknown field `", "unknown key `"),
    ("invalid type: string ", "found the text "),
    ("invalid type: integer ", "found the number "),
    ("invalid type: floating point ", "found the number "),
    ("invalid type: boolean ", "found the truth value "),
    ("invalid type: ", "found another kind of value: "),
    ("expected a string", "expected a text in quotes"),
    ("expected u32", "expected a whole number"),
    ("expected u64", "expected a whole number"),
    ("expected usize", "expected a whole number"),
    ("expected f64", "expected a number"),
];

impl StudySpec {
    /// Reads a study's file.
    ///
    /// # Errors
    /// [`StudyError::File`] with line and column.
    pub fn read(path: &Path) -> Result<StudySpec, StudyError> {
        let failed = |reason: String| StudyError::File { path: path.to_owned(), reason };
        let text = text_file::read(path).map_err(|error| failed(error.to_string()))?;
        StudySpec::parse(&text).map_err(|error| failed(error.to_string()))
    }

    /// Parses the text of a study's file.
    ///
    /// # Errors
    /// [`SpecError`]: the first thing that is wrong.
    pub fn parse(text: &str) -> Result<StudySpec, SpecError> {
        let spec: StudySpec = toml::from_str(text).map_err(|error| {
            let said = error.to_string();
            let said = said.trim_end().trim_start_matches("TOML parse error at ");
            let said = WORDS
                .iter()
                .fold(said.to_owned(), |said, (theirs, ours)| said.replace(theirs, ours));
            let meant = meant_key(&said).map(str::to_owned);
            SpecError::Text { said, meant }
        })?;
        let wrong = |path: &PathBuf| {
            let source = local_path(path.clone()).err()?;
            Some(SpecError::Path { path: path.clone(), source })
        };
        spec.paths().into_iter().find_map(wrong).map_or(Ok(spec), Err)
    }

    /// Every path that the file names.
    fn paths(&self) -> Vec<&PathBuf> {
        let models = self.models.iter().chain([&self.training]);
        let folds = self.cross_validations.iter().map(|spec| (&spec.training, &spec.folds));
        let models = models.chain(folds.clone().map(|(training, _)| training));
        let published = folds.filter_map(|(_, folds)| match folds {
            FoldsSpec::Published(path) => Some(path),
            FoldsSpec::Made(_) => None,
        });
        let datasets = self.datasets.values().map(|dataset| &dataset.path);
        datasets.chain(models.filter_map(|model| model.weights.as_ref())).chain(published).collect()
    }
}

/// Of an unknown key the known one that is nearest: what the parser says names all of them.
fn meant_key(said: &str) -> Option<&str> {
    let (_, said) = said.split_once("unknown key `")?;
    let mut words = said.split('`').step_by(2);
    let found = words.next()?;
    nearest(&words.collect::<Vec<_>>(), found)
}

impl TrainingSpec {
    /// Whether a key that decides what is trained is given here.
    pub(super) fn has(&self, key: &str) -> bool {
        match key {
            "weights" => self.weights.is_some(),
            "dataset" => self.dataset.is_some(),
            "split" => self.split.is_some(),
            "where" => self.condition.is_some(),
            "percent" => self.percent.is_some(),
            "holdout" => self.holdout.is_some(),
            "seeds" => self.seeds.is_some(),
            "epochs" => self.epochs.is_some(),
            "batch-size" => self.batch_size.is_some(),
            "accumulate" => self.accumulate.is_some(),
            "lr" => self.lr.is_some(),
            "momentum" => self.momentum.is_some(),
            "weight-decay" => self.weight_decay.is_some(),
            "label-smoothing" => self.label_smoothing.is_some(),
            "class-weights" => self.class_weights.is_some(),
            "batch-norm" => self.batch_norm.is_some(),
            "patience" => self.patience.is_some(),
            "size" => self.size.is_some(),
            "view" => self.view.is_some(),
            "flip" => self.flip.is_some(),
            _ => false,
        }
    }

    /// This, and what it does not say as in `defaults`.
    pub fn over(&self, defaults: &TrainingSpec) -> TrainingSpec {
        macro_rules! merged {
            ($($field:ident),*) => {
                TrainingSpec { $($field: self.$field.clone().or_else(|| defaults.$field.clone())),* }
            };
        }
        merged!(
            name,
            network,
            weights,
            weights_key,
            finetune,
            dataset,
            split,
            condition,
            percent,
            percent_seed,
            holdout,
            preset,
            seeds,
            epochs,
            batch_size,
            accumulate,
            lr,
            momentum,
            weight_decay,
            schedule,
            label_smoothing,
            class_weights,
            batch_norm,
            patience,
            size,
            view,
            flip,
            crop
        )
    }
}

/// A value that is written as a word.
fn word<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn network<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Network>, D::Error> {
    let name = String::deserialize(from)?;
    Network::parse(&name).map(Some).ok_or_else(|| {
        let names = Network::ALL.map(Network::name).join(", ");
        serde::de::Error::custom(format!("expected one of {names}, found `{name}`"))
    })
}

/// A percentage: `10`, `12.5`, `"10%"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum PercentText {
    Whole(u64),
    Decimal(f64),
    Text(String),
}

impl PercentText {
    fn parse<E: serde::de::Error>(self) -> Result<Percent, E> {
        let text = match self {
            PercentText::Whole(number) => number.to_string(),
            PercentText::Decimal(number) => number.to_string(),
            PercentText::Text(text) => text,
        };
        Percent::parse(&text).map_err(E::custom)
    }
}

fn some_percent<'de, D: Deserializer<'de>>(from: D) -> Result<Percent, D::Error> {
    PercentText::deserialize(from)?.parse()
}

fn percent<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Percent>, D::Error> {
    some_percent(from).map(Some)
}

fn percents<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Percent>, D::Error> {
    Vec::<PercentText>::deserialize(from)?.into_iter().map(PercentText::parse).collect()
}
