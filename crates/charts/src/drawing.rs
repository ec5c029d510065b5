//! Drawings that stand by themselves: the same strokes as SVG and as PNG, for light and for dark pages.

use plotters::coord::Shift;
use plotters::prelude::{
    BitMapBackend, Circle, Color, DrawingArea, DrawingAreaErrorKind, DrawingBackend, FontTransform,
    IntoDrawingArea, IntoFont, PathElement, Polygon, RGBColor, Rectangle, SVGBackend, Text,
    TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::ChartError;
use super::theme::{DARK, FONT, LETTERS, LIGHT, Theme, letters_are_known};
use tcolz_pixels::picture::encode_png;

/// Pixels of a PNG for each of a drawing: sharp on fine screens and on paper.
const PNG_SCALE: u32 = 2;
/// What plotters divides a font's size by: it means the height of a line.
const LINE_HEIGHT: f64 = 1.24;
/// In bitmaps plotters draws a centred text this much too high, in heights of its letters.
const BITMAP_DROP: f64 = 0.15;

/// Letters of a line at most: more than fit on any picture.
const MOST_LETTERS: usize = 400;

type Result<T> = std::result::Result<T, ChartError>;

/// A picture in every form that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemedPicture {
    /// For light pages and paper.
    pub light: Rendering,
    /// For dark pages.
    pub dark: Rendering,
}

/// A picture in both formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// Text of an SVG file.
    pub svg: String,
    /// The same for a phone's screen, as large a part of it as can be drawn there.
    pub phone_svg: String,
    /// Bytes of a PNG file, two pixels for one of the SVG's.
    pub png: Vec<u8>,
}

/// Width of a picture in pixels, where it has room.
pub(super) const WIDE: f64 = 720.0;
/// Width of a picture on a phone: what a screen of 360 pixels leaves it, so that letters keep their size.
pub(super) const PHONE: f64 = 306.0;

/// What can be drawn, in pixels of its own; the origin is the upper left corner.
pub(super) trait Drawing {
    /// Width and height, where there is room for [`WIDE`] or [`PHONE`].
    fn size(&self, room: f64) -> (u32, u32);

    /// Draws it on a paper of that size.
    ///
    /// # Errors
    /// [`ChartError::Chart`]; so below.
    fn draw<B: DrawingBackend>(&self, paper: &Paper<'_, B>) -> Result<()>;
}

/// What is drawn on.
pub(super) struct Paper<'a, B: DrawingBackend> {
    area: DrawingArea<B, Shift>,
    pub(super) theme: &'a Theme,
    /// What was asked of [`Drawing::size`].
    pub(super) room: f64,
    scale: f64,
    /// How far a text is to be moved down to be centred, in heights of its letters.
    drop: f64,
}

/// Where a text stands to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// It begins there.
    Right,
    /// It is centred there.
    Middle,
    /// It ends there.
    Left,
}

/// Draws in both themes and both formats.
pub(super) fn render(drawing: &impl Drawing) -> Result<ThemedPicture> {
    Ok(ThemedPicture { light: render_with(drawing, &LIGHT)?, dark: render_with(drawing, &DARK)? })
}

/// Draws in the light theme.
pub(super) fn render_light(drawing: &impl Drawing) -> Result<Rendering> {
    render_with(drawing, &LIGHT)
}

fn render_with(drawing: &impl Drawing, theme: &Theme) -> Result<Rendering> {
    if !letters_are_known() {
        return Err(ChartError::Chart("the embedded font cannot be read".to_owned()));
    }
    Ok(Rendering {
        svg: svg(drawing, theme, WIDE)?,
        phone_svg: svg(drawing, theme, PHONE)?,
        png: png(drawing, theme)?,
    })
}

fn svg(drawing: &impl Drawing, theme: &Theme, room: f64) -> Result<String> {
    let mut svg = String::new();
    let backend = SVGBackend::with_string(&mut svg, drawing.size(room));
    draw_on(backend, drawing, theme, room, (1, 0.0))?;
    // The page brings its font; a file by itself is read with what the reader has.
    let family = |others: &str| format!("font-family=\"{FONT}{others}\"");
    Ok(svg.replace(&family(""), &family(", Inter, system-ui, sans-serif")))
}

fn png(drawing: &impl Drawing, theme: &Theme) -> Result<Vec<u8>> {
    let (width, height) = drawing.size(WIDE);
    let (width, height) = (width * PNG_SCALE, height * PNG_SCALE);
    let mut rgb = vec![0; width as usize * height as usize * 3];
    let backend = BitMapBackend::with_buffer(&mut rgb, (width, height));
    draw_on(backend, drawing, theme, WIDE, (PNG_SCALE, BITMAP_DROP))?;
    encode_png(width, height, &rgb).map_err(|error| ChartError::Picture(error.to_string()))
}

fn draw_on<B: DrawingBackend>(
    backend: B,
    drawing: &impl Drawing,
    theme: &Theme,
    room: f64,
    (scale, drop): (u32, f64),
) -> Result<()> {
    let area = backend.into_drawing_area();
    area.fill(&theme.paper).map_err(failed)?;
    let paper = Paper { area, theme, room, scale: f64::from(scale), drop };
    drawing.draw(&paper)?;
    paper.area.present().map_err(failed)
}

fn failed<E: std::error::Error + Send + Sync>(error: DrawingAreaErrorKind<E>) -> ChartError {
    ChartError::Chart(error.to_string())
}

/// Width of a text in letters of a relative size.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    // Measured large: plotters gives whole pixels.
    let font = (FONT, 16.0 * LETTERS * LINE_HEIGHT).into_font();
    let width = font.box_size(text).map_or(128 * text.chars().count() as u32, |(width, _)| width);
    f64::from(width) / 16.0 * size
}

/// The text, or as much of its beginning as is not wider than `width`, with a mark.
pub(super) fn fitted(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    // Whoever sends a book gets its beginning measured only.
    let mut letters: Vec<char> = text.chars().take(MOST_LETTERS).collect();
    loop {
        letters.pop();
        let cut: String = letters.iter().chain(&['…']).collect();
        if letters.is_empty() || text_width(&cut, size) <= width {
            return cut;
        }
    }
}

/// The text in lines none of which is wider than `width`; of more than `most` lines the last kept one loses its end.
pub(super) fn wrapped(text: &str, size: f64, width: f64, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: String = text.chars().take(MOST_LETTERS).collect();
    while !rest.is_empty() && lines.len() + 1 < most && text_width(&rest, size) > width {
        // Between words; a word that is too long by itself is parted.
        let fits = |end: usize| text_width(rest[..end].trim_end(), size) <= width;
        let spaces = rest.match_indices(' ').map(|(place, _)| place + 1);
        let end = spaces
            .take_while(|&end| fits(end))
            .last()
            .filter(|&end| !rest[..end].trim().is_empty());
        let letters = rest.char_indices().map(|(place, letter)| place + letter.len_utf8());
        let end = end.or_else(|| letters.take_while(|&end| fits(end)).last());
        let next = rest.split_off(end.unwrap_or(rest.len()));
        lines.push(rest.trim_end().to_owned());
        rest = next;
    }
    if !rest.is_empty() {
        lines.push(fitted(&rest, size, width));
    }
    lines
}

impl<B: DrawingBackend> Paper<'_, B> {
    fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    /// A filled rectangle between two corners.
    pub(super) fn fill(&self, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Result<()> {
        let (from, to) = (self.at(from), self.at(to));
        self.area.draw(&Rectangle::new([from, to], colour.filled())).map_err(failed)
    }

    /// Lines from point to point.
    pub(super) fn line(&self, points: &[(f64, f64)], colour: RGBColor, width: f64) -> Result<()> {
        let width = (width * self.scale).round().max(1.0) as u32;
        let points: Vec<(i32, i32)> = points.iter().map(|&point| self.at(point)).collect();
        self.area.draw(&PathElement::new(points, colour.stroke_width(width))).map_err(failed)
    }

    /// A filled circle.
    pub(super) fn disc(&self, middle: (f64, f64), radius: f64, colour: RGBColor) -> Result<()> {
        let radius = (radius * self.scale).round().max(1.0) as i32;
        self.area.draw(&Circle::new(self.at(middle), radius, colour.filled())).map_err(failed)
    }

    /// A filled shape with corners.
    pub(super) fn shape(&self, corners: &[(f64, f64)], colour: RGBColor) -> Result<()> {
        let corners: Vec<(i32, i32)> = corners.iter().map(|&corner| self.at(corner)).collect();
        self.area.draw(&Polygon::new(corners, colour.filled())).map_err(failed)
    }

    /// A straight line of strokes as long as the gaps between them.
    pub(super) fn dashes(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        colour: RGBColor,
        width: f64,
    ) -> Result<()> {
        const STROKE: f64 = 5.0;
        let (across, down) = (to.0 - from.0, to.1 - from.1);
        let length = across.hypot(down);
        let point = |along: f64| {
            let share = (along / length).min(1.0);
            (from.0 + across * share, from.1 + down * share)
        };
        let strokes = (length / (2.0 * STROKE)).ceil() as u32;
        for stroke in 0..strokes {
            let along = f64::from(stroke) * 2.0 * STROKE;
            self.line(&[point(along), point(along + STROKE)], colour, width)?;
        }
        Ok(())
    }

    /// A line of text in letters of a relative size, half above and half below its place.
    pub(super) fn text(
        &self,
        text: &str,
        place: (f64, f64),
        side: Side,
        size: f64,
        colour: RGBColor,
    ) -> Result<()> {
        self.write(text, place, side, size, colour, FontTransform::None)
    }

    /// A line of text that runs upwards: from its place, around it, or to it.
    pub(super) fn upright(
        &self,
        text: &str,
        place: (f64, f64),
        side: Side,
        colour: RGBColor,
    ) -> Result<()> {
        self.write(text, place, side, 1.0, colour, FontTransform::Rotate270)
    }

    fn write(
        &self,
        text: &str,
        place: (f64, f64),
        side: Side,
        size: f64,
        colour: RGBColor,
        transform: FontTransform,
    ) -> Result<()> {
        let across = match side {
            Side::Right => HPos::Left,
            Side::Middle => HPos::Center,
            Side::Left => HPos::Right,
        };
        let font = (FONT, LETTERS * LINE_HEIGHT * size * self.scale).into_font();
        let drop = self.drop * LETTERS * size;
        let place = match transform {
            FontTransform::None => (place.0, place.1 + drop),
            _ => (place.0 + drop, place.1),
        };
        let style = TextStyle::from(font.transform(transform)).color(&colour);
        let style = style.pos(Pos::new(across, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), self.at(place), style)).map_err(failed)
    }
}

/// A colour between two.
pub(super) fn between(from: RGBColor, to: RGBColor, share: f64) -> RGBColor {
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConfusionChart, ReliabilityBin, ReliabilityChart, legible};

    fn confusion(classes: &[String]) -> ThemedPicture {
        let counts: Vec<Vec<u64>> = (0..classes.len())
            .map(|row| (0..classes.len()).map(|c| if c == row { 900 } else { c as u64 }).collect())
            .collect();
        ConfusionChart {
            title: "B-T4SA test: 51,000 samples",
            subtitle: "",
            classes,
            counts: &counts,
        }
        .picture()
        .unwrap()
    }

    fn size(png: &[u8]) -> (u32, u32) {
        let decoder = png::Decoder::new(std::io::Cursor::new(png));
        let info = decoder.read_info().unwrap();
        (info.info().width, info.info().height)
    }

    #[test]
    fn a_picture_is_the_same_each_time_and_twice_as_fine_as_png() {
        let classes = ["negative", "neutral", "<b>positive & a long name</b>"].map(str::to_owned);
        let picture = confusion(&classes);
        assert_eq!(picture, confusion(&classes));
        assert_ne!(picture.light.png, picture.dark.png);
        for form in [&picture.light, &picture.dark] {
            assert!(!form.svg.contains("<b>") && form.svg.contains("&lt;b&gt;"), "{}", form.svg);
            let (width, height) = size(&form.png);
            let head = format!("width=\"{}\" height=\"{}\"", width / 2, height / 2);
            assert!(form.svg.contains(&head), "{head}");
        }
        legible::check(&picture);
        keep("confusion", &picture);
        let many: Vec<String> = (0..150).map(|number| format!("class {number}")).collect();
        legible::check(&confusion(&many));
        keep("confusion-many", &confusion(&many));
        let twelve: Vec<String> =
            (0..12).map(|n| format!("class number {n} of some length")).collect();
        legible::check(&confusion(&twelve));
        keep("confusion-twelve", &confusion(&twelve));
        legible::check(&confusion(&["one".to_owned()]));
        let bins = (0..15).map(|bin| ReliabilityBin {
            from: f64::from(bin) / 15.0,
            to: f64::from(bin + 1) / 15.0,
            samples: if bin < 5 { 0 } else { 4 * u64::from(bin as u32).pow(2) },
            confidence: (f64::from(bin) + 0.5) / 15.0,
            accuracy: f64::from(bin) / 18.0,
        });
        let title = "882 samples, calibration error 0.042";
        let chart = ReliabilityChart { title, subtitle: "where width > 300", bins: bins.collect() };
        let picture = chart.picture().unwrap();
        legible::check(&picture);
        keep("reliability", &picture);
        assert!(picture.light.svg.contains("share predicted right"));
    }

    /// To be looked at: `TCOLZ_PICTURES=folder cargo test --lib report::drawing`.
    fn keep(name: &str, picture: &ThemedPicture) {
        let Some(folder) = std::env::var_os("TCOLZ_PICTURES") else { return };
        let folder = std::path::Path::new(&folder);
        for (theme, form) in [("light", &picture.light), ("dark", &picture.dark)] {
            std::fs::write(folder.join(format!("{name}-{theme}.png")), &form.png).unwrap();
            std::fs::write(folder.join(format!("{name}-{theme}.svg")), &form.svg).unwrap();
            std::fs::write(folder.join(format!("{name}-{theme}-phone.svg")), &form.phone_svg)
                .unwrap();
        }
    }

    #[test]
    fn a_text_that_is_too_wide_loses_its_end() {
        let long = "a very long class name";
        assert_eq!(fitted(long, 1.0, 1000.0), long);
        let cut = fitted(long, 1.0, 60.0);
        assert!(cut.ends_with('…') && text_width(&cut, 1.0) <= 60.0, "{cut}");
        assert_eq!(fitted(long, 1.0, 0.0), "…");
        for (text, width) in [(long, 60.0), ("averyveryverylongclassname", 40.0), ("ä ö ü  ß", 9.0)]
        {
            let lines = wrapped(text, 1.0, width, 99);
            let joined: String = lines.concat();
            assert_eq!(joined.replace(' ', ""), text.replace(' ', ""), "nothing is lost");
            assert!(
                lines.len() > 1 && lines.iter().all(|line| text_width(line, 1.0) <= width),
                "{lines:?}"
            );
        }
        let lines = wrapped(&long.repeat(9), 1.0, 60.0, 2);
        assert!(lines.len() == 2 && lines[1].ends_with('…'), "{lines:?}");
        assert_eq!(wrapped("", 1.0, 60.0, 2), [] as [&str; 0]);
        assert_eq!(wrapped("ab", 1.0, 0.0, 9), ["ab"], "no room at all is no endless loop");
        assert!(text_width("wwww", 1.0) > 2.0 * text_width("iiii", 1.0));
    }
}
