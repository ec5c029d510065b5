//! What a dataset is on the disk: read for ever, checked on every read, opened by others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/ledger.rs"]
mod ledger;
#[path = "../shared/mod.rs"]
mod shared;
#[path = "../training/mod.rs"]
mod training;

mod corruption;
mod counts;
mod format_v1;
mod interoperability;
mod joined_splits;
mod ledger_scan;
mod schemas;
mod shard_file;
mod shard_places;
mod verify_names;
