//! Batches and the buffers they are recycled in.

use std::sync::Arc;

use super::element::Element;
use super::queue::Queue;
use tcolz_base::usage::prefer_huge_pages;
use tcolz_format::dataset::Receipt;
use tcolz_format::sample::Label;
use tcolz_format::shard::ShardError;

/// Bytes of a cache line: tensors of whole lines are written past the caches.
const LINE_BYTES: usize = 64;

/// Room for a sample id from the beginning; longer ones make more.
const SAMPLE_ID_BYTES: usize = 64;

/// Samples that were read, ready for a network.
///
/// Its memory goes back to the loader when it is dropped. Keep as many as you like: more are made then.
#[derive(Debug)]
pub struct Batch<T: Element = f32> {
    /// There until the batch is dropped.
    buffer: Option<Buffer<T>>,
    queue: Arc<Queue<T>>,
}

/// What becomes of a sample whose stored bytes are damaged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Damaged {
    /// The epoch ends with an error that names shard, row and sample.
    #[default]
    Fail,
    /// It is left out of its batch, named in [`Batch::skipped`], and counted in the receipt of what
    /// was skipped. A shard that cannot be opened at all is still an error.
    Skip,
}

/// A sample that was left out because it is damaged.
#[derive(Debug)]
pub struct Skipped {
    /// Its id, as the ledger has it.
    pub sample_id: String,
    /// What is wrong, with shard and row.
    pub error: ShardError,
}

/// Sample ids of a batch in one piece of memory.
#[derive(Debug, Default)]
pub struct SampleIds {
    text: String,
    ends: Vec<usize>,
}

impl SampleIds {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The id of a sample of the batch.
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    /// All ids, in the order of the batch.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    pub(super) fn push(&mut self, id: &str) {
        self.text.push_str(id);
        self.ends.push(self.text.len());
    }
}

/// What a worker fills: allocated once and used again.
#[derive(Debug)]
pub(super) struct Buffer<T> {
    /// Room for a whole batch; from `start` on, the first `labels.len()` tensors are filled.
    images: Vec<T>,
    /// The first element at the beginning of a cache line.
    start: usize,
    shape: [usize; 3],
    labels: Vec<Label>,
    sample_ids: SampleIds,
    skipped: Vec<Skipped>,
    pub(super) delivered_receipt: Receipt,
    pub(super) skipped_receipt: Receipt,
}

impl<T: Element> Buffer<T> {
    pub(super) fn new(batch_size: usize, shape: [usize; 3]) -> Buffer<T> {
        let elements = batch_size * shape.iter().product::<usize>();
        let mut images = vec![T::default(); elements + LINE_BYTES / size_of::<T>()];
        prefer_huge_pages(&mut images);
        // Some line begins within its first LINE_BYTES; and where none is said to, any place will do.
        let start = images.as_ptr().align_offset(LINE_BYTES).min(images.len() - elements);
        Buffer {
            images,
            start,
            shape,
            labels: Vec::with_capacity(batch_size),
            sample_ids: SampleIds {
                text: String::with_capacity(batch_size * SAMPLE_ID_BYTES),
                ends: Vec::with_capacity(batch_size),
            },
            skipped: Vec::new(),
            delivered_receipt: Receipt::default(),
            skipped_receipt: Receipt::default(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.labels.clear();
        self.sample_ids.text.clear();
        self.sample_ids.ends.clear();
        self.skipped.clear();
        (self.delivered_receipt, self.skipped_receipt) = Default::default();
    }

    /// The memory of the tensors, and the element of it that they begin at; new memory takes its place.
    #[cfg(feature = "candle")]
    fn take_images(&mut self) -> (Vec<T>, usize) {
        let room = self.images.len() - LINE_BYTES / size_of::<T>();
        let batch_size = room / self.shape.iter().product::<usize>();
        let new = Buffer::new(batch_size, self.shape);
        let start = std::mem::replace(&mut self.start, new.start);
        (std::mem::replace(&mut self.images, new.images), start)
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

impl<T: Element> Batch<T> {
    pub(super) fn new(buffer: Buffer<T>, queue: Arc<Queue<T>>) -> Batch<T> {
        Batch { buffer: Some(buffer), queue }
    }

    fn buffer(&self) -> &Buffer<T> {
        self.buffer.as_ref().expect("the buffer is there until the batch is dropped")
    }

    /// `[samples, 3, height, width]`.
    pub fn shape(&self) -> [usize; 4] {
        let [channels, height, width] = self.buffer().shape;
        [self.len(), channels, height, width]
    }

    /// The tensors, of [`Batch::shape`].
    pub fn images(&self) -> &[T] {
        let buffer = self.buffer();
        &buffer.images[buffer.start..][..self.shape().iter().product()]
    }

    /// Labels `[samples]`.
    pub fn labels(&self) -> &[Label] {
        &self.buffer().labels
    }

    /// Sample ids `[samples]`.
    pub fn sample_ids(&self) -> &SampleIds {
        &self.buffer().sample_ids
    }

    /// What is not in the batch because it is damaged.
    pub fn skipped(&self) -> &[Skipped] {
        &self.buffer().skipped
    }

    /// Samples in the batch.
    pub fn len(&self) -> usize {
        self.buffer().labels.len()
    }

    /// True for a batch of none: all are damaged, or a rank's share of the last stripe is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory of the tensors, and the element of it that they begin at. The batch is left with other
    /// memory, and not to be looked at.
    #[cfg(feature = "candle")]
    pub(super) fn take_images(&mut self) -> (Vec<T>, usize) {
        self.buffer.as_mut().expect("the buffer is there until the batch is dropped").take_images()
    }

    /// The sample ids and what was skipped; the batch is left without.
    #[cfg(feature = "candle")]
    pub(super) fn take_ids(&mut self) -> (SampleIds, Vec<Skipped>) {
        let buffer = self.buffer.as_mut().expect("the buffer is there until the batch is dropped");
        (std::mem::take(&mut buffer.sample_ids), std::mem::take(&mut buffer.skipped))
    }

    pub(super) fn receipts(&self) -> (Receipt, Receipt) {
        (self.buffer().delivered_receipt, self.buffer().skipped_receipt)
    }
}

impl<T: Element> Drop for Batch<T> {
    fn drop(&mut self) {
        self.queue.give_back(self.buffer.take());
    }
}
