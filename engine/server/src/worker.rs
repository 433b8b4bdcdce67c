//! The shard's thread: the only code that changes the state.
//!
//! One turn takes what waits (up to [`BATCH_MOST`]), carries it out in order, appends the records,
//! commits them with one flush, and only then lets anything out. While a flush runs the next turn's
//! work gathers: group commit without an artificial delay.
//!
//! Any error of the journal ends the thread for good: the state in memory is then ahead of the
//! disk, so it must never be served again. What was in the failed turn gets no answer (whether it
//! stands shows after the recovery), what had not been touched is told so.

use crate::clock::Clock;
use crate::live::{Sample, Turn};
use crate::queue::Taken;
use crate::register::DeviceRegister;
use crate::shard::{Answered, Envelope, Fate, Query, Reply, Shard, ShardError, Shared, Work};
use crate::snapshots::Snapshots;
use crate::telemetry::ShardMeter;
use authorization::{
    Accepted, Command, Decision, Done, IdempotencyKey, OrderCommand, OrderStatus, Outcome, Record,
    ResultCode, Scratch, State,
};
use journal::{Committed, Durable, Journal, JournalError};
use payment_types::{Moment, Sequence, Timestamp};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

/// The most work of one turn. Large enough that the flush is shared by many, small enough that the
/// answers of one turn are on their way while the next is decided.
const BATCH_MOST: usize = 256;
/// How long the thread sleeps at most before it looks whether a hold has run out.
const PATIENCE: Duration = Duration::from_secs(1);
/// TXN-3: how often holds that have run out are released.
const EXPIRY_EVERY_MS: i64 = 60_000;
/// So far behind its own records a clock is not merely corrected but wrong.
const CLOCK_BEHIND_MS: u64 = 1000;
/// How often the journal is asked how it is.
const JOURNAL_EVERY: Duration = Duration::from_secs(10);

/// What a shard is made of.
pub struct ShardParts {
    /// The state after the journal's last record.
    pub state: State,
    /// The journal, ready to append.
    pub journal: Box<dyn Journal>,
    /// The engine's time.
    pub clock: Clock,
    /// Told when a portfolio took effect.
    pub register: Arc<DeviceRegister>,
    /// Who writes snapshots; `None` for none.
    pub snapshots: Option<Snapshots>,
    /// How many requests may wait.
    pub queue_capacity: usize,
}

/// The running thread, to be joined when the shard was closed or has stopped.
pub struct ShardThread {
    thread: JoinHandle<Option<ShardEnd>>,
}

/// What a shard leaves that was closed in good order.
pub struct ShardEnd {
    /// The state after the last commit.
    pub state: State,
    /// The journal, and with it the lock of the data directory.
    pub journal: Box<dyn Journal>,
}

impl ShardThread {
    /// Waits for the thread's end; `None` if it failed.
    #[must_use]
    pub fn join(self) -> Option<ShardEnd> {
        self.thread.join().ok().flatten()
    }
}

/// Starts a shard's thread.
///
/// # Errors
/// When the system gives no thread.
pub fn start(parts: ShardParts) -> io::Result<(Shard, ShardThread)> {
    let durable = parts.journal.next_sequence().saturating_sub(1);
    let shared = Arc::new(Shared::new(parts.queue_capacity, durable));
    let worker = Worker {
        state: parts.state,
        journal: parts.journal,
        clock: parts.clock,
        register: parts.register,
        snapshots: parts.snapshots,
        shared: Arc::clone(&shared),
        scratch: Scratch::new(),
        record: Vec::with_capacity(4096),
        waiting: Vec::with_capacity(BATCH_MOST),
        queries: Vec::new(),
        samples: Vec::new(),
        orders: Vec::new(),
        new_pins: Vec::new(),
        expiry_checked: Timestamp(i64::MIN),
        now: Moment::default(),
        journal_asked: Instant::now(),
        meter: ShardMeter::new(),
    };
    let thread = std::thread::Builder::new().name("shard".into()).spawn(move || worker.run())?;
    Ok((Shard { shared }, ShardThread { thread }))
}

/// What waits for the turn's commit.
#[allow(clippy::large_enum_variant)] // Nearly all are decisions.
enum Waiting {
    Decision {
        slot: u32,
        reply: mpsc::UnboundedSender<Reply>,
        sequence: u64,
        decision: Decision,
    },
    Command {
        answered: Answered,
        reply: oneshot::Sender<Result<Answered, ShardError>>,
    },
    /// The shard's own command: nobody to tell.
    Own,
}

struct Worker {
    state: State,
    journal: Box<dyn Journal>,
    clock: Clock,
    register: Arc<DeviceRegister>,
    snapshots: Option<Snapshots>,
    shared: Arc<Shared>,
    scratch: Scratch,
    /// The record being encoded, used again for each.
    record: Vec<u8>,
    waiting: Vec<Waiting>,
    queries: Vec<Query>,
    /// Decisions of the turn that are to be shown.
    samples: Vec<Sample>,
    /// Orders that the turn moved.
    orders: Vec<(u64, OrderStatus)>,
    /// Cards whose PIN this turn changed.
    new_pins: Vec<u32>,
    expiry_checked: Timestamp,
    /// When the turn began: a turn takes a millisecond or two, and a moment counts those.
    now: Moment,
    journal_asked: Instant,
    meter: ShardMeter,
}

impl Worker {
    fn run(mut self) -> Option<ShardEnd> {
        let _stopping = StopOnPanic(Arc::clone(&self.shared));
        let mut batch = Vec::with_capacity(BATCH_MOST);
        loop {
            let taken = self.shared.queue.take(&mut batch, BATCH_MOST, PATIENCE);
            if taken == Taken::Closed {
                break;
            }
            let mut work = batch.drain(..);
            let turn = self.turn(&mut work);
            if let Err(error) = turn {
                let reason = error.to_string();
                self.shared.stop(&reason);
                self.fail();
                work.for_each(|work| refuse(work, &self.shared));
                self.refuse_the_rest();
                return None;
            }
        }
        Some(ShardEnd { state: self.state, journal: self.journal })
    }

    /// One turn; see the module.
    fn turn(&mut self, work: &mut impl Iterator<Item = Work>) -> Result<(), JournalError> {
        let started = Instant::now();
        self.now = self.clock.now();
        if started.duration_since(self.journal_asked) >= JOURNAL_EVERY {
            self.journal_asked = started;
            self.meter.journal(self.journal.trouble().as_deref());
        }
        self.look_at_the_clock();
        let first = self.journal.next_sequence();
        self.activate_orders()?;
        self.expire_holds()?;
        for work in work {
            match work {
                Work::Authorize(envelope) => self.authorize(envelope, started)?,
                Work::Command { command, idempotency, reply } => {
                    let of_order = matches!(*command, Command::Order(_));
                    let answered = self.execute(*command, idempotency)?;
                    self.waiting.push(Waiting::Command { answered, reply });
                    if of_order {
                        self.activate_orders()?;
                    }
                }
                Work::Query(query) => self.queries.push(query),
            }
        }
        if !self.waiting.is_empty() {
            let decided = Instant::now();
            let committed = self.journal.commit()?;
            let took = decided.elapsed();
            self.shared.committed(committed.durable(), took);
            let deciding = decided.duration_since(started);
            let waited = self.meter.turn(self.waiting.len(), deciding, took);
            self.shared.live.turned(Turn {
                first,
                last: committed.durable(),
                waited_us: micros(waited),
                decided_us: micros(deciding),
                committed_us: micros(took),
            });
            self.refresh_pins();
            self.deliver(&committed);
        }
        self.answer_queries();
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.consider(&self.state);
        }
        Ok(())
    }

    fn authorize(&mut self, envelope: Envelope, now: Instant) -> Result<(), JournalError> {
        let Envelope { request, slot, received, deadline, reply } = envelope;
        self.meter.waited(now.saturating_duration_since(received));
        if now >= deadline {
            self.meter.late();
            send(&reply, slot, Fate::Late);
            return Ok(());
        }
        let sequence = self.journal.next_sequence();
        let moment = self.moment();
        let decision =
            self.state.authorize(Sequence(sequence), moment, &request, &mut self.scratch);
        if decision.result == ResultCode::NoRate && !decision.is_repeat {
            let account = self.scratch.parties().account;
            let account = account.and_then(|slot| self.state.ledger().account(slot));
            let to = account.map(|account| account.currency);
            crate::telemetry::rate_missing(request.amount.currency(), to);
        }
        self.record.clear();
        authorization::encode_decided(
            moment,
            &request,
            &decision,
            &self.scratch,
            self.state.rules_version(),
            &mut self.record,
        );
        self.new_pins.extend(self.scratch.pin_changed());
        if self.shared.live.wants_sample() {
            let core = (&self.state, &self.scratch);
            let shown = Sample::take((sequence, moment), request, &decision, core, received);
            self.samples.push(shown);
        }
        // Before the append: should it fail, this request is among those with an unknown fate.
        self.waiting.push(Waiting::Decision { slot, reply, sequence, decision });
        self.journal.append(&self.record)?;
        self.meter.appended(self.record.len());
        Ok(())
    }

    fn execute(
        &mut self,
        command: Command,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Answered, JournalError> {
        let moment = self.moment();
        // A repeat changes nothing, so it needs no record; its answer waits for the turn's commit
        // all the same, since the first one may be of this turn.
        if let Some(outcome) = idempotency.as_ref().and_then(|key| self.state.recall(key)) {
            let sequence = self.state.last_sequence();
            return Ok(Answered { sequence, outcome, moment, replayed: true });
        }
        let sequence = Sequence(self.journal.next_sequence());
        let accepted = Accepted { moment, idempotency, command };
        let outcome = self.state.execute(sequence, &accepted, &mut self.scratch);
        let record = Record { accepted, outcome };
        self.record.clear();
        authorization::encode_record(&record, &mut self.record);
        self.journal.append(&self.record)?;
        self.meter.appended(self.record.len());
        let Record { outcome, .. } = record;
        match &outcome {
            Outcome::Done(Done::Imported { .. }) => {
                self.register.refresh(&self.state);
            }
            Outcome::Done(Done::Order(done)) => self.orders.push((done.order, done.status)),
            _ => {}
        }
        Ok(Answered { sequence, outcome, moment, replayed: false })
    }

    /// SIG-1: orders that are due take effect before anything of that moment is decided, each as a
    /// command of the shard's own.
    fn activate_orders(&mut self) -> Result<(), JournalError> {
        let now = self.moment();
        while let Some(order) = self.state.orders().due(now.at) {
            let command = Command::Order(Box::new(OrderCommand::Activate { order }));
            let answered = self.execute(command, None)?;
            self.waiting.push(Waiting::Own);
            if !matches!(answered.outcome, Outcome::Done(_)) {
                break;
            }
        }
        Ok(())
    }

    /// TXN-3: as a command of the shard's own, when a hold has run out.
    fn expire_holds(&mut self) -> Result<(), JournalError> {
        let now = self.moment();
        if now.at.ms_since(self.expiry_checked) < EXPIRY_EVERY_MS {
            return Ok(());
        }
        self.expiry_checked = now.at;
        if !self.state.ledger().expired_holds(now.at).is_empty() {
            self.execute(Command::ExpireHolds, None)?;
            self.waiting.push(Waiting::Own);
        }
        Ok(())
    }

    /// A clock that was moved back stands still for the engine until it has caught up: nothing is
    /// recorded before the last record, and an order waits for its moment (SIG-1).
    fn look_at_the_clock(&mut self) {
        let ms = self.state.last_moment().at.ms_since(self.now.at).max(0);
        let behind = u64::try_from(ms).unwrap_or_default();
        let before = self.shared.clock_behind(behind);
        if behind != before {
            self.meter.clock_behind(behind);
        }
        if behind >= CLOCK_BEHIND_MS && before < CLOCK_BEHIND_MS {
            let (clock, last) = (self.now.rfc3339(), self.state.last_moment().rfc3339());
            warn!(clock, last, "the clock was moved back; time stands still until it catches up");
        }
    }

    /// The turn's moment; never earlier than that of the record before.
    fn moment(&self) -> Moment {
        let last = self.state.last_moment();
        if self.now.at < last.at { last } else { self.now }
    }

    fn deliver(&mut self, committed: &Committed) {
        self.samples.iter_mut().for_each(Sample::committed);
        self.shared.live.show(&mut self.samples);
        for (order, status) in self.orders.drain(..) {
            let told = serde_json::json!({ "id": order, "status": status.name() });
            self.shared.live.tell("order", &told);
        }
        for waiting in self.waiting.drain(..) {
            match waiting {
                Waiting::Decision { slot, reply, sequence, decision } => {
                    // A commit covers all that was appended before it, so this is always sealed.
                    let fate = Durable::seal(decision, sequence, committed)
                        .map_or(Fate::Unknown, Fate::Decided);
                    send(&reply, slot, fate);
                }
                Waiting::Command { answered, reply } => {
                    // The asker may have gone away; the outcome stands.
                    let _gone = reply.send(Ok(answered));
                }
                Waiting::Own => {}
            }
        }
    }

    /// PIN-4: the edge learns of a changed PIN once it is durable, and before anybody is told.
    fn refresh_pins(&mut self) {
        for slot in self.new_pins.drain(..) {
            if let Some(card) = self.state.card(slot) {
                self.register.refresh_pin(card);
            }
        }
    }

    fn answer_queries(&mut self) {
        if self.queries.is_empty() {
            return;
        }
        let moment = self.moment();
        for query in self.queries.drain(..) {
            query(&self.state, moment);
        }
    }

    /// Tells those of the failed turn that nobody knows.
    fn fail(&mut self) {
        for waiting in self.waiting.drain(..) {
            match waiting {
                Waiting::Decision { slot, reply, .. } => {
                    self.meter.unanswered();
                    send(&reply, slot, Fate::Unknown);
                }
                Waiting::Command { reply, .. } => {
                    let _gone = reply.send(Err(ShardError::Stopped(self.shared.reason())));
                }
                Waiting::Own => {}
            }
        }
        self.queries.clear();
    }

    fn refuse_the_rest(&self) {
        let mut rest = Vec::new();
        while self.shared.queue.take(&mut rest, usize::MAX, Duration::ZERO) == Taken::Items {
            rest.drain(..).for_each(|work| refuse(work, &self.shared));
        }
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// Tells the sender of work that was never touched.
fn refuse(work: Work, shared: &Shared) {
    match work {
        Work::Authorize(Envelope { slot, reply, .. }) => send(&reply, slot, Fate::NotTaken),
        Work::Command { reply, .. } => {
            let _gone = reply.send(Err(ShardError::Stopped(shared.reason())));
        }
        // Dropping it tells the asker.
        Work::Query(query) => drop(query),
    }
}

/// The connection may be gone: then nobody gets the reply (WIRE.md), and the decision stands.
fn send(reply: &mpsc::UnboundedSender<Reply>, slot: u32, fate: Fate) {
    let _gone = reply.send(Reply { slot, fate });
}

/// A broken invariant of the core panics; whoever waits must then hear of it.
struct StopOnPanic(Arc<Shared>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop("the shard's thread ended on a broken invariant");
        }
    }
}
