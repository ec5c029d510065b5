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

mod elements;
mod error;
mod figures;
mod gallery;
mod histograms;
mod numbers;
mod page;
mod pictured;
mod sections;
mod tables;
mod throughput;

use serde::Serialize;

pub use error::ReportError;
pub use throughput::{ShardDone, Throughput};

use crate::{
    Duplicates, Inspection, MEAN_BUDGET, MeanImages, find_duplicates, inspect, inspect_selected,
    mean_images,
};
use gallery::Galleries;
use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::log_path;
use tcolz_loader::LoaderError;
use tcolz_loader::select::{Select, Selection};

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
}

/// Everything that is stored, split by split.
fn every_split(dataset: &Dataset) -> Result<Vec<Selection>, LoaderError> {
    let splits = dataset.meta().splits.iter().filter(|split| split.rows > 0);
    splits.map(|split| Selection::of(dataset, &Select::split(&split.name))).collect()
}
