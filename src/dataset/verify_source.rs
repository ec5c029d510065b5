//! Tests that the photos a dataset was made from are still the ones that were read.

use rayon::prelude::*;

use crate::dump::Source;

use super::{Dataset, DatasetError, Fault, LedgerRow};

/// Reads every source file that the ledger has a checksum of and compares; the faults name the
/// files that changed or vanished. `progress` is called with the bytes of each file, from several threads.
///
/// # Errors
/// When the ledger cannot be read.
pub fn verify_source(
    dataset: &Dataset,
    source: &Source,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Fault>, DatasetError> {
    let rows = dataset.ledger()?;
    let with_source: Vec<_> = rows.iter().filter_map(|row| Some((row, row.source?))).collect();
    let check = |buffer: &mut Vec<u8>,
                 &(row, (bytes, expected)): &(&LedgerRow, (u64, [u8; 32]))| {
        let result = source.read(&row.path, buffer);
        progress(bytes);
        let what = match result {
            Err(error) => format!("source cannot be read: {error}"),
            Ok(()) if *blake3::hash(buffer).as_bytes() != expected => {
                format!(
                    "source has changed: {} bytes now, {bytes} when it was converted",
                    buffer.len()
                )
            }
            Ok(()) => return None,
        };
        Some(Fault {
            file: row.path.clone(),
            row: None,
            sample_id: Some(row.sample_id.clone()),
            what,
        })
    };
    let mut faults: Vec<Fault> =
        with_source.par_iter().map_init(Vec::new, check).flatten().collect();
    faults.sort();
    Ok(faults)
}
