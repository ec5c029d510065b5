//! tcolz turns a raw dump of images into memory-mapped, compressed tensor shards, once, and reads them
//! back at the speed of memory.
//!
//! ```text
//! photos ─▶ dump ─▶ decode ─▶ transform ─▶ shard ─▶ dataset
//!           lists   RGB rows  [3, H, W]    frames   dataset.json + ledger + shards
//!           └────────────────── convert ──────────────────────┘
//! ```
//!
//! Write a dataset and read it back:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::atomic::AtomicBool;
//! use tcolz::{ConvertOptions, Dataset, convert};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (photos, out) = (folder.path().join("photos"), folder.path().join("out"));
//! tcolz::demo::make_dump(&photos, 12)?; // made-up photos in the shape of B-T4SA
//! convert(&ConvertOptions::new(&photos, &out), &AtomicBool::new(false), &mut ())?;
//!
//! let dataset = Dataset::open(&out)?;
//! let sample = &dataset.ledger()?[0]; // its odd photos come last
//! let pixels = dataset.read_tensor(sample, 0)?; // u8, [3, 224, 224]
//! assert_eq!(pixels.len(), 3 * 224 * 224);
//! # Ok(())
//! # }
//! ```
//!
//! The modules, in the order of the flow; each may use those above it and [`sample`] and [`recipe`]:
//!
//! | module | what it does |
//! | --- | --- |
//! | [`sample`], [`recipe`], [`file_kind`] | the shared nouns: what an input is called, how pixels become a tensor, what a file is by its first bytes |
//! | [`durable`], [`usage`], [`out_of_memory`], [`storage`], [`child`], [`text_file`], [`visible`] | files that become visible whole or not at all; memory and CPU time; what is said where memory runs out; which paths are URLs, what a file lies on; children; texts in any encoding; texts from outside on a terminal |
//! | [`dump`] | raw dumps, unpacked or in a tar: which photos there are, and their bytes |
//! | [`decode`] | bytes → rows of RGB: libjpeg-turbo for JPEG, `image` for the rest |
//! | [`transform`] | rows → square tensors; views; channel sums; perceptual hash |
//! | [`shard`] | the codec and the Arrow files: writer and reader |
//! | [`dataset`] | dataset.json, the ledger, content root, verify |
//! | [`convert`](mod@convert) | the pipeline from a dump to a dataset, and what it will take; repair |
//! | [`loader`] | which samples, in which order; batches for training |
//! | [`inspect`](mod@inspect) | what a dataset holds: statistics, duplicates, contact sheets |
//! | [`report`] | a page that shows all this: charts, pictures, tables in one HTML file |
//! | [`model`] | networks as data, their operations and weights; inference (feature `train`) |
//! | [`train`] | fine-tuning: the epoch loop, optimiser, schedules, checkpoints (feature `train`) |
//! | [`predict`] | photos → probabilities, by a model's own recipe (feature `train`) |
//! | [`evaluate`](mod@evaluate) | how good a model is on a dataset (feature `train`) |
//! | [`study`] | several models side by side, and a report of them (feature `train`) |
//! | [`demo`] | a made-up dump for trying all this, and what must become of it |
//! | [`serve`] | photos over HTTP → labels, and a page to try it on (feature `serve`) |
//!
//! The format itself is written down in `schemas/format.md`.

#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

#[cfg(target_endian = "big")]
compile_error!("tensors are stored little-endian and mapped as they are");

pub mod child;
pub mod convert;
pub mod dataset;
pub mod decode;
pub mod demo;
pub mod dump;
pub mod durable;
#[cfg(feature = "train")]
pub mod evaluate;
pub mod file_kind;
pub mod inspect;
pub mod loader;
#[cfg(feature = "train")]
pub mod model;
mod nearest;
pub mod out_of_memory;
mod positioned;
#[cfg(feature = "train")]
pub mod predict;
mod random;
pub mod recipe;
pub mod report;
pub mod sample;
#[cfg(feature = "serve")]
pub mod serve;
pub mod shard;
pub mod storage;
#[cfg(feature = "train")]
pub mod study;
pub mod text_file;
#[cfg(feature = "train")]
pub mod train;
pub mod transform;
pub mod usage;
pub mod visible;

pub use convert::{ConvertError, ConvertOptions, ConvertSummary, Observer, convert};
pub use convert::{RepairOptions, RepairReport, repair};
pub use dataset::{Dataset, DatasetError, VerifyReport, verify};
pub use dump::{Dump, DumpError, Layout};
pub use recipe::{Codec, DecodeMode, Dtype, Filter, Fit, Mean, Recipe};
pub use shard::{ShardError, ShardReader};
