//! What can go wrong between a dataset and a training loop.

use std::io;
use std::path::PathBuf;

use tcolz_base::door::{call, given, option};
use tcolz_format::dataset::DatasetError;
use tcolz_format::dataset::Receipt;
use tcolz_format::shard::ShardError;

/// The condition that leaves out samples without a label.
const LABELLED: &str = "'label >= 0'";

/// A selection, an order or a batch that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoaderError {
    /// The dataset or its ledger.
    #[error(transparent)]
    Dataset(Box<DatasetError>),
    /// A condition on ledger columns that cannot be understood.
    #[error("condition `{text}`, character {position}: {reason}")]
    Condition {
        /// The whole text.
        text: String,
        /// Where, counted in characters from 1.
        position: usize,
        /// What was expected and found.
        reason: String,
    },
    /// A condition that only inputs can meet of which nothing is stored.
    #[error(
        "condition `{text}`: nothing is stored of such inputs, so that there is no sample to read; list them with {}",
        call("bad_inputs", &[&dataset.display().to_string()], &[("condition", &quoted(text))])
    )]
    NotStored {
        /// The whole text.
        text: String,
        /// The dataset.
        dataset: PathBuf,
    },
    /// A percentage that cannot be taken.
    #[error(
        "`{text}` is no percentage of a dataset: expected a number above 0, at most 100, with at most three decimals: 10, 0.5"
    )]
    Percent {
        /// What was given.
        text: String,
    },
    /// The file of a subset cannot be read.
    #[error("{path}: {source}", path = path.display())]
    SubsetFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Lines of a subset's file name nothing in the dataset.
    #[error(
        "{path}, line {line}: the ledger has no sample `{found}` ({unknown} such lines); expected sample ids or list lines, as {} names them",
        call("find", &["DATASET", "ID"], &[]),
        path = path.display()
    )]
    SubsetLine {
        /// The file.
        path: PathBuf,
        /// The first such line, from 1.
        line: usize,
        /// What stands there.
        found: String,
        /// How many lines name nothing.
        unknown: usize,
    },
    /// Nothing is left to read.
    #[error(
        "no sample is left of split {split}: {counts}; ask for less with {}, {} or {}",
        option("subset"),
        option("condition"),
        option("percent")
    )]
    Nothing {
        /// The split.
        split: String,
        /// What each step left.
        counts: String,
    },
    /// A balanced order of samples without labels.
    #[error(
        "balanced-v1 needs labels, and {unlabelled} of {samples} samples have none; take shuffle-v1, or leave them out with {}",
        given("condition", LABELLED)
    )]
    Unlabelled {
        /// Samples without a label.
        unlabelled: usize,
        /// Samples of the selection.
        samples: usize,
    },
    /// More samples than an epoch can count.
    #[error("an epoch of {samples} samples is more than {most} and cannot be ordered", most = u32::MAX)]
    TooMany {
        /// Samples of the epoch.
        samples: u64,
    },
    /// A state that belongs to another dataset or to other options.
    #[error(
        "the state cannot be gone on from: its {what} is {found}, here it is {expected}; {hint}"
    )]
    OtherState {
        /// What differs.
        what: &'static str,
        /// What it is here.
        expected: String,
        /// What the state says.
        found: String,
        /// What to do.
        hint: &'static str,
    },
    /// States of ranks that are not those of one moment of one epoch.
    #[error("the states of the ranks cannot be merged: {reason}")]
    Ranks {
        /// Which ranks, and how they differ.
        reason: String,
    },
    /// Numbers that the stored ones cannot be turned into.
    #[error("{reason}")]
    View {
        /// What is stored, what was asked for, what to do.
        reason: String,
    },
    /// Options of a loader that cannot be kept.
    #[error("{option}: expected {expected}, found {found}")]
    Option {
        /// The option.
        option: &'static str,
        /// What it may be.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A tensor of labels has no number for a sample without one.
    #[error(
        "sample `{sample_id}` has no label, for which a tensor of classes has no number; leave such samples out with {}, or take the images alone",
        given("condition", LABELLED)
    )]
    NoLabel {
        /// The sample.
        sample_id: String,
    },
    /// A batch that the device does not take, or cannot compute with.
    #[error(
        "a batch could not be made tensors on the device: {source}; if its memory is full, ask for smaller batches"
    )]
    Device {
        /// What the tensor library said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A thread that fills batches could not be started, or came to a bad end.
    #[error("a loader thread failed at step {step}: {reason}")]
    Worker {
        /// Step of this rank, counted from where the epoch was gone on from.
        step: u64,
        /// What happened.
        reason: String,
    },
    /// The receipts of an epoch are not those of its order.
    #[error(
        "epoch {epoch}: the receipt of {position} samples should be {expected}, delivered and skipped add up to {found};          some were read twice or not at all, or states were not merged: begin the epoch anew"
    )]
    Receipts {
        /// The epoch.
        epoch: u32,
        /// Position up to which the receipt counts.
        position: u64,
        /// By the order and the ledger.
        expected: Receipt,
        /// By what was read.
        found: Receipt,
    },
    /// A shard, or a row of one.
    #[error(transparent)]
    Shard(Box<ShardError>),
}

impl From<DatasetError> for LoaderError {
    fn from(error: DatasetError) -> LoaderError {
        LoaderError::Dataset(Box::new(error))
    }
}

impl From<ShardError> for LoaderError {
    fn from(error: ShardError) -> LoaderError {
        LoaderError::Shard(Box::new(error))
    }
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}
