//! `tcolz verify`.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use tcolz::dataset::verify_source;
use tcolz::dump::Source;
use tcolz::{Dataset, verify};

use super::Ending;
use super::args::VerifyArgs;
use super::output::{bytes, plain, plural, print};
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
        print(&format!("{value:#}\n"))?;
    } else {
        print(&text(&report, args, seconds))?;
    }
    Ok(if report.faults.is_empty() { Ending::Done } else { Ending::Failed })
}

fn text(report: &tcolz::VerifyReport, args: &VerifyArgs, seconds: f64) -> String {
    let mut text = String::new();
    let dataset = args.dataset.display();
    for fault in report.faults.iter().take(MAX_SHOWN) {
        text.push_str(&fault.file);
        if let Some(row) = fault.row {
            text.push_str(&format!(", row {row}"));
        }
        if let Some(sample_id) = &fault.sample_id {
            text.push_str(&format!(", sample `{sample_id}`"));
        }
        text.push_str(&format!(": {}\n", plain(&fault.what)));
    }
    if report.faults.len() > MAX_SHOWN {
        let rest = report.faults.len() - MAX_SHOWN;
        text.push_str(&format!(
            "… and {rest} more; `tcolz verify {dataset} --json` lists them all\n"
        ));
    }
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
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
        let source = args.source.as_deref().unwrap_or(Path::new("SRC"));
        text.push_str(&format!("next: tcolz repair {dataset} --source {}\n", source.display()));
    }
    text
}
