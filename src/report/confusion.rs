//! Which class was taken for which: a square of cells, coloured by the share of its row.

use plotters::prelude::{DrawingBackend, RGBColor};

use super::ReportError;
use super::drawing::{Drawing, Paper, Side, ThemedPicture, between, fitted, render, text_width};
use super::numbers::count;

/// With more classes than this a cell holds no numbers, and classes are numbered.
const MAX_NUMBERED: usize = 12;
/// Side of a cell with numbers, in pixels.
const CELL: f64 = 76.0;
/// Side of all cells without.
const SQUARE: f64 = 480.0;
/// Width of a row's name at most.
const MAX_NAME: f64 = 150.0;
const TOP: f64 = 84.0;
const SCALE_WIDTH: f64 = 14.0;

/// A confusion matrix as a picture.
#[derive(Debug, Clone)]
pub struct ConfusionChart<'a> {
    /// What is said above it.
    pub title: &'a str,
    /// Class names.
    pub classes: &'a [String],
    /// `[label][prediction]`
    pub counts: &'a [Vec<u64>],
}

impl ConfusionChart<'_> {
    /// Classes at most: more cells than pixels are no picture.
    pub const MAX_CLASSES: usize = 200;

    /// Draws it.
    ///
    /// # Errors
    /// [`ReportError::Chart`] when there are more classes than [`ConfusionChart::MAX_CLASSES`], or no class.
    pub fn picture(&self) -> Result<ThemedPicture, ReportError> {
        match self.classes.len() {
            1..=Self::MAX_CLASSES => render(self),
            number => Err(ReportError::Chart(format!(
                "expected 1 to {} classes for a confusion matrix, found {number}",
                Self::MAX_CLASSES
            ))),
        }
    }

    fn numbered(&self) -> bool {
        self.classes.len() <= MAX_NUMBERED
    }

    fn cell(&self) -> f64 {
        if self.numbered() { CELL } else { (SQUARE / self.classes.len() as f64).max(2.0) }
    }

    fn side(&self) -> f64 {
        self.cell() * self.classes.len() as f64
    }

    /// Where the cells begin.
    fn left(&self) -> f64 {
        let widest = match self.numbered() {
            true => self.classes.iter().map(|name| text_width(name, 1.0)).fold(0.0, f64::max),
            false => text_width("200", 1.0),
        };
        44.0 + widest.min(MAX_NAME)
    }

    /// Names of rows and columns: where, and what.
    fn names(&self) -> Vec<(f64, String)> {
        let middle = |place: usize| (place as f64 + 0.5) * self.cell();
        if self.numbered() {
            return self
                .classes
                .iter()
                .enumerate()
                .map(|(at, n)| (middle(at), n.clone()))
                .collect();
        }
        let step = self.classes.len().div_ceil(10);
        (0..self.classes.len()).step_by(step).map(|at| (middle(at), at.to_string())).collect()
    }

    fn shares(row: &[u64]) -> Vec<f64> {
        let all = row.iter().sum::<u64>().max(1) as f64;
        row.iter().map(|&number| number as f64 / all).collect()
    }
}

/// Black or white, whichever is easier to read on a colour.
fn readable_on(RGBColor(red, green, blue): RGBColor) -> RGBColor {
    let light = 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
    if light > 140.0 { RGBColor(0x11, 0x15, 0x1a) } else { RGBColor(0xff, 0xff, 0xff) }
}

impl Drawing for ConfusionChart<'_> {
    fn size(&self) -> (u32, u32) {
        let width = (self.left() + self.side() + 96.0).max(text_width(self.title, 1.0) + 24.0);
        (width.ceil() as u32, (TOP + self.side() + 24.0).ceil() as u32)
    }

    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ReportError> {
        let theme = paper.theme;
        let (left, side, cell) = (self.left(), self.side(), self.cell());
        let colour = |share: f64| between(theme.empty, theme.full, share);
        paper.text(self.title, (12.0, 18.0), Side::Right, 1.0, theme.ink)?;
        paper.text("prediction", (left + side / 2.0, 44.0), Side::Middle, 1.0, theme.ink)?;
        paper.upright("label", (16.0, TOP + side / 2.0), theme.ink)?;
        for (at, name) in self.names() {
            let (row, column) = match self.numbered() {
                true => (fitted(&name, 1.0, MAX_NAME), fitted(&name, 1.0, cell - 4.0)),
                false => (name.clone(), name),
            };
            paper.text(&row, (left - 10.0, TOP + at), Side::Left, 1.0, theme.ink)?;
            paper.text(&column, (left + at, TOP - 14.0), Side::Middle, 1.0, theme.ink)?;
        }
        let gap = if self.numbered() { 1.0 } else { 0.0 };
        if !self.numbered() {
            paper.fill((left, TOP), (left + side, TOP + side), theme.empty)?;
        }
        for (y, row) in self.counts.iter().enumerate() {
            for (x, (number, share)) in row.iter().zip(Self::shares(row)).enumerate() {
                if *number == 0 && !self.numbered() {
                    continue;
                }
                let (x, y) = (left + x as f64 * cell, TOP + y as f64 * cell);
                let fill = colour(share);
                paper.fill((x + gap, y + gap), (x + cell - gap, y + cell - gap), fill)?;
                if self.numbered() {
                    let (ink, middle) = (readable_on(fill), x + cell / 2.0);
                    let percent = format!("{:.1} %", 100.0 * share);
                    let number = count(*number);
                    paper.text(&number, (middle, y + cell / 2.0 - 9.0), Side::Middle, 1.15, ink)?;
                    paper.text(
                        &percent,
                        (middle, y + cell / 2.0 + 11.0),
                        Side::Middle,
                        0.9,
                        ink,
                    )?;
                }
            }
        }
        // The colours' scale.
        let (x, height) = (left + side + 18.0, side.min(CELL * 3.0));
        let y = TOP + (side - height) / 2.0;
        let steps = height as u32;
        for step in 0..steps {
            let top = y + f64::from(step);
            let share = 1.0 - (f64::from(step) + 0.5) / f64::from(steps);
            paper.fill((x, top), (x + SCALE_WIDTH, top + 1.0), colour(share))?;
        }
        for share in [0.0, 0.5, 1.0] {
            let (from, to) = (x + SCALE_WIDTH, y + height * (1.0 - share));
            paper.line(&[(from, to), (from + 4.0, to)], theme.axis, 1.0)?;
            let text = format!("{:.0} %", 100.0 * share);
            paper.text(&text, (from + 8.0, to), Side::Right, 0.9, theme.ink)?;
        }
        paper.upright("share of the label", (x + SCALE_WIDTH + 52.0, y + height / 2.0), theme.ink)
    }
}
