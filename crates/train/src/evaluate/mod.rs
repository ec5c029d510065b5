//! How good a model is on a dataset.
//!
//! ```text
//! Dataset ─ loader, in order ─▶ batches ─ network ─▶ logits ─ Protocol ─▶ Predictions ─ statistics ─▶ Evaluation
//!                                                                            │                         ├▶ JSON
//!                                                          predictions.parquet, mistakes.png        pictures
//! ```
//! Every sample is counted once: the loader's receipt proves it. On the CPU the same model and dataset give the
//! same numbers to the last bit, whatever the threads and the batch size.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`statistics`] | what follows from predictions: accuracy, F1, calibration … |
//! | [`protocol`] | which outputs are compared with which labels |

mod error;
mod evaluation;
mod files;
mod find;
mod fit;
mod options;
mod predictions;
pub mod protocol;
mod seen;
pub mod statistics;
mod stream;

pub use error::EvaluateError;
pub use evaluation::{
    EvaluatedModel, EvaluatedSamples, Evaluation, MISTAKES, check_model, check_samples, evaluate,
};
pub use files::{Written, prepare_folder, write_files};
pub use find::find_model;
pub use fit::check_recipe;
pub use options::{DEFAULT_BATCH_SIZE, EvaluateOptions};
pub use predictions::{Level, Mistake, Predictions};
pub use protocol::{Protocol, ScoredClasses};
pub use seen::{KnownSeen, SeenCounts};
pub use statistics::{Folds, Proportion, Scores};
