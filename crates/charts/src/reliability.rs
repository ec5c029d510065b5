//! Whether probabilities mean what they say: of what is claimed with 0.8, eight of ten should be right.

use plotters::prelude::DrawingBackend;

use super::ChartError;
use super::axis::short;
use super::drawing::{Drawing, Paper, ThemedPicture, render};
use super::frame::{Frame, Scale};
use super::heading::{Heading, Sign};

/// Width of the picture, where there is room.
const WIDTH: f64 = 480.0;
/// Height of the shares, and of the bars of how many samples each bin holds.
const SHARES: f64 = 260.0;
const SAMPLES: f64 = 76.0;
/// Numbers of colours.
const RIGHT_SHARE: usize = 0;
const CLAIMED: usize = 1;
const NUMBER: usize = 5;

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
    /// Which samples it is of; may be empty.
    pub subtitle: &'a str,
    /// Bins from 0 to 1.
    pub bins: Vec<ReliabilityBin>,
}

impl ReliabilityChart<'_> {
    /// Draws it.
    ///
    /// # Errors
    /// [`ChartError::Chart`].
    pub fn picture(&self) -> Result<ThemedPicture, ChartError> {
        render(self)
    }

    fn heading(&self) -> Heading<'_> {
        let legend = [
            (Sign::Fill(RIGHT_SHARE), "share predicted right"),
            (Sign::Dashes(CLAIMED), "as often as claimed"),
            (Sign::Fill(NUMBER), "samples"),
        ];
        let legend = legend.map(|(sign, words)| (sign, words.to_owned())).to_vec();
        Heading { title: self.title, subtitle: self.subtitle, legend }
    }

    /// The picture's width, the shares above, the samples below.
    fn frames(&self, room: f64) -> (f64, [Frame; 2]) {
        let width = room.min(WIDTH);
        let most = self.bins.iter().map(|bin| bin.samples).max().unwrap_or(0);
        let ticks = (0..=5).map(|tick| (f64::from(tick) / 5.0, short(f64::from(tick) / 5.0)));
        let scale = |name: &str, ticks| Scale::with_ticks(name, 1.0, ticks);
        let shares = scale("share predicted right", ticks.clone().collect());
        let ends = [0, most].map(|samples| (samples as f64, short(samples as f64)));
        let ends = if most == 0 { ends[..1].to_vec() } else { ends.to_vec() };
        let samples = Scale::with_ticks("samples", most.max(1) as f64, ends);
        let (across, top) = ((0.0, width), self.heading().height(width));
        let mut above = Frame::within(across, top, SHARES, scale("", Vec::new()), shares);
        let x = scale("probability of the predicted class", ticks.collect());
        let mut below = Frame::within(across, above.bottom + 10.0, SAMPLES, x, samples);
        // Bins stand above each other.
        above.left = above.left.max(below.left);
        below.left = above.left;
        (width, [above, below])
    }
}

impl Drawing for ReliabilityChart<'_> {
    fn size(&self, room: f64) -> (u32, u32) {
        let (width, [_, below]) = self.frames(room);
        (width as u32, below.end().ceil() as u32 + 4)
    }

    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<(), ChartError> {
        let theme = paper.theme;
        let (width, [shares, samples]) = self.frames(paper.room);
        self.heading().draw(paper, width)?;
        shares.draw(paper)?;
        samples.draw(paper)?;
        for bin in self.bins.iter().filter(|bin| bin.samples > 0) {
            let (from, to) = (shares.across(bin.from) + 1.0, shares.across(bin.to) - 1.0);
            // What is there is seen: a bar is at least a pixel high.
            let top = shares.down(bin.accuracy).min(shares.bottom - 1.0);
            paper.fill((from, top), (to, shares.bottom), theme.series[RIGHT_SHARE])?;
            let top = samples.down(bin.samples as f64).min(samples.bottom - 1.0);
            paper.fill((from, top), (to, samples.bottom), theme.series[NUMBER])?;
        }
        let ends = ((shares.left, shares.bottom), (shares.right, shares.top));
        paper.dashes(ends.0, ends.1, theme.series[CLAIMED], 2.0)?;
        [shares, samples].iter().try_for_each(|frame| {
            let ends = [(frame.left, frame.bottom), (frame.right, frame.bottom)];
            paper.line(&ends, theme.axis, 1.0)
        })
    }
}
