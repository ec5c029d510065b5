//! Which class was taken for which: a square of cells, coloured by the share of its row.

use plotters::prelude::{DrawingBackend, RGBColor};

use super::ChartError;
use super::drawing::{
    Drawing, Paper, Side, ThemedPicture, WIDE, between, fitted, render, text_width,
};
use super::heading::Heading;
use tcolz_base::numbers::count;

/// With more classes than this a cell holds no numbers, and classes are numbered.
const MAX_NUMBERED: usize = 12;
/// Side of a cell with numbers, in pixels: where there is room, and at least, so that they can be read.
const CELL: f64 = 76.0;
const LEAST_CELL: f64 = 46.0;
/// Side of all cells without.
const SQUARE: f64 = 480.0;
/// Width of a name at most, where there is room.
const MAX_NAME: f64 = 190.0;
const SCALE_WIDTH: f64 = 14.0;
/// Height of the colours' scale at least: that of its name.
const SCALE: f64 = 112.0;
/// Room to the right of the cells, for the colours' scale.
const RIGHT: f64 = 92.0;

/// Width of the picture at least, where there is room: that of its title.
const WIDTH: f64 = 400.0;

/// A confusion matrix as a picture.
#[derive(Debug, Clone)]
pub struct ConfusionChart<'a> {
    /// What is said above it.
    pub title: &'a str,
    /// Which samples it is of; may be empty.
    pub subtitle: &'a str,
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
    /// [`ChartError::Chart`] when there are more classes than [`ConfusionChart::MAX_CLASSES`], or no class.
    pub fn picture(&self) -> Result<ThemedPicture, ChartError> {
        match self.classes.len() {
            1..=Self::MAX_CLASSES => render(self),
            number => Err(ChartError::Chart(format!(
                "expected 1 to {} classes for a confusion matrix, found {number}",
                Self::MAX_CLASSES
            ))),
        }
    }

    fn numbered(&self) -> bool {
        self.classes.len() <= MAX_NUMBERED
    }

    fn heading(&self) -> Heading<'_> {
        Heading { title: self.title, subtitle: self.subtitle, legend: Vec::new() }
    }

    fn max_name(&self, room: f64) -> f64 {
        if room < WIDE { 72.0 } else { MAX_NAME }
    }

    fn widest(&self, room: f64) -> f64 {
        let widest = match self.numbered() {
            true => self.classes.iter().map(|name| text_width(name, 1.0)).fold(0.0, f64::max),
            false => text_width("200", 1.0),
        };
        widest.min(self.max_name(room))
    }

    fn layout(&self, room: f64) -> Layout {
        let left = 44.0 + self.widest(room);
        let classes = self.classes.len() as f64;
        let available = (room - left - RIGHT) / classes;
        let cell = match self.numbered() {
            true => available.clamp(LEAST_CELL, CELL),
            false => available.min(SQUARE / classes).max(2.0),
        };
        let side = cell * classes;
        // Names of columns that are wider than a cell run upwards.
        let upright = self.numbered() && self.widest(room) > cell - 6.0;
        let names = if upright { self.widest(room) + 8.0 } else { 20.0 };
        // The title may be wider than the cells.
        let width = (left + side + RIGHT).max(WIDTH.min(room));
        let heading = self.heading().height(width);
        Layout { left, cell, side, upright, width, heading, top: heading + 20.0 + names }
    }

    /// Names of rows and columns: where, and what.
    fn names(&self, cell: f64) -> Vec<(f64, String)> {
        let middle = |place: usize| (place as f64 + 0.5) * cell;
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

/// Where everything stands.
struct Layout {
    left: f64,
    top: f64,
    cell: f64,
    /// Side of all cells.
    side: f64,
    /// Names of columns run upwards.
    upright: bool,
    width: f64,
    /// Height of what stands above.
    heading: f64,
}

/// Black or white, whichever is easier to read on a colour.
fn readable_on(RGBColor(red, green, blue): RGBColor) -> RGBColor {
    let light = 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
    if light > 140.0 { RGBColor(0x11, 0x15, 0x1a) } else { RGBColor(0xff, 0xff, 0xff) }
}

impl Drawing for ConfusionChart<'_> {
    fn size(&self, room: f64) -> (u32, u32) {
        let Layout { top, side, width, .. } = self.layout(room);
        (width.ceil() as u32, (top + side.max(SCALE) + 24.0).ceil() as u32)
    }

    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ChartError> {
        let theme = paper.theme;
        let Layout { left, top, cell, side, upright, width, heading } = self.layout(paper.room);
        let colour = |share: f64| between(theme.empty, theme.full, share);
        self.heading().draw(paper, width)?;
        // What has no room for names has the classes' numbers, from 0.
        let [columns, rows] = match self.numbered() {
            true => ["prediction", "label"],
            false => ["number of the predicted class", "number of the label's class"],
        };
        let half = text_width(columns, 1.0) / 2.0;
        let middle = (left + side / 2.0).max(half + 4.0);
        paper.text(columns, (middle, heading + 8.0), Side::Middle, 1.0, theme.ink)?;
        paper.upright(rows, (16.0, top + side.max(SCALE) / 2.0), Side::Middle, theme.ink)?;
        for (at, name) in self.names(cell) {
            let name = fitted(&name, 1.0, self.max_name(paper.room));
            paper.text(&name, (left - 10.0, top + at), Side::Left, 1.0, theme.ink)?;
            match upright {
                true => paper.upright(&name, (left + at, top - 8.0), Side::Right, theme.ink)?,
                false => {
                    paper.text(&name, (left + at, top - 12.0), Side::Middle, 1.0, theme.ink)?
                }
            }
        }
        let gap = if self.numbered() { 1.0 } else { 0.0 };
        if !self.numbered() {
            paper.fill((left, top), (left + side, top + side), theme.empty)?;
        }
        for (y, row) in self.counts.iter().enumerate() {
            for (x, (number, share)) in row.iter().zip(Self::shares(row)).enumerate() {
                if *number == 0 && !self.numbered() {
                    continue;
                }
                let (x, y) = (left + x as f64 * cell, top + y as f64 * cell);
                let fill = colour(share);
                paper.fill((x + gap, y + gap), (x + cell - gap, y + cell - gap), fill)?;
                if self.numbered() {
                    let (ink, middle) = (readable_on(fill), (x + cell / 2.0, y + cell / 2.0));
                    let percent = format!("{:.1} %", 100.0 * share);
                    for (text, most, below) in
                        [(count(*number), 1.15_f64, -0.12), (percent, 0.9, 0.145)]
                    {
                        // As large as the cell lets it be.
                        let size = most.min((cell - 8.0) / text_width(&text, 1.0));
                        let place = (middle.0, middle.1 + below * cell);
                        paper.text(&text, place, Side::Middle, size, ink)?;
                    }
                }
            }
        }
        // The colours' scale.
        let (x, height) = (left + side + 14.0, side.clamp(SCALE, CELL * 3.0));
        let y = top + (side.max(SCALE) - height) / 2.0;
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
        let place = (x + SCALE_WIDTH + 52.0, y + height / 2.0);
        paper.upright("share of the label", place, Side::Middle, theme.ink)
    }
}
