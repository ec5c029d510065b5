//! Charts and contact sheets: SVG for pages, PNG and JPEG for files.
//!
//! ```text
//! numbers ─ axis, frame, marks, placing ─▶ charts in a light and a dark theme ─▶ SVG, PNG
//! samples ─ sheet ───────────────────────▶ contact sheets ─────────────────────▶ PNG, JPEG
//! ```
//!
//! ```
//! use tcolz_charts::{Axis, Lines};
//!
//! let lines = vec![(0, vec![(1.0, 0.9), (2.0, 0.4)])]; // in the first colour
//! let axis = |end, ticks: &[f64]| {
//!     Axis::with_ticks(0.0, end, ticks.iter().map(|tick| (*tick, tick.to_string())).collect())
//! };
//! let (x, y) = (axis(2.0, &[1.0, 2.0]), axis(1.0, &[0.5, 1.0]));
//! let drawn = Lines { lines, x, y, names: ("epoch", "loss") }.draw()?;
//! assert!(drawn.light.contains("<svg"));
//! # Ok::<(), tcolz_charts::ChartError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod axis;
mod chart;
mod confusion;
mod drawing;
mod frame;
mod heading;
#[cfg(any(test, feature = "legible"))]
pub mod legible;
mod lines;
mod marks;
mod pareto;
mod placing;
mod reliability;
mod rows;
pub mod sheet;
mod theme;

pub use axis::{Axis, short};
pub use chart::{Bars, Drawn, Groups, Lines};
pub use confusion::ConfusionChart;
pub use drawing::{Rendering, ThemedPicture};
pub use lines::{Line, LinePoint, LinesChart, LinesPanel};
pub use pareto::{ParetoChart, ParetoPoint};
pub use reliability::{ReliabilityBin, ReliabilityChart};
pub use rows::{Row, RowMark, RowsChart};
pub use theme::page_style;

/// A chart that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// A picture cannot be written.
    #[error("a picture of the report: {0}")]
    Picture(String),
    /// A chart cannot be drawn.
    #[error("a chart of the report: {0}")]
    Chart(String),
}
