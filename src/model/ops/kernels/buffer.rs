//! Memory that is used again: large blocks that go back to the system cost a page fault every 4 KB each time.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Numbers on loan from the process's store. Their values are what the last user left.
#[derive(Debug)]
pub(in crate::model) struct Buffer(Vec<f32>);

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

static STORE: Mutex<Store> =
    Mutex::new(Store { free: VecDeque::new(), free_numbers: 0, lent: 0, most: 0 });

fn store() -> MutexGuard<'static, Store> {
    // Whoever panicked did so between whole changes of the store.
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// What is kept never makes more of it than was once lent at the same time.
    fn shrink(&mut self) {
        while self.lent + self.free_numbers > self.most
            && let Some(oldest) = self.free.pop_front()
        {
            self.free_numbers -= oldest.len();
        }
    }
}

impl Buffer {
    /// `length` numbers of any value.
    pub(in crate::model) fn new(length: usize) -> Buffer {
        let found = {
            let mut store = store();
            store.lent += length;
            let found = store.free.iter().rposition(|free| free.len() == length);
            let found = found.and_then(|at| store.free.remove(at));
            if found.is_some() {
                store.free_numbers -= length;
            }
            store.most = store.most.max(store.lent);
            store.shrink();
            found
        };
        let mut numbers = found.unwrap_or_else(|| vec![0.0; length]);
        if cfg!(debug_assertions) {
            // So that a test finds whoever takes what was left there for a result.
            numbers.fill(f32::NAN);
        }
        Buffer(numbers)
    }

    /// `length` zeros.
    pub(in crate::model) fn zeros(length: usize) -> Buffer {
        let mut buffer = Buffer::new(length);
        buffer.fill(0.0);
        buffer
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.0);
        let mut store = store();
        store.lent -= numbers.len();
        store.free_numbers += numbers.len();
        store.free.push_back(numbers);
        store.shrink();
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
    fn a_buffer_of_a_length_is_used_again_and_zeros_are_zeros() {
        // A length that no other test takes.
        let length = 1_234_567;
        let mut first = Buffer::new(length);
        first.fill(3.0);
        let place = first.as_ptr();
        drop(first);
        let second = Buffer::zeros(length);
        assert_eq!(second.as_ptr(), place);
        assert!(second.iter().all(|&number| number == 0.0));
    }
}
