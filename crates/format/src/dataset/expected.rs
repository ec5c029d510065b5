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

/// What the ledger says of a shard.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) content: ShardContent,
    /// Its first and its last row.
    pub(super) ends: [Row; 2],
}

impl Expected {
    /// Adds what other rows of the ledger say.
    fn append(&mut self, other: Expected) {
        self.content += other.content;
        let [first, last] = &mut self.ends;
        for row in other.ends {
            if row.number < first.number {
                *first = row;
            } else if row.number > last.number {
                *last = row;
            }
        }
    }
}

/// Rows of the ledger that follow each other and lie in one shard: of the first and the last one of the shard the
/// number in it and the place in the batch.
struct Run<'a> {
    split: &'a str,
    shard: u32,
    content: ShardContent,
    first: (u32, usize),
    last: (u32, usize),
}

impl Run<'_> {
    fn add(&mut self, number: u32, index: usize, content: ShardContent) {
        self.content += content;
        if number < self.first.0 {
            self.first = (number, index);
        }
        if number > self.last.0 {
            self.last = (number, index);
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
        let pixels = |index| hashes.iter().map(move |hash| hash(index).unwrap_or_default());
        let row = |(number, index)| Row {
            number,
            sample_id: sample_id(index).unwrap_or_default().to_owned(),
            label: label(index),
            pixels: pixels(index).collect(),
        };
        let mut found = ExpectedShards::default();
        let mut end = |run: Run<'_>| {
            let ends = [row(run.first), row(run.last)];
            found.add(run.split, run.shard, Expected { content: run.content, ends });
        };
        let mut scratch = Vec::new();
        let mut run: Option<Run<'_>> = None;
        for index in 0..batch.rows() {
            if status(index) != Some(Status::Stored.as_str()) {
                continue;
            }
            // A sample without its place is refused by whoever looks for places.
            let Some((shard, number)) = shard(index).zip(place(index)) else { continue };
            let split = split(index).unwrap_or_default();
            let id = sample_id(index).unwrap_or_default();
            let content =
                ShardContent::of_row_in(&mut scratch, number, id, label(index), pixels(index));
            match &mut run {
                Some(run) if run.shard == shard && run.split == split => {
                    run.add(number, index, content);
                }
                _ => {
                    let (first, last) = ((number, index), (number, index));
                    let next = Run { split, shard, content, first, last };
                    run.replace(next).into_iter().for_each(&mut end);
                }
            }
        }
        run.into_iter().for_each(end);
        Ok(found)
    }

    fn add(&mut self, split: &str, shard: u32, expected: Expected) {
        if !self.0.contains_key(split) {
            self.0.insert(split.to_owned(), HashMap::new());
        }
        let shards = self.0.get_mut(split).expect("inserted above");
        match shards.get_mut(&shard) {
            Some(known) => known.append(expected),
            None => {
                shards.insert(shard, expected);
            }
        }
    }

    /// Adds what other rows of the ledger say.
    pub(super) fn append(&mut self, other: ExpectedShards) {
        for (split, shards) in other.0 {
            for (shard, expected) in shards {
                self.add(&split, shard, expected);
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
