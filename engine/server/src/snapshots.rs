//! Snapshots of the state, written beside the running shard.
//!
//! The shard gives a clone of its state, which costs next to nothing (copy-on-write); a thread of
//! its own writes it. A snapshot that can't be written is a warning, not a failure: the journal
//! holds everything, and only the next start takes longer.

use crate::telemetry;
use authorization::State;
use journal::{JournalError, SnapshotInfo, SnapshotWriter};
use payment_types::Sequence;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The section of a snapshot that holds the state.
pub(crate) const STATE_SECTION: &str = "state";
/// A state that changed is snapshotted at least this often.
const EVERY: Duration = Duration::from_secs(600);

/// Decides when a snapshot is due, and has it written.
pub struct Snapshots {
    writer: Option<(SyncSender<State>, JoinHandle<()>)>,
    busy: Arc<AtomicBool>,
    every_records: u64,
    last: Sequence,
    last_at: Instant,
}

impl Snapshots {
    /// Starts the writing thread. `last` is the sequence of the newest snapshot there is.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(directory: &Path, every_records: u64, last: Sequence) -> io::Result<Self> {
        let (sender, states) = sync_channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&busy);
        let directory = directory.to_path_buf();
        let thread = std::thread::Builder::new()
            .name("snapshots".into())
            .spawn(move || write_each(&directory, &states, &flag))?;
        Ok(Self {
            writer: Some((sender, thread)),
            busy,
            every_records: every_records.max(1),
            last,
            last_at: Instant::now(),
        })
    }

    /// Called after each commit, when all of `state` is on stable storage.
    pub fn consider(&mut self, state: &State) {
        let now = state.last_sequence();
        let changed = now.0.saturating_sub(self.last.0);
        let due = changed >= self.every_records || changed > 0 && self.last_at.elapsed() >= EVERY;
        if !due || self.busy.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some((sender, _)) = &self.writer {
            // There is room for one, and it is not busy.
            let _sent = sender.try_send(state.clone());
        }
        self.last = now;
        self.last_at = Instant::now();
    }
}

impl Drop for Snapshots {
    /// Waits for the snapshot being written.
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.writer.take() {
            drop(sender);
            // A panic there has been reported by its own thread.
            let _ended = thread.join();
        }
    }
}

fn write_each(directory: &Path, states: &Receiver<State>, busy: &AtomicBool) {
    for state in states {
        take(directory, &state);
        drop(state);
        busy.store(false, Ordering::Release);
    }
}

/// Writes a snapshot and reports how that went.
pub(crate) fn take(directory: &Path, state: &State) {
    let started = Instant::now();
    let sequence = state.last_sequence().0;
    match write(directory, state) {
        Ok(info) => telemetry::snapshot_taken(info.sequence, info.bytes, started.elapsed()),
        Err(error) => telemetry::snapshot_failed(sequence, &error),
    }
}

/// Writes a snapshot of a state whose last record is on stable storage.
///
/// # Errors
/// What the system refused.
pub fn write(directory: &Path, state: &State) -> Result<SnapshotInfo, JournalError> {
    let mut writer = SnapshotWriter::create(directory, state.last_sequence().0)?;
    writer.section(STATE_SECTION)?;
    state.write_snapshot(&mut writer).map_err(|source| JournalError::Io {
        action: "write a snapshot in",
        path: directory.to_path_buf(),
        source,
    })?;
    writer.finish()
}
