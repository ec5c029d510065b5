//! A report as one HTML file with everything in it. Whatever comes from a study passes the template's escaping.

use askama::Template;

use super::error::StudyReportError;
#[allow(unused_imports, reason = "named by the template")]
use super::piece::Piece;
#[allow(unused_imports, reason = "named by the template")]
use super::section::{Block, Report};
use tcolz_charts::page_style;

#[derive(Template)]
#[template(path = "study.html")]
struct Page<'a> {
    report: &'a Report,
    version: &'a str,
    /// Letters and colours of every page of ours.
    style: String,
}

/// Puts the page together.
pub(super) fn render(report: &Report) -> Result<String, StudyReportError> {
    let page = Page { report, version: env!("CARGO_PKG_VERSION"), style: page_style() };
    page.render().map_err(|error| StudyReportError::Page(error.to_string()))
}
