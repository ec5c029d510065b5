//! Contact sheets: samples side by side in one PNG, as they are stored, with what they are called.

mod canvas;
mod choose;

pub use choose::{SheetBy, duplicates_sheet, overview_sheet};

use crate::dataset::{Dataset, DatasetError, LedgerRow};
use crate::decode::{PictureError, encode_png};
use crate::recipe::Dtype;
use crate::sample::Status;

use canvas::{CHARACTER, Canvas};

/// Pixels between tiles.
const GAP: usize = 8;
/// Pixels between lines of text.
const LEADING: usize = 3;
/// Grey of the gaps and of places without a tile.
const BACKGROUND: u8 = 32;
/// Colour of the tile of an input that is not stored.
const ABSENT: [u8; 3] = [64, 40, 40];
const HEADING: [u8; 3] = [255, 255, 255];
const CAPTION: [u8; 3] = [190, 190, 190];
/// Sides of tiles in pixels: smaller tensors are enlarged, so that text has room; larger ones are shrunk.
const SIDES: (usize, usize) = (128, 256);

/// A contact sheet that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    /// A sample cannot be read, or tensors are no pixels.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A PNG cannot be that large.
    #[error("making the contact sheet: {0}")]
    Picture(#[from] PictureError),
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
    /// Lines below it; cut at its width.
    pub caption: Vec<String>,
}

/// A PNG of samples in rows, from the largest stored size.
///
/// # Errors
/// [`SheetError::Dataset`] when a sample is damaged or the dataset holds a baked view and no pixels;
/// [`SheetError::Picture`] when a PNG cannot be that large.
pub fn sheet(dataset: &Dataset, rows: &[SheetRow<'_>]) -> Result<Vec<u8>, SheetError> {
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
    let line = CHARACTER + LEADING;
    let tiles = |row: &SheetRow<'_>| row.tiles.len() * (side + GAP) + GAP;
    let heading = |row: &SheetRow<'_>| row.heading.iter().len() * line;
    let height_of = |row: &SheetRow<'_>| {
        let captions = row.tiles.iter().map(|tile| tile.caption.len()).max().unwrap_or(0);
        let tiles = if row.tiles.is_empty() { 0 } else { side };
        heading(row) + tiles + captions * line + GAP
    };
    let width = rows.iter().map(tiles).max().unwrap_or(GAP);
    let mut canvas =
        Canvas::new(width, rows.iter().map(height_of).sum::<usize>() + GAP, BACKGROUND);
    let mut top = GAP;
    for row in rows {
        if let Some(text) = &row.heading {
            canvas.text(GAP, top, text, HEADING);
        }
        let tiles_top = top + heading(row);
        for (number, tile) in row.tiles.iter().enumerate() {
            let left = GAP + number * (side + GAP);
            let letters = side / CHARACTER;
            if tile.row.status == Status::Stored {
                let planes = dataset.read_tensor(tile.row, column)?;
                canvas.tile(left, tiles_top, side, &planes, size);
            } else {
                canvas.fill(left, tiles_top, side, ABSENT);
                let reason = tile.row.reason.as_deref().unwrap_or("not stored");
                for (number, text) in wrapped(reason, letters - 2).into_iter().enumerate() {
                    let below = tiles_top + CHARACTER + number * line;
                    if below + CHARACTER <= tiles_top + side {
                        canvas.text(left + CHARACTER, below, &text, CAPTION);
                    }
                }
            }
            for (number, text) in tile.caption.iter().enumerate() {
                let below = tiles_top + side + LEADING + number * line;
                canvas.text(left, below, &end_of(text, letters), CAPTION);
            }
        }
        top += height_of(row);
    }
    Ok(encode_png(canvas.width as u32, canvas.height as u32, &canvas.rgb)?)
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
    }
}
