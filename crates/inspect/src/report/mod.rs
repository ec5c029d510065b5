//! A page that shows what a dataset holds: one HTML file with everything in it, no scripts and no network.
//!
//! ```text
//! inspect ─▶ statistics ──┐
//!         ─▶ duplicates ──┤
//! shards  ─▶ mean images ─┼─▶ Report ─▶ JSON ─▶ numbers, tables ─┐
//! log     ─▶ throughput ──┘          └────────▶ charts, pictures ┴▶ page
//! ```
//! Every number on the page is taken from the report's JSON form and carries the place where it stands there.
//! The same dataset gives the same bytes; only the log's throughput differs from one conversion to the next.

mod figures;
mod gallery;
mod histograms;
mod numbers;
mod page;
mod pictured;
mod sections;
mod tables;
mod throughput;

use std::path::PathBuf;

use serde::Serialize;

pub use throughput::{ShardDone, Throughput};

use crate::{
    Duplicates, Inspection, MEAN_BUDGET, MeanImages, find_duplicates, inspect, inspect_selected,
    mean_images,
};
use gallery::Galleries;
use numbers::Numbers;
use tcolz_charts::ChartError;
use tcolz_format::dataset::log_path;
use tcolz_format::dataset::{Dataset, DatasetError};
use tcolz_loader::LoaderError;
use tcolz_loader::select::{Select, Selection};

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

/// Everything that the page tells. The JSON form is `tcolz inspect --html FILE --json`; its schema is
/// `schemas/report.schema.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Statistics of everything, or of what was selected.
    pub inspection: Inspection,
    /// Duplicates of the whole dataset, whatever was selected.
    pub duplicates: Duplicates,
    /// Mean images of the classes; `None` where there are no pixels.
    pub mean_images: Option<MeanImages>,
    /// How the conversion went; `None` where no log tells it.
    pub throughput: Option<Throughput>,
    #[serde(skip)]
    galleries: Galleries,
}

impl Report {
    /// Looks at a dataset, or at selections of it. Reads the ledger, the pixels of about
    /// [`MEAN_BUDGET`] samples for the mean images, and those of the pictures that are shown.
    ///
    /// # Errors
    /// [`ReportError`]; a sample that is damaged is named.
    pub fn of(dataset: &Dataset, selections: Option<&[Selection]>) -> Result<Report, ReportError> {
        let inspection = match selections {
            Some(selections) => inspect_selected(dataset, selections)?,
            None => inspect(dataset)?,
        };
        let everything = match selections {
            Some(_) => Vec::new(),
            None => every_split(dataset)?,
        };
        let means = mean_images(dataset, selections.unwrap_or(&everything), MEAN_BUDGET)?;
        let duplicates = find_duplicates(dataset)?;
        let path = log_path(dataset.root());
        let throughput = Throughput::read(&path, &dataset.meta().content_root)
            .map_err(|source| ReportError::Log { path, source })?;
        let galleries = Galleries::of(dataset, selections, &duplicates, means.as_ref())?;
        Ok(Report { inspection, duplicates, mean_images: means, throughput, galleries })
    }

    /// The page.
    ///
    /// # Errors
    /// [`ReportError::Chart`], [`ReportError::Page`].
    pub fn html(&self) -> Result<String, ReportError> {
        let json = serde_json::to_value(self);
        let json = json.map_err(|error| ReportError::Page(error.to_string()))?;
        page::render(self, &Numbers::new(json))
    }
}

/// Everything that is stored, split by split.
fn every_split(dataset: &Dataset) -> Result<Vec<Selection>, LoaderError> {
    let splits = dataset.meta().splits.iter().filter(|split| split.rows > 0);
    splits.map(|split| Selection::of(dataset, &Select::split(&split.name))).collect()
}
