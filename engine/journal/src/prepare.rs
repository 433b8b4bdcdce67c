//! Segments made ahead: zeroed by real writes and flushed, so that a commit later is one
//! `fdatasync` that has no size or extent to write down.

use crate::segment::{self, PREPARING};
use crate::storage::{remove_leftover, write_all};
use crate::{JournalError, Options, SegmentFile, Storage, to_usize};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Small steps, each flushed, so that the disk's queue stays short for commits in the meantime.
const ZERO_BYTES: usize = 1 << 20;
/// How long to rest between steps: zeroing a segment at one go would hold up every commit meanwhile.
const REST: Duration = Duration::from_millis(20);
/// How long to wait after a failure, such as a full disk, before trying again.
const RETRY: Duration = Duration::from_secs(1);

type File = Box<dyn SegmentFile>;

/// Makes a zeroed file of `bytes` under the name [`PREPARING`], a step at a time; after each step
/// `go_on` may wait, and gives up with `false`.
pub(crate) fn make(
    storage: &dyn Storage,
    bytes: u64,
    go_on: impl Fn() -> bool,
) -> Result<File, JournalError> {
    let path = storage.path(PREPARING);
    remove_leftover(storage, PREPARING)?;
    let file =
        storage.create(PREPARING).map_err(JournalError::io("make the next segment", &path))?;
    let filled = zero(file.as_ref(), bytes, go_on);
    if let Err(e) = filled {
        // Give the space back: on a full disk somebody else may need it to recover.
        drop(file);
        remove_leftover(storage, PREPARING)?;
        return Err(JournalError::io("zero the next segment", &path)(e));
    }
    Ok(file)
}

fn zero(file: &dyn SegmentFile, bytes: u64, go_on: impl Fn() -> bool) -> io::Result<()> {
    let zeros = vec![0; ZERO_BYTES];
    let mut at = 0;
    while at < bytes {
        if !go_on() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let step = zeros.get(..to_usize(bytes - at)).unwrap_or(&zeros);
        write_all(file, step, at)?;
        file.sync_data()?;
        at += step.len() as u64;
    }
    file.sync_all()
}

/// Turns the prepared file into the segment that begins with `first`. Its header is durable
/// before its name is: a segment that can be seen can be read.
pub(crate) fn activate(
    storage: &dyn Storage,
    file: &dyn SegmentFile,
    first: u64,
    previous: u32,
) -> Result<(), JournalError> {
    let name = segment::name(first);
    let path = storage.path(&name);
    file.size()
        .and_then(|size| write_all(file, &segment::header(first, previous, size), 0))
        .and_then(|()| file.sync_data())
        .and_then(|()| storage.rename(PREPARING, &name))
        .and_then(|()| storage.sync_directory())
        .map_err(JournalError::io("begin the segment", &path))
}

/// What the preparing thread and the writer tell each other.
#[derive(Default)]
struct Desk {
    wanted: bool,
    urgent: bool,
    ready: Option<File>,
    failed: Option<JournalError>,
}

struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rests a little, unless the writer waits for the segment; `false` when told to stop.
    fn rest(&self) -> bool {
        let stopped = || self.stop.load(Ordering::Relaxed);
        let idle = |desk: &mut Desk| !desk.urgent && !stopped();
        // What woke it shows in the next rest.
        drop(self.changed.wait_timeout_while(self.desk(), REST, idle));
        !stopped()
    }

    fn wait<'a>(&self, desk: MutexGuard<'a, Desk>) -> MutexGuard<'a, Desk> {
        self.changed.wait(desk).unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the next segment ready, from a thread of its own or, without one, when asked.
pub(crate) struct Preparer {
    storage: Arc<dyn Storage>,
    bytes: u64,
    thread: Option<(Arc<Shared>, JoinHandle<()>)>,
}

/// How far the next segment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextSegment {
    /// It is there.
    Ready,
    /// It is being made, or is made only when needed.
    Preparing,
    /// It could not be made and is being retried; commits fail once this segment is full. The
    /// text says why, a full disk for instance.
    Failing(String),
}

impl Preparer {
    pub(crate) fn start(
        storage: Arc<dyn Storage>,
        options: &Options,
    ) -> Result<Self, JournalError> {
        let bytes = options.segment_bytes;
        let thread = if options.prepare_ahead {
            let shared = Arc::new(Shared {
                desk: Mutex::new(Desk { wanted: true, ..Desk::default() }),
                changed: Condvar::new(),
                stop: AtomicBool::new(false),
            });
            let (theirs, on) = (Arc::clone(&shared), Arc::clone(&storage));
            let handle = std::thread::Builder::new()
                .name("journal-ahead".into())
                .spawn(move || work(&theirs, on.as_ref(), bytes))
                .map_err(JournalError::io("start a thread for", &storage.path("")))?;
            Some((shared, handle))
        } else {
            None
        };
        Ok(Self { storage, bytes, thread })
    }

    /// The next segment's file; waits for it if it is not ready. If making it had failed, it is
    /// tried once more now. The thread rests until [`Preparer::again`].
    pub(crate) fn take(&self) -> Result<File, JournalError> {
        let Some((shared, _)) = &self.thread else {
            return make(self.storage.as_ref(), self.bytes, || true);
        };
        let mut desk = shared.desk();
        if desk.ready.is_none() {
            desk.failed = None;
            desk.urgent = true;
            shared.changed.notify_all();
        }
        loop {
            if let Some(file) = desk.ready.take() {
                return Ok(file);
            }
            if let Some(error) = desk.failed.take() {
                return Err(error);
            }
            desk = shared.wait(desk);
        }
    }

    /// Begins with the segment after the one taken, once that has its own name.
    pub(crate) fn again(&self) {
        if let Some((shared, _)) = &self.thread {
            shared.desk().wanted = true;
            shared.changed.notify_all();
        }
    }

    pub(crate) fn status(&self) -> NextSegment {
        let Some((shared, _)) = &self.thread else { return NextSegment::Preparing };
        let desk = shared.desk();
        match (&desk.ready, &desk.failed) {
            (Some(_), _) => NextSegment::Ready,
            (None, Some(error)) => NextSegment::Failing(error.to_string()),
            (None, None) => NextSegment::Preparing,
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        if let Some((shared, handle)) = self.thread.take() {
            shared.stop.store(true, Ordering::Relaxed);
            drop(shared.desk());
            shared.changed.notify_all();
            // A thread that panicked has nothing left to tell.
            drop(handle.join());
        }
    }
}

/// The preparing thread.
fn work(shared: &Shared, storage: &dyn Storage, bytes: u64) {
    let stopped = || shared.stop.load(Ordering::Relaxed);
    let mut desk = shared.desk();
    while !stopped() {
        if !desk.wanted {
            desk = shared.wait(desk);
            continue;
        }
        drop(desk);
        let made = make(storage, bytes, || shared.rest());
        desk = shared.desk();
        desk.urgent = false;
        match made {
            Ok(file) => {
                desk.ready = Some(file);
                desk.failed = None;
                desk.wanted = false;
            }
            Err(error) => desk.failed = Some(error),
        }
        shared.changed.notify_all();
        if desk.wanted && !stopped() {
            let pause = |desk: &mut Desk| !desk.urgent && !stopped();
            desk = shared
                .changed
                .wait_timeout_while(desk, RETRY, pause)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
