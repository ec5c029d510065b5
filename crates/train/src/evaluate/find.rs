//! Where the model of a run is, or how one is made when there is none.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::EvaluateError;
use crate::RUN_FILE;
use tcolz_base::door::call;
use tcolz_format::dataset::{DATASET_FILE, JOURNAL_FOLDER};
use tcolz_nn::{Model, ModelError};
use tcolz_pixels::file_kind::{FIRST_BYTES, FileKind};

/// The best model of a run, in its folder.
const BEST_MODEL: &str = "best.safetensors";

/// Whether a file begins as a picture does.
fn is_picture(path: &Path) -> bool {
    let mut first = Vec::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(FIRST_BYTES as u64).read_to_end(&mut first));
    read.is_ok() && FileKind::of(&first).is_some_and(FileKind::is_picture)
}

/// Whether a folder is a dataset, or one that is being made.
fn is_dataset(path: &Path) -> bool {
    path.join(DATASET_FILE).exists() || path.join(JOURNAL_FOLDER).exists()
}

/// Opens the model `path`: its file, or the folder of the run that made it. `dataset` is only what errors say.
///
/// # Errors
/// [`EvaluateError::Swapped`], [`EvaluateError::NotAModel`] for a dataset; [`EvaluateError::PictureForModel`];
/// [`EvaluateError::NoModel`], with the call that makes one; as [`Model::open`].
pub fn find_model(path: &Path, dataset: &Path) -> Result<(PathBuf, Model), EvaluateError> {
    if is_dataset(path) {
        // The arguments are easily swapped.
        let swapped = dataset.join(BEST_MODEL).exists() || Model::open(dataset).is_ok();
        return Err(match swapped {
            true => EvaluateError::Swapped { dataset: path.to_owned(), model: dataset.to_owned() },
            false => EvaluateError::NotAModel { path: path.to_owned() },
        });
    }
    if is_picture(path) {
        return Err(EvaluateError::PictureForModel { path: path.to_owned() });
    }
    // Nobody is told to write over what lies there.
    let is_free = |out: &Path| !out.exists() || out.join(RUN_FILE).exists();
    let no_model = |found: &str, weights: &str, out: &Path| {
        let out = if is_free(out) { out } else { Path::new("runs/NAME") };
        let (dataset, out) = (dataset.display().to_string(), out.display().to_string());
        let options = [("network", "mobilenet-v2"), ("weights", weights), ("out", &*out)];
        let (path, found) = (path.to_owned(), found.to_owned());
        EvaluateError::NoModel { path, found, call: call("train", &[&dataset], &options) }
    };
    let file = if path.is_dir() { path.join(BEST_MODEL) } else { path.to_owned() };
    if !file.exists() {
        let folder = match path.file_name() {
            Some(name) if name == BEST_MODEL => path.parent().unwrap_or(path),
            _ => path,
        };
        let found = match (path.is_dir(), folder.join("last").exists()) {
            (_, true) => "the run in this folder has not saved its best model yet",
            (true, false) => "a folder without best.safetensors",
            (false, false) => "nothing is there",
        };
        return Err(no_model(found, "FILE", folder));
    }
    match Model::open(&file) {
        // Weights that others made: what training begins with.
        Err(ModelError::File { reason, .. }) if reason.starts_with("not a model of tcolz") => {
            let weights = file.display().to_string();
            Err(no_model("weights that were not trained here", &weights, Path::new("runs/NAME")))
        }
        opened => Ok((file, opened?)),
    }
}
