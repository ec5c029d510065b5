//! What is said of a dataset is true of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/ledger.rs"]
mod ledger;
#[path = "../shared/mod.rs"]
mod shared;

mod bad;
mod duplicates;
mod inspect;
mod report;
mod sheet;
