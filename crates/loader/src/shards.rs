//! The shards of a split, each opened when it is first needed, and the ids of damaged rows.

use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::LoaderError;
use super::sample_ids::SampleIds;
use super::select::Place;
use tcolz_format::dataset::{Dataset, PLACE_FIELDS, SplitParts};
use tcolz_format::sample::Label;
use tcolz_format::shard::{FileRow, ShardError, ShardFile, ShardReader};

/// How stored bytes are got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// [`Access::Map`], or [`Access::Read`] on a disk that turns and on network file systems: decided when
    /// the loader is built, see [`choose`](super::choose).
    #[default]
    Auto,
    /// Through a memory map. A file that somebody cuts short is noticed before each batch; cut while a
    /// batch is read, it ends the process with SIGBUS (`tcolz` itself says which shard it was, and so does every
    /// program that calls [`name_lost_maps`](tcolz_format::shard::name_lost_maps)).
    Map,
    /// One `pread` a sample, into the worker's memory: for disks where a page fault is expensive, and for files
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
    /// A row, for one tensor column. Of a file it may have to be read where it lies, see
    /// [`ShardFile::row`].
    pub(super) fn row(&self, row: u32, column: usize) -> Result<Row<'_>, ShardError> {
        Ok(match self {
            Shard::Map(reader) => Row::Map { reader, row, column },
            Shard::File(file) => Row::File(file.row(row, column)?),
        })
    }

    /// Whether [`Shard::row`] has nothing to read.
    pub(super) fn is_open(&self, row: u32, column: usize) -> bool {
        match self {
            Shard::Map(_) => true,
            Shard::File(file) => file.is_open(row, column),
        }
    }

    /// Reads bytes of the file as they are; none of a map.
    pub(super) fn read_bytes(&self, offset: u64, bytes: &mut [u8]) -> Result<(), ShardError> {
        match self {
            Shard::Map(_) => Ok(()),
            Shard::File(file) => file.read_bytes(offset, bytes),
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

/// A row of an open shard, for one tensor column.
#[derive(Debug, Clone, Copy)]
pub(super) enum Row<'a> {
    Map { reader: &'a ShardReader, row: u32, column: usize },
    File(FileRow<'a>),
}

impl<'a> Row<'a> {
    pub(super) fn path(&self) -> &'a Path {
        match self {
            Row::Map { reader, .. } => reader.path(),
            Row::File(row) => row.path(),
        }
    }

    /// Number of the row in its shard.
    pub(super) fn number(&self) -> u32 {
        match self {
            Row::Map { row, .. } => *row,
            Row::File(row) => row.number(),
        }
    }

    pub(super) fn sample_id(&self) -> &'a str {
        match self {
            Row::Map { reader, row, .. } => reader.sample_id(*row),
            Row::File(row) => row.sample_id(),
        }
    }

    pub(super) fn label(&self) -> Label {
        match self {
            Row::Map { reader, row, .. } => reader.label(*row),
            Row::File(row) => row.label(),
        }
    }

    /// The stored bytes, their hash tested; `scratch` is where they may be put.
    pub(super) fn stored<'b>(&self, scratch: &'b mut Vec<u8>) -> Result<&'b [u8], ShardError>
    where
        'a: 'b,
    {
        match self {
            Row::Map { reader, row, column } => reader.stored(*row, *column),
            Row::File(row) => {
                row.read_stored(scratch)?;
                Ok(scratch)
            }
        }
    }

    /// Where in the file the stored bytes lie.
    pub(super) fn span(&self) -> Range<u64> {
        match self {
            Row::Map { reader, row, column } => reader.span(*row, *column),
            Row::File(row) => row.span(),
        }
    }

    /// See [`FileRow::hashes_to_read`].
    pub(super) fn hashes_to_read(&self) -> Option<Range<u64>> {
        match self {
            Row::Map { .. } => None,
            Row::File(row) => row.hashes_to_read(),
        }
    }

    /// See [`FileRow::read_hashes`].
    pub(super) fn read_hashes(&self) -> Result<(), ShardError> {
        match self {
            Row::Map { .. } => Ok(()),
            Row::File(row) => row.read_hashes(),
        }
    }
}

/// A shard that is opened once: whoever needs it meanwhile waits, instead of reading its footer and indices, too.
#[derive(Debug, Default)]
struct Opening {
    open: OnceLock<Shard>,
    /// Held by the thread that opens it.
    busy: Mutex<()>,
}

/// Open shards, shared by the workers. A shard stays open: its map costs address space, its file one
/// descriptor, and a file that is deleted meanwhile can still be read.
#[derive(Debug)]
pub(super) struct Shards {
    dataset: Dataset,
    split: String,
    parts: SplitParts,
    access: Access,
    readers: Vec<Opening>,
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
        dataset.read_expected_shards()?;
        let shards = dataset.split(split)?.shards.len();
        let readers = (0..shards).map(|_| Opening::default()).collect();
        let split = split.to_owned();
        Ok(Shards { dataset, split, parts, access, readers, ids: OnceLock::new() })
    }

    pub(super) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// A shard that the selection has found in dataset.json.
    pub(super) fn get(&self, shard: u32) -> Result<&Shard, LoaderError> {
        let Opening { open, busy } = &self.readers[shard as usize];
        if let Some(shard) = open.get() {
            return Ok(shard);
        }
        let _busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = open.get() {
            return Ok(shard);
        }
        let opened = match self.access {
            Access::Read => Shard::File(self.dataset.open_shard_file(&self.split, shard)?),
            Access::Auto | Access::Map => Shard::Map(self.dataset.open_shard(&self.split, shard)?),
        };
        Ok(open.get_or_init(|| opened))
    }

    /// A sample's row.
    pub(super) fn row(&self, place: Place, column: usize) -> Result<Row<'_>, LoaderError> {
        Ok(self.get(place.shard)?.row(place.row, column)?)
    }

    /// Whether a sample's shard and record batch are open: [`Shards::row`] has nothing to read.
    pub(super) fn is_open(&self, place: Place, column: usize) -> bool {
        let shard = self.readers.get(place.shard as usize).and_then(|shard| shard.open.get());
        shard.is_some_and(|shard| shard.is_open(place.row, column))
    }

    /// The stored bytes of a sample in its map, untested; none of a shard that is read by its file.
    pub(super) fn mapped(&self, place: Place, column: usize) -> Result<&[u8], LoaderError> {
        if self.access != Access::Read
            && let Shard::Map(reader) = self.get(place.shard)?
        {
            return Ok(reader.untested(place.row, column));
        }
        Ok(&[])
    }

    /// See [`ShardReader::will_need`]; a shard that is read by its file is not opened for it.
    pub(super) fn will_need(&self, place: Place, column: usize) -> Result<(), LoaderError> {
        if self.access != Access::Read
            && let Shard::Map(reader) = self.get(place.shard)?
        {
            reader.will_need(place.row, column);
        }
        Ok(())
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
