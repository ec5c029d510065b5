//! Which shard belongs where: what the ledger says that each shard holds, against what the shard says.
//!
//! Row hashes prove rows, not places. Whoever reads samples by their places gets a shard through
//! [`Dataset::open_shard`](super::Dataset::open_shard) or [`Dataset::open_shard_file`](super::Dataset::open_shard_file), and these refuse one that belongs elsewhere: swapped with
//! another of the same length, or taken from another dataset of the same photos.

use std::collections::HashMap;

use super::{LedgerBatch, LedgerError, pixels_field};
use crate::sample::{Label, Status};
use crate::shard::{ShardContent, ShardError, ShardFile, ShardReader, TensorColumn, TensorDecoder};

/// A row of the ledger as far as a shard can contradict it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) number: u32,
    sample_id: String,
    label: Label,
    pixels: Vec<[u8; 32]>,
}

impl Row {
    /// Becomes another row, in the memory that it has: rows come by the hundred thousand, and each is the last for a while.
    fn set(&mut self, (number, sample_id, label, pixels): (u32, &str, Label, &[[u8; 32]])) {
        (self.number, self.label) = (number, label);
        sample_id.clone_into(&mut self.sample_id);
        pixels.clone_into(&mut self.pixels);
    }
}

/// What the ledger says of a shard.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) content: ShardContent,
    /// Its first and its last row.
    pub(super) ends: [Row; 2],
}

impl Expected {
    /// Keeps a row that lies before the first or behind the last one.
    fn widen(&mut self, row: (u32, &str, Label, &[[u8; 32]])) {
        let [first, last] = &mut self.ends;
        if row.0 < first.number {
            first.set(row);
        }
        if row.0 > last.number {
            last.set(row);
        }
    }
}

/// What the ledger says of all shards: of each split, by the number of the shard.
#[derive(Debug, Default)]
pub(super) struct ExpectedShards(pub(super) HashMap<String, HashMap<u32, Expected>>);

impl ExpectedShards {
    /// Of one batch of the ledger.
    pub(super) fn of(
        batch: &LedgerBatch<'_>,
        columns: &[TensorColumn],
    ) -> Result<ExpectedShards, LedgerError> {
        let (split, status) = (batch.text("split")?, batch.text("status")?);
        let (shard, place) = (batch.u32("shard")?, batch.u32("row")?);
        let (sample_id, label) = (batch.text("sample_id")?, batch.u16("label")?);
        let hashes = columns.iter().map(|column| batch.hash(&pixels_field(column)));
        let hashes = hashes.collect::<Result<Vec<_>, _>>()?;
        let mut found = ExpectedShards::default();
        let mut pixels = Vec::with_capacity(columns.len());
        for index in 0..batch.rows() {
            if status(index) != Some(Status::Stored.as_str()) {
                continue;
            }
            // A sample without its place is refused by whoever looks for places.
            let Some((shard, number)) = shard(index).zip(place(index)) else { continue };
            let (split, sample_id) = (split(index), sample_id(index).unwrap_or_default());
            let label = label(index);
            pixels.clear();
            pixels.extend(hashes.iter().map(|hash| hash(index).unwrap_or_default()));
            let content = ShardContent::of_row(number, sample_id, label, &pixels);
            let shards = found.split(split.unwrap_or_default());
            if let Some(known) = shards.get_mut(&shard) {
                known.content += content;
                known.widen((number, sample_id, label, &pixels));
            } else {
                let sample_id = sample_id.to_owned();
                let row = Row { number, sample_id, label, pixels: pixels.clone() };
                shards.insert(shard, Expected { content, ends: [row.clone(), row] });
            }
        }
        Ok(found)
    }

    fn split(&mut self, name: &str) -> &mut HashMap<u32, Expected> {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), HashMap::new());
        }
        self.0.get_mut(name).expect("inserted above")
    }

    /// Adds what other rows of the ledger say.
    pub(super) fn append(&mut self, other: ExpectedShards) {
        for (split, shards) in other.0 {
            let known = self.split(&split);
            for (shard, expected) in shards {
                let Some(known) = known.get_mut(&shard) else {
                    known.insert(shard, expected);
                    continue;
                };
                known.content += expected.content;
                for Row { number, sample_id, label, pixels } in &expected.ends {
                    known.widen((*number, sample_id, *label, pixels));
                }
            }
        }
    }
}

/// A shard that has just been opened.
#[derive(Clone, Copy)]
pub(super) enum Opened<'a> {
    Map(&'a ShardReader),
    File(&'a ShardFile),
}

impl Opened<'_> {
    /// Reads a row that is there.
    pub(super) fn row(self, number: u32, columns: &[TensorColumn]) -> Result<Row, ShardError> {
        let (mut sample_id, mut label, mut pixels) = (String::new(), None, Vec::new());
        let mut stored = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let mut tensor = vec![0; column.raw_bytes()];
            let mut decoder = TensorDecoder::new(column);
            match self {
                Opened::Map(shard) => {
                    shard.read(number, index, &mut decoder, &mut tensor)?;
                    (sample_id, label) = (shard.sample_id(number).to_owned(), shard.label(number));
                }
                Opened::File(shard) => {
                    let row = shard.row(number, index)?;
                    row.read_stored(&mut stored)?;
                    (sample_id, label) = (row.sample_id().to_owned(), row.label());
                    decoder.decode(&stored, &mut tensor).map_err(|source| {
                        ShardError::Undecodable {
                            path: shard.path().to_owned(),
                            row: number,
                            sample_id: sample_id.clone(),
                            column: column.name.clone(),
                            source,
                        }
                    })?;
                }
            }
            pixels.push(*blake3::hash(&tensor).as_bytes());
        }
        Ok(Row { number, sample_id, label, pixels })
    }
}

/// A row in words.
pub(super) fn described(row: &Row) -> String {
    let pixels = row.pixels.last().map(|pixels| blake3::Hash::from_bytes(*pixels).to_string());
    let label = row.label.map_or_else(|| "none".to_owned(), |label| label.to_string());
    format!(
        "at row {} sample `{}` with label {label} and pixels of BLAKE3 {}",
        row.number,
        row.sample_id,
        pixels.unwrap_or_default()
    )
}
