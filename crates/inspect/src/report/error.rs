//! What can go wrong with a report.

use std::path::PathBuf;

use tcolz_charts::ChartError;
use tcolz_format::dataset::DatasetError;
use tcolz_loader::LoaderError;

/// A report that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The dataset is not as it was written.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Samples cannot be selected or read.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// The log beside the dataset is there and cannot be read.
    #[error("{path}: {source}")]
    Log {
        /// The log.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A picture cannot be written.
    #[error("a picture of the report: {0}")]
    Picture(String),
    /// A chart cannot be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The page cannot be put together.
    #[error("the page of the report: {0}")]
    Page(String),
}
