//! Every dump is understood, or refused with what to do; nothing of it vanishes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/tars.rs"]
mod tars;

mod bad_input;
mod damaged_source;
mod layouts;
mod made_splits;
mod max_bad;
mod nothing_vanishes;
mod odd_dumps;
mod tar;
mod tar_members;
mod tar_names;
mod wrong_files;
