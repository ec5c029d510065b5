//! Every sample is delivered exactly once, in the order asked for.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../shared/mod.rs"]
mod shared;

mod augment;
mod auto;
mod batches;
mod candle;
mod faults;
mod order;
mod receipts;
mod recycle;
mod select;
mod torch_dataset;
