//! Batches as tensors of Candle: the one place where storage meets it.
//!
//! ```text
//! CPU      workers: frame, view ─▶ Batch ─▶ its memory becomes the tensor's ─ recycle ─▶ and the workers' again
//! a GPU    workers: frame ─▶ u8 ─▶ a thread ahead: Upload over the bus, view by Candle's operations ─▶ tensors
//! ```
//!
//! Both ways give the same bits.

mod epoch;
mod recycle;
mod view;

use candle_core::{Device, Result as Computed, Tensor, WithDType};

pub use epoch::{TensorEpoch, Transfer};
use recycle::{Lender, Lent};
pub use view::DeviceView;

use super::batch::Batch;
use super::buffer::Skipped;
use super::element::Element;
use super::sample_ids::SampleIds;
use super::{Loader, LoaderError, State};
use tcolz_base::door::given;
use tcolz_device::{Piece, Upload, tensor};
use tcolz_format::sample::Label;
use tcolz_pixels::recipe::Dtype;

/// A batch whose images and labels are tensors on one device.
#[derive(Debug)]
pub struct TensorBatch {
    /// `[n, 3, height, width]`, in the element type of the loader.
    pub images: Tensor,
    /// Classes, `[n]` of u32.
    pub labels: Tensor,
    /// Sample ids, n of them.
    pub sample_ids: SampleIds,
    /// What is not in the batch because it is damaged.
    pub skipped: Vec<Skipped>,
    /// Whose memory the images are in, on the CPU. Dropped behind the images: the loader learns then that it needs
    /// other memory.
    lender: Option<Box<dyn Lender>>,
}

impl TensorBatch {
    /// Gives the memory of the images back to the loader, which fills it again without allocating. Call it at the end of
    /// a step, when gradients have been taken. Batches that are dropped instead cost new memory each time, which the
    /// system clears first, unless the program's allocator is [`KeepingAllocator`](crate::KeepingAllocator).
    ///
    /// On the CPU every tensor that shares storage with [`TensorBatch::images`] (clones, views, slices) ends here: what
    /// Candle is asked about it later is an error of dtype (`F4`, which nothing computes with), until it is dropped. A
    /// read of the storage that another thread has begun is waited for; do not hold a guard of
    /// [`Tensor::storage_and_layout`] across the call. Images that were replaced by others, and those on a GPU, are dropped.
    pub fn recycle(self) {
        let TensorBatch { images, sample_ids, lender, .. } = self;
        if let Some(mut lender) = lender {
            lender.take_back(&images, sample_ids);
        }
    }
}

impl<T: Element + WithDType> Batch<T> {
    /// Images `[n, 3, height, width]` and labels `[n]` (u32) as tensors, each copied once.
    ///
    /// # Errors
    /// [`LoaderError::NoLabel`] for a sample without a label, which such a tensor has no number for
    /// ([`Batch::images_to`] gives its picture); [`LoaderError::Device`] when the device has no room.
    pub fn to_tensors(&self, device: &Device) -> Result<(Tensor, Tensor), LoaderError> {
        let labels = self.labels_to(device)?;
        Ok((self.images_to(device)?, labels))
    }

    /// Images `[n, 3, height, width]` as a tensor of the batch's element type, copied once.
    ///
    /// # Errors
    /// [`LoaderError::Device`].
    pub fn images_to(&self, device: &Device) -> Result<Tensor, LoaderError> {
        tensor(self.images(), &self.shape()[..], device).map_err(LoaderError::device)
    }

    /// Labels `[n]` as a tensor of u32.
    ///
    /// # Errors
    /// [`LoaderError::NoLabel`], [`LoaderError::Device`].
    pub fn labels_to(&self, device: &Device) -> Result<Tensor, LoaderError> {
        tensor(&self.classes()?, self.len(), device).map_err(LoaderError::device)
    }

    /// Labels as numbers.
    fn classes(&self) -> Result<Vec<u32>, LoaderError> {
        let class = |(index, label): (usize, &Label)| {
            let sample_id = || self.sample_ids().get(index).unwrap_or_default().to_owned();
            label.map(u32::from).ok_or_else(|| LoaderError::NoLabel { sample_id: sample_id() })
        };
        self.labels().iter().enumerate().map(class).collect()
    }

    /// As [`Batch::to_tensors`]. On the CPU the batch's memory becomes that of the tensor and nothing is
    /// copied. The loader has it back with [`TensorBatch::recycle`]; otherwise it makes other memory when the
    /// [`TensorBatch`] is dropped.
    ///
    /// # Errors
    /// As [`Batch::to_tensors`].
    pub fn into_tensors(mut self, device: &Device) -> Result<TensorBatch, LoaderError> {
        let labels = self.labels_to(device)?;
        if device.is_cpu() {
            let shape = self.shape();
            let (sample_ids, skipped) = self.take_ids();
            let (images, lender) = Lent::hand_over(self, &shape)?;
            let lender: Option<Box<dyn Lender>> = Some(Box::new(lender));
            return Ok(TensorBatch { images, labels, sample_ids, skipped, lender });
        }
        let images = self.images_to(device)?;
        let (sample_ids, skipped) = self.take_ids();
        Ok(TensorBatch { images, labels, sample_ids, skipped, lender: None })
    }

    /// As [`Batch::to_tensors`], beside what the device computes, with images that it computes of those of the batch,
    /// for whichever thread.
    fn upload(
        mut self,
        upload: &mut Upload,
        view: impl FnOnce(Tensor) -> Computed<Tensor>,
    ) -> Result<TensorBatch, LoaderError> {
        let classes = self.classes()?;
        let images = Piece::new(self.images(), &self.shape()[..]);
        let labels = Piece::new(&classes, self.len());
        let (images, labels) = images
            .and_then(|images| {
                upload.bring([images, labels?], |[images, labels]| Ok((view(images)?, labels)))
            })
            .map_err(LoaderError::device)?;
        let (sample_ids, skipped) = self.take_ids();
        Ok(TensorBatch { images, labels, sample_ids, skipped, lender: None })
    }
}

impl<T: Element + WithDType> Loader<T> {
    /// Reads an epoch from its beginning as tensors on a device, the next batches prepared meanwhile;
    /// in the way that is best for the device ([`Transfer::of`]).
    ///
    /// Open a GPU with one stream for all threads: [`Device::new_cuda_with_stream`], or [`tcolz_device::device()`].
    /// Then copies, views and your own work on the device run beside one another, each in its order, and the host waits
    /// for none of them. On a device with a stream for each thread ([`Device::new_cuda`]) the thread that prepares a batch
    /// waits until the device has made it before it hands it over: that is right, too, and slower. A tensor of such a
    /// device that you hand to yet another thread is yours to synchronize.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::sync::atomic::AtomicBool;
    /// # use tcolz_convert::{ConvertOptions, convert};
    /// # use tcolz_format::Dataset;
    /// # use tcolz_loader::DatasetExt;
    /// # let folder = tempfile::tempdir()?;
    /// # let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
    /// # tcolz_demo::make_dump(&photos, 12)?;
    /// # convert(&ConvertOptions::new(&photos, &out), &AtomicBool::new(false), &mut ())?;
    /// let device = tcolz_device::device("auto")?; // the first GPU, else the CPU
    /// let labelled = Dataset::open(&out)?.loader("train").condition("label >= 0");
    /// let loader = labelled.view("caffe").batch_size(4).shuffle(42).build()?;
    /// for batch in loader.tensors(0, &device) {
    ///     let batch = batch?; // images [n, 3, 224, 224] f32 and labels [n] u32, on the device
    ///     let features = batch.images.mean((2, 3))?;
    ///     assert_eq!(features.dims(), [batch.labels.elem_count(), 3]);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn tensors(&self, epoch: u32, device: &Device) -> TensorEpoch {
        self.tensor_epoch(&self.plan, self.begin(epoch), device, self.transfer(device))
    }

    /// Goes on with an epoch as tensors on a device, without replay.
    ///
    /// # Errors
    /// As [`Loader::resume`].
    pub fn resume_tensors(
        &self,
        state: &State,
        device: &Device,
    ) -> Result<TensorEpoch, LoaderError> {
        let plan = self.plan_of(state)?;
        Ok(self.tensor_epoch(plan, state.clone(), device, self.transfer(device)))
    }

    /// [`Loader::resume_tensors`] in a way that is asked for. [`Loader::begin`] gives the state in which
    /// an epoch begins.
    ///
    /// # Errors
    /// As [`Loader::resume`]; [`LoaderError::View`] where pixels are asked for and none are stored.
    pub fn tensors_by(
        &self,
        state: &State,
        device: &Device,
        transfer: Transfer,
    ) -> Result<TensorEpoch, LoaderError> {
        let plan = self.plan_of(state)?;
        if transfer == Transfer::Pixels && !self.stores_pixels() {
            let reason = format!(
                "pixels cannot be brought to the device: the dataset holds the numbers of a view; \
                 take Transfer::Elements, or convert with {}",
                given("dtype", Dtype::U8)
            );
            return Err(LoaderError::View { reason });
        }
        Ok(self.tensor_epoch(plan, state.clone(), device, transfer))
    }

    /// The best way to a device that is possible with what is stored.
    fn transfer(&self, device: &Device) -> Transfer {
        if self.stores_pixels() { Transfer::of(device) } else { Transfer::Elements }
    }
}

impl LoaderError {
    fn device(source: candle_core::Error) -> LoaderError {
        LoaderError::Device { source: Box::new(source) }
    }
}
