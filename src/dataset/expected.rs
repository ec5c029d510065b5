//! Which shard belongs where: what the ledger says that each shard holds, against what the shard says.
//!
//! Row hashes prove rows, not places. Whoever reads samples by their places gets a shard through
//! [`Dataset::open_shard`] or [`Dataset::open_shard_file`], and these refuse one that belongs elsewhere: swapped with
//! another of the same length, or taken from another dataset of the same photos.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::{Dataset, DatasetError, LedgerBatch, PLACE_FIELDS, pixels_field};
use crate::sample::{Label, Status};
use crate::shard::{ShardContent, ShardError, ShardReader, TensorColumn, TensorDecoder};

/// A row of the ledger as far as a shard can contradict it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    number: u32,
    sample_id: String,
    label: Label,
    pixels: Vec<[u8; 32]>,
}

/// What the ledger says of a shard.
#[derive(Debug, Clone)]
struct Expected {
    content: ShardContent,
    /// Its first and its last row.
    ends: [Row; 2],
}

/// What the ledger says of all shards: by the name of the split and the number of the shard in it.
#[derive(Debug, Default)]
pub(super) struct ExpectedShards(HashMap<(String, u32), Expected>);

impl ExpectedShards {
    fn add(&mut self, shard: (String, u32), other: Expected) {
        let Some(known) = self.0.get_mut(&shard) else {
            self.0.insert(shard, other);
            return;
        };
        known.content += other.content;
        let [first, last] = other.ends;
        if first.number < known.ends[0].number {
            known.ends[0] = first;
        }
        if last.number > known.ends[1].number {
            known.ends[1] = last;
        }
    }

    /// Of one batch of the ledger.
    fn of(batch: &LedgerBatch<'_>, columns: &[TensorColumn]) -> Result<ExpectedShards, String> {
        let (split, status) = (batch.text("split")?, batch.text("status")?);
        let (shard, place) = (batch.u32("shard")?, batch.u32("row")?);
        let (sample_id, label) = (batch.text("sample_id")?, batch.u16("label")?);
        let pixels = columns.iter().map(|column| batch.hash(&pixels_field(column)));
        let pixels = pixels.collect::<Result<Vec<_>, _>>()?;
        let mut found = ExpectedShards::default();
        for index in 0..batch.rows() {
            if status(index) != Some(Status::Stored.as_str()) {
                continue;
            }
            // A sample without its place is refused by whoever looks for places.
            let Some((shard, number)) = shard(index).zip(place(index)) else { continue };
            let row = Row {
                number,
                sample_id: sample_id(index).unwrap_or_default().to_owned(),
                label: label(index),
                pixels: pixels.iter().map(|hash| hash(index).unwrap_or_default()).collect(),
            };
            let content = ShardContent::of_row(number, &row.sample_id, row.label, &row.pixels);
            let key = (split(index).unwrap_or_default().to_owned(), shard);
            found.add(key, Expected { content, ends: [row.clone(), row] });
        }
        Ok(found)
    }
}

impl Dataset {
    /// What the ledger says of all shards; read once for this dataset and its clones. Of threads that ask at once, each
    /// may read it: to wait for another could stop a thread pool for good.
    fn expected_shards(&self) -> Result<&ExpectedShards, DatasetError> {
        if let Some(expected) = self.expected.get() {
            return Ok(expected);
        }
        let columns = &self.meta().columns;
        let pixels: Vec<String> = columns.iter().map(pixels_field).collect();
        let fields = PLACE_FIELDS.into_iter().chain(["sample_id", "label"]);
        let fields: Vec<&str> = fields.chain(pixels.iter().map(String::as_str)).collect();
        let batches = self.scan_ledger(&fields, |batch| ExpectedShards::of(batch, columns))?;
        let mut all = ExpectedShards::default();
        for (shard, expected) in batches.into_iter().flat_map(|batch| batch.0) {
            all.add(shard, expected);
        }
        Ok(self.expected.get_or_init(|| Arc::new(all)))
    }

    /// Reads what [`Dataset::open_shard`] compares shards with, so that it need not be read by several threads at once.
    ///
    /// # Errors
    /// As [`Dataset::scan_ledger`].
    pub fn read_expected_shards(&self) -> Result<(), DatasetError> {
        self.expected_shards().map(|_| ())
    }

    /// Tests that a shard which says that it holds `content` is number `index` of the split `split`. A shard of an
    /// early version does not say what it holds; it is known by its first and its last row.
    ///
    /// # Errors
    /// [`ShardError::Foreign`]; as [`Dataset::scan_ledger`].
    pub(super) fn check_place(
        &self,
        split: &str,
        index: u32,
        content: Option<ShardContent>,
        path: &Path,
    ) -> Result<(), DatasetError> {
        let foreign = |expected: String, found: String| {
            Err(ShardError::Foreign { path: path.to_owned(), expected, found }.into())
        };
        let (part, number) = self.shard_place(split, index)?;
        let Some(expected) = self.expected_shards()?.0.get(&(part.to_owned(), number)) else {
            return foreign("no samples".to_owned(), "some".to_owned());
        };
        if let Some(content) = content {
            if content == expected.content {
                return Ok(());
            }
            return foreign(
                format!("the content {}", expected.content),
                format!("the content {content}"),
            );
        }
        let file = self.shard_meta(split, index)?;
        let shard = ShardReader::open(path, &self.meta().columns, file.bytes, file.rows)?;
        for row in &expected.ends {
            match read_row(&shard, row.number) {
                Ok(found) if found == *row => {}
                Ok(found) => return foreign(described(row), described(&found)),
                // Whoever wants this row is told; it says nothing of the others.
                Err(ShardError::Damaged { .. } | ShardError::Undecodable { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn described(row: &Row) -> String {
    let pixels = row.pixels.last().map(|pixels| blake3::Hash::from_bytes(*pixels).to_string());
    let label = row.label.map_or_else(|| "none".to_owned(), |label| label.to_string());
    format!(
        "at row {} sample `{}` with label {label} and pixels of BLAKE3 {}",
        row.number,
        row.sample_id,
        pixels.unwrap_or_default()
    )
}

fn read_row(shard: &ShardReader, number: u32) -> Result<Row, ShardError> {
    let hash = |(index, column): (usize, &TensorColumn)| {
        let mut tensor = vec![0; column.raw_bytes()];
        shard.read(number, index, &mut TensorDecoder::new(column), &mut tensor)?;
        Ok(*blake3::hash(&tensor).as_bytes())
    };
    let pixels = shard.columns().iter().enumerate().map(hash).collect::<Result<_, ShardError>>()?;
    let (sample_id, label) = (shard.sample_id(number).to_owned(), shard.label(number));
    Ok(Row { number, sample_id, label, pixels })
}
