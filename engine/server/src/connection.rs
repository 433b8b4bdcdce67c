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

use crate::clock::Clock;
use crate::listener::told_to_drain;
use crate::register::DeviceRegister;
use crate::shard::{Envelope, Fate, Reply, Shard, Work};
use crate::slots::{Pending, Slots};
use crate::telemetry::{AnswerMeter, Bound, Closed, ListenerMeter};
use authorization::ResultCode;
use bytes::BytesMut;
use interchange::{Answered, Link, Received};
use iso8583::{Frame, Framing, Tpdu};
use payment_types::Moment;
use security::SecurityModule;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    pub(crate) register: Arc<DeviceRegister>,
    pub(crate) clock: Clock,
    pub(crate) meter: Arc<ListenerMeter>,
    pub(crate) limits: Limits,
    /// Requests in flight on all connections of the listener.
    pub(crate) in_flight: AtomicUsize,
}

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

/// A connection's task.
pub(crate) struct Connection<S> {
    stream: S,
    peer: SocketAddr,
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
    meter: AnswerMeter,
    signed_on: bool,
    /// When the first byte of the frame now incomplete came.
    half_since: Option<Instant>,
    last_read: Instant,
    /// Set when nothing more is read: the connection ends when nothing is in flight.
    closing: Option<Closed>,
}

enum Event {
    Replies,
    Read(std::io::Result<usize>),
    Timer,
    Drain,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S, peer: SocketAddr, port: Arc<Port>) -> Self {
        let (address, mailbox) = mpsc::unbounded_channel();
        let meter = AnswerMeter::new(Arc::clone(&port.meter));
        Self {
            stream,
            peer,
            port,
            input: BytesMut::new(),
            output: Vec::new(),
            body: Vec::new(),
            slots: Slots::default(),
            outgoing: Vec::new(),
            mailbox,
            address,
            replies: Vec::new(),
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
                self.input.reserve(READ_BYTES);
            }
            let event = tokio::select! {
                biased;
                _ = self.mailbox.recv_many(&mut self.replies, REPLIES_MOST) => Event::Replies,
                read = self.stream.read_buf(&mut self.input), if self.closing.is_none() => {
                    Event::Read(read)
                }
                () = &mut timer => Event::Timer,
                () = &mut draining, if self.closing.is_none() => Event::Drain,
            };
            let is_timer = matches!(event, Event::Timer);
            match event {
                Event::Replies => self.take_replies(),
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
            match self.port.framing.next_frame(&mut self.input) {
                Ok(Some(frame)) => {
                    cut = true;
                    self.take_frame(frame, now, moment);
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
        let Frame { tpdu, body } = frame;
        let port = &*self.port;
        let (security, register) = (port.security.as_ref(), port.register.as_ref());
        match port.link.receive(&body, security, register, moment) {
            Received::Decide(_) if !self.may_speak() => self.refuse(&body, tpdu),
            Received::Decide(request) => {
                let mti = request.mti;
                if let Some(bound) = self.bound_reached() {
                    self.port.meter.shed(bound);
                    self.refuse(&body, tpdu);
                    return;
                }
                let slot = self.slots.put(Pending { body, tpdu, mti, received: now });
                self.outgoing.push(Work::Authorize(Envelope {
                    request,
                    slot,
                    received: now,
                    deadline: now + self.port.limits.deadline,
                    reply: self.address.clone(),
                }));
            }
            Received::Answer { body, kind } => {
                match kind {
                    Answered::SignOn => self.signed_on = true,
                    Answered::SignOff => self.signed_on = false,
                    Answered::FormatError(fault) => self.port.meter.format_error(self.peer, &fault),
                    _ => {}
                }
                self.port.meter.network(kind.name());
                self.frame_out(tpdu, &body);
            }
            Received::Drop(cause) => self.port.meter.dropped(self.peer, cause.name()),
        }
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

    /// Answers a request as its fate asks, and gives its place free.
    fn settle(&mut self, slot: u32, fate: Fate, now: Instant) {
        let Some(pending) = self.slots.take(slot) else { return };
        self.port.in_flight.fetch_sub(1, Ordering::Relaxed);
        match fate {
            Fate::Decided(decision) => {
                self.body.clear();
                match self.port.link.answer(&pending.body, &decision, &mut self.body) {
                    Ok(()) => {
                        let body = std::mem::take(&mut self.body);
                        self.frame_out(pending.tpdu, &body);
                        self.body = body;
                        let took = now.saturating_duration_since(pending.received);
                        self.meter.answered(pending.mti, decision.get().result, took);
                    }
                    Err(error) => self.port.meter.unanswerable(self.peer, &error),
                }
            }
            Fate::NotTaken => self.refuse(&pending.body, pending.tpdu),
            Fate::Late | Fate::Unknown => {}
        }
    }

    /// `91`, with no effect anywhere.
    fn refuse(&mut self, request: &[u8], tpdu: Option<Tpdu>) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        match self.port.link.refuse(request, ResultCode::IssuerInoperative, &mut body) {
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
        self.output.clear();
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
    }
}
