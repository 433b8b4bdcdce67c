//! States that were: the newest snapshot before a record, and the journal from there.

use crate::failure::Failure;
use crate::replay::Run;
use crate::snapshots::day_folders;
use crate::storage;
use authorization::State;
use journal::SNAPSHOT_DIRECTORY;
use payment_types::Timestamp;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A replay under way: how far it is, and whether it is still wanted.
#[derive(Debug, Default)]
pub(crate) struct Travel {
    /// The first record that is run.
    pub(crate) first: AtomicU64,
    /// The last record that was run.
    pub(crate) at: AtomicU64,
    /// The last one that is to be run.
    pub(crate) last: AtomicU64,
    /// Nobody wants it any more.
    pub(crate) cancelled: AtomicBool,
}

impl Travel {
    /// Notes where it is; an error once nobody wants it any more.
    pub(crate) fn tick(&self, sequence: u64) -> Result<(), Failure> {
        self.at.store(sequence, Ordering::Relaxed);
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Failure::found("it was cancelled".to_owned()));
        }
        Ok(())
    }

    /// Records done, and all.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let [first, at, last] =
            [&self.first, &self.at, &self.last].map(|number| number.load(Ordering::Relaxed));
        let before = first.saturating_sub(1);
        (at.saturating_sub(before), last.saturating_sub(before))
    }

    /// `replayed 1200 of 48120 records`.
    pub(crate) fn told(&self) -> String {
        let (done, all) = self.progress();
        format!("replayed {done} of {all} records")
    }
}

/// The state after record `most` or, with `until`, after the last record up to that instant
/// (whichever is first), from the newest snapshot before.
///
/// # Errors
/// Cancelled; or neither a snapshot that old nor the journal's beginning is here any more.
pub(crate) fn travel(
    data: &Path,
    most: u64,
    until: Option<Timestamp>,
    travel: &Travel,
) -> Result<Run, Failure> {
    let mut bound = most;
    let mut run = loop {
        // Reading a state takes a while.
        travel.tick(0)?;
        let state = newest_before(data, bound)?;
        let from = state.last_sequence().0;
        let is_late = until.is_some_and(|until| state.last_moment().at > until);
        if is_late && from > 0 {
            // Between two transactions there may have been others' commands.
            bound = from.saturating_sub(1);
            continue;
        }
        break Run::from_state(state, data)?.until(most);
    };
    travel.first.store(run.next_sequence(), Ordering::Relaxed);
    travel.last.fetch_max(most, Ordering::Relaxed);
    travel.tick(run.next_sequence().saturating_sub(1))?;
    let goes_on = |record: &authorization::Record| {
        until.is_none_or(|until| record.accepted.moment.at <= until)
    };
    while let Some(step) = run.step_while(goes_on)? {
        travel.tick(step.sequence)?;
    }
    Ok(run)
}

/// The state of the newest sound snapshot up to a record, of the engine's own or those kept of
/// each day; an empty one if there is none.
fn newest_before(data: &Path, most: u64) -> Result<State, Failure> {
    let mut folders = day_folders(data).map_err(|error| Failure::file(data, "read", &error))?;
    folders.push(data.join(SNAPSHOT_DIRECTORY));
    let mut newest = None;
    for folder in folders {
        let found = storage::newest_snapshot(&folder, most)?;
        newest = newest.max(found.map(|sequence| (sequence, folder)));
    }
    let Some((sequence, folder)) = newest else { return Ok(State::new()) };
    Ok(storage::state_of_snapshot(&folder, sequence)?)
}
