//! `tamga replay`: the journal run again.
//!
//! Under the recorded rules every outcome must come out as recorded, which proves that decisions
//! depend on nothing but the journal (I8). Under another rule set it is a backtest: which decisions
//! would have been others, by reason and money. Reads without a lock, so an engine may be running.

mod backtest;
mod difference;
mod run;
#[cfg(test)]
mod tests;

use crate::failure::Failure;
use crate::progress::Progress;
pub use backtest::{Backtest, Change};
pub(crate) use difference::difference;
pub(crate) use run::{Run, Step};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Records between two updates of the progress.
pub(crate) const TELL_EVERY: u64 = 4096;

/// What `tamga replay` was told.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// The data directory.
    pub data: PathBuf,
    /// Begin at the newest good snapshot, not at the first record.
    pub from_snapshot: bool,
    /// Another rule set than the recorded ones.
    pub rules: Option<PathBuf>,
}

/// What a replay found.
#[derive(Debug)]
pub struct Replayed {
    /// Records run again.
    pub records: u64,
    /// The first one's sequence; the last one's is `last`.
    pub first: u64,
    /// The last record's sequence, 0 if there is none.
    pub last: u64,
    /// How long it took.
    pub took: Duration,
    /// Digest of the state at the end (I8). Of a backtest, of a state that never was.
    pub digest: u64,
    /// What would change, under another rule set.
    pub backtest: Option<Backtest>,
}

impl Replayed {
    /// Records a second.
    #[must_use]
    pub fn rate(&self) -> u64 {
        let millis = self.took.as_millis().max(1);
        let rate = u128::from(self.records) * 1000 / millis;
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

/// Runs the journal again.
///
/// # Errors
/// Code 1 at the first outcome that is not as recorded; code 3 if the journal cannot be read.
pub fn replay(options: &ReplayOptions, progress: &mut Progress) -> Result<Replayed, Failure> {
    match &options.rules {
        None => same_rules(options, progress),
        Some(rules) => backtest::backtest(options, rules, progress),
    }
}

fn same_rules(options: &ReplayOptions, progress: &mut Progress) -> Result<Replayed, Failure> {
    let started = Instant::now();
    let mut run = Run::open(&options.data, options.from_snapshot)?;
    let first = run.next_sequence();
    progress.stage("replaying", 0);
    let mut records = 0u64;
    while let Some(step) = run.step()? {
        if step.outcome != step.record.outcome {
            return Err(Failure::found(difference(&step)));
        }
        records = records.saturating_add(1);
        if records.is_multiple_of(TELL_EVERY) {
            progress.at(records);
        }
    }
    let took = started.elapsed();
    progress.finish();
    let (last, digest) = (run.state.last_sequence().0, run.state.digest());
    Ok(Replayed { records, first, last, took, digest, backtest: None })
}

/// A data directory must be there: a tool that only reads does not make one.
pub(crate) fn must_exist(data: &Path) -> Result<(), Failure> {
    if data.is_dir() {
        return Ok(());
    }
    let path = data.display();
    Err(Failure::data(format!("there is no data directory {path}; name one with --data")))
}
