//! What can be wrong with a study.

use std::io;
use std::path::{Path, PathBuf};

use super::fault::Fault;
use tcolz_base::door::option;
use tcolz_format::dataset::DatasetError;
use tcolz_loader::LoaderError;
use tcolz_nn::ModelError;
use tcolz_train::TrainError;
use tcolz_train::evaluate::EvaluateError;

/// A study that cannot be made, or a job of it that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The study's file.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// What the study's file asks for cannot be had. All of it is found before the first job.
    #[error("{}", listed(path, faults))]
    Faults {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        faults: Vec<Fault>,
    },
    /// A dataset cannot be read.
    #[error(transparent)]
    Dataset(Box<DatasetError>),
    /// Samples cannot be selected or read.
    #[error(transparent)]
    Loader(Box<LoaderError>),
    /// A training.
    #[error(transparent)]
    Train(Box<TrainError>),
    /// An evaluation.
    #[error(transparent)]
    Evaluate(Box<EvaluateError>),
    /// A model.
    #[error(transparent)]
    Model(Box<ModelError>),
    /// Folds that cannot be had.
    #[error("{path}: {reason}", path = path.display())]
    Folds {
        /// Their folder, or the dataset that they would divide.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no such job.
    #[error("no job `{id}` in this study; {} lists them", option("jobs"))]
    NoJob {
        /// What was asked for.
        id: String,
    },
    /// A job needs another one.
    #[error("`{id}` needs `{needs}`, which is not done")]
    Needs {
        /// The job.
        id: String,
        /// What it needs.
        needs: String,
    },
    /// Another process works on the same folder.
    #[error("{path}: another tcolz works here", path = path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the study's folder is not as it was written.
    #[error("{path}: {reason}: delete it, and the same command makes it again", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file of the study's folder that another version wrote.
    #[error(
        "{path} was written by another version of tcolz: {reason}: go on with that version, or take another folder",
        path = path.display()
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// The report.
    #[error(transparent)]
    Report(Box<super::report::StudyReportError>),
    /// It was asked to stop.
    #[error("stopped; the same command goes on")]
    Interrupted,
}

/// One fault in one line, several below each other.
fn listed(path: &Path, faults: &[Fault]) -> String {
    let path = path.display();
    match faults {
        [fault] => format!("{path}: {fault}"),
        _ => {
            let lines = faults.iter().map(|fault| format!("\n  {fault}"));
            format!("{path}: {} faults{}", faults.len(), lines.collect::<String>())
        }
    }
}

impl StudyError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> StudyError {
        let path = path.to_owned();
        move |source| StudyError::Io { path, source }
    }
}

macro_rules! boxed {
    ($($variant:ident($error:ty)),*) => {
        $(impl From<$error> for StudyError {
            fn from(error: $error) -> StudyError {
                StudyError::$variant(Box::new(error))
            }
        })*
    };
}

impl From<super::report::StudyReportError> for StudyError {
    fn from(error: super::report::StudyReportError) -> Self {
        StudyError::Report(Box::new(error))
    }
}

boxed!(Dataset(DatasetError), Loader(LoaderError), Evaluate(EvaluateError), Model(ModelError));

impl From<TrainError> for StudyError {
    fn from(error: TrainError) -> StudyError {
        match error {
            TrainError::Interrupted { .. } | TrainError::InterruptedFeatures { .. } => {
                StudyError::Interrupted
            }
            error => StudyError::Train(Box::new(error)),
        }
    }
}
