//! Promise of the loader: once its buffers are there, a batch allocates nothing, in any element type.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tcolz_format::dataset::Dataset;
use tcolz_loader::DatasetExt;
use tcolz_loader::{Access, Element};
use tcolz_pixels::recipe::{Codec, Dtype};
use tcolz_pixels::{bf16, f16};

struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator with the same arguments; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, SeqCst);
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
