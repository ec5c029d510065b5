//! What a conversion made of the demo's dump, against what it must make of it.

use std::collections::HashMap;

use serde::Serialize;

use super::dump::{DemoDump, OddLine};
use super::oddity::Oddity;
use tcolz_format::dataset::LedgerRow;
use tcolz_format::sample::Status;

/// What became of one odd line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The line.
    #[serde(flatten)]
    pub line: OddLine,
    /// Its status in the ledger; `None` when the ledger has no such line.
    pub status: Option<Status>,
    /// Its reason in the ledger.
    pub reason: Option<String>,
    /// How that differs from what was expected; `None` when it does not.
    pub differs: Option<String>,
}

/// What became of every line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The odd lines, in the order of [`Oddity::ALL`].
    pub oddities: Vec<Finding>,
    /// Ordinary photos that were stored, with nothing to remark.
    pub ordinary: u64,
    /// What else is not as it must be, as sentences.
    pub astray: Vec<String>,
}

impl Findings {
    /// Whether everything ended as it must.
    pub fn as_expected(&self) -> bool {
        self.astray.is_empty() && self.oddities.iter().all(|finding| finding.differs.is_none())
    }
}

/// Compares the ledger of a conversion of `dump` with what the dump holds.
pub fn compare(dump: &DemoDump, rows: &[LedgerRow]) -> Findings {
    let mut by_line: HashMap<(&str, u32), &LedgerRow> =
        rows.iter().map(|row| ((&*row.list, row.line), row)).collect();
    let mut astray = Vec::new();
    if by_line.len() != rows.len() {
        astray.push(format!("{} ledger rows for {} lines", rows.len(), by_line.len()));
    }
    let oddities = dump.oddities.iter().map(|line| {
        let row = by_line.remove(&(line.list.as_str(), line.line));
        Finding {
            line: line.clone(),
            status: row.map(|row| row.status),
            reason: row.and_then(|row| row.reason.clone()),
            differs: match row {
                Some(row) => difference(line.oddity, row, rows),
                None => Some("the ledger has no such line".to_owned()),
            },
        }
    });
    let oddities = oddities.collect();
    let mut ordinary = 0;
    let mut rest: Vec<&LedgerRow> = by_line.into_values().collect();
    rest.sort_by_key(|row| (&row.list, row.line));
    for row in rest {
        let known = dump.photos.binary_search(&row.sample_id).is_ok();
        if known && row.status == Status::Stored && row.reason.is_none() {
            ordinary += 1;
        } else {
            let (list, line, status) = (&row.list, row.line, row.status);
            let reason = row.reason.as_deref().unwrap_or("no reason given");
            astray.push(format!(
                "{list}, line {line}, `{}`: expected stored, found {status} ({reason})",
                row.sample_id
            ));
        }
    }
    if ordinary != dump.photos.len() as u64 {
        let made = dump.photos.len();
        astray.push(format!("expected {made} ordinary photos, found {ordinary}"));
    }
    Findings { oddities, ordinary, astray }
}

/// How the ledger's row of an odd line differs from what it must be.
fn difference(oddity: Oddity, row: &LedgerRow, rows: &[LedgerRow]) -> Option<String> {
    let expected = oddity.expected();
    let found = (row.status, row.reason_code());
    if found != (expected.status, expected.reason) {
        let words = |(status, reason): (Status, Option<&str>)| {
            reason.map_or(status.to_string(), |reason| format!("{status} ({reason})"))
        };
        let wanted = words((expected.status, expected.reason));
        return Some(format!("expected {wanted}, found {}", words(found)));
    }
    match oddity {
        Oddity::Leakage => leaks(row, rows),
        _ => row.photo.as_ref().and_then(|photo| oddity.photo_fault(photo)),
    }
}

/// The same photo must be stored in its other split, too, with the same pixels.
fn leaks(row: &LedgerRow, rows: &[LedgerRow]) -> Option<String> {
    let twin = |other: &&LedgerRow| {
        other.sample_id == row.sample_id
            && other.split != row.split
            && other.status == Status::Stored
    };
    match rows.iter().find(twin) {
        None => Some("expected it in two splits, found it in one".to_owned()),
        Some(other) if other.tensors != row.tensors => {
            Some("expected the same pixels in both splits, found others".to_owned())
        }
        Some(_) => None,
    }
}
