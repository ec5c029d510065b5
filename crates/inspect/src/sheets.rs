//! Which samples stand on a sheet.

use std::collections::BTreeMap;

use super::asked::Asked;
use super::totals::holds;
use crate::duplicates::{DuplicateGroup, Duplicates, Relation};
use tcolz_format::dataset::{Dataset, DatasetError, LedgerRow};
use tcolz_format::sample::Status;
use tcolz_loader::Selection;

use tcolz_charts::sheet::{Sheet, SheetError, SheetFormat, SheetRow, Tile, sheet};

/// Tiles in a row.
const TILES: usize = 8;
/// Rows of a sheet: about twenty pages. More are no overview.
const MAX_ROWS: usize = 400;

/// What the rows of an overview stand for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SheetBy {
    /// A row for each class, and one for samples without.
    #[default]
    Class,
    /// A row for each split.
    Split,
    /// A row for each status, and for each reason: the quarantine, and what is odd about stored samples.
    Status,
}

impl SheetBy {
    /// The row that a sample belongs to: its place, then its heading.
    fn row(self, dataset: &Dataset, row: &LedgerRow) -> Option<(u64, String)> {
        let meta = dataset.meta();
        match self {
            SheetBy::Status => {
                let status = row.status.to_string();
                let code = row.reason_code().map(|code| format!("{status}: {code}"));
                Some((row.status as u64, code.unwrap_or(status)))
            }
            _ if row.status != Status::Stored => None,
            SheetBy::Class => Some(match row.label {
                Some(label) => {
                    let name = meta.classes.get(usize::from(label));
                    (label.into(), name.cloned().unwrap_or_else(|| format!("class {label}")))
                }
                None => (u64::MAX, "without a label".to_owned()),
            }),
            SheetBy::Split => {
                let place = meta.splits.iter().position(|split| *split.name == *row.split);
                Some((place.unwrap_or(usize::MAX) as u64, row.split.to_string()))
            }
        }
    }
}

/// A contact sheet of a dataset, or of selections of it, which its title names: eight samples of each class, split or
/// status, evenly spread over the ledger.
///
/// # Errors
/// As [`Dataset::ledger`] and [`sheet`]; [`DatasetError::Structure`] when there is nothing to show.
pub fn overview_sheet(
    dataset: &Dataset,
    by: SheetBy,
    selections: Option<&[Selection]>,
    format: SheetFormat,
) -> Result<Sheet, SheetError> {
    let ledger = dataset.ledger()?;
    let mut by_row: BTreeMap<(u64, String), Vec<&LedgerRow>> = BTreeMap::new();
    for row in ledger.iter().filter(|row| holds(selections, &row.split, row.place)) {
        if let Some(key) = by.row(dataset, row) {
            by_row.entry(key).or_default().push(row);
        }
    }
    let mut rows: Vec<SheetRow<'_>> = by_row
        .into_iter()
        .map(|((_, name), samples)| {
            let number = samples.len();
            let shown = number.min(TILES);
            let spread = (0..shown).map(|tile| samples[tile * number / shown]);
            SheetRow {
                heading: Some(format!("{name}: {number}")),
                tiles: spread.map(|row| tile(dataset, row)).collect(),
            }
        })
        .collect();
    if rows.is_empty() {
        let path = dataset.root().to_owned();
        let reason = "no sample is stored: there is nothing to show".to_owned();
        return Err(DatasetError::Structure { path, reason }.into());
    }
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    rows.extend(rest(left_out));
    let title = selections.map(|selections| Asked::of(dataset, selections).to_string());
    let shown = rows.len() - usize::from(left_out > 0);
    Ok(Sheet { rows: shown, left_out, ..sheet(dataset, title.as_deref(), &rows, format)? })
}

/// A contact sheet of groups of duplicates, a group a row.
///
/// # Errors
/// As [`Dataset::ledger`] and [`sheet`]; [`DatasetError::Structure`] when there are none.
pub fn duplicates_sheet(
    dataset: &Dataset,
    found: &Duplicates,
    format: SheetFormat,
) -> Result<Sheet, SheetError> {
    let structure =
        |reason: String| DatasetError::Structure { path: dataset.root().to_owned(), reason };
    if found.groups.is_empty() {
        return Err(structure("no duplicates: there is nothing to show".to_owned()).into());
    }
    let ledger = dataset.ledger()?;
    let row = |group: &DuplicateGroup| -> Result<SheetRow<'_>, DatasetError> {
        let shown = group.members.iter().take(TILES);
        let of = |row: u64| {
            let row = usize::try_from(row).ok().and_then(|row| ledger.get(row));
            row.ok_or_else(|| structure("these duplicates are of another dataset".to_owned()))
        };
        let tiles = shown.map(|member| of(member.ledger_row).map(|row| tile(dataset, row)));
        Ok(SheetRow { heading: Some(heading(group)), tiles: tiles.collect::<Result<_, _>>()? })
    };
    let first = found.groups.iter().take(MAX_ROWS);
    let mut rows = first.map(row).collect::<Result<Vec<_>, DatasetError>>()?;
    let left_out = found.groups.len() - rows.len();
    rows.extend(rest(left_out));
    let shown = rows.len() - usize::from(left_out > 0);
    Ok(Sheet { rows: shown, left_out, ..sheet(dataset, None, &rows, format)? })
}

/// The last row, where others are left out.
fn rest(left_out: usize) -> Option<SheetRow<'static>> {
    let heading = Some(format!("{left_out} more are not shown"));
    (left_out > 0).then_some(SheetRow { heading, tiles: Vec::new() })
}

/// In which sense the samples of a group are the same, in words.
fn heading(group: &DuplicateGroup) -> String {
    let mut words = vec![group.describe()];
    if group.members.len() > 2 {
        words.push(format!("{} samples", group.members.len()));
    }
    words.join(", ")
}

impl DuplicateGroup {
    /// In which sense its samples are the same, in words: `nearly the same: 3 bits, 5.3 levels, ACROSS SPLITS`.
    pub fn describe(&self) -> String {
        let mut words = vec![match self.relation {
            Relation::SameFile => "same file".to_owned(),
            Relation::SamePixels => "same pixels".to_owned(),
            Relation::Near => {
                let bits = self.links.iter().map(|link| link.distance).max().unwrap_or(0);
                let levels = self.links.iter().map(|link| link.difference).fold(0.0, f64::max);
                let noun = if bits == 1 { "bit" } else { "bits" };
                format!("nearly the same: {bits} {noun}, {levels:.1} levels")
            }
        }];
        words.extend(self.across_splits.then(|| "ACROSS SPLITS".to_owned()));
        words.extend(self.conflicting_labels.then(|| "LABELS DIFFER".to_owned()));
        words.join(", ")
    }
}

fn tile<'a>(dataset: &Dataset, row: &'a LedgerRow) -> Tile<'a> {
    let class = row.label.and_then(|label| dataset.meta().classes.get(usize::from(label)));
    let class = class.map_or("no label", String::as_str);
    Tile { row, caption: vec![row.sample_id.clone(), format!("{} / {class}", row.split)] }
}
