//! `tcolz convert`.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde_json::json;
use tcolz_convert::dump::DumpError;
use tcolz_convert::{ConvertError, ConvertOptions, ConvertSummary, convert};
use tcolz_convert::{Forecast, Interval};
use tcolz_format::dataset::Dataset;
use tcolz_format::dataset::log_path;
use tcolz_inspect::{Relation, find_duplicates};

use super::args::ConvertArgs;
use super::ending::Ending;
use super::forecast_text::{sizes, times};
use super::output::{
    Facts, against_plain, bytes, count, duration, plain, plural, print, rate, say, says_little,
    shown,
};
use super::progress::{ConvertProgress, event};
use super::stop::{FINISHING, stop_on_ctrl_c};

pub(super) fn run(args: &ConvertArgs) -> anyhow::Result<Ending> {
    let mut options = ConvertOptions::new(&args.source, &args.out);
    options.recipe = args.recipe.recipe();
    options.dump = args.dump.options(&args.source);
    options.shard_bytes = args.shard_bytes;
    options.restart = args.restart;
    options.check_space = !args.no_space_check;
    if let Some(threads) = args.threads {
        options.threads = usize::from(threads);
    }
    let mut progress = ConvertProgress::new(args.json);
    let stop = stop_on_ctrl_c(FINISHING)?;
    let result = convert(&options, &stop, &mut progress);
    progress.clear();
    let summary = match result {
        Err(error @ ConvertError::Interrupted { .. }) => {
            say!("{error}");
            return Ok(Ending::Interrupted);
        }
        Err(error @ ConvertError::Dump(DumpError::GivenUp { .. })) => {
            say!("{error}");
            return Ok(Ending::Interrupted);
        }
        Err(error) => {
            let advice = advice(&error);
            let error = anyhow::Error::new(error);
            return Err(match advice {
                Some(advice) => error.context(advice),
                None => error,
            });
        }
        Ok(summary) => summary,
    };
    let counts = summary.dataset.meta().counts;
    let across = if summary.converted { AcrossSplits::of(&summary.dataset) } else { None };
    let damage = &summary.dataset.meta().source_damage;
    let too_many_bad = is_more_than(counts.bad(), args.max_bad, counts.listed);
    if args.json {
        event(&json!({
            "event": "finished",
            "dataset": args.out,
            "converted": summary.converted,
            "counts": counts,
            "reasons": summary.reasons.iter().map(|(code, count)| json!({ "code": code, "count": count })).collect::<Vec<_>>(),
            "recovered": summary.recovered,
            "unlisted": summary.unlisted,
            "resumed": summary.resumed,
            "source_bytes": summary.source_bytes,
            "seconds": summary.seconds,
            "content_root": summary.dataset.meta().content_root,
            "written_bytes": summary.written_bytes,
            "peak_memory_bytes": summary.peak_memory_bytes,
            "forecast": summary.forecast,
            "across_splits": across,
            "too_many_bad": too_many_bad,
            "source_damage": damage,
        }));
    } else {
        print(&text(&summary, across, &args.out));
    }
    if too_many_bad {
        say!(
            "warning: {} of {} inputs are bad, more than --max-bad {}%; everything good is stored, `tcolz inspect {} \
             --list-bad` names the others",
            count(counts.bad()),
            count(counts.listed),
            // As it was typed: 0.29 × 100 is 28.999999999999996.
            (args.max_bad * 1e8).round() / 1e6,
            args.out.display()
        );
    }
    let damaged = !damage.is_empty() && !args.allow_damaged_source;
    if damaged {
        say!(
            "warning: {} is damaged, everything that could be read is stored, and {} says so: {}; get the source again, or take \
             it as it is with --allow-damaged-source",
            args.source.display(),
            args.out.display(),
            damage.join("; "),
        );
    }
    Ok(match (too_many_bad, damaged) {
        (_, true) => Ending::DamagedSource,
        (true, false) => Ending::TooManyBad,
        (false, false) => Ending::Done,
    })
}

/// True where `part` is more than this share of `all`. The product may miss a whole number by its last
/// bit: 29 of 100 are not more than 29 %.
fn is_more_than(part: u64, share: f64, all: u64) -> bool {
    part as f64 > share * all as f64 * (1.0 + 1e-12)
}

/// What to do where there is no room for what is to be written.
fn advice(error: &ConvertError) -> Option<&'static str> {
    use ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let causes = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
    let mut refused = causes.filter_map(|error| error.downcast_ref::<io::Error>());
    refused.find_map(|error| match error.kind() {
        StorageFull | QuotaExceeded => {
            Some("the disk is full; make room, and the same command goes on where it was")
        }
        FileTooLarge => Some(
            "a file reached the limit of its size; lift it, and the same command goes on where it was",
        ),
        _ => None,
    })
}

/// Photos that made splits have torn apart: which pictures are the same is known only once they are decoded.
#[derive(Debug, Clone, Copy, serde::Serialize)]
struct AcrossSplits {
    /// Groups of the same or nearly the same picture in several splits.
    groups: u64,
    /// Photos in these groups.
    samples: u64,
    /// Groups of the same file.
    same_file: u64,
    /// Groups of other files with the same pixels.
    same_pixels: u64,
    /// Groups that look alike; `None` where tensors are no pixels.
    near: Option<u64>,
}

impl AcrossSplits {
    /// `None` for splits that were not made here.
    fn of(dataset: &Dataset) -> Option<AcrossSplits> {
        dataset.meta().made_splits.as_ref()?;
        // The dataset is made: what goes wrong here takes nothing from it.
        let found = find_duplicates(dataset).map_err(|error| {
            let error = plain(&error.to_string());
            say!("warning: what is the same in several splits was not counted: {error}");
        });
        let found = found.ok()?;
        let (groups, samples) = found.count(|group| group.across_splits);
        let of =
            |relation| found.count(|group| group.across_splits && group.relation == relation).0;
        Some(AcrossSplits {
            groups,
            samples,
            same_file: of(Relation::SameFile),
            same_pixels: of(Relation::SamePixels),
            near: found.near.map(|_| of(Relation::Near)),
        })
    }

    fn in_words(self) -> String {
        let near = match self.near {
            Some(near) => format!("{} nearly the same", count(near)),
            None => "nearly the same ones not looked for: tensors are no pixels".to_owned(),
        };
        if self.groups == 0 {
            let what = if self.near.is_some() { "the same or nearly the same" } else { "the same" };
            return format!("no two splits hold {what} photo");
        }
        format!(
            "{} in {} lie in several splits: {} of the same file, {} of the same pixels, {near}",
            plural(self.samples, "photo"),
            plural(self.groups, "group"),
            count(self.same_file),
            count(self.same_pixels),
        )
    }
}

/// What was expected, where it differs from what came.
fn compared(summary: &ConvertSummary, forecast: &Forecast) -> String {
    let verdict = |interval: Interval, value: f64, text: String| {
        let off = match value {
            _ if interval.contains(value) => "",
            _ if value < interval.low => ": less than expected",
            _ => ": more than expected",
        };
        format!("{text}{off}")
    };
    let mut parts = vec![
        verdict(forecast.seconds, summary.seconds, format!("time {}", times(forecast.seconds))),
        verdict(
            forecast.dataset_bytes,
            summary.written_bytes as f64,
            format!("size {}", sizes(forecast.dataset_bytes)),
        ),
    ];
    if let Some((interval, value)) = forecast.peak_memory_bytes.zip(summary.peak_memory_bytes) {
        let text = format!("memory up to {}", bytes(interval.high as u64));
        parts.push(verdict(interval, value as f64, text));
    }
    parts.join("; ")
}

fn text(summary: &ConvertSummary, across: Option<AcrossSplits>, out: &Path) -> String {
    let meta = summary.dataset.meta();
    let counts = meta.counts;
    let mut facts = Facts::default();
    facts.add("listed", plural(counts.listed, "photo"));
    facts.add("stored", count(counts.stored));
    for (label, number) in [
        ("quarantined", counts.quarantined),
        ("missing", counts.missing),
        ("duplicate", counts.duplicate),
    ] {
        if number > 0 {
            facts.add(label, count(number));
        }
    }
    for (code, number) in &summary.reasons {
        facts.add(format!("  {code}"), count(*number));
    }
    if summary.unlisted > 0 {
        let (photos, log) = (plural(summary.unlisted, "more photo"), log_path(out));
        let named_in = match log.is_file() {
            true => log.display().to_string(),
            false => "`tcolz plan SRC --json`, with the same options".to_owned(),
        };
        facts.add("unlisted", format!("{photos} in the source, named in {named_in}"));
    }
    if summary.recovered > 0 {
        facts.add(
            "truncated",
            format!("{}, kept to where the data end", plural(summary.recovered, "photo")),
        );
    }
    let shards = || meta.splits.iter().flat_map(|split| &split.shards);
    let stored: u64 = shards().map(|shard| shard.bytes).sum();
    let raw: u64 =
        meta.columns.iter().map(|column| column.raw_bytes() as u64 * counts.stored).sum();
    let ratio = raw as f64 / stored.max(1) as f64;
    facts.add(
        "shards",
        format!(
            "{} in {}: {} ({})",
            bytes(stored),
            plural(shards().count() as u64, "file"),
            against_plain(ratio),
            bytes(raw)
        ),
    );
    facts.add("content root", &meta.content_root);
    if let Some(across) = across {
        facts.add("across splits", across.in_words());
    }
    if !summary.converted {
        let (out, facts) = (shown(out), facts.text());
        return format!(
            "{out} is finished already: all its files are there, nothing was changed\n{facts}next: tcolz verify {out} reads every byte\n"
        );
    }
    let mut time = duration(summary.seconds);
    if !says_little(summary.seconds) {
        time.push_str(&format!(", {} photos/s", rate(summary.photos_per_second())));
        if summary.resumed == 0 {
            let source = summary.source_bytes as f64 / summary.seconds;
            time.push_str(&format!(", {}/s of source files", bytes(source as u64)));
        }
    }
    if summary.resumed > 0 {
        time.push_str(&format!(", {} done before", plural(summary.resumed, "photo")));
    }
    facts.add("time", time);
    if let Some(memory) = summary.peak_memory_bytes {
        facts.add("memory", format!("{} at most", bytes(memory)));
    }
    if let Some(forecast) = &summary.forecast {
        facts.add("forecast", compared(summary, forecast));
    }
    let out = shown(out);
    let duplicates =
        if across.is_some_and(|across| across.groups > 0) { " --duplicates" } else { "" };
    let bad = if counts.stored < counts.listed {
        format!(", tcolz inspect {out} --list-bad")
    } else {
        String::new()
    };
    let facts = facts.text();
    format!("{out}\n{facts}next: tcolz inspect {out}{duplicates}, tcolz verify {out}{bad}\n")
}
