//! Networks, trainings and predictions: the same numbers everywhere, and files that are tested when they are read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/ledger.rs"]
mod ledger;
#[path = "../shared/mod.rs"]
mod shared;
#[path = "../training/mod.rs"]
mod training;

mod ahead;
mod evaluate;
mod model_corruption;
mod old_runs;
mod predict;
mod seen;
mod train_runs;
mod weights;
mod weights_parity;
