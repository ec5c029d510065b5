//! The charts of the page, but for its histograms.

use crate::{Inspection, TextScores};

use super::elements::Figure;
use super::error::ReportError;
use super::numbers::Numbers;
use super::tables;
use super::throughput::Throughput;
use tcolz_charts::{Axis, short};
use tcolz_charts::{Groups, Lines};

/// With more classes than this their shares are a line, not bars with names.
const MAX_BARS: usize = 24;
/// Points of a line at most.
const MAX_POINTS: usize = 400;
/// Splits that a chart tells apart.
const MAX_SERIES: usize = 6;
/// Colours of negative, neutral and positive: apart from each other for everybody, and those of the service's page.
const SENTIMENTS: [(usize, &str); 3] = [(1, "negative"), (5, "neutral"), (2, "positive")];
/// Colours of splits: of as many as there usually are, none means a sentiment as well.
const SPLITS: [usize; MAX_SERIES] = [0, 3, 4, 2, 1, 5];

type Result<T> = std::result::Result<T, ReportError>;

/// How large the classes are in each split; `None` of fewer than two classes or no samples.
pub(super) fn balance(found: &Inspection, numbers: &Numbers) -> Result<Option<Figure>> {
    let splits: Vec<_> =
        found.statistics.splits.iter().filter(|split| split.samples > 0).take(MAX_SERIES).collect();
    if found.classes.len() < 2 || splits.is_empty() {
        return Ok(None);
    }
    let share = |number: u64, of: u64| 100.0 * number as f64 / of as f64;
    let mut legend: Vec<(usize, String)> =
        splits.iter().zip(SPLITS).map(|(split, colour)| (colour, split.name.clone())).collect();
    if legend.len() == 1 {
        legend.clear();
    }
    let names = splits.iter().map(|split| split.name.as_str()).collect::<Vec<_>>().join(", ");
    let percent = |value: f64| format!("{} %", short(value));
    let most = splits
        .iter()
        .flat_map(|split| split.by_class.iter().map(|&number| share(number, split.samples)))
        .fold(0.0, f64::max);
    let of = |kind: &str| {
        format!("{kind} of the share of each of {} classes in {names}.", found.classes.len())
    };
    let (drawn, alt, note) = if found.classes.len() <= MAX_BARS {
        let values = |split: &&crate::SplitStatistics| {
            split.by_class.iter().map(|&number| share(number, split.samples)).collect()
        };
        let groups = Groups {
            groups: found.classes.clone(),
            series: SPLITS.into_iter().zip(splits.iter().map(values)).collect(),
            x: Axis::from_zero(most, 1e-3, percent),
            name: "share of the split's samples",
            labels: Vec::new(),
        };
        (groups.draw()?, of("Bars"), "")
    } else {
        // The largest class first, by what all splits hold; of equal ones the first.
        let sizes = &found.statistics.class_statistics;
        let mut order: Vec<usize> = (0..found.classes.len()).collect();
        order.sort_by_key(|&class| std::cmp::Reverse(sizes[class].samples));
        let step = order.len().div_ceil(MAX_POINTS);
        let line = |split: &&crate::SplitStatistics| {
            let point = |(at, classes): (usize, &[usize])| {
                let sum: u64 = classes.iter().map(|&class| split.by_class[class]).sum();
                let mean = share(sum, split.samples) / classes.len() as f64;
                ((at * step + 1) as f64, mean)
            };
            order.chunks(step).enumerate().map(point).collect()
        };
        let lines = Lines {
            lines: SPLITS.into_iter().zip(splits.iter().map(line)).collect(),
            x: Axis::between(1.0, found.classes.len() as f64, short),
            y: Axis::from_zero(most, 1e-3, percent),
            names: ("classes, the largest first", "share of the split"),
        };
        (lines.draw()?, of("Lines"), "Many classes: sorted by size, the largest at the left.")
    };
    Ok(Some(Figure {
        title: "Class balance".to_owned(),
        note: note.to_owned(),
        alt,
        legend,
        drawn,
        table: tables::classes(found, numbers),
    }))
}

/// Formats of the source photos, the most frequent first.
pub(super) fn formats(found: &Inspection, numbers: &Numbers) -> Result<Option<Figure>> {
    let members = numbers.members("/inspection/formats");
    if members.is_empty() {
        return Ok(None);
    }
    let of = |name: &String| found.statistics.formats.get(name).copied().unwrap_or(0);
    let values: Vec<f64> = members.iter().map(|(name, _)| of(name) as f64).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let groups = Groups {
        groups: members.iter().map(|(name, _)| name.clone()).collect(),
        labels: values.iter().map(|&value| short(value)).collect(),
        series: vec![(0, values)],
        x: Axis::from_zero(most, 1.0, short),
        name: "photos",
    };
    Ok(Some(Figure {
        title: "Format".to_owned(),
        note: "Told by the first bytes, never by the name.".to_owned(),
        alt: format!("Bars of photos by format, {} first.", members[0].0),
        legend: Vec::new(),
        drawn: groups.draw()?,
        table: tables::members(
            "Photos by format",
            ["format", "photos"],
            "/inspection/formats",
            numbers,
        ),
    }))
}

/// Mean text scores by class.
pub(super) fn text_scores(scores: &TextScores, numbers: &Numbers) -> Result<Option<Figure>> {
    let known: Vec<_> = scores.by_class.iter().filter(|class| class.mean.is_some()).collect();
    if known.is_empty() || known.len() > MAX_BARS {
        return Ok(None);
    }
    let name =
        |class: &Option<String>| class.clone().unwrap_or_else(|| "without a label".to_owned());
    let series = SENTIMENTS.iter().enumerate().map(|(at, &(colour, _))| {
        let values = known.iter().map(|class| class.mean.map_or(0.0, |mean| mean[at]));
        (colour, values.collect())
    });
    let groups = Groups {
        groups: known.iter().map(|class| name(&class.class)).collect(),
        series: series.collect(),
        x: Axis::from_zero(1.0, 1.0, |value| short((value * 100.0).round() / 100.0)),
        name: "mean score",
        labels: Vec::new(),
    };
    Ok(Some(Figure {
        title: "Sentiment of the text, by label".to_owned(),
        note: "Where labels follow the text, each class has its own colour longest.".to_owned(),
        alt: "Bars of the mean negative, neutral and positive text score of each class.".to_owned(),
        legend: SENTIMENTS.map(|(colour, name)| (colour, name.to_owned())).to_vec(),
        drawn: groups.draw()?,
        table: tables::text_scores(scores, numbers),
    }))
}

/// Photos a second over the time of the conversion.
pub(super) fn throughput(found: &Throughput, numbers: &Numbers) -> Result<Option<Figure>> {
    let rates = found.rates();
    let Some(&(_, end, _)) = rates.last() else { return Ok(None) };
    let points = rates.iter().flat_map(|&(from, to, rate)| [(from, rate), (to, rate)]).collect();
    let most = rates.iter().map(|&(_, _, rate)| rate).fold(0.0, f64::max);
    let lines = Lines {
        lines: vec![(0, points)],
        x: Axis::between(0.0, end, short),
        y: Axis::from_zero(most, 1.0, short),
        names: ("seconds from the beginning", "photos a second"),
    };
    Ok(Some(Figure {
        title: "Photos a second".to_owned(),
        note: "A step for each shard, from the end of the one before to its own.".to_owned(),
        alt: format!("Steps of photos a second over {} s, {} at most.", short(end), short(most)),
        legend: Vec::new(),
        drawn: lines.draw()?,
        table: tables::shards(found, numbers),
    }))
}
