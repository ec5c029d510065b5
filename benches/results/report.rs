//! Medians, verdicts, tables, and the page they stand on.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Several measurements of one thing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.iter().copied()
    }

    /// The middle one; the mean of the two middle ones of an even number.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }

    /// This divided by `other`, round by round.
    pub(crate) fn over(&self, other: &Sample) -> Sample {
        self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect()
    }

    /// The lowest and the highest, in words.
    pub(crate) fn spread(&self, digits: usize) -> String {
        let low = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{low:.digits$}–{high:.digits$}")
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Sample {
        Sample(values.into_iter().collect())
    }
}

/// What a figure is measured against: what it must reach and what it should.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// More is better: at least, aim.
    AtLeast(f64, f64),
    /// Less is better: at most, aim.
    AtMost(f64, f64),
}

impl Goal {
    pub(crate) fn verdict(self, value: f64) -> &'static str {
        let (reached, aim) = match self {
            Goal::AtLeast(least, aim) => (value >= least, value >= aim),
            Goal::AtMost(most, aim) => (value <= most, value <= aim),
        };
        match (reached, aim) {
            (_, true) => "**reached, the aim too**",
            (true, false) => "**reached**, not the aim",
            (false, false) => "**missed**",
        }
    }

    /// "at least 0.8, aim 0.9".
    pub(crate) fn words(self, unit: &str) -> String {
        match self {
            Goal::AtLeast(least, aim) => format!("at least {least}{unit}, aim {aim}{unit}"),
            Goal::AtMost(most, aim) => format!("at most {most}{unit}, aim {aim}{unit}"),
        }
    }
}

/// A Markdown table.
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Table {
        Table(format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(N)))
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        let _ = writeln!(self.0, "| {} |", cells.join(" | "));
    }

    pub(crate) fn text(self) -> String {
        self.0
    }
}

/// The page of results: parts between marks, each replaced by its own command.
pub(crate) struct Page {
    path: PathBuf,
    order: Vec<String>,
}

const HEAD: &str = "# Measured results

Written by `make bench` (`benches/results`), never by hand; a section is replaced when it is measured
again. Losses are included. Ratios are medians of ratios within one round of one run.
";

impl Page {
    pub(crate) fn new(path: PathBuf, order: &[&str]) -> Page {
        Page { path, order: order.iter().map(|&name| name.to_owned()).collect() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the section `name`, whatever stood there before.
    pub(crate) fn replace(&self, name: &str, body: &str) {
        let old = fs::read_to_string(&self.path).unwrap_or_default();
        let mut page = HEAD.to_owned();
        for section in &self.order {
            let (begin, end) = (format!("<!-- {section} -->"), format!("<!-- /{section} -->"));
            let found = old.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
            let body = match found {
                _ if section == name => body.trim(),
                Some((kept, _)) => kept.trim(),
                None => continue,
            };
            let _ = write!(page, "\n{begin}\n{body}\n{end}\n");
        }
        fs::write(&self.path, page).unwrap_or_else(|e| panic!("{}: {e}", self.path.display()));
    }
}

/// 12345678 → "12,345,678".
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
