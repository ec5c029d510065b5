//! A dataset: dataset.json, the ledger, and the shards they describe.
//!
//! [`Dataset::open`] tests dataset.json and the ledger whole; a shard is tested when it is opened and
//! each row when it is read. [`verify`] tests everything.

mod check_place;
mod check_shard;
mod content_root;
mod error;
mod expected;
mod fault;
mod files;
mod ledger;
mod ledger_batch;
mod ledger_reader;
mod ledger_scan;
mod ledger_writer;
mod made_splits;
mod meta;
mod prediction_writer;
mod receipt;
mod sealed;
mod seen;
mod split_parts;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use check_shard::{Places, check_shard};
pub use content_root::{RootLine, content_root, root_lines};
pub use error::DatasetError;
use expected::{ExpectedShards, Opened};
pub use fault::Fault;
pub use files::{DATASET_FILE, JOURNAL_FOLDER, LEDGER_FILE, dataset_around, log_path};
pub use ledger::{LedgerRow, TensorFacts, ledger_schema, reason_code};
pub use ledger_batch::{
    LedgerBatch, LedgerError, LedgerValue, PHOTO_FIELDS, pixels_field, sum_fields,
};
pub use ledger_reader::read_ledger;
pub use ledger_scan::LedgerType;
pub use ledger_writer::LedgerWriter;
pub use made_splits::{MakeSplits, SPLIT_METHOD, SPLIT_METHODS, SharesError};
pub use meta::{Counts, DatasetMeta, FORMAT_NAME, FORMAT_VERSION, FileMeta, SplitMeta};
pub use prediction_writer::{PredictionColumns, prediction_schema, write_predictions};
pub use receipt::{Receipt, ReceiptError};
pub use sealed::{seal, unseal};
pub use seen::{PHOTO_FIELD, SEEN_FILE, SeenAs, SeenPhotos, Unseen, photo_key};
pub use split_parts::{PLACE_FIELDS, SplitParts};
pub use verify::check_ledger;
pub use verify::{VerifyReport, verify};

use crate::sample::Status;
use crate::shard::{ShardFile, ShardReader, TensorDecoder};
use tcolz_pixels::View;

/// An open dataset.
#[derive(Debug, Clone)]
pub struct Dataset {
    root: PathBuf,
    meta: DatasetMeta,
    /// Read when the first shard is opened; clones share it.
    expected: Arc<OnceLock<ExpectedShards>>,
}

impl Dataset {
    /// Opens the dataset in the folder `root`, testing dataset.json and the ledger whole.
    ///
    /// # Errors
    /// [`DatasetError::NotADataset`], [`DatasetError::Unfinished`], [`DatasetError::Checksum`], or what
    /// [`DatasetMeta::from_bytes`] says.
    pub fn open(root: impl AsRef<Path>) -> Result<Dataset, DatasetError> {
        let dataset = Dataset::open_unchecked(root.as_ref())?;
        let path = dataset.root.join(&dataset.meta.ledger.file);
        let hash =
            files::hash_by_all_cores(&path).map_err(|source| DatasetError::Io { path, source })?;
        dataset.check_ledger_hash(hash)?;
        Ok(dataset)
    }

    /// Opens a dataset and tests only dataset.json: for [`verify`], which reports on the rest.
    pub fn open_unchecked(root: &Path) -> Result<Dataset, DatasetError> {
        let path = root.join(DATASET_FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let path = root.to_owned();
                return Err(if root.join(JOURNAL_FOLDER).exists() {
                    DatasetError::Unfinished { path }
                } else {
                    DatasetError::not_a_dataset(&path)
                });
            }
            // A file: the dataset is the folder that it lies in, or something else.
            Err(_) if root.is_file() => {
                return Err(DatasetError::not_a_dataset(root));
            }
            Err(source) => return Err(DatasetError::Io { path, source }),
        };
        let meta = DatasetMeta::from_bytes(&bytes, &path)?;
        Ok(Dataset { root: root.to_owned(), meta, expected: Arc::default() })
    }

    /// What the dataset is.
    pub fn meta(&self) -> &DatasetMeta {
        &self.meta
    }

    /// The folder it lies in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every row of the ledger, in its order.
    ///
    /// # Errors
    /// [`DatasetError::Checksum`] or [`DatasetError::Structure`] when it is not as it was written.
    pub fn ledger(&self) -> Result<Vec<LedgerRow>, DatasetError> {
        let path = self.root.join(&self.meta.ledger.file);
        let rows = read_ledger(self.ledger_bytes()?, &self.meta.columns, &path)?;
        if rows.len() as u64 != self.meta.ledger.rows {
            let (expected, found) = (self.meta.ledger.rows, rows.len());
            let reason = format!("{found} rows, but dataset.json says {expected}");
            return Err(DatasetError::Structure { path, reason });
        }
        Ok(rows)
    }

    fn ledger_bytes(&self) -> Result<Vec<u8>, DatasetError> {
        let path = self.root.join(&self.meta.ledger.file);
        let bytes = fs::read(&path).map_err(|source| DatasetError::Io { path, source })?;
        self.check_ledger_hash(blake3::hash(&bytes))?;
        Ok(bytes)
    }

    fn check_ledger_hash(&self, found: blake3::Hash) -> Result<(), DatasetError> {
        let FileMeta { file, blake3: expected, .. } = &self.meta.ledger;
        let found = found.to_string();
        if found == *expected {
            return Ok(());
        }
        let (path, expected) = (self.root.join(file), expected.clone());
        Err(DatasetError::Checksum { path, expected, found })
    }

    /// The view called `name`.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`], naming the views there are.
    pub fn view(&self, name: &str) -> Result<&View, DatasetError> {
        self.meta.views.iter().find(|view| view.name == name).ok_or_else(|| {
            self.not_found("view", name, self.meta.views.iter().map(|view| view.name.as_str()))
        })
    }

    fn not_found<'a>(
        &self,
        what: &'static str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> DatasetError {
        let known = known.collect::<Vec<_>>().join(", ");
        DatasetError::NotFound { path: self.root.clone(), what, name: name.to_owned(), known }
    }

    /// Opens shard number `index` of a split, or of several read as one (see [`Dataset::split_parts`]), and tests that
    /// it holds what the ledger says.
    ///
    /// # Errors
    /// As [`ShardReader::open`]; [`ShardError::Foreign`](crate::shard::ShardError::Foreign) for a shard that belongs
    /// elsewhere; [`DatasetError::NotFound`] for a number the split does not have.
    pub fn open_shard(&self, split: &str, index: u32) -> Result<ShardReader, DatasetError> {
        let (path, shard) = self.shard_file(split, index)?;
        let reader = ShardReader::open(&path, &self.meta.columns, shard.bytes, shard.rows)?;
        self.check_place((split, index), &path, reader.content(), Opened::Map(&reader))?;
        Ok(reader)
    }

    /// Opens shard number `index` of a split to be read by its file instead of through a map.
    ///
    /// # Errors
    /// As [`Dataset::open_shard`].
    pub fn open_shard_file(&self, split: &str, index: u32) -> Result<ShardFile, DatasetError> {
        let (path, shard) = self.shard_file(split, index)?;
        let file = ShardFile::open(&path, &self.meta.columns, shard.bytes, shard.rows)?;
        self.check_place((split, index), &path, file.content(), Opened::File(&file))?;
        Ok(file)
    }

    fn shard_file(&self, split: &str, index: u32) -> Result<(PathBuf, &FileMeta), DatasetError> {
        let shard = self.shard_meta(split, index)?;
        Ok((self.root.join(&shard.file), shard))
    }

    /// Opens the shards of a split one after the other.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`] when there is no such split; each item as [`Dataset::open_shard`].
    pub fn shards(
        &self,
        split: &str,
    ) -> Result<impl Iterator<Item = Result<ShardReader, DatasetError>> + '_, DatasetError> {
        let split = self.split(split)?;
        Ok((0..split.shards.len() as u32).map(move |index| self.open_shard(&split.name, index)))
    }

    /// The rows of the ledger that `id` names: a sample id (in one or several splits), or the end of
    /// one after a `/`.
    ///
    /// # Errors
    /// As [`Dataset::ledger`]; [`DatasetError::NotFound`] when no row fits, naming similar ones.
    pub fn find(&self, id: &str) -> Result<Vec<LedgerRow>, DatasetError> {
        let rows = self.ledger()?;
        let matches = |test: &dyn Fn(&str) -> bool| -> Vec<LedgerRow> {
            rows.iter().filter(|row| test(&row.sample_id)).cloned().collect()
        };
        let mut found = matches(&|sample| sample == id);
        if found.is_empty() {
            found = matches(&|sample| {
                sample.strip_suffix(id).is_some_and(|folder| folder.ends_with('/'))
            });
        }
        if found.is_empty() {
            let similar = rows.iter().filter(|row| row.sample_id.contains(id)).take(3);
            let mut known: Vec<&str> = similar.map(|row| row.sample_id.as_str()).collect();
            if known.is_empty() {
                known = rows.iter().take(3).map(|row| row.sample_id.as_str()).collect();
            }
            return Err(self.not_found("sample", id, known.into_iter().chain(["…"])));
        }
        Ok(found)
    }

    /// The stored tensor of a ledger row, `[3, H, W]` little-endian, after its hash has been tested
    /// and id, label and pixels have been found to be the ledger's.
    ///
    /// # Errors
    /// As [`Dataset::open_shard`] and [`ShardReader::read`]; [`DatasetError::Structure`] when the row is
    /// not stored or another sample or other pixels lie in its place.
    pub fn read_tensor(&self, row: &LedgerRow, column: usize) -> Result<Vec<u8>, DatasetError> {
        let structure =
            |reason: String| DatasetError::Structure { path: self.root.clone(), reason };
        let (Status::Stored, Some((shard, index))) = (row.status, row.place) else {
            return Err(structure(format!("sample `{}` is {}", row.sample_id, row.status)));
        };
        // What is expected of this row is known without reading the ledger.
        let (path, file) = self.shard_file(&row.split, shard)?;
        let shard = ShardReader::open(&path, &self.meta.columns, file.bytes, file.rows)?;
        let foreign = |what: &str| {
            let (path, id) = (shard.path().display(), &row.sample_id);
            structure(format!("{path}: row {index} {what} sample `{id}`, as the ledger says"))
        };
        if index >= shard.rows() {
            return Err(foreign("should be"));
        }
        let mut tensor = vec![0; self.meta.columns[column].raw_bytes()];
        let mut decoder = TensorDecoder::new(&self.meta.columns[column]);
        shard.read(index, column, &mut decoder, &mut tensor)?;
        if shard.sample_id(index) != row.sample_id || shard.label(index) != row.label {
            return Err(foreign("is not"));
        }
        let written = row.tensors.get(column).map(|tensor| tensor.blake3);
        if written != Some(*blake3::hash(&tensor).as_bytes()) {
            return Err(foreign("does not hold the pixels of"));
        }
        Ok(tensor)
    }
}
