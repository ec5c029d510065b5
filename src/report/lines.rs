//! Lines with marks and intervals, in panels beside each other, for light and dark pages and as files.

use plotters::prelude::DrawingBackend;

use super::ReportError;
use super::axis::short;
use super::drawing::{Drawing, Paper, Side, ThemedPicture, fitted, render, text_width};
use super::frame::{Frame, Scale};
use super::marks::{mark, stroked, upright_interval};

/// Pixels of a picture's width.
const WIDTH: f64 = 720.0;
/// Height of a panel's axes.
const HEIGHT: f64 = 250.0;
/// Room to the left of a panel's axes.
const LEFT: f64 = 68.0;
/// Height of a legend's line.
const LEGEND: f64 = 20.0;
/// Width of a name in the legend at most.
const MAX_NAME: f64 = 260.0;
/// A line of at most so many points shows each of them.
const MOST_MARKS: usize = 20;

/// A point of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinePoint {
    /// To the right.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// An interval around it, upwards.
    pub interval: Option<(f64, f64)>,
}

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<LinePoint>,
}

/// Lines on the same axes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LinesPanel {
    /// What goes to the right, with its unit.
    pub x_name: String,
    /// What goes up, with its unit.
    pub y_name: String,
    /// The lines; those of the same number in all panels are of the same thing.
    pub lines: Vec<Line>,
    /// Equal steps to the right are equal factors.
    pub logarithmic_x: bool,
    /// Whether the axis upwards begins at 0.
    pub from_zero: bool,
    /// An upright line, and what it says.
    pub mark: Option<(f64, String)>,
}

/// Panels from left to right, below one legend.
#[derive(Debug, Clone)]
pub struct LinesChart<'a> {
    /// What is said above it.
    pub title: &'a str,
    /// The panels.
    pub panels: Vec<LinesPanel>,
}

impl LinesChart<'_> {
    /// Draws it.
    ///
    /// # Errors
    /// [`ReportError::Chart`].
    pub fn picture(&self) -> Result<ThemedPicture, ReportError> {
        render(self)
    }

    /// Where the names of the lines stand: left, line of the legend, the name.
    fn legend(&self) -> Vec<(f64, f64, String)> {
        let lines = self.panels.first().map_or(&[][..], |panel| &panel.lines);
        let (mut left, mut row) = (LEFT, 0.0);
        let mut places = Vec::new();
        for line in lines {
            let name = fitted(&line.name, 0.95, MAX_NAME);
            let width = text_width(&name, 0.95) + 60.0;
            if left + width > WIDTH && left > LEFT {
                (left, row) = (LEFT, row + 1.0);
            }
            places.push((left, row, name));
            left += width;
        }
        places
    }

    fn top(&self) -> f64 {
        let rows = self.legend().last().map_or(0.0, |&(_, row, _)| row + 1.0);
        40.0 + rows * LEGEND + 18.0
    }
}

impl LinesPanel {
    fn frame(&self, left: f64, right: f64, top: f64) -> Frame {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x = || points().map(|point| point.x);
        let y = points().flat_map(|point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [low, high, point.y]
        });
        let x = match self.logarithmic_x {
            true => Scale::factors(&self.x_name, &x().collect::<Vec<f64>>(), short),
            false => Scale::exact(&self.x_name, x(), whole_or_none),
        };
        let y = match self.from_zero {
            true => Scale::from_zero(&self.y_name, y, short),
            false => Scale::shares(&self.y_name, y, short),
        };
        Frame { left, right, top, bottom: top + HEIGHT, x, y }
    }

    fn draw<B: DrawingBackend>(
        &self,
        paper: &Paper<'_, B>,
        frame: &Frame,
    ) -> Result<(), ReportError> {
        let theme = paper.theme;
        frame.draw(paper)?;
        if let Some((x, words)) = &self.mark {
            let x = frame.across(*x);
            stroked(paper, 2, &[(x, frame.bottom), (x, frame.top)], theme.axis, 1.4)?;
            let half = text_width(words, 0.9) / 2.0;
            let middle = x.clamp(frame.left + half, (frame.right - half).max(frame.left + half));
            paper.text(words, (middle, frame.top - 8.0), Side::Middle, 0.9, theme.ink)?;
        }
        for (number, line) in self.lines.iter().enumerate() {
            let colour = theme.series[number % theme.series.len()];
            let points =
                line.points.iter().filter(|point| point.x.is_finite() && point.y.is_finite());
            let points: Vec<&LinePoint> =
                points.filter(|point| !self.logarithmic_x || point.x > 0.0).collect();
            let places: Vec<(f64, f64)> =
                points.iter().map(|point| (frame.across(point.x), frame.down(point.y))).collect();
            if places.len() > 1 {
                stroked(paper, number, &places, colour, 2.0)?;
            }
            for (point, place) in points.iter().zip(&places) {
                if let Some((low, high)) = point.interval {
                    let ends = (frame.down(high), frame.down(low));
                    upright_interval(paper, place.0, ends, colour)?;
                }
                if places.len() <= MOST_MARKS {
                    mark(paper, number, *place, colour, None)?;
                }
            }
        }
        Ok(())
    }
}

/// Labels of whole numbers only: there is no half epoch.
fn whole_or_none(value: f64) -> String {
    if (value - value.round()).abs() < 1e-9 { short(value) } else { String::new() }
}

impl Drawing for LinesChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (self.top() + HEIGHT + 56.0) as u32)
    }

    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ReportError> {
        let theme = paper.theme;
        let title = fitted(self.title, 1.0, WIDTH - 24.0);
        paper.text(&title, (12.0, 18.0), Side::Right, 1.0, theme.ink)?;
        for (number, (left, row, name)) in self.legend().into_iter().enumerate() {
            let (colour, y) = (theme.series[number % theme.series.len()], 46.0 + row * LEGEND);
            stroked(paper, number, &[(left, y), (left + 30.0, y)], colour, 2.0)?;
            mark(paper, number, (left + 15.0, y), colour, None)?;
            paper.text(&name, (left + 38.0, y), Side::Right, 0.95, theme.ink)?;
        }
        let width = WIDTH / self.panels.len().max(1) as f64;
        for (number, panel) in self.panels.iter().enumerate() {
            let left = number as f64 * width;
            let frame = panel.frame(left + LEFT, left + width - 18.0, self.top());
            panel.draw(paper, &frame)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, points: &[(f64, f64)]) -> Line {
        let point = |&(x, y): &(f64, f64)| LinePoint { x, y, interval: Some((y - 0.1, y + 0.1)) };
        Line { name: name.to_owned(), points: points.iter().map(point).collect() }
    }

    #[test]
    fn panels_say_what_their_axes_and_lines_are() {
        let panel = LinesPanel {
            x_name: "epoch".to_owned(),
            y_name: "loss (nats)".to_owned(),
            lines: vec![
                line("training", &[(1.0, 0.9), (2.0, 0.7), (3.0, 0.5)]),
                line("<b>validation</b>", &[(1.0, 0.8), (2.0, 0.75), (3.0, 0.76)]),
            ],
            from_zero: true,
            mark: Some((2.0, "best".to_owned())),
            ..LinesPanel::default()
        };
        let second =
            LinesPanel { y_name: "accuracy".to_owned(), from_zero: false, ..panel.clone() };
        let chart = LinesChart { title: "of a model", panels: vec![panel, second] };
        let picture = chart.picture().unwrap();
        for words in
            ["of a model", "epoch", "loss (nats)", "accuracy", "training", "best", "&lt;b&gt;"]
        {
            assert!(picture.light.svg.contains(words), "{words}");
        }
        assert!(!picture.dark.svg.contains("<b>"));
        assert_eq!(picture, chart.picture().unwrap(), "the same lines are the same picture");
    }

    #[test]
    fn lines_that_are_flat_single_empty_or_no_numbers_are_drawn() {
        for points in [
            vec![],
            vec![(1.0, 0.5)],
            vec![(1.0, 0.0), (2.0, 0.0)],
            vec![(0.0, f64::NAN), (2.0, 1.0)],
            vec![(1.0, 1e9), (1e9, 1e-9)],
        ] {
            for logarithmic_x in [false, true] {
                for from_zero in [false, true] {
                    let lines = vec![line("a", &points)];
                    let panel =
                        LinesPanel { lines, logarithmic_x, from_zero, ..LinesPanel::default() };
                    LinesChart { title: "", panels: vec![panel] }.picture().unwrap();
                }
            }
        }
        LinesChart { title: "", panels: Vec::new() }.picture().unwrap();
    }
}
