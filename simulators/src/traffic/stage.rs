//! Sends a scene's messages, checks the answers against what was known beforehand, and tells.

use super::event::{Event, Summary};
use crate::card::{Proof, Proofs, ScriptSeen};
use crate::device::{Exchange, MacDuty};
use crate::exchange::{Answer, CAP_LEFT, exchange};
use crate::gear::{Dressed, Gear, Verdict};
use crate::intent::{Intent, Trace};
use crate::moment::Zone;
use crate::pin::TypedPin;
use crate::portfolio::{Card, Terminal};
use crate::{Endpoint, Link, SimError};
use payment_types::{Amount, Currency, MaskedPan, Mti};
use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);
/// A message without an answer is repeated this often, like a terminal does.
const REPEATS: u32 = 2;

/// One message of a scene and what must come back.
#[derive(Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) what: &'static str,
    pub(crate) mti: &'static str,
    pub(crate) terminal: &'a Terminal,
    pub(crate) card: &'a Card,
    pub(crate) processing_code: &'static str,
    /// Minor units.
    pub(crate) amount: Option<i64>,
    pub(crate) entry_mode: Option<&'static str>,
    pub(crate) pin: Option<TypedPin>,
    pub(crate) new_pin: Option<TypedPin>,
    /// What card and terminal prove themselves with.
    pub(crate) proofs: Proofs,
    /// What the chip must find of the issuer's answer, where it looks.
    pub(crate) arpc: Option<Proof>,
    pub(crate) auth_code: Option<String>,
    /// The message this one is about.
    pub(crate) about: Option<(&'static str, Trace)>,
    pub(crate) replacement: Option<i64>,
    pub(crate) expected: &'static str,
    /// What DE 54 must say too: amount type and value.
    pub(crate) additional: Option<(&'static str, String)>,
}

/// How it came out.
pub(crate) struct Outcome {
    pub(crate) answer: Option<Answer>,
    pub(crate) trace: Trace,
    pub(crate) as_expected: bool,
}

/// Connections, numbers and tallies that all scenes share.
pub(crate) struct Stage {
    endpoints: BTreeMap<Box<str>, Endpoint>,
    links: BTreeMap<Box<str>, Link>,
    zone: Zone,
    stan: u32,
    gear: Gear,
    events: Sender<Event>,
    pub(crate) summary: Summary,
}

impl Stage {
    pub(crate) fn new(
        endpoints: BTreeMap<Box<str>, Endpoint>,
        zone: Zone,
        gear: Gear,
        events: Sender<Event>,
    ) -> Self {
        // Somewhere in the range, so that a second run does not start with the first one's numbers.
        let stan = u32::try_from(zone.now().at.0.rem_euclid(899_999)).unwrap_or_default();
        let links = BTreeMap::new();
        let summary = Summary::default();
        Self { endpoints, links, zone, stan, gear, events, summary }
    }

    /// Connects to all listeners.
    ///
    /// # Errors
    /// [`SimError::Connection`].
    pub(crate) fn connect(&mut self) -> Result<(), SimError> {
        for (name, endpoint) in &self.endpoints {
            self.links.insert(name.clone(), Link::connect(endpoint)?);
        }
        Ok(())
    }

    /// Writes down what chips and terminals keep, where they do.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub(crate) fn keep(&mut self) -> Result<(), SimError> {
        self.gear.keep()
    }

    pub(crate) fn today(&self) -> payment_types::BusinessDate {
        self.zone.now().business_date()
    }

    /// Whether the day turns within a few seconds: then whose day it is cannot be known beforehand.
    pub(crate) fn is_near_midnight(&self) -> bool {
        let minute = self.zone.now().minute_of_day();
        minute == 0 || minute == 1439
    }

    fn fresh_stan(&mut self) -> u32 {
        self.stan = self.stan % 999_999 + 1;
        self.stan
    }

    /// Plays one message and counts it.
    ///
    /// # Errors
    /// Only where a message cannot be made; a host that does not answer is an outcome.
    pub(crate) fn ask(&mut self, ask: &Ask<'_>) -> Result<Outcome, SimError> {
        let (outcome, note) = self.play(ask)?;
        let event = Event {
            number: self.summary.messages + 1,
            terminal: ask.terminal.id.to_string(),
            card: ask.card.pan.masked(),
            what: ask.what,
            amount: ask.amount.map(som),
            expected: ask.expected.to_owned(),
            got: outcome.answer.as_ref().map(Answer::code),
            note,
            as_expected: outcome.as_expected,
            rule: (ask.proofs.mac == Some(Proof::Wrong)).then_some("SEC-5"),
            took: outcome.answer.as_ref().map(|answer| answer.took),
        };
        self.tell(event);
        Ok(outcome)
    }

    /// Plays one message without counting or telling.
    pub(crate) fn ask_quietly(&mut self, ask: &Ask<'_>) -> Result<Outcome, SimError> {
        self.play(ask).map(|(outcome, _)| outcome)
    }

    fn play(&mut self, ask: &Ask<'_>) -> Result<(Outcome, String), SimError> {
        let (stan, now) = (self.fresh_stan(), self.zone.now());
        let trace = match &ask.about {
            Some((_, original)) => original.following(stan, now),
            None => Trace::fresh(stan, now),
        };
        let endpoint = self.endpoint(&ask.terminal.listener)?;
        let dressed = self.dress(ask, &trace, &endpoint)?;
        let answer = self.deliver(&endpoint, &ask.terminal.listener, &dressed, trace.stan)?;
        let (as_expected, note) = match &answer {
            Some(answer) => {
                judge(ask, answer, &self.gear.hear(&dressed, endpoint.dialect(), answer)?)
            }
            None => (false, "the host did not answer".to_owned()),
        };
        Ok((Outcome { answer, trace, as_expected }, note))
    }

    /// The first answer to the message or one of its repeats.
    fn deliver(
        &mut self,
        endpoint: &Endpoint,
        listener: &str,
        message: &Dressed,
        stan: u32,
    ) -> Result<Option<Answer>, SimError> {
        let mut message = message.clone();
        for attempt in 0..=REPEATS {
            let body = message.encode(endpoint.dialect())?;
            match self.try_once(listener, endpoint, &body, message.mti, stan) {
                Ok(answer) => return Ok(Some(answer)),
                Err(SimError::Parse(error)) => return Err(error.into()),
                Err(_) => {
                    self.links.remove(listener);
                    message = message.repeated();
                    std::thread::sleep(Duration::from_millis(200 * u64::from(attempt)));
                }
            }
        }
        Ok(None)
    }

    fn try_once(
        &mut self,
        listener: &str,
        endpoint: &Endpoint,
        body: &[u8],
        mti: Mti,
        stan: u32,
    ) -> Result<Answer, SimError> {
        if !self.links.contains_key(listener) {
            self.links.insert(listener.into(), Link::connect(endpoint)?);
        }
        let unknown = || SimError::Unknown { kind: "listener", name: listener.to_owned() };
        let link = self.links.get_mut(listener).ok_or_else(unknown)?;
        exchange(link, body, mti, stan, PATIENCE)
    }

    fn endpoint(&self, listener: &str) -> Result<Endpoint, SimError> {
        let unknown = || SimError::Unknown { kind: "listener", name: listener.to_owned() };
        self.endpoints.get(listener).cloned().ok_or_else(unknown)
    }

    fn dress(
        &mut self,
        ask: &Ask<'_>,
        trace: &Trace,
        endpoint: &Endpoint,
    ) -> Result<Dressed, SimError> {
        let mut intent = Intent::new(parse(ask.mti)?, ask.terminal, trace);
        intent.card = Some(ask.card);
        intent.processing_code = Some(ask.processing_code);
        intent.amount = ask.amount.map(som);
        intent.entry_mode = ask.entry_mode;
        intent.condition = Some("00");
        intent.pin = ask.pin.as_ref();
        intent.new_pin = ask.new_pin.as_ref();
        intent.auth_code = ask.auth_code.as_deref();
        intent.replacement = ask.replacement.map(som);
        if let Some((mti, original)) = &ask.about {
            intent.original = Some((parse(mti)?, original));
        }
        let dressed = self.gear.dress(&intent, &ask.proofs, endpoint.dialect().version())?;
        if dressed.chip().is_some() {
            // A counter that was seen is never used again, whatever becomes of this program.
            self.gear.wallet.keep()?;
        }
        Ok(dressed)
    }

    /// A terminal asks for a working key, and takes it into use.
    ///
    /// # Errors
    /// Only where the message cannot be made; a host that refuses is an outcome.
    pub(crate) fn exchange_keys(
        &mut self,
        what: &'static str,
        terminal: &Terminal,
        exchange: &Exchange,
        expected: &'static str,
    ) -> Result<bool, SimError> {
        let endpoint = self.endpoint(&terminal.listener)?;
        let version = endpoint.dialect().version();
        let (mut wanted, mut note) = (*exchange, String::new());
        let (pending, answer) = loop {
            let trace = Trace::fresh(self.fresh_stan(), self.zone.now());
            let (dressed, pending) = self.gear.ask_for_key(terminal, &trace, &wanted, version)?;
            let answer = self.deliver(&endpoint, &terminal.listener, &dressed, trace.stan)?;
            let refused = answer.as_ref().filter(|answer| answer.code() != expected);
            match refused.and_then(|answer| self.gear.asks_again(terminal, wanted, answer)) {
                Some(again) => wanted = again,
                None => break (pending, answer),
            }
            // The engine is not the one of before, or an earlier state of it.
            "keys of before refused, ".clone_into(&mut note);
        };
        let code = answer.as_ref().map(Answer::code);
        let mut as_expected = code.as_deref() == Some(expected);
        if let Some(answer) = answer.as_ref().filter(|answer| answer.is_approved()) {
            match self.gear.take_key(terminal, pending, answer) {
                Ok(()) => note.push_str("check value right"),
                Err(error) => (as_expected, note) = (false, error.to_string()),
            }
        }
        let event = Event {
            number: self.summary.messages + 1,
            terminal: terminal.id.to_string(),
            card: MaskedPan::default(),
            what,
            amount: None,
            expected: expected.to_owned(),
            got: code,
            note,
            as_expected,
            rule: Some("PIN-1"),
            took: answer.map(|answer| answer.took),
        };
        self.tell(event);
        Ok(as_expected)
    }

    fn tell(&mut self, event: Event) {
        self.summary.count(&event);
        // Nobody listening any more is no reason to stop counting.
        self.events.send(event).unwrap_or_default();
    }

    /// Waits for the next beat, in short steps so that `stop` is noticed.
    pub(crate) fn rest(until: Instant, mut stop: impl FnMut() -> bool) {
        while !stop() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}

fn judge(ask: &Ask<'_>, answer: &Answer, verdict: &Verdict) -> (bool, String) {
    if answer.code() != ask.expected {
        return (false, String::new());
    }
    let mut notes = Vec::new();
    if let Some((kind, value)) = &ask.additional {
        let said = answer.amount(kind).unwrap_or_else(|| "nothing".to_owned());
        let name = if *kind == CAP_LEFT { "left today" } else { "available" };
        if said != *value {
            return (false, format!("{said} {name} instead of {value}"));
        }
        notes.push(format!("{said} {name}"));
    }
    let with_mac = ask.terminal.security.mac == MacDuty::Required;
    let mac = with_mac.then_some(Proof::Right).filter(|_| ask.proofs.mac.is_none());
    for (name, expected, got) in [("ARPC", ask.arpc, verdict.arpc), ("MAC", mac, verdict.mac)] {
        match expected {
            Some(expected) if expected != got => {
                return (false, format!("{name} {} instead of {}", got.name(), expected.name()));
            }
            Some(Proof::Right) => notes.push(format!("{name} right")),
            _ => {}
        }
    }
    notes.extend(verdict.scripts.iter().map(|script| format!("script: {script}")));
    (verdict.scripts.iter().all(ScriptSeen::is_good), notes.join(", "))
}

fn som(minor: i64) -> Amount {
    Amount::new(minor.unsigned_abs(), Currency::KGS)
}

fn parse(mti: &str) -> Result<Mti, SimError> {
    Mti::parse(mti).map_err(|error| SimError::Setting(error.to_string()))
}
