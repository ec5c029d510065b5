//! Contact sheets of the demo: its classes, and its odd photos.

use tcolz_charts::sheet::{SheetError, SheetFormat, SheetRow, Tile, sheet};
use tcolz_demo::{CLASSES, DemoDump, Oddity};
use tcolz_format::dataset::{Dataset, LedgerRow};
use tcolz_format::sample::Status;

/// Tiles in a row of odd photos.
const ODD_COLUMNS: usize = 4;

/// A PNG with the first `columns` ordinary photos of each class of a converted demo, a class a row with its
/// name.
///
/// # Errors
/// [`SheetError::Dataset`] when the ledger cannot be read; else as [`sheet`].
pub(super) fn class_sheet(
    dump: &DemoDump,
    dataset: &Dataset,
    columns: usize,
) -> Result<Vec<u8>, SheetError> {
    let ledger = dataset.ledger()?;
    let of_class = |class: usize| -> Vec<Tile<'_>> {
        let wanted = |row: &&LedgerRow| {
            row.status == Status::Stored
                && row.label.map(usize::from) == Some(class)
                && !dump.oddities.iter().any(|line| line.is_of(row))
        };
        let tile = |row| Tile { row, caption: vec![row.sample_id.clone(), row.split.to_string()] };
        ledger.iter().filter(wanted).take(columns).map(tile).collect()
    };
    let row = |class: usize| SheetRow {
        heading: Some(CLASSES[class].to_owned()),
        tiles: of_class(class),
    };
    one_page(dataset, &(0..CLASSES.len()).map(row).collect::<Vec<_>>())
}

/// A PNG with every odd photo of a converted demo that is stored, four in a row, each with what is odd about it, and the
/// oddities in that order.
///
/// # Errors
/// As [`class_sheet`].
pub(super) fn oddity_sheet(
    dump: &DemoDump,
    dataset: &Dataset,
) -> Result<(Vec<u8>, Vec<Oddity>), SheetError> {
    let ledger = dataset.ledger()?;
    let (mut tiles, mut shown) = (Vec::new(), Vec::new());
    for line in &dump.oddities {
        let row =
            ledger.iter().find(|row| line.is_of(row)).filter(|row| row.status == Status::Stored);
        // A second line shows an ordinary photo.
        if let Some(row) = row.filter(|_| !line.oddity.is_second_line()) {
            let caption = vec![row.sample_id.clone(), line.oddity.describe().to_owned()];
            tiles.push(Tile { row, caption });
            shown.push(line.oddity);
        }
    }
    let rows: Vec<SheetRow<'_>> = tiles
        .chunks(ODD_COLUMNS)
        .map(|tiles| SheetRow { heading: None, tiles: tiles.to_vec() })
        .collect();
    Ok((one_page(dataset, &rows)?, shown))
}

/// A sheet that fits on one page.
fn one_page(dataset: &Dataset, rows: &[SheetRow<'_>]) -> Result<Vec<u8>, SheetError> {
    Ok(sheet(dataset, None, rows, SheetFormat::Png)?.pages.swap_remove(0))
}
