//! One connection: frames in, answers out, in time, late, twice or not at all.

use super::answerer::{Outcome, echo};
use super::event::{Event, Way};
use super::file::Garbage;
use super::hub::{Arrival, Hub, Out, Peer, lock};
use super::message::{Seen, code_of_edition, network_code};
use super::rules::Fate;
use crate::SimError;
use crate::device::MessageKeys;
use crate::exchange::{Answer, approves};
use crate::gear::sealed_answer;
use crate::intent::{Fields, encode};
use crate::private::PrivateData;
use bytes::BytesMut;
use iso8583::{FieldValue, Frame, ParseError, Tpdu, parse_lenient};
use payment_types::Function;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const READ_SIZE: usize = 1 << 14;
/// Bytes that no framing takes for a message.
const NOISE: &[u8] = b"\xFF\xFF\xFF\xFF\x00HTTP/1.1 200 OK\r\n\r\n";

/// Serves a connection until it ends.
pub(super) fn open(hub: &Arc<Hub>, stream: TcpStream, number: u32) -> (Peer, JoinHandle<()>) {
    let _nodelay = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (out, outgoing) = mpsc::unbounded_channel();
    let peer = Peer::new(number, out);
    tokio::spawn(write(writer, outgoing));
    let session = Session { hub: Arc::clone(hub), peer: peer.clone() };
    (peer, tokio::spawn(session.read(reader)))
}

async fn write(mut writer: OwnedWriteHalf, mut outgoing: mpsc::UnboundedReceiver<Out>) {
    let mut batch = Vec::new();
    while let Some(out) = outgoing.recv().await {
        let mut close = false;
        let mut next = Some(out);
        // Everything that is ready goes out in one piece.
        while let Some(out) = next {
            match out {
                Out::Bytes(bytes) => batch.extend_from_slice(&bytes),
                Out::Close => close = true,
            }
            next = if close { None } else { outgoing.try_recv().ok() };
        }
        if writer.write_all(&batch).await.is_err() || close {
            break;
        }
        batch.clear();
    }
    // The other side may be gone already.
    let _gone = writer.shutdown().await;
}

#[derive(Clone)]
struct Session {
    hub: Arc<Hub>,
    peer: Peer,
}

impl Session {
    async fn read(self, mut reader: OwnedReadHalf) {
        let mut buffer = BytesMut::with_capacity(READ_SIZE);
        let why = loop {
            match self.hub.endpoint.framing().next_frame(&mut buffer) {
                Ok(Some(frame)) => {
                    self.frame(frame);
                    continue;
                }
                Ok(None) => {}
                Err(error) => {
                    lock(&self.hub.summary).happened("bytes that are no frame");
                    break format!("what came is no frame ({error}); the connection is closed");
                }
            }
            buffer.reserve(READ_SIZE / 4);
            match reader.read_buf(&mut buffer).await {
                Ok(0) if buffer.is_empty() => break "the other side closed".to_owned(),
                Ok(0) => break "the other side closed in the middle of a message".to_owned(),
                Ok(_) => {}
                Err(error) => break format!("the connection broke: {error}"),
            }
        };
        let _gone = self.peer.out.send(Out::Close);
        self.peer.forget_all();
        self.hub.note(self.peer.number, why);
    }

    fn frame(&self, frame: Frame) {
        let began = Instant::now();
        let dialect = self.hub.endpoint.dialect();
        let (message, broken) = parse_lenient(dialect, &frame.body);
        let Some(message) = message else {
            lock(&self.hub.summary).happened("frames that are no message");
            let length = frame.body.len();
            return self.hub.note(self.peer.number, format!("{length} bytes that are no message"));
        };
        let elements = message.bitmap().iter();
        let fields: Fields =
            elements.filter_map(|de| message.field(de).map(|value| (de, value))).collect();
        let seen = Seen { mti: message.mti(), fields, version: dialect.version() };
        match (seen.mti.function(), broken) {
            (Function::RequestResponse | Function::AdviceResponse, _) => {
                self.answered(seen, &frame.body);
            }
            (Function::Request | Function::Advice, Some(error)) => {
                self.broken(seen, error, frame.tpdu, began);
            }
            (Function::Request | Function::Advice, None) => {
                self.asked(seen, &frame.body, frame.tpdu, began);
            }
            _ => {
                lock(&self.hub.summary).happened("messages that want no answer");
                let mut event = Event::about(&seen, Way::In, self.peer.number);
                event.note = "wants no answer".to_owned();
                self.hub.tell(event);
            }
        }
    }

    /// An answer to what this side asked.
    fn answered(&self, seen: Seen, body: &[u8]) {
        let mut event = Event::about(&seen, Way::Out, self.peer.number);
        event.code = seen.text(39);
        match self.peer.arrived(seen, body) {
            Arrival::Awaited => return,
            Arrival::Late => {
                event.note = "late: nobody waits for it any more".to_owned();
                lock(&self.hub.summary).happened("late answers got");
            }
            Arrival::Stray => {
                event.note = "answers nothing that was asked, or answers it again".to_owned();
                lock(&self.hub.summary).happened("stray answers got");
            }
        }
        self.hub.tell(event);
    }

    /// A message with an element that can't be read is answered 30 and the element's number.
    fn broken(&self, seen: Seen, error: ParseError, tpdu: Option<Tpdu>, began: Instant) {
        let Some(mut outcome) = refusal(&seen, "30", "format error") else { return };
        let element = FieldValue::Text(format!("{:03}", error.element));
        outcome.answer.1.insert(44, element);
        self.give(&seen, outcome, tpdu, (began, error.to_string()));
    }

    /// SEC-5: what a terminal must prove and does not is refused whatever the rules say.
    fn unsealed(&self, seen: &Seen, why: &'static str, tpdu: Option<Tpdu>, began: Instant) {
        lock(&self.hub.summary).happened("messages without a right MAC");
        let Some(outcome) = refusal(seen, "63", why) else { return };
        self.give(seen, outcome, tpdu, (began, String::new()));
    }

    fn asked(&self, seen: Seen, body: &[u8], tpdu: Option<Tpdu>, began: Instant) {
        let mut answerer = lock(&self.hub.answerer);
        let fate = answerer.fate(&seen);
        if fate.forward && !answerer.is_known(&seen) {
            drop(answerer);
            // What is handed on, the issuer checks; this is for when it does not answer.
            let (session, seal) = (self.clone(), self.hub.seal(&seen, body));
            tokio::spawn(async move { session.forward((seen, seal), fate, tpdu, began).await });
            return;
        }
        let seal = match self.hub.seal(&seen, body) {
            Ok(seal) => seal,
            Err(why) => {
                drop(answerer);
                return self.unsealed(&seen, why, tpdu, began);
            }
        };
        let keys = (network_code(&seen) == Some(101)).then(|| self.keys(&seen));
        let trouble = keys.as_ref().and_then(|keys| keys.as_ref().err()).map(ToString::to_string);
        let outcome = answerer.answer(&seen, fate, keys);
        drop(answerer);
        match outcome {
            Ok(outcome) => {
                let outcome = Outcome { keys: seal, ..outcome };
                self.give(&seen, outcome, tpdu, (began, trouble.unwrap_or_default()));
            }
            Err(error) => self.hub.note(self.peer.number, error.to_string()),
        }
    }

    /// The host's side of a key exchange.
    fn keys(&self, seen: &Seen) -> Result<PrivateData, SimError> {
        let asked = PrivateData::of(&seen.fields);
        let terminal = self.hub.portfolio.terminal(&seen.terminal())?;
        let mut hash = Sha256::new();
        hash.update(terminal.id.as_bytes());
        hash.update(seen.trace_number().unwrap_or_default().to_be_bytes());
        hash.update(seen.text(7).unwrap_or_default());
        let random: [u8; 32] = hash.finalize().into();
        let mut gear = lock(&self.hub.gear);
        let answer = gear.devices.of(terminal).serve_key(&asked, &random)?;
        // Before the answer leaves: the terminal uses it from then on.
        gear.devices.keep()?;
        Ok(answer)
    }

    /// PIN-1: keys that terminal and issuer exchange through this host are those it stands in with.
    fn overhear(&self, seen: &Seen, answer: &Answer) {
        let asked = PrivateData::of(&seen.fields);
        let taken = self.hub.portfolio.terminal(&seen.terminal()).and_then(|terminal| {
            let mut gear = lock(&self.hub.gear);
            gear.devices.of(terminal).overhear(&asked, answer)?;
            gear.devices.keep()
        });
        if let Err(error) = taken {
            self.hub.note(self.peer.number, format!("no key to stand in with: {error}"));
        }
    }

    /// Has the issuer answer; if it does not, the host stands in for it and tells it later.
    async fn forward(
        self,
        (seen, seal): (Seen, Result<Option<MessageKeys>, &'static str>),
        fate: Fate,
        tpdu: Option<Tpdu>,
        began: Instant,
    ) {
        let hub = &self.hub;
        let issuer = hub.issuer.borrow().clone().filter(|issuer| !issuer.is_gone());
        let asked = match &issuer {
            Some(issuer) => match encode(hub.endpoint.dialect(), seen.mti, &seen.fields) {
                Ok(body) => hub.ask_and_tell(issuer, &seen, &body, None).await.ok(),
                Err(_) => None,
            },
            None => None,
        };
        let outcome = match asked {
            Some(answer) => {
                let mut answerer = lock(&hub.answerer);
                answerer.keep(&seen, &answer.fields);
                drop(answerer);
                if matches!(network_code(&seen), Some(101 | 161 | 162)) && answer.is_approved() {
                    self.overhear(&seen, &answer);
                }
                Ok(Outcome {
                    code: answer.code(),
                    answer: (answer.mti, answer.fields),
                    fate,
                    stood_in: false,
                    again: false,
                    advice: None,
                    // The issuer's own, if it has one.
                    keys: None,
                })
            }
            None => {
                if issuer.is_some() && seen.mti.function() == Function::Request {
                    // It may have granted what nobody heard of.
                    hub.put_off_reversal(&seen);
                }
                // SEC-5: nobody else looks at its MAC now, and the answer has one under the same key.
                let seal = match seal {
                    Ok(seal) => seal,
                    Err(why) => return self.unsealed(&seen, why, tpdu, began),
                };
                let own = lock(&hub.answerer).answer(&seen, fate, None);
                own.map(|outcome| Outcome { keys: seal, ..outcome })
            }
        };
        match outcome {
            Ok(outcome) => self.give(&seen, outcome, tpdu, (began, String::new())),
            Err(error) => hub.note(self.peer.number, error.to_string()),
        }
    }

    /// Sends an answer as its fate has it.
    fn give(
        &self,
        seen: &Seen,
        outcome: Outcome,
        tpdu: Option<Tpdu>,
        (began, note): (Instant, String),
    ) {
        let hub = &self.hub;
        if let Some((mti, fields)) = outcome.advice.clone() {
            hub.put_off(mti, fields);
        }
        self.count(&outcome);
        let bytes = match self.bytes(&outcome, tpdu) {
            Ok(bytes) => bytes,
            Err(error) => return hub.note(self.peer.number, format!("no answer: {error}")),
        };
        let (fate, answer) = (outcome.fate.clone(), outcome.answer.clone());
        let mut event = Event::about(seen, Way::In, self.peer.number);
        event.note = remarks(&outcome, &note);
        event.code = (!fate.drop).then(|| outcome.code.clone());
        let shown = (!fate.drop).then_some((answer.0, &answer.1));
        event.messages = hub.shown(seen, shown);
        {
            let approved = approves(&outcome.code) && !fate.drop;
            lock(&hub.summary).count(Way::In, event.what, event.code.as_deref(), approved);
        }
        let session = self.clone();
        let leave = move || {
            event.took_ms = Some(began.elapsed().as_secs_f64() * 1000.0);
            for _ in 0..=fate.copies {
                if !fate.drop && session.peer.out.send(Out::Bytes(bytes.clone())).is_err() {
                    lock(&session.hub.summary).happened("answers nobody was there for");
                    event.note = format!("{} (nobody is there any more)", event.note);
                    break;
                }
            }
            if fate.close {
                let _gone = session.peer.out.send(Out::Close);
            }
            session.hub.tell(event);
        };
        if fate.delay == Duration::ZERO {
            return leave();
        }
        tokio::spawn(async move {
            tokio::time::sleep(fate.delay).await;
            leave();
        });
    }

    fn count(&self, outcome: &Outcome) {
        let (fate, mut summary) = (&outcome.fate, lock(&self.hub.summary));
        let rule = fate.rule.clone().unwrap_or_else(|| "(none: approved)".to_owned());
        *summary.rules.entry(rule).or_default() += 1;
        for (happened, what) in [
            (fate.drop, "dropped"),
            (fate.late, "answered late"),
            (fate.delay > Duration::ZERO && !fate.late, "answered with a delay"),
            (fate.copies > 0, "answered more than once"),
            (fate.garbage.is_some(), "answered with garbage"),
            (fate.close, "connection closed"),
            (outcome.stood_in, "stood in"),
            (outcome.again, "repeats answered as before"),
        ] {
            if happened {
                summary.happened(what);
            }
        }
    }

    /// What goes over the wire: the answer, or something else.
    fn bytes(&self, outcome: &Outcome, tpdu: Option<Tpdu>) -> Result<Vec<u8>, SimError> {
        let endpoint = &self.hub.endpoint;
        let (mti, fields) = &outcome.answer;
        let mut framed = Vec::new();
        let mut frame =
            |body: &[u8]| endpoint.framing().encode(tpdu.map(Tpdu::swapped), body, &mut framed);
        match outcome.fate.garbage {
            Some(Garbage::Bytes) => return Ok(NOISE.to_vec()),
            Some(Garbage::Message) => frame(b"this is no message of any dialect")?,
            Some(Garbage::Stray) => {
                frame(&encode(endpoint.dialect(), *mti, &with_other_trace(fields))?)?;
            }
            Some(Garbage::Half) | None => {
                let dialect = endpoint.dialect();
                let body = match &outcome.keys {
                    Some(keys) => sealed_answer(keys, dialect, *mti, fields)?,
                    None => encode(dialect, *mti, fields)?,
                };
                frame(&body)?;
            }
        }
        if outcome.fate.garbage == Some(Garbage::Half) {
            framed.truncate(framed.len() / 2);
        }
        Ok(framed)
    }
}

/// An answer that nobody decided about; nothing where none is wanted.
fn refusal(seen: &Seen, code: &str, why: &str) -> Option<Outcome> {
    let (mti, mut fields) = (seen.mti.response()?, echo(seen));
    let code = code_of_edition(code, seen.version);
    fields.insert(39, FieldValue::Text(code.clone()));
    let fate = Fate { rule: Some(why.to_owned()), ..Fate::default() };
    let (stood_in, again, advice, keys) = (false, false, None, None);
    Some(Outcome { fate, code, answer: (mti, fields), stood_in, again, advice, keys })
}

fn with_other_trace(fields: &Fields) -> Fields {
    let mut fields = fields.clone();
    let trace: u32 =
        fields.get(&11).map(crate::exchange::plain).and_then(|t| t.parse().ok()).unwrap_or(0);
    fields.insert(11, FieldValue::Text(format!("{:06}", (trace + 500_000) % 1_000_000)));
    fields
}

/// What a line adds about an answer.
fn remarks(outcome: &Outcome, note: &str) -> String {
    let fate = &outcome.fate;
    let mut words: Vec<String> = fate.rule.iter().cloned().collect();
    let delay = fate.delay.as_millis();
    words.extend((fate.drop).then(|| "dropped".to_owned()));
    words.extend((fate.late).then(|| format!("late by {delay} ms")));
    words.extend((fate.copies > 0).then(|| format!("{} times", fate.copies + 1)));
    words.extend(fate.garbage.map(|garbage| format!("garbage ({garbage:?})").to_lowercase()));
    words.extend((fate.close).then(|| "then closed".to_owned()));
    words.extend((outcome.stood_in).then(|| "stood in".to_owned()));
    words.extend((outcome.again).then(|| "as the first time".to_owned()));
    words.extend((!note.is_empty()).then(|| note.to_owned()));
    words.join(", ")
}
