//! One order of a loader: its epochs, and what a state must agree with to be gone on from.

use super::LoaderError;
use super::augment::Augment;
use super::order::{
    MIN_BLOCK_BYTES, Order, WINDOW_BLOCKS, balanced_order, class_repeats, forward_blocks,
    shuffled_order, window_ends, windowed_order,
};
use super::select::{PERCENT_METHOD, Place, Select, Selection};
use super::state::Identity;
use tcolz_format::dataset::Dataset;
use tcolz_format::sample::NO_LABEL;

/// Places that are hashed at a time.
const PLACES: usize = 8192;

/// An order, all that it needs, and its name in a state.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) order: Order,
    pub(super) seed: u64,
    pub(super) identity: Identity,
    /// Lengths of the blocks of a windowed order, else empty.
    blocks: Vec<u32>,
}

/// Everything beside the order that decides what an epoch holds.
pub(super) struct Options<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) select: &'a Select,
    pub(super) selection: &'a Selection,
    pub(super) column: usize,
    pub(super) augment: Augment,
    pub(super) seed: u64,
}

impl Plan {
    /// # Errors
    /// [`LoaderError::Unlabelled`], [`LoaderError::TooMany`] for an order that cannot be had of these
    /// samples; [`LoaderError::Dataset`].
    pub(super) fn new(order: Order, options: &Options<'_>) -> Result<Plan, LoaderError> {
        let labels = options.selection.labels();
        let samples = options.selection.len();
        let mut positions = samples as u64;
        if order == Order::Balanced {
            let unlabelled = labels.iter().filter(|&&label| label == NO_LABEL).count();
            if unlabelled > 0 {
                return Err(LoaderError::Unlabelled { unlabelled, samples });
            }
            let repeats = class_repeats(labels);
            let largest = repeats.iter().map(|class| u64::from(class.samples)).max();
            positions = largest.unwrap_or(0) * repeats.len() as u64;
        }
        if positions > u64::from(u32::MAX) {
            return Err(LoaderError::TooMany { samples: positions });
        }
        let mut blocks = Vec::new();
        if order == Order::Windowed {
            let split = options.dataset.split(options.selection.split())?;
            let row_bytes: Vec<u64> =
                split.shards.iter().map(|shard| shard.bytes / shard.rows.max(1)).collect();
            blocks = forward_blocks(options.selection.places(), &row_bytes);
        }
        Ok(Plan { order, seed: options.seed, identity: options.identity(order), blocks })
    }

    /// The order of an epoch: indices into the selection.
    pub(super) fn epoch_order(&self, epoch: u32, selection: &Selection) -> Vec<u32> {
        let samples = selection.len() as u32;
        match self.order {
            Order::Sequential => (0..samples).collect(),
            Order::Auto | Order::Shuffle => shuffled_order(self.seed, epoch, samples),
            Order::Windowed => windowed_order(self.seed, epoch, &self.blocks, WINDOW_BLOCKS),
            Order::Balanced => balanced_order(self.seed, epoch, selection.labels()),
        }
    }

    /// Where the windows of an epoch end, as positions of its order; empty where there are none.
    pub(super) fn window_ends(&self, epoch: u32) -> Vec<u64> {
        window_ends(self.seed, epoch, &self.blocks, WINDOW_BLOCKS)
    }
}

impl Options<'_> {
    /// What a state must agree with. The ledger's hash stands for the order of storage; how the last
    /// batch is filled may change from leg to leg.
    fn identity(&self, order: Order) -> Identity {
        let meta = self.dataset.meta();
        let Select { condition, percent, percent_seed, .. } = self.select;
        // The file of a subset may have moved: what it names is what counts.
        let mut places = blake3::Hasher::new();
        // Many at a time: a hasher that is given a few bytes computes chunk after chunk.
        let mut bytes = Vec::with_capacity(size_of::<Place>() * PLACES);
        for many in self.selection.places().chunks(PLACES) {
            bytes.clear();
            for place in many {
                bytes.extend(place.shard.to_le_bytes());
                bytes.extend(place.row.to_le_bytes());
            }
            places.update(&bytes);
        }
        let percent =
            percent.map_or_else(String::new, |p| format!("{PERCENT_METHOD} {p} {percent_seed}"));
        let window = match order {
            Order::Windowed => format!("{WINDOW_BLOCKS} {MIN_BLOCK_BYTES}"),
            _ => String::new(),
        };
        let mut options = vec![
            self.selection.split().to_owned(),
            meta.ledger.blake3.clone(),
            places.finalize().to_string(),
            condition.clone().unwrap_or_default(),
            percent,
            window,
            meta.columns[self.column].name.clone(),
        ];
        options.extend(self.augment.names());
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        Identity::new(&meta.content_root, order.name(), self.seed, &options)
    }
}
