//! A conversion gives the same bytes whatever happens on the way, and what is lost can be made again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;

mod forecast;
mod repair;
mod repair_command;
mod resume_trust;
mod same_bytes;
