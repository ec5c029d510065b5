//! `tcolz repair`.

use indicatif::ProgressBar;
use serde_json::json;
use tcolz_convert::{RepairObserver, RepairedShard};
use tcolz_convert::{RepairOptions, RepairReport, repair};

use super::args::RepairArgs;
use super::ending::Ending;
use super::output::{one_line, plain, plural, print, say, shown};
use super::progress::byte_bar;
use super::stop::{FINISHING, stop_on_ctrl_c};

/// Rows printed one by one; a source that is not the right one makes thousands.
const MAX_SHOWN: usize = 50;

pub(super) fn run(args: &RepairArgs) -> anyhow::Result<Ending> {
    let mut options = RepairOptions::new(&args.dataset, &args.source);
    if let Some(threads) = args.threads {
        options.threads = usize::from(threads);
    }
    let progress = Progress { bar: byte_bar(0, args.json), quiet: args.json };
    let stop = stop_on_ctrl_c(FINISHING)?;
    let result = repair(&options, &stop, &progress);
    progress.bar.finish_and_clear();
    let report = result?;
    if args.json {
        let mut value = serde_json::to_value(&report)?;
        value["ok"] = json!(report.is_sound());
        print(&format!("{value:#}\n"));
    } else {
        print(&text(&report, args));
    }
    Ok(match (report.stopped, report.unrepaired.is_empty()) {
        (true, _) => Ending::Interrupted,
        (false, true) => Ending::Done,
        (false, false) => Ending::Failed,
    })
}

/// A bar for the test of all shards, then one for the damaged ones.
struct Progress {
    bar: ProgressBar,
    quiet: bool,
}

impl RepairObserver for Progress {
    fn listing(&self, done: u64, all: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
    }

    fn testing(&self, bytes: u64) {
        self.bar.reset();
        self.bar.set_length(bytes);
    }

    fn tested(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn repairing(&self, shards: u64, bytes: u64) {
        if !self.quiet {
            let shards = plural(shards, "damaged shard");
            self.bar.suspend(|| say!("{shards}; writing them anew"));
        }
        self.bar.reset();
        self.bar.set_length(bytes);
    }

    fn note(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| say!("note: {}", plain(text)));
        }
    }

    fn repaired(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

fn text(report: &RepairReport, args: &RepairArgs) -> String {
    let (dataset, source) = (shown(&args.dataset), shown(&args.source));
    let mut text = String::new();
    for shard in &report.repaired {
        text.push_str(&format!("{}: {}\n", one_line(&shard.file), done(shard)));
    }
    let another = report.another_source.as_deref();
    let shown = if another.is_some() { 1 } else { MAX_SHOWN };
    for row in report.unrepaired.iter().take(shown) {
        text.push_str(&format!("{}\n", one_line(&plain(&row.to_string()))));
    }
    if report.unrepaired.len() > shown {
        let rest = report.unrepaired.len() - shown;
        let again = format!("tcolz repair {dataset} --source {source} --json");
        text.push_str(&format!("… and {rest} more; `{again}` lists them all\n"));
    }
    let repaired = plural(report.repaired.len() as u64, "shard");
    let mut left: Vec<&str> = report.unrepaired.iter().map(|row| &*row.file).collect();
    left.dedup();
    let seconds = report.seconds;
    if report.stopped {
        text.push_str(&format!(
            "{dataset}: stopped, {repaired} repaired; the same command goes on from there\n"
        ));
    } else if !left.is_empty() {
        let next = match another {
            Some(why) => format!("{source}: {}", one_line(why)),
            None => format!(
                "next: put the source files back as they were and type the same command again, or convert \
                 what there is into a new folder: tcolz convert {source} NEW"
            ),
        };
        text.push_str(&format!(
            "{dataset}: {repaired} repaired, {} left as found ({}), {seconds:.1} s\n{next}\n",
            plural(left.len() as u64, "shard"),
            one_line(&left.join(", "))
        ));
    } else if report.repaired.is_empty() {
        text.push_str(&format!(
            "{dataset}: nothing to repair: {} in {} are as they were written, {seconds:.1} s\n",
            plural(report.sound, "sample"),
            plural(report.shards, "shard")
        ));
    } else {
        text.push_str(&format!(
            "{dataset}: {repaired} repaired, every sample has the pixels it had, {seconds:.1} s\n\
             next: tcolz verify {dataset}\n"
        ));
    }
    text
}

fn done(shard: &RepairedShard) -> String {
    let bytes = if shard.same_bytes {
        "same bytes as written at first"
    } else {
        "same pixels in other bytes (another version compressed it), as dataset.json says now"
    };
    let again = plural(shard.made_again, "sample");
    let whose = if shard.made_again == 1 { "its" } else { "their" };
    format!("{again} made again from {whose} source, {} copied; {bytes}", shard.copied)
}
