//! Lets all workers start together, or none.

use std::sync::{Condvar, Mutex, PoisonError};

/// Closed until everyone has come, or somebody has given up.
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    missing: usize,
    given_up: bool,
}

impl Gate {
    pub(crate) fn new(workers: usize) -> Self {
        let state = Mutex::new(State { missing: workers, given_up: false });
        Self { state, changed: Condvar::new() }
    }

    /// Waits for the others; false if one of them gave up.
    pub(crate) fn pass(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.missing = state.missing.saturating_sub(1);
        self.changed.notify_all();
        while state.missing > 0 && !state.given_up {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.given_up
    }

    /// Sends everybody home.
    pub(crate) fn give_up(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).given_up = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pass_together_or_none() {
        for good in [true, false] {
            let gate = Gate::new(3);
            std::thread::scope(|scope| {
                let others = [(); 2].map(|()| scope.spawn(|| gate.pass()));
                if good {
                    assert!(gate.pass())
                } else {
                    gate.give_up()
                }
                assert!(others.into_iter().all(|other| other.join().unwrap() == good));
            });
        }
    }
}
