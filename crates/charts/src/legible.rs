//! Whether the letters of a picture can be read: checked on the SVG that is written, whatever drew it.

use super::ThemedPicture;
use super::drawing::text_width;
use super::placing::Block;
use super::theme::{DARK, LETTERS, LIGHT};

/// A text, or a shape that may lie behind or over one, in the order in which they are drawn.
enum Piece {
    Text { words: String, block: Block },
    Fill { block: Block, colour: String },
    Line { from: (f64, f64), to: (f64, f64), colour: String },
}

/// Fails where letters leave the picture, meet others, or are crossed by what is no background of theirs.
///
/// # Panics
/// In these cases.
pub fn check(picture: &ThemedPicture) {
    for (form, theme) in [(&picture.light, "light"), (&picture.dark, "dark")] {
        for (svg, room) in [(&form.svg, "wide"), (&form.phone_svg, "phone")] {
            let found = faults(svg);
            assert!(found.is_empty(), "{theme}, {room}: {found:#?}\n{svg}");
        }
    }
}

/// What cannot be read in an SVG file.
pub fn faults(svg: &str) -> Vec<String> {
    let head = svg.split('<').nth(1).unwrap_or_default();
    let (width, height) = (number(head, "width"), number(head, "height"));
    let pieces = pieces(svg);
    let mut faults = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        let Piece::Text { words, block } = piece else { continue };
        if block.left < 0.0 || block.right > width || block.top < 0.0 || block.bottom > height {
            faults.push(format!("“{words}” leaves the picture of {width} x {height}: {block:?}"));
        }
        for (other_place, other) in pieces.iter().enumerate() {
            let fault = match other {
                Piece::Text { words, block: other } => {
                    (other_place < place && meet(block, other)).then(|| format!("“{words}”"))
                }
                Piece::Fill { block: other, colour } if other_place < place => {
                    let whole = other.left <= block.left + 1.0
                        && other.right >= block.right - 1.0
                        && other.top <= block.top + 1.0
                        && other.bottom >= block.bottom - 1.0;
                    let hidden = covered(&pieces[other_place..place], block);
                    (meet(block, other) && !whole && !hidden && !is_paper(colour))
                        .then(|| format!("the edge of a shape of {colour}: {other:?}"))
                }
                Piece::Fill { block: other, colour } => {
                    meet(block, other).then(|| format!("hidden by a shape of {colour}: {other:?}"))
                }
                Piece::Line { from, to, colour } => {
                    let hidden = other_place < place && covered(&pieces[other_place..place], block);
                    (crosses(*from, *to, block) && !hidden)
                        .then(|| format!("a line of {colour} from {from:?} to {to:?}"))
                }
            };
            faults.extend(fault.map(|fault| format!("“{words}” {block:?} meets {fault}")));
        }
    }
    faults
}

/// Whether a later piece of paper lies between a text and what was drawn before.
fn covered(between: &[Piece], block: &Block) -> bool {
    between.iter().any(|piece| match piece {
        Piece::Fill { block: plate, .. } => {
            plate.left <= block.left + 2.0
                && plate.right >= block.right - 2.0
                && plate.top <= block.top + 2.0
                && plate.bottom >= block.bottom - 2.0
        }
        _ => false,
    })
}

fn is_paper(colour: &str) -> bool {
    [LIGHT.paper, DARK.paper]
        .iter()
        .any(|plotters::style::RGBColor(r, g, b)| colour == format!("#{r:02X}{g:02X}{b:02X}"))
}

fn meet(one: &Block, other: &Block) -> bool {
    one.left + 0.5 < other.right
        && other.left + 0.5 < one.right
        && one.top + 0.5 < other.bottom
        && other.top + 0.5 < one.bottom
}

/// Whether a line goes through a block: points of it are tried, half a pixel apart.
fn crosses(from: (f64, f64), to: (f64, f64), block: &Block) -> bool {
    let steps = (2.0 * (to.0 - from.0).hypot(to.1 - from.1)).ceil().max(1.0);
    (0..=steps as u32).any(|step| {
        let share = f64::from(step) / steps;
        let (x, y) = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
        x > block.left && x < block.right && y > block.top && y < block.bottom
    })
}

fn pieces(svg: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for element in svg.split('<').skip(1) {
        let fill = || attribute(element, "fill").unwrap_or_default().to_owned();
        let stroke = || attribute(element, "stroke").unwrap_or_default().to_owned();
        match element.split(' ').next().unwrap_or_default() {
            "text" => pieces.push(text(element)),
            "rect" => {
                let (left, top) = (number(element, "x"), number(element, "y"));
                let (right, bottom) =
                    (left + number(element, "width"), top + number(element, "height"));
                // The paper itself lies below everything.
                if !pieces.is_empty() || left > 0.0 || top > 0.0 {
                    let block = Block { left, top, right, bottom };
                    pieces.push(Piece::Fill { block, colour: fill() });
                }
            }
            "circle" => {
                let middle = (number(element, "cx"), number(element, "cy"));
                // The square within: corners of a disc's block are no part of it.
                let side = 1.42 * number(element, "r");
                let block = Block::around(middle, side, side);
                pieces.push(Piece::Fill { block, colour: fill() });
            }
            "line" => pieces.push(Piece::Line {
                from: (number(element, "x1"), number(element, "y1")),
                to: (number(element, "x2"), number(element, "y2")),
                colour: stroke(),
            }),
            "polyline" | "polygon" => {
                let points = attribute(element, "points").unwrap_or_default();
                let points: Vec<(f64, f64)> = points
                    .split_whitespace()
                    .filter_map(|point| point.split_once(','))
                    .filter_map(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)))
                    .collect();
                pieces.extend(points.windows(2).map(|ends| Piece::Line {
                    from: ends[0],
                    to: ends[1],
                    colour: stroke(),
                }));
            }
            _ => {}
        }
    }
    pieces
}

/// A text with the block of its letters: from the middle of capitals to what hangs below the line.
fn text(element: &str) -> Piece {
    let (x, y) = (number(element, "x"), number(element, "y"));
    let letters = number(element, "font-size");
    let words = element.split_once('>').map_or("", |(_, words)| words).trim();
    let words = words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let width = text_width(&words, letters / LETTERS);
    let from = match attribute(element, "text-anchor") {
        Some("middle") => -width / 2.0,
        Some("end") => -width,
        _ => 0.0,
    };
    let middle = match attribute(element, "dy") {
        Some("0.5ex") => 0.0,
        Some("-0.5ex") => -0.5 * letters,
        _ => 0.5 * letters,
    };
    let (up, down) = (middle - 0.42 * letters, middle + 0.42 * letters);
    let block = match attribute(element, "transform") {
        Some(turned) if turned.starts_with("rotate(270") => {
            Block { left: x + up, right: x + down, top: y - from - width, bottom: y - from }
        }
        _ => Block { left: x + from, right: x + from + width, top: y + up, bottom: y + down },
    };
    Piece::Text { words, block }
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

fn number(element: &str, name: &str) -> f64 {
    attribute(element, name).and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

#[test]
fn what_cannot_be_read_is_found() {
    let svg = |inside: &str| format!("<svg width=\"100\" height=\"50\">{inside}</svg>");
    let text = |x: u32, y: u32| {
        format!("<text x=\"{x}\" y=\"{y}\" dy=\"0.5ex\" font-size=\"13\">\nwords\n</text>")
    };
    let line = "<line stroke=\"#D55E00\" x1=\"30\" y1=\"0\" x2=\"30\" y2=\"50\"/>";
    let plate = "<rect x=\"8\" y=\"10\" width=\"80\" height=\"30\" fill=\"#FFFFFF\"/>";
    let bar = "<rect x=\"0\" y=\"20\" width=\"30\" height=\"10\" fill=\"#0072B2\"/>";
    let first = text(10, 25);
    assert_eq!(faults(&svg(&first)), [] as [&str; 0]);
    assert_eq!(faults(&svg(&format!("{line}{plate}{first}"))), [] as [&str; 0]);
    for (fault, inside) in [
        ("leaves", text(80, 25)),
        ("leaves", text(10, 2)),
        ("meets “words”", first.clone() + &text(30, 28)),
        ("a line of #D55E00", format!("{line}{first}")),
        ("a line of #D55E00", format!("{plate}{line}{first}")),
        ("edge of a shape", format!("{line}{bar}{first}")),
        ("hidden by a shape", first.clone() + plate),
    ] {
        let found = faults(&svg(&inside));
        assert!(found.iter().any(|found| found.contains(fault)), "{fault}: {found:?}");
    }
}
