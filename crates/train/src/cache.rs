//! Features of a frozen backbone, kept in a file: a backbone that does not change is computed once.
//!
//! ```text
//! features-KEY-SPLIT.cache = header, 4096 bytes │ row 0 │ row 1 │ …   a row for each sample of the split
//! row = features, float32 little-endian │ first 16 bytes of BLAKE3, keyed: number of the row, sample id, features
//! ```
//! The key is the hash of everything that decides a feature: backbone, properties, view, content root, size,
//! split, kind of device. Rows are those of the split's shards whatever is selected, so that runs share them.
//! Each row is tested when it is read: one that was never written, or not to its end, or for another sample (datasets
//! of one content root may store it in another order) is none. So the file needs no order of writing, no sync, and
//! nothing to be remembered after a kill.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::{Result, TrainError};
use super::files::CACHE_PREFIX;
use super::setup::Setup;
use super::weights;
use tcolz_base::durable;
use tcolz_base::durable::DurableFile;
use tcolz_base::positioned::{read_exact_at, write_all_at};
use tcolz_format::dataset::{Dataset, Receipt};
use tcolz_loader::select::Place;

/// Changes whenever the same weights may give other features.
const VERSION: &str = "tcolz-features-v2";
const HEADER_BYTES: u64 = 4096;
const HASH_BYTES: usize = 16;

/// An open file of features of one split.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    file: File,
    key: [u8; 32],
    features: usize,
    /// The number of the first row of each shard.
    shards: Vec<u64>,
}

/// What decides the features of a setup.
pub(super) fn key(setup: &Setup, split: &str) -> Result<[u8; 32]> {
    let backbone = setup.spec.parameters();
    let backbone = backbone.iter().filter(|parameter| !parameter.in_head);
    let weights = weights::hash(backbone.map(|parameter| parameter.key.as_str()), &setup.weights)?;
    let json = |value: serde_json::Result<String>| {
        value.map_err(|error| TrainError::Options(format!("the weights' properties: {error}")))
    };
    let mut hash = blake3::Hasher::new();
    for part in [
        VERSION,
        setup.spec.network.name(),
        &weights.to_hex(),
        &json(serde_json::to_string(&setup.spec.properties))?,
        &json(serde_json::to_string(&setup.view))?,
        &setup.dataset.meta().content_root,
        &setup.size.to_string(),
        split,
        if setup.device.is_cpu() { "cpu" } else { "gpu" },
    ] {
        hash.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    Ok(*hash.finalize().as_bytes())
}

impl Cache {
    /// Opens the file of a key in a folder, or makes it. One that has no sound header is made anew.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn open(
        folder: &Path,
        key: [u8; 32],
        dataset: &Dataset,
        split: &str,
        features: usize,
    ) -> Result<Cache> {
        let name = format!("{CACHE_PREFIX}{}-{split}.cache", short(key));
        let path = folder.join(name);
        let io = |source| TrainError::Io { path: path.clone(), source };
        let (mut shards, mut rows) = (Vec::new(), 0);
        for shard in &dataset.split(split)?.shards {
            shards.push(rows);
            rows += shard.rows;
        }
        let header = header(&key, features, rows);
        let bytes = HEADER_BYTES + rows * row_bytes(features) as u64;
        let sound = |file: &File| -> io::Result<bool> {
            let mut found = vec![0; header.len()];
            Ok(file.metadata()?.len() == bytes
                && read_exact_at(file, &mut found, 0).is_ok()
                && found == header)
        };
        let open = || OpenOptions::new().read(true).write(true).open(&path);
        let file = match open() {
            Ok(file) if sound(&file).map_err(io)? => Some(file),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io(error)),
        };
        let file = match file {
            Some(file) => file,
            None => {
                durable::create_folder(folder).map_err(TrainError::io(folder))?;
                let mut file = DurableFile::create(&path).map_err(io)?;
                file.write_all(&header).map_err(io)?;
                file.file().set_len(bytes).map_err(io)?;
                file.commit().map_err(io)?;
                open().map_err(io)?
            }
        };
        Ok(Cache { path, file, key, features, shards })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The first sixteen letters of the key.
    pub(super) fn key(&self) -> String {
        short(self.key)
    }

    /// Numbers of a row.
    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// The row of a sample.
    pub(super) fn row(&self, place: Place) -> u64 {
        self.shards[place.shard as usize] + u64::from(place.row)
    }

    /// Appends the features of a row; false, and nothing appended, where it is not there, damaged, or another sample's.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn read(
        &self,
        row: u64,
        sample: Receipt,
        scratch: &mut Vec<u8>,
        out: &mut Vec<f32>,
    ) -> io::Result<bool> {
        scratch.resize(row_bytes(self.features), 0);
        read_exact_at(&self.file, scratch, self.offset(row))?;
        let (values, hash) = scratch.split_at(4 * self.features);
        if self.hash(row, sample, values) != hash {
            return Ok(false);
        }
        let (values, _) = values.as_chunks::<4>();
        out.extend(values.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        Ok(true)
    }

    /// Writes the features of a row: those of the sample that was read for it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn write(&self, row: u64, sample: Receipt, values: &[f32]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(row_bytes(self.features));
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let hash = self.hash(row, sample, &bytes);
        bytes.extend(hash);
        write_all_at(&self.file, &bytes, self.offset(row))
    }

    fn offset(&self, row: u64) -> u64 {
        HEADER_BYTES + row * row_bytes(self.features) as u64
    }

    fn hash(&self, row: u64, sample: Receipt, values: &[u8]) -> [u8; HASH_BYTES] {
        let mut hash = blake3::Hasher::new_keyed(&self.key);
        hash.update(&row.to_le_bytes());
        for word in sample.words() {
            hash.update(&word.to_le_bytes());
        }
        hash.update(values);
        let hash = hash.finalize();
        let (first, _) = hash.as_bytes().as_chunks::<HASH_BYTES>();
        first[0]
    }
}

fn short(key: [u8; 32]) -> String {
    blake3::Hash::from(key).to_hex()[..16].to_owned()
}

/// Bytes of a row.
pub(super) fn row_bytes(features: usize) -> usize {
    4 * features + HASH_BYTES
}

fn header(key: &[u8; 32], features: usize, rows: u64) -> Vec<u8> {
    let mut header = format!("{VERSION}\n").into_bytes();
    header.extend(key);
    header.extend((features as u64).to_le_bytes());
    header.extend(rows.to_le_bytes());
    header.resize(HEADER_BYTES as usize, 0);
    header
}
