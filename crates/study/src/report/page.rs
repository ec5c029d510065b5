//! A report as one HTML file with everything in it. Whatever comes from a study passes the template's escaping.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::StudyReportError;
use super::piece::Piece;
use super::section::{Block, Report};
use crate::report::{LETTERS_FAMILY, LETTERS_FILE};

#[derive(Template)]
#[template(path = "study.html")]
struct Page<'a> {
    report: &'a Report,
    version: &'a str,
    font: &'static str,
    font_base64: String,
}

/// Puts the page together.
pub(super) fn render(report: &Report) -> Result<String, StudyReportError> {
    let page = Page {
        report,
        version: env!("CARGO_PKG_VERSION"),
        font: LETTERS_FAMILY,
        font_base64: STANDARD.encode(LETTERS_FILE),
    };
    page.render().map_err(|error| StudyReportError::Page(error.to_string()))
}
