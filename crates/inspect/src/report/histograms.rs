//! The histograms of the page.

use crate::{Histogram, Histograms, Inspection};

use super::elements::Figure;
use super::error::ReportError;
use super::figures::formats;
use super::numbers::Numbers;
use super::tables;
use tcolz_base::numbers::{bytes, count};
use tcolz_charts::Bars;
use tcolz_charts::{Axis, short};

/// Bins that a chart of an open scale has room for at least.
const MIN_BINS: usize = 9;

type Result<T> = std::result::Result<T, ReportError>;

/// Of one histogram: field, title, names of the axes, what it is about.
struct Kind<'a> {
    field: &'a str,
    title: &'a str,
    x: &'a str,
    y: &'a str,
    note: &'a str,
    scale: Scale,
    edge: fn(f64) -> String,
}

#[derive(Clone, Copy, PartialEq)]
enum Scale {
    Linear,
    Doubling,
    Aspect,
}

/// Ratios that people know, and whether they are for axes over a few doublings only.
const ASPECTS: [(f64, &str, bool); 11] = [
    (0.125, "1:8", false),
    (0.25, "1:4", false),
    (0.5, "1:2", false),
    (9.0 / 16.0, "9:16", true),
    (0.75, "3:4", true),
    (1.0, "1:1", false),
    (4.0 / 3.0, "4:3", true),
    (16.0 / 9.0, "16:9", true),
    (2.0, "2:1", false),
    (4.0, "4:1", false),
    (8.0, "8:1", false),
];

fn whole(edge: f64) -> String {
    count(edge.ceil() as u64)
}

/// The histogram of a field.
type Field = fn(&Histograms) -> &Histogram;

/// Charts of the source photos.
pub(super) fn photos(found: &Inspection, numbers: &Numbers) -> Result<Vec<Figure>> {
    let of = |field, title, x, note, scale, edge| Kind {
        field,
        title,
        x,
        y: "photos",
        note,
        scale,
        edge,
    };
    let kinds: [(Kind<'_>, Field); 5] =
        [
            (of("width", "Width", "pixels", "", Scale::Doubling, whole), |all| &all.width),
            (of("height", "Height", "pixels", "", Scale::Doubling, whole), |all| &all.height),
            (
                of(
                    "aspect",
                    "Aspect ratio",
                    "width : height",
                    "Portrait at the left, landscape at the right.",
                    Scale::Aspect,
                    |edge| format!("{edge:.3}"),
                ),
                |all| &all.aspect,
            ),
            (
                of("bytes", "File size", "bytes", "", Scale::Doubling, |edge| {
                    bytes(edge.ceil() as u64)
                }),
                |all| &all.bytes,
            ),
            (
                of(
                    "jpeg_quality",
                    "JPEG quality",
                    "quality, as libjpeg counts it",
                    "JPEGs only, from their quantisation tables.",
                    Scale::Linear,
                    whole,
                ),
                |all| &all.jpeg_quality,
            ),
        ];
    let mut figures = Vec::new();
    for (kind, field) in kinds {
        figures.extend(histogram(&kind, field(&found.statistics.histograms), numbers)?);
    }
    figures.extend(formats(found, numbers)?);
    Ok(figures)
}

/// Charts of the stored pixels' light.
pub(super) fn light(found: &Inspection, numbers: &Numbers) -> Result<Vec<Figure>> {
    let of = |field, title, note| Kind {
        field,
        title,
        x: "levels (0–255)",
        y: "samples",
        note,
        scale: Scale::Linear,
        edge: whole,
    };
    let all = &found.statistics.histograms;
    let brightness = of("brightness", "Brightness", "Mean of all values of a sample.");
    let contrast = of(
        "contrast",
        "Contrast",
        "Standard deviation within a sample: root of its mean channel variance.",
    );
    let mut figures: Vec<Figure> =
        histogram(&brightness, &all.brightness, numbers)?.into_iter().collect();
    figures.extend(histogram(&contrast, &all.contrast, numbers)?);
    Ok(figures)
}

fn histogram(kind: &Kind<'_>, found: &Histogram, numbers: &Numbers) -> Result<Option<Figure>> {
    let (Some(&first), Some(&last)) = (found.edges.first(), found.edges.last()) else {
        return Ok(None);
    };
    let at = |edge: f64| if kind.scale == Scale::Linear { edge } else { edge.log2() };
    // One photo is a bar among empty places, not a wall.
    let missing = MIN_BINS.saturating_sub(found.counts.len()) as f64;
    let bin = (last / first).powf(1.0 / found.counts.len() as f64);
    let (first, last) = match kind.scale {
        Scale::Linear => (first, last),
        _ => (first * bin.powf(-missing / 2.0), last * bin.powf(missing / 2.0)),
    };
    let x = match kind.scale {
        Scale::Linear => Axis::between(first, last, short),
        Scale::Doubling if kind.field == "bytes" => {
            Axis::doubling(first, last, |value| bytes(value as u64).replace(".0 ", " "))
        }
        Scale::Doubling => Axis::doubling(first, last, short),
        Scale::Aspect => {
            // Halves and doubles stand too near to 9:16 and 16:9 to be named as well.
            let narrow = last / first < 40.0;
            let fits = |name: &str, fine: bool| match narrow {
                true => fine || !["1:2", "2:1"].contains(&name),
                false => !fine,
            };
            let ticks = ASPECTS.iter().filter(|&&(value, name, fine)| {
                (first..=last).contains(&value) && fits(name, fine)
            });
            let ticks = ticks.map(|&(value, name, _)| (value.log2(), name.to_owned()));
            Axis::with_ticks(first.log2(), last.log2(), ticks.collect())
        }
    };
    let bars = found.edges.windows(2).zip(&found.counts);
    let bars = bars.map(|(edges, &count)| (at(edges[0]), at(edges[1]), count as f64)).collect();
    let most = found.counts.iter().copied().max().unwrap_or(0);
    let names = (kind.x, kind.y);
    let drawn = Bars { bars, x, y: Axis::from_zero(most as f64, 1.0, short), names }.draw()?;
    let peak = found.counts.iter().position(|&count| count == most).unwrap_or(0);
    let alt = format!(
        "Histogram of {} in {}; most {} lie from {} to {}.",
        kind.title.to_lowercase(),
        kind.x,
        kind.y,
        (kind.edge)(found.edges[peak]),
        (kind.edge)(found.edges[peak + 1]),
    );
    Ok(Some(Figure {
        title: kind.title.to_owned(),
        note: kind.note.to_owned(),
        alt,
        legend: Vec::new(),
        drawn,
        table: tables::histogram(kind.field, kind.x, kind.y, found, kind.edge, numbers),
    }))
}
