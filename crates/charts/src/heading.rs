//! What stands above a chart: its title, which samples it is of, and what each sign in it means.

use plotters::prelude::DrawingBackend;

use super::ChartError;
use super::drawing::{Paper, Side, text_width, wrapped};
use super::marks::{disc, mark, ring, stroked};

/// Room at the left and at the right.
pub(super) const MARGIN: f64 = 12.0;
/// Height of a line of text.
pub(super) const LINE: f64 = 18.0;
/// Letters of the legend, relative.
const LETTERS: f64 = 0.95;
/// Between a sign and its words, and between two entries.
const GAP: f64 = 7.0;
const APART: f64 = 20.0;
/// Lines of a title, of a subtitle and of an entry of the legend at most: a hostile name does not fill a page.
const MOST_LINES: usize = 4;

/// A sign of a legend. Numbers are those of colours and of marks in the theme's series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sign {
    /// The mark of a series.
    Mark(usize),
    /// A mark that is not filled, of no series.
    HollowMark,
    /// A piece of a series' line, with its mark or without.
    Line(usize, bool),
    /// A line of equal strokes in the colour of a series.
    Dashes(usize),
    /// A line with the strokes of a series in the colour of another.
    Strokes(usize, usize),
    /// An upright dotted line.
    Upright,
    /// A filled square.
    Fill(usize),
    /// A disc in the colour of a series.
    Disc(usize),
    /// A disc that is not filled.
    HollowDisc(usize),
    /// A disc in a ring.
    Ring(usize),
    /// Words alone.
    None,
}

/// Title, subtitle and legend.
#[derive(Debug, Clone)]
pub(super) struct Heading<'a> {
    pub(super) title: &'a str,
    /// Which samples the picture is of; may be empty.
    pub(super) subtitle: &'a str,
    pub(super) legend: Vec<(Sign, String)>,
}

/// A line of the legend, or a further line of an entry: left, its number from above, the sign, the words.
type Entry = (f64, usize, Sign, String);

impl Sign {
    fn width(self) -> f64 {
        match self {
            Sign::Line(..) | Sign::Dashes(_) | Sign::Strokes(..) => 28.0,
            Sign::None => -GAP,
            _ => 12.0,
        }
    }

    /// Draws it to the right of a place.
    fn draw<B: DrawingBackend>(
        self,
        paper: &Paper<'_, B>,
        (x, y): (f64, f64),
    ) -> Result<(), ChartError> {
        let theme = paper.theme;
        let colour = |series: usize| theme.series[series % theme.series.len()];
        let ends = [(x, y), (x + self.width(), y)];
        let middle = (x + self.width() / 2.0, y);
        match self {
            Sign::Mark(series) => mark(paper, series, middle, colour(series), None),
            Sign::HollowMark => mark(paper, 0, middle, theme.ink, Some(theme.paper)),
            Sign::Line(series, marked) => {
                stroked(paper, series, &ends, colour(series), 2.0)?;
                if marked { mark(paper, series, middle, colour(series), None) } else { Ok(()) }
            }
            Sign::Dashes(series) => paper.dashes(ends[0], ends[1], colour(series), 2.0),
            Sign::Strokes(strokes, series) => stroked(paper, strokes, &ends, colour(series), 1.6),
            Sign::Upright => {
                let ends = [(middle.0, y - 7.0), (middle.0, y + 7.0)];
                stroked(paper, 2, &ends, theme.ink, 1.6)
            }
            Sign::Fill(series) => paper.fill((x, y - 6.0), (x + 12.0, y + 6.0), colour(series)),
            Sign::Disc(series) => disc(paper, middle, 6.0, colour(series), false),
            Sign::HollowDisc(series) => disc(paper, middle, 6.0, colour(series), true),
            Sign::Ring(series) => {
                ring(paper, middle, 2.5, colour(series))?;
                disc(paper, middle, 2.5, colour(series), false)
            }
            Sign::None => Ok(()),
        }
    }
}

impl Heading<'_> {
    fn titles(&self, width: f64) -> [Vec<String>; 2] {
        let lines = |text, size| wrapped(text, size, width - 2.0 * MARGIN, MOST_LINES);
        [lines(self.title, 1.0), lines(self.subtitle, LETTERS)]
    }

    /// The legend's entries in lines that are not wider than the picture.
    fn entries(&self, width: f64) -> Vec<Entry> {
        let right = width - MARGIN;
        let (mut left, mut line) = (MARGIN, 0);
        let mut entries: Vec<Entry> = Vec::new();
        for (sign, words) in &self.legend {
            let before = sign.width() + GAP;
            if left > MARGIN && left + before + text_width(words, LETTERS) > right {
                (left, line) = (MARGIN, line + 1);
            }
            let lines = wrapped(words, LETTERS, right - left - before, MOST_LINES);
            let more = lines.len().saturating_sub(1);
            let widest = lines.iter().map(|text| text_width(text, LETTERS)).fold(0.0, f64::max);
            for (number, text) in lines.into_iter().enumerate() {
                match number {
                    0 => entries.push((left, line, *sign, text)),
                    // Below the words before, without a sign.
                    _ => entries.push((left + before, line + number, Sign::None, text)),
                }
            }
            left += before + widest + APART;
            if more > 0 {
                (left, line) = (MARGIN, line + more + 1);
            }
        }
        entries
    }

    /// Pixels from the top of the picture to what stands below the heading.
    pub(super) fn height(&self, width: f64) -> f64 {
        let titles: usize = self.titles(width).iter().map(Vec::len).sum();
        let legend = self.entries(width).iter().map(|&(_, line, ..)| line + 1).max().unwrap_or(0);
        let between = if titles > 0 && legend > 0 { 6.0 } else { 0.0 };
        9.0 + (titles + legend) as f64 * LINE + between + 10.0
    }

    /// Draws it at the top of a picture.
    pub(super) fn draw<B: DrawingBackend>(
        &self,
        paper: &Paper<'_, B>,
        width: f64,
    ) -> Result<(), ChartError> {
        let theme = paper.theme;
        let mut y = 9.0 + LINE / 2.0;
        let titles = self.titles(width);
        for (lines, size) in titles.iter().zip([1.0, LETTERS]) {
            for line in lines {
                paper.text(line, (MARGIN, y), Side::Right, size, theme.ink)?;
                y += LINE;
            }
        }
        if titles.iter().any(|lines| !lines.is_empty()) {
            y += 6.0;
        }
        for (left, line, sign, words) in self.entries(width) {
            let y = y + line as f64 * LINE;
            sign.draw(paper, (left, y))?;
            let place = (left + sign.width() + GAP, y);
            paper.text(&words, place, Side::Right, LETTERS, theme.ink)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::{PHONE, WIDE};

    #[test]
    fn a_legend_that_is_too_wide_goes_on_in_the_next_line_and_loses_nothing() {
        let names = [
            "training",
            "validation",
            "a name that is much longer than a phone's screen is wide, and more",
        ];
        let legend =
            names.iter().enumerate().map(|(n, name)| (Sign::Line(n, true), (*name).to_owned()));
        let heading =
            Heading { title: "title", subtitle: "where width > 300", legend: legend.collect() };
        for width in [WIDE, PHONE] {
            let entries = heading.entries(width);
            for (left, line, sign, words) in &entries {
                let right = left + sign.width() + GAP + text_width(words, LETTERS);
                assert!(right <= width - MARGIN + 0.5, "{words}: {right}");
                let others = entries.iter().filter(|other| other.1 == *line && other.0 > *left);
                others.for_each(|other| assert!(other.0 > right, "{words} {other:?}"));
            }
            let words: Vec<&str> = entries.iter().map(|entry| entry.3.as_str()).collect();
            assert_eq!(words.join(" "), names.join(" "));
        }
        assert!(heading.height(PHONE) > heading.height(WIDE));
        let none = Heading { title: "", subtitle: "", legend: Vec::new() };
        assert!(none.height(PHONE) < 20.0);
    }
}
