//! How far a long command is: a bar on a terminal, plain lines elsewhere, JSON events for scripts.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tcolz_convert::Forecast;
use tcolz_convert::Observer;
use tcolz_convert::dump::Dump;
use tcolz_format::dataset::Counts;

use super::forecast_text::{nothing_there, room, sizes, times};
use super::output::{self, bytes, count, rate, say};

/// Time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Columns of a terminal that nobody widened.
const COLUMNS: usize = 80;
/// Columns of the longest and the shortest bar.
const BAR: [usize; 2] = [32, 4];

/// A bar with what stands before it, how much of `all` is done, in a unit such as ` photos`, a message, and the time
/// left: one line of at most [`COLUMNS`]. `longest` is the message at its longest.
pub(super) fn bar_style(before: &str, all: u64, unit: &str, longest: &str) -> ProgressStyle {
    let all = count(all);
    let widest = format!("{before} {all}/{all}{unit}, {longest}, 59m left");
    let bar = COLUMNS.saturating_sub(widest.chars().count()).clamp(BAR[1], BAR[0]);
    let template =
        format!("{before}{{bar:{bar}}} {{human_pos}}/{{human_len}}{unit}, {{msg}}, {{eta}} left");
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A message alone.
pub(super) fn message_style() -> ProgressStyle {
    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar())
}

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
        bar.set_style(message_style());
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
            self.bar.set_style(message_style());
            self.bar.set_message(message);
            self.bar.tick();
        } else if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            if self.json {
                event(&json!({ "event": "listing", "files": files }));
            } else {
                say!("{message}");
            }
        }
    }

    fn message(&self, counts: &Counts) -> String {
        let (photos, source) = self.speed(counts.listed);
        let source = bytes(source as u64);
        format!("{} photos/s, {source}/s, {} bad", rate(photos), count(counts.bad()))
    }

    /// What fits beside a bar.
    fn short_message(&self, counts: &Counts) -> String {
        let (photos, _) = self.speed(counts.listed);
        format!("{}/s, {} bad", rate(photos), count(counts.bad()))
    }
}

impl ConvertProgress {
    /// Bytes gone through before the first photo.
    fn bytes_read(&mut self, what: &'static str, done: u64, all: u64) {
        if !self.bar.is_hidden() {
            if self.bar.length() != Some(all) {
                self.bar.set_style(byte_style(what));
                self.bar.set_length(all);
            }
            self.bar.set_position(done);
        } else if self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            if self.json {
                event(&json!({ "event": what, "done_bytes": done, "all_bytes": all }));
            } else {
                say!("{what}: {} of {}", bytes(done), bytes(all));
            }
        }
    }
}

impl Observer for ConvertProgress {
    fn listing(&mut self, done: u64, all: u64) {
        match all {
            0 => self.listing_folder(done),
            _ => self.bytes_read("listing", done, all),
        }
    }

    fn checking(&mut self, done: u64, all: u64) {
        self.bytes_read("checking", done, all);
    }

    fn damaged(&mut self, what: &str) {
        if self.json {
            event(&json!({ "event": "damaged", "what": what }));
        } else {
            self.bar.suspend(|| {
                say!("warning: {what}: damaged since it was finished; it is made again");
            });
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
                "damage": dump.damage,
            }));
            return;
        }
        let splits = dump.splits.join(", ");
        say!(
            "{}: {} in {} ({}), {}",
            dump.source.path().display(),
            output::plural(self.listed, "photo"),
            output::plural(dump.splits.len() as u64, "split"),
            splits,
            output::classes(dump.classes.len()),
        );
        say!("read as {}", read_as(dump));
        for note in &dump.notes {
            say!("note: {}", output::plain(note));
        }
        for damage in &dump.damage {
            say!("warning: {}", output::plain(damage));
        }
        self.bar.reset();
        // Only now: whatever sets the bar up also draws it.
        self.bar.set_style(photo_style(self.listed));
        self.bar.set_message(self.short_message(&Counts::default()));
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
        self.bar.suspend(|| {
            say!("{line}");
            if let Some(warning) = nothing_there(forecast) {
                say!("warning: {warning}");
            }
        });
    }

    fn resumed(&mut self, done: u64) {
        // The bar may have counted the bytes of shards.
        self.bar.set_style(photo_style(self.listed));
        self.bar.set_message(self.short_message(&Counts::default()));
        self.bar.set_length(self.listed);
        self.resumed = done;
        self.bar.set_position(done);
        self.bar.reset_eta();
        if self.json {
            event(&json!({ "event": "resumed", "done": done }));
        } else {
            say!("going on: {} of {} inputs were done before", count(done), count(self.listed));
        }
    }

    fn done(&mut self, counts: &Counts, source_bytes: u64) {
        self.source_bytes += source_bytes;
        if !self.bar.is_hidden() {
            self.bar.set_position(counts.listed);
            if counts.listed.is_multiple_of(16) {
                self.bar.set_message(self.short_message(counts));
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
                say!(
                    "{} of {}: {}, about {left:.0} s left",
                    count(counts.listed),
                    count(self.listed),
                    self.message(counts)
                );
            }
        }
    }

    fn note(&mut self, text: &str) {
        if self.json {
            event(&json!({ "event": "note", "text": text }));
        } else {
            self.bar.suspend(|| say!("note: {}", output::plain(text)));
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
    output::print(&format!("{event}\n"));
}

/// A bar that counts bytes, hidden where nobody looks.
pub(super) fn byte_bar(length: u64, hidden: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(8));
    if hidden || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.set_style(byte_style("{decimal_bytes_per_sec}"));
    bar
}

/// Of a conversion of so many photos.
fn photo_style(listed: u64) -> ProgressStyle {
    bar_style("", listed, " photos", &format!("123,000/s, {} bad", count(listed)))
}

fn byte_style(what: &str) -> ProgressStyle {
    let template =
        format!("{{bar:24}} {{decimal_bytes}}/{{decimal_total_bytes}}, {what}, {{eta}} left");
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
pub(super) mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// A wide terminal that keeps what is drawn on it.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Screen(Arc<Mutex<String>>);

    impl Screen {
        pub(crate) fn target(&self) -> ProgressDrawTarget {
            ProgressDrawTarget::term_like_with_hz(Box::new(self.clone()), 255)
        }

        /// Tests that no line was wider, and that each of `words` was drawn.
        #[track_caller]
        pub(crate) fn fits(&self, columns: usize, words: &[&str]) {
            let drawn = self.0.lock().unwrap();
            for line in drawn.lines().map(str::trim_end) {
                assert!(line.chars().count() <= columns, "{}: {line}", line.chars().count());
            }
            for word in words {
                assert!(drawn.contains(word), "{word}: {drawn}");
            }
        }

        fn write(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            300
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            self.write("\n")
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            self.write("\n")
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            self.write("\n")
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.write(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.write("\n")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A bar of this style as it looks on a screen.
    fn drawn(style: ProgressStyle, all: u64, message: &str) -> Screen {
        let screen = Screen::default();
        let bar = ProgressBar::with_draw_target(Some(all), screen.target());
        bar.set_style(style);
        bar.set_message(message.to_owned());
        bar.set_position(all - 1);
        bar.abandon();
        screen
    }

    #[test]
    fn every_bar_fits_80_columns() {
        let bad = "123,000/s, 10,000,000 bad";
        drawn(photo_style(10_000_000), 10_000_000, bad).fits(80, &["10,000,000 photos", bad]);
        drawn(photo_style(300), 300, "1,230/s, 0 bad").fits(80, &["300 photos", "1,230/s"]);
        let bytes = 999_990_000_000;
        drawn(byte_style("listing the tar"), bytes, "").fits(80, &["999.99 GB", "listing the tar"]);
        drawn(byte_style("{decimal_bytes_per_sec}"), bytes, "").fits(80, &["999.99 GB", "/s"]);
        drawn(bar_style("validation ", 10_000_000, "", "123,000/s"), 10_000_000, "123,000/s")
            .fits(80, &["validation"]);
    }
}
