//! The allocator of this program: the system's, or the one that a user's program may choose.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

use tcolz_loader::KeepingAllocator;

/// Whether freed memory is kept from now on.
static KEEPS: AtomicBool = AtomicBool::new(false);

#[global_allocator]
static CHOSEN: Chosen = Chosen;

struct Chosen;

/// From now on this process does as one whose allocator is [`KeepingAllocator`].
pub(super) fn keep() {
    KEEPS.store(true, Ordering::Relaxed);
}

fn keeps() -> bool {
    KEEPS.load(Ordering::Relaxed)
}

// SAFETY: either allocator takes its blocks from the system's, and gives on to it what it is given.
unsafe impl GlobalAlloc for Chosen {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { if keeps() { KeepingAllocator.alloc(layout) } else { System.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe {
            if keeps() {
                KeepingAllocator.alloc_zeroed(layout)
            } else {
                System.alloc_zeroed(layout)
            }
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, bytes) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe {
            if keeps() {
                KeepingAllocator.dealloc(memory, layout);
            } else {
                System.dealloc(memory, layout);
            }
        }
    }
}
