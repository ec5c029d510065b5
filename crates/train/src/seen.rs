//! The photos that the model of a run has seen: recorded in the run's folder, read by whoever evaluates the model.

use std::path::Path;
use std::sync::Arc;

use super::error::Result;
use super::observer::TrainObserver;
use super::options::TrainOptions;
use super::run_file::holdout_of;
use super::samples::Samples;
use super::setup::Setup;
use tcolz_format::dataset::{Dataset, DatasetError, SEEN_FILE, SeenPhotos};
use tcolz_nn::file::ModelFacts;

/// Why it is not known what a model has seen.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SeenUnknown {
    /// An earlier version wrote the model.
    #[error("it was written before models recorded which photos they have seen")]
    NotRecorded,
    /// The model lies without its record.
    #[error("{SEEN_FILE} of its run does not lie beside it (copy it along with the model)")]
    NoRecord,
    /// The record cannot be read, or is that of another model.
    #[error(transparent)]
    Record(Arc<DatasetError>),
}

/// What a model in the file `model` has seen. Its record lies beside it.
///
/// # Errors
/// [`SeenUnknown`]
pub fn seen_by(model: &Path, facts: &ModelFacts) -> std::result::Result<SeenPhotos, SeenUnknown> {
    let Some(hash) = &facts.seen else { return Err(SeenUnknown::NotRecorded) };
    // A link to a model has seen what the model has.
    let real = model.canonicalize();
    let beside = real.iter().map(|real| real.with_file_name(SEEN_FILE));
    let path = model.with_file_name(SEEN_FILE);
    let path = beside.into_iter().find(|_| !path.exists()).unwrap_or(path);
    if !path.exists() {
        return Err(SeenUnknown::NoRecord);
    }
    SeenPhotos::read(&path, hash).map_err(|error| SeenUnknown::Record(Arc::new(error)))
}

/// What a model has seen that is trained on a dataset with these options, but for what its weights have seen before.
///
/// # Errors
/// As [`train`](super::train), of the samples.
pub fn samples_seen(dataset: &Dataset, options: &TrainOptions) -> Result<SeenPhotos> {
    Ok(Samples::of(dataset, options, holdout_of(options))?.seen())
}

/// What the model of a run will have seen: its samples, and what the model had seen that it begins with.
pub(super) fn photos(setup: &Setup) -> SeenPhotos {
    let own = setup.samples.seen();
    let Some(weights) = &setup.options.weights else { return own };
    // Weights that others made have seen other photos.
    let Some(facts) = ModelFacts::of_file(weights) else { return own };
    match seen_by(weights, &facts) {
        Ok(earlier) => own.with_earlier(&earlier),
        Err(reason) => {
            let name = weights.file_name().unwrap_or_default().to_string_lossy();
            own.with_unknown(format!(
                "it began with {name}, and what that has seen is not known: {reason}"
            ))
        }
    }
}

/// Writes the record into the run's folder. A run that goes on keeps the one that was begun with, which its models
/// name.
pub(super) fn record(
    setup: &mut Setup,
    folder: &Path,
    begun: Option<&str>,
    observer: &mut dyn TrainObserver,
) -> Result<()> {
    let path = folder.join(SEEN_FILE);
    let there = begun.map(|hash| SeenPhotos::read(&path, hash).map(|_| hash));
    setup.seen = Some(match there {
        Some(Ok(hash)) => hash.to_owned(),
        Some(Err(error)) => {
            observer.warning(&format!("{error}: it is made again"));
            photos(setup).write(&path)?
        }
        None => photos(setup).write(&path)?,
    });
    Ok(())
}
