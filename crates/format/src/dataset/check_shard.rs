//! Tests one shard: its bytes, its rows, and that they are the ledger's.

use std::collections::HashMap;

use crate::shard::{ShardContent, ShardError, ShardReader, TensorDecoder};
use tcolz_base::durable;
use tcolz_pixels::ChannelSums;
use tcolz_pixels::recipe::Dtype;

use super::fault::Fault;
use super::{Dataset, DatasetError, FileMeta, LedgerRow, TensorFacts};

/// Where the ledger says that samples lie: (split, shard, row) → index into the ledger.
pub struct Places<'a> {
    rows: &'a [LedgerRow],
    places: HashMap<(&'a str, u32, u32), usize>,
}

impl<'a> Places<'a> {
    /// The places in these rows of a ledger.
    pub fn of(rows: &'a [LedgerRow]) -> Places<'a> {
        let mut places = HashMap::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            if let Some((shard, place)) = row.place {
                places.insert((&*row.split, shard, place), index);
            }
        }
        Places { rows, places }
    }

    /// Index into the ledger of the sample at this place: split, shard, row.
    pub fn get(&self, split: &str, shard: u32, row: u32) -> Option<usize> {
        self.places.get(&(split, shard, row)).copied()
    }
}

/// What a test of one shard found.
#[derive(Debug, Default)]
pub struct ShardCheck {
    /// Everything that is wrong; empty for a sound shard.
    pub faults: Vec<Fault>,
    /// Bytes read.
    pub bytes: u64,
    /// The samples that were found to be the ledger's, by their index in it.
    pub sound: Vec<usize>,
}

/// Reads a shard whole and tests its bytes against `file`, and its rows against themselves and the
/// ledger. `shard` is the split's name and the shard's number in it.
pub fn check_shard(
    dataset: &Dataset,
    file: &FileMeta,
    places: &Places<'_>,
    shard: (&str, u32),
) -> ShardCheck {
    let mut check = ShardCheck::default();
    let path = dataset.root().join(&file.file);
    let whole = match durable::hash(&path) {
        Ok((bytes, hash)) => {
            check.bytes = bytes;
            hash.to_string() == file.blake3
        }
        Err(error) => {
            let error = DatasetError::Io { path, source: error };
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
    let mut content = ShardContent::default();
    for row in 0..reader.rows() {
        let mut fault = |sample_id: &str, what: String| {
            let (file, sample_id) = (file.file.clone(), Some(sample_id.to_owned()));
            check.faults.push(Fault { file, row: Some(row), sample_id, what });
        };
        let ledger_index = places.get(split, shard, row);
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
            let pixels: Vec<[u8; 32]> = facts.iter().map(|facts| facts.blake3).collect();
            content += ShardContent::of_row(row, &sample_id, ledger_row.label, &pixels);
            check.sound.push(index);
        }
    }
    // Of a shard with faults, or without a ledger, the rows do not say what it holds.
    let complete = check.sound.len() as u64 == u64::from(reader.rows());
    if let Some(said) = reader.content().filter(|&said| complete && said != content) {
        let what = format!("its footer says that it holds {said}, its rows are {content}");
        check.faults.push(Fault::of_file(&file.file, what));
    }
}
