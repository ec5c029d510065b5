//! Names of the files in a run's folder.

use tcolz_base::durable::TEMPORARY_PREFIX;
use tcolz_format::dataset::SEEN_FILE;

/// What a run was asked for.
pub const RUN_FILE: &str = "run.json";
/// The model of the best epoch.
pub const BEST_FILE: &str = "best.safetensors";
/// The model of an epoch that is the best, until the checkpoint counts on it.
pub(super) const NEXT_BEST_FILE: &str = "best-next.safetensors";
/// The folder of the checkpoint.
pub const LAST_FOLDER: &str = "last";
/// The checkpoint, below [`LAST_FOLDER`].
pub const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
/// Pictures of the run.
pub const CURVES_FILES: [&str; 2] = ["curves.png", "curves.svg"];
/// What the learning-rate finder writes.
pub const FINDER_FILES: [&str; 2] = ["lr-finder.csv", "lr-finder.png"];
/// Name of the file with a row for each epoch.
pub const LOG_FILE: &str = "log.csv";
/// Name of the file with a row for each step.
pub const STEPS_FILE: &str = "steps.csv";
/// Name of the file that says how long each epoch took.
pub const TIMES_FILE: &str = "times.csv";
/// What the run uses, once a second.
pub const RESOURCES_FILE: &str = "resources.csv";
/// In the run's folder: ids of the samples that are held out: a subset that the model can be evaluated on.
pub const HOLDOUT_FILE: &str = "holdout.txt";
/// In the run's folder: ids of the others, which are trained on.
pub const TRAINED_FILE: &str = "trained.txt";
/// How the names of files of features begin.
pub(super) const CACHE_PREFIX: &str = "features-";

/// Everything that a run writes under one name.
pub(super) const OURS: [&str; 15] = [
    RUN_FILE,
    BEST_FILE,
    NEXT_BEST_FILE,
    LAST_FOLDER,
    CURVES_FILES[0],
    CURVES_FILES[1],
    FINDER_FILES[0],
    FINDER_FILES[1],
    LOG_FILE,
    STEPS_FILE,
    TIMES_FILE,
    RESOURCES_FILE,
    HOLDOUT_FILE,
    TRAINED_FILE,
    SEEN_FILE,
];

/// Whether a name is one that a run gives.
pub(super) fn is_ours(name: &str) -> bool {
    OURS.contains(&name) || name.starts_with(CACHE_PREFIX) || name.starts_with(TEMPORARY_PREFIX)
}
