//! Whatever is killed, wherever: nothing is lost that was finished, and the work goes on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../child/mod.rs"]
mod child;
#[path = "../common/mod.rs"]
mod common;
#[path = "../faults/mod.rs"]
mod faults;
#[path = "../training/mod.rs"]
mod training;

mod conversion;
mod crash_points;
mod loader;
mod repair;
mod train;
