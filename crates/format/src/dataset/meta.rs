//! `dataset.json`: what the dataset is, in one file that a person can read.
//!
//! Its last key is `checksum`: BLAKE3, in hexadecimal, of all bytes of the file before that key's
//! opening quote. The JSON schema is `schemas/dataset.schema.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::made_splits::MakeSplits;
use crate::sample::Status;
use crate::shard::TensorColumn;
use tcolz_pixels::View;
use tcolz_pixels::recipe::Recipe;

use super::error::DatasetError;
use super::receipt::Receipt;
use super::sealed::{seal, unseal};

/// The value of the key `format`.
pub const FORMAT_NAME: &str = "tcolz";
/// The format version that this program writes and reads.
pub const FORMAT_VERSION: u32 = 1;
/// Features that a reader must know before it may read; version 1 defines none.
pub(super) const KNOWN_FEATURES: [&str; 0] = [];

/// A dataset.json above this length is refused before it is parsed.
const MAX_LENGTH_BYTES: u64 = 256_000_000;

/// The content of `dataset.json`, without its checksum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetMeta {
    /// Always `tcolz`.
    pub format: String,
    /// Version of the format.
    pub format_version: u32,
    /// Features that a reader must know, by name.
    pub critical_features: Vec<String>,
    /// The tcolz that made the dataset.
    pub tcolz_version: String,
    /// Versions of the libraries that decide pixels and bytes.
    pub libraries: BTreeMap<String, String>,
    /// How pixels became tensors.
    pub recipe: Recipe,
    /// Class names, indexed by label.
    pub classes: Vec<String>,
    /// Views a reader may ask for, by name.
    pub views: Vec<View>,
    /// How the splits were made, where the dump had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_splits: Option<MakeSplits>,
    /// What was missing from the source, or could not be read, beside the inputs that the ledger has: sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_damage: Vec<String>,
    /// The tensor columns of every shard.
    pub columns: Vec<TensorColumn>,
    /// Splits in the order of conversion.
    pub splits: Vec<SplitMeta>,
    /// The ledger.
    pub ledger: FileMeta,
    /// What became of the listed inputs.
    pub counts: Counts,
    /// Identity of the content: see [`super::content_root`].
    pub content_root: String,
}

/// A split and its shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitMeta {
    /// `train`, `val`, `test`, `all`, …
    pub name: String,
    /// Stored samples.
    pub rows: u64,
    /// Receipt of an epoch that has each of them once; absent from datasets of early versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// Shards in order; row numbers run on from one to the next.
    pub shards: Vec<FileMeta>,
}

/// A file of the dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileMeta {
    /// Path below the dataset's folder, with `/`.
    pub file: String,
    /// Rows in it.
    pub rows: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// BLAKE3 of the whole file, hexadecimal.
    pub blake3: String,
}

/// What became of the listed inputs: `listed = stored + quarantined + missing + duplicate`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Lines of all lists.
    pub listed: u64,
    /// Written to a shard.
    pub stored: u64,
    /// Present but not decodable or not acceptable.
    pub quarantined: u64,
    /// Listed, but there is no such file.
    pub missing: u64,
    /// Listed before in the same split.
    pub duplicate: u64,
}

impl Counts {
    /// Counts one more line.
    pub fn add(&mut self, status: Status) {
        self.listed += 1;
        match status {
            Status::Stored => self.stored += 1,
            Status::Quarantined => self.quarantined += 1,
            Status::Missing => self.missing += 1,
            Status::Duplicate => self.duplicate += 1,
        }
    }

    /// Inputs that count as bad: quarantined and missing ones.
    pub fn bad(&self) -> u64 {
        self.quarantined + self.missing
    }

    /// True when nothing was lost without a word.
    pub fn add_up(&self) -> bool {
        let sum = [self.stored, self.quarantined, self.missing, self.duplicate]
            .iter()
            .try_fold(0u64, |sum, &count| sum.checked_add(count));
        sum == Some(self.listed)
    }
}

impl DatasetMeta {
    /// Every shard in order: name of its split, number in the split, file.
    pub fn numbered_shards(&self) -> Vec<(&str, u32, &FileMeta)> {
        let splits = self.splits.iter();
        let shards = splits.flat_map(|split| split.shards.iter().zip(0..).map(move |s| (split, s)));
        shards.map(|(split, (shard, index))| (&*split.name, index, shard)).collect()
    }

    /// The bytes of `dataset.json`, checksum and all.
    ///
    /// # Panics
    /// Never: every value has a JSON form.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }

    /// Parses `dataset.json` after testing its checksum. `path` is only what errors call it.
    ///
    /// # Errors
    /// [`DatasetError::Structure`] when it is not the JSON of a dataset, [`DatasetError::Version`] and
    /// [`DatasetError::UnknownFeature`] when it is of another kind, [`DatasetError::Checksum`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<DatasetMeta, DatasetError> {
        let structure = |reason: String| DatasetError::Structure { path: path.to_owned(), reason };
        if bytes.len() as u64 > MAX_LENGTH_BYTES {
            return Err(structure(format!("{} bytes are no dataset.json", bytes.len())));
        }
        let value = unseal(bytes, path)?;
        check_version(&value, path)?;
        let meta: DatasetMeta =
            serde_json::from_value(value).map_err(|error| structure(error.to_string()))?;
        meta.check(path)?;
        Ok(meta)
    }

    /// What JSON's types do not say: counts, columns and names agree with each other.
    fn check(&self, path: &Path) -> Result<(), DatasetError> {
        let fail = |reason: String| Err(DatasetError::Structure { path: path.to_owned(), reason });
        if !self.counts.add_up() {
            return fail(format!("the counts do not add up: {:?}", self.counts));
        }
        if self.columns.is_empty() || self.columns != TensorColumn::of_recipe(&self.recipe) {
            return fail("the columns are not those of the recipe".to_owned());
        }
        if !self.recipe.is_valid() {
            return fail("the recipe's sizes are out of range or out of order".to_owned());
        }
        let stored: u128 = self.splits.iter().map(|split| u128::from(split.rows)).sum();
        if stored != u128::from(self.counts.stored) || self.ledger.rows != self.counts.listed {
            return fail("the rows of splits and ledger differ from the counts".to_owned());
        }
        for split in &self.splits {
            let rows: u128 = split.shards.iter().map(|shard| u128::from(shard.rows)).sum();
            if rows != u128::from(split.rows) {
                return fail(format!("the shards of split {} hold {rows} rows", split.name));
            }
        }
        let mut names = BTreeSet::new();
        for split in &self.splits {
            if !stays_inside(&split.name) || split.name.contains('/') {
                return fail(format!("`{}` cannot name a split", split.name));
            }
            if !names.insert(&split.name) {
                return fail(format!("there are two splits `{}`", split.name));
            }
        }
        let mut paths = BTreeSet::new();
        let mut bytes = 0u64;
        for file in self.splits.iter().flat_map(|split| &split.shards).chain([&self.ledger]) {
            if !stays_inside(&file.file) {
                return fail(format!("the path `{}` leaves the dataset", file.file));
            }
            if !paths.insert(&file.file) {
                return fail(format!("the file `{}` stands in two places", file.file));
            }
            bytes = match bytes.checked_add(file.bytes) {
                Some(bytes) => bytes,
                None => return fail("the files are longer than any disk".to_owned()),
            };
        }
        Ok(())
    }
}

/// True for a path that names something below the dataset's folder, on every system.
fn stays_inside(path: &str) -> bool {
    let odd = |character: char| matches!(character, '\\' | ':') || character.is_control();
    !path.contains(odd) && !path.split('/').any(|part| matches!(part, "" | "." | ".."))
}

fn check_version(value: &serde_json::Value, path: &Path) -> Result<(), DatasetError> {
    let structure =
        |reason: &str| DatasetError::Structure { path: path.to_owned(), reason: reason.to_owned() };
    if value["format"].as_str() != Some(FORMAT_NAME) {
        return Err(structure("not a tcolz dataset"));
    }
    let found = value["format_version"].as_u64().ok_or_else(|| structure("no format version"))?;
    if found != u64::from(FORMAT_VERSION) {
        return Err(DatasetError::Version {
            path: path.to_owned(),
            expected: FORMAT_VERSION,
            found,
        });
    }
    for feature in value["critical_features"].as_array().into_iter().flatten() {
        let feature = feature.as_str().unwrap_or_default();
        if !KNOWN_FEATURES.contains(&feature) {
            let (path, feature) = (path.to_owned(), feature.to_owned());
            return Err(DatasetError::UnknownFeature { path, feature });
        }
    }
    Ok(())
}
