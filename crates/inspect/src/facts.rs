//! What statistics need of a ledger row, from a whole [`LedgerRow`] or from columns of many.

use std::sync::Arc;

use tcolz_format::dataset::{LedgerBatch, LedgerError, LedgerRow, PHOTO_FIELDS, sum_fields};
use tcolz_format::sample::{Label, Status};
use tcolz_format::shard::TensorColumn;
use tcolz_pixels::ChannelSums;
use tcolz_pixels::photo_info::PhotoInfo;

/// What statistics need of a ledger row.
#[derive(Debug, Clone)]
pub(super) struct Facts<'a> {
    pub(super) split: &'a str,
    pub(super) label: Label,
    pub(super) status: Status,
    pub(super) reason: Option<&'a str>,
    pub(super) source_bytes: Option<u64>,
    pub(super) photo: Option<PhotoInfo>,
    /// Shard of the split, row of the shard.
    pub(super) place: Option<(u32, u32)>,
    pub(super) text_scores: Option<[f32; 3]>,
    pub(super) agreement: Option<u8>,
    /// Of each tensor column; `None` where nothing is stored.
    pub(super) sums: Vec<Option<ChannelSums>>,
}

impl<'a> Facts<'a> {
    pub(super) fn of_row(row: &'a LedgerRow, columns: usize) -> Facts<'a> {
        let sums = |column: usize| row.tensors.get(column).map(|tensor| tensor.sums);
        Facts {
            split: &row.split,
            label: row.label,
            status: row.status,
            reason: row.reason.as_deref(),
            source_bytes: row.source.map(|(bytes, _)| bytes),
            photo: row.photo,
            place: row.place,
            text_scores: row.text_scores,
            agreement: row.agreement,
            sums: (0..columns).map(sums).collect(),
        }
    }
}

/// Ledger columns of the text's sentiment.
const TEXT_FIELDS: [&str; 3] = ["text_neg", "text_neu", "text_pos"];

/// Names of the ledger columns that [`for_each`] reads.
pub(super) fn fields(columns: &[TensorColumn]) -> Vec<Arc<str>> {
    let plain = ["split", "label", "status", "reason", "shard", "row", "source_bytes", "agreement"];
    let plain = plain.into_iter().chain(TEXT_FIELDS).chain(PHOTO_FIELDS).map(Arc::from);
    plain.chain(columns.iter().flat_map(sum_fields).map(Arc::from)).collect()
}

/// Calls `take` with the facts of every row of a batch, in order.
pub(super) fn for_each<'a>(
    batch: &LedgerBatch<'a>,
    columns: &[TensorColumn],
    take: &mut dyn FnMut(&Facts<'a>) -> Result<(), String>,
) -> Result<(), LedgerError> {
    let (split, label) = (batch.text("split")?, batch.u16("label")?);
    let (status, reason) = (batch.status()?, batch.text("reason")?);
    let (source_bytes, photo) = (batch.u64("source_bytes")?, batch.photo()?);
    let [negative, neutral, positive] = TEXT_FIELDS;
    let (negative, neutral) = (batch.f32(negative)?, batch.f32(neutral)?);
    let (positive, agreement) = (batch.f32(positive)?, batch.u8("agreement")?);
    let (shard, row_in_shard) = (batch.u32("shard")?, batch.u32("row")?);
    let sums = columns.iter().map(|column| batch.sums(column)).collect::<Result<Vec<_>, _>>()?;
    let mut of_row = Vec::with_capacity(columns.len());
    for row in 0..batch.rows() {
        of_row.clear();
        of_row.extend(sums.iter().map(|sums| sums(row)));
        let facts = Facts {
            split: split(row).unwrap_or_default(),
            label: label(row),
            status: status(row)?,
            reason: reason(row),
            source_bytes: source_bytes(row),
            photo: photo(row)?,
            place: shard(row).zip(row_in_shard(row)),
            text_scores: match (negative(row), neutral(row), positive(row)) {
                (Some(negative), Some(neutral), Some(positive)) => {
                    Some([negative, neutral, positive])
                }
                _ => None,
            },
            agreement: agreement(row),
            sums: of_row,
        };
        take(&facts).map_err(|what| LedgerError::of_row(batch.first_row() + row as u64, what))?;
        of_row = facts.sums;
    }
    Ok(())
}
