//! Large blocks of memory that were freed, kept for whoever asks for the same length next. A home of `unsafe`: a global
//! allocator.
//!
//! Allocators give large blocks back to the system at once, and the system clears each page before it gives it out
//! again: for a batch of 38 MB that takes longer than filling it. A loop frees and asks for the same lengths in each of its
//! rounds, so that a few blocks are enough.

#![allow(unsafe_code, reason = "an allocator hands out pointers")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::{Mutex, MutexGuard, TryLockError};

/// Smaller blocks are kept by the system's allocators themselves.
const LEAST_BYTES: usize = 4 << 20;
/// Blocks that are kept at a time: of a loop without this allocator the next round would touch them anew.
const BLOCKS: usize = 8;
/// Bytes of all of them: six float32 batches of 64 photos of 224 × 224.
const MOST_BYTES: usize = 256 << 20;

/// The system's allocator, which keeps blocks of 4 MB and more when they are freed (eight of them, 256 MB in all; the
/// oldest goes first) and hands them out again to whoever asks for exactly that length. For programs, which name one
/// global allocator:
///
/// ```
/// # use tcolz_base::kept::KeepingAllocator;
/// #[global_allocator]
/// static ALLOCATOR: KeepingAllocator = KeepingAllocator;
/// ```
///
/// Where the system refuses memory, all that is kept is given back and it is asked again.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeepingAllocator;

static KEPT: Kept = Kept::new();

/// Gives all that [`KeepingAllocator`] keeps back to the system.
pub fn release() {
    KEPT.release();
}

// SAFETY: memory comes from `System`, by the layout that it is asked for; a block that is kept has been given back by its
// owner, and is handed out once.
unsafe impl GlobalAlloc for KeepingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { KEPT.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { KEPT.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's promise; the block is the system's.
        let moved = unsafe { System.realloc(memory, layout, bytes) };
        if !moved.is_null() || !KEPT.release() {
            return moved;
        }
        // SAFETY: as above; the block is as it was.
        unsafe { System.realloc(memory, layout, bytes) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { KEPT.dealloc(memory, layout) }
    }
}

/// A block that nobody owns.
#[derive(Clone, Copy)]
struct Block {
    memory: *mut u8,
    layout: Layout,
}

/// Blocks, the oldest first; behind the last one there are none.
struct Blocks([Option<Block>; BLOCKS]);

// SAFETY: memory may be freed by another thread than the one it was allocated by.
unsafe impl Send for Blocks {}

impl Blocks {
    fn bytes(&self) -> usize {
        self.0.iter().flatten().map(|block| block.layout.size()).sum()
    }

    /// Takes out the block at `place`.
    fn remove(&mut self, place: usize) -> Option<Block> {
        let block = self.0.get_mut(place)?.take();
        self.0[place..].rotate_left(1);
        block
    }

    /// Takes out the last one of exactly this layout.
    fn take(&mut self, layout: Layout) -> Option<Block> {
        let of_layout = |block: &Option<Block>| block.is_some_and(|block| block.layout == layout);
        self.remove(self.0.iter().rposition(of_layout)?)
    }

    /// Keeps a block; gives those back that it has no room for.
    fn keep(&mut self, block: Block) {
        while self.0[BLOCKS - 1].is_some() || self.bytes() + block.layout.size() > MOST_BYTES {
            let Some(oldest) = self.remove(0) else { break };
            free(oldest);
        }
        let place = self.0.iter().position(Option::is_none).unwrap_or_default();
        self.0[place] = Some(block);
    }
}

/// Gives a block back to the system.
fn free(block: Block) {
    // SAFETY: it is the system's, of this layout, and nobody owns it.
    unsafe { System.dealloc(block.memory, block.layout) };
}

/// What is kept.
struct Kept(Mutex<Blocks>);

impl Kept {
    const fn new() -> Kept {
        Kept(Mutex::new(Blocks([None; BLOCKS])))
    }

    /// The blocks, unless another thread has them at the moment: nobody waits here, the system has memory too.
    fn blocks(&self) -> Option<MutexGuard<'_, Blocks>> {
        match self.0.try_lock() {
            Ok(blocks) => Some(blocks),
            Err(TryLockError::Poisoned(blocks)) => Some(blocks.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let large = layout.size() >= LEAST_BYTES;
        let block = if large { self.blocks()?.take(layout) } else { None };
        block.map(|block| block.memory)
    }

    /// Gives everything back; says whether there was something.
    fn release(&self) -> bool {
        let Some(mut blocks) = self.blocks() else { return false };
        let kept = std::mem::replace(&mut blocks.0, [None; BLOCKS]);
        kept.into_iter().flatten().inspect(|&block| free(block)).count() > 0
    }

    /// # Safety
    /// As [`GlobalAlloc::alloc`].
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(memory) = self.take(layout) {
            return memory;
        }
        // SAFETY: the caller's promise.
        let memory = unsafe { System.alloc(layout) };
        if !memory.is_null() || !self.release() {
            return memory;
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    /// # Safety
    /// As [`GlobalAlloc::alloc_zeroed`].
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if let Some(memory) = self.take(layout) {
            // SAFETY: the block has this length, and nobody else has it.
            unsafe { memory.write_bytes(0, layout.size()) };
            return memory;
        }
        // SAFETY: the caller's promise.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if !memory.is_null() || !self.release() {
            return memory;
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    /// # Safety
    /// As [`GlobalAlloc::dealloc`].
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let block = Block { memory, layout };
        let kept = (LEAST_BYTES..=MOST_BYTES).contains(&layout.size());
        match if kept { self.blocks() } else { None } {
            Some(mut blocks) => blocks.keep(block),
            None => free(block),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 16).unwrap()
    }

    /// Allocates and frees blocks, all at a time.
    fn have(kept: &Kept, layouts: &[Layout]) -> Vec<*mut u8> {
        // SAFETY: no layout is of length 0; each block is freed once, by its layout.
        let blocks: Vec<*mut u8> = layouts.iter().map(|&l| unsafe { kept.alloc(l) }).collect();
        for (&block, &layout) in blocks.iter().zip(layouts) {
            assert!(!block.is_null());
            // SAFETY: as above.
            unsafe { kept.dealloc(block, layout) };
        }
        blocks
    }

    fn bytes(kept: &Kept) -> usize {
        kept.blocks().unwrap().bytes()
    }

    #[test]
    fn a_large_block_that_was_freed_is_the_next_one_of_its_length() {
        let kept = Kept::new();
        let [a, b] = [layout(LEAST_BYTES), layout(LEAST_BYTES + 1)];
        let had = have(&kept, &[a, b]);
        assert_eq!(bytes(&kept), 2 * LEAST_BYTES + 1);
        assert_eq!(have(&kept, &[b, a]), [had[1], had[0]]);
        assert!(kept.release() && !kept.release());
        assert_eq!(bytes(&kept), 0);
    }

    #[test]
    fn a_block_that_is_kept_is_handed_out_once_and_cleared_where_zeros_are_asked_for() {
        let kept = Kept::new();
        let large = layout(LEAST_BYTES);
        let had = have(&kept, &[large])[0];
        // SAFETY: no layout is of length 0; what is written and read lies in the block, which is freed once.
        unsafe {
            let block = kept.alloc(large);
            assert_eq!(block, had);
            assert_ne!(kept.alloc(large), had, "it has an owner");
            block.write_bytes(7, LEAST_BYTES);
            kept.dealloc(block, large);
            let zeros = kept.alloc_zeroed(large);
            assert_eq!(zeros, had);
            assert!(std::slice::from_raw_parts(zeros, LEAST_BYTES).iter().all(|&byte| byte == 0));
            kept.dealloc(zeros, large);
        }
        kept.release();
    }

    #[test]
    fn small_blocks_and_huge_ones_are_not_kept_and_of_others_no_more_than_there_is_room_for() {
        let kept = Kept::new();
        have(&kept, &[layout(LEAST_BYTES - 1), layout(MOST_BYTES + 1)]);
        assert_eq!(bytes(&kept), 0);
        have(&kept, &[layout(LEAST_BYTES); BLOCKS + 3]);
        assert_eq!(bytes(&kept), BLOCKS * LEAST_BYTES);
        let large = layout(MOST_BYTES / 2);
        let had = have(&kept, &[large; 3]);
        assert_eq!(bytes(&kept), MOST_BYTES, "the older ones are gone");
        assert_eq!(have(&kept, &[large])[0], had[2], "the last one is the first to be used again");
        kept.release();
    }

    #[test]
    fn threads_that_free_and_allocate_at_once_share_no_block() {
        let kept = Kept::new();
        std::thread::scope(|scope| {
            for mark in 1..=4u8 {
                let kept = &kept;
                scope.spawn(move || {
                    for _ in 0..200 {
                        // SAFETY: what is written and read lies in the block, which is freed once.
                        unsafe {
                            let block = kept.alloc(layout(LEAST_BYTES));
                            block.write(mark);
                            block.add(LEAST_BYTES - 1).write(mark);
                            std::thread::yield_now();
                            assert_eq!(
                                (block.read(), block.add(LEAST_BYTES - 1).read()),
                                (mark, mark)
                            );
                            kept.dealloc(block, layout(LEAST_BYTES));
                        }
                    }
                });
            }
        });
        kept.release();
    }
}
