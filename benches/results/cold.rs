//! Section `cold`: first epochs, the page cache asked to forget the shards before each; on the disk as it is,
//! and where the system lets us make it slower.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::Stage;

use crate::child;
use crate::report::{Goal, Sample, Table, count};
use crate::settings::Settings;
use crate::throttle::Throttle;

const CODECS: [&str; 2] = ["zstd", "raw"];
/// Share of the stored bytes that must have come from the disk.
const COLD_SHARE: f64 = 0.9;
/// Raw pixels of a run, as everywhere where reading is measured.
const RAW_BYTES: f64 = 2e9;
const PHOTO_BYTES: f64 = 3.0 * 224.0 * 224.0;
/// The disk as it is; an SSD behind SATA; the slow disk of the goals.
const DISKS: [Option<u64>; 3] = [None, Some(500_000_000), Some(120_000_000)];

/// One codec's dataset, and what it stores.
struct Stored {
    codec: &'static str,
    dataset: Dataset,
    split: String,
    bytes: u64,
    rows: u64,
}

/// One codec's figures of all rounds on one disk.
#[derive(Default)]
struct Figures {
    photos_per_second: Sample,
    disk_bytes_per_second: Sample,
    /// Of what is stored, what came from the disk.
    from_disk: Sample,
}

pub(crate) fn section(settings: &Settings) -> String {
    let threads = available_parallelism().map_or(1, usize::from);
    let dump = settings.work.path().join("copies");
    let copies = copy_until(&settings.dump, &dump, (RAW_BYTES / PHOTO_BYTES) as usize);
    let stored = CODECS.map(|codec| {
        let out = settings.work.path().join(format!("cold-{codec}"));
        child::convert(&dump, &out, threads, &["--codec", codec]);
        Stored::of(codec, &out)
    });
    let [zstd, raw] = &stored;
    let ratio = raw.bytes as f64 / zstd.bytes as f64;
    let in_hundredths = |value: f64| (value * 100.0).round() / 100.0;
    let goal = Goal::AtLeast(in_hundredths(0.9 * ratio), in_hundredths(ratio));
    let mut table =
        Table::new(["disk", "shards", "photos/s", "MB/s from the disk", "of what is stored"]);
    let mut verdicts = Table::new(["disk", "zstd against raw", "rounds", "verdict"]);
    let mut refused = String::new();
    for limit in DISKS {
        let disk =
            limit.map_or("as it is".to_owned(), |limit| format!("{} MB/s", limit / 1_000_000));
        let mut figures = CODECS.map(|_| Figures::default());
        for round in 0..settings.rounds {
            for (stored, figures) in stored.iter().zip(&mut figures) {
                println!("round {}: {}, cold, disk {disk}", round + 1, stored.codec);
                let begin = |limit| Throttle::begin(settings.work.path(), limit);
                match limit.map(begin).transpose() {
                    Ok(_throttle) => stored.read(threads, round, figures),
                    Err(error) => refused = format!(" Not here: {error}."),
                }
            }
        }
        let [of_zstd, of_raw] = &figures;
        if of_zstd.photos_per_second.is_empty() {
            continue;
        }
        for (stored, figures) in stored.iter().zip(&figures) {
            let speed = &figures.photos_per_second;
            table.row([
                disk.clone(),
                stored.codec.to_owned(),
                format!("{:.0} ({})", speed.median(), speed.spread(0)),
                format!("{:.0}", figures.disk_bytes_per_second.median()),
                format!("{:.2}", figures.from_disk.median()),
            ]);
        }
        let won = of_zstd.photos_per_second.over(&of_raw.photos_per_second);
        let cold = figures.iter().all(|figures| figures.from_disk.median() >= COLD_SHARE);
        let verdict = match goal.verdict(won.median()) {
            _ if !cold => "not cold: the system kept shards",
            verdict => verdict,
        };
        verdicts.row([disk, format!("{:.2}", won.median()), won.spread(2), verdict.to_owned()]);
    }
    format!(
        "## Cold\n\nOne shuffled epoch of float32 batches of 64 by {threads} workers, maps, from opening the shards on, the page cache asked \
         to forget them before it; {} photos ({} under {copies} names each); {} rounds, in turn. That they were cold shows in what came from the \
         disk, read ahead included. The slower disks are this one, limited by the system (a control group).{refused}\n\n{}\n\
         The sizes differ {ratio:.2} times, and so must the speeds: {}. They can only where the disk is slower than \
         decompression (section Reading).\n\n{}",
        count(zstd.rows),
        settings.photos(),
        settings.rounds,
        table.text(),
        goal.words(""),
        verdicts.text(),
    )
}

impl Stored {
    fn of(codec: &'static str, out: &Path) -> Stored {
        let dataset = Dataset::open(out).expect("a dataset of this run");
        let split = &dataset.meta().splits[0];
        let bytes = split.shards.iter().map(|shard| shard.bytes).sum();
        let (split, rows) = (split.name.clone(), split.rows);
        Stored { codec, dataset, split, bytes, rows }
    }

    /// One epoch, cold.
    fn read(&self, threads: usize, round: usize, figures: &mut Figures) {
        self.dataset.drop_cached(&self.split).expect("shards of this run");
        let loader = self.dataset.loader(&self.split).view("caffe").batch_size(64).workers(threads);
        let loader = loader.shuffle(round as u64).build().expect("a loader of this run");
        let go = AtomicBool::new(false);
        let rate = loader.measure(Stage::Batches, None, &go).expect("an epoch of this run");
        let disk = rate.disk_bytes.unwrap_or(0) as f64;
        figures.photos_per_second.push(rate.photos_per_second());
        figures.disk_bytes_per_second.push(disk / rate.seconds / 1e6);
        figures.from_disk.push(disk / self.bytes as f64);
    }
}

/// The dump's photos, without its lists, under as many names as it takes; how many those are.
fn copy_until(dump: &Path, out: &Path, photos: usize) -> usize {
    let mut files = Vec::new();
    let mut folders = vec![dump.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the dump") {
            let path = entry.expect("the dump").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension != "txt") {
                files.push(path);
            }
        }
    }
    let copies = photos.div_ceil(files.len());
    for copy in 0..copies {
        for file in &files {
            let below = file.strip_prefix(dump).expect("found below the dump");
            let name = out.join(copy.to_string()).join(below);
            fs::create_dir_all(name.parent().expect("joined above")).expect("a folder of this run");
            // Another name costs nothing, where the file system has it.
            let linked = fs::hard_link(file, &name);
            linked.or_else(|_| fs::copy(file, &name).map(|_| ())).expect("a photo's copy");
        }
    }
    copies
}
