//! `best.safetensors`: saved when an epoch is the best, put in place when the checkpoint counts on it, tested when a run
//! goes on, and made again where it can be.
//!
//! Until the checkpoint is written the model has another name. So the checkpoint's best model is there, whatever the
//! epoch comes to when it is trained again after a kill.

use std::fs;
use std::io;
use std::path::Path;

use super::checkpoint::Progress;
use super::error::{Result, TrainError};
use super::files::{BEST_FILE, NEXT_BEST_FILE};
use super::learner::Learner;
use super::log::EpochRow;
use super::observer::TrainObserver;
use super::run::RunFolder;
use super::setup::Setup;
use tcolz_base::durable;
use tcolz_nn::file::{Model, ModelFacts, Validation};

/// Saves the model as it is now, that of the best epoch, to be [put in place](publish). Gives the file's BLAKE3.
pub(super) fn save(
    setup: &Setup,
    folder: &RunFolder,
    learner: &Learner,
    row: &EpochRow,
) -> Result<String> {
    folder.check()?;
    let mut facts = setup.facts();
    facts.epochs = Some(row.epoch);
    facts.validation = row.validation.map(|found| Validation {
        loss: found.loss,
        accuracy: found.accuracy,
        samples: found.samples,
    });
    let mut tensors = setup.weights.clone();
    tensors.extend(learner.parameters()?);
    Ok(Model { facts, tensors }.save(&folder.path().join(NEXT_BEST_FILE))?)
}

/// Gives the model that was saved the name `best.safetensors`.
pub(super) fn publish(folder: &RunFolder) -> Result<()> {
    folder.check()?;
    let best = folder.path().join(BEST_FILE);
    fs::rename(folder.path().join(NEXT_BEST_FILE), &best)
        .and_then(|()| durable::sync_folder(folder.path()))
        .map_err(TrainError::io(&best))
}

/// What is wrong with the model of a run that stands where `progress` says.
///
/// # Errors
/// When the disk refuses.
pub(super) fn fault(folder: &RunFolder, progress: &Progress) -> Result<Option<String>> {
    let Some(best) = progress.best() else { return Ok(None) };
    let path = folder.path().join(BEST_FILE);
    let Some(expected) = &progress.best_file else {
        // 0.1.0 wrote no hash down, and the model before the checkpoint.
        let is_ours = Model::open(&path).is_ok_and(|model| {
            let is_known = |epoch| epoch > progress.epoch || epoch == best.epoch;
            model.facts.epochs.is_some_and(is_known) && is_of_run(&model.facts, &progress.facts)
        });
        return Ok((!is_ours).then(|| format!("it is not the model of epoch {}", best.epoch)));
    };
    // A kill may have come between the checkpoint and the new name.
    if hash_of(&folder.path().join(NEXT_BEST_FILE))?.as_ref() == Some(expected) {
        publish(folder)?;
    }
    Ok(match hash_of(&path)? {
        None => Some("it is gone".to_owned()),
        Some(found) if found == *expected => None,
        Some(found) => Some(format!("it has the BLAKE3 {found}, expected {expected}")),
    })
}

/// Whether a model can be of the run whose checkpoint has these facts.
fn is_of_run(model: &ModelFacts, run: &ModelFacts) -> bool {
    let ModelFacts { epochs, validation, .. } = *model;
    *model == ModelFacts { epochs, validation, ..run.clone() }
}

/// BLAKE3 of a file; `None` where it is gone.
fn hash_of(path: &Path) -> Result<Option<String>> {
    match durable::hash(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        hash => Ok(Some(hash.map_err(TrainError::io(path))?.1.to_string())),
    }
}

/// Makes the model of a run again, whose learner stands where the checkpoint does.
///
/// # Errors
/// [`TrainError::BestLost`] where its parameters have moved on.
pub(super) fn make_again(
    setup: &Setup,
    folder: &RunFolder,
    learner: &Learner,
    progress: &mut Progress,
    fault: String,
    observer: &mut dyn TrainObserver,
) -> Result<()> {
    let path = folder.path().join(BEST_FILE);
    let Some(best) = progress.best().copied() else { return Ok(()) };
    let said = format!("{}: {fault}", path.display());
    if best.step == progress.step {
        progress.best_file = Some(save(setup, folder, learner, &best)?);
        publish(folder)?;
        observer.warning(&format!("{said}: it is made again from the checkpoint"));
        return Ok(());
    }
    if best.validation.is_none() && progress.finished.is_none() {
        observer.warning(&format!("{said}: the next epoch writes it again"));
        return Ok(());
    }
    Err(TrainError::BestLost { path, fault, best: best.epoch, step: progress.step })
}
