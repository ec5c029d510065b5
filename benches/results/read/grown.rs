//! Half a million samples without photos: what opening costs is their ledger, not their pixels.

use std::path::Path;

use self::ledger::Made;

#[path = "../../../tests/common/ledger.rs"]
mod ledger;

/// The photos of B-T4SA.
pub(crate) const SAMPLES: u32 = 470_586;
/// Side of the tensors.
const SIZE: u32 = 8;

/// Writes them as a dataset of one split and three classes.
pub(crate) fn write(out: &Path) {
    let classes = ["negative", "neutral", "positive"].map(str::to_owned);
    let samples = (0..SAMPLES).map(|number| Made {
        split: 0,
        label: Some((number % 3) as u16),
        planes: Some(ledger::noise(u64::from(number), SIZE)),
        source: u64::from(number),
    });
    ledger::write(out, SIZE, &["train"], &classes, samples);
}
