//! How far a long command is: a bar on a terminal, plain lines elsewhere, JSON events for scripts.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tcolz::convert::Forecast;
use tcolz::dataset::Counts;
use tcolz::{Dump, Observer};

use super::output::{self, bytes, count};
use super::plan::{nothing_there, room, sizes, times};

/// Time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Watches a conversion.
pub(super) struct ConvertProgress {
    json: bool,
    bar: ProgressBar,
    begun: Instant,
    last_line: Instant,
    source_bytes: u64,
    listed: u64,
    resumed: u64,
}

impl ConvertProgress {
    pub(super) fn new(json: bool) -> ConvertProgress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        if json || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let now = Instant::now();
        ConvertProgress {
            json,
            bar,
            begun: now,
            last_line: now,
            source_bytes: 0,
            listed: 0,
            resumed: 0,
        }
    }

    /// Removes the bar, so that what follows stands alone.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn speed(&self, done: u64) -> (f64, f64) {
        let seconds = self.begun.elapsed().as_secs_f64().max(1e-3);
        ((done - self.resumed) as f64 / seconds, self.source_bytes as f64 / seconds)
    }

    fn listing_folder(&mut self, files: u64) {
        let message = format!("listing the folder: {} files", count(files));
        if !self.bar.is_hidden() {
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                self.bar.set_style(style);
            }
            self.bar.set_message(message);
            self.bar.tick();
        } else if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            if self.json {
                event(&json!({ "event": "listing", "files": files }));
            } else {
                eprintln!("{message}");
            }
        }
    }

    fn message(&self, counts: &Counts) -> String {
        let (photos, source) = self.speed(counts.listed);
        format!("{photos:.0} photos/s, {}/s, {} bad", bytes(source as u64), count(counts.bad()))
    }
}

impl Observer for ConvertProgress {
    fn listing(&mut self, done: u64, all: u64) {
        if all == 0 {
            self.listing_folder(done);
        } else if !self.bar.is_hidden() {
            if self.bar.length() != Some(all) {
                let style = "{bar:32} {decimal_bytes}/{decimal_total_bytes}  listing, {eta} left";
                if let Ok(style) = ProgressStyle::with_template(style) {
                    self.bar.set_style(style);
                }
                self.bar.set_length(all);
            }
            self.bar.set_position(done);
        } else if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            if self.json {
                event(&json!({ "event": "listing", "done_bytes": done, "all_bytes": all }));
            } else {
                eprintln!("listing: {} of {}", bytes(done), bytes(all));
            }
        }
    }

    fn begun(&mut self, dump: &Dump) {
        self.listed = dump.inputs.len() as u64;
        self.begun = Instant::now();
        // Listing a tar may have taken minutes: the first line about photos comes after some photos.
        self.last_line = self.begun;
        if self.json {
            event(&json!({
                "event": "begun",
                "layout": dump.reading.layout,
                "reading": dump.reading,
                "listed": self.listed,
                "splits": dump.splits,
                "classes": dump.classes,
                "unlisted": dump.unlisted.len(),
                "skipped": dump.skipped,
                "notes": dump.notes,
            }));
            return;
        }
        let splits = dump.splits.join(", ");
        eprintln!(
            "{}: {} in {} ({}), {}",
            dump.source.path().display(),
            output::plural(self.listed, "photo"),
            output::plural(dump.splits.len() as u64, "split"),
            splits,
            output::classes(dump.classes.len()),
        );
        eprintln!("read as {}", read_as(dump));
        for note in &dump.notes {
            eprintln!("note: {note}");
        }
        self.bar.reset();
        // Only now: whatever sets the bar up also draws it.
        let style =
            ProgressStyle::with_template("{bar:32} {human_pos}/{human_len}  {msg}, {eta} left");
        if let Ok(style) = style {
            self.bar.set_style(style);
        }
        self.bar.set_message(self.message(&Counts::default()));
        self.bar.set_length(self.listed);
    }

    fn forecast(&mut self, forecast: &Forecast, free_bytes: Option<u64>) {
        if self.json {
            event(&json!({ "event": "forecast", "forecast": forecast, "free_bytes": free_bytes }));
            return;
        }
        let Forecast { seconds, dataset_bytes, .. } = *forecast;
        let mut line = format!("forecast: {}, {}", times(seconds), sizes(dataset_bytes));
        if let Some(free) = free_bytes {
            line.push_str(&format!("; {} free{}", bytes(free), room(forecast, free)));
        }
        if let Some(warning) = nothing_there(forecast) {
            line.push_str(&format!("\nwarning: {warning}"));
        }
        self.bar.suspend(|| eprintln!("{line}"));
    }

    fn resumed(&mut self, done: u64) {
        self.resumed = done;
        self.bar.set_position(done);
        self.bar.reset_eta();
        if self.json {
            event(&json!({ "event": "resumed", "done": done }));
        } else {
            eprintln!(
                "going on: {} of {} inputs were done before",
                count(done),
                count(self.listed)
            );
        }
    }

    fn done(&mut self, counts: &Counts, source_bytes: u64) {
        self.source_bytes += source_bytes;
        if !self.bar.is_hidden() {
            self.bar.set_position(counts.listed);
            if counts.listed.is_multiple_of(16) {
                self.bar.set_message(self.message(counts));
            }
        } else if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            let (photos, source) = self.speed(counts.listed);
            let left = (self.listed - counts.listed) as f64 / photos.max(1e-3);
            if self.json {
                event(&json!({
                    "event": "progress",
                    "done": counts.listed,
                    "listed": self.listed,
                    "bad": counts.bad(),
                    "photos_per_second": photos,
                    "source_bytes_per_second": source,
                    "seconds_left": left,
                }));
            } else {
                eprintln!(
                    "{} of {}: {}, about {left:.0} s left",
                    count(counts.listed),
                    count(self.listed),
                    self.message(counts)
                );
            }
        }
    }

    fn shard(&mut self, file: &str, rows: u64) {
        if self.json {
            event(&json!({ "event": "shard", "file": file, "rows": rows }));
        }
    }
}

/// How a dump was read, why, and what of it is not.
pub(super) fn read_as(dump: &Dump) -> String {
    let reading = &dump.reading;
    let mut text = format!("{}, because {}", reading.layout, reading.because);
    if !reading.root.is_empty() {
        text.push_str(&format!("; the dump lies in {}", reading.root));
    }
    let not_used = reading.not_used_in_words();
    if !not_used.is_empty() {
        text.push_str(&format!("; not used: {not_used}"));
    }
    text
}

/// Prints one JSON event on standard output.
pub(super) fn event(event: &Value) {
    // A script that stopped listening does not stop the work.
    let _ = output::print(&format!("{event}\n"));
}

/// A bar that counts bytes, hidden where nobody looks.
pub(super) fn byte_bar(length: u64, hidden: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(8));
    if hidden || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template(
        "{bar:32} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}, {eta} left",
    ) {
        bar.set_style(style);
    }
    bar
}
