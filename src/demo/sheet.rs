//! Contact sheets of the demo: its classes, and its odd photos.

use super::{CLASSES, DemoDump, DemoError};
use crate::dataset::{Dataset, LedgerRow};
use crate::inspect::{SheetRow, Tile, sheet};
use crate::sample::Status;

/// Tiles in a row of odd photos.
const ODD_COLUMNS: usize = 4;

/// A PNG with the first `columns` ordinary photos of each class of a converted demo, a class a row.
///
/// # Errors
/// [`DemoError::Dataset`] when the ledger cannot be read; [`DemoError::Sheet`] as [`sheet`].
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
    plain(&(0..CLASSES.len()).map(of_class).collect::<Vec<_>>(), dataset)
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
    Ok((plain(&rows, dataset)?, shown))
}

/// The samples without headings and captions.
fn plain(rows: &[Vec<&LedgerRow>], dataset: &Dataset) -> Result<Vec<u8>, DemoError> {
    let tile = |row| Tile { row, caption: Vec::new() };
    let rows: Vec<SheetRow<'_>> = rows
        .iter()
        .map(|row| SheetRow { heading: None, tiles: row.iter().copied().map(tile).collect() })
        .collect();
    Ok(sheet(dataset, &rows)?)
}
