//! `tcolz bench`: what this machine gets out of a dataset.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::{Value, json};
use tcolz_base::usage::{cores, short_of_address_space};
use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::{
    ColdLimit, ColdRates, DEFAULT_BATCH_MEMORY_BYTES, Element, Limit, Limits, Loader, LoaderError,
    Rate, Select, Stage, StageRates,
};
use tcolz_pixels::recipe::Codec;
use tcolz_pixels::{bf16, f16};

use super::args::{BatchDtype, BenchArgs};
use super::ending::Ending;
use super::output::{
    Facts, bytes, duration, one_line, plural, print, rate, say, says_little, shown, times_as_many,
};
use super::stop::stop_on_ctrl_c;

const STAGES: [(Stage, &str); 3] = [
    (Stage::Storage, "storage"),
    (Stage::Decompression, "+ decompression"),
    (Stage::Batches, "whole batches"),
];

/// Batches and threads beside a batch for each thread that reads: those that wait, and those that read ahead.
const OTHERS: usize = 3;

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
        say!("stopped: what was measured so far is not shown");
        return Ok(Ending::Interrupted);
    }
    if args.json {
        print(&format!("{:#}\n", run.as_json(&measured)));
    } else {
        print(&run.text(&measured));
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
#[derive(Clone)]
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

    /// What the figures say; `None` while there are none.
    fn limits(&self) -> Option<Limits> {
        let of = |figures: &[Figure], stage, threads| {
            let found = figures.iter().find(|one| one.stage == stage && one.threads == threads);
            found.map(|figure| figure.rate.photos_per_second())
        };
        let batches = self.warm.iter().filter(|figure| figure.stage == Stage::Batches);
        let warm = batches.filter_map(|figure| {
            let threads = figure.threads;
            Some(StageRates {
                threads,
                storage: of(&self.warm, Stage::Storage, threads)?,
                decompression: of(&self.warm, Stage::Decompression, threads)?,
                batches: figure.rate.photos_per_second(),
            })
        });
        let is_cold = self.cold.iter().all(|figure| self.is_cold(figure));
        let cold = self.cold.first().filter(|_| is_cold).and_then(|figure| {
            let of = |stage| of(&self.cold, stage, figure.threads);
            Some(ColdRates { storage: of(Stage::Storage)?, batches: of(Stage::Batches)? })
        });
        Limits::of(&warm.collect::<Vec<_>>(), cold)
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
        builder.build_as().map_err(|error| match error {
            // As it was typed.
            LoaderError::Option { option: "batch size", expected, found } => {
                anyhow::anyhow!("--batch-size: expected {expected}, found {found}")
            }
            error => error.into(),
        })
    }

    /// Tests that the limit of the address space leaves enough for batches of such numbers.
    fn check_memory(&self, number_bytes: usize, threads: usize) -> anyhow::Result<()> {
        let meta = self.dataset.meta();
        let side = self.args.size.unwrap_or_else(|| meta.recipe.largest_size()) as usize;
        let batch = self.args.batch_size.saturating_mul(3 * side * side * number_bytes);
        let batches = batch.saturating_mul(threads + OTHERS).min(DEFAULT_BATCH_MEMORY_BYTES);
        let split = self.dataset.split(&self.select.split)?;
        let shards: u64 = split.shards.iter().map(|shard| shard.bytes).sum();
        match short_of_address_space(batches as u64 + shards, threads + OTHERS) {
            Some((needed, left)) => anyhow::bail!(
                "batches, shards and threads need about {} of address space, and the limit (`ulimit -v`) leaves {}: raise it, \
                 or take fewer threads (-j) or a smaller --batch-size",
                bytes(needed),
                bytes(left)
            ),
            None => Ok(()),
        }
    }

    fn measure<T: Element>(&self) -> anyhow::Result<Measured> {
        let all = self.args.threads.map_or_else(cores, usize::from);
        self.check_memory(size_of::<T>(), all)?;
        let numbers = if all == 1 { vec![1] } else { vec![1, all] };
        let bar = spinner(self.args.json);
        let mut measured = Measured { samples: 0, view: String::new(), warm: vec![], cold: vec![] };
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
        Ok(measured)
    }

    fn text(&self, measured: &Measured) -> String {
        let mut text = format!(
            "{}, split {}: {}, batches of {} as {}, {}shuffled\n",
            shown(self.dataset.root()),
            one_line(&self.select.split),
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
        let shown = measured.warm.iter().chain(&measured.cold);
        if shown.clone().any(|figure| says_little(figure.rate.seconds)) {
            text.push_str("  what was measured for less than a second says little\n");
        }
        if let Some(limits) = measured.limits() {
            text.push_str(&self.facts(&limits).text());
        }
        text
    }

    /// What limits, in words, with advice only where it was measured or is certain.
    fn facts(&self, limits: &Limits) -> Facts {
        let mut facts = Facts::default();
        let threads = plural(limits.threads as u64, "thread");
        facts.add("limit", format!("{}, with {threads}", self.stage(limits.stage)));
        if let Some(scaling) = limits.scaling {
            let many = plural(scaling.many as u64, "thread");
            let few = scaling.few.to_string();
            let said = format!("{many} give {}", times_as_many(scaling.times, "photos", &few));
            let more = match scaling.helps() {
                false => "; more threads do not help here".to_owned(),
                true if scaling.many < cores() => {
                    format!("; this machine has {0}: -j {0} measures them", cores())
                }
                true => String::new(),
            };
            facts.add("threads", said + &more);
        }
        if let Some(first) = limits.first_epoch {
            let share = 100.0 * first.share;
            facts.add(
                "first epoch",
                match first.limit {
                    ColdLimit::Nothing => "as fast from the disk as from memory".to_owned(),
                    ColdLimit::Disk => {
                        format!("{share:.0} % of the speed from memory: the disk gives no more")
                    }
                    ColdLimit::Both => format!(
                        "{share:.0} % of the speed from memory: disk and processor work in turn; \
                         the disk alone gives {} times as many photos",
                        rate(first.disk_times)
                    ),
                },
            );
        }
        facts
    }

    fn stage(&self, limit: Limit) -> &'static str {
        match (limit, self.args.dtype) {
            (Limit::Storage, _) => "fetching the stored bytes and testing their hash",
            (Limit::Decompression, _) if self.dataset.meta().recipe.codec == Codec::Raw => {
                "copying the tensors out of the shards"
            }
            (Limit::Decompression, _) => {
                "decompression (`tcolz convert --codec raw` trades size for speed)"
            }
            (Limit::Memory, BatchDtype::F32) => {
                "writing batches (--dtype f16 or u8 writes half or a quarter as much)"
            }
            (Limit::Memory, BatchDtype::F16 | BatchDtype::Bf16) => {
                "writing batches (--dtype u8 writes half as much)"
            }
            (Limit::Memory, BatchDtype::U8) => "writing batches",
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
            "limit": measured.limits().map(|limits| limits.stage),
            "limits": measured.limits(),
        })
    }
}

fn line(figure: &Figure, cache: &str) -> String {
    let Figure { stage, threads, rate: found } = figure;
    let short = if says_little(found.seconds) {
        format!("  in {}", duration(found.seconds))
    } else {
        String::new()
    };
    format!(
        "  {cache}, {:9}  {:16} {:>9} photos/s  {:>8}/s{short}\n",
        plural(*threads as u64, "thread"),
        name(*stage),
        rate(found.photos_per_second()),
        bytes(found.bytes_per_second() as u64),
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

    fn figure(stage: Stage, photos: u64, bytes: u64, disk_bytes: Option<u64>) -> Figure {
        Figure { stage, threads: 1, rate: Rate { photos, seconds: 1.0, bytes, disk_bytes } }
    }

    fn measured(warm: Vec<Figure>, cold: Vec<Figure>) -> Measured {
        Measured { samples: 100, view: "caffe".to_owned(), warm, cold }
    }

    #[test]
    fn an_epoch_is_cold_where_the_disk_gave_what_its_own_size_stores() {
        // Several epochs of it, 13 kB a photo; what other sizes store does not matter.
        let found = measured(vec![figure(Stage::Storage, 1000, 13_000_000, Some(0))], vec![]);
        let cold = |disk| found.is_cold(&figure(Stage::Batches, 100, 60_000_000, disk));
        assert!(cold(Some(1_300_000)) && cold(Some(1_180_000)) && cold(Some(5_000_000)));
        assert!(!cold(Some(1_000_000)) && !cold(Some(0)) && !cold(None));
    }

    #[test]
    fn the_limits_are_those_of_the_figures_that_are_shown() {
        use Stage::{Batches, Decompression, Storage};
        let warm = || {
            let rates = [(Storage, 60_000), (Decompression, 7_000), (Batches, 6_100)];
            rates.map(|(stage, rate)| figure(stage, rate, 13_000 * rate, Some(0))).to_vec()
        };
        let cold = |disk| {
            let rates = [(Storage, 12_344), (Batches, 4_470)];
            rates.map(|(stage, rate)| figure(stage, rate, 0, Some(disk * rate))).to_vec()
        };
        let limits = measured(warm(), cold(13_000)).limits().unwrap();
        assert_eq!((limits.stage, limits.scaling), (Limit::Decompression, None));
        assert_eq!(limits.first_epoch.unwrap().limit, ColdLimit::Both);
        let kept = measured(warm(), cold(0)).limits().unwrap();
        assert_eq!(kept.first_epoch, None, "the system kept the shards in memory");
        assert_eq!(measured(vec![], vec![]).limits(), None);
    }
}
