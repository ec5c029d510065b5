//! What the section `read` runs as child processes: streams of batches, plain copies of memory, openings.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::{Batch, Element, LoaderBuilder, Stage};
use tcolz_pixels::{bf16, f16};

use super::allocator;
use crate::child::{self, Ended};

/// First arguments of the children.
pub(crate) const WORDS: [&str; 3] = ["read-stream", "read-memcpy", "read-open"];

/// Photos of a batch, here and at the peers.
pub(crate) const BATCH: usize = 64;
/// Bytes of a photo of 224 × 224, raw.
pub(crate) const RAW_BYTES: f64 = 3.0 * 224.0 * 224.0;
/// Raw pixels that a run reads at least, in full settings.
pub(crate) const RAW_BYTES_OF_A_RUN: f64 = 2e9;

/// How far photos are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Stored bytes, their hash tested.
    Storage,
    /// Tensors as stored.
    Decompression,
    /// Batches that the consumer takes.
    Batches,
    /// Batches copied to tensors of Candle.
    Copied,
    /// Batches that became tensors of Candle, and the loader's again.
    Recycled,
    /// Batches that became tensors of Candle and were dropped, with an allocator that keeps memory.
    DroppedKept,
    /// The same with the system's allocator.
    Dropped,
}

impl What {
    const ALL: [(What, &str); 7] = [
        (What::Storage, "storage"),
        (What::Decompression, "decompression"),
        (What::Batches, "batches"),
        (What::Copied, "copied"),
        (What::Recycled, "recycled"),
        (What::DroppedKept, "dropped-kept"),
        (What::Dropped, "dropped"),
    ];
}

/// A stream to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream<'a> {
    pub(crate) dataset: &'a Path,
    pub(crate) view: &'a str,
    pub(crate) dtype: &'a str,
    pub(crate) workers: usize,
    pub(crate) what: What,
    pub(crate) seconds: f64,
}

/// What a child measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Photos (or copies, or openings) a second.
    pub(crate) a_second: f64,
    /// Bytes that came out, a second.
    pub(crate) bytes_a_second: f64,
    /// Share of its cores' time that the child got.
    pub(crate) share: f64,
    /// Highest anonymous memory of the child.
    pub(crate) anonymous_bytes: u64,
}

impl Stream<'_> {
    /// Measures it in a child process on as many cores as workers.
    pub(crate) fn run(&self) -> Measured {
        let what = What::ALL.iter().find(|(what, _)| *what == self.what).map_or("", |(_, w)| w);
        let (workers, seconds) = (self.workers.to_string(), self.seconds.to_string());
        let words = [self.view, self.dtype, &workers, what, &seconds];
        let mut arguments: Vec<OsString> = vec![WORDS[0].into(), self.dataset.into()];
        arguments.extend(words.iter().map(Into::into));
        measured(&start(&arguments, self.workers), self.workers)
    }
}

/// Copies of memory by so many threads, in bytes a second.
pub(crate) fn memcpy(threads: usize, seconds: f64) -> Measured {
    let arguments = [WORDS[1].into(), threads.to_string().into(), seconds.to_string().into()];
    measured(&start(&arguments, threads), threads)
}

/// Seconds from nothing to the first batch of 64 shuffled samples, f32, in a fresh process.
pub(crate) fn open(dataset: &Path, view: &str) -> f64 {
    let ended = start(&[WORDS[2].into(), dataset.into(), view.into()], 2);
    numbers(&ended)[0]
}

fn start(arguments: &[OsString], cores: usize) -> Ended {
    let own = std::env::current_exe().expect("this program has a path");
    let ended = child::run(OsStr::new(&own), arguments, cores, &[]);
    assert_eq!(ended.code, Some(0), "{arguments:?} failed");
    ended
}

fn numbers(ended: &Ended) -> Vec<f64> {
    ended.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn measured(ended: &Ended, cores: usize) -> Measured {
    let [count, seconds, bytes] = numbers(ended)[..] else { panic!("{}", ended.stdout) };
    Measured {
        a_second: count / seconds,
        bytes_a_second: bytes / seconds,
        share: ended.cpu_seconds / ended.seconds / cores as f64,
        anonymous_bytes: ended.peak_anonymous_bytes,
    }
}

/// A child's work, by its first word. Prints a count, seconds and bytes, or seconds alone.
pub(crate) fn run(words: &[String]) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["read-stream", dataset, view, dtype, workers, what, seconds] => {
            let (workers, seconds) = (number(workers), number(seconds));
            let dataset = Dataset::open(dataset).unwrap_or_else(|error| panic!("{error}"));
            let split = dataset.meta().splits[0].name.clone();
            let loader = dataset.loader(&split).view(view).batch_size(BATCH).shuffle(42);
            let loader = loader.workers(workers as usize);
            let what = What::ALL.iter().find(|(_, word)| *word == what).expect("a known word").0;
            match dtype {
                "f32" => stream::<f32>(loader, what, seconds),
                "f16" => stream::<f16>(loader, what, seconds),
                "bf16" => stream::<bf16>(loader, what, seconds),
                _ => stream::<u8>(loader, what, seconds),
            }
        }
        ["read-memcpy", threads, seconds] => copy_memory(number(threads) as usize, number(seconds)),
        ["read-open", dataset, view] => {
            let begun = Instant::now();
            let dataset = Dataset::open(dataset).unwrap_or_else(|error| panic!("{error}"));
            let split = dataset.meta().splits[0].name.clone();
            let loader = dataset.loader(&split).view(view).batch_size(BATCH).shuffle(42);
            let loader = loader.workers(2).build().unwrap_or_else(|error| panic!("{error}"));
            let batch = loader.epoch(0).next().expect("a first batch");
            let batch = batch.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(batch.len(), BATCH);
            println!("{}", begun.elapsed().as_secs_f64());
        }
        _ => panic!("{words:?}"),
    }
}

fn number(word: &str) -> f64 {
    word.parse().expect("a number")
}

/// One epoch to warm up, then epochs for at least `seconds` and, of full settings, 2 GB of raw pixels.
fn stream<T: Element + candle_core::WithDType>(builder: LoaderBuilder, what: What, seconds: f64) {
    if what == What::DroppedKept {
        allocator::keep();
    }
    let loader = builder.build_as::<T>().unwrap_or_else(|error| panic!("{error}"));
    let never = AtomicBool::new(false);
    let device = candle_core::Device::Cpu;
    let run = |time: Option<Duration>| -> (u64, u64) {
        let stage = match what {
            What::Storage => Stage::Storage,
            What::Decompression => Stage::Decompression,
            What::Batches => Stage::Batches,
            What::Copied | What::Recycled | What::DroppedKept | What::Dropped => {
                let convert = |batch: Batch<T>| -> usize {
                    if what == What::Copied {
                        let tensors = batch.to_tensors(&device);
                        return tensors.unwrap_or_else(|error| panic!("{error}")).0.dims()[0];
                    }
                    let batch = batch.into_tensors(&device);
                    let batch = batch.unwrap_or_else(|error| panic!("{error}"));
                    let photos = batch.images.dims()[0];
                    if what == What::Recycled {
                        batch.recycle();
                    }
                    photos
                };
                let (begun, mut photos, mut epoch) = (Instant::now(), 0, 0);
                while epoch == 0 || time.is_some_and(|time| begun.elapsed() < time) {
                    for batch in loader.epoch(epoch) {
                        photos += convert(batch.unwrap_or_else(|error| panic!("{error}"))) as u64;
                    }
                    epoch += 1;
                }
                return (photos, photos * RAW_BYTES as u64 * size_of::<T>() as u64);
            }
        };
        let rate = loader.measure(stage, time, &never).unwrap_or_else(|error| panic!("{error}"));
        (rate.photos, rate.bytes)
    };
    run(None);
    let begun = Instant::now();
    let (mut photos, mut bytes) = (0, 0);
    let least = if seconds >= 5.0 { RAW_BYTES_OF_A_RUN } else { 0.0 };
    while begun.elapsed().as_secs_f64() < seconds || (photos as f64) * RAW_BYTES < least {
        let (more_photos, more_bytes) = run(Some(Duration::from_secs_f64(seconds.max(0.1))));
        (photos, bytes) = (photos + more_photos, bytes + more_bytes);
    }
    println!("{photos} {} {bytes}", begun.elapsed().as_secs_f64());
}

/// Copies of a batch's size, each thread between memory of its own: what this machine's memory gives.
fn copy_memory(threads: usize, seconds: f64) {
    let length = BATCH * RAW_BYTES as usize * size_of::<f32>();
    let copies: u64 = thread::scope(|scope| {
        let work = || {
            let (from, mut to) = (vec![1u8; length], vec![0u8; length]);
            let (begun, mut copies) = (Instant::now(), 0);
            while begun.elapsed().as_secs_f64() < seconds {
                to.copy_from_slice(std::hint::black_box(&from));
                std::hint::black_box(&mut to);
                copies += 1;
            }
            copies
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("copying cannot panic")).sum()
    });
    println!("{copies} {seconds} {}", copies as f64 * length as f64);
}
