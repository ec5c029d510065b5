//! Takes the outcomes in order and writes shards, ledger and dataset.json.

mod finish;
mod take_up;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

pub(super) use finish::write_meta;

use crate::dump::{Dump, Input, tweet_id};
use tcolz_base::durable;
use tcolz_base::usage::anonymous_bytes;
use tcolz_format::dataset::{Counts, FileMeta, LedgerRow, SplitMeta};
use tcolz_format::shard::{ShardRow, ShardWriter, TensorColumn};
use tcolz_photo::DecodeError;
use tcolz_pixels::ChannelSums;

use super::error::ConvertError;
use super::journal::{Journal, shard_name};
use super::log::Log;
use super::observer::Observer;
use super::options::ConvertOptions;
use super::out::Lock;
use super::outcome::Outcome;
use super::prepare::Prepared;
use super::summary::Tally;

/// Ledger rows held in memory: thousands of tiny tensors in one shard, or of bad inputs in a row.
const MAX_PENDING_ROWS: usize = 16_384;

/// Inputs between two looks at this process's memory.
const MEMORY_INTERVAL: u64 = 16;

/// The writing end of a conversion.
pub(super) struct Store<'a> {
    options: &'a ConvertOptions,
    lock: &'a Lock,
    dump: &'a Dump,
    log: &'a mut Log,
    observer: &'a mut dyn Observer,
    columns: Vec<TensorColumn>,
    lists: Vec<Arc<str>>,
    split_names: Vec<Arc<str>>,
    splits: Vec<SplitMeta>,
    shard: Option<OpenShard>,
    journal: Journal,
    /// Ledger rows that no part of the journal holds yet.
    pending: Vec<LedgerRow>,
    stop: &'a AtomicBool,
    counts: Counts,
    tally: Tally,
    mean_sums: ChannelSums,
    mean_samples: u64,
    source_bytes: u64,
    /// Bytes of the shards that an interrupted run had finished.
    taken_up_bytes: u64,
    peak_memory_bytes: Option<u64>,
    /// Index into the dump's inputs and tensor hashes of each stored sample: what the content root
    /// needs, at 40 bytes a sample and not at the 400 of a ledger row.
    stored: Vec<(u32, Vec<PixelHash>)>,
}

struct OpenShard {
    split: usize,
    file: String,
    writer: ShardWriter,
}

struct PixelHash([u8; 32]);

impl AsRef<[u8; 32]> for PixelHash {
    fn as_ref(&self) -> &[u8; 32] {
        &self.0
    }
}

impl<'a> Store<'a> {
    pub(super) fn create(
        options: &'a ConvertOptions,
        lock: &'a Lock,
        dump: &'a Dump,
        log: &'a mut Log,
        stop: &'a AtomicBool,
        observer: &'a mut dyn Observer,
    ) -> Result<Store<'a>, ConvertError> {
        let columns = TensorColumn::of_recipe(&options.recipe);
        let journal = Journal::open(options, dump, &mut |done, all| {
            observer.checking(done, all);
            match stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        if let Some(damage) = journal.damage() {
            log.event("damaged", json!({ "what": damage }));
            observer.damaged(damage);
        }
        let mut splits = Vec::new();
        for name in &dump.splits {
            let path = options.out.join(name);
            durable::create_folder(&path).map_err(|source| ConvertError::Io { path, source })?;
            splits.push(SplitMeta {
                name: name.clone(),
                rows: 0,
                receipt: None,
                shards: Vec::new(),
            });
        }
        let mut store = Store {
            journal,
            pending: Vec::new(),
            stop,
            options,
            lock,
            dump,
            log,
            observer,
            columns,
            lists: dump.lists.iter().map(|list| list.as_str().into()).collect(),
            split_names: dump.splits.iter().map(|split| split.as_str().into()).collect(),
            splits,
            shard: None,
            counts: Counts::default(),
            tally: Tally::default(),
            mean_sums: ChannelSums::default(),
            mean_samples: 0,
            source_bytes: 0,
            taken_up_bytes: 0,
            peak_memory_bytes: None,
            stored: Vec::new(),
        };
        store.take_up()?;
        Ok(store)
    }

    /// Writes an event to the log, which is lent to this store.
    pub(super) fn log_event(&mut self, name: &str, fields: serde_json::Value) {
        self.log.event(name, fields);
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Stores one outcome; called in the order of the dump's inputs.
    pub(super) fn take(&mut self, input: &Input, outcome: Outcome) -> Result<(), ConvertError> {
        let split = usize::from(input.split);
        let source_bytes = outcome.source.map_or(0, |(bytes, _)| bytes);
        let mut row = LedgerRow {
            list: Arc::clone(&self.lists[usize::from(input.list)]),
            line: input.line,
            sample_id: input.sample_id.to_string(),
            path: self.dump.relative_path(&input.sample_id),
            tweet_id: tweet_id(self.dump.reading.layout, &input.sample_id),
            split: Arc::clone(&self.split_names[split]),
            label: input.label,
            status: outcome.status,
            reason: outcome.reason,
            place: None,
            source: outcome.source,
            photo: None,
            tensors: Vec::new(),
            dhash: None,
            text_scores: input.text_scores,
            agreement: input.agreement,
        };
        if let Some(prepared) = outcome.prepared {
            row.place = Some(self.store(split, input, &prepared)?);
            row.photo = Some(prepared.photo);
            row.tensors = prepared.tensors;
            row.dhash = Some(prepared.dhash);
        }
        if row.reason_code() == Some(DecodeError::DECODER_FAILED) {
            let blake3 = row.source.map(|(_, hash)| blake3::Hash::from_bytes(hash).to_string());
            self.log.event(
                DecodeError::DECODER_FAILED,
                json!({ "sample_id": row.sample_id, "path": row.path, "bytes": source_bytes, "blake3": blake3 }),
            );
        }
        self.count(&row);
        self.pending.push(row);
        self.observer.done(&self.counts, source_bytes);
        // With no shard in hand there is nothing to finish first.
        if self.counts.listed.is_multiple_of(MEMORY_INTERVAL) {
            self.peak_memory_bytes = self.peak_memory_bytes.max(anonymous_bytes());
        }
        let open = self.shard.is_some();
        let stop = !open && self.stop.load(Ordering::Relaxed);
        if stop || self.pending.len() >= MAX_PENDING_ROWS {
            self.journal.append(std::mem::take(&mut self.pending), None, open)?;
        }
        if stop { self.stop_if_asked() } else { Ok(()) }
    }

    /// Counts the next row of the ledger.
    fn count(&mut self, row: &LedgerRow) {
        if let Some(first) = row.tensors.first() {
            self.add_to_mean(&row.split, &first.sums);
            let hashes = row.tensors.iter().map(|tensor| PixelHash(tensor.blake3)).collect();
            self.stored.push((self.counts.listed as u32, hashes));
        }
        self.tally.count(row.status, row.reason_code(), row.photo.as_ref());
        self.counts.add(row.status);
        self.source_bytes += row.source.map_or(0, |(bytes, _)| bytes);
    }

    fn store(
        &mut self,
        split: usize,
        input: &Input,
        prepared: &Prepared,
    ) -> Result<(u32, u32), ConvertError> {
        let pixels: Vec<[u8; 32]> = prepared.tensors.iter().map(|tensor| tensor.blake3).collect();
        let (sample_id, stored) = (&*input.sample_id, &*prepared.stored);
        let row = ShardRow { sample_id, label: input.label, stored, pixels: &pixels };
        let full = |open: &OpenShard| {
            open.split != split
                || (open.writer.rows() > 0
                    && open.writer.bytes_bound_with(&row) > self.options.shard_bytes)
        };
        if self.shard.as_ref().is_some_and(full) {
            self.finish_shard()?;
        }
        let number = self.splits[split].shards.len() as u32;
        let open = match &mut self.shard {
            Some(open) => open,
            None => {
                let file = shard_name(&self.splits[split].name, number as usize);
                let path = self.options.out.join(&file);
                let writer = ShardWriter::create(&path, &self.columns)?;
                self.shard.insert(OpenShard { split, file, writer })
            }
        };
        Ok((number, open.writer.push(row)?))
    }

    fn finish_shard(&mut self) -> Result<(), ConvertError> {
        let Some(open) = self.shard.take() else { return Ok(()) };
        self.lock.check()?;
        let summary = open.writer.finish()?;
        self.lock.check()?;
        self.observer.shard(&open.file, summary.rows);
        self.log.event(
            "shard",
            json!({ "file": open.file, "rows": summary.rows, "bytes": summary.bytes }),
        );
        let shard = FileMeta {
            file: open.file,
            rows: summary.rows,
            bytes: summary.bytes,
            blake3: summary.blake3.to_string(),
        };
        let split = &mut self.splits[open.split];
        split.rows += shard.rows;
        split.shards.push(shard.clone());
        let rows = std::mem::take(&mut self.pending);
        self.journal.append(rows, Some((open.split, shard)), false)?;
        self.stop_if_asked()
    }

    /// Ends the conversion where everything so far is in the journal, unless that is everything.
    fn stop_if_asked(&mut self) -> Result<(), ConvertError> {
        let (done, listed) = (self.counts.listed, self.dump.inputs.len() as u64);
        if !self.stop.load(Ordering::Relaxed) || done == listed {
            return Ok(());
        }
        self.log.event("interrupted", json!({ "done": done, "listed": listed }));
        Err(ConvertError::Interrupted { path: self.options.out.clone(), done, listed })
    }

    fn add_to_mean(&mut self, split: &str, sums: &ChannelSums) {
        let has_train = self.dump.splits.iter().any(|name| name == "train");
        if !has_train || split == "train" {
            self.mean_sums.merge(sums);
            self.mean_samples += 1;
        }
    }
}
