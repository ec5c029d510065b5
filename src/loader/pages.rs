//! Memory for batches: a hint to the system, the loader's only home of `unsafe`.

/// Asks the system to back this memory, which nobody has touched yet, with huge pages. A batch is written
/// from end to end past the caches, and looking up where each 4 kB of it lie took a tenth of the time of
/// raw shards. A hint: the system may decline, and small memory is left alone.
#[cfg(target_os = "linux")]
pub(super) fn prefer_huge_pages<T>(memory: &mut [T]) {
    use rustix::mm::{Advice, madvise};
    const PAGE_BYTES: usize = 4096;
    const HUGE_PAGE_BYTES: usize = 2 << 20;
    let bytes = size_of_val(memory);
    let before = memory.as_ptr().cast::<u8>().align_offset(PAGE_BYTES);
    let pages = bytes.saturating_sub(before) / PAGE_BYTES * PAGE_BYTES;
    if pages < HUGE_PAGE_BYTES {
        return;
    }
    // SAFETY: the advice changes no byte, and the pages lie whole inside memory that is borrowed alone.
    unsafe {
        let start = memory.as_mut_ptr().cast::<u8>().add(before);
        // Not getting them costs time and nothing else.
        let _ = madvise(start.cast(), pages, Advice::LinuxHugepage);
    }
}

/// Elsewhere than on Linux, there is nothing to ask for.
#[cfg(not(target_os = "linux"))]
pub(super) fn prefer_huge_pages<T>(_memory: &mut [T]) {}
