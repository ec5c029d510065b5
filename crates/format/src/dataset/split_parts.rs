//! Several splits read as one: `train+val+test`.
//!
//! ```text
//! train: shards 0 1 2   val: shards 0 1      train+val: shards 0 1 2 3 4
//! ```

use std::borrow::Cow;

use super::{Dataset, DatasetError, FileMeta, LedgerBatch, LedgerError, Receipt, SplitMeta};
use crate::sample::Status;

/// Ledger columns that [`SplitParts::stored`] reads.
pub const PLACE_FIELDS: [&str; 4] = ["split", "status", "shard", "row"];

/// What joins the names of splits.
const JOIN: char = '+';

/// Shard and row of a row of the ledger, `None` where it is not stored.
type StoredPlace = Result<Option<(u32, u32)>, LedgerError>;

/// The splits that a name stands for: the one of this name, or several whose names are joined by `+`, read one
/// behind the other in the order given.
///
/// A sample id that stands in two of them is two samples: each of its rows is read and counted once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitParts {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    split: String,
    /// Shards of the parts before it.
    first_shard: u32,
}

impl SplitParts {
    /// Names of the splits, in the order in which they are read.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.parts.iter().map(|part| part.split.as_str())
    }

    /// Number of a shard of the split `split` among those of all parts; `None` where the split is no part, and for
    /// numbers that no dataset has.
    #[inline]
    pub fn shard(&self, split: &str, shard: u32) -> Option<u32> {
        let part = self.parts.iter().find(|part| part.split == split)?;
        part.first_shard.checked_add(shard)
    }

    /// The place, in [`SplitParts::names`], of the split that a shard of all parts belongs to, and the shard's number in
    /// that split.
    pub fn part(&self, shard: u32) -> (usize, u32) {
        let behind = self.parts.partition_point(|part| part.first_shard <= shard);
        // The first part begins with shard 0. Parts without shards begin where the next one does.
        let part = behind.saturating_sub(1);
        (part, shard - self.parts[part].first_shard)
    }

    /// Tells of the rows of a batch of the ledger, which must have [`PLACE_FIELDS`], which of them are stored in one
    /// of the parts, and where: shard (of all parts) and row; `None` of all other rows.
    ///
    /// # Errors
    /// As [`LedgerBatch::value`]; of a row: [`LedgerError::Row`] where a stored sample has no place.
    pub fn stored<'a>(
        &'a self,
        batch: &LedgerBatch<'a>,
    ) -> Result<impl Fn(usize) -> StoredPlace + 'a, LedgerError> {
        let (split, status) = (batch.text("split")?, batch.text("status")?);
        let (shard, row) = (batch.u32("shard")?, batch.u32("row")?);
        let first_row = batch.first_row();
        Ok(move |index| {
            if status(index) != Some(Status::Stored.as_str()) {
                return Ok(None);
            }
            let split = split(index).unwrap_or_default();
            let Some(part) = self.parts.iter().find(|part| part.split == split) else {
                return Ok(None);
            };
            let place = shard(index).zip(row(index)).and_then(|(shard, row)| {
                part.first_shard.checked_add(shard).map(|shard| (shard, row))
            });
            place.map(Some).ok_or_else(|| {
                let row = first_row + index as u64;
                LedgerError::of_row(row, "a stored sample without its place")
            })
        })
    }
}

impl Dataset {
    /// The splits that `name` stands for: the one that is called so, else those whose names it joins by `+`.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`] for a name that is none, naming the splits there are;
    /// [`DatasetError::RepeatedSplit`].
    pub fn split_parts(&self, name: &str) -> Result<SplitParts, DatasetError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut shards = 0;
        for split in self.joined(name)? {
            if parts.iter().any(|part| part.split == split.name) {
                let (path, name, part) = (self.root.clone(), name.to_owned(), split.name.clone());
                return Err(DatasetError::RepeatedSplit { path, name, part });
            }
            parts.push(Part { split: split.name.clone(), first_shard: shards });
            shards += split.shards.len() as u32;
        }
        Ok(SplitParts { parts })
    }

    /// The split called `name`. Of several whose names are joined by `+` it is made up: their shards one behind
    /// the other, with the receipt of all their samples.
    ///
    /// # Errors
    /// As [`Dataset::split_parts`].
    pub fn split(&self, name: &str) -> Result<Cow<'_, SplitMeta>, DatasetError> {
        if let Some(split) = self.exact(name) {
            return Ok(Cow::Borrowed(split));
        }
        let parts = self.split_parts(name)?;
        let parts: Vec<&SplitMeta> = parts.names().filter_map(|name| self.exact(name)).collect();
        let receipts = parts.iter().map(|split| split.receipt);
        Ok(Cow::Owned(SplitMeta {
            name: name.to_owned(),
            rows: parts.iter().map(|split| split.rows).sum(),
            receipt: receipts.sum(),
            shards: parts.iter().flat_map(|split| &split.shards).cloned().collect(),
        }))
    }

    /// Shard number `index` of what `name` stands for.
    pub(super) fn shard_meta(&self, name: &str, index: u32) -> Result<&FileMeta, DatasetError> {
        let splits = self.joined(name)?;
        let shards = || splits.iter().flat_map(|split| &split.shards);
        shards().nth(index as usize).ok_or_else(|| {
            let known = format!("0 to {} in split {name}", shards().count().saturating_sub(1));
            self.not_found("shard", &index.to_string(), std::iter::once(known.as_str()))
        })
    }

    /// Shard number `index` of what `name` stands for: the split that it lies in, and its number there.
    pub(super) fn shard_place(&self, name: &str, index: u32) -> Result<(&str, u32), DatasetError> {
        self.shard_meta(name, index)?;
        let (part, number) = self.split_parts(name)?.part(index);
        Ok((&self.joined(name)?[part].name, number))
    }

    fn exact(&self, name: &str) -> Option<&SplitMeta> {
        self.meta.splits.iter().find(|split| split.name == name)
    }

    /// The splits whose names `name` joins. A split's own name may hold the sign that joins: the longest name wins.
    fn joined(&self, name: &str) -> Result<Vec<&SplitMeta>, DatasetError> {
        let splits = &self.meta.splits;
        let mut found = Vec::new();
        let mut rest = name;
        loop {
            let begins = |split: &&SplitMeta| {
                let behind = rest.strip_prefix(split.name.as_str());
                behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(JOIN))
            };
            let longest = splits.iter().filter(begins).max_by_key(|split| split.name.len());
            let Some(split) = longest else {
                let unknown = rest.split(JOIN).next().unwrap_or(rest);
                let known = splits.iter().map(|split| split.name.as_str());
                return Err(self.not_found("split", unknown, known));
            };
            found.push(split);
            match rest[split.name.len()..].strip_prefix(JOIN) {
                Some(behind) => rest = behind,
                None => return Ok(found),
            }
        }
    }
}

impl std::iter::Sum for Receipt {
    fn sum<I: Iterator<Item = Receipt>>(receipts: I) -> Receipt {
        receipts.fold(Receipt::default(), |sum, receipt| sum + receipt)
    }
}
