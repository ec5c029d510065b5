//! The loader: what is read, in which order, and what must have come of it.

use std::sync::Arc;

use tcolz_format::dataset::Receipt;
use tcolz_pixels::View;

use super::LoaderError;
use super::augment::Augment;
use super::batch::Damaged;
use super::buffer::Spare;
use super::choose::Choices;
use super::element::Element;
use super::forward::{WindowReads, Windows, forward_requests};
use super::order::{LastBatch, Order, Stripes};
use super::plan::Plan;
use super::select::Selection;
use super::shards::{Access, Shards};
use super::state::State;

/// Reads epochs of a selection as batches of `T`; made by [`DatasetExt::loader`](super::DatasetExt::loader).
#[derive(Debug)]
pub struct Loader<T: Element = f32> {
    pub(super) shards: Arc<Shards>,
    pub(super) selection: Arc<Selection>,
    pub(super) view: Arc<View>,
    /// The order of new epochs.
    pub(super) plan: Plan,
    /// The other one that `auto` may have taken elsewhere.
    pub(super) other: Option<Plan>,
    pub(super) choices: Choices,
    /// Buffers of epochs that are over.
    pub(super) spare: Spare<T>,
    pub(super) column: usize,
    pub(super) shape: [usize; 3],
    pub(super) batch_size: usize,
    pub(super) last: LastBatch,
    pub(super) rank: u32,
    pub(super) world: u32,
    pub(super) workers: usize,
    pub(super) buffers: usize,
    pub(super) damaged: Damaged,
    pub(super) augment: Option<Augment>,
    pub(super) thread_name: String,
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

    /// What is read of the shards in an epoch, in the order in which it is asked for: window by window where
    /// the order has windows, read ahead where files are read. Opens every record batch, and tells what is read
    /// when all are open: an epoch in which some are not reads the footer, indices and hashes of those besides
    /// (see [`next_requests`](super::forward::next_requests)).
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
    pub(super) fn stored_batch_bytes(&self) -> u64 {
        let dataset = self.shards.dataset();
        let raw = dataset.meta().columns[self.column].raw_bytes() as u64;
        let split = dataset.split(self.selection.split());
        let row = split.map_or(raw, |split| {
            split.shards.iter().map(|shard| shard.bytes).sum::<u64>() / split.rows.max(1)
        });
        self.batch_size as u64 * row.min(raw)
    }

    /// Whether windows are read ahead.
    pub(super) fn reads_ahead(&self, plan: &Plan) -> bool {
        plan.order == Order::Windowed && self.choices.access == Access::Read
    }

    pub(super) fn windows(&self, plan: &Plan, state: &State) -> Windows {
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
    pub(super) fn plan_of(&self, state: &State) -> Result<&Plan, LoaderError> {
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
    pub(super) fn stores_pixels(&self) -> bool {
        self.shards.dataset().meta().columns[self.column].dtype == tcolz_pixels::recipe::Dtype::U8
    }

    /// The same loader, of pixels without the view.
    #[cfg(feature = "candle")]
    pub(super) fn pixels(&self) -> Loader<u8> {
        Loader {
            shards: Arc::clone(&self.shards),
            selection: Arc::clone(&self.selection),
            view: Arc::clone(&self.view),
            plan: self.plan.clone(),
            other: self.other.clone(),
            choices: self.choices.clone(),
            spare: Spare::default(),
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

    pub(super) fn stripes(&self, start: u64, total: u64) -> Stripes {
        let batch_size = self.batch_size as u32;
        Stripes { start, total, world: self.world, batch_size, last: self.last }
    }
}
