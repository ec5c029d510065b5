//! Values below each other, each with its name: dots with intervals, or bars.

use plotters::prelude::DrawingBackend;

use super::ReportError;
use super::axis::short;
use super::drawing::{Drawing, Paper, Side, ThemedPicture, fitted, render, text_width};
use super::frame::{Frame, Scale};
use super::marks::{level_interval, mark, stroked};

/// Pixels of a picture's width.
const WIDTH: f64 = 720.0;
/// Width of a row's name at most.
const MAX_NAME: f64 = 250.0;
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
    /// [`ReportError::Chart`].
    pub fn picture(&self) -> Result<ThemedPicture, ReportError> {
        render(self)
    }

    fn row_height(&self, row: &Row) -> f64 {
        row.marks.iter().flatten().count().max(1) as f64 * LINE + GAP
    }

    fn rows_height(&self) -> f64 {
        self.rows.iter().map(|row| self.row_height(row)).sum::<f64>().max(40.0)
    }

    fn has_legend(&self) -> bool {
        self.series.len() > 1 || self.references.is_some() || self.rows.iter().any(|row| row.hollow)
    }

    fn top(&self) -> f64 {
        if self.has_legend() { 68.0 } else { 40.0 }
    }

    fn frame(&self) -> Frame {
        let names = self.rows.iter().map(|row| text_width(&row.name, 1.0)).fold(60.0, f64::max);
        let marks = || self.rows.iter().flat_map(|row| row.marks.iter().flatten());
        let texts = marks().map(|mark| text_width(&mark.text, 0.9)).fold(0.0, f64::max);
        let ends = marks().flat_map(|mark| {
            let (low, high) = mark.interval.unwrap_or((mark.value, mark.value));
            [low, high, mark.value]
        });
        let references = self.references.iter().flat_map(|(_, values)| values.iter().copied());
        let x = match self.bars {
            true => Scale::from_zero(self.x_name, ends, short),
            false => Scale::shares(self.x_name, ends.chain(references), short),
        };
        // Upwards there are names only.
        let y = Scale::from_zero("", std::iter::empty(), |_| String::new());
        Frame {
            left: 24.0 + names.min(MAX_NAME),
            right: WIDTH - 22.0 - texts.min(MAX_TEXT),
            top: self.top(),
            bottom: self.top() + self.rows_height(),
            x,
            y,
        }
    }

    fn legend<B: DrawingBackend>(
        &self,
        paper: &Paper<'_, B>,
        left: f64,
    ) -> Result<(), ReportError> {
        let (theme, y) = (paper.theme, 44.0);
        let mut x = left;
        if self.series.len() > 1 {
            for (number, name) in self.series.iter().enumerate() {
                let colour = theme.series[number % theme.series.len()];
                mark(paper, number, (x + 6.0, y), colour, None)?;
                paper.text(name, (x + 16.0, y), Side::Right, 0.95, theme.ink)?;
                x += text_width(name, 0.95) + 34.0;
            }
        }
        if self.rows.iter().any(|row| row.hollow) {
            mark(paper, 0, (x + 6.0, y), theme.ink, Some(theme.paper))?;
            paper.text(self.hollow, (x + 16.0, y), Side::Right, 0.95, theme.ink)?;
            x += text_width(self.hollow, 0.95) + 34.0;
        }
        if let Some((words, _)) = &self.references {
            stroked(paper, 2, &[(x + 6.0, y - 8.0), (x + 6.0, y + 8.0)], theme.ink, 1.6)?;
            paper.text(words, (x + 16.0, y), Side::Right, 0.95, theme.ink)?;
        }
        Ok(())
    }
}

impl Drawing for RowsChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (self.top() + self.rows_height() + 54.0).ceil() as u32)
    }

    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ReportError> {
        let theme = paper.theme;
        let title = fitted(self.title, 1.0, WIDTH - 24.0);
        paper.text(&title, (12.0, 18.0), Side::Right, 1.0, theme.ink)?;
        let frame = self.frame();
        if self.has_legend() {
            self.legend(paper, 12.0)?;
        }
        frame.draw_x(paper)?;
        for (number, &value) in self.references.iter().flat_map(|(_, values)| values).enumerate() {
            let (x, colour) = (frame.across(value), theme.series[number % theme.series.len()]);
            stroked(paper, 2, &[(x, frame.top), (x, frame.bottom)], colour, 1.6)?;
        }
        let mut top = frame.top;
        for row in &self.rows {
            let height = self.row_height(row);
            let name = fitted(&row.name, 1.0, MAX_NAME);
            let middle = top + height / 2.0;
            paper.text(&name, (frame.left - 12.0, middle), Side::Left, 1.0, theme.ink)?;
            let mut y = top + GAP / 2.0 + LINE / 2.0;
            for (number, value) in row.marks.iter().enumerate() {
                let Some(value) = value else { continue };
                let colour = theme.series[number % theme.series.len()];
                let x = frame.across(value.value);
                let mut end = x;
                if self.bars {
                    let right = x.max(frame.left + 1.0);
                    paper.fill((frame.left, y - 6.0), (right, y + 6.0), colour)?;
                }
                if let Some((low, high)) = value.interval {
                    let ends = (frame.across(low), frame.across(high));
                    let line = if self.bars { theme.ink } else { colour };
                    level_interval(paper, y, ends, line)?;
                    end = end.max(ends.1);
                }
                if !self.bars {
                    mark(paper, number, (x, y), colour, row.hollow.then_some(theme.paper))?;
                    end = end.max(x + 6.0);
                }
                paper.text(&value.text, (end + 7.0, y), Side::Right, 0.9, theme.ink)?;
                y += LINE;
            }
            top += height;
        }
        paper.line(&[(frame.left, frame.top), (frame.left, frame.bottom)], theme.axis, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(bars: bool) -> RowsChart<'static> {
        let dot = |value: f64| {
            let text = format!("{value:.3}");
            Some(RowMark { value, interval: Some((value - 0.02, value + 0.02)), text })
        };
        let row = |name: &str, hollow, marks| Row { name: name.to_owned(), hollow, marks };
        RowsChart {
            title: "accuracy on TTD",
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
        }
        let long = "long ".repeat(2000);
        let mut wide = RowsChart { title: &long, ..chart(false) };
        wide.rows[0].name.clone_from(&long);
        let svg = wide.picture().unwrap().light.svg;
        assert!(svg.contains("width=\"720\"") && svg.len() < 20_000, "cut to its place");
        let none = RowsChart { rows: Vec::new(), references: None, ..chart(true) };
        none.picture().unwrap();
    }
}
