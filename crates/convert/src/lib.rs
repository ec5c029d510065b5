//! Conversion: a raw dump becomes a dataset.
//!
//! ```text
//! dump ─▶ read ─▶ decode ─▶ resize ─▶ measure ─▶ compress ─▶ shards ─▶ ledger ─▶ dataset.json
//!         └──────────── workers, one a core ─────────────┘   └──── the caller, in order ───┘
//! ```
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! use tcolz_convert::{ConvertOptions, convert};
//!
//! let options = ConvertOptions::new("photos", "photos.tcolz");
//! let stop = AtomicBool::new(false); // from another thread: end after the shard in hand
//! let summary = convert(&options, &stop, &mut ())?; // () watches nothing
//! println!("{} samples", summary.dataset.meta().counts.stored);
//! # Ok::<(), tcolz_convert::ConvertError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

mod convert;
pub mod dump;
mod error;
mod forecast;
mod gate;
mod journal;
mod log;
mod look_ahead;
mod observer;
mod options;
mod out;
mod outcome;
mod pipeline;
mod prepare;
mod probe;
mod recipe_views;
mod repair;
mod store;
mod summary;
mod verify_source;

pub use convert::convert;
pub use error::ConvertError;
pub use forecast::{CodecForecast, Forecast, Interval};
pub use look_ahead::plan;
pub use observer::Observer;
pub use options::{ConvertOptions, DEFAULT_MAX_BAD, DEFAULT_SHARD_BYTES, MIN_SHARD_BYTES};
pub use repair::{RepairObserver, RepairOptions, RepairReport, RepairedShard, Unrepaired, repair};
pub use summary::ConvertSummary;
pub use verify_source::verify_source;
