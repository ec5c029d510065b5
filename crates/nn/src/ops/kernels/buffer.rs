//! Memory that is used again: large blocks that go back to the system cost a page fault every 4 KB each time.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Numbers on loan from the process's store. Their values are what the last user left.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<f32>);

#[derive(Debug)]
struct Store {
    /// Given back, the latest last.
    free: VecDeque<Vec<f32>>,
    /// Numbers in `free`.
    free_numbers: usize,
    /// Numbers lent out now, and the most ever.
    lent: usize,
    most: usize,
}

static STORE: Mutex<Store> = Mutex::new(Store::new());

fn store() -> MutexGuard<'static, Store> {
    // Whoever panicked did so between whole changes of the store.
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    const fn new() -> Store {
        Store { free: VecDeque::new(), free_numbers: 0, lent: 0, most: 0 }
    }

    /// Lends `length` numbers: those given back last, where there are any of this length; else the caller makes
    /// them.
    fn lend(&mut self, length: usize) -> Option<Vec<f32>> {
        let found = self.free.iter().rposition(|free| free.len() == length);
        let found = found.and_then(|at| self.free.remove(at));
        if found.is_some() {
            self.free_numbers -= length;
        }
        self.lent += length;
        self.most = self.most.max(self.lent);
        self.shrink();
        found
    }

    fn give_back(&mut self, numbers: Vec<f32>) {
        self.lent -= numbers.len();
        self.free_numbers += numbers.len();
        self.free.push_back(numbers);
        self.shrink();
    }

    /// What is kept makes at most an eighth more of it than was once lent at the same time. An eighth, as small
    /// pieces come and go with the threads, and would drive out a large one each time.
    fn shrink(&mut self) {
        while self.lent + self.free_numbers > self.most + self.most / 8
            && let Some(oldest) = self.free.pop_front()
        {
            self.free_numbers -= oldest.len();
        }
    }
}

impl Buffer {
    /// `length` numbers of any value.
    pub(crate) fn new(length: usize) -> Buffer {
        if length == 0 {
            return Buffer(Vec::new());
        }
        let found = store().lend(length);
        let mut numbers = found.unwrap_or_else(|| vec![0.0; length]);
        if cfg!(debug_assertions) {
            // So that a test finds whoever takes what was left there for a result.
            numbers.fill(f32::NAN);
        }
        Buffer(numbers)
    }

    /// `length` zeros.
    pub(crate) fn zeros(length: usize) -> Buffer {
        let mut buffer = Buffer::new(length);
        buffer.fill(0.0);
        buffer
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            store().give_back(std::mem::take(&mut self.0));
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_lent_again_and_no_more_is_kept_than_was_once_needed() {
        let mut store = Store::new();
        assert!(store.lend(1000).is_none() && store.lend(500).is_none());
        let first = vec![1.0; 1000];
        let place = first.as_ptr();
        store.give_back(first);
        store.give_back(vec![2.0; 500]);
        let again = store.lend(1000).unwrap();
        assert_eq!(again.as_ptr(), place);
        assert!(store.lend(600).is_none(), "600 and 1000 are lent, 500 lie here: more than 9/8");
        assert_eq!((store.lent, store.free_numbers, store.most), (1600, 0, 1600));
        assert!(store.lend(500).is_none(), "they were given up");
    }

    #[test]
    fn zeros_are_zeros_whatever_lay_there() {
        drop(Buffer::new(777));
        assert!(Buffer::zeros(777).iter().all(|&number| number == 0.0));
        assert!(Buffer::new(0).is_empty());
    }
}
