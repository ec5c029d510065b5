//! Which photos a model has seen: `seen.parquet` beside it, a row for each.
//!
//! A photo is known by the first 8 bytes of the BLAKE3 of its source file (`source_blake3` of the ledger), so that it
//! is recognised in other splits, under other names, and in datasets of other recipes. Photos that are equal byte for
//! byte are one photo. Two different ones would be taken for one with a chance of 10^-8 in a dataset of a million.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, BooleanArray, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use serde::Serialize;

use super::ledger_scan::guarded;
use super::ledger_writer::parquet_error;
use super::{Dataset, DatasetError, LedgerError};
use tcolz_base::durable::HashedFile;

/// Name of the file in the folder of a run.
pub const SEEN_FILE: &str = "seen.parquet";
/// The ledger column that knows a photo.
pub const PHOTO_FIELD: &str = "source_blake3";

const SOURCE: &str = "source";
const TRAINED: &str = "trained";
/// Key of the file's metadata.
const UNKNOWN: &str = "tcolz.unknown";

/// The key of a photo: the first 8 bytes, little-endian, of the BLAKE3 of its source file.
pub fn photo_key(source_blake3: &[u8; 32]) -> u64 {
    let (first, _) = source_blake3.as_chunks::<8>();
    u64::from_le_bytes(first[0])
}

/// What a model did with a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenAs {
    /// It was trained on it.
    Trained,
    /// It was validated on it: the photo helped to choose the epoch that was kept.
    Validated,
}

/// The photos that a model was trained on and validated on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenPhotos {
    /// By key, ascending, each once.
    photos: Vec<(u64, bool)>,
    /// What it has seen besides, which nothing recorded: a sentence.
    unknown: Option<String>,
}

impl SeenPhotos {
    /// From the keys of photos. What is both trained and validated on counts as trained on.
    pub fn new(
        trained: impl IntoIterator<Item = u64>,
        validated: impl IntoIterator<Item = u64>,
    ) -> SeenPhotos {
        let trained = trained.into_iter().map(|photo| (photo, true));
        let validated = validated.into_iter().map(|photo| (photo, false));
        SeenPhotos { photos: sorted(trained.chain(validated).collect()), unknown: None }
    }

    /// These and those that the model had seen before, when its training began.
    #[must_use]
    pub fn with_earlier(mut self, earlier: &SeenPhotos) -> SeenPhotos {
        self.photos.extend(&earlier.photos);
        let unknown = self.unknown.or_else(|| earlier.unknown.clone());
        SeenPhotos { photos: sorted(self.photos), unknown }
    }

    /// These, and others of which is not known which they are; `reason` is a sentence.
    #[must_use]
    pub fn with_unknown(self, reason: String) -> SeenPhotos {
        SeenPhotos { unknown: Some(reason), ..self }
    }

    /// Why it may have seen more than these.
    pub fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    /// How a photo was seen; `None`: never.
    pub fn get(&self, photo: u64) -> Option<SeenAs> {
        let place = self.photos.binary_search_by_key(&photo, |&(photo, _)| photo).ok()?;
        Some(if self.photos[place].1 { SeenAs::Trained } else { SeenAs::Validated })
    }

    /// Writes the file `path`, whole or not at all; its folder must exist. Gives the file's BLAKE3 in hexadecimal.
    /// Columns: `source` (`UInt64`, ascending) and `trained` (`Boolean`; false: validated on). Where it may have seen
    /// more, the file's metadata says why (`tcolz.unknown`).
    ///
    /// # Errors
    /// [`DatasetError::Io`] when the disk refuses.
    pub fn write(&self, path: &Path) -> Result<String, DatasetError> {
        let io = |source| DatasetError::Io { path: path.to_owned(), source };
        let parquet = |error| parquet_error(path, error);
        let fields = [(SOURCE, DataType::UInt64), (TRAINED, DataType::Boolean)];
        let schema = Schema::new(
            fields.map(|(name, data_type)| Field::new(name, data_type, false)).to_vec(),
        );
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(self.photos.iter().map(|&(photo, _)| photo))),
            Arc::new(BooleanArray::from_iter(self.photos.iter().map(|&(_, seen)| Some(seen)))),
        ];
        let batch = RecordBatch::try_new(Arc::new(schema), columns);
        let batch = batch.map_err(|error| parquet(error.into()))?;
        // Ascending numbers: their differences take about 6 bytes each.
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_column_dictionary_enabled(ColumnPath::from(SOURCE), false)
            .set_column_encoding(ColumnPath::from(SOURCE), Encoding::DELTA_BINARY_PACKED)
            .set_created_by("tcolz".to_owned())
            .set_key_value_metadata(
                self.unknown
                    .clone()
                    .map(|reason| vec![KeyValue { key: UNKNOWN.to_owned(), value: Some(reason) }]),
            )
            .build();
        let file = HashedFile::create(path).map_err(io)?;
        let mut writer =
            ArrowWriter::try_new(file, batch.schema(), Some(properties)).map_err(parquet)?;
        writer.write(&batch).map_err(parquet)?;
        let (_, hash) = writer.into_inner().map_err(parquet)?.commit().map_err(io)?;
        Ok(hash.to_string())
    }

    /// Reads the file `path`, which must have the BLAKE3 `hash`: that of the model whose photos it names.
    ///
    /// # Errors
    /// [`DatasetError::Io`]; [`DatasetError::Structure`] when it is another file.
    pub fn read(path: &Path, hash: &str) -> Result<SeenPhotos, DatasetError> {
        let damaged = |reason| DatasetError::Structure { path: path.to_owned(), reason };
        let bytes =
            fs::read(path).map_err(|source| DatasetError::Io { path: path.to_owned(), source })?;
        let found = blake3::hash(&bytes).to_string();
        if found != hash {
            return Err(damaged(format!("its BLAKE3 is {found}, expected {hash}")));
        }
        let read = || -> Result<SeenPhotos, LedgerError> {
            let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))
                .map_err(LedgerError::of_file)?;
            let pairs = reader.metadata().file_metadata().key_value_metadata();
            let unknown = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == UNKNOWN));
            let unknown = unknown.and_then(|pair| pair.value.clone());
            let mut photos = Vec::new();
            for batch in reader.build().map_err(LedgerError::of_file)? {
                let batch = batch.map_err(LedgerError::of_file)?;
                let column = |name| batch.column_by_name(name);
                let source = column(SOURCE).and_then(|c| c.as_primitive_opt::<UInt64Type>());
                let trained = column(TRAINED).and_then(|c| c.as_boolean_opt());
                let (Some(source), Some(trained)) = (source, trained) else {
                    let fault = format!("expected columns {SOURCE} and {TRAINED}");
                    return Err(LedgerError::of_file(fault));
                };
                photos.extend(source.values().iter().copied().zip(trained.values().iter()));
            }
            Ok(SeenPhotos { photos: sorted(photos), unknown })
        };
        guarded(read).map_err(|error| damaged(error.to_string()))
    }
}

/// By key, each once; trained on wins.
fn sorted(mut photos: Vec<(u64, bool)>) -> Vec<(u64, bool)> {
    photos.sort_unstable_by_key(|&(photo, trained)| (photo, !trained));
    photos.dedup_by_key(|&mut (photo, _)| photo);
    photos
}

/// Labelled samples of a split, and how many of them a model has never seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unseen {
    /// The split.
    pub split: String,
    /// Stored samples with a label.
    pub samples: u64,
    /// Of these, those that were neither trained nor validated on.
    pub unseen: u64,
    /// Stored samples without a label.
    pub unlabelled: u64,
}

impl Dataset {
    /// For each split, in the dataset's order, what a model has never seen of it.
    ///
    /// # Errors
    /// As [`Dataset::scan_ledger`].
    pub fn unseen(&self, seen: &SeenPhotos) -> Result<Vec<Unseen>, DatasetError> {
        let splits: Vec<&str> = self.meta().splits.iter().map(|split| &*split.name).collect();
        let columns = ["split", "label", "row", PHOTO_FIELD];
        let batches = self.scan_ledger(&columns, |batch| {
            let (split, label) = (batch.text("split")?, batch.u16("label")?);
            let (stored, hash) = (batch.u32("row")?, batch.hash(PHOTO_FIELD)?);
            let mut counts = vec![[0u64; 3]; splits.len()];
            for row in 0..batch.rows() {
                let place = split(row).and_then(|name| splits.iter().position(|s| *s == name));
                let (Some(place), Some(_)) = (place, stored(row)) else { continue };
                if label(row).is_none() {
                    counts[place][2] += 1;
                    continue;
                }
                let photo = hash(row).map(|hash| photo_key(&hash));
                let new = photo.is_none_or(|photo| seen.get(photo).is_none());
                counts[place][0] += 1;
                counts[place][1] += u64::from(new);
            }
            Ok(counts)
        })?;
        let of = |(place, split): (usize, &&str)| {
            let [samples, unseen, unlabelled] =
                [0, 1, 2].map(|kind| batches.iter().map(|counts| counts[place][kind]).sum());
            Unseen { split: (*split).to_owned(), samples, unseen, unlabelled }
        };
        Ok(splits.iter().enumerate().map(of).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_come_back_as_they_were_written_and_take_few_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SEEN_FILE);
        // As keys are: evenly spread over all numbers.
        let key = |number: u64| photo_key(blake3::hash(&number.to_le_bytes()).as_bytes());
        let seen = SeenPhotos::new((0..20_000).map(key), (20_000..22_000).map(key));
        let hash = seen.write(&path).unwrap();
        assert_eq!(SeenPhotos::read(&path, &hash).unwrap(), seen);
        let bytes = fs::metadata(&path).unwrap().len();
        assert!(bytes < 8 * 22_000, "{bytes} bytes");
        assert_eq!(seen.get(key(0)), Some(SeenAs::Trained));
        assert_eq!(seen.get(key(21_999)), Some(SeenAs::Validated));
        assert_eq!(seen.get(key(22_000)), None);
        assert_eq!(hash, seen.write(&path).unwrap(), "the same photos, the same bytes");
    }

    #[test]
    fn another_file_under_its_name_is_refused_with_both_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SEEN_FILE);
        let hash = SeenPhotos::new([1], []).write(&path).unwrap();
        let other = SeenPhotos::new([2], []).write(&path).unwrap();
        let error = SeenPhotos::read(&path, &hash).unwrap_err().to_string();
        assert!(error.contains(&hash) && error.contains(&other), "{error}");
        fs::write(&path, b"PAR1").unwrap();
        let hash = blake3::hash(b"PAR1").to_string();
        SeenPhotos::read(&path, &hash).unwrap_err();
    }

    #[test]
    fn what_was_trained_on_before_stays_trained_on() {
        let head = SeenPhotos::new([1, 2], [3]);
        let all = SeenPhotos::new([3], [2, 4]).with_earlier(&head);
        let seen = [1, 2, 3, 4].map(|photo| all.get(photo).unwrap());
        assert_eq!(seen, [SeenAs::Trained, SeenAs::Trained, SeenAs::Trained, SeenAs::Validated]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SEEN_FILE);
        let more = SeenPhotos::new([5], []).with_earlier(&all.with_unknown("why".to_owned()));
        let hash = more.write(&path).unwrap();
        assert_eq!(SeenPhotos::read(&path, &hash).unwrap().unknown(), Some("why"));
    }
}
