//! Conversion: a raw dump becomes a dataset.
//!
//! ```text
//! dump ─▶ read ─▶ decode ─▶ resize ─▶ measure ─▶ compress ─▶ shards ─▶ ledger ─▶ dataset.json
//!         └──────────── workers, one a core ─────────────┘   └──── the caller, in order ───┘
//! ```

#![forbid(unsafe_code)]
#![deny(clippy::dbg_macro, clippy::print_stderr, clippy::print_stdout)]

pub mod dump;
mod error;
mod forecast;
mod gate;
mod journal;
mod log;
mod options;
mod out;
mod outcome;
mod pipeline;
mod prepare;
mod probe;
mod repair;
mod store;
mod summary;
mod verify_source;

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

pub use error::ConvertError;
pub use forecast::{CodecForecast, Forecast, Interval};
pub use options::{ConvertOptions, DEFAULT_MAX_BAD, DEFAULT_SHARD_BYTES, MIN_SHARD_BYTES};

pub use repair::{RepairObserver, RepairOptions, RepairReport, RepairedShard, Unrepaired, repair};
pub use summary::ConvertSummary;
pub use verify_source::verify_source;

use crate::dump::Dump;
use tcolz_base::door::given;
use tcolz_base::durable;
use tcolz_format::dataset::{Counts, Dataset};
use tcolz_pixels::View;
use tcolz_pixels::recipe::{Dtype, Mean, Recipe};

use journal::Journal;
use log::Log;
use out::{Found, OutFolder};
use store::Store;

/// A conversion probes one of so many photos, so that looking ahead takes a hundredth of the time …
const PROBED_PART: usize = 100;
/// … but not fewer and not more than this.
const PROBED: Range<usize> = 8..400;
/// Names of photos that one line of the log holds.
const NAMES_AN_EVENT: usize = 1000;

/// What a conversion tells whoever watches it. Called on the thread that called [`convert`].
pub trait Observer {
    /// The dump is being listed: for a tar, and where files are compared, bytes gone through and all there are; for a
    /// folder, files found so far and 0.
    fn listing(&mut self, done: u64, all: u64) {
        let _ = (done, all);
    }
    /// The dump has been listed, and the conversion begins.
    fn begun(&mut self, dump: &Dump) {
        let _ = dump;
    }
    /// What the conversion will take, before its first byte; and the bytes that are free in OUT.
    fn forecast(&mut self, forecast: &Forecast, free_bytes: Option<u64>) {
        let _ = (forecast, free_bytes);
    }
    /// What an interrupted conversion left is tested: bytes of its shards that were read, and all there are.
    fn checking(&mut self, done: u64, all: u64) {
        let _ = (done, all);
    }
    /// Something that an interrupted conversion had finished is not as it was written, and is made again with all that
    /// came after it.
    fn damaged(&mut self, what: &str) {
        let _ = what;
    }
    /// An unfinished conversion is resumed: so many inputs were done before.
    fn resumed(&mut self, done: u64) {
        let _ = done;
    }
    /// One more input is done: counts so far, and the bytes of its file.
    fn done(&mut self, counts: &Counts, source_bytes: u64) {
        let _ = (counts, source_bytes);
    }
    /// Something that does not stop the work, in a sentence.
    fn note(&mut self, text: &str) {
        let _ = text;
    }
    /// A shard is complete on disk.
    fn shard(&mut self, file: &str, rows: u64) {
        let _ = (file, rows);
    }
}

/// Watches nothing.
impl Observer for () {}

/// Converts a dump into a dataset, or goes on with an unfinished conversion of the same dump and recipe.
///
/// Setting `stop` from elsewhere ends it once the shard in hand is complete; so does a kill, which
/// loses only the shard in hand.
///
/// The dataset's bytes are a function of the dump, the recipe, the shard limit and the version of this
/// program, and of nothing else.
///
/// # Errors
/// See [`ConvertError`]. A photo that cannot be used is no error: it is in the ledger.
pub fn convert(
    options: &ConvertOptions,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<ConvertSummary, ConvertError> {
    let view = check_recipe(options)?;
    let mut watch = |done, all| {
        observer.listing(done, all);
        if stop.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let dump = options.dump.open_indexed(Some(&Journal::index_file(&options.out)), &mut watch)?;
    let out = match OutFolder::take(options, &dump)? {
        Found::Mine(out) => out,
        Found::Finished(dataset) => return already_there(*dataset, &dump),
    };
    observer.begun(&dump);
    let mut expected = None;
    if !Journal::exists(&options.out) {
        let found = look_ahead(options, &dump, &view, 0, observer);
        // A folder that was made for nothing goes again; one with files in it stays.
        expected = Some(found.inspect_err(|_| drop(std::fs::remove_dir(&options.out)))?);
    }
    let mut log = Log::open(&options.out, &mut |text| observer.note(text));
    log.event(
        "begun",
        json!({
            "tcolz_version": env!("CARGO_PKG_VERSION"),
            "source": options.dump.source,
            "reading": dump.reading,
            "skipped": dump.skipped,
            "notes": dump.notes,
            "damage": dump.damage,
            "listed": dump.inputs.len(),
            "threads": options.threads,
            "recipe": options.recipe,
        }),
    );
    for photos in dump.unlisted.chunks(NAMES_AN_EVENT) {
        log.event("unlisted", json!({ "photos": photos }));
    }
    let lock = out.lock();
    let mut store = Store::create(options, lock, &dump, &mut log, stop, observer)?;
    let threads = options.threads.max(1);
    let resumed = store.counts().listed;
    let expected = match expected {
        Some(expected) => expected,
        None => store.look_ahead(&view)?,
    };
    store.log_event("forecast", json!({ "forecast": expected }));
    let converted = pipeline::run(
        &dump,
        resumed as usize,
        &options.recipe,
        &view,
        threads,
        |input, outcome| store.take(input, outcome),
    );
    let converted = converted.and_then(|()| store.finish());
    let mut summary = converted.map_err(|error| lock.cause(error))?;
    out.finish()?;
    summary.seconds = log.seconds();
    summary.resumed = resumed;
    summary.forecast = Some(expected);
    log.event(
        "finished",
        json!({
            "counts": summary.dataset.meta().counts,
            "source_bytes": summary.source_bytes,
            "photos_per_second": summary.photos_per_second(),
            "resumed": resumed,
            "written_bytes": summary.written_bytes,
            "peak_memory_bytes": summary.peak_memory_bytes,
            "content_root": summary.dataset.meta().content_root,
        }),
    );
    Ok(summary)
}

/// Says what a conversion of `dump` will take, after sending at most `photos` photos through its pipeline.
/// Nothing is written.
///
/// # Errors
/// As [`convert`]: for a recipe that contradicts itself, or a source that is gone.
pub fn plan(
    options: &ConvertOptions,
    dump: &Dump,
    photos: usize,
) -> Result<Forecast, ConvertError> {
    probe::forecast(options, dump, &check_recipe(options)?, 0, photos, true)
}

/// Compares what the inputs from number `first` on will take with what there is.
fn look_ahead(
    options: &ConvertOptions,
    dump: &Dump,
    view: &View,
    first: usize,
    observer: &mut dyn Observer,
) -> Result<Forecast, ConvertError> {
    let left = dump.inputs.len() - first;
    let photos = (left / PROBED_PART).clamp(PROBED.start, PROBED.end);
    let forecast = probe::forecast(options, dump, view, first, photos, false)?;
    let free = durable::free_bytes(&options.out).ok();
    observer.forecast(&forecast, free);
    let Interval { low, high, .. } = forecast.dataset_bytes;
    match free {
        Some(free) if options.check_space && (free as f64) < low => Err(ConvertError::NoRoom {
            path: options.out.clone(),
            needed: low as u64,
            most: high as u64,
            free,
        }),
        _ => Ok(forecast),
    }
}

/// The recipe's view, once the recipe has been found to be consistent.
fn check_recipe(options: &ConvertOptions) -> Result<View, ConvertError> {
    let recipe = &options.recipe;
    if !recipe.is_valid() {
        let reason = format!(
            "sizes {:?}: expected one or more from 1 to {}, ascending, none twice",
            recipe.sizes,
            tcolz_pixels::recipe::MAX_SIZE
        );
        return Err(ConvertError::Recipe(reason));
    }
    if options.shard_bytes < MIN_SHARD_BYTES {
        let found = options.shard_bytes;
        let reason = format!("shards of {found} bytes: expected at least {MIN_SHARD_BYTES}");
        return Err(ConvertError::Recipe(reason));
    }
    let baked = recipe.dtype != Dtype::U8;
    if baked && recipe.view == "mean" && recipe.mean == Some(Mean::Dataset) {
        let reason = format!(
            "the dataset's mean is known only after the conversion and cannot be baked into it: give \
             its values as {}, or store u8 and use the view `mean`",
            given("mean", "R,G,B")
        );
        return Err(ConvertError::Recipe(reason));
    }
    let views = views(recipe, [0.0; 3]);
    views.iter().find(|view| view.name == recipe.view).cloned().ok_or_else(|| {
        let known: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
        let hint = if recipe.view == "mean" {
            format!("; `mean` needs {} or {}", given("mean", "dataset"), given("mean", "R,G,B"))
        } else {
            String::new()
        };
        ConvertError::Recipe(format!(
            "no view `{}`; there are: {}{hint}",
            recipe.view,
            known.join(", ")
        ))
    })
}

/// The views of a dataset: the built-in ones, and `mean` where the recipe asks for it.
fn views(recipe: &Recipe, dataset_mean: [f32; 3]) -> Vec<View> {
    let mut views = View::all_built_in();
    match recipe.mean {
        Some(Mean::Values(mean)) => views.push(View::mean(mean)),
        Some(Mean::Dataset) => views.push(View::mean(dataset_mean)),
        None => {}
    }
    views
}

fn already_there(dataset: Dataset, dump: &Dump) -> Result<ConvertSummary, ConvertError> {
    let mut tally = summary::Tally::default();
    for row in dataset.ledger()? {
        tally.count(row.status, row.reason_code(), row.photo.as_ref());
    }
    let (reasons, recovered) = tally.sorted();
    Ok(ConvertSummary {
        dataset,
        converted: false,
        reasons,
        recovered,
        unlisted: dump.unlisted.len() as u64,
        resumed: 0,
        source_bytes: 0,
        seconds: 0.0,
        forecast: None,
        written_bytes: 0,
        peak_memory_bytes: None,
    })
}
