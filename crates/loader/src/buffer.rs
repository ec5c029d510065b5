//! The memory that a batch is filled in, used again and again.

use std::sync::{Arc, Mutex};

use tcolz_base::usage::prefer_huge_pages;
use tcolz_format::dataset::Receipt;
use tcolz_format::sample::Label;
use tcolz_format::shard::ShardError;
use tcolz_pixels::uncleared;

use super::element::Element;
use super::sample_ids::SampleIds;

/// Bytes of a cache line: tensors of whole lines are written past the caches.
const LINE_BYTES: usize = 64;

/// Room for a sample id from the beginning; longer ones make more.
const SAMPLE_ID_BYTES: usize = 64;

/// A sample that was left out because it is damaged.
#[derive(Debug)]
pub struct Skipped {
    /// Its id, as the ledger has it.
    pub sample_id: String,
    /// What is wrong, with shard and row.
    pub error: ShardError,
}

/// What a worker fills: allocated once and used again.
#[derive(Debug)]
pub(super) struct Buffer<T> {
    /// Room for a whole batch; from `start` on, the first `labels.len()` tensors are filled. Empty where a tensor has
    /// the memory.
    pub(super) images: Vec<T>,
    /// The length of `images`.
    pub(super) elements: usize,
    /// The first element at the beginning of a cache line.
    pub(super) start: usize,
    pub(super) shape: [usize; 3],
    pub(super) labels: Vec<Label>,
    pub(super) sample_ids: SampleIds,
    pub(super) skipped: Vec<Skipped>,
    pub(super) delivered_receipt: Receipt,
    pub(super) skipped_receipt: Receipt,
}

impl<T: Element> Buffer<T> {
    pub(super) fn new(batch_size: usize, shape: [usize; 3]) -> Buffer<T> {
        let tensors = batch_size * shape.iter().product::<usize>();
        let mut buffer = Buffer {
            images: Vec::new(),
            elements: tensors + LINE_BYTES / size_of::<T>(),
            start: 0,
            shape,
            labels: Vec::with_capacity(batch_size),
            sample_ids: SampleIds {
                text: String::with_capacity(batch_size * SAMPLE_ID_BYTES),
                ends: Vec::with_capacity(batch_size),
            },
            skipped: Vec::new(),
            delivered_receipt: Receipt::default(),
            skipped_receipt: Receipt::default(),
        };
        buffer.allocate();
        buffer
    }

    /// Makes memory for the tensors where there is none. What is in it is not cleared: every tensor is written before it
    /// is shown.
    pub(super) fn allocate(&mut self) {
        if self.images.is_empty() {
            let mut images = uncleared(self.elements);
            prefer_huge_pages(&mut images);
            self.set_images(images);
        }
    }

    /// Takes memory of this buffer's length for the tensors.
    pub(super) fn set_images(&mut self, images: Vec<T>) {
        let room = LINE_BYTES / size_of::<T>();
        // Some line begins within its first LINE_BYTES; and where none is said to, any place will do.
        self.start = images.as_ptr().align_offset(LINE_BYTES).min(room);
        self.images = images;
    }

    pub(super) fn clear(&mut self) {
        self.labels.clear();
        self.sample_ids.text.clear();
        self.sample_ids.ends.clear();
        self.skipped.clear();
        (self.delivered_receipt, self.skipped_receipt) = Default::default();
    }

    /// Where the next sample's tensor belongs.
    pub(super) fn next(&mut self) -> &mut [T] {
        let length = self.shape.iter().product::<usize>();
        &mut self.images[self.start + self.labels.len() * length..][..length]
    }

    /// The next sample's tensor has been filled.
    pub(super) fn push(&mut self, sample_id: &str, label: Label) {
        self.sample_ids.push(sample_id);
        self.labels.push(label);
        self.delivered_receipt += Receipt::of(sample_id);
    }

    /// The next sample cannot be had.
    pub(super) fn skip(&mut self, sample_id: &str, error: ShardError) {
        self.skipped_receipt += Receipt::of(sample_id);
        self.skipped.push(Skipped { sample_id: sample_id.to_owned(), error });
    }
}

/// Buffers of epochs that are over.
pub(super) type Spare<T> = Arc<Mutex<Vec<Buffer<T>>>>;
