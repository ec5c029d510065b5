//! Which shards of a dataset are damaged, and which of their rows can be kept.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use tcolz_format::dataset::{Dataset, DatasetError, FileMeta, LedgerRow, Places, check_shard};

use super::report::{RepairObserver, RepairReport};
use crate::error::ConvertError;

/// A shard with a fault, and the rows of it that can be kept.
#[derive(Debug)]
pub(super) struct Damaged<'a> {
    /// Name of its split, and its number there.
    pub(super) place: (&'a str, u32),
    /// What dataset.json says of it.
    pub(super) file: &'a FileMeta,
    /// Its rows, as the ledger has them, in order.
    pub(super) rows: Vec<&'a LedgerRow>,
    /// For each row: true where id, label and pixels were found to be the ledger's.
    pub(super) sound: Vec<bool>,
    /// Length in bytes of the file that was found; it need not be that of dataset.json.
    pub(super) found_bytes: u64,
}

/// The shards of a dataset and the ledger that says what is in them.
pub(super) struct Shards<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) rows: &'a [LedgerRow],
    pub(super) places: &'a Places<'a>,
}

/// What is known of a shard after its test.
struct Tested<'a> {
    sound: u64,
    damaged: Option<Damaged<'a>>,
}

impl<'a> Shards<'a> {
    /// Tests every shard as [`tcolz_format::dataset::verify`] does, on the threads of the current rayon pool. Gives a
    /// report that counts them, and those that have a fault, in the order of dataset.json.
    ///
    /// # Errors
    /// When the ledger has no sample at a row that dataset.json says there is.
    pub(super) fn test(
        &self,
        stop: &AtomicBool,
        observer: &dyn RepairObserver,
    ) -> Result<(RepairReport, Vec<Damaged<'a>>), ConvertError> {
        let shards = self.dataset.meta().numbered_shards();
        observer.testing(shards.iter().map(|(_, _, file)| file.bytes).sum());
        let test = |&(split, index, file): &(&'a str, u32, &'a FileMeta)| {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let tested = self.test_one((split, index), file);
            observer.tested(file.bytes);
            tested.map(Some)
        };
        let tested: Result<Vec<Option<Tested<'a>>>, ConvertError> =
            shards.par_iter().map(test).collect();
        let mut report = RepairReport::default();
        let mut damaged = Vec::new();
        for tested in tested? {
            let Some(tested) = tested else {
                report.stopped = true;
                continue;
            };
            report.shards += 1;
            report.sound += tested.sound;
            damaged.extend(tested.damaged);
        }
        Ok((report, damaged))
    }

    fn test_one(
        &self,
        place: (&'a str, u32),
        file: &'a FileMeta,
    ) -> Result<Tested<'a>, ConvertError> {
        let check = |file: &FileMeta| check_shard(self.dataset, file, self.places, place);
        let mut found = check(file);
        if found.faults.is_empty() {
            return Ok(Tested { sound: file.rows, damaged: None });
        }
        // The rows of a file of another length may be sound: so a repair leaves it that was killed before
        // it wrote dataset.json.
        let path = self.dataset.root().join(&file.file);
        let found_bytes = path.metadata().map_or(0, |metadata| metadata.len());
        if found_bytes != file.bytes {
            found = check(&FileMeta { bytes: found_bytes, ..file.clone() });
        }
        let rows = self.rows_of(place, file)?;
        let mut sound = vec![false; rows.len()];
        for ledger_index in &found.sound {
            if let Some((_, row)) = self.rows[*ledger_index].place {
                sound[row as usize] = true;
            }
        }
        let kept = found.sound.len() as u64;
        let damaged = Some(Damaged { place, file, rows, sound, found_bytes });
        Ok(Tested { sound: kept, damaged })
    }

    /// The ledger's rows of a shard, in the order of the shard.
    fn rows_of(
        &self,
        (split, index): (&str, u32),
        file: &FileMeta,
    ) -> Result<Vec<&'a LedgerRow>, ConvertError> {
        let row = |row: u64| {
            let row = u32::try_from(row).ok()?;
            Some(&self.rows[self.places.get(split, index, row)?])
        };
        let rows: Option<Vec<_>> = (0..file.rows).map(row).collect();
        rows.ok_or_else(|| {
            let path = self.dataset.root().join(&self.dataset.meta().ledger.file);
            let reason =
                format!("not a sample for each of the {} rows of {}", file.rows, file.file);
            DatasetError::Structure { path, reason }.into()
        })
    }
}
