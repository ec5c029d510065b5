//! A sentence where memory runs out, for programs. A home of `unsafe`: the global allocator, and a signal handler.
//!
//! Rust ends a process that gets no memory with SIGABRT, after a line that helps nobody. The allocator here only notes that
//! memory was refused: callers that can do without it get their error. If the process aborts after that, the handler of
//! SIGABRT says why, and what to do.

#![allow(unsafe_code, reason = "signals and limits are the system's")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the system has refused memory.
static REFUSED: AtomicBool = AtomicBool::new(false);

#[cfg(unix)]
const LAST_WORDS: &[u8] = b"error: out of memory: give tcolz more memory (ulimit -v), fewer threads or smaller batches; what was \
                            finished is kept, and a conversion or a training goes on from there by the same command\n";

/// The system's allocator, which notes where it gives none.
#[derive(Debug)]
pub struct NotingAllocator;

// SAFETY: every call goes to `System` as it came, and what comes back is given on.
unsafe impl GlobalAlloc for NotingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        noted(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        noted(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        noted(unsafe { System.realloc(memory, layout, bytes) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) };
    }
}

/// Ends the process as Rust does where it gets no memory: for what is made by a C library and cannot be done without.
pub fn end() -> ! {
    REFUSED.store(true, Ordering::Relaxed);
    std::alloc::handle_alloc_error(Layout::new::<u8>())
}

#[inline]
fn noted(memory: *mut u8) -> *mut u8 {
    if memory.is_null() {
        REFUSED.store(true, Ordering::Relaxed);
    }
    memory
}

/// What zstd's crate panics with where there is no memory for a context; Parquet makes some and cannot ask first.
const ZSTD_PANIC: &str = "zstd returned null pointer";

/// From now on a process that ends because [`NotingAllocator`] or zstd got no memory says so, and exits with 1. For programs,
/// not for libraries: it takes the process's SIGABRT, and puts a panic hook in front of the installed one.
pub fn say_when_out_of_memory() {
    // Before the hook, whose box may be the first memory that is refused.
    #[cfg(unix)]
    // SAFETY: the handler calls `write` and `_exit`, which POSIX lets a handler do, or gives the signal back to the system.
    unsafe {
        libc::signal(libc::SIGABRT, aborted as extern "C" fn(libc::c_int) as libc::sighandler_t);
    }
    let installed = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        if text.is_some_and(|text| text.contains(ZSTD_PANIC)) {
            end();
        }
        installed(panic);
    }));
}

#[cfg(unix)]
extern "C" fn aborted(signal: libc::c_int) {
    // SAFETY: as above; the words are static.
    unsafe {
        if REFUSED.load(Ordering::Relaxed) {
            libc::write(2, LAST_WORDS.as_ptr().cast(), LAST_WORDS.len());
            libc::_exit(1);
        }
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
