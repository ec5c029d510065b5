//! Section `slow`: shuffled batches from a disk that seeks, simulated over the reads of the loader.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::time::Instant;

use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::forward::{Located, Request, next_requests};
use tcolz_loader::order::{
    WINDOW_BLOCKS, forward_blocks, mixing, shuffled_order, window_ends, windowed_order,
};
use tcolz_loader::select::Place;

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
    /// For each photo, its record batch.
    batch_of: Vec<u32>,
    batches: Vec<RecordBatch>,
    /// For each shard, what is read when it is opened.
    footers: Vec<Request>,
}

/// What is read of a record batch besides photos.
struct RecordBatch {
    /// In front of the photos, when it is opened.
    index: Request,
    /// Behind them, when its first photos are read.
    hashes: Request,
}

/// Which shards and record batches are open, by number.
#[derive(Default)]
struct Opened {
    shards: BTreeSet<u32>,
    batches: BTreeSet<u32>,
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
        let opened = RefCell::new(Opened::default());
        for epoch in 0..EPOCHS {
            let (order, ends) = if windowed {
                let order = windowed_order(1, epoch, &blocks, WINDOW_BLOCKS);
                (order, window_ends(1, epoch, &blocks, WINDOW_BLOCKS))
            } else {
                (shuffled_order(1, epoch, grown.spans.len() as u32), Vec::new())
            };
            let (seeks, bytes) = (disk.seeks, disk.bytes);
            let seconds = if windowed {
                windowed_epoch(&grown, &order, &ends, &mut disk, decoded, &opened)
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
         at {decoded:.0} photos/s, measured here. The first epoch also opens the shards: for each a footer, and for each record batch its index just before, and its hashes just behind, the \
         first of its photos that are read. A window mixes {:.0} photos of {WINDOW_BLOCKS} of {} blocks, \
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
    opened: &RefCell<Opened>,
) -> f64 {
    let bounds = std::iter::once(0).chain(ends.iter().map(|&end| end as usize));
    let windows: Vec<&[u32]> =
        bounds.zip(ends).map(|(begin, &end)| &order[begin..end as usize]).collect();
    let requests_of = |window: &[u32]| grown.requests(window, opened);
    let mut ahead: f64 = requests_of(windows[0]).into_iter().map(|r| disk.read(r)).sum();
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
            let due = samples.next().into_iter().flatten();
            missed += due.map(|&index| disk.read(grown.spans[index as usize])).sum::<f64>();
        }
        let due = samples.flatten();
        missed += due.map(|&index| disk.read(grown.spans[index as usize])).sum::<f64>();
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
            batch_of: Vec::new(),
            batches: Vec::new(),
            footers: Vec::new(),
        };
        for (number, (rows, bytes)) in (0..).zip(full.iter().cycle()) {
            if grown.spans.len() >= PHOTOS {
                break;
            }
            let fault = |offset: u64| Request { shard: number, offset, length: FAULT_BYTES };
            grown.footers.push(fault(bytes.saturating_sub(FAULT_BYTES)));
            let mut end = 0;
            for (row, span) in (0..).zip(*rows) {
                // Ids and offsets lie in front of the photos of a record batch, its hashes behind them.
                if span.offset != end {
                    let (index, hashes) =
                        (fault(end), Request { shard: number, offset: 0, length: 0 });
                    grown.batches.push(RecordBatch { index, hashes });
                }
                end = span.offset + span.length;
                grown.batch_of.push(grown.batches.len() as u32 - 1);
                let batch = grown.batches.last_mut().expect("begun with its first photo");
                batch.hashes.offset = end;
                batch.hashes.length += 8;
                grown.places.push(Place { shard: number, row });
                grown.spans.push(Request { shard: number, ..*span });
            }
            grown.row_bytes.push(bytes / rows.len() as u64);
        }
        grown
    }

    /// What is read for a window, as the loader does: forward, each shard and record batch opened just
    /// before its first photo that is asked for.
    fn requests(&self, window: &[u32], opened: &RefCell<Opened>) -> Vec<Request> {
        let mut sorted = window.to_vec();
        sorted.sort_unstable();
        let mut samples = sorted.into_iter().peekable();
        let mut requests = Vec::new();
        loop {
            let mut hashes: BTreeSet<u32> = BTreeSet::new();
            let part = next_requests(
                &mut samples,
                |index| opened.borrow().batches.contains(&self.batch_of[index as usize]),
                |index| -> Result<Located, Infallible> {
                    let (sample, number) =
                        (self.spans[index as usize], self.batch_of[index as usize]);
                    let batch = &self.batches[number as usize];
                    let mut opened = opened.borrow_mut();
                    if opened.shards.insert(sample.shard) {
                        requests.push(self.footers[sample.shard as usize]);
                    }
                    if opened.batches.insert(number) {
                        requests.push(batch.index);
                        hashes.insert(number);
                    }
                    let hashes = hashes.contains(&number).then_some(batch.hashes);
                    Ok(Located { sample, hashes })
                },
            );
            let Ok(part) = part;
            if part.is_empty() {
                return requests;
            }
            requests.extend(part);
        }
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
