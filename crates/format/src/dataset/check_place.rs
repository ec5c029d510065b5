//! Tests that a shard is the one that the ledger puts in its place.

use std::path::Path;

use super::expected::{ExpectedShards, Opened, described};
use super::split_parts::PLACE_FIELDS;
use super::{Dataset, DatasetError, LedgerBatch, LedgerError, pixels_field};
use crate::shard::{ShardContent, ShardError};

impl Dataset {
    /// What the ledger says of all shards; read once for this dataset and its clones. Of threads that ask at once, each
    /// may read it: to wait for another could stop a thread pool for good.
    fn expected_shards(&self) -> Result<&ExpectedShards, DatasetError> {
        if self.expected.get().is_none() {
            self.scan_ledger_and_shards(&[], |_| Ok(()))?;
        }
        Ok(self.expected.get().expect("read above"))
    }

    /// As [`Dataset::scan_ledger`], for those who open shards next: what [`Dataset::open_shard`] compares them with is
    /// read on the way, if it has not been yet.
    ///
    /// # Errors
    /// As [`Dataset::scan_ledger`].
    #[doc(hidden)]
    pub fn scan_ledger_and_shards<T: Send>(
        &self,
        names: &[&str],
        read: impl Fn(&LedgerBatch<'_>) -> Result<T, LedgerError> + Sync,
    ) -> Result<Vec<T>, DatasetError> {
        if self.expected.get().is_some() {
            return self.scan_ledger(names, read);
        }
        let columns = &self.meta().columns;
        let pixels: Vec<String> = columns.iter().map(pixels_field).collect();
        let fields = PLACE_FIELDS.into_iter().chain(["sample_id", "label"]);
        let fields = fields.chain(pixels.iter().map(String::as_str)).chain(names.iter().copied());
        let batches = self.scan_ledger(&fields.collect::<Vec<&str>>(), |batch| {
            Ok((read(batch)?, ExpectedShards::of(batch, columns)?))
        })?;
        let mut all = ExpectedShards::default();
        let take = |(value, expected)| {
            all.append(expected);
            value
        };
        let values = batches.into_iter().map(take).collect();
        self.expected.get_or_init(|| all);
        Ok(values)
    }

    /// Reads what [`Dataset::open_shard`] compares shards with. Whoever opens shards in several threads calls it first, so
    /// that the ledger is not read once in each.
    ///
    /// # Errors
    /// As [`Dataset::scan_ledger`].
    pub fn read_expected_shards(&self) -> Result<(), DatasetError> {
        self.expected_shards().map(|_| ())
    }

    /// Tests that a shard which says that it holds `content` is number `index` of the split `split`. A shard of an
    /// early version does not say what it holds; it is known by its first and its last row, which `opened` reads.
    ///
    /// # Errors
    /// [`ShardError::Foreign`]; as [`Dataset::scan_ledger`].
    pub(super) fn check_place(
        &self,
        (split, index): (&str, u32),
        path: &Path,
        content: Option<ShardContent>,
        opened: Opened<'_>,
    ) -> Result<(), DatasetError> {
        let foreign = |expected: String, found: String| {
            Err(ShardError::Foreign { path: path.to_owned(), expected, found }.into())
        };
        let (part, number) = self.shard_place(split, index)?;
        let expected = self.expected_shards()?.0.get(part).and_then(|shards| shards.get(&number));
        let Some(expected) = expected else {
            return foreign("no samples".to_owned(), "some".to_owned());
        };
        if let Some(content) = content {
            if content == expected.content {
                return Ok(());
            }
            return foreign(
                format!("the content {}", expected.content),
                format!("the content {content}"),
            );
        }
        let rows = self.shard_meta(split, index)?.rows;
        for row in &expected.ends {
            if u64::from(row.number) >= rows {
                return foreign(described(row), format!("{rows} rows"));
            }
            match opened.row(row.number, &self.meta().columns) {
                Ok(found) if found == *row => {}
                Ok(found) => return foreign(described(row), described(&found)),
                // Whoever wants this row is told; it says nothing of the others.
                Err(ShardError::Damaged { .. } | ShardError::Undecodable { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
