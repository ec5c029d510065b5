//! What the demo says.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::Path;

use tcolz_convert::ConvertSummary;
use tcolz_demo::{CLASSES, DemoDump, Findings, Oddity, ReadBack, SPLITS};
use tcolz_format::dataset::Dataset;
use tcolz_format::sample::Status;

use super::super::output::{Facts, bytes, count, duration, plural, rate, says_little, shown};
use super::places::Places;

/// Oddities named in a line about the second sheet.
const SHEET_COLUMNS: usize = 4;

pub(super) fn dump(dump: &DemoDump) -> String {
    let mut text = String::new();
    let folder = shown(&dump.root);
    let _ = writeln!(
        text,
        "   {folder}: {} of {} classes ({}),\n   and {}, one of each kind that real dumps hold; {} in all",
        plural(dump.photos.len() as u64, "photo"),
        CLASSES.len(),
        CLASSES.join(", "),
        plural(dump.oddities.len() as u64, "odd line"),
        plural(dump.tweets as u64, "tweet"),
    );
    text
}

/// The percentage of bad inputs that the dump's oddities make, rounded up.
pub(super) fn bad_percent(dump: &DemoDump) -> usize {
    let bad = |status| matches!(status, Status::Quarantined | Status::Missing);
    let bad = dump.oddities.iter().filter(|line| bad(line.oddity.expected().status)).count();
    (100 * bad).div_ceil(dump.listed())
}

pub(super) fn converted(summary: &ConvertSummary) -> String {
    let counts = summary.dataset.meta().counts;
    format!(
        "   {} listed = {} stored + {} quarantined + {} missing + {} duplicate\n   {}\n",
        count(counts.listed),
        count(counts.stored),
        count(counts.quarantined),
        count(counts.missing),
        count(counts.duplicate),
        time(summary.seconds, summary.photos_per_second())
    )
}

/// What a step took, with its speed where that says something.
fn time(seconds: f64, photos_per_second: f64) -> String {
    match says_little(seconds) {
        true => duration(seconds),
        false => format!("{}, {} photos/s", duration(seconds), rate(photos_per_second)),
    }
}

pub(super) fn findings(findings: &Findings) -> String {
    let mut text = String::new();
    for finding in &findings.oddities {
        let verdict = if finding.differs.is_none() { "PASS" } else { "DIFFERS" };
        let status = finding.status.map_or("not there", Status::as_str);
        let reason = finding.reason.as_deref().unwrap_or("");
        let code = reason.split_once(':').map_or(reason, |(code, _)| code);
        let line = &finding.line;
        let _ = writeln!(
            text,
            "   {verdict:<7}  {:<26}  {status:<11}  {code:<14}  {}",
            line.oddity.describe(),
            line.sample_id
        );
        if let Some(differs) = &finding.differs {
            let _ = writeln!(text, "            {}, line {}: {differs}", line.list, line.line);
        }
    }
    let ordinary = plural(findings.ordinary, "ordinary photo");
    let verdict = if findings.astray.is_empty() { "PASS" } else { "DIFFERS" };
    let _ = writeln!(text, "   {verdict:<7}  {ordinary:<26}  stored");
    for sentence in &findings.astray {
        let _ = writeln!(text, "            {sentence}");
    }
    text
}

pub(super) fn read_back(read: &ReadBack) -> String {
    let mut text = String::new();
    for sentence in &read.wrong {
        let _ = writeln!(text, "   WRONG    {sentence}");
    }
    if read.wrong.is_empty() {
        let _ = writeln!(
            text,
            "   {}, {} of pixels, each as the ledger describes it\n   {} samples/s, {}/s of pixels: one thread, hashes tested, {} in {:.2} s",
            plural(read.samples, "sample"),
            bytes(read.raw_bytes),
            rate(read.samples_per_second()),
            bytes(read.bytes_per_second() as u64),
            if read.passes == 1 { "once".to_owned() } else { format!("{} times", read.passes) },
            read.seconds
        );
    }
    let on_terminal = std::io::stdout().is_terminal();
    for class in &read.classes {
        let [r, g, b] = class.mean.map(|level| level.round() as u8);
        let patch = if on_terminal {
            format!("\x1b[48;2;{r};{g};{b}m      \x1b[0m  ")
        } else {
            String::new()
        };
        let samples = plural(class.samples, "sample");
        let _ = writeln!(
            text,
            "   {:<8}  {samples:>13}  {patch}mean colour R {r:>3}, G {g:>3}, B {b:>3}",
            class.class
        );
    }
    text
}

pub(super) fn sheets(places: &Places, oddities: &[Oddity]) -> String {
    let mut text = format!("   {}: a class a row\n", shown(&places.classes));
    let _ = writeln!(text, "   {}:", shown(&places.oddities));
    for row in oddities.chunks(SHEET_COLUMNS) {
        let names: Vec<&str> = row.iter().map(|oddity| oddity.describe()).collect();
        let _ = writeln!(text, "      {}", names.join(" | "));
    }
    text
}

/// Every path worth a look, and what to type next.
pub(super) fn look_at(places: &Places, dump: &DemoDump, dataset: &Dataset) -> String {
    let mut facts = Facts::default();
    let mut add = |path: &Path, what: &str| {
        facts.add(shown(path), what);
    };
    for (list, split) in dump.lists.iter().zip(SPLITS) {
        add(&dump.root.join(list), &format!("the list of {split}: path, label"));
    }
    add(&dump.root.join("data"), "the photos, folders by the first five digits of the tweet's id");
    add(&dump.root.join(&dump.text_sentiment), "what the tweets' texts say: TWID NEG NEU POS");
    let meta = dataset.meta();
    add(
        &dataset.root().join(tcolz_format::dataset::DATASET_FILE),
        "what the dataset is: recipe, views, checksums",
    );
    add(&dataset.root().join(&meta.ledger.file), "a row for every line of every list (Parquet)");
    for shard in meta.splits.iter().flat_map(|split| split.shards.first()) {
        let rows = plural(shard.rows, "sample");
        add(&dataset.root().join(&shard.file), &format!("{rows}, {} (Arrow)", bytes(shard.bytes)));
    }
    add(&places.log, "how the conversion went: speed, threads, shards");
    add(&places.classes, "stored samples, a class a row");
    add(&places.oddities, "stored samples that were odd");
    let out = shown(dataset.root());
    // There is a run where something was learnt.
    let (model, curves) = (places.run.join("best.safetensors"), places.run.join("curves.png"));
    let mut more = String::new();
    if model.exists() {
        add(&curves, "how the network learnt");
        add(&model, "what it learnt");
        let (model, photo) = (shown(&model), shown(&dump.root.join(&dump.photos[0])));
        more = format!(
            "  tcolz evaluate {model} {out} --split test --unseen\n  tcolz predict {model} {photo}\n  tcolz serve {model}\n"
        );
    }
    let truncated = &dump.odd_line(Oddity::Truncated).sample_id;
    format!(
        "\nlook at:\n{}\nnow try:\n  tcolz show {out} {truncated} --png sample.png\n  tcolz verify {out} --source {}\n  duckdb -c \"select status, reason, path from '{out}/ledger.parquet' where reason is not null\"\n{more}  tcolz convert YOUR-PHOTOS OUT\n",
        facts.text(),
        shown(&dump.root)
    )
}

pub(super) fn verdict(well: bool, seconds: f64) -> String {
    let verdict = if well {
        "all is as it must be"
    } else {
        "something is not as it must be: see the lines DIFFERS, WRONG or those of verify. \
         This is a defect of tcolz, or of the disk"
    };
    format!("\n{verdict}; {seconds:.1} s in all\n")
}
