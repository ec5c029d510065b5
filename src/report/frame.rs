//! Axes around what is drawn: ticks, lines behind the data, names.

use plotters::prelude::DrawingBackend;

use super::ReportError;
use super::axis::Axis;
use super::drawing::{Paper, Side};

/// Letters of ticks, relative.
const TICKS: f64 = 0.95;

/// An axis with its name, and whether equal steps are equal factors.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    pub(super) name: String,
    pub(super) axis: Axis,
    pub(super) logarithmic: bool,
}

impl Scale {
    fn share(&self, value: f64) -> f64 {
        self.axis.share(if self.logarithmic { value.log2() } else { value })
    }

    /// Around values above 0, with equal factors.
    pub(super) fn factors(name: &str, values: &[f64], label: impl Fn(f64) -> String) -> Scale {
        let (low, high) = ends(values.iter().copied().filter(|value| *value > 0.0), (1.0, 10.0));
        // Room at both ends, so that no mark sits on the frame.
        let room = (high / low).powf(0.12).max(1.35);
        let axis = Axis::doubling(low / room, high * room, label);
        Scale { name: name.to_owned(), axis, logarithmic: true }
    }

    /// Around shares of a whole; not from 0, but never beyond 0 and 1.
    pub(super) fn shares(
        name: &str,
        values: impl Iterator<Item = f64>,
        label: impl Fn(f64) -> String,
    ) -> Scale {
        let (low, high) = ends(values, (0.0, 1.0));
        let room = (0.08 * (high - low)).max(0.01);
        let axis = Axis::between((low - room).max(0.0), (high + room).min(1.0), label);
        Scale { name: name.to_owned(), axis, logarithmic: false }
    }

    /// From 0 to a round number beyond the values.
    pub(super) fn from_zero(
        name: &str,
        values: impl Iterator<Item = f64>,
        label: impl Fn(f64) -> String,
    ) -> Scale {
        let (_, high) = ends(values, (0.0, 1.0));
        Scale {
            name: name.to_owned(),
            axis: Axis::from_zero(high, 1e-6, label),
            logarithmic: false,
        }
    }

    /// From the smallest to the largest value, with a little room.
    pub(super) fn exact(
        name: &str,
        values: impl Iterator<Item = f64>,
        label: impl Fn(f64) -> String,
    ) -> Scale {
        let (low, high) = ends(values, (0.0, 1.0));
        let room = if high > low { 0.04 * (high - low) } else { 1.0 };
        let axis = Axis::between(low - room, high + room, label);
        Scale { name: name.to_owned(), axis, logarithmic: false }
    }
}

/// The smallest and the largest of values that are numbers.
fn ends(values: impl Iterator<Item = f64>, none: (f64, f64)) -> (f64, f64) {
    let values = values.filter(|value| value.is_finite());
    let ends = values.fold(None, |ends: Option<(f64, f64)>, value| {
        let (low, high) = ends.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    ends.unwrap_or(none)
}

/// The place of a chart in its picture, with what its sides stand for.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

impl Frame {
    /// Pixels to the left of a value.
    pub(super) fn across(&self, x: f64) -> f64 {
        self.left + (self.right - self.left) * self.x.share(x)
    }

    /// Pixels above a value.
    pub(super) fn down(&self, y: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * self.y.share(y)
    }

    /// Draws axes with ticks and names, and lines behind the data.
    pub(super) fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ReportError> {
        let theme = paper.theme;
        for (value, label) in self.y.axis.ticks() {
            let y = self.bottom - (self.bottom - self.top) * self.y.axis.share(*value);
            paper.line(&[(self.left, y), (self.right, y)], theme.grid, 1.0)?;
            paper.text(label, (self.left - 8.0, y), Side::Left, TICKS, theme.ink)?;
        }
        paper.upright(
            &self.y.name,
            (self.left - 50.0, (self.top + self.bottom) / 2.0),
            theme.ink,
        )?;
        paper.line(&[(self.left, self.top), (self.left, self.bottom)], theme.axis, 1.0)?;
        self.draw_x(paper)
    }

    /// Draws the axis to the right alone, with its lines behind the data.
    pub(super) fn draw_x<B: DrawingBackend>(
        &self,
        paper: &Paper<'_, B>,
    ) -> Result<(), ReportError> {
        let theme = paper.theme;
        for (value, label) in self.x.axis.ticks() {
            let x = self.left + (self.right - self.left) * self.x.axis.share(*value);
            paper.line(&[(x, self.top), (x, self.bottom)], theme.grid, 1.0)?;
            paper.line(&[(x, self.bottom), (x, self.bottom + 4.0)], theme.axis, 1.0)?;
            paper.text(label, (x, self.bottom + 14.0), Side::Middle, TICKS, theme.ink)?;
        }
        paper.line(&[(self.left, self.bottom), (self.right, self.bottom)], theme.axis, 1.0)?;
        let middle = ((self.left + self.right) / 2.0, self.bottom + 36.0);
        paper.text(&self.x.name, middle, Side::Middle, 1.0, theme.ink)
    }
}
