//! From a dataset to a training loop: which samples, in which order, as which batches.
//!
//! ```text
//! Select ─▶ Selection ─ Order (seed, epoch) ─▶ [index] ─ Stripes (rank, world) ─▶ steps
//!                                                           │
//!           Batch ◀─ in order ─ Queue ◀─ workers: hash, frame, crop, view ◀┤     State, Receipt
//!                    the disk is asked ahead: of maps Hints, of files Forward ◀┘
//! ```
//!
//! With the feature `candle` the batches become tensors on a device: [`Loader::tensors`].
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::sync::atomic::AtomicBool;
//! # use tcolz::{ConvertOptions, Dataset, convert, loader::RankState};
//! # let folder = tempfile::tempdir()?;
//! # let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
//! # tcolz::demo::make_dump(&photos, 12)?;
//! # convert(&ConvertOptions::new(&photos, &out), &AtomicBool::new(false), &mut ())?;
//! let dataset = Dataset::open(&out)?;
//! let loader = dataset.loader("train").view("caffe").batch_size(4).shuffle(42).build()?;
//! let mut epoch = loader.epoch(0);
//! while let Some(batch) = epoch.next() {
//!     let batch = batch?;
//!     assert_eq!(batch.shape()[1..], [3, 224, 224]);
//!     assert_eq!(batch.images().len(), batch.labels().len() * 3 * 224 * 224); // f32
//! }
//! let state = RankState::merge(&[epoch.state()])?; // what a checkpoint keeps
//! loader.check_receipts(&state)?; // every sample was delivered exactly once
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod augment;
mod batch;
mod build;
mod builder;
pub mod choose;
mod element;
mod epoch;
mod error;
pub mod forward;
mod hints;
mod limit;
mod measure;
pub mod order;
mod plan;
mod queue;
pub mod select;
mod shards;
mod state;
#[cfg(feature = "candle")]
mod tensors;
mod work;

use std::sync::Arc;

pub use augment::{Augment, Crop, CropError};
pub use batch::{Batch, Damaged, SampleIds, Skipped};
pub use builder::{DEFAULT_BATCH_MEMORY_BYTES, DatasetExt, LoaderBuilder};
pub use choose::{Choices, Storage};
pub use element::Element;
pub use epoch::Epoch;
pub use error::LoaderError;
pub use limit::{ColdLimit, ColdRates, FirstEpoch, Limit, Limits, Scaling, StageRates};
pub use measure::{Rate, Stage};
pub use order::{LastBatch, Order, Stripes};
pub use select::{Percent, Select, Selection};
pub use state::{Identity, RankState, State};
#[cfg(feature = "candle")]
pub use tensors::{DeviceView, TensorBatch, TensorEpoch, Transfer};

use forward::{WindowReads, Windows, forward_requests};
use plan::Plan;
pub use shards::Access;
use shards::Shards;
pub use tcolz_format::dataset::Receipt;
use tcolz_pixels::View;

/// Reads epochs of a selection as batches of `T`; made by [`tcolz_format::dataset::Dataset::loader`].
#[derive(Debug)]
pub struct Loader<T: Element = f32> {
    shards: Arc<Shards>,
    selection: Arc<Selection>,
    view: Arc<View>,
    /// The order of new epochs.
    plan: Plan,
    /// The other one that `auto` may have taken elsewhere.
    other: Option<Plan>,
    choices: Choices,
    /// Buffers of epochs that are over.
    spare: epoch::Spare<T>,
    column: usize,
    shape: [usize; 3],
    batch_size: usize,
    last: LastBatch,
    rank: u32,
    world: u32,
    workers: usize,
    buffers: usize,
    damaged: Damaged,
    augment: Option<Augment>,
    thread_name: String,
}

impl<T: Element> Loader<T> {
    /// The samples it reads.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Name of the view that the batches are seen through.
    pub fn view(&self) -> &str {
        &self.view.name
    }

    /// The threads that fill batches: those asked for, or as many as the memory allows.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// How the shards are read and in which order, and why: one sentence, as text.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// The order of an epoch, over all ranks: indices into the selection.
    pub fn epoch_order(&self, epoch: u32) -> Vec<u32> {
        self.plan.epoch_order(epoch, &self.selection)
    }

    /// The state in which an epoch begins.
    pub fn begin(&self, epoch: u32) -> State {
        self.plan.identity.begin(epoch)
    }

    /// Reads an epoch from its beginning.
    pub fn epoch(&self, epoch: u32) -> Epoch<T> {
        Epoch::begin(self, &self.plan, self.begin(epoch))
    }

    /// Goes on with an epoch, without replay. Where the order is [`Order::Auto`], with the one that the state
    /// was saved in, whatever would be taken here.
    ///
    /// # Errors
    /// [`LoaderError::OtherState`] for a state of another dataset, order, seed or selection.
    pub fn resume(&self, state: &State) -> Result<Epoch<T>, LoaderError> {
        Ok(Epoch::begin(self, self.plan_of(state)?, state.clone()))
    }

    /// What is read of the shards in an epoch, in the order in which it is asked for: window by window where
    /// the order has windows, read ahead where files are read. Opens every record batch, and tells what is read
    /// when all are open: an epoch in which some are not reads the footer, indices and hashes of those besides
    /// (see [`forward::next_requests`]).
    ///
    /// # Errors
    /// As [`tcolz_format::dataset::Dataset::open_shard`].
    pub fn reads(&self, epoch: u32) -> Result<Vec<WindowReads>, LoaderError> {
        let windows = self.windows(&self.plan, &self.plan.identity.begin(epoch));
        let ahead = self.reads_ahead(&self.plan);
        let reads = (0..windows.ends.len()).map(|window| {
            let samples = windows.samples(window)?;
            let forward = if ahead { forward_requests(&samples) } else { Vec::new() };
            Ok(WindowReads { forward, samples })
        });
        reads.collect()
    }

    /// Stored bytes of a batch, about: of all sizes where there are several, but no more than pixels have.
    fn stored_batch_bytes(&self) -> u64 {
        let dataset = self.shards.dataset();
        let raw = dataset.meta().columns[self.column].raw_bytes() as u64;
        let split = dataset.split(self.selection.split());
        let row = split.map_or(raw, |split| {
            split.shards.iter().map(|shard| shard.bytes).sum::<u64>() / split.rows.max(1)
        });
        self.batch_size as u64 * row.min(raw)
    }

    /// Whether windows are read ahead.
    fn reads_ahead(&self, plan: &Plan) -> bool {
        plan.order == Order::Windowed && self.choices.access == Access::Read
    }

    fn windows(&self, plan: &Plan, state: &State) -> Windows {
        let order = Arc::new(plan.epoch_order(state.epoch, &self.selection));
        let total = order.len() as u64;
        let mut ends = plan.window_ends(state.epoch);
        if ends.is_empty() {
            ends.push(total);
        }
        Windows {
            shards: Arc::clone(&self.shards),
            selection: Arc::clone(&self.selection),
            stripes: self.stripes(state.position, total),
            rank: self.rank,
            column: self.column,
            order,
            ends,
        }
    }

    /// The order that a state belongs to.
    fn plan_of(&self, state: &State) -> Result<&Plan, LoaderError> {
        let other = self.other.as_ref().filter(|other| other.order.name() == state.order);
        let plan = other.unwrap_or(&self.plan);
        plan.identity.check(state)?;
        Ok(plan)
    }

    /// The receipt that the samples up to a state's position must have, by the order and the ledger:
    /// repeats and padding counted, a dropped tail left out. For a whole split with each sample as often as
    /// the others, it is a constant of dataset.json.
    ///
    /// # Errors
    /// As [`tcolz_format::dataset::Dataset::scan_ledger`]; [`LoaderError::OtherState`].
    pub fn expected_receipt(&self, state: &State) -> Result<Receipt, LoaderError> {
        let plan = self.plan_of(state)?;
        let samples = self.selection.len() as u64;
        let split = self.shards.dataset().split(self.selection.split())?;
        if let Some(receipt) = split.receipt
            && plan.order != Order::Balanced
            && samples == split.rows
            && state.position.is_multiple_of(samples)
        {
            return Ok(receipt.times((state.position / samples) as u32));
        }
        let order = plan.epoch_order(state.epoch, &self.selection);
        let samples = order.len() as u64;
        let mut times = vec![0u32; self.selection.len()];
        for (&index, position) in order.iter().zip(0u64..) {
            // A position beyond the order stands for the one a whole order before it.
            let whole = state.position / samples + u64::from(position < state.position % samples);
            times[index as usize] += whole as u32;
        }
        let receipts = self.shards.scan_ids(|place, id| {
            let index = self.selection.places().binary_search(&place).ok()?;
            Some(Receipt::of(id).times(times[index]))
        })?;
        Ok(receipts.into_iter().fold(Receipt::default(), |sum, receipt| sum + receipt))
    }

    /// Tests that every sample up to a state's position was delivered or skipped exactly as often as the
    /// order says.
    ///
    /// # Errors
    /// [`LoaderError::Receipts`]; as [`Loader::expected_receipt`].
    pub fn check_receipts(&self, state: &State) -> Result<(), LoaderError> {
        let expected = self.expected_receipt(state)?;
        let found = state.delivered + state.skipped;
        let (epoch, position) = (state.epoch, state.position);
        if found == expected {
            return Ok(());
        }
        Err(LoaderError::Receipts { epoch, position, expected, found })
    }

    /// Whether the column holds pixels, not the numbers of a view.
    #[cfg(feature = "candle")]
    fn stores_pixels(&self) -> bool {
        self.shards.dataset().meta().columns[self.column].dtype == tcolz_pixels::recipe::Dtype::U8
    }

    /// The same loader, of pixels without the view.
    #[cfg(feature = "candle")]
    fn pixels(&self) -> Loader<u8> {
        Loader {
            shards: Arc::clone(&self.shards),
            selection: Arc::clone(&self.selection),
            view: Arc::clone(&self.view),
            plan: self.plan.clone(),
            other: self.other.clone(),
            choices: self.choices.clone(),
            spare: epoch::Spare::default(),
            thread_name: self.thread_name.clone(),
            column: self.column,
            shape: self.shape,
            batch_size: self.batch_size,
            last: self.last,
            rank: self.rank,
            world: self.world,
            workers: self.workers,
            buffers: self.buffers,
            damaged: self.damaged,
            augment: self.augment,
        }
    }

    fn stripes(&self, start: u64, total: u64) -> Stripes {
        let batch_size = self.batch_size as u32;
        Stripes { start, total, world: self.world, batch_size, last: self.last }
    }
}
