//! tcolz turns a raw dump of images into memory-mapped, compressed tensor shards, once, and reads them
//! back at the speed of memory.
//!
//! ```text
//! photos ─▶ convert ─▶ dataset.json + ledger + shards ─▶ loader ─▶ batches ─▶ train ─▶ model ─▶ evaluate
//!                                     └─▶ inspect                                        ├─▶ predict
//!                                                                                        └─▶ serve
//! ```
//!
//! Write a dataset, and stream it:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::atomic::AtomicBool;
//! use tcolz::loader::DatasetExt;
//! use tcolz::{ConvertOptions, Dataset, convert};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
//! tcolz::demo::make_dump(&photos, 12)?; // made-up photos in the shape of B-T4SA
//! convert(&ConvertOptions::new(&photos, &out), &AtomicBool::new(false), &mut ())?;
//!
//! let dataset = Dataset::open(&out)?;
//! let loader = dataset.loader("train").view("caffe").batch_size(4).shuffle(42).build()?;
//! for batch in loader.epoch(0) {
//!     let batch = batch?;
//!     assert_eq!(batch.shape()[1..], [3, 224, 224]);
//!     assert_eq!(batch.images().len(), batch.labels().len() * 3 * 224 * 224); // f32
//! }
//! # Ok(())
//! # }
//! ```
//!
//! This crate only re-exports: each part lives in a crate of its own, so that you build what you use and no more.
//! With `default-features = false`:
//!
//! | feature | what it adds | what it builds |
//! | --- | --- | --- |
//! | (none) | [`Dataset`], [`recipe`], [`shard`], [`verify`] | Arrow, Parquet, zstd |
//! | `loader` | [`loader`]: batches for training | the same |
//! | `candle` | batches as tensors of Candle, on the CPU | candle-core |
//! | `convert` | [`mod@convert`]: dumps to datasets, repair; [`demo`] | libjpeg-turbo |
//! | `inspect` | [`mod@inspect`]: statistics, duplicates, pages | charts |
//! | `train` | [`nn`], [`train`], [`mod@evaluate`], [`predict`] | candle-core, libjpeg-turbo, charts |
//! | `serve` | [`serve`]: photos over HTTP to labels | axum |
//! | `cli` (default) | the command `tcolz` | all of it |
//! | `cuda`, `cudnn` | networks and batches on the GPU | NVIDIA's compiler is needed |
//!
//! What is not named here may change with any version. The format itself is written down in `schemas/format.md`.

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

pub use tcolz_format::dataset::{
    Counts, Dataset, DatasetError, DatasetMeta, Fault, FileMeta, LedgerBatch, LedgerError,
    LedgerRow, LedgerType, LedgerValue, MakeSplits, Receipt, ReceiptError, SharesError, SplitMeta,
    TensorFacts, VerifyReport, ledger_schema, read_ledger, verify,
};
pub use tcolz_format::sample::{Label, Status};
pub use tcolz_pixels::photo_info::{PhotoInfo, SourceFormat};

pub use pixels::View;
pub use recipe::{Codec, DecodeMode, Dtype, Filter, Fit, Mean, Recipe};
pub use shard::{ShardError, ShardReader};

#[cfg(feature = "convert")]
pub use self::convert::{
    ConvertError, ConvertOptions, ConvertSummary, Dump, DumpError, Layout, Observer, RepairOptions,
    RepairReport, convert, repair,
};

/// How pixels become a tensor: what a dataset was asked to hold.
pub mod recipe {
    pub use tcolz_pixels::recipe::{
        Codec, DEFAULT_MAX_PIXELS, DecodeMode, Dtype, Filter, Fit, MAX_SIZE, Mean, Orient, Recipe,
    };
}

/// Shards: Arrow IPC files whose tensors are one frame a sample.
pub mod shard {
    pub use tcolz_format::shard::{
        FileRow, ShardError, ShardFile, ShardReader, TensorColumn, TensorDecoder, name_lost_maps,
    };
}

/// Pixels: views, resizing, channel sums, the perceptual hash.
pub mod pixels {
    pub use tcolz_pixels::{
        BUILT_IN_VIEWS, ChannelSums, Channels, Operation, Placement, Resizer, RgbImage, RowSink,
        View, bf16, dhash, f16,
    };
}

/// Batches for training: which samples, in which order, prefetched, augmented.
#[cfg(feature = "loader")]
pub mod loader {
    pub use tcolz_loader::{
        Access, Augment, Batch, Choices, Crop, CropError, Damaged, DatasetExt, Element, Epoch,
        FirstEpoch, Identity, KeepingAllocator, LastBatch, Limit, Limits, Loader, LoaderBuilder,
        LoaderError, Order, Percent, RankState, Rate, SampleIds, Scaling, Select, Selection,
        Skipped, Stage, StageRates, State, Storage, Stripes,
    };
    #[cfg(feature = "candle")]
    pub use tcolz_loader::{DeviceView, TensorBatch, TensorEpoch, Transfer};
}

/// Dumps to datasets: listing, forecasting, converting, resuming, repairing.
#[cfg(feature = "convert")]
pub mod convert {
    pub use tcolz_convert::dump::{
        Dump, DumpError, DumpOptions, Input, Layout, ListFile, ListFileError, Problem, Reading,
        Skipped, Source,
    };
    pub use tcolz_convert::{
        CodecForecast, ConvertError, ConvertOptions, ConvertSummary, DEFAULT_MAX_BAD,
        DEFAULT_SHARD_BYTES, Forecast, Interval, MIN_SHARD_BYTES, Observer, RepairObserver,
        RepairOptions, RepairReport, RepairedShard, Unrepaired, convert, plan, repair,
        verify_source,
    };
    pub use tcolz_photo::{
        DecodeError, DecodeLimits, Decoder, PhotoReader, Probe, ScaleTo, orientation, probe,
    };
}

/// A made-up dump in the shape of B-T4SA, to try everything on.
#[cfg(feature = "convert")]
pub mod demo {
    pub use tcolz_demo::{CLASSES, DemoDump, DemoError, make_dump, photo};
}

/// What a dataset holds: statistics, duplicates, mean images, contact sheets, a page of them all.
#[cfg(feature = "inspect")]
pub mod inspect {
    pub use tcolz_charts::sheet::{Sheet, SheetError, SheetFormat, SheetRow, Tile, sheet};
    pub use tcolz_inspect::report::{Report, ReportError};
    pub use tcolz_inspect::{
        Asked, BadInput, BadInputs, ChannelStatistics, ClassStatistics, Distribution,
        DuplicateGroup, Duplicates, Histogram, Histograms, Inspection, Link, MEAN_BUDGET,
        MeanImage, MeanImages, Member, NearSearch, Relation, Selected, SheetBy, SourceStatistics,
        SplitStatistics, SplitStorage, Statistics, TensorStatistics, TextScores, bad_inputs,
        duplicates_sheet, find_duplicates, inspect, inspect_selected, mean_images, overview_sheet,
    };
}

/// Networks: as data, as operations, as files of weights.
#[cfg(feature = "train")]
pub mod nn {
    pub use tcolz_nn::{
        BatchNormMode, Folded, Model, ModelError, ModelFacts, Net, Network, PaddingStyle, Pass,
        Precision, Properties, Spec, Validation, Weights, WordError, init, memory, ops, spec,
        weights,
    };

    /// Where a network runs, by name.
    pub mod device {
        pub use tcolz_device::{DeviceError, device, device_name, no_gpu};
    }
}

/// Fine-tuning: epochs, schedules, optimiser, checkpoints.
#[cfg(feature = "train")]
pub mod train {
    pub use tcolz_train::{
        Begun, CacheChoice, CheckpointEvery, ClassWeights, DeviceChoice, EpochReport, EpochRow,
        Finding, Finetune, MemoryEstimate, Preset, SeenUnknown, StepReport, TrainError,
        TrainObserver, TrainOptions, TrainSummary, Tried, Validated, Validation,
        find_learning_rate, loss, schedule, seen_by, sgd, train,
    };
}

/// How good a model is on a dataset.
#[cfg(feature = "train")]
pub mod evaluate {
    pub use tcolz_train::evaluate::{
        EvaluateError, EvaluateOptions, EvaluatedModel, EvaluatedSamples, Evaluation, Folds,
        KnownSeen, Level, Mistake, Predictions, Proportion, Protocol, ScoredClasses, Scores,
        SeenCounts, Written, evaluate, find_model, prepare_folder, write_files,
    };
}

/// Photos to probabilities, by a model's own recipe.
#[cfg(feature = "train")]
pub mod predict {
    pub use tcolz_predict::{PredictError, Prediction, Predictor};
}

/// The micro-service: photos over HTTP to labels, and a page to try it on.
#[cfg(feature = "serve")]
pub mod serve {
    pub use tcolz_serve::{
        Classifier, Fault, Limits, Prepared, Preparer, ServeError, ServeOptions, Server, Stopper,
    };
}
