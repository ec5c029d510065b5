//! The folder of a run: who may write there, and what may already lie in it.
//!
//! ```text
//! runs/NAME/  run.json            what was asked for; written first, so that nothing else goes on with it
//!             last/checkpoint.safetensors   where the run stands, all in one file
//!             best.safetensors    the MODEL of the best epoch
//!             best-next.safetensors    that of an epoch whose checkpoint is not written yet
//!             log.csv  steps.csv  times.csv  resources.csv  curves.png  curves.svg
//!             seen.parquet        the photos that the model has seen
//!             trained.txt  holdout.txt      ids, where samples are held out
//!             features-….cache    features of a frozen backbone, unless they lie elsewhere
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::cache::CACHE_PREFIX;
use super::checkpoint::Progress;
use super::error::{Result, TrainError};
use super::fit::ALL_DONE;
use super::identity::{DATASET_OPTION, HOLDOUT_OPTION, Identity, RunForm};
use super::log::{LOG_FILE, STEPS_FILE, TIMES_FILE};
use super::observer::TrainObserver;
use super::options::{DEFAULT_RANDOM_LEARNING_RATE, TrainOptions};
use super::resources::RESOURCES_FILE;
use super::samples::{HOLDOUT_FILE, HOLDOUT_METHODS, TRAINED_FILE};
use tcolz_base::door::option;
use tcolz_base::durable;
use tcolz_base::durable::{FolderLock, TEMPORARY_PREFIX};
use tcolz_format::dataset::{SEEN_FILE, dataset_around};

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

#[derive(Debug, Serialize, Deserialize)]
struct RunFile {
    /// One of [`RunForm`]: how its options are called.
    format: String,
    tcolz_version: String,
    options: Map<String, Value>,
    /// Epochs that it was asked for before, where more were asked for once it had finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier_epochs: Vec<u32>,
}

/// Key of the BLAKE3 of all else in [`RUN_FILE`]; a file of 0.1.0 has none.
const HASH_KEY: &str = "blake3";

impl RunFile {
    fn of(identity: &Identity) -> RunFile {
        RunFile {
            format: identity.form().name().to_owned(),
            tcolz_version: env!("CARGO_PKG_VERSION").to_owned(),
            options: identity.written(),
            earlier_epochs: Vec::new(),
        }
    }

    fn read(path: &Path) -> Result<RunFile> {
        let text = fs::read(path).map_err(TrainError::io(path))?;
        let damaged = |reason: String| TrainError::Damaged { path: path.to_owned(), reason };
        let mut json: Map<String, Value> =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if let Some(expected) = json.remove(HASH_KEY) {
            let found = hash_of(&json);
            if expected != found {
                return Err(damaged(format!("it has the BLAKE3 {found}, expected {expected}")));
            }
        }
        let is_known = |format: &Value| RunForm::ALL.iter().any(|form| *format == form.name());
        if let Some(other) = json.get("format").filter(|format| !is_known(format)) {
            let reason = format!("its format is {other}, expected \"{}\"", RunForm::Fields.name());
            return Err(TrainError::OtherVersion { path: path.to_owned(), reason });
        }
        serde_json::from_value(json.into()).map_err(|error| damaged(error.to_string()))
    }

    /// How its options are called.
    fn form(&self) -> RunForm {
        RunForm::ALL.into_iter().find(|form| self.format == form.name()).unwrap_or_default()
    }

    /// Its options by their fields.
    fn fields(&self) -> Map<String, Value> {
        self.form().fields(&self.options)
    }

    fn write(&self, path: &Path) -> Result<()> {
        let mut json = json!(self);
        json[HASH_KEY] = hash_of(&json).into();
        let text = format!("{json:#}\n");
        durable::write(path, text.as_bytes()).map_err(TrainError::io(path))
    }
}

/// BLAKE3 of JSON without white space.
fn hash_of(json: &impl Serialize) -> String {
    blake3::hash(json!(json).to_string().as_bytes()).to_string()
}

/// The same options, with the rate that their run was begun with where it was the default of its time: such a run
/// goes on to the same bits.
pub(super) fn with_begun_rate(options: &TrainOptions) -> TrainOptions {
    let mut options = options.clone();
    if options.had_another_default_rate() && !options.restart {
        let run = RunFile::read(&options.out.join(RUN_FILE)).ok();
        let begun = run.and_then(|run| run.fields().get("learning_rate").and_then(Value::as_f64));
        options.learning_rate = begun.filter(|rate| *rate == DEFAULT_RANDOM_LEARNING_RATE);
    }
    options
}

/// Which of [`HOLDOUT_METHODS`] a run holds samples out by: the one that it was begun with.
pub(super) fn holdout_of(options: &TrainOptions) -> &'static str {
    let [first, last] = HOLDOUT_METHODS;
    match RunFile::read(&options.out.join(RUN_FILE)) {
        // Runs that were begun before there was another one have no word of it.
        Ok(run) if !options.restart && !run.fields().contains_key(HOLDOUT_OPTION) => first,
        _ => last,
    }
}

/// The folder of a run that this process alone may write to, as long as it is held.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    lock: FolderLock,
}

impl RunFolder {
    /// Takes hold of a folder, making it if need be. What it holds must be a run or nothing.
    ///
    /// # Errors
    /// [`TrainError::Locked`], [`TrainError::NotARun`], [`TrainError::Io`].
    pub(super) fn take(path: &Path) -> Result<RunFolder> {
        if let Some(dataset) = dataset_around(path).filter(|_| !path.join(RUN_FILE).exists()) {
            return Err(TrainError::Options(format!(
                "{} lies in the dataset {}: take another {}",
                path.display(),
                dataset.display(),
                option("out")
            )));
        }
        durable::create_folder(path).map_err(TrainError::io(path))?;
        let lock = FolderLock::take(path).map_err(TrainError::io(path))?;
        let lock = lock.ok_or_else(|| TrainError::Locked { path: path.to_owned() })?;
        for entry in fs::read_dir(path).map_err(TrainError::io(path))? {
            let name = entry.map_err(TrainError::io(path))?.file_name();
            if !is_ours(&name.to_string_lossy()) {
                return Err(TrainError::NotARun { path: path.to_owned() });
            }
        }
        durable::remove_leftovers(path).map_err(TrainError::io(path))?;
        Ok(RunFolder { path: path.to_owned(), lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Tests that the folder still has its name: else another run may be written over.
    ///
    /// # Errors
    /// [`TrainError::FolderGone`].
    pub(super) fn check(&self) -> Result<()> {
        match self.lock.still_named(&self.path).map_err(TrainError::io(&self.path))? {
            true => Ok(()),
            false => Err(TrainError::FolderGone { path: self.path.clone() }),
        }
    }

    /// What a failure comes from: the folder, where it is gone, and not the file in it that could not be written.
    pub(super) fn cause(&self, error: TrainError) -> TrainError {
        match self.check() {
            Err(gone @ TrainError::FolderGone { .. }) => gone,
            _ => error,
        }
    }

    /// Where the checkpoint lies.
    pub(super) fn checkpoint(&self) -> PathBuf {
        self.path.join(LAST_FOLDER).join(CHECKPOINT_FILE)
    }

    /// Tests that what was begun here is what is asked for, or begins it. With `restart` it is begun anew;
    /// features are kept, as their names say what they are of.
    ///
    /// # Errors
    /// [`TrainError::OtherOptions`], [`TrainError::Damaged`], [`TrainError::Io`]; [`TrainError::Options`] for more epochs
    /// than those behind which nothing became better.
    pub(super) fn begin(
        &self,
        identity: &Identity,
        restart: bool,
        progress: Option<&Progress>,
        observer: &mut dyn TrainObserver,
    ) -> Result<()> {
        let path = self.path.join(RUN_FILE);
        if restart {
            self.empty()?;
        } else {
            let checked = match path.try_exists().map_err(TrainError::io(&path))? {
                true => self.check_options(identity, &path, progress),
                false if !self.checkpoint().exists() => Ok(false),
                false => {
                    let reason = "it is gone".to_owned();
                    Err(TrainError::Damaged { path: path.clone(), reason })
                }
            };
            match checked {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                // Its checkpoint says the same.
                Err(TrainError::Damaged { reason, .. })
                    if progress.is_some_and(|progress| progress.options == identity.hash()) =>
                {
                    let path = path.display();
                    observer.warning(&format!("{path}: {reason}: it is made again"));
                }
                Err(error) => return Err(error),
            }
        }
        let last = self.path.join(LAST_FOLDER);
        durable::create_folder(&last).map_err(TrainError::io(&last))?;
        RunFile::of(identity).write(&path)
    }

    /// The same in the form that the run in this folder was begun in: it goes on in it, as its checkpoint holds the hash
    /// of what it says. Where its [`RUN_FILE`] is gone or damaged, the checkpoint decides.
    pub(super) fn in_form_begun(
        &self,
        identity: Identity,
        progress: Option<&Progress>,
    ) -> Identity {
        let form = RunFile::read(&self.path.join(RUN_FILE)).map(|run| run.form());
        let is_of = |form: &RunForm| {
            let hash = identity.in_form(*form).hash();
            progress.is_some_and(|progress| progress.options == hash)
        };
        let form = form.ok().or_else(|| RunForm::ALL.into_iter().find(is_of));
        identity.in_form(form.unwrap_or_default())
    }

    /// Whether a checkpoint with the hash `options` is of this run, made when fewer epochs were asked for.
    pub(super) fn had_fewer_epochs(&self, identity: &Identity, options: &str) -> bool {
        let run = RunFile::read(&self.path.join(RUN_FILE)).ok();
        let mut earlier = run.into_iter().flat_map(|run| run.earlier_epochs);
        earlier.any(|epochs| identity.with_epochs(epochs).hash() == options)
    }

    /// Tests that the run is the one that is asked for; true.
    fn check_options(
        &self,
        identity: &Identity,
        path: &Path,
        progress: Option<&Progress>,
    ) -> Result<bool> {
        let mut run = RunFile::read(path)?;
        let last = self.path.join(LAST_FOLDER);
        durable::create_folder(&last).map_err(TrainError::io(&last))?;
        durable::remove_leftovers(&last).map_err(TrainError::io(&last))?;
        let finished = progress.and_then(|progress| progress.finished.as_ref().zip(Some(progress)));
        if let (Some(earlier), Some((ending, progress))) =
            (identity.fewer_epochs(&run.fields()), finished)
        {
            if ending != ALL_DONE {
                return Err(TrainError::Options(format!(
                    "{}: the run ended after epoch {}, because {ending}: with more {} it would end there, too; a \
                     larger {} takes another {}",
                    self.path.display(),
                    progress.epoch,
                    option("epochs"),
                    option("patience"),
                    option("out")
                )));
            }
            run.earlier_epochs.push(earlier);
            run.options = identity.written();
            return run.write(path).map(|()| true);
        }
        match identity.difference(&run.fields()) {
            None => Ok(true),
            Some((differs, found, asked)) if differs == DATASET_OPTION => {
                Err(TrainError::Options(format!(
                    "{} holds a run on another dataset (it has the {found}, this one the {asked}): take another {}",
                    self.path.display(),
                    option("out")
                )))
            }
            Some((differs, found, asked)) => {
                Err(TrainError::OtherOptions { path: self.path.clone(), differs, found, asked })
            }
        }
    }

    /// Removes what a run wrote, and nothing else: its checkpoint first, run.json last.
    fn empty(&self) -> Result<()> {
        let checkpoint = self.checkpoint();
        remove_if_there(&checkpoint)?;
        let last = self.path.join(LAST_FOLDER);
        if last.is_dir() {
            durable::remove_leftovers(&last).map_err(TrainError::io(&last))?;
            fs::remove_dir(&last).map_err(TrainError::io(&last))?;
        }
        let mut files = OURS.iter().filter(|&&name| name != RUN_FILE && name != LAST_FOLDER);
        files.try_for_each(|name| remove_if_there(&self.path.join(name)))?;
        remove_if_there(&self.path.join(RUN_FILE))?;
        durable::sync_folder(&self.path).map_err(TrainError::io(&self.path))
    }
}

const OURS: [&str; 15] = [
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

fn is_ours(name: &str) -> bool {
    OURS.contains(&name) || name.starts_with(CACHE_PREFIX) || name.starts_with(TEMPORARY_PREFIX)
}

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(TrainError::Io { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Finetune;
    use super::*;
    use tcolz_nn::Network;

    #[test]
    fn a_run_of_vgg19_that_was_begun_with_the_old_default_rate_goes_on_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = TrainOptions::new("d", Network::Vgg19, folder.path().join("run"));
        options.finetune = Finetune::All;
        let rate = |options: &TrainOptions| with_begun_rate(options).base_rate();
        assert_eq!(rate(&options), 0.01, "nothing is there");
        fs::create_dir(&options.out).unwrap();
        let written = |form, rate: f64| {
            let fields = [("learning_rate".to_owned(), json!(rate))];
            let identity = Identity::made(Map::from_iter(fields), form);
            RunFile::of(&identity).write(&options.out.join(RUN_FILE)).unwrap();
        };
        let begun = |rate: f64| written(RunForm::Fields, rate);
        written(RunForm::Flags, 0.05);
        assert_eq!(rate(&options), 0.05);
        begun(0.05);
        assert_eq!(rate(&options), 0.05);
        assert_eq!(rate(&TrainOptions { restart: true, ..options.clone() }), 0.01);
        assert_eq!(rate(&TrainOptions { learning_rate: Some(0.5), ..options.clone() }), 0.5);
        // What was asked for is not taken for a default.
        begun(0.3);
        assert_eq!(rate(&options), 0.01);
    }
}
