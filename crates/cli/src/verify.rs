//! `tcolz verify`.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use tcolz_convert::dump::Source;
use tcolz_convert::verify_source;
use tcolz_format::dataset::{Dataset, verify};

use super::args::VerifyArgs;
use super::ending::Ending;
use super::output::{bytes, one_line, plain, plural, print, shown};
use super::progress::byte_bar;

/// Faults printed one by one; a broken disk makes thousands.
const MAX_SHOWN: usize = 50;

pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<Ending> {
    let begun = Instant::now();
    let bar = byte_bar(0, args.json);
    if let Ok(dataset) = Dataset::open(&args.dataset) {
        let shards = dataset.meta().splits.iter().flat_map(|split| &split.shards);
        bar.set_length(shards.map(|shard| shard.bytes).sum());
    }
    let mut report = verify(&args.dataset, &|done| bar.inc(done))?;
    if let Some(source) = &args.source {
        let dataset = Dataset::open(&args.dataset)?;
        let source = Source::open(source, &mut |_, _| ControlFlow::Continue(()))?;
        bar.reset();
        let sizes = dataset.ledger()?.iter().filter_map(|row| Some(row.source?.0)).sum();
        bar.set_length(sizes);
        report.faults.extend(verify_source(&dataset, &source, &|done| bar.inc(done))?);
    }
    bar.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    if args.json {
        let mut value = serde_json::to_value(&report)?;
        value["ok"] = json!(report.faults.is_empty());
        value["seconds"] = json!(seconds);
        print(&format!("{value:#}\n"));
    } else {
        print(&text(&report, args, seconds));
    }
    Ok(if report.faults.is_empty() { Ending::Done } else { Ending::Failed })
}

fn text(report: &tcolz_format::dataset::VerifyReport, args: &VerifyArgs, seconds: f64) -> String {
    let mut text = String::new();
    let dataset = shown(&args.dataset);
    for fault in report.faults.iter().take(MAX_SHOWN) {
        let row = fault.row.map_or(String::new(), |row| format!(", row {row}"));
        let sample =
            fault.sample_id.as_ref().map_or(String::new(), |id| format!(", sample `{id}`"));
        let what = plain(&fault.what);
        text.push_str(&format!("{}\n", one_line(&format!("{}{row}{sample}: {what}", fault.file))));
    }
    if report.faults.len() > MAX_SHOWN {
        let rest = report.faults.len() - MAX_SHOWN;
        text.push_str(&format!(
            "… and {rest} more; `tcolz verify {dataset} --json` lists them all\n"
        ));
    }
    for note in &report.notes {
        text.push_str(&format!("note: {}\n", one_line(note)));
    }
    let read = format!(
        "{} in {} ({}), {seconds:.1} s",
        plural(report.samples, "sample"),
        plural(report.shards, "shard"),
        bytes(report.bytes)
    );
    match &report.content_root {
        Some(root) if report.faults.is_empty() => text.push_str(&format!(
            "{dataset}: all is well: {read}\n  every checksum and count is right; content root {root}\n"
        )),
        _ => text.push_str(&format!(
            "{dataset}: {}: {read}\n",
            plural(report.faults.len() as u64, "fault")
        )),
    }
    if report.repairable {
        let source = shown(args.source.as_deref().unwrap_or(Path::new("SRC")));
        text.push_str(&format!("next: tcolz repair {dataset} --source {source}\n"));
    }
    text
}
