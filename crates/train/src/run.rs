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

use super::checkpoint::{ALL_DONE, Progress};
use super::error::{Result, TrainError};
use super::files::{CHECKPOINT_FILE, LAST_FOLDER, OURS, RUN_FILE, is_ours};
use super::identity::{Identity, RunForm};
use super::names::DATASET_OPTION;
use super::observer::TrainObserver;
use super::run_file::RunFile;
use tcolz_base::door::option;
use tcolz_base::durable;
use tcolz_base::durable::FolderLock;
use tcolz_format::dataset::dataset_around;

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

fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(TrainError::Io { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}
