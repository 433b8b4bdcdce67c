//! One connection of a terminal or a network: frames in, answers out.
//!
//! A connection is one task. It cuts all frames a read brought, hands the requests to the shard in
//! one go, and writes all answers that are ready in one write. Answers leave in the order in which
//! they become ready, and only here: when the connection is gone, its answers are dropped
//! (WIRE.md, TXN-3).
//!
//! It never queues without end. Requests beyond the bounds are answered `91` at once; while the
//! peer does not read, nothing more is read from it; and a peer that reads nothing for
//! [`Limits::write`] is cut off.

use crate::admission::Admission;
use crate::client_names::ClientNames;
use crate::clock::Clock;
use crate::key_exchange;
use crate::listener::told_to_drain;
use crate::module_queue::ModuleQueue;
use crate::register::DeviceRegister;
use crate::shard::{Envelope, Fate, Reply, Shard, Work};
use crate::slots::{MANAGEMENT, Pending, Slots};
use crate::telemetry::{AnswerMeter, Bound, Closed, ListenerMeter};
use crate::wiped;
use authorization::{Command, Decision, ResultCode};
use bytes::BytesMut;
use interchange::{
    AnswerError, Answered, Asked, Concerns, DropCause, Link, MacAlarm, NewKey, Received, Secured,
};
use iso8583::{Frame, Framing, Tpdu};
use journal::Durable;
use payment_types::{Moment, TerminalId};
use security::SecurityModule;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};

/// Room made for a read.
const READ_BYTES: usize = 8 << 10;
/// A read with less room than this is not worth its system call.
const READ_BYTES_MIN: usize = 1 << 10;
/// Buffers that grew beyond this are given back.
const KEEP_BYTES: usize = 64 << 10;
/// How many replies are taken at once.
const REPLIES_MOST: usize = 256;
/// How long a polite good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Everything the connections of a listener share.
pub(crate) struct Port {
    pub(crate) link: Link,
    pub(crate) framing: Framing,
    /// Bytes of a frame's length.
    pub(crate) length_bytes: usize,
    pub(crate) shard: Shard,
    pub(crate) security: Arc<dyn SecurityModule>,
    /// The same where it need not be asked: it says that it cannot be.
    pub(crate) unreachable: Arc<dyn SecurityModule>,
    /// For a module that may have to be waited for; `None` for one that is called in place.
    pub(crate) module: Option<ModuleQueue>,
    pub(crate) register: Arc<DeviceRegister>,
    pub(crate) clock: Clock,
    pub(crate) meter: Arc<ListenerMeter>,
    pub(crate) limits: Limits,
    /// Whether it takes messages of terminals of other listeners.
    pub(crate) any_terminal: bool,
    /// The acquirers whose messages it takes; all of them if none is told.
    pub(crate) acquirers: Vec<u64>,
    /// Requests in flight on all connections of the listener.
    pub(crate) in_flight: AtomicUsize,
    /// When a message without a right authentication code was last journaled, in milliseconds.
    pub(crate) last_alarm: AtomicI64,
}

/// Of a listener's messages without a right authentication code, one in so long is journaled.
const ALARM_EVERY_MS: i64 = 100;

/// The bounds of a listener's connections.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Without traffic for so long, a connection is closed.
    pub(crate) idle: Duration,
    /// From the first byte of a frame to its last.
    pub(crate) half_frame: Duration,
    /// How long a write may wait for the peer to read.
    pub(crate) write: Duration,
    /// After so long the terminal has given up.
    pub(crate) deadline: Duration,
    /// Requests in flight of one connection.
    pub(crate) in_flight_of_one: usize,
    /// Requests in flight of the listener.
    pub(crate) in_flight_of_all: usize,
    /// Connections at a time.
    pub(crate) connections: usize,
    /// Whether nothing but sign-on is taken before a sign-on.
    pub(crate) sign_on_required: bool,
}

impl Port {
    /// The register, as a client with these names may see it.
    fn admission<'a>(&'a self, names: Option<&'a ClientNames>) -> Admission<'a> {
        Admission {
            register: &self.register,
            listener: self.meter.name(),
            any_terminal: self.any_terminal,
            acquirers: &self.acquirers,
            names,
        }
    }
}

/// A connection's task.
pub(crate) struct Connection<S> {
    stream: S,
    peer: SocketAddr,
    /// What the client's certificate names, where that binds it.
    names: Option<Arc<ClientNames>>,
    port: Arc<Port>,
    input: BytesMut,
    output: Vec<u8>,
    /// The body of the answer being built.
    body: Vec<u8>,
    slots: Slots,
    outgoing: Vec<Work>,
    mailbox: mpsc::UnboundedReceiver<Reply>,
    address: mpsc::UnboundedSender<Reply>,
    replies: Vec<Reply>,
    /// What comes back from other threads and tasks than the shard.
    sidings: mpsc::UnboundedReceiver<Siding>,
    siding: mpsc::UnboundedSender<Siding>,
    done: Vec<Siding>,
    meter: AnswerMeter,
    signed_on: bool,
    /// When the first byte of the frame now incomplete came.
    half_since: Option<Instant>,
    last_read: Instant,
    /// Set when nothing more is read: the connection ends when nothing is in flight.
    closing: Option<Closed>,
}

/// What was done for this connection elsewhere, by the request's number.
enum Siding {
    /// The security module was asked about a message.
    Received(u32, Received),
    /// A new key is on stable storage and in the register, or is not.
    KeyStored(u32, Box<NewKey>, bool),
    /// An answer for which the security module was asked.
    Made(u32, Box<(What, Made)>),
}

/// What is answered.
#[allow(clippy::large_enum_variant)] // Nearly all are decisions.
enum What {
    Decision(Durable<Decision>),
    Key(Box<NewKey>),
    Refusal,
}

type Made = Result<(Vec<u8>, Concerns), AnswerError>;

impl What {
    fn make(
        &self,
        port: &Port,
        pending: &Pending,
        security: &dyn SecurityModule,
        out: &mut Vec<u8>,
    ) -> Result<Concerns, AnswerError> {
        let (link, body, secured) = (&port.link, &pending.body, &pending.secured);
        let none = |()| Concerns::new();
        match self {
            Self::Decision(decision) => link.answer(body, decision, secured, security, out),
            Self::Key(key) => link.key_set(body, key, security, port.clock.now(), out).map(none),
            Self::Refusal => {
                let inoperative = ResultCode::IssuerInoperative;
                link.refuse(body, inoperative, secured, security, out).map(none)
            }
        }
    }
}

enum Event {
    Sidings,
    Replies,
    Read(std::io::Result<usize>),
    Timer,
    Drain,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(
        stream: S,
        peer: SocketAddr,
        port: Arc<Port>,
        names: Option<Arc<ClientNames>>,
    ) -> Self {
        let (address, mailbox) = mpsc::unbounded_channel();
        let (siding, sidings) = mpsc::unbounded_channel();
        let meter = AnswerMeter::new(Arc::clone(&port.meter));
        Self {
            stream,
            peer,
            names,
            port,
            input: BytesMut::new(),
            output: Vec::new(),
            body: Vec::new(),
            slots: Slots::default(),
            outgoing: Vec::new(),
            mailbox,
            address,
            replies: Vec::new(),
            sidings,
            siding,
            done: Vec::new(),
            meter,
            signed_on: false,
            half_since: None,
            last_read: Instant::now(),
            closing: None,
        }
    }

    /// Serves the connection to its end, and reports that.
    pub(crate) async fn run(mut self, drain: watch::Receiver<bool>) {
        let cause = match self.serve(drain).await {
            Ok(cause) | Err(cause) => cause,
        };
        let mut header = [0; 4];
        let shown =
            if matches!(cause, Closed::Frame(_)) { self.show_header(&mut header) } else { 0 };
        self.port.meter.closed(self.peer, cause, header.get(..shown).unwrap_or_default());
        // The peer may be gone already.
        let _result = timeout(GOODBYE, self.stream.shutdown()).await;
    }

    /// The first bytes of what could not be cut: the length header and no more, so that no digit
    /// of a card number can be among them.
    fn show_header(&self, header: &mut [u8; 4]) -> usize {
        let shown = self.port.length_bytes.min(self.input.len());
        for (to, from) in header.iter_mut().zip(self.input.iter().take(shown)) {
            *to = *from;
        }
        shown.min(header.len())
    }

    async fn serve(&mut self, drain: watch::Receiver<bool>) -> Result<Closed, Closed> {
        let mut draining = pin!(told_to_drain(drain));
        let mut timer = pin!(sleep_until((self.last_read + self.port.limits.idle).into()));
        loop {
            if let Some(cause) = self.closing.filter(|_| self.slots.is_empty()) {
                return Ok(cause);
            }
            if self.input.capacity() - self.input.len() < READ_BYTES_MIN {
                wiped::grow(&mut self.input, READ_BYTES);
            }
            let event = tokio::select! {
                biased;
                _ = self.mailbox.recv_many(&mut self.replies, REPLIES_MOST) => Event::Replies,
                read = self.stream.read_buf(&mut self.input), if self.closing.is_none() => {
                    Event::Read(read)
                }
                _ = self.sidings.recv_many(&mut self.done, REPLIES_MOST) => Event::Sidings,
                () = &mut timer => Event::Timer,
                () = &mut draining, if self.closing.is_none() => Event::Drain,
            };
            let is_timer = matches!(event, Event::Timer);
            match event {
                Event::Replies => self.take_replies(),
                Event::Sidings => self.take_sidings(),
                Event::Read(read) => self.take_bytes(read)?,
                Event::Timer => self.check_time(Instant::now())?,
                Event::Drain => self.closing = Some(Closed::Drained),
            }
            self.write().await?;
            // Set anew only when it has rung or a shorter time has begun: traffic alone does not
            // touch it.
            if is_timer || self.half_since.is_some_and(|since| since == self.last_read) {
                timer.as_mut().reset(self.due().into());
            }
        }
    }

    fn take_bytes(&mut self, read: std::io::Result<usize>) -> Result<(), Closed> {
        match read {
            Ok(0) if self.half_since.is_some() => {
                self.closing = Some(Closed::Io(std::io::ErrorKind::UnexpectedEof));
            }
            // The peer may only have closed its sending side: what is in flight is answered.
            Ok(0) => self.closing = Some(Closed::ByPeer),
            Ok(_) => self.take_frames(Instant::now()),
            Err(error) => return Err(Closed::Io(error.kind())),
        }
        Ok(())
    }

    /// Cuts all whole frames and passes on what they ask.
    fn take_frames(&mut self, now: Instant) {
        self.last_read = now;
        let moment = self.port.clock.now();
        let mut cut = false;
        loop {
            match self.port.framing.cut(&mut self.input) {
                Ok(Some((tpdu, mut body))) => {
                    cut = true;
                    let body = wiped::kept(&mut body);
                    self.take_frame(Frame { tpdu, body }, now, moment);
                }
                Ok(None) => break,
                Err(error) => {
                    self.closing = Some(Closed::Frame(error));
                    break;
                }
            }
        }
        self.half_since = match self.half_since {
            _ if self.input.is_empty() => None,
            Some(since) if !cut => Some(since),
            _ => Some(now),
        };
        self.send_to_shard(now);
    }

    fn take_frame(&mut self, frame: Frame, now: Instant, moment: Moment) {
        if self.port.module.is_some() {
            return self.ask_about(frame, now, moment);
        }
        let Frame { tpdu, body } = frame;
        let port = &*self.port;
        let admission = port.admission(self.names.as_deref());
        match port.link.receive(&body, port.security.as_ref(), &admission, moment) {
            Received::Decide(asked) => {
                let mti = asked.request.mti;
                let secured = asked.secured.clone();
                if !self.may_speak() {
                    return self.refuse(&body, tpdu, &secured);
                }
                if let Some(bound) = self.bound_reached() {
                    self.port.meter.shed(bound);
                    return self.refuse(&body, tpdu, &secured);
                }
                let slot = self.slots.put(Pending { body, tpdu, mti, secured, received: now });
                self.decide(slot, asked, now);
            }
            Received::Exchange(key) => {
                if let Some(bound) = self.bound_reached() {
                    self.port.meter.shed(bound);
                    return self.refuse(&body, tpdu, key.secured());
                }
                let (mti, secured) = (MANAGEMENT, key.secured().clone());
                let slot = self.slots.put(Pending { body, tpdu, mti, secured, received: now });
                self.store_key(slot, key);
            }
            Received::Answer { body, kind } => {
                self.note(&kind);
                self.frame_out(tpdu, &body);
            }
            Received::Drop(cause) => self.dropped(cause),
        }
    }

    /// Has the security module asked about a message on another thread. The places in flight are
    /// taken before, so that what waits is bounded.
    fn ask_about(&mut self, frame: Frame, now: Instant, moment: Moment) {
        let Frame { tpdu, body } = frame;
        if let Some(bound) = self.bound_reached() {
            self.port.meter.shed(bound);
            return self.refuse(&body, tpdu, &Secured::default());
        }
        let (mti, secured) = (MANAGEMENT, Secured::default());
        let pending = Pending { body: body.clone(), tpdu, mti, secured, received: now };
        let slot = self.slots.put(pending);
        let (port, siding) = (Arc::clone(&self.port), self.siding.clone());
        let names = self.names.clone();
        let asked = self.port.module.as_ref().is_some_and(|module| {
            module.push(Box::new(move |in_time| {
                let security = if in_time { &port.security } else { &port.unreachable };
                let admission = port.admission(names.as_deref());
                let received = port.link.receive(&body, security.as_ref(), &admission, moment);
                // The connection may be gone.
                let _gone = siding.send(Siding::Received(slot, received));
            }))
        });
        if !asked {
            self.port.meter.shed(Bound::Module);
            self.settle(slot, Fate::NotTaken, now);
        }
    }

    /// Hands a request over to the shard, with the next ones.
    fn decide(&mut self, slot: u32, asked: Asked, received: Instant) {
        let (port, request) = (&self.port, &asked.request);
        for concern in &asked.concerns {
            port.meter.concerned(self.peer, request.terminal, *concern);
        }
        let is_known = || port.register.knows(&request.terminal);
        port.shard.live().devices.heard(port.meter.name(), request, port.clock.now(), is_known);
        self.outgoing.push(Work::Authorize(Envelope {
            request: asked.request,
            slot,
            received,
            deadline: received + self.port.limits.deadline,
            reply: self.address.clone(),
        }));
    }

    /// PIN-1: the new key is journaled and in the register before it is answered.
    fn store_key(&self, slot: u32, mut key: Box<NewKey>) {
        let (port, siding) = (Arc::clone(&self.port), self.siding.clone());
        tokio::spawn(async move {
            let now = port.clock.now();
            let stored = key_exchange::store(&port.shard, &port.register, &mut key, now).await;
            let _gone = siding.send(Siding::KeyStored(slot, key, stored));
        });
    }

    fn note(&mut self, kind: &Answered) {
        let meter = &self.port.meter;
        match kind {
            Answered::SignOn => self.signed_on = true,
            Answered::SignOff => self.signed_on = false,
            Answered::FormatError(fault) => meter.format_error(self.peer, fault),
            Answered::MacWrong(alarm) => self.unauthentic(alarm),
            Answered::NotAdmitted(stranger) => {
                meter.stranger(self.peer, stranger);
                self.journal_alarm(stranger.terminal, stranger.why.name());
            }
            Answered::KeyRefused(terminal, cause) => {
                meter.key_refused(self.peer, *terminal, *cause);
            }
            _ => {}
        }
        self.port.meter.network(kind.name());
    }

    /// SEC-5: counted and alarmed every time; journaled for `/audit`, but of a flood only so much.
    fn unauthentic(&self, alarm: &MacAlarm) {
        self.port.meter.mac_wrong(self.peer, alarm);
        self.journal_alarm(alarm.terminal, alarm.problem.name());
    }

    fn journal_alarm(&self, terminal: TerminalId, problem: &str) {
        let now = self.port.clock.now().at.0;
        let last = self.port.last_alarm.load(Ordering::Relaxed);
        if now.saturating_sub(last) < ALARM_EVERY_MS {
            return;
        }
        self.port.last_alarm.store(now, Ordering::Relaxed);
        let command = Command::Unauthentic {
            terminal,
            listener: self.port.meter.name().as_ref().into(),
            problem: problem.into(),
        };
        let shard = self.port.shard.clone();
        // The answer does not wait for it, and a shard that is stopping has other troubles.
        tokio::spawn(async move { drop(shard.command(command, None).await) });
    }

    fn dropped(&self, cause: DropCause) {
        if let DropCause::MacWrong(alarm) = &cause {
            self.unauthentic(alarm);
        }
        self.port.meter.dropped(self.peer, cause.name());
    }

    fn may_speak(&self) -> bool {
        self.signed_on || !self.port.limits.sign_on_required
    }

    /// Takes a place among the requests in flight, or says which bound has none left.
    fn bound_reached(&self) -> Option<Bound> {
        let limits = &self.port.limits;
        if self.slots.len() >= limits.in_flight_of_one {
            return Some(Bound::Connection);
        }
        if self.port.in_flight.fetch_add(1, Ordering::Relaxed) >= limits.in_flight_of_all {
            self.port.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Some(Bound::Listener);
        }
        None
    }

    /// Hands the requests over; those the shard has no room for are shed.
    fn send_to_shard(&mut self, now: Instant) {
        if self.outgoing.is_empty() {
            return;
        }
        self.port.shard.authorize_all(&mut self.outgoing);
        for work in std::mem::take(&mut self.outgoing) {
            if let Work::Authorize(Envelope { slot, .. }) = work {
                self.port.meter.shed(Bound::Shard);
                self.settle(slot, Fate::NotTaken, now);
            }
        }
    }

    fn take_replies(&mut self) {
        let mut replies = std::mem::take(&mut self.replies);
        let now = Instant::now();
        for Reply { slot, fate } in replies.drain(..) {
            self.settle(slot, fate, now);
        }
        self.replies = replies;
    }

    /// Takes all that was done elsewhere.
    fn take_sidings(&mut self) {
        let now = Instant::now();
        let mut sidings = std::mem::take(&mut self.done);
        for done in sidings.drain(..) {
            match done {
                Siding::Received(slot, received) => self.take_received(slot, received, now),
                Siding::KeyStored(slot, key, true) => self.answer(slot, What::Key(key), now),
                Siding::KeyStored(slot, _, false) => self.answer(slot, What::Refusal, now),
                Siding::Made(slot, made) => self.finish(slot, &made.0, made.1, now),
            }
        }
        self.done = sidings;
        self.send_to_shard(now);
    }

    /// As [`Self::take_frame`] goes on, once the security module was asked.
    fn take_received(&mut self, slot: u32, received: Received, now: Instant) {
        let may_speak = self.may_speak();
        match received {
            Received::Decide(asked) => {
                let Some(pending) = self.slots.get_mut(slot) else { return };
                (pending.mti, pending.secured) = (asked.request.mti, asked.secured.clone());
                let received = pending.received;
                if may_speak {
                    self.decide(slot, asked, received);
                } else {
                    self.answer(slot, What::Refusal, now);
                }
            }
            Received::Exchange(key) => {
                let Some(pending) = self.slots.get_mut(slot) else { return };
                pending.secured = key.secured().clone();
                self.store_key(slot, key);
            }
            Received::Answer { body, kind } => {
                let tpdu = self.free(slot).and_then(|pending| pending.tpdu);
                self.note(&kind);
                self.frame_out(tpdu, &body);
            }
            Received::Drop(cause) => {
                self.free(slot);
                self.dropped(cause);
            }
        }
    }

    /// Gives a place among the requests in flight free.
    fn free(&mut self, slot: u32) -> Option<Pending> {
        let pending = self.slots.take(slot)?;
        self.port.in_flight.fetch_sub(1, Ordering::Relaxed);
        Some(pending)
    }

    /// Answers a request as its fate asks, and gives its place free.
    fn settle(&mut self, slot: u32, fate: Fate, now: Instant) {
        match fate {
            Fate::Decided(decision) => self.answer(slot, What::Decision(decision), now),
            Fate::NotTaken => self.answer(slot, What::Refusal, now),
            Fate::Late | Fate::Unknown => drop(self.free(slot)),
        }
    }

    /// Makes the answer: here, or where the security module may be waited for.
    fn answer(&mut self, slot: u32, what: What, now: Instant) {
        let Some(pending) = self.slots.get_mut(slot) else { return };
        let mut body = std::mem::take(&mut self.body);
        wiped::clear(&mut body);
        let port = &self.port;
        let Some(module) = port.module.as_ref().filter(|_| pending.secured.needs_module()) else {
            let made = what.make(port, pending, port.security.as_ref(), &mut body);
            return self.finish(slot, &what, made.map(|concerns| (body, concerns)), now);
        };
        self.body = body;
        let request = pending.clone();
        let (port, siding) = (Arc::clone(port), self.siding.clone());
        let kept = Arc::new(Mutex::new(Some(what)));
        let given = Arc::clone(&kept);
        let taken = module.push(Box::new(move |in_time| {
            let what = given.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some(what) = what else { return };
            let security = if in_time { &port.security } else { &port.unreachable };
            let mut body = Vec::with_capacity(256);
            let made = what.make(&port, &request, security.as_ref(), &mut body);
            let made = made.map(|concerns| (body, concerns));
            let _gone = siding.send(Siding::Made(slot, Box::new((what, made))));
        }));
        if taken {
            return;
        }
        // No room to ask: the answer goes without what only the module can make, if it may.
        let what = kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(what), Some(pending)) = (what, self.slots.get_mut(slot)) else { return };
        let mut body = Vec::with_capacity(256);
        let made = what.make(&self.port, pending, self.port.unreachable.as_ref(), &mut body);
        self.finish(slot, &what, made.map(|concerns| (body, concerns)), now);
    }

    /// Sends an answer that was made.
    fn finish(&mut self, slot: u32, what: &What, made: Made, now: Instant) {
        let Some(pending) = self.free(slot) else { return };
        match made {
            Ok((body, concerns)) => {
                self.frame_out(pending.tpdu, &body);
                let mut before = std::mem::replace(&mut self.body, body);
                wiped::clear(&mut before);
                for concern in &concerns {
                    self.port.meter.concerned(self.peer, TerminalId::default(), *concern);
                }
                match what {
                    What::Decision(decision) => {
                        let took = now.saturating_duration_since(pending.received);
                        self.meter.answered(pending.mti, decision.get().result, took);
                    }
                    What::Key(key) => {
                        self.port.meter.key_set(self.peer, key);
                        self.port.meter.network(Answered::KeyExchange.name());
                    }
                    What::Refusal => {}
                }
            }
            Err(error) => self.port.meter.unanswerable(self.peer, &error),
        }
    }

    /// `91`, with no effect anywhere, to a message that has no place.
    fn refuse(&mut self, request: &[u8], tpdu: Option<Tpdu>, secured: &Secured) {
        let mut body = std::mem::take(&mut self.body);
        wiped::clear(&mut body);
        let port = &self.port;
        // A module outside the process is not waited for here.
        let security = if port.module.is_some() { &port.unreachable } else { &port.security };
        let inoperative = ResultCode::IssuerInoperative;
        match port.link.refuse(request, inoperative, secured, security.as_ref(), &mut body) {
            Ok(()) => self.frame_out(tpdu, &body),
            Err(error) => self.port.meter.unanswerable(self.peer, &error),
        }
        self.body = body;
    }

    fn frame_out(&mut self, tpdu: Option<Tpdu>, body: &[u8]) {
        let tpdu = tpdu.map(Tpdu::swapped);
        if let Err(error) = self.port.framing.encode(tpdu, body, &mut self.output) {
            self.port.meter.unanswerable(self.peer, &error);
        }
    }

    /// Writes all answers there are. While it waits for the peer, nothing else happens here.
    async fn write(&mut self) -> Result<(), Closed> {
        if self.output.is_empty() {
            return Ok(());
        }
        let mut write = pin!(async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        });
        // Nearly always the socket takes all at once: then there is no timer to set.
        let at_once = poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await;
        let written = match at_once {
            Poll::Ready(written) => Ok(written),
            Poll::Pending => timeout(self.port.limits.write, write).await,
        };
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Closed::Io(error.kind())),
            Err(_) => return Err(Closed::SlowReader),
        }
        wiped::clear(&mut self.output);
        if self.output.capacity() > KEEP_BYTES {
            self.output = Vec::new();
        }
        Ok(())
    }

    /// When the next time limit ends.
    fn due(&self) -> Instant {
        let limits = &self.port.limits;
        let idle_since = if self.slots.is_empty() { self.last_read } else { Instant::now() };
        let idle = idle_since + limits.idle;
        self.half_since.map_or(idle, |since| idle.min(since + limits.half_frame))
    }

    fn check_time(&self, now: Instant) -> Result<(), Closed> {
        let limits = &self.port.limits;
        if self.half_since.is_some_and(|since| now >= since + limits.half_frame) {
            return Err(Closed::HalfFrame);
        }
        if self.slots.is_empty() && now >= self.last_read + limits.idle {
            return Err(Closed::Idle);
        }
        Ok(())
    }
}

impl<S> Drop for Connection<S> {
    /// What is in flight is decided all the same; its answers have nowhere to go.
    fn drop(&mut self) {
        self.port.in_flight.fetch_sub(self.slots.len(), Ordering::Relaxed);
        wiped::clear(&mut self.output);
        wiped::clear(&mut self.body);
        wiped::wipe(&mut self.input);
    }
}
