//! One conversion from its dump to its dataset: the stages in their order.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::error::ConvertError;
use super::journal::Journal;
use super::log::Log;
use super::look_ahead::look_ahead;
use super::observer::Observer;
use super::options::ConvertOptions;
use super::out::{Found, OutFolder};
use super::pipeline;
use super::recipe_views::check_recipe;
use super::store::Store;
use super::summary::{ConvertSummary, Tally};
use crate::dump::Dump;
use tcolz_format::dataset::Dataset;

/// Names of photos that one line of the log holds.
const NAMES_AN_EVENT: usize = 1000;

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

fn already_there(dataset: Dataset, dump: &Dump) -> Result<ConvertSummary, ConvertError> {
    let mut tally = Tally::default();
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
