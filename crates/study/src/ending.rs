//! How jobs end.

use serde::Serialize;

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnding {
    /// It is done.
    Done,
    /// It was stopped, and goes on another time.
    Interrupted,
    /// It failed; the others go on.
    Failed(String),
}

/// A job that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The job.
    pub id: String,
    /// What it does, in words.
    pub words: String,
    /// What went wrong.
    pub reason: String,
}
