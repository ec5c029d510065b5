//! Charts as SVG, each for a light and for a dark page.

use plotters::coord::Shift;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Color, DrawingArea, DrawingAreaErrorKind,
    EmptyElement, IntoDrawingArea, IntoFont, PathElement, Rectangle, SVGBackend, Text, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::ChartError;
use super::axis::Axis;
use super::theme::{DARK, FONT, LETTERS, LIGHT, Theme, letters_are_known};

/// Width of every chart in pixels: on a phone three quarters of it, with letters still to be read.
const WIDTH: u32 = 420;
/// Height of charts that do not grow with their data.
const HEIGHT: u32 = 250;
/// What plotters divides a font's size by when it writes SVG.
const SVG_SCALE: f64 = 1.24;
/// Room beside the axes that run up, for their ticks and names; at the right for half a tick's label.
const LEFT: u32 = 62;
const RIGHT: u32 = 18;
/// Characters of a bar's name at most.
const MAX_NAME: usize = 24;

/// A chart for both kinds of page.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// SVG for a light page.
    pub light: String,
    /// SVG for a dark page.
    pub dark: String,
}

/// Bars beside each other along numbers: lower edge, upper edge, height.
pub struct Bars<'a> {
    /// Lower edge, upper edge, height.
    pub bars: Vec<(f64, f64, f64)>,
    /// The axis to the right.
    pub x: Axis,
    /// The axis that runs up.
    pub y: Axis,
    /// Names of the axes.
    pub names: (&'a str, &'a str),
}

/// Bars to the right, one for each series and group; above 0.
pub struct Groups<'a> {
    /// Names of the groups.
    pub groups: Vec<String>,
    /// Number of its colour, and a value for each group.
    pub series: Vec<(usize, Vec<f64>)>,
    /// The axis to the right.
    pub x: Axis,
    /// Its name.
    pub name: &'a str,
    /// What stands beside each bar of the only series, in a column where no line crosses it.
    pub labels: Vec<String>,
}

/// Lines: number of the colour, and points.
pub struct Lines<'a> {
    /// Number of the colour, and points.
    pub lines: Vec<(usize, Vec<(f64, f64)>)>,
    /// The axis to the right.
    pub x: Axis,
    /// The axis that runs up.
    pub y: Axis,
    /// Names of the axes.
    pub names: (&'a str, &'a str),
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Result<T> = std::result::Result<T, ChartError>;

/// A drawing for each theme.
fn both(height: u32, draw: impl Fn(&Area<'_>, &Theme) -> Result<()>) -> Result<Drawn> {
    if !letters_are_known() {
        return Err(ChartError::Chart("the embedded font cannot be read".to_owned()));
    }
    let svg = |theme: &Theme| -> Result<String> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
            draw(&area, theme)?;
            area.present().map_err(failed)?;
        }
        Ok(svg)
    };
    Ok(Drawn { light: svg(&LIGHT)?, dark: svg(&DARK)? })
}

fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> ChartError {
    ChartError::Chart(error.to_string())
}

fn letters(theme: &Theme) -> TextStyle<'static> {
    (FONT, LETTERS * SVG_SCALE).into_font().color(&theme.ink)
}

/// Width of a text in pixels.
fn width(text: &str) -> u32 {
    let font = (FONT, LETTERS * SVG_SCALE).into_font();
    font.box_size(text).map_or(8 * text.chars().count() as u32, |(width, _)| width)
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Axes with their names, and lines behind the data: across only, or upright only.
fn axes<'a, 'b>(
    area: &'a Area<'b>,
    theme: &Theme,
    (x, y): (Axis, Axis),
    (x_name, y_name): (&str, &str),
    upright: bool,
    (left, right): (u32, u32),
) -> Result<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(area)
        .margin_top(10)
        .margin_right(right)
        .margin_left(2)
        .x_label_area_size(46)
        .y_label_area_size(left)
        .build_cartesian_2d(x, y)
        .map_err(failed)?;
    let mut mesh = chart.configure_mesh();
    mesh.axis_style(theme.axis)
        .bold_line_style(theme.grid)
        .label_style(letters(theme))
        .axis_desc_style(letters(theme))
        .x_desc(x_name)
        .set_all_tick_mark_size(4);
    if !y_name.is_empty() {
        mesh.y_desc(y_name);
    }
    if upright {
        mesh.disable_y_mesh().set_tick_mark_size(plotters::prelude::LabelAreaPosition::Left, 6);
    } else {
        mesh.disable_x_mesh();
    }
    mesh.draw().map_err(failed)?;
    Ok(chart)
}

impl Bars<'_> {
    /// Draws them.
    ///
    /// # Errors
    /// [`ChartError::Chart`], here and below.
    /// The chart for both kinds of page.
    ///
    /// # Errors
    /// [`ChartError::Chart`].
    pub fn draw(&self) -> Result<Drawn> {
        both(HEIGHT, |area, theme| {
            let axis = (self.x.clone(), self.y.clone());
            let mut chart = axes(area, theme, axis, self.names, false, (LEFT, RIGHT))?;
            // What is there is seen: a bar is at least a pixel high.
            let least = self.y.end() / f64::from(HEIGHT - 60);
            let bar = |&(from, to, height): &(f64, f64, f64)| {
                let height = height.max(least);
                let mut bar = Rectangle::new([(from, 0.0), (to, height)], theme.series[0].filled());
                bar.set_margin(0, 0, 0, 1);
                bar
            };
            let bars = self.bars.iter().filter(|(_, _, height)| *height > 0.0);
            chart.draw_series(bars.map(bar)).map_err(failed)?;
            Ok(())
        })
    }
}

impl Groups<'_> {
    /// The chart for both kinds of page.
    ///
    /// # Errors
    /// [`ChartError::Chart`].
    pub fn draw(&self) -> Result<Drawn> {
        let names: Vec<String> = self.groups.iter().map(|name| shortened(name)).collect();
        let left = names.iter().map(|name| width(name)).max().unwrap_or(0) + 18;
        let ticks = names.into_iter().zip(0u32..).map(|(name, at)| (f64::from(at) + 0.5, name));
        let right = self.labels.iter().map(|label| width(label) + 20).max().unwrap_or(RIGHT);
        let number = self.groups.len() as f64;
        let y = Axis::with_ticks(number, 0.0, ticks.collect());
        let series = self.series.len() as f64;
        let bar_pixels = if self.series.len() == 1 { 20.0 } else { 11.0 };
        let height = 62.0 + number * (series * bar_pixels + 10.0);
        both(height as u32, |area, theme| {
            let axis = (self.x.clone(), y.clone());
            let mut chart = axes(area, theme, axis, (self.name, ""), true, (left, right))?;
            for (place, (colour, values)) in self.series.iter().enumerate() {
                let colour = theme.series[colour % theme.series.len()];
                let thick = 0.8 / series;
                let bar = |(group, &value): (usize, &f64)| {
                    let top = group as f64 + 0.1 + place as f64 * thick;
                    let mut bar =
                        Rectangle::new([(0.0, top), (value, top + thick)], colour.filled());
                    bar.set_margin(1, 0, 0, 0);
                    bar
                };
                chart.draw_series(values.iter().enumerate().map(bar)).map_err(failed)?;
            }
            let style = letters(theme).pos(Pos::new(HPos::Left, VPos::Center));
            let label = |(group, label): (usize, &String)| {
                let text = Text::new(label.clone(), (10, 0), style.clone());
                EmptyElement::at((self.x.end(), group as f64 + 0.5)) + text
            };
            let labels = self.labels.iter().enumerate().map(label);
            chart.draw_series(labels).map_err(failed)?;
            Ok(())
        })
    }
}

impl Lines<'_> {
    /// The chart for both kinds of page.
    ///
    /// # Errors
    /// [`ChartError::Chart`].
    pub fn draw(&self) -> Result<Drawn> {
        both(HEIGHT, |area, theme| {
            let axis = (self.x.clone(), self.y.clone());
            let mut chart = axes(area, theme, axis, self.names, false, (LEFT, RIGHT))?;
            for (colour, points) in &self.lines {
                let style = theme.series[colour % theme.series.len()].stroke_width(2);
                chart.draw_series([PathElement::new(points.clone(), style)]).map_err(failed)?;
            }
            Ok(())
        })
    }
}

/// A name that is too long keeps its beginning and its end.
fn shortened(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= MAX_NAME {
        return name.to_owned();
    }
    let (head, tail) = (MAX_NAME - 9, 8);
    let text = |part: &[char]| part.iter().collect::<String>();
    format!("{}…{}", text(&letters[..head]), text(&letters[letters.len() - tail..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::short;
    use crate::legible;

    #[test]
    fn hostile_names_are_escaped_and_long_ones_shortened() {
        let name = "<script>alert(1)</script> & more than fits";
        let drawn = Groups {
            groups: vec![name.to_owned(), "<b>".to_owned()],
            series: vec![(0, vec![1.0, 0.5])],
            x: Axis::from_zero(1.0, 1.0, short),
            name: "share",
            labels: vec!["<i>".to_owned(), String::new()],
        };
        let drawn = drawn.draw().unwrap();
        for svg in [&drawn.light, &drawn.dark] {
            assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains("<i>"));
            assert!(svg.contains("&lt;script&gt;alert") && svg.contains("…han fits"), "{svg}");
        }
        assert_ne!(drawn.light, drawn.dark);
    }

    #[test]
    fn the_same_chart_is_the_same_text() {
        let bars = || Bars {
            bars: vec![(1.0, 2.0, 3.0), (2.0, 3.0, 0.0)],
            x: Axis::between(1.0, 3.0, short),
            y: Axis::from_zero(3.0, 1.0, short),
            names: ("pixels", "photos"),
        };
        let drawn = bars().draw().unwrap();
        assert_eq!(bars().draw().unwrap().light, drawn.light);
        assert!(drawn.light.contains("pixels") && drawn.light.contains("photos"));
        assert!(width("wwww") > width("iiii"), "measured with the letters of the font");
    }

    #[test]
    fn letters_of_charts_are_neither_cut_nor_crossed() {
        let groups = Groups {
            groups: (0..5).map(|n| format!("class {n} with a name that is long")).collect(),
            series: vec![(0, vec![1.0, 1_234_567.0, 900_000.0, 0.0, 5.0])],
            x: Axis::from_zero(1_234_567.0, 1.0, short),
            name: "photos",
            labels: ["1", "1.23M", "900k", "0", "5"].map(str::to_owned).to_vec(),
        };
        let bars = Bars {
            bars: vec![(1.0, 2.0, 123_456.0), (2.0, 3.0, 7.0)],
            x: Axis::doubling(1.0, 1e9, short),
            y: Axis::from_zero(123_456.0, 1.0, short),
            names: ("pixels", "photos"),
        };
        let lines = Lines {
            lines: vec![(0, vec![(0.0, 1.0), (7.5, 1400.0)])],
            x: Axis::between(0.0, 7.5, short),
            y: Axis::from_zero(1400.0, 1.0, short),
            names: ("seconds from the beginning", "photos a second"),
        };
        let drawn = [groups.draw(), bars.draw(), lines.draw()];
        for drawn in drawn.map(|drawn| drawn.unwrap()) {
            for svg in [&drawn.light, &drawn.dark] {
                assert_eq!(legible::faults(svg), [] as [&str; 0], "{svg}");
            }
        }
    }
}
