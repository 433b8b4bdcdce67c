//! Snapshots of the state, written beside the running shard.
//!
//! The shard gives a clone of its state, which costs next to nothing (copy-on-write); a thread of
//! its own writes it. A snapshot that can't be written is a warning, not a failure: the journal
//! holds everything, and only the next start takes longer.

use crate::telemetry;
use authorization::State;
use journal::{JournalError, SnapshotInfo, SnapshotWriter};
use payment_types::Sequence;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The section of a snapshot that holds the state.
pub(crate) const STATE_SECTION: &str = "state";
/// One snapshot of each of the last days is kept here, in a folder named after the day, so that a
/// state that was can be had again without running the whole journal.
pub(crate) const DAY_SNAPSHOTS: &str = "day-snapshots";
/// Days kept: a week and today.
const DAYS_KEPT: usize = 8;
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
        Ok(info) => {
            telemetry::snapshot_taken(info.sequence, info.bytes, started.elapsed());
            let day = state.last_moment().business_date();
            if let Err(error) = keep_of_day(directory, &info.path, &day.to_string()) {
                telemetry::snapshot_failed(sequence, &error);
            }
        }
        Err(error) => telemetry::snapshot_failed(sequence, &error),
    }
}

/// Keeps a day's first snapshot. It is the same file under another name, so it costs its room only
/// once the engine has let go of it.
fn keep_of_day(directory: &Path, snapshot: &Path, day: &str) -> io::Result<()> {
    let all = directory.join(DAY_SNAPSHOTS);
    let folder = all.join(day);
    let Some(name) = snapshot.file_name() else { return Ok(()) };
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    fs::hard_link(snapshot, folder.join(name))?;
    let mut days = day_folders(directory)?;
    days.sort();
    let surplus = days.len().saturating_sub(DAYS_KEPT);
    days.iter().take(surplus).try_for_each(fs::remove_dir_all)
}

/// The folders of days there are; none where none was kept.
pub(crate) fn day_folders(directory: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(directory.join(DAY_SNAPSHOTS)) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_of_first_snapshots_is_kept() {
        let data = tempfile::tempdir().unwrap();
        for day in 1..=9 {
            for number in 0..2 {
                let snapshot = data.path().join(format!("{day}{number}.snap"));
                fs::write(&snapshot, b"x").unwrap();
                keep_of_day(data.path(), &snapshot, &format!("2026-11-0{day}")).unwrap();
            }
        }
        let mut days = day_folders(data.path()).unwrap();
        days.sort();
        assert_eq!(days.len(), DAYS_KEPT);
        assert!(days[0].ends_with("2026-11-02"), "the oldest day went");
        assert!(days[0].join("20.snap").exists() && !days[0].join("21.snap").exists());
    }
}
