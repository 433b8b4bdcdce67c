//! The handle of the shard: the one way to the state.
//!
//! A shard is one thread that owns the [`State`] (see `worker.rs`). Everybody else holds this
//! handle and sends it work through a bounded queue: requests of terminals
//! ([`Shard::try_authorize`]), commands of operators ([`Shard::command`]) and looks at the state
//! ([`Shard::query`]). What comes back has been on stable storage before: a decision arrives as
//! [`Durable`], a command's outcome after the commit of its record, a query runs after the commit
//! of everything that was accepted before it.

use crate::live::Live;
use crate::queue::{Queue, Refused};
use authorization::{Command, Decision, IdempotencyKey, Outcome, Request, State};
use journal::Durable;
use payment_types::{Moment, Sequence};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

/// How many commands and queries may wait when requests have filled the queue.
const RESERVED_FOR_COMMANDS: usize = 1024;

/// How long bulk work waits for room in the queue.
const BULK_PAUSE: Duration = Duration::from_millis(2);

/// A terminal's request on its way to the shard.
#[derive(Debug)]
pub struct Envelope {
    /// The request.
    pub request: Box<Request>,
    /// The sender's own number for it.
    pub slot: u32,
    /// When its last byte was read.
    pub received: Instant,
    /// When the terminal has given up: it takes no effect after that.
    pub deadline: Instant,
    /// Where the reply goes.
    pub reply: mpsc::UnboundedSender<Reply>,
}

/// What the shard has to say about a request.
#[derive(Debug)]
pub struct Reply {
    /// The sender's number.
    pub slot: u32,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a request.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // Nearly all are decisions.
pub enum Fate {
    /// It was decided, and the decision is on stable storage.
    Decided(Durable<Decision>),
    /// It came to the shard after its deadline and took no effect.
    Late,
    /// The shard stopped before it took effect.
    NotTaken,
    /// The shard stopped while its record was being written: whether it stands shows after the
    /// recovery, so nothing may be answered; the terminal repeats or reverses.
    Unknown,
}

/// What came of a command, durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Its record in the journal; of a command sent twice, the last record before it was sent
    /// again, which is not recorded.
    pub sequence: Sequence,
    /// What came of it.
    pub outcome: Outcome,
    /// When it was accepted.
    pub moment: Moment,
    /// Whether its idempotency key had been used before: then nothing was done now.
    pub replayed: bool,
}

/// Why the shard did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShardError {
    /// It stopped; the process is about to end.
    #[error("the engine has stopped taking work: {0}")]
    Stopped(Arc<str>),
    /// Its queue is full.
    #[error("the engine is overloaded; try again")]
    Overloaded,
}

/// How the shard is.
#[derive(Debug, Clone)]
pub struct ShardHealth {
    /// Why it stopped; `None` while it runs.
    pub stopped: Option<Arc<str>>,
    /// How many requests and commands wait.
    pub queue_depth: usize,
    /// How long the last commit took.
    pub last_commit: Duration,
    /// The highest sequence on stable storage.
    pub durable: u64,
    /// How far the clock stands before the last record; then time stands still.
    pub clock_behind: Duration,
}

pub(crate) type Query = Box<dyn FnOnce(&State, Moment) + Send>;

/// What can be in the queue.
pub(crate) enum Work {
    Authorize(Envelope),
    Command {
        command: Box<Command>,
        idempotency: Option<IdempotencyKey>,
        reply: oneshot::Sender<Result<Answered, ShardError>>,
    },
    Query(Query),
}

/// What the handles and the thread share.
pub(crate) struct Shared {
    pub(crate) queue: Queue<Work>,
    durable: AtomicU64,
    last_commit_ns: AtomicU64,
    clock_behind_ms: AtomicU64,
    /// What consoles see.
    pub(crate) live: Arc<Live>,
    stopped: watch::Sender<Option<Arc<str>>>,
}

impl Shared {
    pub(crate) fn new(capacity: usize, durable: u64) -> Self {
        Self {
            queue: Queue::new(capacity),
            durable: AtomicU64::new(durable),
            last_commit_ns: AtomicU64::new(0),
            clock_behind_ms: AtomicU64::new(0),
            live: Live::new(),
            stopped: watch::Sender::new(None),
        }
    }

    /// Called by the thread after each commit.
    pub(crate) fn committed(&self, durable: u64, took: Duration) {
        self.durable.store(durable, Ordering::Release);
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.last_commit_ns.store(ns, Ordering::Relaxed);
    }

    /// Called by the thread in each turn: how far the clock stands before the last record. Gives what
    /// it was before.
    pub(crate) fn clock_behind(&self, ms: u64) -> u64 {
        self.clock_behind_ms.swap(ms, Ordering::Relaxed)
    }

    /// Stops for good; the first reason stays.
    pub(crate) fn stop(&self, reason: &str) {
        self.stopped.send_if_modified(|stopped| {
            let first = stopped.is_none();
            stopped.get_or_insert_with(|| reason.into());
            first
        });
        self.queue.close();
    }

    pub(crate) fn reason(&self) -> Arc<str> {
        self.stopped.borrow().clone().unwrap_or_else(|| "it is being shut down".into())
    }
}

/// The handle; clones reach the same shard.
#[derive(Clone)]
pub struct Shard {
    pub(crate) shared: Arc<Shared>,
}

impl Shard {
    /// Hands a request to the shard; its reply comes over [`Envelope::reply`].
    ///
    /// # Errors
    /// The envelope back, if the queue is full or the shard has stopped: the caller answers `91`.
    pub fn try_authorize(&self, envelope: Envelope) -> Result<(), Envelope> {
        match self.shared.queue.push(Work::Authorize(envelope), 0) {
            Err((Work::Authorize(envelope), _)) => Err(envelope),
            _ => Ok(()),
        }
    }

    /// As [`Shard::try_authorize`] for several at once, in order. Those that found no room stay.
    pub(crate) fn authorize_all(&self, envelopes: &mut Vec<Work>) {
        // Whether full or stopped, what is left over is answered the same way.
        let _left_over = self.shared.queue.push_all(envelopes);
    }

    /// Carries out a command; when it returns, its outcome is on stable storage.
    ///
    /// # Errors
    /// [`ShardError`]. After [`ShardError::Stopped`] it is unknown whether the command took effect.
    pub async fn command(
        &self,
        command: Command,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Answered, ShardError> {
        let (reply, answer) = oneshot::channel();
        self.push(Work::Command { command: Box::new(command), idempotency, reply })?;
        answer.await.unwrap_or_else(|_| Err(ShardError::Stopped(self.shared.reason())))
    }

    /// Carries out commands in order, each journaled by itself; when it returns, all are on stable
    /// storage. For bulk work: it leaves room in the queue for the requests of terminals, and waits
    /// where there is none.
    ///
    /// # Errors
    /// [`ShardError::Stopped`]: it is unknown which of the commands took effect.
    pub async fn command_all(
        &self,
        commands: impl IntoIterator<Item = Command>,
    ) -> Result<Vec<Answered>, ShardError> {
        let mut waiting = Vec::new();
        for command in commands {
            let (reply, answer) = oneshot::channel();
            let mut work = Work::Command { command: Box::new(command), idempotency: None, reply };
            while let Err((back, refused)) = self.shared.queue.push(work, 0) {
                if matches!(refused, Refused::Closed) {
                    return Err(ShardError::Stopped(self.shared.reason()));
                }
                tokio::time::sleep(BULK_PAUSE).await;
                work = back;
            }
            waiting.push(answer);
        }
        let mut answers = Vec::with_capacity(waiting.len());
        for answer in waiting {
            let gone = |_| Err(ShardError::Stopped(self.shared.reason()));
            answers.push(answer.await.unwrap_or_else(gone)?);
        }
        Ok(answers)
    }

    /// Looks at the state, on the shard's thread: keep it short. It sees everything acknowledged
    /// before, and nothing that is not on stable storage.
    ///
    /// # Errors
    /// [`ShardError`].
    pub async fn query<R: Send + 'static>(
        &self,
        look: impl FnOnce(&State, Moment) -> R + Send + 'static,
    ) -> Result<R, ShardError> {
        let (reply, answer) = oneshot::channel();
        let query = move |state: &State, moment| {
            // The asker may have gone away.
            let _gone = reply.send(look(state, moment));
        };
        self.push(Work::Query(Box::new(query)))?;
        answer.await.map_err(|_| ShardError::Stopped(self.shared.reason()))
    }

    fn push(&self, work: Work) -> Result<(), ShardError> {
        self.shared.queue.push(work, RESERVED_FOR_COMMANDS).map_err(|(_, refused)| match refused {
            Refused::Full => ShardError::Overloaded,
            Refused::Closed => ShardError::Stopped(self.shared.reason()),
        })
    }

    /// The highest sequence on stable storage.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.shared.durable.load(Ordering::Acquire)
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> ShardHealth {
        ShardHealth {
            stopped: self.shared.stopped.borrow().clone(),
            queue_depth: self.shared.queue.len(),
            last_commit: Duration::from_nanos(self.shared.last_commit_ns.load(Ordering::Relaxed)),
            durable: self.durable(),
            clock_behind: Duration::from_millis(
                self.shared.clock_behind_ms.load(Ordering::Relaxed),
            ),
        }
    }

    /// Waits until the shard has stopped on a failure, and says why. Never comes back from a shard
    /// that is closed in good order.
    pub async fn failed(&self) -> Arc<str> {
        let mut stopped = self.shared.stopped.subscribe();
        let reason = stopped.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        match reason {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    /// What consoles see of it.
    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.shared.live
    }

    /// Why it stopped.
    pub(crate) fn reason(&self) -> Arc<str> {
        self.shared.reason()
    }

    /// Takes nothing more; what is in the queue is still carried out, then the thread ends.
    pub fn close(&self) {
        self.shared.queue.close();
    }
}
