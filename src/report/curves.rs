//! Curves in panels beside each other, for pages and as a picture: how a training went.

use plotters::backend::{BitMapBackend, DrawingBackend, RGBPixel, SVGBackend};
use plotters::coord::Shift;
use plotters::prelude::{
    ChartBuilder, Circle, Color, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, IntoFont,
    PathElement, Text, TextStyle,
};
use plotters::style::WHITE;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::ReportError;
use super::axis::{Axis, short};
use super::theme::{FONT, LETTERS, LIGHT, letters_are_known};
use crate::decode::encode_png;

/// Pixels of a panel.
const PANEL: [u32; 2] = [420, 300];
/// A PNG has so many pixels for each of these, so that it is sharp on today's screens.
const PNG_SCALE: u32 = 2;
/// What plotters divides a font's size by when it writes SVG.
const SVG_SCALE: f64 = 1.24;
/// A curve of at most so many points shows each of them.
const MOST_DOTS: usize = 40;

type Result<T> = std::result::Result<T, ReportError>;

/// Panels from left to right.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// The panels.
    pub panels: Vec<Panel>,
}

/// Curves on the same axes.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    /// What goes to the right, with its unit.
    pub x_name: String,
    /// What goes up, with its unit.
    pub y_name: String,
    /// The curves, in the order of their colours; more than one have a legend.
    pub curves: Vec<Curve>,
    /// Equal steps to the right are equal factors.
    pub logarithmic_x: bool,
    /// Equal steps up are equal factors.
    pub logarithmic_y: bool,
    /// An upright line, and what it says.
    pub mark: Option<(f64, String)>,
}

/// A curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

impl Picture {
    /// The picture as an SVG file.
    ///
    /// # Errors
    /// [`ReportError::Chart`].
    pub fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, self.pixels(1)).into_drawing_area();
            self.draw(&area, 1, SVG_SCALE)?;
            area.present().map_err(failed)?;
        }
        Ok(svg)
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// [`ReportError::Chart`].
    pub fn png(&self) -> Result<Vec<u8>> {
        let (width, height) = self.pixels(PNG_SCALE);
        let mut rgb = vec![255; 3 * width as usize * height as usize];
        {
            let backend =
                BitMapBackend::<RGBPixel>::with_buffer_and_format(&mut rgb, (width, height));
            let backend = backend.map_err(|error| ReportError::Chart(error.to_string()))?;
            let area = backend.into_drawing_area();
            self.draw(&area, PNG_SCALE, 1.0)?;
            area.present().map_err(failed)?;
        }
        encode_png(width, height, &rgb).map_err(|error| ReportError::Picture(error.to_string()))
    }

    fn pixels(&self, scale: u32) -> (u32, u32) {
        (PANEL[0] * scale * self.panels.len().max(1) as u32, PANEL[1] * scale)
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        scale: u32,
        letters: f64,
    ) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        if !letters_are_known() {
            return Err(ReportError::Chart("the embedded font cannot be read".to_owned()));
        }
        area.fill(&WHITE).map_err(failed)?;
        let areas = area.split_evenly((1, self.panels.len().max(1)));
        let letters = LETTERS * letters * f64::from(scale);
        areas
            .iter()
            .zip(&self.panels)
            .try_for_each(|(area, panel)| panel.draw(area, scale, letters))
    }
}

impl Panel {
    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        scale: u32,
        letters: f64,
    ) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let x = axis(points().map(|&(x, _)| x), self.logarithmic_x, true);
        let y = axis(points().map(|&(_, y)| y), self.logarithmic_y, false);
        let place = |&(x, y): &(f64, f64)| {
            let of = |value: f64, logarithmic: bool| if logarithmic { value.log2() } else { value };
            (of(x, self.logarithmic_x), of(y, self.logarithmic_y))
        };
        let style = || -> TextStyle<'static> { (FONT, letters).into_font().color(&LIGHT.ink) };
        let pixels = |number: u32| number * scale;
        let (top, bottom) = (y.end(), y.start());
        let mut chart = ChartBuilder::on(area)
            .margin_top(pixels(if self.curves.len() > 1 { 34 } else { 14 }))
            .margin_right(pixels(18))
            .margin_left(pixels(4))
            .x_label_area_size(pixels(44))
            .y_label_area_size(pixels(64))
            .build_cartesian_2d(x, y)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(LIGHT.axis.stroke_width(scale))
            .bold_line_style(LIGHT.grid.stroke_width(scale))
            .label_style(style())
            .axis_desc_style(style())
            .x_desc(&self.x_name)
            .y_desc(&self.y_name)
            .set_all_tick_mark_size(pixels(4))
            .draw()
            .map_err(failed)?;
        if let Some((at, name)) = &self.mark {
            let (at, _) = place(&(*at, 1.0));
            let line = PathElement::new([(at, bottom), (at, top)], LIGHT.axis.stroke_width(scale));
            let text = Text::new(
                name.clone(),
                (at, top),
                style().pos(Pos::new(HPos::Center, VPos::Bottom)),
            );
            chart.draw_series([line]).map_err(failed)?;
            chart.draw_series([text]).map_err(failed)?;
        }
        for (curve, colour) in self.curves.iter().zip(LIGHT.series.iter().cycle()) {
            let points: Vec<(f64, f64)> = curve.points.iter().map(place).collect();
            if points.len() <= MOST_DOTS {
                let dots = points.iter().map(|&at| Circle::new(at, 2 * scale, colour.filled()));
                chart.draw_series(dots).map_err(failed)?;
            }
            let line = PathElement::new(points, colour.stroke_width(2 * scale));
            chart.draw_series([line]).map_err(failed)?;
        }
        if self.curves.len() > 1 {
            self.legend(area, scale, &style())?;
        }
        Ok(())
    }

    /// Names of the curves above them, each behind a piece of its line.
    fn legend<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        scale: u32,
        style: &TextStyle<'static>,
    ) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let scale = scale as i32;
        let mut left = 70 * scale;
        for (curve, colour) in self.curves.iter().zip(LIGHT.series.iter().cycle()) {
            let middle = 11 * scale;
            let line = [(left, middle), (left + 18 * scale, middle)];
            let line = PathElement::new(line, colour.stroke_width(2 * scale as u32));
            area.draw(&line).map_err(failed)?;
            left += 24 * scale;
            let style = style.pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(curve.name.clone(), (left, middle), style.clone()))
                .map_err(failed)?;
            let width = style.font.box_size(&curve.name).map_or(0, |(width, _)| width as i32);
            left += width + 20 * scale;
        }
        Ok(())
    }
}

/// An axis around values. Upwards a linear one begins at 0, unless there is something below.
fn axis(values: impl Iterator<Item = f64>, logarithmic: bool, across: bool) -> Axis {
    let values = values.filter(|value| value.is_finite() && (!logarithmic || *value > 0.0));
    let ends = values.fold(None, |ends: Option<(f64, f64)>, value| {
        let (low, high) = ends.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    let (low, high) = ends.unwrap_or((1.0, 1.0));
    if logarithmic {
        let (low, high) = if high > 1.05 * low { (low, high) } else { (low / 2.0, high * 2.0) };
        return Axis::decades(low, high, scientific);
    }
    if across {
        let high = if high > low { high } else { low + 1.0 };
        return Axis::between(low, high, short);
    }
    if low < 0.0 {
        return Axis::between(low, high.max(low + 1e-9), short);
    }
    Axis::from_zero(high, 1e-3, short)
}

/// `0.001` as `1e-3`, what is near 1 as it is.
fn scientific(value: f64) -> String {
    if (0.01..1e4).contains(&value) { short(value) } else { format!("{value:e}") }
}

fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> ReportError {
    ReportError::Chart(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let curve = |name: &str, shift: f64| Curve {
            name: name.to_owned(),
            points: (1..=9).map(|x| (f64::from(x), shift + 1.0 / f64::from(x))).collect(),
        };
        let panel = Panel {
            x_name: "epoch".to_owned(),
            y_name: "loss (nats)".to_owned(),
            curves: vec![curve("training", 0.0), curve("validation", 0.1)],
            mark: Some((3.0, "best".to_owned())),
            ..Panel::default()
        };
        let rate =
            Panel { logarithmic_y: true, curves: vec![curve("rate", 1e-4)], ..panel.clone() };
        Picture { panels: vec![panel, rate] }
    }

    #[test]
    fn both_files_say_what_their_axes_and_curves_are() {
        let svg = picture().svg().unwrap();
        for word in ["epoch", "loss (nats)", "training", "validation", "best"] {
            assert!(svg.contains(word), "{word}");
        }
        let png = picture().png().unwrap();
        assert!(png.starts_with(b"\x89PNG"));
        assert_eq!(picture().png().unwrap(), png, "the same curves are the same picture");
        let one = Picture { panels: vec![Panel::default()] };
        one.png().unwrap();
        one.svg().unwrap();
    }

    #[test]
    fn curves_that_are_flat_single_or_not_finite_are_drawn() {
        for points in [
            vec![(1.0, 0.5)],
            vec![(1.0, 0.0), (2.0, 0.0)],
            vec![(1.0, 1e-7), (2.0, 1e-7)],
            vec![(1.0, f64::NAN), (2.0, 1.0)],
            vec![(1.0, 0.0), (2.0, 1.0)],
        ] {
            for logarithmic_y in [false, true] {
                let curves = vec![Curve { name: String::new(), points: points.clone() }];
                let panel = Panel { curves, logarithmic_y, ..Panel::default() };
                Picture { panels: vec![panel] }.png().unwrap();
            }
        }
    }
}
