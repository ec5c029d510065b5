//! Repair: shards with a fault are written anew, and every row proves that it is the one it was.
//!
//! ```text
//! dataset.json, ledger ─▶ test every shard ─▶ a damaged one, row by row ─▶ new file ─▶ dataset.json,
//! must be sound           as verify does      sound: stored bytes copied   same name   where bytes are
//!                                             else: source ─▶ prepare                  not those of first
//!                                             pixels = those of the ledger
//! ```
//!
//! A shard of which one row cannot be proven keeps its file. The new file has the bytes of the first one,
//! unless another version of tcolz compressed that one; then dataset.json is written last, with the new
//! length and BLAKE3. A kill before that leaves a shard whose rows are sound and whose length is not the
//! one written down: the next repair copies its rows, and needs no source for them.

mod find;
mod report;
mod shard;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::json;

pub use report::{RepairObserver, RepairOptions, RepairReport, RepairedShard, Unrepaired};

use crate::dump::Source;
use crate::verify_source::another_source;
use tcolz_base::durable;
use tcolz_format::dataset::{
    DATASET_FILE, Dataset, DatasetError, DatasetMeta, FileMeta, LEDGER_FILE, LedgerRow, Places,
    check_ledger, check_shard,
};
use tcolz_format::shard::ShardSummary;

use super::error::ConvertError;
use super::log::Log;
use super::out::Lock;
use super::store::write_meta;
use find::{Damaged, Shards};
use shard::{Outcome, Repairer};

/// Writes the damaged shards of a dataset anew, from the rows of them that are sound and from the source
/// of the others. Sound shards are not touched; neither is a shard of which a sample does not come out
/// with the very pixels that the ledger says.
///
/// Setting `stop` from elsewhere ends it after the shard in hand; so does a kill, at any moment. The
/// same call goes on from there.
///
/// # Errors
/// [`ConvertError::BeyondRepair`] when dataset.json or the ledger is damaged, [`ConvertError::Locked`],
/// or when the disk refuses. Samples that cannot be made again are no error: they are in the report.
pub fn repair(
    options: &RepairOptions,
    stop: &AtomicBool,
    observer: &dyn RepairObserver,
) -> Result<RepairReport, ConvertError> {
    let begun = Instant::now();
    let source = Source::open(&options.source, &mut |done, all| {
        observer.listing(done, all);
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let (lock, dataset, rows) = take(options)?;
    remove_leftovers(&dataset)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.max(1))
        .thread_name(|number| format!("tcolz-repair-{number}"))
        .build()
        .map_err(|error| {
            let source = std::io::Error::other(error);
            ConvertError::Io { path: "worker threads".into(), source }
        })?;
    let report = pool.install(|| {
        let places = Places::of(&rows);
        let shards = Shards { dataset: &dataset, rows: &rows, places: &places };
        let (report, damaged) = shards.test(stop, observer)?;
        if damaged.is_empty() || report.stopped {
            return Ok(report);
        }
        let repair = Repair {
            lock: &lock,
            dataset: &dataset,
            places: &places,
            repairer: Repairer::new(&dataset, &source)?,
            log: Log::open(&options.dataset, &mut |text| observer.note(text)),
            meta: dataset.meta().clone(),
            report,
        };
        repair.run(&damaged, options, stop, observer)
    });
    let mut report = report.map_err(|error| lock.cause(error))?;
    if !report.unrepaired.is_empty() {
        report.another_source = another_source(&rows, &source);
    }
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

/// Locks the dataset and reads what a repair goes by: dataset.json and the ledger, both sound.
fn take(options: &RepairOptions) -> Result<(Lock, Dataset, Vec<LedgerRow>), ConvertError> {
    let root = &options.dataset;
    let beyond = |reason: String| {
        let mut name = root.file_name().unwrap_or_default().to_owned();
        name.push("-new");
        let new_out = root.with_file_name(name);
        ConvertError::BeyondRepair { reason, source_path: options.source.clone(), new_out }
    };
    if !root.exists() {
        return Err(DatasetError::not_a_dataset(root).into());
    }
    let lock = Lock::take(root)?;
    let json = root.join(DATASET_FILE);
    let dataset = Dataset::open_unchecked(root).map_err(|error| match error {
        DatasetError::NotADataset { .. } if root.join(LEDGER_FILE).exists() => {
            beyond(format!("{}: there is none", json.display()))
        }
        DatasetError::Checksum { .. } | DatasetError::Structure { .. } => beyond(error.to_string()),
        DatasetError::Io { .. } if json.is_file() => beyond(error.to_string()),
        other => other.into(),
    })?;
    let rows = dataset.ledger().map_err(|error| beyond(error.to_string()))?;
    let mut faults = Vec::new();
    check_ledger(&dataset, &rows, &mut faults);
    match faults.into_iter().next() {
        Some(fault) => Err(beyond(format!("{}: {}", root.join(&fault.file).display(), fault.what))),
        None => Ok((lock, dataset, rows)),
    }
}

/// Removes the temporary files of a repair that was killed, from the folders that it writes to.
fn remove_leftovers(dataset: &Dataset) -> Result<(), ConvertError> {
    let files = dataset.meta().numbered_shards();
    let files = files.iter().map(|(_, _, shard)| dataset.root().join(&shard.file));
    let folders = files.filter_map(|file| file.parent().map(Path::to_owned));
    let folders: BTreeSet<_> = folders.chain([dataset.root().to_owned()]).collect();
    for path in folders.into_iter().filter(|folder| folder.is_dir()) {
        if let Err(source) = durable::remove_leftovers(&path) {
            return Err(ConvertError::Io { path, source });
        }
    }
    Ok(())
}

/// A repair of shards that are known to be damaged.
struct Repair<'a> {
    lock: &'a Lock,
    dataset: &'a Dataset,
    places: &'a Places<'a>,
    repairer: Repairer<'a>,
    log: Log,
    /// dataset.json as it is to be.
    meta: DatasetMeta,
    report: RepairReport,
}

impl Repair<'_> {
    fn run(
        mut self,
        damaged: &[Damaged<'_>],
        options: &RepairOptions,
        stop: &AtomicBool,
        observer: &dyn RepairObserver,
    ) -> Result<RepairReport, ConvertError> {
        self.log.event(
            "repair begun",
            json!({
                "tcolz_version": env!("CARGO_PKG_VERSION"),
                "source": options.source,
                "threads": options.threads,
                "damaged": damaged.iter().map(|shard| &shard.file.file).collect::<Vec<_>>(),
            }),
        );
        let bytes = damaged.iter().map(|shard| shard.file.bytes).sum();
        observer.repairing(damaged.len() as u64, bytes);
        let done = self.shards(damaged, stop, observer);
        self.lock.check()?;
        // Also after an error: the shards that are done are to be described as they are.
        if self.meta != *self.dataset.meta() {
            write_meta(self.dataset.root(), &self.meta.to_bytes())?;
        }
        done?;
        self.log.event(
            "repair finished",
            json!({
                "repaired": self.report.repaired.len(),
                "unrepaired": self.report.unrepaired.len(),
                "stopped": self.report.stopped,
            }),
        );
        Ok(self.report)
    }

    fn shards(
        &mut self,
        damaged: &[Damaged<'_>],
        stop: &AtomicBool,
        observer: &dyn RepairObserver,
    ) -> Result<(), ConvertError> {
        for shard in damaged {
            if stop.load(Ordering::Relaxed) {
                self.report.stopped = true;
                return Ok(());
            }
            self.lock.check()?;
            match self.repairer.repair(shard, self.lock)? {
                Outcome::Left(rows) => {
                    for row in &rows {
                        self.log.event("unrepaired", json!(row));
                    }
                    self.report.unrepaired.extend(rows);
                }
                Outcome::Written { made_again, copied, summary } => {
                    self.lock.check()?;
                    let same_bytes = self.describe(shard, &summary)?;
                    let repaired = RepairedShard {
                        file: shard.file.file.clone(),
                        made_again,
                        copied,
                        bytes: summary.bytes,
                        same_bytes,
                    };
                    self.log.event("repaired", json!(repaired));
                    self.report.repaired.push(repaired);
                }
            }
            observer.repaired(shard.file.bytes);
        }
        Ok(())
    }

    /// Notes what a shard is now, once it has been read back and found sound; true where dataset.json
    /// said so all along.
    fn describe(&mut self, shard: &Damaged<'_>, now: &ShardSummary) -> Result<bool, ConvertError> {
        let written = FileMeta {
            file: shard.file.file.clone(),
            rows: now.rows,
            bytes: now.bytes,
            blake3: now.blake3.to_string(),
        };
        let check = check_shard(self.dataset, &written, self.places, shard.place);
        if let Some(fault) = check.faults.first() {
            let path = self.dataset.root().join(&fault.file);
            let reason = format!(
                "written anew, and damaged when read back: {}; is the disk failing?",
                fault.what
            );
            return Err(DatasetError::Structure { path, reason }.into());
        }
        let mut splits = self.meta.splits.iter_mut();
        let split = splits.find(|split| split.name == shard.place.0);
        let Some(file) = split.and_then(|split| split.shards.get_mut(shard.place.1 as usize))
        else {
            return Ok(false);
        };
        let same_bytes = *file == written;
        *file = written;
        Ok(same_bytes)
    }
}
