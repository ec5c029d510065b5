//! The end of a conversion: ledger, content root, dataset.json.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::ConvertError;
use crate::out::check_lengths;
use crate::recipe_views::views;
use crate::summary::ConvertSummary;
use tcolz_base::durable;
use tcolz_base::usage::anonymous_bytes;
use tcolz_format::dataset::{
    DATASET_FILE, Dataset, DatasetError, DatasetMeta, FORMAT_NAME, FORMAT_VERSION, LEDGER_FILE,
    LedgerWriter, Receipt, RootLine, content_root,
};

use super::Store;

impl Store<'_> {
    /// Writes what is open, then the ledger, then dataset.json: the dataset exists when that has its name.
    pub(crate) fn finish(mut self) -> Result<ConvertSummary, ConvertError> {
        self.finish_shard()?;
        let out = &self.options.out;
        let mut ledger = LedgerWriter::create(&out.join(LEDGER_FILE), &self.columns)?;
        for part in self.journal.parts() {
            for row in self.journal.rows(part)? {
                ledger.push(row)?;
            }
        }
        for row in std::mem::take(&mut self.pending) {
            ledger.push(row)?;
        }
        let ledger = ledger.finish()?;
        let lines = self.stored.iter().map(|(index, tensors)| {
            let input = &self.dump.inputs[*index as usize];
            let split = &self.dump.splits[usize::from(input.split)];
            RootLine { split, sample_id: &input.sample_id, label: input.label, tensors }
        });
        let root = content_root(&self.dump.classes, &self.columns, lines.collect());
        let mut receipts = vec![Receipt::default(); self.splits.len()];
        for (index, _) in &self.stored {
            let input = &self.dump.inputs[*index as usize];
            receipts[usize::from(input.split)] += Receipt::of(&input.sample_id);
        }
        for (split, receipt) in self.splits.iter_mut().zip(receipts) {
            split.receipt = Some(receipt);
        }
        let recipe = &self.options.recipe;
        let pixels = self.mean_samples * u64::from(recipe.sizes[0]).pow(2);
        let mean = self.mean_sums.mean(pixels).map(|value| value as f32);
        let meta = DatasetMeta {
            format: FORMAT_NAME.to_owned(),
            format_version: FORMAT_VERSION,
            critical_features: Vec::new(),
            tcolz_version: env!("CARGO_PKG_VERSION").to_owned(),
            libraries: libraries(),
            recipe: recipe.clone(),
            classes: self.dump.classes.clone(),
            views: views(recipe, mean),
            made_splits: self.dump.made_splits.clone(),
            source_damage: self.dump.damage.clone(),
            content_root: root.to_string(),
            columns: self.columns,
            splits: self.splits,
            ledger,
            counts: self.counts,
        };
        self.lock.check()?;
        check_lengths(&meta, out, &|| "the same command makes it again".to_owned())?;
        let shards = meta.splits.iter().flat_map(|split| &split.shards);
        let shard_bytes: u64 = shards.map(|shard| shard.bytes).sum();
        let meta_bytes = meta.to_bytes();
        let written = shard_bytes + meta.ledger.bytes + meta_bytes.len() as u64;
        write_meta(out, &meta_bytes)?;
        self.lock.check()?;
        let (reasons, recovered) = self.tally.sorted();
        Ok(ConvertSummary {
            dataset: Dataset::open(out)?,
            converted: true,
            reasons,
            recovered,
            unlisted: self.dump.unlisted.len() as u64,
            resumed: 0,
            source_bytes: self.source_bytes,
            seconds: self.log.seconds(),
            forecast: None,
            written_bytes: written - self.taken_up_bytes,
            peak_memory_bytes: self.peak_memory_bytes.max(anonymous_bytes()),
        })
    }
}

/// Writes dataset.json into `out`, whole or not at all.
pub(crate) fn write_meta(out: &Path, bytes: &[u8]) -> Result<(), DatasetError> {
    let path = out.join(DATASET_FILE);
    durable::write(&path, bytes).map_err(|source| DatasetError::Io { path, source })
}

/// Versions of what decides pixels and bytes.
fn libraries() -> BTreeMap<String, String> {
    [
        ("libjpeg-turbo".to_owned(), tcolz_photo::libjpeg_turbo_version()),
        ("zstd".to_owned(), tcolz_format::shard::format::zstd_version()),
    ]
    .into()
}
