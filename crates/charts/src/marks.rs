//! Marks of points: shapes that are told apart without colours, full ones and hollow ones, and lines of strokes.

use plotters::prelude::{DrawingBackend, RGBColor};

use super::ChartError;
use super::drawing::{Paper, between};

/// Where an end of an interval is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct End {
    /// Pixels from the left or from the top.
    pub(super) place: f64,
    /// The interval goes on beyond the axis: no time is below 0, no share above 1.
    pub(super) cut: bool,
}

/// Radius of a mark.
pub(super) const MARK: f64 = 5.0;
/// Thickness of a hollow mark's edge.
const EDGE: f64 = 1.6;

type Result<T> = std::result::Result<T, ChartError>;

/// A mark of a series by its number, around a place; hollow: with `inside` within.
pub(super) fn mark<B: DrawingBackend>(
    paper: &Paper<'_, B>,
    series: usize,
    middle: (f64, f64),
    colour: RGBColor,
    inside: Option<RGBColor>,
) -> Result<()> {
    full(paper, series, middle, MARK, colour)?;
    match inside {
        Some(inside) => full(paper, series, middle, MARK - EDGE, inside),
        None => Ok(()),
    }
}

/// Circle, square, triangle, diamond, triangle upside down, pentagon; then again.
fn full<B: DrawingBackend>(
    paper: &Paper<'_, B>,
    series: usize,
    middle: (f64, f64),
    radius: f64,
    colour: RGBColor,
) -> Result<()> {
    let (corners, turned, size) = match series % 6 {
        0 => return paper.disc(middle, radius, colour),
        1 => (4, 45.0, 1.2),
        2 => (3, -90.0, 1.3),
        3 => (4, 0.0, 1.3),
        4 => (3, 90.0, 1.3),
        _ => (5, -90.0, 1.15),
    };
    let corner = |number: u32| {
        let angle = (turned + 360.0 * f64::from(number) / f64::from(corners)).to_radians();
        let radius = radius * size;
        (middle.0 + radius * angle.cos(), middle.1 + radius * angle.sin())
    };
    let corners: Vec<(f64, f64)> = (0..corners).map(corner).collect();
    paper.shape(&corners, colour)
}

/// A line from point to point with the strokes of a series: whole for the first, then shorter and shorter ones.
pub(super) fn stroked<B: DrawingBackend>(
    paper: &Paper<'_, B>,
    series: usize,
    points: &[(f64, f64)],
    colour: RGBColor,
    width: f64,
) -> Result<()> {
    let (stroke, gap) = match series % 4 {
        0 => return paper.line(points, colour, width),
        1 => (9.0, 5.0),
        2 => (2.5, 3.5),
        _ => (14.0, 4.0),
    };
    // The strokes go on around the corners.
    let mut along = 0.0;
    for ends in points.windows(2) {
        let (from, to) = (ends[0], ends[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let point = |at: f64| {
            let share = (at / length).clamp(0.0, 1.0);
            (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
        };
        let mut at = -(along % (stroke + gap));
        while at < length {
            if at + stroke > 0.0 {
                paper.line(&[point(at), point(at + stroke)], colour, width)?;
            }
            at += stroke + gap;
        }
        along += length;
    }
    Ok(())
}

/// A disc with its edge; hollow ones are as the paper within.
pub(super) fn disc<B: DrawingBackend>(
    paper: &Paper<'_, B>,
    middle: (f64, f64),
    radius: f64,
    colour: RGBColor,
    hollow: bool,
) -> Result<()> {
    paper.disc(middle, radius, colour)?;
    let inside = between(paper.theme.paper, colour, if hollow { 0.0 } else { 0.55 });
    paper.disc(middle, radius - 1.6, inside)
}

/// How far a ring reaches beyond its disc.
pub(super) const RING: f64 = 4.5;

/// A ring around a disc: the chosen one is told apart without its colour.
pub(super) fn ring<B: DrawingBackend>(
    paper: &Paper<'_, B>,
    middle: (f64, f64),
    radius: f64,
    colour: RGBColor,
) -> Result<()> {
    paper.disc(middle, radius + RING, colour)?;
    paper.disc(middle, radius + 3.0, paper.theme.paper)
}

/// An upright interval; a stroke across tells where it ends itself and is not cut by the axis.
pub(super) fn upright_interval<B: DrawingBackend>(
    paper: &Paper<'_, B>,
    x: f64,
    ends: [End; 2],
    colour: RGBColor,
) -> Result<()> {
    paper.line(&ends.map(|end| (x, end.place)), colour, 1.2)?;
    let own = ends.iter().filter(|end| !end.cut).map(|end| end.place);
    own.into_iter().try_for_each(|y| paper.line(&[(x - 3.0, y), (x + 3.0, y)], colour, 1.2))
}

/// A level interval; see [`upright_interval`].
pub(super) fn level_interval<B: DrawingBackend>(
    paper: &Paper<'_, B>,
    y: f64,
    ends: [End; 2],
    colour: RGBColor,
) -> Result<()> {
    paper.line(&ends.map(|end| (end.place, y)), colour, 1.2)?;
    let own = ends.iter().filter(|end| !end.cut).map(|end| end.place);
    own.into_iter().try_for_each(|x| paper.line(&[(x, y - 3.0), (x, y + 3.0)], colour, 1.2))
}
