//! Fine-tuning.
//!
//! ```text
//! TrainOptions ─▶ Setup: dataset, samples, weights, memory ─▶ RunFolder: lock, run.json, checkpoint
//!                                                                │
//!   Batches: images, or features of a frozen backbone ─▶ Learner ─▶ Sgd ─▶ log, checkpoint, best
//! ```
//!
//! | module | what it does |
//! | --- | --- |
//! | [`schedule`], [`sgd`], [`loss`] | learning rates, steps, the loss: as PyTorch's |
//! | `setup`, `prepare`, `samples`, `weights`, `memory`, `device` | everything that is found and tested before the first step |
//! | `check` | the same for whoever plans many runs |
//! | `run`, `files`, `run_file`, `checkpoint`, `best`, `log`, `rows`, `resources`, `curves` | the folder of a run and its files |
//! | `names`, `identity`, `identify` | what options are called, and which run is which |
//! | `cache`, `features`, `batches` | what a batch is made of |
//! | `learner`, `fit` | the loop |
//! | `finder` | which learning rate |
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! use tcolz_nn::Network;
//! use tcolz_train::{TrainOptions, train};
//!
//! let mut options = TrainOptions::new("photos.tcolz", Network::MobileNetV2, "runs/a");
//! options.epochs = 3;
//! let stop = AtomicBool::new(false); // from another thread: write a checkpoint and end
//! let summary = train(&options, &stop, &mut ())?; // () watches nothing; the same call goes on
//! println!("{}", summary.model.display());
//! # Ok::<(), tcolz_train::TrainError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod batches;
mod best;
mod cache;
mod check;
mod checkpoint;
mod clock;
mod curves;
mod device;
mod error;
pub mod evaluate;
mod features;
mod files;
mod finder;
mod fit;
mod identify;
mod identity;
mod learner;
mod log;
pub mod loss;
mod loss_scale;
mod memory;
mod names;
mod observer;
mod options;
mod outcome;
mod prepare;
mod preset;
mod resources;
mod rows;
mod run;
mod run_file;
mod samples;
pub mod schedule;
mod seen;
mod setup;
pub mod sgd;
mod summary;
mod weights;

pub use check::{OptionFault, TrainingOutlook, first_properties};
pub use device::open as open_device;
pub use error::TrainError;
pub use features::FeatureUse;
pub use files::{
    BEST_FILE, CHECKPOINT_FILE, CURVES_FILES, FINDER_FILES, HOLDOUT_FILE, LAST_FOLDER, LOG_FILE,
    RESOURCES_FILE, RUN_FILE, STEPS_FILE, TIMES_FILE, TRAINED_FILE,
};
pub use finder::{FINDER_RATES, FINDER_STEPS, Finding, Tried, find_learning_rate};
pub use log::{EpochRow, Validated};
pub use memory::MemoryEstimate;
pub use observer::{Begun, EpochReport, StepReport, TrainObserver};
pub use options::{
    CacheChoice, CheckpointEvery, ClassWeights, DEFAULT_BATCH_SIZE, DEFAULT_CHECKPOINT_EVERY,
    DEFAULT_EPOCHS, DEFAULT_LEARNING_RATE, DEFAULT_RANDOM_LEARNING_RATE,
    DEFAULT_RANDOM_VGG19_LEARNING_RATE, DEFAULT_WEIGHT_DECAY, DeviceChoice, Finetune, TrainOptions,
    Validation, default_run_name,
};
pub use prepare::default_size;
pub use preset::Preset;
pub use samples::{HOLDOUT_METHODS, held_out};
pub use seen::{SeenUnknown, samples_seen, seen_by};
pub use summary::{TrainSummary, train};
