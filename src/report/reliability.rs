//! Whether probabilities mean what they say: of what is claimed with 0.8, eight of ten should be right.

use plotters::prelude::DrawingBackend;

use super::ReportError;
use super::axis::short;
use super::drawing::{Drawing, Paper, Side, ThemedPicture, render, text_width};

const SIZE: (u32, u32) = (480, 500);
const LEFT: f64 = 64.0;
const RIGHT: f64 = 460.0;
const TOP: f64 = 78.0;
const BOTTOM: f64 = 338.0;
/// Bars of how many samples each bin holds.
const SAMPLES_TOP: f64 = 366.0;
const SAMPLES_BOTTOM: f64 = 442.0;

/// A bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReliabilityBin {
    /// Probabilities from here,
    pub from: f64,
    /// to here.
    pub to: f64,
    /// Samples in it.
    pub samples: u64,
    /// Their mean probability.
    pub confidence: f64,
    /// The share of them that is predicted right.
    pub accuracy: f64,
}

/// A reliability diagram as a picture, with the samples of each bin below it.
#[derive(Debug, Clone)]
pub struct ReliabilityChart<'a> {
    /// What is said above it.
    pub title: &'a str,
    /// Bins from 0 to 1.
    pub bins: Vec<ReliabilityBin>,
}

impl ReliabilityChart<'_> {
    /// Draws it.
    ///
    /// # Errors
    /// [`ReportError::Chart`].
    pub fn picture(&self) -> Result<ThemedPicture, ReportError> {
        render(self)
    }
}

fn across(probability: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * probability
}

fn up(share: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * share
}

impl Drawing for ReliabilityChart<'_> {
    fn size(&self) -> (u32, u32) {
        (SIZE.0.max((text_width(self.title, 1.0) + 24.0).ceil() as u32), SIZE.1)
    }

    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ReportError> {
        let theme = paper.theme;
        paper.text(self.title, (12.0, 18.0), Side::Right, 1.0, theme.ink)?;
        // What is drawn, in its colours.
        let (bar, ideal) = (theme.series[0], theme.series[1]);
        let mut x = LEFT;
        paper.fill((x, 42.0), (x + 12.0, 54.0), bar)?;
        let text = "share predicted right";
        paper.text(text, (x + 18.0, 48.0), Side::Right, 0.95, theme.ink)?;
        x += text_width(text, 0.95) + 44.0;
        paper.dashes((x, 48.0), (x + 25.0, 48.0), ideal, 2.0)?;
        paper.text("as claimed", (x + 32.0, 48.0), Side::Right, 0.95, theme.ink)?;

        for tick in 0..=5 {
            let share = f64::from(tick) / 5.0;
            paper.line(&[(LEFT, up(share)), (RIGHT, up(share))], theme.grid, 1.0)?;
            let text = short(share);
            paper.text(&text, (LEFT - 8.0, up(share)), Side::Left, 0.95, theme.ink)?;
            let place = (across(share), SAMPLES_BOTTOM + 14.0);
            paper.text(&text, place, Side::Middle, 0.95, theme.ink)?;
            paper.line(
                &[(across(share), SAMPLES_BOTTOM), (across(share), SAMPLES_BOTTOM + 4.0)],
                theme.axis,
                1.0,
            )?;
        }
        let most = self.bins.iter().map(|bin| bin.samples).max().unwrap_or(0);
        let samples_up = |samples: u64| {
            let share = samples as f64 / most.max(1) as f64;
            SAMPLES_BOTTOM - (SAMPLES_BOTTOM - SAMPLES_TOP) * share
        };
        for samples in [0, most] {
            let y = samples_up(samples);
            paper.line(&[(LEFT, y), (RIGHT, y)], theme.grid, 1.0)?;
            let text = short(samples as f64);
            paper.text(&text, (LEFT - 8.0, y), Side::Left, 0.95, theme.ink)?;
        }
        for bin in self.bins.iter().filter(|bin| bin.samples > 0) {
            let (from, to) = (across(bin.from) + 1.0, across(bin.to) - 1.0);
            // What is there is seen: a bar is at least a pixel high.
            let top = up(bin.accuracy).min(BOTTOM - 1.0);
            paper.fill((from, top), (to, BOTTOM), bar)?;
            let top = samples_up(bin.samples).min(SAMPLES_BOTTOM - 1.0);
            paper.fill((from, top), (to, SAMPLES_BOTTOM), theme.series[5])?;
        }
        paper.dashes((LEFT, BOTTOM), (RIGHT, TOP), ideal, 2.0)?;
        for bottom in [BOTTOM, SAMPLES_BOTTOM] {
            paper.line(&[(LEFT, bottom), (RIGHT, bottom)], theme.axis, 1.0)?;
        }
        paper.upright("share predicted right", (16.0, (TOP + BOTTOM) / 2.0), theme.ink)?;
        paper.upright("samples", (16.0, (SAMPLES_TOP + SAMPLES_BOTTOM) / 2.0), theme.ink)?;
        let middle = ((LEFT + RIGHT) / 2.0, SAMPLES_BOTTOM + 38.0);
        paper.text("probability of the predicted class", middle, Side::Middle, 1.0, theme.ink)
    }
}
