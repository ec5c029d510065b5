//! What can be wrong with evaluating a model on a dataset.

use std::io;
use std::path::{Path, PathBuf};

use tcolz_base::door::{call, given};
use tcolz_charts::ChartError;
use tcolz_charts::sheet::SheetError;
use tcolz_format::dataset::DatasetError;
use tcolz_loader::LoaderError;
use tcolz_nn::ModelError;

/// A model that cannot be evaluated on a dataset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// There is no model.
    #[error(
        "{path}: no finished model: {found}; {call} makes one",
        path = path.display()
    )]
    NoModel {
        /// What was named.
        path: PathBuf,
        /// What is there.
        found: String,
        /// The call that makes one, with its options, in backticks.
        call: String,
    },
    /// A dataset where a model is expected, and the other way round.
    #[error(
        "{d} is a dataset and {m} a model: the model comes first, {}",
        call("evaluate", &[&shown(model), &shown(dataset)], &[]), d = shown(dataset), m = shown(model)
    )]
    Swapped {
        /// What was named as the model.
        dataset: PathBuf,
        /// What was named as the dataset.
        model: PathBuf,
    },
    /// A dataset where a model is expected.
    #[error(
        "{path}: expected a model, the .safetensors file or the folder of a run, found a dataset; {} \
         trains one on it",
        call("train", &[&shown(path)], &[("network", "mobilenet-v2"), ("weights", "FILE")]), path = shown(path)
    )]
    NotAModel {
        /// What was named.
        path: PathBuf,
    },
    /// A picture where a model is expected.
    #[error(
        "{path}: expected a model, found a picture; the model comes first, as in {}",
        call("predict", &["MODEL", &shown(path)], &[]), path = shown(path)
    )]
    PictureForModel {
        /// What was named.
        path: PathBuf,
    },
    /// The network, or its file.
    #[error(transparent)]
    Model(Box<ModelError>),
    /// The dataset.
    #[error(transparent)]
    Dataset(Box<DatasetError>),
    /// Samples cannot be selected or read.
    #[error(transparent)]
    Loader(Box<LoaderError>),
    /// The photos of the dataset became other pixels than those the model was trained on.
    #[error(
        "the model was trained on photos with {what} {expected}, {dataset} has {found}; {hint}",
        dataset = dataset.display()
    )]
    Recipe {
        /// The dataset.
        dataset: PathBuf,
        /// The choice that differs.
        what: String,
        /// That of the model.
        expected: String,
        /// That of the dataset.
        found: String,
        /// What to do.
        hint: String,
    },
    /// Class names that do not fit each other.
    #[error(
        "the classes do not fit: the model knows {model}, {dataset} has {found}; {hint}",
        dataset = dataset.display()
    )]
    Classes {
        /// The dataset.
        dataset: PathBuf,
        /// The model's classes.
        model: String,
        /// The dataset's classes.
        found: String,
        /// What to do.
        hint: String,
    },
    /// Samples without a label cannot be right or wrong.
    #[error(
        "{unlabelled} of {samples} samples have no label and cannot be scored; leave them out with {}",
        given("condition", "'label >= 0'")
    )]
    Unlabelled {
        /// Samples without a label.
        unlabelled: usize,
        /// Samples selected.
        samples: usize,
    },
    /// The protocol of TTD scores by agreement.
    #[error(
        "{} scores by how many annotators agreed, which the ledger of {dataset} does not say of {unknown} of {samples} samples; is it the Twitter Testing Dataset, converted with its ground_truth/ lists?",
        given("protocol", "ttd"),
        dataset = dataset.display()
    )]
    Agreement {
        /// The dataset.
        dataset: PathBuf,
        /// Samples of which it is not known.
        unknown: usize,
        /// Samples selected.
        samples: usize,
    },
    /// A network that gives something that is no number.
    #[error(
        "the network gives {value} for sample `{sample_id}`: its weights are damaged, or its training has diverged; take an earlier checkpoint"
    )]
    NotFinite {
        /// The sample.
        sample_id: String,
        /// NaN or infinity.
        value: f32,
    },
    /// A picture cannot be drawn.
    #[error(transparent)]
    Picture(Box<ChartError>),
    /// The contact sheet of mistakes cannot be drawn.
    #[error("the worst mistakes: {0}")]
    Sheet(Box<SheetError>),
    /// A file cannot be written.
    #[error("{path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

impl From<ModelError> for EvaluateError {
    fn from(error: ModelError) -> EvaluateError {
        EvaluateError::Model(Box::new(error))
    }
}

impl From<DatasetError> for EvaluateError {
    fn from(error: DatasetError) -> EvaluateError {
        EvaluateError::Dataset(Box::new(error))
    }
}

impl From<LoaderError> for EvaluateError {
    fn from(error: LoaderError) -> EvaluateError {
        EvaluateError::Loader(Box::new(error))
    }
}

impl From<ChartError> for EvaluateError {
    fn from(error: ChartError) -> EvaluateError {
        EvaluateError::Picture(Box::new(error))
    }
}

impl From<SheetError> for EvaluateError {
    fn from(error: SheetError) -> EvaluateError {
        EvaluateError::Sheet(Box::new(error))
    }
}
