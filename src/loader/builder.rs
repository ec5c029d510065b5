//! What a loader is asked for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;

use super::augment::{Augment, Crop, DEFAULT_RATIO, DEFAULT_SCALE};
use super::batch::Damaged;
use super::choose::{Storage, choose};
use super::element::{Element, check_view};
use super::order::Order;
use super::plan::{Options, Plan};
use super::select::{Percent, Select, Selection};
use super::shards::{Access, Shards};
use super::{LastBatch, Loader, LoaderError};
use crate::dataset::Dataset;
use crate::usage::allow_open_files;

/// Memory for batches, unless told otherwise: 27 batches of 64 float32 images of 224 × 224.
pub const DEFAULT_BATCH_MEMORY_BYTES: usize = 1 << 30;
/// Batches beside those the workers fill: one that is used, one that is ready.
const WAITING_BATCHES: usize = 2;

/// Options of a [`Loader`]; begun by [`Dataset::loader`].
#[derive(Debug, Clone)]
#[must_use = "nothing is read before `build`"]
pub struct LoaderBuilder {
    dataset: Dataset,
    select: Select,
    view: Option<String>,
    size: Option<u32>,
    batch_size: usize,
    order: Order,
    seed: u64,
    last: LastBatch,
    rank: u32,
    world: u32,
    workers: usize,
    batch_memory_bytes: usize,
    damaged: Damaged,
    access: Access,
    storage: Option<Storage>,
    augment: Augment,
    thread_name: String,
}

impl Dataset {
    /// Begins a loader of a split: batches of 32, as stored, by as many workers as there are cores.
    pub fn loader(&self, split: &str) -> LoaderBuilder {
        LoaderBuilder {
            dataset: self.clone(),
            select: Select::split(split),
            view: None,
            size: None,
            batch_size: 32,
            order: Order::Sequential,
            seed: 0,
            last: LastBatch::Keep,
            rank: 0,
            world: 1,
            workers: available_parallelism().map_or(1, usize::from),
            batch_memory_bytes: DEFAULT_BATCH_MEMORY_BYTES,
            damaged: Damaged::Fail,
            access: Access::Auto,
            storage: None,
            augment: Augment::default(),
            thread_name: "tcolz-load".to_owned(),
        }
    }
}

impl LoaderBuilder {
    /// Only the samples that the lines of a file name: sample ids or list lines.
    pub fn subset(mut self, file: impl Into<PathBuf>) -> Self {
        self.select.subset = Some(file.into());
        self
    }

    /// Of these, only those that meet conditions on ledger columns: `agreement >= 5 and width > 300`.
    pub fn condition(mut self, text: &str) -> Self {
        self.select.condition = Some(text.to_owned());
        self
    }

    /// Of these, a share of every class, decided by a seed.
    pub fn percent(mut self, percent: Percent, seed: u64) -> Self {
        (self.select.percent, self.select.percent_seed) = (Some(percent), seed);
        self
    }

    /// The view the pixels are seen through; else the recipe's. Batches of `u8` are pixels without a view.
    pub fn view(mut self, name: &str) -> Self {
        self.view = Some(name.to_owned());
        self
    }

    /// The side of the tensors, of those that are stored; else the only or the first one.
    pub fn size(mut self, size: u32) -> Self {
        self.size = Some(size);
        self
    }

    /// Samples of a batch.
    pub fn batch_size(mut self, samples: usize) -> Self {
        self.batch_size = samples;
        self
    }

    /// A true global shuffle, another one in each epoch.
    pub fn shuffle(self, seed: u64) -> Self {
        self.order(Order::Shuffle, seed)
    }

    /// An order and its seed.
    pub fn order(mut self, order: Order, seed: u64) -> Self {
        (self.order, self.seed) = (order, seed);
        self
    }

    /// What becomes of the samples that fill no whole stripe.
    pub fn last_batch(mut self, last: LastBatch) -> Self {
        self.last = last;
        self
    }

    /// This process is one of several that share each epoch.
    pub fn rank(mut self, rank: u32, world: u32) -> Self {
        (self.rank, self.world) = (rank, world);
        self
    }

    /// Threads that fill batches; what they fill does not depend on it.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Memory for batches, in bytes. Fewer workers are taken where it is short.
    pub fn batch_memory(mut self, bytes: usize) -> Self {
        self.batch_memory_bytes = bytes;
        self
    }

    /// What becomes of damaged samples.
    pub fn damaged(mut self, damaged: Damaged) -> Self {
        self.damaged = damaged;
        self
    }

    /// How stored bytes are got.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// What [`Access::Auto`] and [`Order::Auto`] go by, instead of what the system says.
    pub fn storage(mut self, storage: Storage) -> Self {
        self.storage = Some(storage);
        self
    }

    /// What is done to each sample: [`augment`](super::augment) says how it is drawn.
    pub fn augment(mut self, augment: Augment) -> Self {
        self.augment = augment;
        self
    }

    /// Left and right change places with this probability, 0 to 1.
    pub fn flip(mut self, probability: f64) -> Self {
        self.augment.flip = probability;
        self
    }

    /// Of each picture a square of this side, in pixels, from anywhere in it; instead of another crop.
    pub fn random_crop(mut self, side: u32) -> Self {
        self.augment.crop = Crop::random(side);
        self
    }

    /// Of each picture, put in a black border of `padding` pixels, a square of this side.
    pub fn random_crop_padded(mut self, side: u32, padding: u32) -> Self {
        self.augment.crop = Crop::Random { side: Some(side), padding };
        self
    }

    /// Of each picture a rectangle of 8 to 100 % of its area and an aspect of 3:4 to 4:3, scaled to a
    /// square of this side, in pixels; instead of another crop.
    pub fn random_resized_crop(mut self, side: u32) -> Self {
        let (scale, ratio) = (DEFAULT_SCALE, DEFAULT_RATIO);
        self.augment.crop = Crop::Resized { side: Some(side), scale, ratio };
        self
    }

    /// What the workers are called, before their number.
    pub fn thread_name(mut self, name: &str) -> Self {
        self.thread_name = name.to_owned();
        self
    }

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
    /// [`LoaderError::Option`] for numbers that make no sense, for fewer open files than shards, and for pixels that are to be augmented and
    /// are none; [`LoaderError::View`]; what
    /// [`Selection::of`] says; [`LoaderError::Unlabelled`], [`LoaderError::TooMany`];
    /// [`LoaderError::Dataset`] for a split, view or size that is not there.
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
        let batch_bytes = self.batch_size * shape.iter().product::<usize>() * size_of::<T>();
        let affordable = self.batch_memory_bytes / batch_bytes;
        if affordable < WAITING_BATCHES {
            return Err(LoaderError::Option {
                option: "batch memory",
                expected: format!("at least {} bytes, two batches", 2 * batch_bytes),
                found: self.batch_memory_bytes.to_string(),
            });
        }
        let buffers = affordable.min(self.workers + WAITING_BATCHES);
        let selection = Selection::of(&self.dataset, &self.select)?;
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
        let shards = &self.dataset.split(selection.split())?.shards;
        let row_bytes = |shard: u32| {
            let shard = &shards[shard as usize];
            shard.bytes / shard.rows.max(1)
        };
        let bytes = selection.places().iter().map(|place| row_bytes(place.shard)).sum();
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
             `ulimit -Hn {needed}`, or convert with a larger --shard-mb"
        ),
        found: most.to_string(),
    })
}
