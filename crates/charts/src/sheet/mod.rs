//! Contact sheets: samples side by side, as they are stored, with what they are called; in pages where there are many.

mod canvas;
mod format;

pub use format::SheetFormat;

use tcolz_format::dataset::{Dataset, DatasetError, LedgerRow};
use tcolz_format::sample::Status;
use tcolz_pixels::picture::PictureError;
use tcolz_pixels::recipe::Dtype;

use canvas::{CHARACTER, Canvas};

/// Pixels between tiles.
const GAP: usize = 8;
/// Pixels between lines of text.
const LEADING: usize = 3;
/// Pixels from a line of text to the next one.
const LINE: usize = CHARACTER + LEADING;
/// Grey of the gaps and of places without a tile.
const BACKGROUND: u8 = 32;
/// Colour of the tile of an input that is not stored.
const ABSENT: [u8; 3] = [64, 40, 40];
const HEADING: [u8; 3] = [255, 255, 255];
const CAPTION: [u8; 3] = [190, 190, 190];
/// Sides of tiles in pixels: smaller tensors are enlarged, so that text has room; larger ones are shrunk.
const SIDES: (usize, usize) = (128, 256);

/// A sheet is at least as wide as so many tiles, so that headings have room.
const LEAST_TILES: usize = 4;
/// A page ends before it is higher than this: viewers show it, and its pixels take no more than 40 MB.
const PAGE_HEIGHT: usize = 6000;
/// Lines of a caption that are not the name.
const MAX_CAPTION_LINES: usize = 4;

/// A contact sheet that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    /// A sample cannot be read, or tensors are no pixels.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A picture cannot be that large.
    #[error("making the contact sheet: {0}")]
    Picture(#[from] PictureError),
}

/// A contact sheet: the files of its pages, at least one.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// PNG or JPEG files.
    pub pages: Vec<Vec<u8>>,
    /// Rows that are shown.
    pub rows: usize,
    /// Rows that there would be beyond these.
    pub left_out: usize,
}

/// Tiles side by side, with a heading above them where there is one.
#[derive(Debug, Clone, Default)]
pub struct SheetRow<'a> {
    /// What the tiles have in common.
    pub heading: Option<String>,
    /// The tiles.
    pub tiles: Vec<Tile<'a>>,
}

/// A sample on a sheet. One that is not stored is a square with its reason.
#[derive(Debug, Clone)]
pub struct Tile<'a> {
    /// The sample.
    pub row: &'a LedgerRow,
    /// Lines below it. The first is a name, of which the end is shown; the others are wrapped at its width.
    pub caption: Vec<String>,
}

/// A row whose texts have been cut into lines.
struct Laid<'a> {
    row: &'a SheetRow<'a>,
    heading: Vec<String>,
    captions: Vec<Vec<String>>,
    height: usize,
}

/// Pictures of samples in rows, from the largest stored size, with the title on every page.
///
/// # Errors
/// [`SheetError::Dataset`] when a sample is damaged or the dataset holds a baked view and no pixels;
/// [`SheetError::Picture`] when a picture cannot be that large.
pub fn sheet(
    dataset: &Dataset,
    title: Option<&str>,
    rows: &[SheetRow<'_>],
    format: SheetFormat,
) -> Result<Sheet, SheetError> {
    let meta = dataset.meta();
    let unusable =
        |reason: String| DatasetError::Structure { path: dataset.root().to_owned(), reason };
    if meta.recipe.dtype != Dtype::U8 {
        let dtype = meta.recipe.dtype;
        let reason = format!("expected pixels, found {dtype} with the view baked in");
        return Err(unusable(reason).into());
    }
    let Some(column) = meta.columns.len().checked_sub(1) else {
        return Err(unusable("expected a tensor column, found none".to_owned()).into());
    };
    let size = meta.columns[column].size() as usize;
    let side = size.clamp(SIDES.0, SIDES.1);
    let tiles = rows.iter().map(|row| row.tiles.len()).max().unwrap_or(0).max(LEAST_TILES);
    let width = tiles * (side + GAP) + GAP;
    let letters = (width - 2 * GAP) / CHARACTER;
    let laid: Vec<Laid<'_>> = rows.iter().map(|row| lay_out(row, side, letters)).collect();
    let pages = in_pages(&laid);
    let number = pages.len();
    let mut sheet = Sheet { rows: rows.len(), ..Sheet::default() };
    for (index, rows) in pages.into_iter().enumerate() {
        let page = (number > 1).then(|| format!("page {} of {number}", index + 1));
        let words: Vec<&str> = title.into_iter().chain(page.as_deref()).collect();
        let title = wrapped(&words.join(", "), letters);
        let canvas = draw(dataset, column, &title, rows, (width, side))?;
        sheet.pages.push(format.encode(&canvas)?);
    }
    Ok(sheet)
}

fn lay_out<'a>(row: &'a SheetRow<'a>, side: usize, letters: usize) -> Laid<'a> {
    let heading = row.heading.as_deref().map_or(Vec::new(), |heading| wrapped(heading, letters));
    let caption = |tile: &Tile<'_>| caption(&tile.caption, side / CHARACTER);
    let captions: Vec<Vec<String>> = row.tiles.iter().map(caption).collect();
    let lines = heading.len() + captions.iter().map(Vec::len).max().unwrap_or(0);
    let tiles = if row.tiles.is_empty() { 0 } else { side };
    Laid { row, heading, captions, height: lines * LINE + tiles + GAP }
}

/// The rows of each page; of no rows one page without any.
fn in_pages<'r, 'a>(rows: &'r [Laid<'a>]) -> Vec<&'r [Laid<'a>]> {
    let mut pages = Vec::new();
    let mut begin = 0;
    let mut height = 0;
    for (index, row) in rows.iter().enumerate() {
        if index > begin && height + row.height > PAGE_HEIGHT {
            pages.push(&rows[begin..index]);
            (begin, height) = (index, 0);
        }
        height += row.height;
    }
    pages.push(&rows[begin..]);
    pages
}

fn draw(
    dataset: &Dataset,
    column: usize,
    title: &[String],
    rows: &[Laid<'_>],
    (width, side): (usize, usize),
) -> Result<Canvas, SheetError> {
    let size = dataset.meta().columns[column].size() as usize;
    let title_height = if title.is_empty() { 0 } else { title.len() * LINE + GAP };
    let height = GAP + title_height + rows.iter().map(|row| row.height).sum::<usize>();
    let mut canvas = Canvas::new(width, height, BACKGROUND);
    let lines = |canvas: &mut Canvas, left: usize, top: usize, lines: &[String], colour| {
        for (number, text) in lines.iter().enumerate() {
            canvas.text(left, top + number * LINE, text, colour);
        }
        top + lines.len() * LINE
    };
    lines(&mut canvas, GAP, GAP, title, HEADING);
    let mut top = GAP + title_height;
    for laid in rows {
        let tiles_top = lines(&mut canvas, GAP, top, &laid.heading, HEADING);
        for (number, (tile, caption)) in laid.row.tiles.iter().zip(&laid.captions).enumerate() {
            let left = GAP + number * (side + GAP);
            if tile.row.status == Status::Stored {
                let planes = dataset.read_tensor(tile.row, column)?;
                canvas.tile(left, tiles_top, side, &planes, size);
            } else {
                canvas.fill(left, tiles_top, side, ABSENT);
                let reason = tile.row.reason.as_deref().unwrap_or("not stored");
                let mut reason = wrapped(reason, side / CHARACTER - 2);
                reason.truncate((side - 2 * CHARACTER) / LINE);
                lines(&mut canvas, left + CHARACTER, tiles_top + CHARACTER, &reason, CAPTION);
            }
            lines(&mut canvas, left, tiles_top + side + LEADING, caption, CAPTION);
        }
        top += laid.height;
    }
    Ok(canvas)
}

/// The lines of a caption: the end of the name, and the rest wrapped.
fn caption(caption: &[String], letters: usize) -> Vec<String> {
    let Some((name, rest)) = caption.split_first() else { return Vec::new() };
    let mut rest: Vec<String> = rest.iter().flat_map(|text| wrapped(text, letters)).collect();
    if rest.len() > MAX_CAPTION_LINES {
        rest.truncate(MAX_CAPTION_LINES);
        if let Some(last) = rest.last_mut() {
            *last = last.chars().take(letters - 2).chain("..".chars()).collect();
        }
    }
    rest.insert(0, end_of(name, letters));
    rest
}

/// The end of a text that is too long: of paths it tells more than the beginning.
fn end_of(text: &str, letters: usize) -> String {
    let length = text.chars().count();
    if length <= letters {
        return text.to_owned();
    }
    let rest = text.chars().skip(length + 2 - letters);
    "..".chars().chain(rest).collect()
}

/// The text in lines of at most `letters`, cut at words where it can be.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        for part in word.chars().collect::<Vec<char>>().chunks(letters) {
            let part: String = part.iter().collect();
            let last = lines.len() - 1;
            let used = lines[last].chars().count();
            if used == 0 {
                lines[last] = part;
            } else if used + 1 + part.chars().count() <= letters {
                lines[last].push(' ');
                lines[last].push_str(&part);
            } else {
                lines.push(part);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_ends_and_long_reasons_are_wrapped() {
        assert_eq!(end_of("data/78476/1.jpg", 16), "data/78476/1.jpg");
        assert_eq!(end_of("data/78476/1.jpg", 10), "..76/1.jpg");
        assert_eq!(wrapped("corrupt: no such marker", 10), ["corrupt:", "no such", "marker"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        let said = ["data/78476/1.jpg", "validation / very good"].map(str::to_owned);
        assert_eq!(
            caption(&said, 16),
            said[..1]
                .iter()
                .chain(&["validation /", "very good"].map(str::to_owned))
                .cloned()
                .collect::<Vec<_>>()
        );
        let long = ["1.jpg".to_owned(), "a ".repeat(100)];
        assert_eq!(caption(&long, 8).len(), 1 + MAX_CAPTION_LINES);
        assert!(caption(&long, 8)[MAX_CAPTION_LINES].ends_with(".."));
    }

    #[test]
    fn rows_fill_pages_and_none_is_lost() {
        let row = SheetRow::default();
        let laid = |height| Laid { row: &row, heading: vec![], captions: vec![], height };
        let pages = |heights: &[usize]| {
            let rows: Vec<Laid<'_>> = heights.iter().map(|&height| laid(height)).collect();
            in_pages(&rows).iter().map(|page| page.len()).collect::<Vec<_>>()
        };
        assert_eq!(pages(&[]), [0]);
        assert_eq!(pages(&[100]), [1]);
        assert_eq!(pages(&[PAGE_HEIGHT, 1]), [1, 1]);
        assert_eq!(pages(&[1, PAGE_HEIGHT + 1, 1]), [1, 1, 1]);
        assert_eq!(pages(&[PAGE_HEIGHT / 4; 9]), [4, 4, 1]);
    }
}
