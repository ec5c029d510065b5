//! Marks of points: shapes that are told apart without colours, full ones and hollow ones, and lines of strokes.

use plotters::prelude::{DrawingBackend, RGBColor};

use super::ReportError;
use super::drawing::Paper;

/// Radius of a mark.
pub(super) const MARK: f64 = 5.0;
/// Thickness of a hollow mark's edge.
const EDGE: f64 = 1.6;

type Result<T> = std::result::Result<T, ReportError>;

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

/// An upright interval with ends, around a place.
pub(super) fn upright_interval<B: DrawingBackend>(
    paper: &Paper<'_, B>,
    x: f64,
    (from, to): (f64, f64),
    colour: RGBColor,
) -> Result<()> {
    paper.line(&[(x, from), (x, to)], colour, 1.2)?;
    [from, to].into_iter().try_for_each(|y| paper.line(&[(x - 3.0, y), (x + 3.0, y)], colour, 1.2))
}

/// A level interval with ends.
pub(super) fn level_interval<B: DrawingBackend>(
    paper: &Paper<'_, B>,
    y: f64,
    (from, to): (f64, f64),
    colour: RGBColor,
) -> Result<()> {
    paper.line(&[(from, y), (to, y)], colour, 1.2)?;
    [from, to].into_iter().try_for_each(|x| paper.line(&[(x, y - 3.0), (x, y + 3.0)], colour, 1.2))
}
