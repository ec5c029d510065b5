//! The shards of a split, each opened when it is first needed, and the ids of damaged rows.

use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use super::LoaderError;
use super::batch::SampleIds;
use super::select::Place;
use crate::dataset::{Dataset, PLACE_FIELDS, SplitParts};
use crate::sample::Label;
use crate::shard::{ShardError, ShardFile, ShardReader};

/// How stored bytes are got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// [`Access::Map`], or [`Access::Read`] on a disk that turns and on network file systems: decided when
    /// the loader is built, see [`choose`](super::choose).
    #[default]
    Auto,
    /// Through a memory map. A file that somebody cuts short is noticed before each batch; cut while a
    /// batch is read, it ends the process with SIGBUS (`tcolz` itself says which shard it was, and so does every
    /// program that calls [`name_lost_maps`](crate::shard::name_lost_maps)).
    Map,
    /// One `pread` a sample, into the worker's memory: for disks where a page fault is dear, and for files
    /// that may be cut short, which is an error then. With [`Order::Windowed`](super::Order::Windowed) a
    /// thread reads each window ahead, forward.
    Read,
}

/// An open shard.
#[derive(Debug)]
pub(super) enum Shard {
    /// For [`Access::Map`].
    Map(ShardReader),
    /// For [`Access::Read`].
    File(ShardFile),
}

impl Shard {
    pub(super) fn path(&self) -> &Path {
        match self {
            Shard::Map(reader) => reader.path(),
            Shard::File(file) => file.path(),
        }
    }

    pub(super) fn sample_id(&self, row: u32) -> &str {
        match self {
            Shard::Map(reader) => reader.sample_id(row),
            Shard::File(file) => file.sample_id(row),
        }
    }

    pub(super) fn label(&self, row: u32) -> Label {
        match self {
            Shard::Map(reader) => reader.label(row),
            Shard::File(file) => file.label(row),
        }
    }

    /// The stored bytes of a row, their hash tested; `scratch` is where they may be put.
    pub(super) fn stored<'a>(
        &'a self,
        row: u32,
        column: usize,
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ShardError> {
        match self {
            Shard::Map(reader) => reader.stored(row, column),
            Shard::File(file) => {
                file.read_stored(row, column, scratch)?;
                Ok(scratch)
            }
        }
    }

    /// Where in the file the stored bytes of a row lie.
    pub(super) fn span(&self, row: u32, column: usize) -> Range<u64> {
        match self {
            Shard::Map(reader) => reader.span(row, column),
            Shard::File(file) => file.span(row, column),
        }
    }

    /// Reads bytes of the file as they are; none of a map.
    pub(super) fn read_bytes(&self, offset: u64, bytes: &mut [u8]) -> Result<(), ShardError> {
        match self {
            Shard::Map(_) => Ok(()),
            Shard::File(file) => file.read_bytes(offset, bytes),
        }
    }

    /// The stored bytes of a row in the map, untested; none of a file that is read.
    pub(super) fn mapped(&self, row: u32, column: usize) -> &[u8] {
        match self {
            Shard::Map(reader) => reader.untested(row, column),
            Shard::File(_) => &[],
        }
    }

    /// See [`ShardReader::will_need`].
    pub(super) fn will_need(&self, row: u32, column: usize) {
        if let Shard::Map(reader) = self {
            reader.will_need(row, column);
        }
    }

    /// See [`ShardReader::check_length`]; a file that is read is tested where it is read.
    pub(super) fn check_length(&self) -> Result<(), ShardError> {
        match self {
            Shard::Map(reader) => reader.check_length(),
            Shard::File(_) => Ok(()),
        }
    }
}

/// Open shards, shared by the workers. A shard stays open: its map costs address space, its file one
/// descriptor, and a file that is deleted meanwhile can still be read.
#[derive(Debug)]
pub(super) struct Shards {
    dataset: Dataset,
    split: String,
    parts: SplitParts,
    access: Access,
    readers: Vec<OnceLock<Shard>>,
    /// Places and ids of all samples of the split; read when a damaged one must be named.
    ids: OnceLock<(Vec<Place>, SampleIds)>,
}

impl Shards {
    pub(super) fn new(
        dataset: Dataset,
        split: &str,
        access: Access,
    ) -> Result<Shards, LoaderError> {
        let parts = dataset.split_parts(split)?;
        let shards = dataset.split(split)?.shards.len();
        let readers = (0..shards).map(|_| OnceLock::new()).collect();
        let split = split.to_owned();
        Ok(Shards { dataset, split, parts, access, readers, ids: OnceLock::new() })
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// A shard that the selection has found in dataset.json.
    pub(super) fn get(&self, shard: u32) -> Result<&Shard, LoaderError> {
        let reader = &self.readers[shard as usize];
        if let Some(reader) = reader.get() {
            return Ok(reader);
        }
        // Two workers may open it at once; the second one's is dropped.
        let opened = match self.access {
            Access::Read => Shard::File(self.dataset.open_shard_file(&self.split, shard)?),
            Access::Auto | Access::Map => Shard::Map(self.dataset.open_shard(&self.split, shard)?),
        };
        Ok(reader.get_or_init(|| opened))
    }

    /// Gives the place and the id of every stored sample of the split to `read`, on all cores; what it gives
    /// comes back in the ledger's order: of one split that of storage.
    pub(super) fn scan_ids<T: Send>(
        &self,
        read: impl Fn(Place, &str) -> Option<T> + Sync,
    ) -> Result<Vec<T>, LoaderError> {
        let wanted: Vec<&str> = PLACE_FIELDS.into_iter().chain(["sample_id"]).collect();
        let found = self.dataset.scan_ledger(&wanted, |batch| {
            let (id, stored) = (batch.text("sample_id")?, self.parts.stored(batch)?);
            let mut found = Vec::new();
            for index in 0..batch.rows() {
                if let Some((shard, row)) = stored(index)? {
                    found.extend(id(index).and_then(|id| read(Place { shard, row }, id)));
                }
            }
            Ok(found)
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The id of a stored sample by the ledger: a damaged row cannot be asked for its own. The ledger is read
    /// once for all damaged samples of a loader.
    pub(super) fn ledger_id(&self, place: Place) -> Result<&str, LoaderError> {
        if self.ids.get().is_none() {
            let (mut places, mut ids) = (Vec::new(), SampleIds::default());
            let mut found = self.scan_ids(|place, id| Some((place, id.to_owned())))?;
            found.sort_by_key(|&(place, _)| place);
            for (place, id) in found {
                places.push(place);
                ids.push(&id);
            }
            // Two workers may read it at once; the second one's is dropped.
            let _ = self.ids.set((places, ids));
        }
        let (places, ids) = self.ids.get().expect("set above");
        let index = places.binary_search(&place).ok();
        Ok(index.and_then(|index| ids.get(index)).unwrap_or_default())
    }
}
