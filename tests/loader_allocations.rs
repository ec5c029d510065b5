//! Promise of the loader: once its buffers are there, a batch allocates nothing, in any element type, and one that is
//! handed to Candle and recycled nothing of its own size.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use candle_core::{Device, WithDType};
use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::{Access, Element};
use tcolz_pixels::recipe::{Codec, Dtype};
use tcolz_pixels::{bf16, f16};

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);
/// Those of [`LARGE_BYTES`] and more.
static LARGE_CALLS: AtomicUsize = AtomicUsize::new(0);

/// A batch of two samples `[3, 24, 24]`, a byte for each number.
const LARGE_BYTES: usize = 2 * 3 * 24 * 24;

// SAFETY: every call goes to the system's allocator with the same arguments; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, SeqCst);
        LARGE_CALLS.fetch_add(usize::from(layout.size() >= LARGE_BYTES), SeqCst);
        // SAFETY: the caller's contract is the same as the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the same as the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One measurement at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Allocations from the middle of an epoch to its end, of the epoch with the fewest: a worker that the
/// system lets start late makes its own memory late, but not in every epoch.
fn allocations<T: Element>(dataset: &Dataset, access: Access, workers: usize) -> usize {
    const EPOCHS: u32 = 50;
    let loader = dataset.loader("train").batch_size(2).workers(workers).access(access);
    let loader = loader.view("torch").build_as::<T>().unwrap();
    // The first epoch opens the shards and makes room for ids; buffers go on to the next one.
    loader.epoch(0).for_each(|batch| drop(batch.unwrap()));
    let batches = dataset.split("train").unwrap().rows as usize / 2;
    let of_epoch = |number| {
        let mut epoch = loader.epoch(number);
        for _ in 0..batches / 2 {
            epoch.next().unwrap().unwrap();
        }
        let before = CALLS.load(SeqCst);
        for _ in batches / 2..batches - 1 {
            epoch.next().unwrap().unwrap();
        }
        CALLS.load(SeqCst) - before
    };
    let mut fewest = usize::MAX;
    for number in 1..=EPOCHS {
        fewest = fewest.min(of_epoch(number));
        if fewest == 0 {
            break;
        }
    }
    fewest
}

/// Large allocations while Candle has the batches of an epoch, of the epoch with the fewest.
fn large_allocations<T: Element + WithDType>(dataset: &Dataset, recycle: bool) -> usize {
    let loader = dataset.loader("train").batch_size(2).workers(3);
    let loader = loader.view("torch").build_as::<T>().unwrap();
    let of_epoch = |number| {
        let mut epoch = loader.tensors(number, &Device::Cpu);
        let batch = epoch.next().unwrap().unwrap();
        batch.recycle();
        let before = LARGE_CALLS.load(SeqCst);
        for batch in epoch {
            let batch = batch.unwrap();
            if recycle {
                batch.recycle();
            }
        }
        LARGE_CALLS.load(SeqCst) - before
    };
    (0..50).map(of_epoch).min().unwrap()
}

#[test]
fn a_recycled_batch_allocates_nothing_of_its_size_and_a_dropped_one_does() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let dataset = common::several_shards(folder.path(), Codec::Zstd, Dtype::U8);
    let found = [
        large_allocations::<f32>(&dataset, true),
        large_allocations::<bf16>(&dataset, true),
        large_allocations::<u8>(&dataset, true),
    ];
    assert_eq!(found, [0; 3]);
    assert!(large_allocations::<f32>(&dataset, false) > 5, "they are counted");
}

#[test]
fn a_batch_allocates_nothing_once_every_buffer_has_been_used() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    for codec in [Codec::Zstd, Codec::Raw] {
        let dataset = common::several_shards(folder.path(), codec, Dtype::U8);
        for access in [Access::Map, Access::Read] {
            for workers in [1, 3] {
                let found = [
                    allocations::<f32>(&dataset, access, workers),
                    allocations::<f16>(&dataset, access, workers),
                    allocations::<bf16>(&dataset, access, workers),
                    allocations::<u8>(&dataset, access, workers),
                ];
                assert_eq!(found, [0; 4], "{codec}, {access:?}, {workers} workers");
            }
        }
    }
    let before = CALLS.load(SeqCst);
    drop(std::hint::black_box(Box::new(before)));
    assert_eq!(CALLS.load(SeqCst), before + 1, "allocations are counted");
}
