//! A job: a piece of a study that is done whole or not at all, and its folder.
//!
//! A job is known by what it does: its id ends with a hash of everything that decides its result. Whoever changes a
//! study's file keeps what stays the same, and two entries that ask for the same thing share it. What is written last
//! holds the hashes of its other files, and its own: a document is tested when it is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::StudyError;
use super::cost::Measured;
use super::results::Document;
use tcolz_base::durable;
use tcolz_base::durable::TEMPORARY_PREFIX;
use tcolz_format::dataset::{DatasetError, seal, unseal};
use tcolz_loader::Select;
use tcolz_train::TrainOptions;
use tcolz_train::evaluate::Protocol;

/// Folder of the documents of jobs.
pub const RESULTS_FOLDER: &str = "results";
/// Folder of the runs of training.
pub const RUNS_FOLDER: &str = "runs";
/// Folder of the lists of samples that were drawn.
pub const LISTS_FOLDER: &str = "lists";
/// Folder of features of frozen backbones, which all runs share.
pub const FEATURES_FOLDER: &str = "features";
/// What a job writes last: it is done when this is there.
pub const JOB_FILE: &str = "job.json";

const JOB_FORMAT: &str = "tcolz-study-job-v2";
/// The format of 0.1.0, without hashes.
const OLD_JOB_FORMAT: &str = "tcolz-study-job-v1";

/// What is read of [`JOB_FILE`].
#[derive(Debug, Deserialize)]
struct JobFile {
    #[serde(default)]
    seconds: Option<f64>,
    /// BLAKE3 of the other files of the folder, by name.
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// A piece of a study.
#[derive(Debug, Clone)]
pub struct Job {
    /// What it is called: `train-mobilenet-v2-head-s0-1a2b3c4d`; also the name of its folder.
    pub id: String,
    /// What it does, in words.
    pub words: String,
    /// What it does.
    pub work: Work,
    /// Everything that decides its result.
    pub definition: Value,
}

/// What a job does.
#[derive(Debug, Clone)]
pub enum Work {
    /// Trains a model: `train.json`.
    Train {
        /// How.
        options: Box<TrainOptions>,
        /// The dataset's name in the study.
        dataset: String,
    },
    /// Evaluates a model: `evaluation.json`, `predictions.parquet`, pictures.
    Evaluate {
        /// Index of the job that trained it.
        train: usize,
        /// The dataset's name in the study.
        dataset: String,
        /// On which samples.
        select: Select,
        /// What is scored.
        protocol: Protocol,
    },
    /// Measures what inference costs: `cost.json`.
    Cost {
        /// Of which network; all that is fine-tuned of it shares the measurement.
        measured: Measured,
        /// On how many threads.
        threads: usize,
    },
    /// Looks at the labels of a dataset: `labels.json`.
    Labels {
        /// The dataset's name in the study.
        dataset: String,
    },
}

impl Work {
    /// The job's document.
    pub fn document(&self) -> &'static str {
        match self {
            Work::Train { .. } => "train.json",
            Work::Evaluate { .. } => "evaluation.json",
            Work::Cost { .. } => "cost.json",
            Work::Labels { .. } => "labels.json",
        }
    }

    /// Index of the job that has to be done before.
    pub fn needs(&self) -> Option<usize> {
        match self {
            Work::Evaluate { train, .. } => Some(*train),
            Work::Train { .. } | Work::Cost { .. } | Work::Labels { .. } => None,
        }
    }
}

impl Job {
    /// A job whose id begins with `prefix`.
    pub(super) fn new(prefix: &str, words: String, work: Work, definition: Value) -> Job {
        Job { id: Job::id(prefix, &definition), words, work, definition }
    }

    /// The id of the job that does this.
    pub(super) fn id(prefix: &str, definition: &Value) -> String {
        let hash = blake3::hash(definition.to_string().as_bytes()).to_hex();
        format!("{prefix}-{}", &hash[..8])
    }

    /// Its folder below that of the study.
    pub fn folder(&self, out: &Path) -> PathBuf {
        out.join(RESULTS_FOLDER).join(&self.id)
    }

    /// Whether it is done.
    pub fn is_done(&self, out: &Path) -> bool {
        self.folder(out).join(JOB_FILE).is_file()
    }

    /// Writes that it is done, what it left, and how many seconds it took.
    ///
    /// # Errors
    /// [`StudyError::Io`].
    pub(super) fn done(&self, out: &Path, seconds: f64) -> Result<(), StudyError> {
        let folder = self.folder(out);
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&folder).map_err(StudyError::io(&folder))? {
            let path = entry.map_err(StudyError::io(&folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() && name != JOB_FILE && !name.starts_with(TEMPORARY_PREFIX) {
                let (_, hash) = durable::hash(&path).map_err(StudyError::io(&path))?;
                files.insert(name, hash.to_string());
            }
        }
        let job = json!({
            "format": JOB_FORMAT, "job": self.id, "what": self.words,
            "tcolz_version": env!("CARGO_PKG_VERSION"), "definition": self.definition, "seconds": seconds,
            "files": files,
        });
        let path = folder.join(JOB_FILE);
        durable::write(&path, &seal(&job)).map_err(StudyError::io(&path))
    }

    /// What is wrong with the files of a job that is done.
    ///
    /// # Errors
    /// [`StudyError::Io`], [`StudyError::OtherVersion`]: neither says that anything is damaged.
    pub(super) fn fault(&self, out: &Path) -> Result<Option<String>, StudyError> {
        let job = match self.file(out) {
            Err(error @ StudyError::Damaged { .. }) => return Ok(Some(error.to_string())),
            job => job?,
        };
        let folder = self.folder(out);
        for (name, expected) in job.iter().flat_map(|job| &job.files) {
            let path = folder.join(name);
            match durable::hash(&path).map(|(_, hash)| hash.to_string()) {
                Ok(found) if found == *expected => {}
                Ok(found) => return Ok(Some(changed(&path, &found, expected))),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Ok(Some(format!("{}: it is gone", path.display())));
                }
                Err(error) => return Err(StudyError::io(&path)(error)),
            }
        }
        Ok(None)
    }

    /// The seconds that it took; `None` where it is not done, or was done by a version that did not write it down.
    pub(super) fn seconds(&self, out: &Path) -> Option<f64> {
        self.file(out).ok()??.seconds
    }

    /// What says that it is done, where it is.
    fn file(&self, out: &Path) -> Result<Option<JobFile>, StudyError> {
        let path = self.folder(out).join(JOB_FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(StudyError::io(&path))?,
        };
        let damaged = |reason| StudyError::Damaged { path: path.clone(), reason };
        let json: Value =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        // The format first: another one may say everything else differently.
        let is_old = match json["format"].as_str() {
            Some(OLD_JOB_FORMAT) => true,
            Some(JOB_FORMAT) => false,
            Some(other) => {
                let reason = format!("its format is `{other}`, expected `{JOB_FORMAT}`");
                return Err(StudyError::OtherVersion { path, reason });
            }
            None => return Err(damaged(format!("no format, expected `{JOB_FORMAT}`"))),
        };
        let json = match is_old {
            true => json,
            false => unseal(&text, &path).map_err(|error| match error {
                DatasetError::Checksum { found, expected, .. } => {
                    damaged(format!("it has the BLAKE3 {found}, expected {expected}"))
                }
                error => damaged(error.to_string()),
            })?,
        };
        let job: JobFile =
            serde_json::from_value(json).map_err(|error| damaged(error.to_string()))?;
        if !is_old && !job.files.contains_key(self.work.document()) {
            return Err(damaged(format!("no hash of {}", self.work.document())));
        }
        Ok(Some(job))
    }

    /// Forgets that it is done: what it found stays until it is done again.
    ///
    /// # Errors
    /// [`StudyError::Io`].
    pub(super) fn forget(&self, out: &Path) -> Result<(), StudyError> {
        let path = self.folder(out).join(JOB_FILE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StudyError::io(&path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Its document, where it is done.
    ///
    /// # Errors
    /// [`StudyError::Io`], [`StudyError::Damaged`].
    pub(super) fn read(&self, out: &Path) -> Result<Option<Document>, StudyError> {
        let Some(job) = self.file(out)? else { return Ok(None) };
        let name = self.work.document();
        let file = format!("{RESULTS_FOLDER}/{}/{name}", self.id);
        let path = out.join(&file);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let reason = format!("{name} is gone");
                return Err(StudyError::Damaged { path: self.folder(out), reason });
            }
            bytes => bytes.map_err(StudyError::io(&path))?,
        };
        let found = blake3::hash(&bytes).to_string();
        if let Some(expected) = job.files.get(name).filter(|expected| **expected != found) {
            let reason = changed(&path, &found, expected);
            return Err(StudyError::Damaged { path: self.folder(out), reason });
        }
        let json = serde_json::from_slice(&bytes);
        let json = json.map_err(|error| StudyError::Damaged { path, reason: error.to_string() })?;
        Ok(Some(Document { file, json }))
    }
}

fn changed(path: &Path, found: &str, expected: &str) -> String {
    format!("{} has the BLAKE3 {found}, expected {expected}", path.display())
}

/// Writes a document, whole or not at all.
pub(super) fn write_json(path: &Path, value: &Value) -> Result<(), StudyError> {
    if let Some(folder) = path.parent() {
        durable::create_folder(folder).map_err(StudyError::io(folder))?;
    }
    let text = format!("{value:#}\n");
    durable::write(path, text.as_bytes()).map_err(StudyError::io(path))
}
