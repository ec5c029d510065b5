//! The micro-service, over real connections to 127.0.0.1.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod browser;
mod client;
mod command;
mod crowds;
mod hostile;
mod hosts;
mod limits;
mod memory;
mod protocol;
mod service;
