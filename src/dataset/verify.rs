//! Tests every checksum, every count and the content root, and names what is wrong.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use crate::durable::TEMPORARY_PREFIX;
use crate::recipe::Dtype;
use crate::sample::Status;
use crate::shard::{ShardError, ShardReader, TensorDecoder};
use crate::transform::ChannelSums;

use super::{
    Counts, DATASET_FILE, Dataset, DatasetError, FileMeta, LedgerRow, TensorFacts, content_root,
    root_lines,
};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// File, as a path below the dataset's folder.
    pub file: String,
    /// Row in the shard, where the fault lies in a row.
    pub row: Option<u32>,
    /// The sample, where the fault lies in one.
    pub sample_id: Option<String>,
    /// What is wrong.
    pub what: String,
}

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
    let mut rows = match dataset.ledger() {
        Ok(rows) => Some(rows),
        Err(error) => {
            report.faults.push(Fault::of_file(&meta.ledger.file, error.to_string()));
            None
        }
    };
    if let Some(rows) = &rows {
        check_counts(&dataset, rows, &mut report.faults);
    }
    let places = Places::of(rows.as_deref());
    let jobs: Vec<(&str, u32, &FileMeta)> = meta
        .splits
        .iter()
        .flat_map(|split| {
            split.shards.iter().zip(0u32..).map(|(shard, index)| (&*split.name, index, shard))
        })
        .collect();
    let samples = AtomicU64::new(0);
    let checked: Vec<ShardCheck> = jobs
        .par_iter()
        .map(|&(split, index, file)| {
            let check = check_shard(&dataset, file, &places, (split, index));
            samples.fetch_add(check.pixels.len() as u64, Ordering::Relaxed);
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
        if let Some(rows) = rows.as_mut() {
            for (ledger_row, facts) in check.pixels {
                rows[ledger_row].tensors = facts;
            }
        }
    }
    report.samples = samples.into_inner();
    if let (true, Some(rows)) = (complete, rows) {
        let found = content_root(&meta.classes, &meta.columns, root_lines(&rows)).to_string();
        if found != meta.content_root {
            let expected = &meta.content_root;
            let what = format!("content root is {found} by the pixels, {expected} as written");
            report.faults.push(Fault::of_file(DATASET_FILE, what));
        }
        report.content_root = Some(found);
    }
    report.notes = strangers(&dataset);
    report.faults.sort();
    Ok(report)
}

impl Fault {
    fn of_file(file: &str, what: String) -> Fault {
        Fault { file: file.to_owned(), row: None, sample_id: None, what }
    }
}

/// Where the ledger says that samples lie: (split, shard, row) → index into the ledger.
struct Places<'a> {
    rows: &'a [LedgerRow],
    places: HashMap<(&'a str, u32, u32), usize>,
}

impl<'a> Places<'a> {
    fn of(rows: Option<&'a [LedgerRow]>) -> Places<'a> {
        let rows = rows.unwrap_or_default();
        let mut places = HashMap::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            if let Some((shard, place)) = row.place {
                places.insert((&*row.split, shard, place), index);
            }
        }
        Places { rows, places }
    }
}

#[derive(Default)]
struct ShardCheck {
    faults: Vec<Fault>,
    bytes: u64,
    /// Freshly computed facts of each sample, by its index in the ledger.
    pixels: Vec<(usize, Vec<TensorFacts>)>,
}

fn check_shard(
    dataset: &Dataset,
    file: &FileMeta,
    places: &Places<'_>,
    shard: (&str, u32),
) -> ShardCheck {
    let mut check = ShardCheck::default();
    let path = dataset.root().join(&file.file);
    let whole = match hash_file(&path) {
        Ok((hash, bytes)) => {
            check.bytes = bytes;
            hash.to_string() == file.blake3
        }
        Err(error) => {
            check.faults.push(Fault::of_file(&file.file, error.to_string()));
            return check;
        }
    };
    match ShardReader::open(&path, &dataset.meta().columns, file.bytes, file.rows) {
        Ok(reader) => check_rows(&reader, file, places, shard, &mut check),
        Err(error) => check.faults.push(Fault::of_file(&file.file, error.to_string())),
    }
    if !whole && check.faults.is_empty() {
        let what = "bytes differ from those written (BLAKE3), but no row is damaged: padding or \
                    Arrow metadata"
            .to_owned();
        check.faults.push(Fault::of_file(&file.file, what));
    }
    check
}

fn check_rows(
    reader: &ShardReader,
    file: &FileMeta,
    places: &Places<'_>,
    (split, shard): (&str, u32),
    check: &mut ShardCheck,
) {
    let columns = reader.columns();
    let mut decoders: Vec<TensorDecoder> = columns.iter().map(TensorDecoder::new).collect();
    let mut tensors: Vec<Vec<u8>> =
        columns.iter().map(|column| vec![0; column.raw_bytes()]).collect();
    for row in 0..reader.rows() {
        let mut fault = |sample_id: &str, what: String| {
            let (file, sample_id) = (file.file.clone(), Some(sample_id.to_owned()));
            check.faults.push(Fault { file, row: Some(row), sample_id, what });
        };
        let ledger_index = places.places.get(&(split, shard, row)).copied();
        let ledger_row = ledger_index.map(|index| &places.rows[index]);
        // A damaged id is of no use to anybody: the ledger knows the right one.
        let sample_id = ledger_row
            .map_or_else(|| reader.sample_id(row).to_owned(), |row| row.sample_id.clone());
        let mut facts = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            match reader.read(row, index, &mut decoders[index], &mut tensors[index]) {
                Ok(()) => facts.push(TensorFacts {
                    blake3: *blake3::hash(&tensors[index]).as_bytes(),
                    sums: match column.dtype {
                        Dtype::U8 => ChannelSums::of_planes(&tensors[index]),
                        // Sums are of the pixels as seen, which a baked tensor no longer holds.
                        _ => ledger_row.map(|row| row.tensors[index].sums).unwrap_or_default(),
                    },
                }),
                Err(ShardError::Damaged { expected, found, column, .. }) => {
                    let what = format!(
                        "column {column}: stored bytes, id or label are damaged: hash {found:016x}, expected {expected:016x}"
                    );
                    fault(&sample_id, what);
                }
                Err(error) => fault(&sample_id, error.to_string()),
            }
        }
        let Some((ledger_row, index)) = ledger_row.zip(ledger_index) else {
            if !places.rows.is_empty() {
                fault(&sample_id, "the ledger has no sample at this place".to_owned());
            }
            continue;
        };
        if facts.len() < columns.len() {
            continue;
        }
        if reader.sample_id(row) != ledger_row.sample_id || reader.label(row) != ledger_row.label {
            let (id, label) = (reader.sample_id(row), reader.label(row));
            let what = format!("holds sample `{id}` with label {label:?}, not the ledger's");
            fault(&sample_id, what);
        } else if facts != ledger_row.tensors {
            fault(&sample_id, "pixels or their sums are not those of the ledger".to_owned());
        } else {
            check.pixels.push((index, facts));
        }
    }
}

fn hash_file(path: &Path) -> Result<(blake3::Hash, u64), DatasetError> {
    let io_error = |source| DatasetError::Io { path: path.to_owned(), source };
    let mut file = fs::File::open(path).map_err(io_error)?;
    let mut hash = blake3::Hasher::new();
    let bytes = std::io::copy(&mut file, &mut hash).map_err(io_error)?;
    Ok((hash.finalize(), bytes))
}

fn check_counts(dataset: &Dataset, rows: &[LedgerRow], faults: &mut Vec<Fault>) {
    let meta = dataset.meta();
    let mut counts = Counts::default();
    let mut stored: HashMap<&str, u64> = HashMap::new();
    for row in rows {
        counts.add(row.status);
        if let Some(label) = row.label.filter(|&label| usize::from(label) >= meta.classes.len()) {
            let what = format!("label {label}, but there are {} classes", meta.classes.len());
            let (file, sample_id) = (meta.ledger.file.clone(), Some(row.sample_id.clone()));
            faults.push(Fault { file, row: None, sample_id, what });
        }
        if row.status == Status::Stored {
            *stored.entry(&row.split).or_default() += 1;
        }
    }
    if counts != meta.counts {
        let what = format!("counts are {counts:?}, dataset.json says {:?}", meta.counts);
        faults.push(Fault::of_file(&meta.ledger.file, what));
    }
    for split in &meta.splits {
        let found = stored.get(&*split.name).copied().unwrap_or(0);
        if found != split.rows {
            let what = format!("split {}: {found} stored, shards hold {}", split.name, split.rows);
            faults.push(Fault::of_file(&meta.ledger.file, what));
        }
    }
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
