//! The page: what a template puts together. Everything that comes from a dataset passes its escaping.

use askama::Template;

use super::elements::{Cell, Section};
use super::error::ReportError;
use super::numbers::Numbers;
use super::{Report, sections};
use tcolz_charts::page_style;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: String,
    subtitle: Vec<Cell>,
    /// Name and number.
    facts: Vec<(String, Cell)>,
    sections: Vec<Section>,
    version: &'a str,
    /// Letters and colours.
    style: String,
}

impl Report {
    /// The page.
    ///
    /// # Errors
    /// [`ReportError::Chart`], [`ReportError::Page`].
    pub fn html(&self) -> Result<String, ReportError> {
        let json = serde_json::to_value(self);
        let json = json.map_err(|error| ReportError::Page(error.to_string()))?;
        render(self, &Numbers::new(json))
    }
}

/// Puts the page together.
fn render(report: &Report, numbers: &Numbers) -> Result<String, ReportError> {
    let page = Page {
        title: sections::name(report),
        subtitle: sections::subtitle(report, numbers),
        facts: sections::facts(report, numbers),
        sections: sections::all(report, numbers)?,
        version: env!("CARGO_PKG_VERSION"),
        style: page_style(),
    };
    page.render().map_err(|error| ReportError::Page(error.to_string()))
}
