//! Values below each other, each with its name: dots with intervals, or bars.

use plotters::prelude::DrawingBackend;

use super::ChartError;
use super::axis::short;
use super::drawing::{
    Drawing, Paper, Side, ThemedPicture, WIDE, fitted, render, text_width, wrapped,
};
use super::frame::{Frame, Scale};
use super::heading::{Heading, MARGIN, Sign};
use super::marks::{level_interval, mark, stroked};

/// Width of a row's name at most, and its lines.
const MAX_NAME: f64 = 250.0;
const MAX_LINES: usize = 3;
/// Letters of the values, relative.
const TEXT: f64 = 0.9;
/// Height of a mark with its value, and room between rows.
const LINE: f64 = 16.0;
const GAP: f64 = 8.0;
/// Width of the values' texts at most.
const MAX_TEXT: f64 = 150.0;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowMark {
    /// Where it is.
    pub value: f64,
    /// An interval around it.
    pub interval: Option<(f64, f64)>,
    /// The value as people read it.
    pub text: String,
}

/// A name with a value for each series.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The name.
    pub name: String,
    /// Drawn hollow: not measured here.
    pub hollow: bool,
    /// A value for each series, in their order.
    pub marks: Vec<Option<RowMark>>,
}

/// Rows with dots or bars.
#[derive(Debug, Clone)]
pub struct RowsChart<'a> {
    /// What is said above it.
    pub title: &'a str,
    /// Which samples it is of; may be empty.
    pub subtitle: &'a str,
    /// What goes to the right, with its unit.
    pub x_name: &'a str,
    /// Bars from 0; else dots on an axis that holds the values.
    pub bars: bool,
    /// Names of the series.
    pub series: Vec<String>,
    /// A dotted line for each series, and what they say.
    pub references: Option<(&'a str, Vec<f64>)>,
    /// What hollow marks say.
    pub hollow: &'a str,
    /// The rows.
    pub rows: Vec<Row>,
}

impl RowsChart<'_> {
    /// Draws it.
    ///
    /// # Errors
    /// [`ChartError::Chart`].
    pub fn picture(&self) -> Result<ThemedPicture, ChartError> {
        render(self)
    }

    fn heading(&self) -> Heading<'_> {
        let mut legend = Vec::new();
        if self.series.len() > 1 {
            let sign = |number| if self.bars { Sign::Fill(number) } else { Sign::Mark(number) };
            let names = self.series.iter().enumerate();
            legend.extend(names.map(|(number, name)| (sign(number), name.clone())));
        }
        if self.rows.iter().any(|row| row.hollow) {
            legend.push((Sign::HollowMark, self.hollow.to_owned()));
        }
        if let Some((words, _)) = &self.references {
            legend.push((Sign::Upright, (*words).to_owned()));
        }
        Heading { title: self.title, subtitle: self.subtitle, legend }
    }

    fn marks(&self) -> impl Iterator<Item = &RowMark> {
        self.rows.iter().flat_map(|row| row.marks.iter().flatten())
    }

    /// Where everything stands.
    fn layout(&self, room: f64) -> Layout {
        // On a phone a name stands above its marks and not beside them.
        let beside = room >= WIDE;
        let width = room;
        let most = if beside { MAX_NAME } else { width - 2.0 * MARGIN };
        let names: Vec<Vec<String>> =
            self.rows.iter().map(|row| wrapped(&row.name, 1.0, most, MAX_LINES)).collect();
        let widest = names.iter().flatten().map(|line| text_width(line, 1.0)).fold(60.0, f64::max);
        let texts = self.marks().map(|mark| text_width(&fitted_text(mark), TEXT));
        let texts = texts.fold(0.0, f64::max);
        let ends = self.marks().flat_map(|mark| {
            let (low, high) = mark.interval.unwrap_or((mark.value, mark.value));
            [low, high, mark.value]
        });
        let references = self.references.iter().flat_map(|(_, values)| values.iter().copied());
        let x = match self.bars {
            true => Scale::from_zero(self.x_name, ends, short),
            false => Scale::shares(self.x_name, ends.chain(references), short),
        };
        let top = self.heading().height(width);
        let mut bottom = top;
        let mut rows = Vec::new();
        for (row, name) in self.rows.iter().zip(names) {
            let marks = row.marks.iter().flatten().count().max(1) as f64 * LINE;
            let lines = name.len() as f64 * LINE;
            let (first, height) = match beside {
                true => (bottom + (lines - marks).max(0.0) / 2.0, marks.max(lines)),
                false => (bottom + lines, marks + lines),
            };
            let name_top = if beside { bottom + (height - lines) / 2.0 } else { bottom };
            rows.push(RowLayout { name, name_top: name_top + GAP / 2.0, first: first + GAP / 2.0 });
            bottom += height + GAP;
        }
        let left = if beside { 2.0 * MARGIN + widest } else { MARGIN + 6.0 };
        // What values say stands in a column beside the axes, where nothing is drawn.
        let right = width - MARGIN - texts - if texts > 0.0 { 14.0 } else { 8.0 };
        let height = (bottom - top).max(40.0);
        Layout { beside, frame: Frame::beside(width, (left, right), top, height, x), rows }
    }

    fn draw_row<B: DrawingBackend>(
        &self,
        paper: &Paper<'_, B>,
        frame: &Frame,
        row: &Row,
        first: f64,
    ) -> Result<(), ChartError> {
        let theme = paper.theme;
        let mut y = first + LINE / 2.0;
        for (number, value) in row.marks.iter().enumerate() {
            let Some(value) = value else { continue };
            let colour = theme.series[number % theme.series.len()];
            let x = frame.across(value.value);
            if self.bars {
                let right = x.max(frame.left + 1.0);
                paper.fill((frame.left, y - 6.0), (right, y + 6.0), colour)?;
            }
            if let Some(interval) = value.interval {
                let line = if self.bars { theme.ink } else { colour };
                level_interval(paper, y, frame.ends_across(interval), line)?;
            }
            if !self.bars {
                mark(paper, number, (x, y), colour, row.hollow.then_some(theme.paper))?;
            }
            let place = (frame.right + 14.0, y);
            paper.text(&fitted_text(value), place, Side::Right, TEXT, theme.ink)?;
            y += LINE;
        }
        Ok(())
    }
}

/// Where a row stands.
struct RowLayout {
    /// Its name in lines, and the upper edge of the first.
    name: Vec<String>,
    name_top: f64,
    /// Upper edge of its first mark.
    first: f64,
}

struct Layout {
    /// Names stand beside the axes.
    beside: bool,
    frame: Frame,
    rows: Vec<RowLayout>,
}

fn fitted_text(mark: &RowMark) -> String {
    fitted(&mark.text, TEXT, MAX_TEXT)
}

impl Drawing for RowsChart<'_> {
    fn size(&self, room: f64) -> (u32, u32) {
        (room as u32, self.layout(room).frame.end().ceil() as u32 + 4)
    }

    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ChartError> {
        let theme = paper.theme;
        self.heading().draw(paper, paper.room)?;
        let Layout { beside, frame, rows } = self.layout(paper.room);
        frame.draw_x(paper)?;
        for (number, &value) in self.references.iter().flat_map(|(_, values)| values).enumerate() {
            let (x, colour) = (frame.across(value), theme.series[number % theme.series.len()]);
            let mut from = frame.top;
            // Names above their marks are not crossed.
            for layout in rows.iter().filter(|_| !beside) {
                stroked(paper, 2, &[(x, from), (x, layout.name_top.max(from))], colour, 1.6)?;
                from = layout.first;
            }
            stroked(paper, 2, &[(x, from), (x, frame.bottom)], colour, 1.6)?;
        }
        for (row, layout) in self.rows.iter().zip(&rows) {
            if !beside {
                // Lines behind the data are not behind names.
                let height = layout.name.len() as f64 * LINE;
                let corner = (paper.room - MARGIN + 2.0, layout.name_top + height);
                paper.fill((MARGIN - 2.0, layout.name_top), corner, theme.paper)?;
            }
            for (number, line) in layout.name.iter().enumerate() {
                let y = layout.name_top + (number as f64 + 0.5) * LINE;
                let (x, side) = match beside {
                    true => (frame.left - 12.0, Side::Left),
                    false => (MARGIN, Side::Right),
                };
                paper.text(line, (x, y), side, 1.0, theme.ink)?;
            }
            self.draw_row(paper, &frame, row, layout.first)?;
        }
        let ends = [(frame.left, frame.top), (frame.left, frame.bottom)];
        if beside { paper.line(&ends, theme.axis, 1.0) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::PHONE;
    use crate::legible;

    fn chart(bars: bool) -> RowsChart<'static> {
        let dot = |value: f64| {
            let text = format!("{value:.3}");
            Some(RowMark { value, interval: Some((value - 0.02, value + 0.02)), text })
        };
        let row = |name: &str, hollow, marks| Row { name: name.to_owned(), hollow, marks };
        RowsChart {
            title: "accuracy on TTD",
            subtitle: "where width > 300",
            x_name: "accuracy",
            bars,
            series: ["≥5", "≥4"].map(str::to_owned).to_vec(),
            references: Some(("always the largest class", vec![0.659, 0.617])),
            hollow: "published",
            rows: vec![
                row("<i>mine</i>", false, vec![dot(0.75), dot(0.72)]),
                row("theirs †", true, vec![dot(0.77), None]),
                row("not done", false, vec![None, None]),
            ],
        }
    }

    #[test]
    fn rows_are_named_valued_and_told_apart() {
        for bars in [false, true] {
            let picture = chart(bars).picture().unwrap();
            for words in
                ["0.750", "theirs †", "published", "always the largest", "&lt;i&gt;mine", "≥4"]
            {
                assert!(picture.light.svg.contains(words), "{words}");
            }
            assert!(!picture.light.svg.contains("<i>"));
            legible::check(&picture);
        }
        let long = "long ".repeat(2000);
        let mut wide = RowsChart { title: &long, ..chart(false) };
        wide.rows[0].name.clone_from(&long);
        let svg = wide.picture().unwrap().light.svg;
        assert!(svg.contains("width=\"720\"") && svg.len() < 20_000, "cut to its place");
        let none = RowsChart { rows: Vec::new(), references: None, ..chart(true) };
        none.picture().unwrap();
    }

    #[test]
    fn a_bar_of_error_never_goes_below_0_and_values_cross_no_line() {
        let mark = |value: f64, sd: f64| {
            let text = format!("{value:.1} ± {sd:.1}");
            Some(RowMark { value, interval: Some((value - sd, value + sd)), text })
        };
        let row = |name: &str, value, sd| Row {
            name: name.to_owned(),
            hollow: false,
            marks: vec![mark(value, sd)],
        };
        let rows = vec![
            row("noisy", 9.1, 12.3),
            row("steady", 6.4, 0.1),
            row("a ".repeat(60).trim(), 80.0, 3.0),
        ];
        let (x_name, series) = ("time (ms), mean ± sd", vec![String::new()]);
        let times = RowsChart { x_name, bars: true, series, references: None, rows, ..chart(true) };
        for room in [WIDE, PHONE] {
            let frame = times.layout(room).frame;
            let [low, high] = frame.ends_across((9.1 - 12.3, 9.1 + 12.3));
            assert!(low.cut && low.place == frame.left && !high.cut, "{low:?} {high:?}");
        }
        legible::check(&times.picture().unwrap());
    }
}
