//! The command: what is typed and what is said.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;

mod bench_command;
mod command_line;
mod demo;
mod messages;
