//! All splits of a dataset read as one: `train+val+test`.
//!
//! Its shards are those of the splits, one split behind the other, and numbered through. A sample id that stands in
//! two splits stands in the pool twice, and a file of ids that names it means both.

use super::meta::{DatasetMeta, SplitMeta};
use super::{Dataset, Receipt};

/// What stands between the names of splits in that of the pool.
const JOIN: &str = "+";

/// Which rows of the ledger belong to a split, or to the pool of all splits.
#[derive(Debug, Clone)]
pub(crate) struct OwnRows<'a> {
    /// Names of splits, each with the number that its first shard has.
    parts: Vec<(&'a str, u32)>,
}

impl OwnRows<'_> {
    /// The number of a row's shard, given the row's split and its shard within that; `None` for rows of other splits.
    pub(crate) fn shard(&self, split: Option<&str>, shard: u32) -> Option<u32> {
        let (_, first) = self.parts.iter().find(|(name, _)| split == Some(*name))?;
        Some(first + shard)
    }

    /// Whether rows of a split belong to it.
    pub(crate) fn holds(&self, split: Option<&str>) -> bool {
        self.parts.iter().any(|(name, _)| split == Some(*name))
    }
}

/// The pool of all splits that hold something; `None` where there are fewer than two, or where a split has its name.
pub(super) fn pool(meta: &DatasetMeta) -> Option<SplitMeta> {
    let parts: Vec<&SplitMeta> = meta.splits.iter().filter(|split| split.rows > 0).collect();
    let name = parts.iter().map(|split| split.name.as_str()).collect::<Vec<_>>().join(JOIN);
    if parts.len() < 2 || meta.splits.iter().any(|split| split.name == name) {
        return None;
    }
    let receipts = parts.iter().map(|split| split.receipt);
    let sum = |sum: Option<Receipt>, one: Option<Receipt>| Some(sum? + one?);
    Some(SplitMeta {
        name,
        rows: parts.iter().map(|split| split.rows).sum(),
        receipt: receipts.fold(Some(Receipt::default()), sum),
        shards: parts.iter().flat_map(|split| split.shards.clone()).collect(),
    })
}

impl Dataset {
    /// The name of all splits read as one, such as `train+val+test`: [`Dataset::split`] and all that reads know it. `None`
    /// where there are fewer than two splits.
    pub fn pool(&self) -> Option<&str> {
        self.pool.as_ref().map(|pool| pool.name.as_str())
    }

    /// Which rows of the ledger belong to the split, or the pool, called `name`.
    pub(crate) fn own_rows<'a>(&'a self, name: &'a str) -> OwnRows<'a> {
        if self.pool() != Some(name) {
            return OwnRows { parts: vec![(name, 0)] };
        }
        let mut first = 0;
        let splits = self.meta.splits.iter().filter(|split| split.rows > 0);
        let parts = splits.map(|split| {
            let part = (split.name.as_str(), first);
            first += split.shards.len() as u32;
            part
        });
        OwnRows { parts: parts.collect() }
    }

    /// The names of the splits that `name` stands for: itself, or all that are in the pool.
    pub fn parts_of<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        self.own_rows(name).parts.into_iter().map(|(name, _)| name).collect()
    }
}
