//! One damaged shard is written anew: sound rows are copied, the others made again from their source.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rayon::prelude::*;

use crate::dump::{Source, is_of_the_machine};
use tcolz_base::durable;
use tcolz_format::dataset::{Dataset, LedgerRow, TensorFacts};
use tcolz_format::shard::{ShardError, ShardReader, ShardRow, ShardSummary, ShardWriter};
use tcolz_photo::DecodeError;
use tcolz_pixels::View;

use super::find::Damaged;
use super::report::Unrepaired;
use crate::error::ConvertError;
use crate::out::Lock;
use crate::prepare::{PrepareError, Preparer};

/// What became of a damaged shard.
pub(super) enum Outcome {
    /// It was written anew.
    Written { made_again: u64, copied: u64, summary: ShardSummary },
    /// It is as it was: these rows cannot be made again.
    Left(Vec<Unrepaired>),
}

/// How a row gets into the new shard.
enum Row<'a> {
    /// Its stored bytes are copied from the old file.
    Copied(&'a ShardReader),
    /// Stored bytes of each column, made from the source.
    Made(Vec<Vec<u8>>),
}

/// Writes damaged shards of one dataset anew.
pub(super) struct Repairer<'a> {
    dataset: &'a Dataset,
    source: &'a Source,
    view: &'a View,
}

impl<'a> Repairer<'a> {
    pub(super) fn new(
        dataset: &'a Dataset,
        source: &'a Source,
    ) -> Result<Repairer<'a>, ConvertError> {
        let view = dataset.view(&dataset.meta().recipe.view)?;
        Ok(Repairer { dataset, source, view })
    }

    /// Writes one shard anew, its rows made on the threads of the current rayon pool, or leaves it as it
    /// is. Holds at most the stored bytes of one shard.
    ///
    /// # Errors
    /// When the disk refuses, or this program fails on a sample. What the source is to blame for comes
    /// back as [`Outcome::Left`].
    pub(super) fn repair(&self, shard: &Damaged<'_>, lock: &Lock) -> Result<Outcome, ConvertError> {
        let path = self.dataset.root().join(&shard.file.file);
        let old = self.old_file(shard, &path);
        let made: Result<Vec<Result<Row<'_>, Unrepaired>>, ConvertError> = (0..shard.rows.len())
            .into_par_iter()
            .map_init(|| self.worker(), |worker, row| worker.row(shard, old.as_ref(), row))
            .collect();
        let (mut rows, mut lost, mut copied) = (Vec::new(), Vec::new(), 0);
        for row in made? {
            copied += u64::from(matches!(row, Ok(Row::Copied(_))));
            match row {
                Ok(row) => rows.push(row),
                Err(why) => lost.push(why),
            }
        }
        if !lost.is_empty() {
            return Ok(Outcome::Left(lost));
        }
        let made_again = rows.len() as u64 - copied;
        // Making the rows may have taken long.
        lock.check()?;
        let summary = self.write(shard, &path, rows, lock)?;
        Ok(Outcome::Written { made_again, copied, summary })
    }

    /// The old file, where there is a row to be copied from it.
    fn old_file(&self, shard: &Damaged<'_>, path: &Path) -> Option<ShardReader> {
        let columns = &self.dataset.meta().columns;
        let open = || ShardReader::open(path, columns, shard.found_bytes, shard.file.rows).ok();
        shard.sound.contains(&true).then(open).flatten()
    }

    fn worker(&self) -> Worker<'a> {
        let recipe = &self.dataset.meta().recipe;
        Worker {
            dataset: self.dataset,
            source: self.source,
            preparer: Preparer::new(recipe, self.view),
            bytes: Vec::new(),
        }
    }

    fn write(
        &self,
        shard: &Damaged<'_>,
        path: &Path,
        rows: Vec<Row<'_>>,
        lock: &Lock,
    ) -> Result<ShardSummary, ConvertError> {
        let root = self.dataset.root();
        let folder = path.parent().unwrap_or(root);
        if !folder.is_dir() {
            let io_error = |source| ConvertError::Io { path: folder.to_owned(), source };
            fs::create_dir_all(folder).map_err(io_error)?;
            durable::sync_folder(root).map_err(io_error)?;
        }
        let mut writer = ShardWriter::create(path, &self.dataset.meta().columns)?;
        for ((row, &ledger), number) in rows.into_iter().zip(&shard.rows).zip(0..) {
            let stored = match row {
                Row::Made(stored) => stored,
                Row::Copied(old) => stored(old, number)?,
            };
            let (sample_id, label) = (&*ledger.sample_id, ledger.label);
            let pixels: Vec<[u8; 32]> = ledger.tensors.iter().map(|tensor| tensor.blake3).collect();
            writer.push(ShardRow { sample_id, label, stored: &stored, pixels: &pixels })?;
        }
        lock.check()?;
        Ok(writer.finish()?)
    }
}

/// The stored bytes of a row in every column, their hashes tested.
fn stored(shard: &ShardReader, row: u32) -> Result<Vec<Vec<u8>>, ShardError> {
    let columns = 0..shard.columns().len();
    columns.map(|column| shard.stored(row, column).map(<[u8]>::to_vec)).collect()
}

/// Makes rows again; one a thread.
struct Worker<'a> {
    dataset: &'a Dataset,
    source: &'a Source,
    preparer: Preparer,
    /// The file in hand.
    bytes: Vec<u8>,
}

impl Worker<'_> {
    /// A row as it goes into the new shard, or why there is none.
    fn row<'o>(
        &mut self,
        shard: &Damaged<'_>,
        old: Option<&'o ShardReader>,
        number: usize,
    ) -> Result<Result<Row<'o>, Unrepaired>, ConvertError> {
        // Tested once more: a disk that fails may give other bytes than a moment ago.
        let intact = |old: &&ShardReader| {
            (0..old.columns().len()).all(|column| old.stored(number as u32, column).is_ok())
        };
        if let Some(old) = old.filter(|_| shard.sound[number]).filter(intact) {
            return Ok(Ok(Row::Copied(old)));
        }
        let row = shard.rows[number];
        let lost = |what: String, expected: String, found: String| {
            Ok(Err(Unrepaired {
                file: shard.file.file.clone(),
                row: number as u32,
                sample_id: row.sample_id.clone(),
                what,
                expected,
                found,
            }))
        };
        let source = format!("source {}", row.path);
        let Some((length, expected)) = row.source else {
            return lost(source, "its BLAKE3 in the ledger".to_owned(), "none".to_owned());
        };
        let expected = blake3::Hash::from_bytes(expected);
        let file = |length: u64, hash: blake3::Hash| format!("{length} bytes with BLAKE3 {hash}");
        if let Err(error) = self.source.read(&row.path, &mut self.bytes) {
            if is_of_the_machine(&error) {
                let sample_id = row.sample_id.clone();
                return Err(ConvertError::SourceAway { sample_id, source: error });
            }
            return lost(source, file(length, expected), error.to_string());
        }
        let found = blake3::hash(&self.bytes);
        if found != expected {
            return lost(source, file(length, expected), file(self.bytes.len() as u64, found));
        }
        let (preparer, bytes) = (&mut self.preparer, &self.bytes);
        let prepared = match catch_unwind(AssertUnwindSafe(|| preparer.prepare(bytes))) {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(PrepareError::Decode(DecodeError::OutOfMemory { .. }))) => {
                return Err(ConvertError::NoMemory { sample_id: row.sample_id.clone() });
            }
            Ok(Err(PrepareError::Decode(error))) => {
                return lost(source, "a photo, as at first".to_owned(), error.to_string());
            }
            Ok(Err(PrepareError::Codec(source))) => {
                return Err(ConvertError::Codec { sample_id: row.sample_id.clone(), source });
            }
            Err(_) => return Err(ConvertError::Defect { sample_id: row.sample_id.clone() }),
        };
        if let Some((column, expected, found)) = self.difference(row, &prepared.tensors) {
            let what = format!("{column} made from {}", row.path);
            return lost(what, expected, found);
        }
        Ok(Ok(Row::Made(prepared.stored)))
    }

    /// The first column whose tensor is not the ledger's: its name, what was expected and what found.
    fn difference(
        &self,
        row: &LedgerRow,
        found: &[TensorFacts],
    ) -> Option<(String, String, String)> {
        let meta = self.dataset.meta();
        let describe = |facts: Option<&TensorFacts>, version: &str| match facts {
            Some(TensorFacts { blake3, sums }) => {
                let hash = blake3::Hash::from_bytes(*blake3);
                format!("pixels with BLAKE3 {hash} and sums {:?} (tcolz {version})", sums.sum)
            }
            None => "none".to_owned(),
        };
        let difference =
            |index: usize| (row.tensors.get(index) != found.get(index)).then_some(index);
        let index = (0..meta.columns.len()).find_map(difference)?;
        Some((
            meta.columns[index].name.clone(),
            describe(row.tensors.get(index), &meta.tcolz_version),
            describe(found.get(index), env!("CARGO_PKG_VERSION")),
        ))
    }
}
