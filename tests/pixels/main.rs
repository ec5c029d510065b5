//! Photos become the pixels that Pillow makes of them; no bytes panic.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "../common/mod.rs"]
mod common;

mod decode_any_bytes;
mod decode_equals_pillow;
mod decoder_panics;
mod transform_pillow;
mod transform_statistics;
mod transform_views;
