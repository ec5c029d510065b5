//! Section `cold`: first epochs, the page cache asked to forget the shards before each.

use std::sync::atomic::AtomicBool;
use std::thread::available_parallelism;

use tcolz::Dataset;
use tcolz::loader::Stage;

use crate::child;
use crate::report::{Goal, Sample, Table};
use crate::settings::Settings;

const CODECS: [&str; 2] = ["zstd", "raw"];
/// Share of the stored bytes that must have come from the disk.
const COLD_SHARE: f64 = 0.9;

/// One codec's dataset, and its figures of all rounds.
struct Row {
    codec: &'static str,
    dataset: Dataset,
    stored: u64,
    photos_per_second: Sample,
    disk_bytes_per_second: Sample,
    /// Of what is stored, what came from the disk.
    from_disk: Sample,
}

pub(crate) fn section(settings: &Settings) -> String {
    let threads = available_parallelism().map_or(1, usize::from);
    let mut rows = CODECS.map(|codec| {
        let out = settings.work.path().join(format!("cold-{codec}"));
        child::convert(&settings.dump, &out, threads, &["--codec", codec]);
        let dataset = Dataset::open(&out).expect("a dataset of this run");
        let stored = largest(&dataset).1;
        let [photos_per_second, disk_bytes_per_second, from_disk] =
            std::array::from_fn(|_| Sample::default());
        Row { codec, dataset, stored, photos_per_second, disk_bytes_per_second, from_disk }
    });
    for round in 0..settings.rounds {
        for row in &mut rows {
            println!("round {}: {}, cold", round + 1, row.codec);
            let split = largest(&row.dataset).0;
            row.dataset.drop_cached(&split).expect("shards of this run");
            let loader = row.dataset.loader(&split).view("caffe").batch_size(64).workers(threads);
            let loader = loader.shuffle(round as u64).build().expect("a loader of this run");
            let go = AtomicBool::new(false);
            let rate = loader.measure(Stage::Batches, None, &go).expect("an epoch of this run");
            let disk = rate.disk_bytes.unwrap_or(0) as f64;
            row.photos_per_second.push(rate.photos_per_second());
            row.disk_bytes_per_second.push(disk / rate.seconds / 1e6);
            row.from_disk.push(disk / row.stored as f64);
        }
    }
    let cold = rows.iter().all(|row| row.from_disk.median() >= COLD_SHARE);
    let mut table = Table::new(["shards", "photos/s", "MB/s from the disk", "of what is stored"]);
    for row in &rows {
        table.row([
            row.codec.to_owned(),
            format!("{:.0} ({})", row.photos_per_second.median(), row.photos_per_second.spread(0)),
            format!("{:.0}", row.disk_bytes_per_second.median()),
            format!("{:.2}", row.from_disk.median()),
        ]);
    }
    let [zstd, raw] = &rows;
    let ratio = raw.stored as f64 / zstd.stored as f64;
    let in_hundredths = |value: f64| (value * 100.0).round() / 100.0;
    let goal = Goal::AtLeast(in_hundredths(0.9 * ratio), in_hundredths(ratio));
    let won = zstd.photos_per_second.over(&raw.photos_per_second);
    let verdict =
        if cold { goal.verdict(won.median()) } else { "not cold: the system kept shards" };
    format!(
        "## Cold\n\nOne shuffled epoch of float32 batches of 64 by {threads} workers, maps, the page cache asked to forget the \
         shards before it; {} rounds, in turn. Whether it did shows in what came from the disk, read ahead included.\n\n{}\n\
         zstd against raw: {:.2} times as fast ({}); their sizes differ {ratio:.2} times, and so must the speeds ({}): {verdict}. \
         They can only where the disk is slower than decompression (section Reading).\n",
        settings.rounds,
        table.text(),
        won.median(),
        won.spread(2),
        goal.words(""),
    )
}

/// The split with the most stored bytes, and how many those are.
fn largest(dataset: &Dataset) -> (String, u64) {
    let splits = dataset.meta().splits.iter();
    let bytes =
        |split: &tcolz::dataset::SplitMeta| split.shards.iter().map(|shard| shard.bytes).sum();
    splits
        .map(|split| (split.name.clone(), bytes(split)))
        .max_by_key(|&(_, bytes)| bytes)
        .expect("a dataset has splits")
}
