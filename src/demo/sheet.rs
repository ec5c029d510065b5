//! Contact sheets: stored samples side by side in one PNG, a tile a sample, as they are stored.

use super::{CLASSES, DemoDump, DemoError};
use crate::dataset::{Dataset, DatasetError, LedgerRow};
use crate::decode::encode_png;
use crate::recipe::Dtype;
use crate::sample::Status;

/// Pixels between tiles.
const GAP: usize = 8;
/// Grey of the gaps and of places without a tile.
const BACKGROUND: u8 = 32;
/// Tiles in a row of odd photos.
const ODD_COLUMNS: usize = 4;

/// A PNG with the first `columns` ordinary photos of each class of a converted demo, a class a row.
///
/// # Errors
/// [`DemoError::Dataset`] when a sample cannot be read or tensors are no pixels;
/// [`DemoError::Picture`] when a PNG cannot be that large.
pub fn class_sheet(
    dump: &DemoDump,
    dataset: &Dataset,
    columns: usize,
) -> Result<Vec<u8>, DemoError> {
    let ledger = dataset.ledger()?;
    let of_class = |class: usize| {
        let wanted = |row: &&LedgerRow| {
            row.status == Status::Stored
                && row.label.map(usize::from) == Some(class)
                && !dump.oddities.iter().any(|line| line.is_of(row))
        };
        ledger.iter().filter(wanted).take(columns).collect()
    };
    sheet(dataset, &(0..CLASSES.len()).map(of_class).collect::<Vec<_>>())
}

/// A PNG with every odd photo of a converted demo that is stored, four in a row, and the oddities in
/// that order.
///
/// # Errors
/// As [`class_sheet`].
pub fn oddity_sheet(
    dump: &DemoDump,
    dataset: &Dataset,
) -> Result<(Vec<u8>, Vec<super::Oddity>), DemoError> {
    let ledger = dataset.ledger()?;
    let (mut rows, mut shown) = (Vec::new(), Vec::new());
    for line in &dump.oddities {
        let row =
            ledger.iter().find(|row| line.is_of(row)).filter(|row| row.status == Status::Stored);
        // A second line shows an ordinary photo.
        if let Some(row) = row.filter(|_| !line.oddity.is_second_line()) {
            rows.push(row);
            shown.push(line.oddity);
        }
    }
    let rows: Vec<Vec<&LedgerRow>> = rows.chunks(ODD_COLUMNS).map(<[_]>::to_vec).collect();
    Ok((sheet(dataset, &rows)?, shown))
}

/// A PNG of stored samples in rows, from the largest stored size.
fn sheet(dataset: &Dataset, rows: &[Vec<&LedgerRow>]) -> Result<Vec<u8>, DemoError> {
    let meta = dataset.meta();
    let unusable = |reason: String| {
        DemoError::Dataset(DatasetError::Structure { path: dataset.root().to_owned(), reason })
    };
    if meta.recipe.dtype != Dtype::U8 {
        let dtype = meta.recipe.dtype;
        return Err(unusable(format!("expected pixels, found {dtype} with the view baked in")));
    }
    let Some(column) = meta.columns.len().checked_sub(1) else {
        return Err(unusable("expected a tensor column, found none".to_owned()));
    };
    let size = meta.columns[column].size() as usize;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let side = |tiles: usize| tiles * (size + GAP) + GAP;
    let (width, height) = (side(columns), side(rows.len()));
    let mut rgb = vec![BACKGROUND; width * height * 3];
    for (y, row) in rows.iter().enumerate() {
        for (x, entry) in row.iter().enumerate() {
            let planes = dataset.read_tensor(entry, column)?;
            let at = (side(y) * width + side(x)) * 3;
            place(&planes, size, &mut rgb[at..], width);
        }
    }
    Ok(encode_png(width as u32, height as u32, &rgb)?)
}

/// Copies the tile `[3, size, size]` to the front of `rgb`, whose rows are `width` pixels long.
fn place(planes: &[u8], size: usize, rgb: &mut [u8], width: usize) {
    let plane = size * size;
    for y in 0..size {
        let target = &mut rgb[y * width * 3..][..size * 3];
        for (x, pixel) in target.chunks_exact_mut(3).enumerate() {
            let index = y * size + x;
            pixel.copy_from_slice(&[0, 1, 2].map(|channel| planes[channel * plane + index]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_lies_where_it_is_put_and_nowhere_else() {
        let planes: Vec<u8> = (1..=12).collect();
        let mut rgb = vec![0; 3 * 3 * 3];
        place(&planes, 2, &mut rgb[3..], 3);
        let expected =
            [[[0, 0, 0], [1, 5, 9], [2, 6, 10]], [[0, 0, 0], [3, 7, 11], [4, 8, 12]], [[0; 3]; 3]];
        assert_eq!(rgb, expected.as_flattened().as_flattened());
    }
}
