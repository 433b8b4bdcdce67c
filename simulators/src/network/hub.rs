//! What all connections of a host share, and the one to the issuer.

use super::answerer::Answerer;
use super::event::{Event, Summary, Way};
use super::message::Seen;
use crate::device::{MacDuty, MessageKeys};
use crate::exchange::{Answer, approves};
use crate::gear::{Gear, is_sealed};
use crate::intent::Fields;
use crate::moment::Zone;
use crate::private::{Group, PrivateData};
use crate::{Endpoint, Portfolio, SimError, show};
use payment_types::Mti;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// Messages the issuer is still to be told; more are given up, and said so.
const BACKLOG_MOST: usize = 10_000;
/// Trace numbers that nobody waits for any more.
const GIVEN_UP_MOST: usize = 4_096;

pub(super) struct Hub {
    pub endpoint: Endpoint,
    pub answerer: Mutex<Answerer>,
    pub gear: Mutex<Gear>,
    pub portfolio: Arc<Portfolio>,
    pub zone: Zone,
    pub patience: Duration,
    pub summary: Mutex<Summary>,
    pub lines: SyncSender<Event>,
    /// Lines that nobody could print fast enough.
    pub unseen: AtomicU64,
    pub decode: bool,
    /// The connection messages are sent on.
    pub issuer: watch::Sender<Option<Peer>>,
    pub backlog: Mutex<VecDeque<(Mti, Fields)>>,
    pub backlog_grew: Notify,
    pub next_trace: AtomicU32,
    pub began: Instant,
}

/// The other side of a connection.
#[derive(Clone)]
pub(super) struct Peer {
    pub number: u32,
    pub out: mpsc::UnboundedSender<Out>,
    waiting: Arc<Mutex<Waiting>>,
}

/// What goes out on a connection.
pub(super) enum Out {
    /// Framed.
    Bytes(Vec<u8>),
    /// Nothing more.
    Close,
}

/// Type of the answer, trace number, terminal.
type Awaited = (u16, u32, String);

#[derive(Default)]
struct Waiting {
    open: BTreeMap<Awaited, oneshot::Sender<(Mti, Fields, Vec<u8>)>>,
    given_up: VecDeque<Awaited>,
    /// Nothing more comes: the other side is gone.
    over: bool,
}

/// What an answer was to.
pub(super) enum Arrival {
    Awaited,
    Late,
    Stray,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(super) fn version(&self) -> u8 {
        self.endpoint.dialect().version()
    }

    /// SEC-5: the keys of a message whose MAC is right, for its answer's; nothing for a terminal that
    /// has no MAC, or that the portfolio does not know.
    ///
    /// # Errors
    /// What is wrong with a message that must have one.
    pub(super) fn seal(
        &self,
        seen: &Seen,
        body: &[u8],
    ) -> Result<Option<MessageKeys>, &'static str> {
        let Some(terminal) = self.portfolio.terminals.get(seen.terminal().as_str()) else {
            return Ok(None);
        };
        if terminal.security.mac != MacDuty::Required {
            return Ok(None);
        }
        let element = [64, 128].into_iter().find(|element| seen.fields.contains_key(element));
        let element = element.ok_or("no MAC")?;
        let private = PrivateData::of(&seen.fields);
        let serial = private.get(Group::KeySerial).and_then(|text| hex::decode(text).ok());
        let keys = lock(&self.gear).devices.of(terminal).keys_of(serial.as_deref());
        let keys = keys.map_err(|_| "no key to check its MAC with")?;
        let told = seen.text(element).unwrap_or_default();
        let dialect = self.endpoint.dialect();
        match is_sealed(&keys, dialect, (body, element), &told) {
            Ok(true) => Ok(Some(keys)),
            Ok(false) => Err("wrong MAC"),
            Err(_) => Err("no key to check its MAC with"),
        }
    }

    /// A line for whoever watches; never waits for him.
    pub(super) fn tell(&self, mut event: Event) {
        event.at = self.began.elapsed().as_secs_f64();
        if self.lines.try_send(event).is_err() {
            self.unseen.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn note(&self, connection: u32, note: impl Into<String>) {
        self.tell(Event::note(connection, note));
    }

    /// The next trace number.
    pub(super) fn trace(&self) -> u32 {
        self.next_trace.fetch_add(1, Ordering::Relaxed) % 999_999 + 1
    }

    /// Request and answer beside each other, where somebody wants to see them.
    pub(super) fn shown(&self, request: &Seen, answer: Option<(Mti, &Fields)>) -> Option<String> {
        self.decode.then(|| show::side_by_side((request.mti, &request.fields), answer))
    }

    /// Puts what the issuer is to be told behind what it is to be told already.
    pub(super) fn put_off(&self, mti: Mti, fields: Fields) {
        let mut backlog = lock(&self.backlog);
        if backlog.len() >= BACKLOG_MOST {
            lock(&self.summary).happened("advice given up");
            return;
        }
        backlog.push_back((mti, fields));
        drop(backlog);
        self.backlog_grew.notify_one();
    }

    /// Asks, and tells of it: line, counts, surprise.
    pub(super) async fn ask_and_tell(
        &self,
        peer: &Peer,
        seen: &Seen,
        body: &[u8],
        expect: Option<&str>,
    ) -> Result<Answer, SimError> {
        let asked = peer.ask(self, seen, body).await;
        let mut event = Event::about(seen, Way::Out, peer.number);
        let code = asked.as_ref().ok().map(Answer::code);
        let approved = code.as_deref().is_some_and(approves);
        {
            let mut summary = lock(&self.summary);
            summary.count(Way::Out, event.what, code.as_deref(), approved);
            if let Ok(answer) = &asked {
                summary.took(answer.took);
            }
        }
        match &asked {
            Ok(answer) => {
                event.took_ms = Some(answer.took.as_secs_f64() * 1000.0);
                event.messages = self.shown(seen, Some((answer.mti, &answer.fields)));
            }
            Err(error) => {
                event.note = error.to_string();
                event.messages = self.shown(seen, None);
            }
        }
        let expected = expect.map(|code| super::message::code_of_edition(code, self.version()));
        event.code = code;
        if let Some(expected) = expected.filter(|expected| event.code.as_ref() != Some(expected)) {
            let note = format!("NOT AS EXPECTED: {expected}");
            event.note = [event.note.as_str(), &note].join(" ").trim().to_owned();
            lock(&self.summary).surprise(&event);
        }
        self.tell(event);
        asked
    }
}

impl Peer {
    pub(super) fn new(number: u32, out: mpsc::UnboundedSender<Out>) -> Self {
        Self { number, out, waiting: Arc::default() }
    }

    /// Whether the connection is over.
    pub(super) fn is_gone(&self) -> bool {
        self.out.is_closed()
    }

    async fn ask(&self, hub: &Hub, seen: &Seen, body: &[u8]) -> Result<Answer, SimError> {
        let none = || SimError::Setting(format!("{} wants no answer", seen.mti));
        let response = seen.mti.response().ok_or_else(none)?;
        let trace = seen.trace_number().unwrap_or_default();
        let key = (response.without_version().number(), trace, seen.terminal());
        let (answered, answer) = oneshot::channel();
        let mut framed = Vec::with_capacity(body.len() + 8);
        hub.endpoint.frame(body, &mut framed)?;
        let closed = || SimError::Closed(hub.endpoint.target().to_owned());
        {
            let mut waiting = lock(&self.waiting);
            if waiting.over {
                return Err(closed());
            }
            waiting.open.insert(key.clone(), answered);
        }
        let started = Instant::now();
        if self.out.send(Out::Bytes(framed)).is_err() {
            lock(&self.waiting).open.remove(&key);
            return Err(closed());
        }
        match tokio::time::timeout(hub.patience, answer).await {
            Ok(Ok((mti, fields, body))) => {
                Ok(Answer { mti, fields, body, took: started.elapsed() })
            }
            Ok(Err(_)) => Err(closed()),
            Err(_) => {
                let mut waiting = lock(&self.waiting);
                waiting.open.remove(&key);
                waiting.given_up.push_back(key);
                if waiting.given_up.len() > GIVEN_UP_MOST {
                    waiting.given_up.pop_front();
                }
                Err(SimError::NoAnswer(hub.patience))
            }
        }
    }

    /// Hands an answer to whoever waits for it.
    pub(super) fn arrived(&self, seen: Seen, body: &[u8]) -> Arrival {
        let trace = seen.trace_number().unwrap_or_default();
        let mti = seen.mti.without_version().number();
        let key = (mti, trace, seen.terminal());
        let mut waiting = lock(&self.waiting);
        let found = match waiting.open.remove(&key) {
            Some(found) => Some(found),
            // A host that does not say the terminal again.
            None if key.2.is_empty() => {
                let same = |(at, number, _): &&Awaited| (*at, *number) == (mti, trace);
                let other = waiting.open.keys().find(same).cloned();
                other.and_then(|key| waiting.open.remove(&key))
            }
            None => None,
        };
        if let Some(found) = found {
            // Whoever asked may have just given up.
            let _gone = found.send((seen.mti, seen.fields, body.to_vec()));
            return Arrival::Awaited;
        }
        match waiting.given_up.iter().position(|given_up| *given_up == key) {
            Some(at) => {
                waiting.given_up.remove(at);
                Arrival::Late
            }
            None => Arrival::Stray,
        }
    }

    /// Nobody will answer any more.
    pub(super) fn forget_all(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.over = true;
        waiting.open.clear();
    }
}
