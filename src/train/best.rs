//! `best.safetensors`: written when an epoch is the best, tested when a run goes on, and made again where it can be.

use std::fs;
use std::io;

use super::checkpoint::Progress;
use super::error::{Result, TrainError};
use super::learner::Learner;
use super::log::EpochRow;
use super::observer::TrainObserver;
use super::run::{BEST_FILE, RunFolder};
use super::setup::Setup;
use crate::model::file::{Model, Validation};

/// Writes the model as it is now, that of the best epoch. Gives the file's BLAKE3.
pub(super) fn save(
    setup: &Setup,
    folder: &RunFolder,
    learner: &Learner,
    row: &EpochRow,
) -> Result<String> {
    let mut facts = setup.facts();
    facts.epochs = Some(row.epoch);
    facts.validation = row.validation.map(|found| Validation {
        loss: found.loss,
        accuracy: found.accuracy,
        samples: found.samples,
    });
    let mut tensors = setup.weights.clone();
    tensors.extend(learner.parameters()?);
    Ok(Model { facts, tensors }.save(&folder.path().join(BEST_FILE))?)
}

/// What is wrong with the model of a run that stands where `progress` says.
///
/// # Errors
/// When the disk refuses.
pub(super) fn fault(folder: &RunFolder, progress: &Progress) -> Result<Option<String>> {
    let Some(best) = progress.best() else { return Ok(None) };
    let path = folder.path().join(BEST_FILE);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some("it is gone".to_owned()));
        }
        bytes => bytes.map_err(TrainError::io(&path))?,
    };
    let found = blake3::hash(&bytes).to_string();
    if progress.best_file.as_ref() == Some(&found) {
        return Ok(None);
    }
    // One of a later epoch was written before a kill and is written again. Earlier versions wrote no hash down.
    let is_known = |epoch: u32| {
        epoch > progress.epoch || (progress.best_file.is_none() && epoch == best.epoch)
    };
    let is_ours = Model::open(&path).is_ok_and(|model| model.facts.epochs.is_some_and(is_known));
    Ok((!is_ours).then(|| match &progress.best_file {
        Some(expected) => format!("it has the BLAKE3 {found}, expected {expected}"),
        None => format!("it is not the model of epoch {}", best.epoch),
    }))
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
        observer.warning(&format!("{said}: it is made again from the checkpoint"));
        return Ok(());
    }
    if best.validation.is_none() && progress.finished.is_none() {
        observer.warning(&format!("{said}: the next epoch writes it again"));
        return Ok(());
    }
    Err(TrainError::BestLost { path, fault, best: best.epoch, step: progress.step })
}
