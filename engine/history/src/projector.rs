//! Takes the journal into the read model, batch by batch.

use crate::batch::{self, Batch};
use crate::{HistoryError, schema};
use journal::Reader;
use rusqlite::{Connection, TransactionBehavior};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Records in one SQLite transaction at most: enough that a commit's cost does not matter.
const BATCH_MAX: usize = 4_000;
/// How long records gather before they are taken in. Also how stale a search may be.
const GATHER: Duration = Duration::from_millis(20);
/// After a failure: full disk, unreadable journal.
const RETRY: Duration = Duration::from_secs(2);
/// How long a projector that was told to stop goes on with what is durable.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// Nice value of the projector's thread: it takes what the decision path leaves.
const NICE: i32 = 10;

/// How far the read model is; shared with readers.
#[derive(Debug, Default)]
pub struct Progress {
    position: AtomicU64,
    rebuilding: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Progress {
    /// Of a read model that is read as it is.
    pub(crate) fn at(position: u64) -> Self {
        Self { position: AtomicU64::new(position), ..Self::default() }
    }

    /// The last sequence that can be searched.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// Whether it is being built from the first record.
    #[must_use]
    pub fn is_rebuilding(&self) -> bool {
        self.rebuilding.load(Ordering::Acquire)
    }

    /// Why it stands still, if it does.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_failure(&self, failure: Option<String>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }
}

/// The one writer of the read model.
pub struct Projector {
    connection: Connection,
    data: PathBuf,
    progress: Arc<Progress>,
    reader: Option<Reader>,
}

impl Projector {
    pub(crate) fn new(
        connection: Connection,
        data: PathBuf,
        progress: Arc<Progress>,
        is_new: bool,
    ) -> Result<Self, HistoryError> {
        let position = batch::load_position(&connection)?;
        progress.position.store(to_u64(position.sequence), Ordering::Release);
        progress.rebuilding.store(is_new, Ordering::Release);
        Ok(Self { connection, data, progress, reader: None })
    }

    /// Takes in everything up to the durable `watermark` and says how many records that were.
    ///
    /// # Errors
    /// [`HistoryError`]: the batches before it stay, the one it came in leaves nothing.
    pub fn catch_up(&mut self, watermark: u64) -> Result<u64, HistoryError> {
        self.catch_up_while(watermark, || true)
    }

    /// As [`Projector::catch_up`], as long as `go_on` says so, which is asked before each batch.
    fn catch_up_while(
        &mut self,
        watermark: u64,
        go_on: impl Fn() -> bool,
    ) -> Result<u64, HistoryError> {
        let mut taken = 0_u64;
        while go_on() {
            match self.one_batch(watermark, BATCH_MAX)? {
                0 => {
                    self.progress.rebuilding.store(false, Ordering::Release);
                    break;
                }
                count => taken = taken.saturating_add(count),
            }
        }
        Ok(taken)
    }

    /// Takes in at most `most` records up to `watermark`, in one SQLite transaction.
    ///
    /// # Errors
    /// [`HistoryError`]: nothing of the batch stays.
    pub fn one_batch(&mut self, watermark: u64, most: usize) -> Result<u64, HistoryError> {
        if self.reader.is_some() && self.progress.position() >= watermark {
            return Ok(0);
        }
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.open_reader(watermark)?,
        };
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut batch = Batch::begin(&transaction)?;
        let mut taken = 0_u64;
        for _ in 0..most {
            let Some((sequence, bytes)) = reader.next(watermark)? else { break };
            batch.take(sequence, bytes)?;
            taken = taken.saturating_add(1);
        }
        if taken > 0 {
            let position = batch.end()?;
            transaction.commit()?;
            self.progress.position.store(to_u64(position.sequence), Ordering::Release);
        }
        // Only now: after an error the reader is somewhere in the batch that was undone.
        self.reader = Some(reader);
        Ok(taken)
    }

    /// A reader behind the position, after making sure that the journal is the one it was.
    fn open_reader(&mut self, watermark: u64) -> Result<Reader, HistoryError> {
        let position = batch::load_position(&self.connection)?;
        let sequence = to_u64(position.sequence);
        if sequence > 0 {
            if sequence <= watermark {
                let mut reader = Reader::open(&self.data, sequence)?;
                let is_same = match reader.next(watermark)? {
                    Some((_, bytes)) => batch::digest(bytes) == position.digest,
                    None => false,
                };
                if is_same {
                    return Ok(reader);
                }
            }
            self.progress.rebuilding.store(true, Ordering::Release);
            schema::wipe(&mut self.connection)?;
            self.progress.position.store(0, Ordering::Release);
        }
        Ok(Reader::open(&self.data, 1)?)
    }

    /// Runs on a thread of its own until stopped. `watermark` gives the last durable sequence.
    /// A failure is kept in [`Progress`] and tried again; the engine goes on without.
    ///
    /// # Errors
    /// [`HistoryError::Thread`].
    pub fn spawn(
        mut self,
        watermark: impl Fn() -> u64 + Send + 'static,
    ) -> Result<ProjectorThread, HistoryError> {
        let signal = Arc::new(Signal::default());
        let theirs = Arc::clone(&signal);
        let body = move || {
            // Not allowed (a container without the right)? Then it runs at the usual priority.
            let _unchanged = rustix::process::setpriority_process(None, NICE);
            while !theirs.is_set() {
                let pause = self.turn(watermark(), || !theirs.is_set());
                theirs.wait(pause);
            }
            // What is still missing then is taken in after the next start.
            let stopping = Instant::now();
            self.turn(watermark(), || stopping.elapsed() < STOP_PATIENCE);
        };
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(body)
            .map_err(HistoryError::Thread)?;
        Ok(ProjectorThread { signal, thread: Some(thread) })
    }

    fn turn(&mut self, watermark: u64, go_on: impl Fn() -> bool) -> Duration {
        match self.catch_up_while(watermark, go_on) {
            Ok(_) => {
                self.progress.set_failure(None);
                GATHER
            }
            Err(error) => {
                self.progress.set_failure(Some(error.to_string()));
                RETRY
            }
        }
    }
}

/// A running projector.
pub struct ProjectorThread {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl ProjectorThread {
    /// Lets it take in what is durable, for two seconds at most, and waits for its end.
    pub fn stop(mut self) {
        self.signal.set();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed by it; there is nothing to undo.
            drop(thread.join());
        }
    }
}

impl Drop for ProjectorThread {
    fn drop(&mut self) {
        self.signal.set();
    }
}

#[derive(Default)]
struct Signal {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn set(&self) {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    fn is_set(&self) -> bool {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `pause` or until it is set.
    fn wait(&self, pause: Duration) {
        let is_set = self.is_set.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(is_set, pause, |is_set| !*is_set));
    }
}

fn to_u64(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
