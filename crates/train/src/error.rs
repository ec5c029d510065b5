//! What can go wrong with a run.

use std::io;
use std::path::{Path, PathBuf};

use super::names::spelled;
use tcolz_base::door::{Spelled, given, option, switch};
use tcolz_charts::ChartError;
use tcolz_format::dataset::DatasetError;
use tcolz_loader::LoaderError;
use tcolz_nn::ModelError;

/// A run that cannot begin, or does not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Options that contradict each other, the dataset or the weights.
    #[error("{0}")]
    Options(String),
    /// One option that makes no sense, or not with the dataset or the weights.
    #[error("{}: {reason}", with_value(option, value.as_deref()))]
    BadOption {
        /// The option: the name of its field.
        option: &'static str,
        /// Its value, where the reason does not name it.
        value: Option<String>,
        /// What was expected, what was found, what to try.
        reason: String,
    },
    /// The dataset.
    #[error(transparent)]
    Dataset(Box<DatasetError>),
    /// Samples cannot be selected or read.
    #[error(transparent)]
    Loader(Box<LoaderError>),
    /// The network, its weights, or an operation of it.
    #[error(transparent)]
    Model(Box<ModelError>),
    /// A picture of the run.
    #[error(transparent)]
    Report(Box<ChartError>),
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The device cannot be had.
    #[error("{0}")]
    Device(String),
    /// A class of the dataset that nothing is trained on.
    #[error(
        "class `{class}` has no sample among the {samples} of split {split} that are trained on, so it cannot be \
         learnt: take another {}, {}, {} or {}",
        option("split"),
        option("subset"),
        option("condition"),
        option("percent")
    )]
    MissingClass {
        /// Its name.
        class: String,
        /// The split.
        split: String,
        /// Samples that are trained on.
        samples: usize,
    },
    /// Samples that are trained on and validated on.
    #[error(
        "{samples} samples of split {split} are trained on and validated on, `{first}` for one: name others in \
         {} or {}, or take {}",
        option("subset"),
        option("val_subset"),
        option("holdout")
    )]
    Overlap {
        /// How many.
        samples: usize,
        /// The split.
        split: String,
        /// The first one.
        first: String,
    },
    /// More memory is needed than there may be.
    #[error(
        "a step needs about {needed_mb} MB, and {limit_mb} MB may be used: take a smaller {} (with {} the steps stay the \
         same), {}, a smaller {}, or raise {}",
        option("batch_size"), option("accumulate"), given("finetune", "head"), option("size"), option("memory_limit"),
        needed_mb = needed / 1_000_000,
        limit_mb = limit / 1_000_000
    )]
    Memory {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that may be used.
        limit: u64,
    },
    /// The system limits the address space of a process, and leaves too little of it.
    #[error(
        "the run needs about {needed_mb} MB of address space, its threads included, and the limit (`ulimit -v`) leaves \
         {left_mb} MB: raise it, or take fewer threads ({}, {}), a smaller {} or a smaller {}",
        option("threads"), option("workers"), option("batch_size"), option("size"),
        needed_mb = needed / 1_000_000,
        left_mb = left / 1_000_000
    )]
    AddressSpace {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are left.
        left: u64,
    },
    /// Another process works on the run.
    #[error(
        "{path}: another tcolz is training this run; wait for it, or take another {}", option("out"),
        path = path.display()
    )]
    Locked {
        /// The run's folder.
        path: PathBuf,
    },
    /// The run's folder was removed or renamed while it was written to.
    #[error(
        "{path}: this folder was removed, renamed or exchanged while tcolz was training in it; put it back, and the same \
         command goes on from its last checkpoint, or begins anew",
        path = path.display()
    )]
    FolderGone {
        /// The run's folder.
        path: PathBuf,
    },
    /// A folder that holds something else.
    #[error(
        "{path} holds something that is no run of tcolz: take another {}", option("out"), path = path.display()
    )]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A run that was begun with other options.
    #[error(
        "{path} was begun with {what} {found}, not {asked}: ask for the same to go on, take another {}, or begin anew \
         with {}",
        option("out"), switch("restart", true), path = path.display(), what = spelled(differs)
    )]
    OtherOptions {
        /// The run's folder.
        path: PathBuf,
        /// The option that differs, by its name in the run's `run.json`.
        differs: String,
        /// With what it was begun.
        found: String,
        /// What is asked for now.
        asked: String,
    },
    /// A file of a run that is not as it was written.
    #[error(
        "{path} is damaged: {reason}; best.safetensors beside it is not touched, and {} begins anew", switch("restart", true),
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// A row of a features cache that is not as it was written.
    #[error(
        "{path}: row {row} is not as it was written; the same command goes on and computes it anew",
        path = path.display()
    )]
    DamagedFeatures {
        /// The cache.
        path: PathBuf,
        /// Its row.
        row: u64,
    },
    /// A file of a run that another version wrote.
    #[error(
        "{path} was written by another version of tcolz: {reason}: go on with that version, or take another folder",
        path = path.display()
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// The model of a run that is gone or damaged, and of which nothing else is left.
    #[error(
        "{path}: {fault}. It was the model of epoch {best}; the run stands behind step {step}, so that it cannot be made \
         again: copy it back if there is a copy, or begin anew",
        path = path.display()
    )]
    BestLost {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
        /// The epoch whose model it was, from 1.
        best: u32,
        /// Steps that the run has done.
        step: u64,
    },
    /// The loss is no number any more, or a parameter is none.
    #[error(
        "{what} at step {step} with learning rate {learning_rate:e}: the run has diverged. {}{kept}", begin_anew(*lower)
    )]
    Diverged {
        /// What was found.
        what: String,
        /// Step of the run, from 1.
        step: u64,
        /// Its learning rate.
        learning_rate: f64,
        /// A base rate to try.
        lower: f64,
        /// What is left.
        kept: String,
    },
    /// The run was asked to stop.
    #[error("stopped in epoch {epoch} after step {step}; the same command goes on from there")]
    Interrupted {
        /// The epoch, from 1.
        epoch: u32,
        /// Steps that are done.
        step: u64,
    },
    /// The run was asked to stop while features were computed.
    #[error(
        "stopped after the features of {done} of {all} samples; the same command goes on from there"
    )]
    InterruptedFeatures {
        /// Samples whose features are in the cache.
        done: u64,
        /// Samples that are needed.
        all: u64,
    },
}

/// An option with its value, where that is to be named.
fn with_value(field: &'static str, value: Option<&str>) -> Spelled {
    value.map_or_else(|| option(field), |value| given(field, value))
}

/// What to do where the rate was too high.
pub(super) fn begin_anew(lower: f64) -> String {
    format!(
        "Begin anew with {} and a lower rate, {} ({} suggests one)",
        switch("restart", true),
        given("learning_rate", format!("{lower:e}")),
        option("find_learning_rate")
    )
}

impl From<candle_core::Error> for TrainError {
    fn from(error: candle_core::Error) -> TrainError {
        ModelError::from(error).into()
    }
}

impl TrainError {
    /// An option whose reason says all.
    pub(super) fn bad(option: &'static str, reason: impl Into<String>) -> TrainError {
        TrainError::BadOption { option, value: None, reason: reason.into() }
    }

    /// An option that is named with its value.
    pub(super) fn bad_value(
        option: &'static str,
        value: impl ToString,
        reason: impl Into<String>,
    ) -> TrainError {
        let value = Some(value.to_string());
        TrainError::BadOption { option, value, reason: reason.into() }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> TrainError + '_ {
        move |source| TrainError::Io { path: path.to_owned(), source }
    }
}

/// What this stage gives back.
pub(super) type Result<T> = std::result::Result<T, TrainError>;

/// Boxed: errors are handed through many functions, and these are large.
macro_rules! boxed {
    ($($variant:ident: $error:ty),+) => {$(
        impl From<$error> for TrainError {
            fn from(error: $error) -> TrainError {
                TrainError::$variant(Box::new(error))
            }
        }
    )+};
}

boxed!(Dataset: DatasetError, Loader: LoaderError, Model: ModelError, Report: ChartError);
