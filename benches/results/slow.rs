//! Section `slow`: shuffled batches from a disk that seeks, simulated over the reads of the loader.

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use tcolz::Dataset;
use tcolz::loader::forward::{Request, forward_requests};
use tcolz::loader::order::{
    WINDOW_BLOCKS, forward_blocks, mixing, shuffled_order, window_ends, windowed_order,
};
use tcolz::loader::select::Place;

use crate::child;
use crate::report::{Goal, Sample, Table, count};
use crate::settings::Settings;
use crate::slow_disk::{self, BYTES_PER_SECOND, SEEK_SECONDS, SlowDisk};

/// Photos of B-T4SA: the shards measured are repeated until there are as many.
const PHOTOS: usize = 470_586;
const BATCH: usize = 64;
const EPOCHS: u32 = 3;
/// What a page fault brings in when a shard's index is read.
const FAULT_BYTES: u64 = 131_072;
const GOAL: Goal = Goal::AtLeast(0.85, 0.95);

/// A dataset, grown: where each photo lies, shard by shard.
struct Grown {
    places: Vec<Place>,
    spans: Vec<Request>,
    row_bytes: Vec<u64>,
    /// For each shard, the places that are read when it is opened.
    index: Vec<Vec<Request>>,
}

pub(crate) fn section(settings: &Settings) -> String {
    slow_disk::check();
    let out = settings.work.path().join("converted");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    child::convert(&settings.dump, &out, threads, &[]);
    let dataset = Dataset::open(&out).expect("a dataset of this run");
    let grown = Grown::of(&dataset);
    let decoded = decoded_per_second(&dataset, settings.rounds);
    fs::remove_dir_all(&out).expect("a dataset of this run");

    let stored: u64 = grown.spans.iter().map(|span| span.length).sum();
    let photo_bytes = stored as f64 / grown.spans.len() as f64;
    let ideal = BYTES_PER_SECOND / photo_bytes;
    let blocks = forward_blocks(&grown.places, &grown.row_bytes);
    let mut table = Table::new([
        "order",
        "epoch",
        "photos/s",
        "of the disk's own",
        "seeks",
        "GB read",
        "shards, blocks in a batch",
        "verdict",
    ]);
    for windowed in [true, false] {
        let mut disk = SlowDisk::new(stored / 4);
        for epoch in 0..EPOCHS {
            let (order, ends) = if windowed {
                let order = windowed_order(1, epoch, &blocks, WINDOW_BLOCKS);
                (order, window_ends(1, epoch, &blocks, WINDOW_BLOCKS))
            } else {
                (shuffled_order(1, epoch, grown.spans.len() as u32), Vec::new())
            };
            let (seeks, bytes) = (disk.seeks, disk.bytes);
            let seconds = if windowed {
                windowed_epoch(&grown, &order, &ends, &mut disk, decoded, epoch == 0)
            } else {
                // The disk works all the time, and decoding hides behind it.
                order.iter().map(|&index| disk.read(grown.spans[index as usize])).sum()
            };
            let speed = order.len() as f64 / seconds;
            let (shards, parts) = spread(&grown, &blocks, &order);
            table.row([
                if windowed { "windowed-v1" } else { "shuffle-v1, one read a photo" }.to_owned(),
                (epoch + 1).to_string(),
                format!("{speed:.0}"),
                format!("{:.3}", speed / ideal),
                count(disk.seeks - seeks),
                format!("{:.1}", (disk.bytes - bytes) as f64 / 1e9),
                format!("{shards:.1}, {parts:.1}"),
                if windowed { GOAL.verdict(speed / ideal).to_owned() } else { String::new() },
            ]);
        }
    }
    let mixed = mixing(&blocks, WINDOW_BLOCKS);
    format!(
        "## A slow disk\n\nSimulated, not read: a disk of {:.0} MB/s and {:.0} ms a seek, with a cache of a quarter of the \
         dataset (the pages used last); the reads are those that the loader makes. {} photos: the full shards of the {} \
         at 224 × 224 (zstd, {photo_bytes:.0} bytes a photo), repeated. The disk's own speed is {ideal:.0} photos/s; batches of {BATCH} are decoded \
         at {decoded:.0} photos/s, measured here. The first epoch also opens the shards. A window mixes {:.0} photos of {WINDOW_BLOCKS} of {} blocks, \
         {:.1} % of all. Goal: {}.\n\n{}",
        BYTES_PER_SECOND / 1e6,
        SEEK_SECONDS * 1e3,
        count(grown.spans.len() as u64),
        settings.photos(),
        mixed.window_samples,
        mixed.blocks,
        100.0 * mixed.window_samples / grown.spans.len() as f64,
        GOAL.words(""),
        table.text()
    )
}

/// Seconds of an epoch: a window is read while the one before it is decoded, and not earlier.
fn windowed_epoch(
    grown: &Grown,
    order: &[u32],
    ends: &[u64],
    disk: &mut SlowDisk,
    decoded: f64,
    opens: bool,
) -> f64 {
    let bounds = std::iter::once(0).chain(ends.iter().map(|&end| end as usize));
    let windows: Vec<Vec<Request>> = bounds
        .zip(ends)
        .map(|(begin, &end)| &order[begin..end as usize])
        .map(|window| window.iter().map(|&index| grown.spans[index as usize]).collect())
        .collect();
    let mut open: BTreeSet<u32> = BTreeSet::new();
    let mut requests_of = |window: &[Request]| {
        let mut requests = Vec::new();
        let forward = forward_requests(window);
        let new = forward.iter().filter(|request| opens && open.insert(request.shard));
        requests.extend(new.flat_map(|request| grown.index[request.shard as usize].clone()));
        requests.extend(forward);
        requests
    };
    let mut ahead: f64 = requests_of(&windows[0]).into_iter().map(|r| disk.read(r)).sum();
    let (mut read_at, mut begun_at, mut done_at) = (ahead, 0.0f64, 0.0f64);
    for (number, window) in windows.iter().enumerate() {
        // From here on the workers have the window, and the next one may be read.
        begun_at = done_at.max(read_at).max(begun_at);
        let next = windows.get(number + 1).map(|next| requests_of(next)).unwrap_or_default();
        let each = window.len().div_ceil(next.len().max(1));
        let mut samples = window.chunks(each);
        let mut missed = 0.0;
        ahead = 0.0;
        for request in next {
            ahead += disk.read(request);
            missed += samples.next().into_iter().flatten().map(|&s| disk.read(s)).sum::<f64>();
        }
        missed += samples.flatten().map(|&sample| disk.read(sample)).sum::<f64>();
        done_at = begun_at + window.len() as f64 / decoded + missed;
        read_at = read_at.max(begun_at) + ahead + missed;
    }
    done_at
}

/// How many shards, and how many blocks, a batch has its photos from, on average.
fn spread(grown: &Grown, blocks: &[u32], order: &[u32]) -> (f64, f64) {
    let mut block_of = Vec::with_capacity(order.len());
    for (number, &block) in blocks.iter().enumerate() {
        block_of.extend(std::iter::repeat_n(number, block as usize));
    }
    let (mut shards, mut parts) = (0, 0);
    let batches = order.chunks_exact(BATCH);
    let number = batches.len() as f64;
    for batch in batches {
        let of = |index: &u32| grown.spans[*index as usize].shard;
        shards += batch.iter().map(of).collect::<BTreeSet<_>>().len();
        parts += batch.iter().map(|&i| block_of[i as usize]).collect::<BTreeSet<_>>().len();
    }
    (shards as f64 / number, parts as f64 / number)
}

impl Grown {
    fn of(dataset: &Dataset) -> Grown {
        let split = dataset.meta().splits.iter().max_by_key(|split| split.rows).expect("a split");
        let loader = dataset.loader(&split.name).build().expect("a loader");
        let samples = loader.reads(0).expect("readable shards").remove(0).samples;
        // A rest at the end is no shard of a dataset of this size.
        let longest = split.shards.iter().map(|shard| shard.bytes).max().unwrap_or(0);
        let full: Vec<(&[Request], u64)> = samples
            .chunk_by(|a, b| a.shard == b.shard)
            .zip(&split.shards)
            .filter(|(_, shard)| shard.bytes * 10 >= longest * 9)
            .map(|(rows, shard)| (rows, shard.bytes))
            .collect();
        let mut grown = Grown {
            places: Vec::new(),
            spans: Vec::new(),
            row_bytes: Vec::new(),
            index: Vec::new(),
        };
        for (number, (rows, bytes)) in (0..).zip(full.iter().cycle()) {
            if grown.spans.len() >= PHOTOS {
                break;
            }
            // The footer, and the ids and offsets in front of each record batch.
            let fault = |offset: u64| Request { shard: number, offset, length: FAULT_BYTES };
            let mut index = vec![fault(bytes.saturating_sub(FAULT_BYTES))];
            let mut end = 0;
            for (row, span) in (0..).zip(*rows) {
                if span.offset != end {
                    index.push(fault(end));
                }
                end = span.offset + span.length;
                grown.places.push(Place { shard: number, row });
                grown.spans.push(Request { shard: number, ..*span });
            }
            grown.row_bytes.push(bytes / rows.len() as u64);
            grown.index.push(index);
        }
        grown
    }
}

/// Photos a second of shuffled f32 batches from memory, on all cores: the median of some epochs.
fn decoded_per_second(dataset: &Dataset, rounds: usize) -> f64 {
    let split = dataset.meta().splits.iter().max_by_key(|split| split.rows).expect("a split");
    let loader = dataset.loader(&split.name).view("caffe").batch_size(BATCH).shuffle(1);
    let loader = loader.build().expect("a loader");
    let mut speed = Sample::default();
    for epoch in 0..=rounds as u32 {
        let begun = Instant::now();
        let photos: usize = loader.epoch(epoch).map(|batch| batch.expect("sound").len()).sum();
        // The first epoch opens the shards.
        if epoch > 0 {
            speed.push(photos as f64 / begun.elapsed().as_secs_f64());
        }
    }
    speed.median()
}
