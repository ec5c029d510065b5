//! The shards of a split, each opened when it is first needed, and the ids of damaged rows.

use std::sync::OnceLock;

use super::LoaderError;
use super::select::Place;
use crate::dataset::Dataset;
use crate::sample::Status;
use crate::shard::ShardReader;

/// Open shards, shared by the workers. A shard stays open: its map costs address space, its file one
/// descriptor, and a file that is deleted meanwhile can still be read.
#[derive(Debug)]
pub(super) struct Shards {
    dataset: Dataset,
    split: String,
    readers: Vec<OnceLock<ShardReader>>,
}

impl Shards {
    pub(super) fn new(dataset: Dataset, split: &str) -> Result<Shards, LoaderError> {
        let shards = dataset.split(split)?.shards.len();
        let readers = (0..shards).map(|_| OnceLock::new()).collect();
        Ok(Shards { dataset, split: split.to_owned(), readers })
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// A shard that the selection has found in dataset.json.
    pub(super) fn get(&self, shard: u32) -> Result<&ShardReader, LoaderError> {
        let reader = &self.readers[shard as usize];
        if let Some(reader) = reader.get() {
            return Ok(reader);
        }
        // Two workers may open it at once; the second one's is dropped.
        let opened = self.dataset.open_shard(&self.split, shard)?;
        Ok(reader.get_or_init(|| opened))
    }

    /// Gives the id of every stored sample of the split, with its place, in the order of storage.
    pub(super) fn each_id(&self, each: &mut dyn FnMut(Place, &str)) -> Result<(), LoaderError> {
        let wanted = ["sample_id", "split", "status", "shard", "row"];
        self.dataset.scan_ledger(&wanted, &mut |batch| {
            let [ids, split, status, shard, row] = wanted.map(|name| batch.column(name));
            for index in 0..batch.rows() {
                let own = split.word(index) == Some(&self.split);
                if own && status.word(index) == Some(Status::Stored.as_str()) {
                    let number = |value: Option<u64>| value.unwrap_or_default() as u32;
                    let place = Place {
                        shard: number(shard.integer(index)),
                        row: number(row.integer(index)),
                    };
                    each(place, ids.word(index).unwrap_or_default());
                }
            }
            Ok::<(), LoaderError>(())
        })
    }

    /// The id of a stored sample by the ledger: a damaged row cannot be asked for its own.
    pub(super) fn ledger_id(&self, place: Place) -> Result<String, LoaderError> {
        let mut found = String::new();
        self.each_id(&mut |other, id| {
            if other == place {
                found = id.to_owned();
            }
        })?;
        Ok(found)
    }
}
