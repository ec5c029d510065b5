//! Memory whose numbers begin at a cache line: a vector of AVX-512 that straddles two costs twice.

#![allow(unsafe_code, reason = "SIMD")]

/// Channels of a block, and numbers of a cache line.
pub(super) const BLOCK: usize = 16;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; BLOCK]);

/// float32 numbers, a whole number of cache lines of them.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    /// At least this many zeros.
    pub(super) fn zeros(numbers: usize) -> Lines {
        Lines(vec![Line([0.0; BLOCK]); numbers.div_ceil(BLOCK)])
    }

    /// Makes it hold at least this many; what it held is kept or not.
    pub(super) fn reserve(&mut self, numbers: usize) {
        if self.0.len() * BLOCK < numbers {
            // Not a resize: nothing need be copied.
            *self = Lines::zeros(numbers);
        }
    }

    /// The numbers.
    pub(super) fn numbers(&self) -> &[f32] {
        // SAFETY: a `Line` is an array of BLOCK numbers without padding, and they lie one after another.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * BLOCK) }
    }

    /// The numbers.
    pub(super) fn numbers_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `numbers`.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * BLOCK) }
    }
}

/// A target that several threads write to, each where no other does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    start: *mut f32,
    numbers: usize,
}

// SAFETY: `Shared` only hands out pointers; who writes through them promises (in each kernel's contract)
// that no other thread writes or reads there.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The numbers of a slice, which stays borrowed by whoever made this.
    pub(super) fn new(numbers: &mut [f32]) -> Shared {
        Shared { start: numbers.as_mut_ptr(), numbers: numbers.len() }
    }

    /// Where it starts.
    pub(super) fn start(self) -> *mut f32 {
        self.start
    }

    /// How many numbers there are.
    pub(super) fn len(self) -> usize {
        self.numbers
    }
}
