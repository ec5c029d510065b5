//! `tcolz bench`: what this machine gets out of a dataset.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::{Value, json};
use tcolz::Dataset;
use tcolz::loader::{Element, Limit, Loader, Rate, Select, Stage};
use tcolz::transform::{bf16, f16};

use super::Ending;
use super::args::{BatchDtype, BenchArgs};
use super::convert::stop_on_ctrl_c;
use super::output::{bytes, count, plural, print};

const STAGES: [(Stage, &str); 3] = [
    (Stage::Storage, "storage"),
    (Stage::Decompression, "+ decompression"),
    (Stage::Batches, "whole batches"),
];

/// Of what is stored, the share that must come from the disk for a measurement to be called cold.
const COLD_SHARE: f64 = 0.9;

pub(super) fn run(args: &BenchArgs) -> anyhow::Result<Ending> {
    let dataset = Dataset::open(&args.dataset)?;
    let select = args.select.select(&dataset)?;
    let stop = stop_on_ctrl_c("stopping; Ctrl-C again stops at once")?;
    let run = Run { args, dataset: &dataset, select: &select, stop: &stop };
    let measured = match args.dtype {
        BatchDtype::F32 => run.measure::<f32>(),
        BatchDtype::F16 => run.measure::<f16>(),
        BatchDtype::Bf16 => run.measure::<bf16>(),
        BatchDtype::U8 => run.measure::<u8>(),
    };
    let measured = measured?;
    if stop.load(Ordering::Relaxed) {
        eprintln!("stopped: what was measured so far is not shown");
        return Ok(Ending::Interrupted);
    }
    if args.json {
        print(&format!("{:#}\n", run.as_json(&measured)))?;
    } else {
        print(&run.text(&measured))?;
    }
    Ok(Ending::Done)
}

/// What is measured, and how.
struct Run<'a> {
    args: &'a BenchArgs,
    dataset: &'a Dataset,
    select: &'a Select,
    stop: &'a AtomicBool,
}

/// One figure.
struct Figure {
    stage: Stage,
    threads: usize,
    rate: Rate,
}

struct Measured {
    samples: usize,
    view: String,
    /// With the page cache as full as one epoch makes it.
    warm: Vec<Figure>,
    /// One epoch each after the cache was dropped; all threads.
    cold: Vec<Figure>,
    limit: Limit,
}

impl Measured {
    /// True where the disk was waited for, and not the cache read: as many bytes came from it as the samples
    /// have stored, in the size that is read and no other, by what storage alone gave.
    fn is_cold(&self, figure: &Figure) -> bool {
        let Some(storage) = self.warm.iter().find(|figure| figure.stage == Stage::Storage) else {
            return false;
        };
        let stored = storage.rate.bytes as f64 / storage.rate.photos.max(1) as f64;
        let expected = stored * figure.rate.photos as f64;
        figure.rate.disk_bytes.is_some_and(|read| read as f64 >= COLD_SHARE * expected)
    }
}

impl Run<'_> {
    fn loader<T: Element>(&self, threads: usize) -> anyhow::Result<Loader<T>> {
        let mut builder = self.dataset.loader(&self.select.split).select(self.select.clone());
        builder = builder.workers(threads).batch_size(self.args.batch_size).shuffle(0);
        if let Some(view) = &self.args.view {
            builder = builder.view(view);
        }
        if let Some(size) = self.args.size {
            builder = builder.size(size);
        }
        Ok(builder.build_as()?)
    }

    fn measure<T: Element>(&self) -> anyhow::Result<Measured> {
        let all = self.args.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, usize::from),
            usize::from,
        );
        let numbers = if all == 1 { vec![1] } else { vec![1, all] };
        let bar = spinner(self.args.json);
        let mut measured = Measured {
            samples: 0,
            view: String::new(),
            warm: vec![],
            cold: vec![],
            limit: Limit::Memory,
        };
        // Before anything maps the shards: what is mapped stays in the cache.
        let cold = [Stage::Storage, Stage::Batches].into_iter().filter(|_| !self.args.no_cold);
        for stage in cold {
            bar.set_message(format!("cold: {}", name(stage)));
            self.dataset.drop_cached(&self.select.split)?;
            let rate = self.loader::<T>(all)?.measure(stage, None, self.stop)?;
            measured.cold.push(Figure { stage, threads: all, rate });
        }
        let time = Duration::from_secs_f64(self.args.seconds);
        for threads in numbers {
            let loader = self.loader::<T>(threads)?;
            measured.samples = loader.selection().len();
            measured.view = loader.view().to_owned();
            if measured.warm.is_empty() {
                bar.set_message("warming up");
                loader.measure(Stage::Storage, None, self.stop)?;
            }
            for (stage, name) in STAGES {
                bar.set_message(format!("{}, {name}", plural(threads as u64, "thread")));
                let rate = loader.measure(stage, Some(time), self.stop)?;
                measured.warm.push(Figure { stage, threads, rate });
            }
        }
        bar.finish_and_clear();
        let of = |stage| {
            let figure = measured.warm.iter().rfind(|figure| figure.stage == stage);
            figure.map_or(f64::INFINITY, |figure| figure.rate.photos_per_second())
        };
        measured.limit =
            Limit::of(of(Stage::Storage), of(Stage::Decompression), of(Stage::Batches));
        Ok(measured)
    }

    fn text(&self, measured: &Measured) -> String {
        let mut text = format!(
            "{}, split {}: {}, batches of {} as {}, {}shuffled\n",
            self.dataset.root().display(),
            self.select.split,
            plural(measured.samples as u64, "sample"),
            self.args.batch_size,
            self.args.dtype,
            if self.args.dtype == BatchDtype::U8 {
                String::new()
            } else {
                format!("view {}, ", measured.view)
            },
        );
        for figure in &measured.warm {
            text.push_str(&line(figure, "warm"));
        }
        for figure in &measured.cold {
            if measured.is_cold(figure) {
                text.push_str(&line(figure, "cold"));
            } else {
                text.push_str(&format!(
                    "  cold, {}: not measured: the system kept the shards in memory ({} read from the disk)\n",
                    name(figure.stage),
                    figure.rate.disk_bytes.map_or("?".to_owned(), bytes),
                ));
            }
        }
        text.push_str(&format!("  {}\n", self.limit(measured)));
        text
    }

    fn limit(&self, measured: &Measured) -> String {
        let warm = match measured.limit {
            Limit::Storage => "limit in memory: getting and testing the stored bytes",
            Limit::Decompression => {
                "limit in memory: decompression; more threads help, --codec raw trades size for speed"
            }
            Limit::Memory => {
                "limit in memory: writing batches; --dtype f16 or u8 writes half or a quarter as much"
            }
        };
        let rate = |figures: &[Figure]| {
            let batches = figures.iter().rfind(|figure| figure.stage == Stage::Batches);
            batches.map(|figure| figure.rate.photos_per_second())
        };
        let cold = measured.cold.iter().all(|figure| measured.is_cold(figure));
        match rate(&measured.cold).zip(rate(&measured.warm)) {
            Some((first, later)) if cold && first < 0.8 * later => format!(
                "{warm}\n  limit of a first epoch: the disk, {:.0} % of the speed in memory",
                100.0 * first / later
            ),
            _ => warm.to_owned(),
        }
    }

    fn as_json(&self, measured: &Measured) -> Value {
        let figure = |figure: &Figure, cold: Option<bool>| {
            json!({
                "stage": figure.stage,
                "threads": figure.threads,
                "cold": cold,
                "photos": figure.rate.photos,
                "seconds": figure.rate.seconds,
                "photos_per_second": figure.rate.photos_per_second(),
                "bytes": figure.rate.bytes,
                "bytes_per_second": figure.rate.bytes_per_second(),
                "disk_bytes": figure.rate.disk_bytes,
            })
        };
        let warm = measured.warm.iter().map(|one| figure(one, Some(false)));
        // Null where the system kept the shards in memory: neither cold nor surely warm.
        let cold =
            measured.cold.iter().map(|one| figure(one, measured.is_cold(one).then_some(true)));
        json!({
            "dataset": self.dataset.root(),
            "split": self.select.split,
            "samples": measured.samples,
            "batch_size": self.args.batch_size,
            "dtype": self.args.dtype.to_string(),
            "view": measured.view,
            "figures": warm.chain(cold).collect::<Vec<_>>(),
            "limit": measured.limit,
        })
    }
}

fn line(figure: &Figure, cache: &str) -> String {
    let rate = figure.rate;
    format!(
        "  {cache}, {:9}  {:16} {:>9} photos/s  {:>8}/s\n",
        plural(figure.threads as u64, "thread"),
        name(figure.stage),
        count(rate.photos_per_second() as u64),
        bytes(rate.bytes_per_second() as u64),
    )
}

fn name(stage: Stage) -> &'static str {
    STAGES.into_iter().find(|(known, _)| *known == stage).map_or("", |(_, name)| name)
}

fn spinner(json: bool) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_cold_where_the_disk_gave_what_its_own_size_stores() {
        let figure = |stage, photos, bytes, disk_bytes| Figure {
            stage,
            threads: 1,
            rate: Rate { photos, seconds: 1.0, bytes, disk_bytes },
        };
        let measured = Measured {
            samples: 100,
            view: "caffe".to_owned(),
            // Several epochs of it, 13 kB a photo; what other sizes store does not matter.
            warm: vec![figure(Stage::Storage, 1000, 13_000_000, Some(0))],
            cold: Vec::new(),
            limit: Limit::Storage,
        };
        let cold = |disk| measured.is_cold(&figure(Stage::Batches, 100, 60_000_000, disk));
        assert!(cold(Some(1_300_000)) && cold(Some(1_180_000)) && cold(Some(5_000_000)));
        assert!(!cold(Some(1_000_000)) && !cold(Some(0)) && !cold(None));
    }
}
