//! Tests every checksum, every count and the content root, and names what is wrong.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use crate::sample::Status;
use tcolz_base::durable::TEMPORARY_PREFIX;

use super::check_shard::{Places, ShardCheck, check_shard};
use super::fault::Fault;
use super::{
    Counts, DATASET_FILE, Dataset, DatasetError, LedgerRow, Receipt, content_root, root_lines,
};

/// What [`verify`] found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct VerifyReport {
    /// Everything that is wrong, by file and row; empty for a sound dataset.
    pub faults: Vec<Fault>,
    /// Oddities that harm nothing, such as files that no list names.
    pub notes: Vec<String>,
    /// Shards read whole.
    pub shards: u64,
    /// Samples decoded and compared with the ledger.
    pub samples: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Something is wrong, and all of it lies in shards: what `repair` makes right.
    pub repairable: bool,
    /// The content root as it follows from the pixels; `None` when not every sample could be read.
    pub content_root: Option<String>,
}

/// Reads everything in the dataset at `root` and tests it against itself, on all cores.
///
/// `progress` is called with the bytes of each shard as it is done, from several threads.
///
/// # Errors
/// Only when dataset.json itself cannot be used; everything else is a [`Fault`] in the report.
pub fn verify(root: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<VerifyReport, DatasetError> {
    let dataset = Dataset::open_unchecked(root)?;
    let meta = dataset.meta();
    let mut report = VerifyReport::default();
    let rows = match dataset.ledger() {
        Ok(rows) => Some(rows),
        Err(error) => {
            report.faults.push(Fault::of_file(&meta.ledger.file, error.to_string()));
            None
        }
    };
    let root = rows.as_ref().map(|rows| check_ledger(&dataset, rows, &mut report.faults));
    let places = Places::of(rows.as_deref().unwrap_or_default());
    let samples = AtomicU64::new(0);
    let checked: Vec<ShardCheck> = meta
        .numbered_shards()
        .par_iter()
        .map(|&(split, index, file)| {
            let check = check_shard(&dataset, file, &places, (split, index));
            samples.fetch_add(check.sound.len() as u64, Ordering::Relaxed);
            progress(file.bytes);
            check
        })
        .collect();
    let mut complete = rows.is_some();
    for check in checked {
        report.bytes += check.bytes;
        report.shards += u64::from(check.bytes > 0);
        complete &= check.faults.is_empty();
        report.faults.extend(check.faults);
    }
    report.samples = samples.into_inner();
    // Every tensor has been found to be the ledger's.
    report.content_root = root.filter(|_| complete);
    let in_a_shard = |fault: &Fault| ![DATASET_FILE, &*meta.ledger.file].contains(&&*fault.file);
    report.repairable = !report.faults.is_empty() && report.faults.iter().all(in_a_shard);
    let damage = meta.source_damage.iter();
    report.notes =
        damage.map(|damage| format!("converted from a damaged source: {damage}")).collect();
    report.notes.extend(strangers(&dataset));
    report.faults.sort();
    Ok(report)
}

/// Tests the ledger's rows against the counts, classes, splits and content root of dataset.json. Returns the content root
/// that follows from them.
pub fn check_ledger(dataset: &Dataset, rows: &[LedgerRow], faults: &mut Vec<Fault>) -> String {
    let meta = dataset.meta();
    let mut counts = Counts::default();
    let mut stored: HashMap<&str, (u64, Receipt)> = HashMap::new();
    for row in rows {
        counts.add(row.status);
        if let Some(label) = row.label.filter(|&label| usize::from(label) >= meta.classes.len()) {
            let what = format!("label {label}, but there are {} classes", meta.classes.len());
            let (file, sample_id) = (meta.ledger.file.clone(), Some(row.sample_id.clone()));
            faults.push(Fault { file, row: None, sample_id, what });
        }
        if row.status == Status::Stored {
            let (rows, receipt) = stored.entry(&row.split).or_default();
            *rows += 1;
            *receipt += Receipt::of(&row.sample_id);
        }
    }
    if counts != meta.counts {
        let what = format!("counts are {counts:?}, dataset.json says {:?}", meta.counts);
        faults.push(Fault::of_file(&meta.ledger.file, what));
    }
    for split in &meta.splits {
        let (found, receipt) = stored.get(&*split.name).copied().unwrap_or_default();
        if let Some(expected) = split.receipt.filter(|&expected| expected != receipt) {
            let name = &split.name;
            let what = format!(
                "split {name}: the receipt is {receipt} by the ledger, {expected} as written"
            );
            faults.push(Fault::of_file(DATASET_FILE, what));
        }
        if found != split.rows {
            let what = format!("split {}: {found} stored, shards hold {}", split.name, split.rows);
            faults.push(Fault::of_file(&meta.ledger.file, what));
        }
    }
    let root = content_root(&meta.classes, &meta.columns, root_lines(rows)).to_string();
    if root != meta.content_root {
        let expected = &meta.content_root;
        let what = format!("the content root is {root} by the ledger, {expected} as written");
        faults.push(Fault::of_file(DATASET_FILE, what));
    }
    root
}

/// Files in the dataset's folder that dataset.json does not name.
fn strangers(dataset: &Dataset) -> Vec<String> {
    let meta = dataset.meta();
    let mut known: Vec<&str> = vec![DATASET_FILE, &meta.ledger.file];
    known.extend(meta.splits.iter().flat_map(|split| &split.shards).map(|shard| &*shard.file));
    let mut notes = Vec::new();
    let mut look = |folder: &Path, prefix: &str| {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() || known.contains(&&*name) {
                continue;
            }
            let unfinished = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
            let what =
                if unfinished { "left by an interrupted write" } else { "not part of the dataset" };
            notes.push(format!("{name}: {what}"));
        }
    };
    look(dataset.root(), "");
    for split in &meta.splits {
        look(&dataset.root().join(&split.name), &format!("{}/", split.name));
    }
    notes.sort();
    notes
}
