//! A budget of memory for photos in flight.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Hands out shares of a fixed budget. One thread takes, others give back; whatever asks for more than
/// there is gets through alone, so nothing waits for ever.
#[derive(Debug)]
pub(super) struct Gate {
    budget: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: u64,
    closed: bool,
}

impl Gate {
    pub(super) fn new(budget: u64) -> Gate {
        Gate { budget, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits until `share` fits into the budget (or nothing else is out). `false` once closed.
    pub(super) fn take(&self, share: u64) -> bool {
        self.take_more(0, share)
    }

    /// As [`Gate::take`], for one who already holds `held`.
    pub(super) fn take_more(&self, held: u64, share: u64) -> bool {
        let mut state = self.lock();
        let full = |taken: u64| taken.saturating_add(share) > self.budget;
        while !state.closed && state.taken > held && full(state.taken) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.closed {
            state.taken = state.taken.saturating_add(share);
        }
        !state.closed
    }

    /// Gives back what [`Gate::take`] was asked for.
    pub(super) fn give_back(&self, share: u64) {
        let mut state = self.lock();
        state.taken = state.taken.saturating_sub(share);
        drop(state);
        self.changed.notify_all();
    }

    /// Lets everybody through with `false`: the pipeline is stopping.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is two plain numbers, valid at every point: a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_photo_larger_than_the_budget_gets_through_alone() {
        let gate = Gate::new(10);
        assert!(gate.take(25));
        let through = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(gate.take(1));
                through.store(true, Ordering::SeqCst);
            });
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!through.load(Ordering::SeqCst), "nothing beside the large one");
            gate.give_back(25);
        });
        assert!(through.load(Ordering::SeqCst));
    }

    #[test]
    fn closing_wakes_whoever_waits() {
        let gate = Gate::new(1);
        assert!(gate.take(1));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.take(1));
            gate.close();
            assert!(!waiting.join().unwrap());
        });
    }
}
