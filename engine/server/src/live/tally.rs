//! What one listener answered since the last second ended: fixed arrays of counters that the
//! connections raise without a lock, and that one reader empties each second.

use authorization::ResultCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

/// Cells of an octave of durations: a percentile read from them is at most a sixteenth too high.
const CELLS: u32 = 16;
/// Durations from 16 µs to 2^25 µs (33 s) have octaves of their own; what is above goes into the
/// last cell.
const OCTAVES: u32 = 21;
const CELLS_OF_ALL: usize = (CELLS * (OCTAVES + 1)) as usize;

/// The counters of a listener.
pub(crate) struct Tally {
    name: Arc<str>,
    durations: Vec<AtomicU32>,
    results: Vec<AtomicU32>,
    connections: AtomicUsize,
}

/// What was in them when they were emptied.
#[derive(Debug, Clone, Default)]
pub(crate) struct Emptied {
    durations: Vec<u32>,
    /// By position in [`ResultCode::ALL`].
    pub(crate) results: Vec<u32>,
}

impl Tally {
    pub(crate) fn new(name: &str) -> Self {
        let zeros = |count| std::iter::repeat_with(AtomicU32::default).take(count).collect();
        Self {
            name: name.into(),
            durations: zeros(CELLS_OF_ALL),
            results: zeros(ResultCode::ALL.len()),
            connections: AtomicUsize::new(0),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// A request was answered so, this long after it came.
    pub(crate) fn answered(&self, result: ResultCode, took: Duration) {
        let cell = cell(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        if let Some(cell) = self.durations.get(cell) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(count) = self.results.get(result as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Empties the counters. What is answered meanwhile is in this second or the next.
    pub(crate) fn empty(&self) -> Emptied {
        let empty = |cells: &[AtomicU32]| {
            cells.iter().map(|cell| cell.swap(0, Ordering::Relaxed)).collect()
        };
        Emptied { durations: empty(&self.durations), results: empty(&self.results) }
    }
}

impl Emptied {
    /// Adds another listener's.
    pub(crate) fn add(&mut self, other: &Self) {
        add(&mut self.durations, &other.durations);
        add(&mut self.results, &other.results);
    }

    /// How many were answered.
    pub(crate) fn count(&self) -> u32 {
        self.results.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// So many of a thousand took at most so many microseconds; `None` where nothing was answered.
    pub(crate) fn percentile(&self, per_mille: u32) -> Option<u64> {
        let all: u64 = self.durations.iter().map(|count| u64::from(*count)).sum();
        let wanted = all.saturating_mul(u64::from(per_mille)).div_ceil(1000).max(1);
        let mut seen = 0;
        for (position, count) in self.durations.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return Some(most_of(position));
            }
        }
        None
    }
}

fn add(to: &mut Vec<u32>, from: &[u32]) {
    to.resize(to.len().max(from.len()), 0);
    for (to, from) in to.iter_mut().zip(from) {
        *to = to.saturating_add(*from);
    }
}

/// Where a duration is counted: 0 to 15 µs exactly, then each octave in [`CELLS`] equal parts.
fn cell(micros: u64) -> usize {
    let cells = u64::from(CELLS);
    let octave = u64::from(micros.max(1).ilog2().saturating_sub(CELLS.ilog2()));
    let cell = if micros < cells { micros } else { octave * cells + (micros >> octave) };
    usize::try_from(cell).unwrap_or(usize::MAX).min(CELLS_OF_ALL - 1)
}

/// The longest duration, in microseconds, that is counted in a cell.
fn most_of(cell: usize) -> u64 {
    let (cell, cells) = (u64::try_from(cell).unwrap_or(u64::MAX), u64::from(CELLS));
    match cell / cells {
        0 => cell,
        row => {
            let octave = row - 1;
            let first = (cell % cells + cells) << octave;
            first + (1 << octave) - 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_in_the_cell_that_says_so() {
        for micros in (0..5000).chain([65_535, 65_536, 1_000_000, 16_000_000]) {
            let at = cell(micros);
            assert!(micros <= most_of(at), "{micros} in {at}: {}", most_of(at));
            assert!(at == 0 || micros > most_of(at - 1), "{micros} in {at}");
            let too_high = most_of(at) - micros;
            assert!(too_high * 16 <= micros.max(16), "{micros}: {too_high} too high");
        }
        assert_eq!(cell(u64::MAX), CELLS_OF_ALL - 1);
    }

    #[test]
    fn a_second_is_counted_once() {
        let tally = Tally::new("pos");
        assert_eq!(tally.empty().percentile(500), None);
        for micros in 1..=100 {
            tally.answered(ResultCode::Approved, Duration::from_micros(micros));
        }
        tally.answered(ResultCode::InsufficientFunds, Duration::from_secs(100));
        let mut emptied = tally.empty();
        assert_eq!(emptied.count(), 101);
        assert!((50..=53).contains(&emptied.percentile(500).unwrap()));
        assert!(emptied.percentile(1000).unwrap() > 10_000_000);
        assert_eq!(tally.empty().count(), 0);
        emptied.add(&emptied.clone());
        assert_eq!(emptied.count(), 202);
    }
}
