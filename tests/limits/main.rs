//! Where the disk or memory runs out, that is said, and nothing is lost.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../faults/mod.rs"]
mod faults;
#[path = "../training/mod.rs"]
mod training;

mod address_space;
mod disk_full;
mod shortages;
