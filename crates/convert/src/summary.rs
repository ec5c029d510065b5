//! How a conversion ended, and the counting that it takes to say so.

use std::collections::BTreeMap;

use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Status;
use tcolz_pixels::photo_info::PhotoInfo;

use super::forecast::Forecast;

/// How a conversion ended.
#[derive(Debug, Clone)]
pub struct ConvertSummary {
    /// The dataset.
    pub dataset: Dataset,
    /// False when the very dataset was there already and nothing was done.
    pub converted: bool,
    /// Quarantined and missing inputs and duplicates by reason code, most frequent first.
    pub reasons: Vec<(String, u64)>,
    /// Stored although truncated.
    pub recovered: u64,
    /// Photos in the source that are no inputs.
    pub unlisted: u64,
    /// Inputs that an earlier, interrupted run had done.
    pub resumed: u64,
    /// Bytes of source files read, those of an interrupted run included.
    pub source_bytes: u64,
    /// Seconds from the start to the last sync.
    pub seconds: f64,
    /// What was expected before the first byte; `None` when nothing was done.
    pub forecast: Option<Forecast>,
    /// Bytes of shards, ledger and dataset.json that this run wrote.
    pub written_bytes: u64,
    /// Highest anonymous memory seen while photos were converted, in bytes; on Linux.
    pub peak_memory_bytes: Option<u64>,
}

impl ConvertSummary {
    /// Inputs done a second, without those of an interrupted run.
    pub fn photos_per_second(&self) -> f64 {
        let done = self.dataset.meta().counts.listed - self.resumed;
        done as f64 / self.seconds.max(1e-3)
    }
}

/// Counts what a summary reports.
#[derive(Debug, Default)]
pub(super) struct Tally {
    reasons: BTreeMap<String, u64>,
    recovered: u64,
}

impl Tally {
    pub(super) fn count(&mut self, status: Status, code: Option<&str>, photo: Option<&PhotoInfo>) {
        if status != Status::Stored {
            *self.reasons.entry(code.unwrap_or("unknown").to_owned()).or_default() += 1;
        }
        self.recovered += u64::from(photo.is_some_and(|photo| photo.recovered_share < 1.0));
    }

    /// Reasons, most frequent first, and recovered photos.
    pub(super) fn sorted(self) -> (Vec<(String, u64)>, u64) {
        let mut reasons: Vec<(String, u64)> = self.reasons.into_iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        (reasons, self.recovered)
    }
}
