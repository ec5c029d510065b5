//! The memory of a batch while a tensor of Candle has it, and its way back.
//!
//! On the CPU Candle keeps a tensor's numbers in a `Vec` that all its clones and views share, and nobody can see who
//! still holds one. So memory comes back only where the user says so, and whoever holds a clone then finds storage of
//! a dtype that Candle computes nothing with: an error, and never numbers of a later batch.

use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Arc;

use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Tensor, WithDType};

use crate::LoaderError;
use crate::batch::Batch;
use crate::buffer::Buffer;
use crate::element::Element;
use crate::queue::Queue;
use crate::sample_ids::SampleIds;

/// Who has lent memory to a tensor.
pub(super) trait Lender: Debug + Send + Sync {
    /// Takes the memory back out of `images`, if it is this lender's; and that of the ids.
    fn take_back(&mut self, images: &Tensor, sample_ids: SampleIds);
}

/// A buffer whose memory a tensor has, and the queue that waits for it. When it is dropped the buffer goes back, with
/// or without its memory.
#[derive(Debug)]
pub(super) struct Lent<T: Element> {
    buffer: Option<Buffer<T>>,
    queue: Arc<Queue<T>>,
}

impl<T: Element + WithDType> Lent<T> {
    /// The whole memory of a batch as a tensor, seen through a window on what is filled.
    pub(super) fn hand_over(
        batch: Batch<T>,
        shape: &[usize; 4],
    ) -> Result<(Tensor, Lent<T>), LoaderError> {
        let (mut buffer, queue) = batch.into_buffer();
        let (memory, start) = (std::mem::take(&mut buffer.images), buffer.start);
        let lent = Lent { buffer: Some(buffer), queue };
        let (elements, filled) = (memory.len(), shape.iter().product());
        let images = Tensor::from_vec(memory, elements, &Device::Cpu)
            .and_then(|tensor| tensor.narrow(0, start, filled)?.reshape(&shape[..]))
            .map_err(LoaderError::device)?;
        Ok((images, lent))
    }
}

impl<T: Element + WithDType> Lender for Lent<T> {
    fn take_back(&mut self, images: &Tensor, sample_ids: SampleIds) {
        let Some(buffer) = &mut self.buffer else { return };
        buffer.sample_ids = sample_ids;
        let taking = Take { elements: buffer.elements, taken: Cell::new(Vec::new()) };
        // An error: the images were replaced, by a tensor of another device or with strides of 0.
        let _ = images.inplace_op1(&taking);
        let memory: Vec<T> = taking.taken.into_inner();
        if !memory.is_empty() {
            buffer.set_images(memory);
        }
    }
}

impl<T: Element> Drop for Lent<T> {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            self.queue.give_back(buffer);
        }
    }
}

/// What Candle finds in the place of memory that was taken back.
const TAKEN: CpuStorage = CpuStorage::F4(Vec::new());

/// Takes the memory out of a tensor's storage, if it is a buffer's: of its dtype and length.
struct Take<T> {
    elements: usize,
    taken: Cell<Vec<T>>,
}

impl<T: WithDType> InplaceOp1 for Take<T> {
    fn name(&self) -> &'static str {
        "recycle"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> candle_core::Result<()> {
        if T::cpu_storage_as_slice(storage)?.len() == self.elements {
            self.taken.set(T::cpu_storage_data(std::mem::replace(storage, TAKEN))?);
        }
        Ok(())
    }
}
