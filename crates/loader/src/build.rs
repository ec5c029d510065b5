//! From options to a loader: everything that can be wrong with them is found here.

use std::sync::{Arc, Mutex};

use super::builder::LoaderBuilder;
use super::choose::{Storage, choose};
use super::element::{Element, check_view};
use super::order::Order;
use super::plan::{Options, Plan};
use super::select::{Place, Selection};
use super::shards::{Access, Shards};
use super::{Loader, LoaderError};
use tcolz_base::door::option;
use tcolz_base::usage::allow_open_files;

/// Batches beside those the workers fill: one that is used, one that is ready.
const WAITING_BATCHES: usize = 2;

impl LoaderBuilder {
    /// A loader of float32 batches.
    ///
    /// # Errors
    /// As [`LoaderBuilder::build_as`].
    pub fn build(self) -> Result<Loader, LoaderError> {
        self.build_as::<f32>()
    }

    /// A loader of batches of `T`: `f32`, `f16`, `bf16`, or `u8` for the pixels themselves.
    ///
    /// # Errors
    /// [`LoaderError::Option`] for numbers that make no sense, for fewer open files than shards, and for
    /// pixels that are to be augmented and are none; [`LoaderError::View`]; what [`Selection::of`] says;
    /// [`LoaderError::Unlabelled`], [`LoaderError::TooMany`]; [`LoaderError::Dataset`] for a split, view or size that is not there.
    pub fn build_as<T: Element>(self) -> Result<Loader<T>, LoaderError> {
        let meta = self.dataset.meta();
        let column = self.column()?;
        let view = check_view::<T>(&meta.columns[column], self.view.as_deref(), &meta.recipe.view)?;
        let view = self.dataset.view(&view)?.clone();
        self.check_numbers()?;
        self.augment.check(&meta.columns[column])?;
        let [channels, height, width] = meta.columns[column].shape;
        let [height, width] = self.augment.shape([height, width]);
        let shape = [channels, height, width].map(|side| side as usize);
        let sample_bytes = shape.iter().product::<usize>() * size_of::<T>();
        let affordable = self.batch_memory_bytes / (self.batch_size * sample_bytes);
        if affordable < WAITING_BATCHES {
            // Even a batch of one may be too large.
            let most = (self.batch_memory_bytes / (WAITING_BATCHES * sample_bytes)).max(1);
            let megabytes = |bytes: usize| bytes as f64 / 1e6;
            return Err(LoaderError::Option {
                option: "batch size",
                expected: format!(
                    "at most {most}: {WAITING_BATCHES} batches of {:.3} MB a sample must fit into {:.0} MB",
                    megabytes(sample_bytes),
                    megabytes(self.batch_memory_bytes)
                ),
                found: self.batch_size.to_string(),
            });
        }
        let buffers = affordable.min(self.workers + WAITING_BATCHES);
        let selection = Selection::and_shards(&self.dataset, &self.select)?;
        allow_shards_open(&selection)?;
        let choices = choose(self.access, self.order, &self.known_storage(&selection)?);
        let options = Options {
            dataset: &self.dataset,
            select: &self.select,
            selection: &selection,
            column,
            augment: self.augment,
            seed: self.seed,
        };
        let plan = Plan::new(choices.order, &options)?;
        let other = match (self.order, choices.order) {
            (Order::Auto, Order::Shuffle) => Some(Plan::new(Order::Windowed, &options)?),
            (Order::Auto, _) => Some(Plan::new(Order::Shuffle, &options)?),
            _ => None,
        };
        Ok(Loader {
            plan,
            other,
            shards: Arc::new(Shards::new(self.dataset, selection.split(), choices.access)?),
            choices,
            workers: self.workers.min(buffers - 1).max(1),
            batch_size: self.batch_size,
            last: self.last,
            rank: self.rank,
            world: self.world,
            damaged: self.damaged,
            augment: (!self.augment.is_nothing()).then_some(self.augment),
            thread_name: self.thread_name,
            selection: Arc::new(selection),
            view: Arc::new(view),
            spare: Arc::new(Mutex::new(Vec::new())),
            column,
            shape,
            buffers,
        })
    }

    /// What is known of the selected samples' storage; of nothing where nothing has to be chosen.
    fn known_storage(&self, selection: &Selection) -> Result<Storage, LoaderError> {
        if let Some(storage) = self.storage {
            return Ok(storage);
        }
        if self.access != Access::Auto && self.order != Order::Auto {
            return Ok(Storage { rotating: None, remote: None, bytes: 0, available: None });
        }
        let split = self.dataset.split(selection.split())?;
        let shards = &split.shards;
        let of_one_shard = |places: &[Place]| {
            let shard = &shards[places[0].shard as usize];
            places.len() as u64 * (shard.bytes / shard.rows.max(1))
        };
        let by_shard = selection.places().chunk_by(|a, b| a.shard == b.shard);
        let bytes = by_shard.map(of_one_shard).sum();
        let file = shards.first().map_or("", |shard| &shard.file);
        Ok(Storage::of(&self.dataset.root().join(file), bytes))
    }

    fn column(&self) -> Result<usize, LoaderError> {
        let Some(size) = self.size else { return Ok(0) };
        let columns = &self.dataset.meta().columns;
        let sizes = || columns.iter().map(|column| column.size().to_string());
        columns.iter().position(|column| column.size() == size).ok_or_else(|| LoaderError::Option {
            option: "size",
            expected: format!("one of {}", sizes().collect::<Vec<_>>().join(", ")),
            found: size.to_string(),
        })
    }

    fn check_numbers(&self) -> Result<(), LoaderError> {
        let fail = |option, expected: &str, found: String| {
            Err(LoaderError::Option { option, expected: expected.to_owned(), found })
        };
        if !(1..=1 << 20).contains(&self.batch_size) {
            return fail("batch size", "1 to 1048576", self.batch_size.to_string());
        }
        if !(1..=4096).contains(&self.workers) {
            return fail("workers", "1 to 4096", self.workers.to_string());
        }
        if self.rank >= self.world {
            return fail(
                "rank",
                "a number below that of the ranks",
                format!("{} of {}", self.rank, self.world),
            );
        }
        Ok(())
    }
}

/// Every shard that is read stays open.
fn allow_shards_open(selection: &Selection) -> Result<(), LoaderError> {
    let shards = selection.places().chunk_by(|a, b| a.shard == b.shard).count();
    allow_open_files(shards as u64).map_err(|(needed, most)| LoaderError::Option {
        option: "open files",
        expected: format!(
            "a limit of {needed} or more, one for each of {shards} shards and some others: raise it with \
             `ulimit -Hn {needed}`, or convert with a larger {}",
            option("shard_bytes")
        ),
        found: most.to_string(),
    })
}
