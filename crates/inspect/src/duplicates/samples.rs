//! What the search for duplicates holds of each stored sample: 120 bytes, from columns of the ledger.

use crate::channels::possible;
use tcolz_base::door::call;
use tcolz_format::dataset::{Dataset, DatasetError, LedgerError, pixels_field, sum_fields};
use tcolz_format::sample::{Label, Status};
use tcolz_pixels::ChannelSums;

/// A stored sample.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// Place in the ledger.
    pub(super) ledger_row: u64,
    /// Index of its split.
    pub(super) split: u16,
    pub(super) label: Label,
    /// Shard of the split, row of the shard.
    pub(super) place: (u32, u32),
    /// BLAKE3 of its source file.
    pub(super) source: Option<[u8; 32]>,
    /// BLAKE3 of its largest tensor.
    pub(super) pixels: [u8; 32],
    pub(super) dhash: Option<u64>,
    /// Channel means of the largest tensor, in levels.
    pub(super) mean: [f32; 3],
    /// Channel standard deviations, in levels.
    pub(super) std: [f32; 3],
}

impl Sample {
    /// The mean of the three channel means.
    pub(super) fn grey(&self) -> f32 {
        self.mean.iter().sum::<f32>() / 3.0
    }
}

/// Means of a tensor as [`Sample::mean`] holds them.
pub(super) fn means(sums: &ChannelSums, pixels: u64) -> [f32; 3] {
    sums.mean(pixels).map(|mean| mean as f32)
}

/// Every stored sample, in the ledger's order.
pub(super) fn read(dataset: &Dataset, column: usize) -> Result<Vec<Sample>, DatasetError> {
    let meta = dataset.meta();
    let tensor = &meta.columns[column];
    let pixels = u64::from(tensor.size()).pow(2);
    let (pixels_field, sum_fields) = (pixels_field(tensor), sum_fields(tensor));
    let mut fields =
        vec!["split", "label", "status", "shard", "row", "source_blake3", "dhash", &pixels_field];
    fields.extend(sum_fields.iter().map(String::as_str));
    let batches = dataset.scan_ledger(&fields, |batch| {
        let (split, label, status) = (batch.text("split")?, batch.u16("label")?, batch.status()?);
        let (shard, row) = (batch.u32("shard")?, batch.u32("row")?);
        let (source, pixels_blake3) = (batch.hash("source_blake3")?, batch.hash(&pixels_field)?);
        let (dhash, sums) = (batch.u64("dhash")?, batch.sums(tensor)?);
        let mut samples = Vec::with_capacity(batch.rows());
        for index in 0..batch.rows() {
            if status(index)? != Status::Stored {
                continue;
            }
            let ledger_row = batch.first_row() + index as u64;
            let name = split(index).unwrap_or_default();
            let split = meta.splits.iter().position(|split| split.name == name);
            let split = split.and_then(|split| u16::try_from(split).ok());
            let sums = sums(index).filter(|sums| possible(sums, tensor));
            let place = shard(index).zip(row(index));
            let (Some(split), Some(place), Some(hash), Some(sums)) =
                (split, place, pixels_blake3(index), sums)
            else {
                let fault = format!(
                    "stored, but without a place, a known split, or pixels that a picture can have; {} has more",
                    call("verify", &[&dataset.root().display().to_string()], &[])
                );
                return Err(LedgerError::of_row(ledger_row, fault));
            };
            samples.push(Sample {
                ledger_row,
                split,
                label: label(index),
                place,
                source: source(index),
                pixels: hash,
                dhash: dhash(index),
                mean: means(&sums, pixels),
                std: sums.std(pixels).map(|std| std as f32),
            });
        }
        Ok(samples)
    })?;
    Ok(batches.into_iter().flatten().collect())
}
