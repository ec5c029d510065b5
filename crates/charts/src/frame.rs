//! Axes around what is drawn: ticks, lines behind the data, names.

use plotters::prelude::DrawingBackend;

use super::ChartError;
use super::axis::Axis;
use super::drawing::{Paper, Side, text_width, wrapped};
use super::heading::MARGIN;
use super::marks::End;

/// Letters of ticks, relative.
const TICKS: f64 = 0.95;
/// Height of a line of an axis' name.
const NAME_LINE: f64 = 17.0;

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

    /// From 0 to an end, with chosen ticks.
    pub(super) fn with_ticks(name: &str, end: f64, ticks: Vec<(f64, String)>) -> Scale {
        let axis = Axis::with_ticks(0.0, end, ticks);
        Scale { name: name.to_owned(), axis, logarithmic: false }
    }

    /// Around values above 0, over decades.
    pub(super) fn decades(
        name: &str,
        values: impl Iterator<Item = f64>,
        label: impl Fn(f64) -> String,
    ) -> Scale {
        let (low, high) = ends(values.filter(|value| *value > 0.0), (1.0, 10.0));
        let (low, high) = if high > 1.05 * low { (low, high) } else { (low / 2.0, high * 2.0) };
        Scale { name: name.to_owned(), axis: Axis::decades(low, high, label), logarithmic: true }
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
    /// The picture's part that is the chart's own: its letters go to here.
    across: (f64, f64),
}

impl Frame {
    /// A frame of a height in a part of a picture, from `across.0` to `across.1`, with room for the ticks to the left
    /// and for the name of the axis that goes up, which stands above it.
    pub(super) fn within(across: (f64, f64), top: f64, height: f64, x: Scale, y: Scale) -> Frame {
        let widest = y.axis.ticks().iter().map(|(_, label)| text_width(label, TICKS));
        let names = name_lines(&y.name, across).len() as f64;
        let top = top + names * NAME_LINE + if names > 0.0 { 10.0 } else { 0.0 };
        let left = across.0 + MARGIN + widest.fold(0.0, f64::max) + 8.0;
        Frame { left, right: across.1 - 18.0, top, bottom: top + height, x, y, across }
    }

    /// A frame beside rows of names, without an axis that goes up.
    pub(super) fn beside(
        width: f64,
        (left, right): (f64, f64),
        top: f64,
        height: f64,
        x: Scale,
    ) -> Frame {
        let y = Scale::from_zero("", std::iter::empty(), |_| String::new());
        Frame { left, right, top, bottom: top + height, x, y, across: (0.0, width) }
    }

    /// Pixels from the top of the picture to below the name of the axis to the right.
    pub(super) fn end(&self) -> f64 {
        self.bottom + 28.0 + name_lines(&self.x.name, self.across).len() as f64 * NAME_LINE + 6.0
    }

    /// Pixels to the left of a value.
    pub(super) fn across(&self, x: f64) -> f64 {
        self.left + (self.right - self.left) * self.x.share(x)
    }

    /// Pixels above a value.
    pub(super) fn down(&self, y: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * self.y.share(y)
    }

    /// Ends of an interval that lies along the axis to the right.
    pub(super) fn ends_across(&self, (low, high): (f64, f64)) -> [End; 2] {
        [low, high].map(|value| {
            let place = self.across(value);
            // Half a pixel is nothing that is seen.
            let cut = place < self.left - 0.5 || place > self.right + 0.5;
            End { place: place.clamp(self.left, self.right), cut }
        })
    }

    /// Ends of an interval that lies along the axis that goes up: the upper one first.
    pub(super) fn ends_down(&self, (low, high): (f64, f64)) -> [End; 2] {
        [high, low].map(|value| {
            let place = self.down(value);
            let cut = place < self.top - 0.5 || place > self.bottom + 0.5;
            End { place: place.clamp(self.top, self.bottom), cut }
        })
    }

    /// Draws axes with ticks and names, and lines behind the data.
    pub(super) fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ChartError> {
        let theme = paper.theme;
        for (value, label) in self.y.axis.ticks() {
            let y = self.bottom - (self.bottom - self.top) * self.y.axis.share(*value);
            paper.line(&[(self.left, y), (self.right, y)], theme.grid, 1.0)?;
            paper.text(label, (self.left - 8.0, y), Side::Left, TICKS, theme.ink)?;
        }
        let names = name_lines(&self.y.name, self.across);
        let above = self.top - 10.0 - names.len() as f64 * NAME_LINE;
        for (number, line) in names.iter().enumerate() {
            let y = above + (number as f64 + 0.5) * NAME_LINE;
            paper.text(line, (self.across.0 + MARGIN, y), Side::Right, 1.0, theme.ink)?;
        }
        paper.line(&[(self.left, self.top), (self.left, self.bottom)], theme.axis, 1.0)?;
        self.draw_x(paper)
    }

    /// Draws the axis to the right alone, with its lines behind the data.
    pub(super) fn draw_x<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ChartError> {
        let theme = paper.theme;
        let mut taken = f64::NEG_INFINITY;
        for (value, label) in self.x.axis.ticks() {
            let x = self.left + (self.right - self.left) * self.x.axis.share(*value);
            paper.line(&[(x, self.top), (x, self.bottom)], theme.grid, 1.0)?;
            paper.line(&[(x, self.bottom), (x, self.bottom + 4.0)], theme.axis, 1.0)?;
            let half = text_width(label, TICKS) / 2.0;
            let middle = x.min(self.across.1 - 3.0 - half);
            // On a narrow picture not every tick has room for its label.
            if middle - half > taken + 6.0 && !label.is_empty() {
                paper.text(label, (middle, self.bottom + 14.0), Side::Middle, TICKS, theme.ink)?;
                taken = middle + half;
            }
        }
        paper.line(&[(self.left, self.bottom), (self.right, self.bottom)], theme.axis, 1.0)?;
        let names = name_lines(&self.x.name, self.across);
        for (number, line) in names.iter().enumerate() {
            let y = self.bottom + 28.0 + (number as f64 + 0.5) * NAME_LINE;
            let half = text_width(line, 1.0) / 2.0;
            let (from, to) = (self.across.0 + MARGIN + half, self.across.1 - MARGIN - half);
            let middle = ((self.left + self.right) / 2.0).clamp(from, to.max(from));
            paper.text(line, (middle, y), Side::Middle, 1.0, theme.ink)?;
        }
        Ok(())
    }
}

/// The name of an axis in lines.
fn name_lines(name: &str, (left, right): (f64, f64)) -> Vec<String> {
    wrapped(name, 1.0, right - left - 2.0 * MARGIN, 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::short;

    #[test]
    fn intervals_end_where_the_axis_ends_and_that_is_no_end_of_their_own() {
        let times = Scale::from_zero("ms", [4.0, 9.0].into_iter(), short);
        let shares = Scale::shares("share", [0.5, 1.0].into_iter(), short);
        let frame = Frame::within((0.0, 300.0), 0.0, 100.0, times, shares);
        let [low, high] = frame.ends_across((-2.0, 4.0));
        assert_eq!((low, high.cut), (End { place: frame.left, cut: true }, false));
        let [high, low] = frame.ends_down((0.6, 1.2));
        assert_eq!((high, low.cut), (End { place: frame.top, cut: true }, false));
        let [low, _] = frame.ends_across((0.0, 4.0));
        assert_eq!(low, End { place: frame.left, cut: false }, "an end at 0 is an end");
    }
}
