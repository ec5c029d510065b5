//! What keeps a report from being made.

use std::path::PathBuf;

use tcolz_charts::ChartError;

/// A report that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyReportError {
    /// A picture cannot be drawn.
    #[error(transparent)]
    Picture(Box<ChartError>),
    /// A table cannot be written as CSV.
    #[error("table {table} of the report: {error}")]
    Table {
        /// Its name.
        table: String,
        /// Why.
        error: String,
    },
    /// The page cannot be put together.
    #[error("the page of the report: {0}")]
    Page(String),
    /// A file cannot be written.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl From<ChartError> for StudyReportError {
    fn from(error: ChartError) -> StudyReportError {
        StudyReportError::Picture(Box::new(error))
    }
}
