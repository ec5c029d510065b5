//! Where a run stands: everything that is needed to go on to the same bits, in one safetensors file.
//!
//! ```text
//! parameter.KEY   what is trained, and stored mean and variance where they move
//! momentum.KEY    the optimiser's
//! __metadata__ { "tcolz-checkpoint": JSON of Progress, "tcolz-blake3": hash of JSON and tensors }
//! ```
//! The file has its name when all of it is on the disk. Its JSON holds hashes of the run's other files.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::error::{Result, TrainError};
use super::features::FeatureUse;
use super::learner::Tensors;
use super::log::EpochRow;
use super::loss_scale::LossScale;
use super::rows::{Mark, Marks};
use tcolz_loader::State;
use tcolz_nn::file::ModelFacts;
use tcolz_nn::weights::seal::{SEAL_KEY, hash_tensor, seal_fault};
use tcolz_nn::weights::tensor_file;

const FORMAT: &str = "tcolz-checkpoint-v1";
const KEY: &str = "tcolz-checkpoint";
const PARAMETER: &str = "parameter.";
const MOMENTUM: &str = "momentum.";

/// How a run ends that did all that it was asked for.
pub(super) const ALL_DONE: &str = "all epochs are done";

/// Where a run stands, beside its tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    format: String,
    tcolz_version: String,
    /// Hash of the options.
    pub(super) options: String,
    /// Network, view, recipe, class names.
    pub(super) facts: ModelFacts,
    /// The epoch that is trained, from 0; all of them: the run is over.
    pub(super) epoch: u32,
    /// Steps done: with the options, the position of the schedule.
    pub(super) step: u64,
    /// Where the loader stands in the epoch, receipts included.
    pub(super) loader: State,
    /// Of the epoch so far.
    pub(super) sums: Sums,
    /// Epochs that are done.
    pub(super) rows: Vec<EpochRow>,
    /// Why the run ended, where it did.
    pub(super) finished: Option<String>,
    /// Seconds spent so far.
    pub(super) seconds: f64,
    /// Of these, those in which features of a frozen backbone were computed.
    #[serde(default)]
    pub(super) feature_seconds: f64,
    /// Whose features it computed and whose it found; `None`: begun by a version that did not write it down.
    #[serde(default)]
    pub(super) features: Option<FeatureUse>,
    /// BLAKE3 of `best.safetensors`; `None` before the first epoch is done, or of a version that did not write it down.
    #[serde(default)]
    pub(super) best_file: Option<String>,
    /// How far the files go that are appended to, by name; none of a version that did not write it down.
    #[serde(default)]
    pub(super) marks: Marks,
    /// The factor of losses in float16; none in other precisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) loss_scale: Option<LossScale>,
    /// BLAKE3 of the tensors, by a version that did not hash the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tensors: Option<String>,
}

/// What an epoch's batches came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    /// Of losses, each times its weight.
    pub(super) loss: f64,
    pub(super) weight: f64,
    pub(super) right: u64,
    pub(super) samples: u64,
    /// Learning rate of the last step.
    pub(super) learning_rate: f64,
}

impl Sums {
    pub(super) fn mean_loss(&self) -> f64 {
        self.loss / self.weight
    }

    pub(super) fn accuracy(&self) -> f64 {
        self.right as f64 / self.samples as f64
    }
}

impl Progress {
    pub(super) fn begin(options: String, facts: ModelFacts, loader: State) -> Progress {
        Progress {
            format: FORMAT.to_owned(),
            tcolz_version: env!("CARGO_PKG_VERSION").to_owned(),
            options,
            facts,
            epoch: 0,
            step: 0,
            loader,
            sums: Sums::default(),
            rows: Vec::new(),
            finished: None,
            seconds: 0.0,
            feature_seconds: 0.0,
            features: None,
            best_file: None,
            marks: Marks::new(),
            loss_scale: None,
            tensors: None,
        }
    }

    /// Writes down how far a file goes.
    pub(super) fn mark(&mut self, name: &str, mark: Mark) {
        self.marks.insert(name.to_owned(), mark);
    }

    /// The best epoch so far.
    pub(super) fn best(&self) -> Option<&EpochRow> {
        self.rows.iter().rfind(|row| row.best)
    }
}

/// Writes a checkpoint, whole or not at all.
///
/// # Errors
/// [`TrainError::Diverged`] when a number is none: the checkpoint before it is kept; when the disk refuses.
pub(super) fn save(path: &Path, progress: &mut Progress, tensors: &Tensors) -> Result<()> {
    let named = |prefix: &'static str, tensors: &HashMap<String, Tensor>| {
        let tensors = tensors.iter();
        let named = tensors.map(move |(key, tensor)| (format!("{prefix}{key}"), tensor.clone()));
        named.collect::<Vec<_>>()
    };
    let mut all = named(PARAMETER, &tensors.parameters);
    all.extend(named(MOMENTUM, &tensors.momentum));
    let all: BTreeMap<String, Tensor> = all.into_iter().collect();
    progress.tensors = None;
    let json = serde_json::to_string(progress)
        .map_err(|error| TrainError::Io { path: path.to_owned(), source: error.into() })?;
    let by_key = all.iter().map(|(key, tensor)| (key.as_str(), tensor)).collect();
    let file = tensor_file::Sealed::new(path, (KEY, json), &by_key)?;
    if let Some(key) = file.not_finite {
        return Err(TrainError::Diverged {
            what: format!("`{key}` holds a number that is not finite"),
            step: progress.step,
            learning_rate: progress.sums.learning_rate,
            lower: progress.sums.learning_rate,
            kept: String::new(),
        });
    }
    Ok(file.write()?)
}

/// Reads a checkpoint; `None` where there is none.
///
/// # Errors
/// [`TrainError::Damaged`].
pub(super) fn load(path: &Path) -> Result<Option<(Progress, Tensors)>> {
    if !path.try_exists().map_err(TrainError::io(path))? {
        return Ok(None);
    }
    let damaged = |reason: String| TrainError::Damaged { path: path.to_owned(), reason };
    let mut reader = tensor_file::Reader::open(path).map_err(|error| damaged(error.to_string()))?;
    let metadata = reader.metadata();
    let json = metadata.get(KEY).ok_or_else(|| damaged(format!("its metadata has no `{KEY}`")))?;
    let mut all = BTreeMap::new();
    for (key, stored) in reader.stored() {
        let values = reader.read(&key).map_err(|error| damaged(error.to_string()))?;
        all.insert(key, Tensor::from_vec(values, stored.shape, &Device::Cpu)?);
    }
    let by_key = all.iter().map(|(key, tensor)| (key.as_str(), tensor)).collect();
    if let Some(fault) = seal_fault(&metadata, json, &by_key)? {
        return Err(damaged(fault));
    }
    let is_sealed = metadata.contains_key(SEAL_KEY);
    // What is as it was written, and cannot be read, has more to say than is known here.
    let unread = |reason: String| match is_sealed {
        true => TrainError::OtherVersion { path: path.to_owned(), reason },
        false => damaged(reason),
    };
    let progress: Progress =
        serde_json::from_str(json).map_err(|error| unread(error.to_string()))?;
    if progress.format != FORMAT {
        let found = &progress.format;
        return Err(unread(format!("its format is `{found}`, expected `{FORMAT}`")));
    }
    match &progress.tensors {
        Some(expected) => {
            let found = hash_of(&by_key)?;
            if found != *expected {
                let reason = format!("its tensors have the hash {found}, expected {expected}");
                return Err(damaged(reason));
            }
        }
        None if !is_sealed => return Err(damaged(format!("it has no `{SEAL_KEY}`"))),
        None => {}
    }
    let mut tensors = Tensors::default();
    for (key, tensor) in all {
        if let Some(key) = key.strip_prefix(PARAMETER) {
            tensors.parameters.insert(key.to_owned(), tensor);
        } else if let Some(key) = key.strip_prefix(MOMENTUM) {
            tensors.momentum.insert(key.to_owned(), tensor);
        }
    }
    Ok(Some((progress, tensors)))
}

/// BLAKE3 of tensors in the order of their keys.
fn hash_of(tensors: &BTreeMap<&str, &Tensor>) -> Result<String> {
    let mut hash = blake3::Hasher::new();
    for (key, tensor) in tensors {
        hash_tensor(&mut hash, key, tensor)?;
    }
    Ok(hash.finalize().to_string())
}
