//! Lines with marks and intervals, in panels beside each other (on phones below), for light and dark pages and as files.

use plotters::prelude::DrawingBackend;

use super::ChartError;
use super::axis::{scientific, short};
use super::drawing::{Drawing, Paper, Rendering, ThemedPicture, render, render_light};
use super::frame::{Frame, Scale};
use super::heading::{Heading, Sign};
use super::marks::{mark, stroked, upright_interval};

/// Height of a panel's axes.
const HEIGHT: f64 = 240.0;
/// Width of a panel at least, where there is room.
const PANEL: f64 = 350.0;
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
    /// Its name in the legend; lines of one name have one colour in all panels.
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
    /// The lines.
    pub lines: Vec<Line>,
    /// Equal steps to the right are equal factors.
    pub logarithmic_x: bool,
    /// Equal steps up are equal factors.
    pub logarithmic_y: bool,
    /// Whether the axis upwards begins at 0; else it is one of shares.
    pub from_zero: bool,
    /// An upright line, and what the legend says of it.
    pub mark: Option<(f64, String)>,
}

/// Panels from left to right, below one legend.
#[derive(Debug, Clone)]
pub struct LinesChart<'a> {
    /// What is said above it.
    pub title: &'a str,
    /// Which samples it is of; may be empty.
    pub subtitle: &'a str,
    /// The panels.
    pub panels: Vec<LinesPanel>,
}

impl LinesChart<'_> {
    /// Draws it.
    ///
    /// # Errors
    /// [`ChartError::Chart`].
    pub fn picture(&self) -> Result<ThemedPicture, ChartError> {
        render(self)
    }

    /// Draws it for light pages and paper alone.
    ///
    /// # Errors
    /// [`ChartError::Chart`].
    pub fn light(&self) -> Result<Rendering, ChartError> {
        render_light(self)
    }

    /// Names of the lines that are drawn, each once; its place is the number of its colour.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for line in self.panels.iter().flat_map(|panel| &panel.lines) {
            if !line.points.is_empty() && !names.contains(&line.name.as_str()) {
                names.push(&line.name);
            }
        }
        names
    }

    /// What the legend explains: every line, and every upright line.
    fn heading(&self) -> Heading<'_> {
        let marked = |name: &str| {
            let lines = self.panels.iter().flat_map(|panel| &panel.lines);
            lines.filter(|line| line.name == name).any(|line| line.points.len() <= MOST_MARKS)
        };
        let names = self.names().into_iter().enumerate();
        let mut legend: Vec<(Sign, String)> = names
            .map(|(number, name)| (Sign::Line(number, marked(name)), name.to_owned()))
            .collect();
        for (_, words) in self.panels.iter().filter_map(|panel| panel.mark.as_ref()) {
            if !legend.iter().any(|(_, other)| other == words) {
                legend.push((Sign::Upright, words.clone()));
            }
        }
        Heading { title: self.title, subtitle: self.subtitle, legend }
    }

    /// The picture's width, and a place for each panel.
    fn layout(&self, room: f64) -> (f64, Vec<Frame>) {
        let panels = self.panels.len().max(1) as f64;
        // On a phone below each other.
        let beside = room >= 2.0 * PANEL;
        let width = if beside { room.max(panels * PANEL) } else { room };
        let step = if beside { width / panels } else { width };
        let mut top = self.heading().height(width);
        let mut frames: Vec<Frame> = Vec::new();
        for (number, panel) in self.panels.iter().enumerate() {
            let left = if beside { number as f64 * step } else { 0.0 };
            frames.push(panel.frame((left, left + step), top));
            if let (false, Some(frame)) = (beside, frames.last()) {
                top = frame.end() + 12.0;
            }
        }
        // Names of the axes may take different numbers of lines.
        if beside {
            let lowest = frames.iter().map(|frame| frame.top).fold(0.0, f64::max);
            for frame in &mut frames {
                (frame.top, frame.bottom) = (lowest, lowest + HEIGHT);
            }
        }
        (width, frames)
    }
}

impl LinesPanel {
    fn frame(&self, across: (f64, f64), top: f64) -> Frame {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let xs = || points().map(|point| point.x);
        let ys = points().flat_map(|point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [low, high, point.y]
        });
        // Rates of learning span decades and are known by their powers.
        let small = xs().any(|x| x > 0.0 && x < 0.01);
        let x = match self.logarithmic_x {
            true if small => Scale::decades(&self.x_name, xs(), scientific),
            true => Scale::factors(&self.x_name, &xs().collect::<Vec<f64>>(), short),
            false => Scale::exact(&self.x_name, xs(), whole_or_none),
        };
        let y = match (self.logarithmic_y, self.from_zero) {
            (true, _) => Scale::decades(&self.y_name, ys, scientific),
            (false, true) => Scale::from_zero(&self.y_name, ys, short),
            (false, false) => Scale::shares(&self.y_name, ys, short),
        };
        Frame::within(across, top, HEIGHT, x, y)
    }

    fn draw<B: DrawingBackend>(
        &self,
        paper: &Paper<'_, B>,
        frame: &Frame,
        names: &[&str],
    ) -> Result<(), ChartError> {
        let theme = paper.theme;
        frame.draw(paper)?;
        if let Some((x, _)) = &self.mark {
            let x = frame.across(*x);
            stroked(paper, 2, &[(x, frame.bottom), (x, frame.top)], theme.ink, 1.4)?;
        }
        // The first on top.
        for line in self.lines.iter().rev() {
            let number = names.iter().position(|name| *name == line.name).unwrap_or(0);
            let colour = theme.series[number % theme.series.len()];
            let shown = |point: &&LinePoint| {
                point.x.is_finite()
                    && point.y.is_finite()
                    && (!self.logarithmic_x || point.x > 0.0)
                    && (!self.logarithmic_y || point.y > 0.0)
            };
            let points: Vec<&LinePoint> = line.points.iter().filter(shown).collect();
            let places: Vec<(f64, f64)> =
                points.iter().map(|point| (frame.across(point.x), frame.down(point.y))).collect();
            if places.len() > 1 {
                stroked(paper, number, &places, colour, 2.0)?;
            }
            for (point, place) in points.iter().zip(&places) {
                if let Some(interval) = point.interval {
                    upright_interval(paper, place.0, frame.ends_down(interval), colour)?;
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
    fn size(&self, room: f64) -> (u32, u32) {
        let (width, frames) = self.layout(room);
        let end = frames.iter().map(Frame::end).fold(self.heading().height(width), f64::max);
        (width as u32, end.ceil() as u32 + 4)
    }

    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ChartError> {
        let (width, frames) = self.layout(paper.room);
        self.heading().draw(paper, width)?;
        let names = self.names();
        self.panels
            .iter()
            .zip(&frames)
            .try_for_each(|(panel, frame)| panel.draw(paper, frame, &names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::WIDE;
    use crate::legible;
    use crate::theme::LIGHT;
    use plotters::prelude::RGBColor;

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
            mark: Some((2.0, "best epoch".to_owned())),
            ..LinesPanel::default()
        };
        let second =
            LinesPanel { y_name: "accuracy".to_owned(), from_zero: false, ..panel.clone() };
        let chart =
            LinesChart { title: "of a model", subtitle: "of 20 %", panels: vec![panel, second] };
        let picture = chart.picture().unwrap();
        for words in [
            "of a model",
            "epoch",
            "loss (nats)",
            "accuracy",
            "training",
            "best",
            "&lt;b&gt;",
            "of 20 %",
        ] {
            assert!(picture.light.svg.contains(words), "{words}");
        }
        assert!(!picture.dark.svg.contains("<b>"));
        assert_eq!(picture.light.svg.matches("best epoch").count(), 1, "said once for both panels");
        legible::check(&picture);
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
                    let logarithmic_y = logarithmic_x && from_zero;
                    let panel = LinesPanel {
                        lines,
                        logarithmic_x,
                        logarithmic_y,
                        from_zero,
                        ..LinesPanel::default()
                    };
                    LinesChart { title: "", subtitle: "", panels: vec![panel] }.picture().unwrap();
                }
            }
        }
        LinesChart { title: "", subtitle: "", panels: Vec::new() }.picture().unwrap();
    }

    #[test]
    fn a_line_alone_has_its_name_in_the_legend_and_one_name_has_one_colour() {
        let panel = |lines| LinesPanel { from_zero: true, lines, ..LinesPanel::default() };
        let of = |name: &str| line(name, &[(1.0, 0.5), (2.0, 0.4)]);
        let panels = vec![
            panel(vec![of("training"), Line { name: "validation".to_owned(), points: vec![] }]),
            panel(vec![of("learning rate")]),
            panel(vec![of("training")]),
        ];
        let chart = LinesChart { title: "", subtitle: "", panels };
        assert_eq!(
            chart.names(),
            ["training", "learning rate"],
            "nothing is named that is not drawn"
        );
        let svg = chart.light().unwrap().svg;
        let colours: Vec<usize> = LIGHT
            .series
            .iter()
            .map(|RGBColor(r, g, b)| svg.matches(&format!("#{r:02X}{g:02X}{b:02X}")).count())
            .collect();
        assert!(colours[0] > 0 && colours[1] > 0 && colours[2] == 0, "{colours:?}");
        assert!(svg.contains("training") && !svg.contains("validation"));
    }

    #[test]
    fn intervals_do_not_leave_the_axes() {
        let points = [(1.0, 0.05), (2.0, 0.95)];
        let panel = LinesPanel { lines: vec![line("a", &points)], ..LinesPanel::default() };
        let chart = LinesChart { title: "", subtitle: "", panels: vec![panel] };
        let (_, frames) = chart.layout(WIDE);
        let axis = [frames[0].down(0.0), frames[0].down(1.0)];
        assert_eq!(axis, [frames[0].bottom, frames[0].top]);
        let ends = [0, 1].map(|point| {
            frames[0].ends_down(chart.panels[0].lines[0].points[point].interval.unwrap())
        });
        assert!(ends[0][1].cut && ends[1][0].cut, "{ends:?}");
        legible::check(&chart.picture().unwrap());
    }
}
