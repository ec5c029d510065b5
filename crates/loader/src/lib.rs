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
//! # use tcolz_convert::{ConvertOptions, convert};
//! use tcolz_format::Dataset;
//! use tcolz_loader::{DatasetExt, RankState};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
//! # tcolz_demo::make_dump(&photos, 12)?;
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
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

pub mod augment;
mod batch;
mod buffer;
mod build;
mod builder;
pub mod choose;
mod element;
mod epoch;
mod error;
pub mod forward;
mod hints;
mod limit;
mod loader;
mod measure;
pub mod order;
mod plan;
mod queue;
mod sample_ids;
pub mod select;
mod shards;
mod state;
#[cfg(feature = "candle")]
mod tensors;
mod work;

pub use augment::{Augment, Crop, CropError};
pub use batch::{Batch, Damaged};
pub use buffer::Skipped;
pub use builder::{DEFAULT_BATCH_MEMORY_BYTES, DatasetExt, LoaderBuilder};
pub use choose::{Choices, Storage};
pub use element::Element;
pub use epoch::Epoch;
pub use error::LoaderError;
pub use limit::{ColdLimit, ColdRates, FirstEpoch, Limit, Limits, Scaling, StageRates};
pub use loader::Loader;
pub use measure::{Rate, Stage};
pub use order::{LastBatch, Order, Stripes};
pub use sample_ids::SampleIds;
pub use select::{Percent, Select, Selection};
pub use shards::Access;
pub use state::{Identity, RankState, State};
pub use tcolz_base::kept::KeepingAllocator;
pub use tcolz_format::dataset::Receipt;
#[cfg(feature = "candle")]
pub use tensors::{DeviceView, TensorBatch, TensorEpoch, Transfer};
