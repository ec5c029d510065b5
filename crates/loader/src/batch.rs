//! Batches.

use std::sync::Arc;

use super::buffer::{Buffer, Skipped};
use super::element::Element;
use super::queue::Queue;
use super::sample_ids::SampleIds;
use tcolz_format::dataset::Receipt;
use tcolz_format::sample::Label;

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

    /// The buffer, and the queue that waits for it.
    #[cfg(feature = "candle")]
    pub(super) fn into_buffer(mut self) -> (Buffer<T>, Arc<Queue<T>>) {
        let buffer = self.buffer.take().expect("the buffer is there until the batch is dropped");
        (buffer, Arc::clone(&self.queue))
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
        if let Some(buffer) = self.buffer.take() {
            self.queue.give_back(buffer);
        }
    }
}
