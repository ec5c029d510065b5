//! What a loader is asked for.

use std::path::PathBuf;
use std::thread::available_parallelism;

use super::LastBatch;
use super::augment::{Augment, Crop, DEFAULT_RATIO, DEFAULT_SCALE};
use super::batch::Damaged;
use super::choose::Storage;
use super::order::Order;
use super::select::{Percent, Select};
use super::shards::Access;
use std::fs::File;

use tcolz_base::usage::drop_page_cache;
use tcolz_format::dataset::Dataset;
use tcolz_format::shard::ShardError;

use super::LoaderError;

/// Memory for batches, unless told otherwise: 27 batches of 64 float32 images of 224 × 224.
pub const DEFAULT_BATCH_MEMORY_BYTES: usize = 1 << 30;

/// Options of a [`Loader`](super::Loader); begun by [`Dataset::loader`].
#[derive(Debug, Clone)]
#[must_use = "nothing is read before `build`"]
pub struct LoaderBuilder {
    pub(super) dataset: Dataset,
    pub(super) select: Select,
    pub(super) view: Option<String>,
    pub(super) size: Option<u32>,
    pub(super) batch_size: usize,
    pub(super) order: Order,
    pub(super) seed: u64,
    pub(super) last: LastBatch,
    pub(super) rank: u32,
    pub(super) world: u32,
    pub(super) workers: usize,
    pub(super) batch_memory_bytes: usize,
    pub(super) damaged: Damaged,
    pub(super) access: Access,
    pub(super) storage: Option<Storage>,
    pub(super) augment: Augment,
    pub(super) thread_name: String,
}

/// Loaders of a dataset.
pub trait DatasetExt {
    /// Begins a loader of a split: batches of 32, as stored, by as many workers as there are cores.
    fn loader(&self, split: &str) -> LoaderBuilder;

    /// Asks the system to forget what it keeps of a split's shards in memory, so that the next epoch is read
    /// from the disk. Nobody may have them open as maps. See [`drop_page_cache`].
    ///
    /// # Errors
    /// [`DatasetError::NotFound`](tcolz_format::dataset::DatasetError::NotFound) for a split that is not there;
    /// [`ShardError::Io`].
    fn drop_cached(&self, split: &str) -> Result<(), LoaderError>;
}

impl DatasetExt for Dataset {
    fn loader(&self, split: &str) -> LoaderBuilder {
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

    fn drop_cached(&self, split: &str) -> Result<(), LoaderError> {
        for shard in &self.split(split)?.shards {
            let path = self.root().join(&shard.file);
            let dropped = File::open(&path).and_then(|file| drop_page_cache(&file));
            dropped.map_err(|source| LoaderError::from(ShardError::Io { path, source }))?;
        }
        Ok(())
    }
}

impl LoaderBuilder {
    /// What to read of the dataset, all at once.
    pub fn select(mut self, select: Select) -> Self {
        self.select = select;
        self
    }

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
}
