//! Makes steps of a scenario from messages that went by: a message becomes what a step would say to
//! send it again, its answer what the step expects.
//!
//! What a step does not say by itself is found by making the message that it would send, and
//! comparing: elements that differ are said in `fields`. Numbers, times and whatever keys make are
//! new each time and not compared.

use super::file::Ask;
use super::message::{Sent, Subject, terminal_of};
use super::recognise::{Recognised, recognise};
use crate::device::{Exchange, KeyUse};
use crate::exchange::{AVAILABLE_BALANCE, Answer, CAP_LEFT, plain};
use crate::gear::Gear;
use crate::intent::{Fields, Trace, mti_of_version};
use crate::portfolio::Card;
use crate::private::{Group, PrivateData};
use crate::tape::Remap;
use crate::{Portfolio, SimError};
use iso8583::FieldValue;
use payment_types::{Class, Moment, Mti, Pan};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// New each time, or made with keys.
const NOT_COMPARED: [u8; 16] = [2, 7, 11, 12, 13, 35, 37, 48, 52, 53, 55, 56, 64, 90, 95, 128];
/// Of an answer, what a step expects besides code, approval and amounts.
const EXPECTED: [u8; 4] = [44, 66, 73, 120];
/// The clock is moved where so much time went by.
const MOVED_MS: i64 = 60_000;

/// What to do with cards that are not in the portfolio.
pub enum Strangers {
    /// Their messages are left out.
    Refuse,
    /// They become numbers of the test range that nobody has.
    Remap(Remap),
}

/// A message and its answer.
pub(super) struct Spoken<'a> {
    pub listener: &'a str,
    pub mti: Mti,
    pub fields: &'a Fields,
    pub answer: Option<&'a Answer>,
    pub at: Moment,
    /// The edition of the dialect.
    pub version: u8,
}

/// Why a message is not in the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    Stranger,
    Untellable,
}

/// See the module.
pub struct Recorder {
    portfolio: Arc<Portfolio>,
    strangers: Strangers,
    gear: Gear,
    /// By terminal and trace number.
    named: BTreeMap<(String, u32), (String, Sent)>,
    /// Originals that were reversed before they came.
    unsent: BTreeMap<(String, u32), String>,
    count: usize,
    clock: Moment,
    /// Whether the clock of the scenario moves with the session's.
    clock_moves: bool,
}

/// A step's keys in the order they are written.
#[derive(Default)]
struct Keys(Vec<(String, String)>);

impl Keys {
    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, &quoted(value));
    }

    fn raw(&mut self, key: &str, value: &str) {
        self.0.push((key.to_owned(), value.to_owned()));
    }

    fn maybe(&mut self, key: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn flow(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        format!("{{{}}}", pairs.join(", "))
    }
}

/// A text as YAML takes it for nothing else.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Recorder {
    /// With nothing recorded yet. Where `clock_moves`, the scenario's clock follows the session's.
    #[must_use]
    pub fn new(
        portfolio: Arc<Portfolio>,
        strangers: Strangers,
        clock: Moment,
        clock_moves: bool,
    ) -> Self {
        Self {
            portfolio,
            strangers,
            gear: Gear::default(),
            named: BTreeMap::new(),
            unsent: BTreeMap::new(),
            count: 0,
            clock,
            clock_moves,
        }
    }

    /// The steps of a message, as they stand in the file.
    pub(super) fn steps(&mut self, spoken: &Spoken<'_>) -> Result<String, LeftOut> {
        let mut text = String::new();
        if self.clock_moves && spoken.at.at.0 - self.clock.at.0 >= MOVED_MS {
            self.clock = spoken.at;
            // Writing to a String cannot fail.
            writeln!(text, "  - at: {}", quoted(&spoken.at.rfc3339())).unwrap_or_default();
        }
        let action = self.action(spoken)?;
        writeln!(text, "  - {action}\n    expect: {}", expected(spoken)).unwrap_or_default();
        Ok(text)
    }

    fn action(&mut self, spoken: &Spoken<'_>) -> Result<String, LeftOut> {
        let terminal = text(spoken.fields, 41).unwrap_or_default();
        let trace: u32 =
            text(spoken.fields, 11).and_then(|t| t.parse().ok()).ok_or(LeftOut::Untellable)?;
        let own = (terminal, trace);
        let mti = spoken.mti.without_version();
        if mti.is_repeat()
            && let Some((name, _)) = self.named.get(&own)
        {
            return Ok(format!("repeat: {name}"));
        }
        if let Some(exchange) = self.key_exchange(spoken) {
            return Ok(exchange);
        }
        if mti.class() == Class::Reversal {
            return self.reversal(spoken, own);
        }
        if let Some((name, original)) = self.about(spoken) {
            return self.completion(spoken, own, &name, &original);
        }
        self.send(spoken, own)
    }

    /// A new working key; what was delivered is used for what comes after it.
    fn key_exchange(&mut self, spoken: &Spoken<'_>) -> Option<String> {
        let code = text(spoken.fields, 24).filter(|_| spoken.version > 0);
        let is_exchange = spoken.mti.class() == Class::NetworkManagement
            && (matches!(text(spoken.fields, 70).as_deref(), Some("101" | "161" | "162"))
                || code.as_deref() == Some("811"));
        if !is_exchange {
            return None;
        }
        let data = PrivateData::of(spoken.fields);
        let (key, name) = match data.get(Group::KeyUse)? {
            "P" => (KeyUse::Pin, "pin"),
            "M" => (KeyUse::Mac, "mac"),
            _ => return None,
        };
        let id = text(spoken.fields, 41)?;
        let deliver = data.get(Group::KeyBlock).is_some();
        let terminal = terminal_of(&id, &self.portfolio);
        if let Some(answer) = spoken.answer.filter(|answer| answer.is_approved() && !deliver) {
            let exchange = Exchange::of(key);
            let trace = Trace::fresh(1, spoken.at);
            let asked = self.gear.ask_for_key(&terminal, &trace, &exchange, spoken.version);
            // A key that does not open is the session's to expect, not the recorder's.
            let _taken =
                asked.and_then(|(_, pending)| self.gear.take_key(&terminal, pending, answer));
        }
        let mut keys = Keys::default();
        keys.text("terminal", &id);
        keys.raw("key", name);
        if deliver {
            keys.raw("deliver", "true");
        }
        if spoken.listener == "network" {
            keys.raw("network", "true");
        }
        Some(format!("exchange_keys: {}", keys.flow()))
    }

    /// The message this one is about: the one it names (a completion, an advice about a withdrawal, a
    /// void), else the authorization of the same reference number.
    fn about(&self, spoken: &Spoken<'_>) -> Option<(String, Sent)> {
        let terminal = text(spoken.fields, 41)?;
        if let Some((_, trace)) = original_of(spoken)
            && let Some(named) = self.named.get(&(terminal.clone(), trace))
        {
            return Some(named.clone());
        }
        let reference = text(spoken.fields, 37)?;
        let is_it = |((at, _), (_, sent)): &(&(String, u32), &(String, Sent))| {
            *at == terminal && sent.trace.rrn == reference && sent.is_authorization()
        };
        let is_advice = spoken.mti.without_version().digits() == [0, 2, 2, 0];
        let found = is_advice.then(|| self.named.iter().find(is_it)).flatten();
        found.map(|(_, (name, sent))| (name.clone(), sent.clone()))
    }

    fn send(&mut self, spoken: &Spoken<'_>, own: (String, u32)) -> Result<String, LeftOut> {
        let (ask, mut keys, mut sent) = self.asked(spoken, spoken.mti)?;
        let name = self.unsent.remove(&own).unwrap_or_else(|| self.name());
        keys.0.insert(0, ("as".to_owned(), name.clone()));
        let fields = self.rest(spoken, &ask, &sent)?;
        if !fields.is_empty() {
            keys.raw("fields", &fields);
        }
        // A message about this one has its approval code, as it will have when it is played.
        sent.auth_code = spoken.answer.and_then(Answer::auth_code);
        self.named.insert(own, (name, sent));
        Ok(format!("send: {}", keys.flow()))
    }

    fn completion(
        &mut self,
        spoken: &Spoken<'_>,
        own: (String, u32),
        of: &str,
        original: &Sent,
    ) -> Result<String, LeftOut> {
        let name = self.name();
        let mti = mti_of_version(spoken.mti, 0);
        let ask = Ask {
            mti: (mti.digits() != [0, 2, 2, 0]).then(|| mti.to_string()),
            amount: amount_of(spoken.fields),
            ..Ask::default()
        };
        let mut keys = Keys::default();
        keys.raw("as", &name);
        keys.raw("of", of);
        keys.maybe("mti", ask.mti.as_ref());
        keys.maybe("amount", ask.amount.as_ref());
        let number = number_of(spoken.fields);
        let card = self.portfolio.cards.values();
        let card = { card }.find(|card| number.as_ref().is_some_and(|own| is_number(card, own)));
        if let Some(chip) = card.and_then(|card| super::recognise::chip(spoken, card)) {
            keys.raw("chip", &chip);
        }
        let sent = original.completion(&ask, own.1, spoken.at).map_err(untellable)?;
        let fields = self.rest(spoken, &ask, &sent)?;
        if !fields.is_empty() {
            keys.raw("fields", &fields);
        }
        self.named.insert(own, (name, sent));
        Ok(format!("complete: {}", keys.flow()))
    }

    fn reversal(&mut self, spoken: &Spoken<'_>, own: (String, u32)) -> Result<String, LeftOut> {
        let mti = spoken.mti.without_version();
        let (original_mti, trace) = original_of(spoken).ok_or(LeftOut::Untellable)?;
        let replacement = replacement_of(spoken);
        let name = self.name();
        let known = self.named.get(&(own.0.clone(), trace)).cloned();
        let mut keys = Keys::default();
        keys.raw("as", &name);
        let ask = Ask {
            mti: (mti.digits() != [0, 4, 2, 0]).then(|| mti.to_string()),
            replacement,
            ..Ask::default()
        };
        let sent = match known {
            Some((of, original)) => {
                keys.raw("of", &of);
                keys.maybe("mti", ask.mti.as_ref());
                original.reversal(&ask, own.1, spoken.at).map_err(untellable)?
            }
            None => {
                // Its original may come later.
                let unsent = self.name();
                let (_, own_keys, original) = self.asked(spoken, original_mti)?;
                keys.raw("unsent", &unsent);
                keys.0.extend(own_keys.0);
                self.unsent.insert((own.0.clone(), trace), unsent);
                original.reversal(&ask, own.1, spoken.at).map_err(untellable)?
            }
        };
        keys.maybe("replacement", ask.replacement.as_ref());
        let fields = self.rest(spoken, &ask, &sent)?;
        if !fields.is_empty() {
            keys.raw("fields", &fields);
        }
        self.named.insert(own, (name, sent));
        Ok(format!("reverse: {}", keys.flow()))
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("m{}", self.count)
    }

    /// What a step says of a message by its own keys.
    fn asked(&mut self, spoken: &Spoken<'_>, mti: Mti) -> Result<(Ask, Keys, Sent), LeftOut> {
        let fields = spoken.fields;
        let terminal = text(fields, 41).unwrap_or_default();
        // Whoever manages a network has no terminal; a step has one all the same.
        let terminal = match terminal.is_empty() {
            true => self.portfolio.terminals.keys().next().map(ToString::to_string),
            false => Some(terminal),
        };
        let terminal = terminal.ok_or(LeftOut::Untellable)?;
        let number = number_of(fields);
        let portfolio = Arc::clone(&self.portfolio);
        let (card, known) = self.card(&portfolio, number.as_deref())?;
        let mti = mti_of_version(mti, 0);
        let code = text(fields, 3);
        let device = terminal_of(&terminal, &self.portfolio);
        let found = match known {
            Some(card) => recognise(spoken, card, &device, &mut self.gear),
            None => Recognised::default(),
        };
        let mut ask = Ask {
            terminal: Some(terminal),
            card,
            mti: Some(mti.to_string()),
            processing_code: code,
            amount: amount_of(fields),
            currency: text(fields, 49).filter(|code| code != "417"),
            entry_mode: entry_mode(fields, spoken.version),
            condition: text(fields, 25).filter(|code| code != "00"),
            auth_code: text(fields, 38).filter(|_| spoken.mti.class() != Class::Reversal),
            track2: found.track2,
            network: spoken.listener == "network",
            ..Ask::default()
        };
        let expiry = text(fields, 14);
        if known.map(|card| format!("{:04}", card.expiry)) != expiry && ask.card.is_some() {
            ask.expiry = expiry;
        }
        let keys = keys_of(&ask, found);
        let mut trace = Trace::fresh(0, spoken.at);
        trace.stan = text(fields, 11).and_then(|stan| stan.parse().ok()).unwrap_or_default();
        trace.rrn = text(fields, 37).unwrap_or_default();
        let subject = Subject::of(&ask, &self.portfolio).map_err(untellable)?;
        let sent = subject.into_message(&ask, trace).map_err(untellable)?;
        Ok((ask, keys, sent))
    }

    /// The card as a step names it.
    fn card<'c>(
        &self,
        portfolio: &'c Portfolio,
        number: Option<&str>,
    ) -> Result<(Option<String>, Option<&'c Card>), LeftOut> {
        let Some(number) = number else { return Ok((None, None)) };
        let known = portfolio.cards.values().find(|card| is_number(card, number));
        match (known, &self.strangers) {
            (Some(card), _) => Ok((Some(card.id.to_string()), Some(card))),
            (None, Strangers::Remap(remap)) => Ok((Some(remap.number(number)), None)),
            (None, Strangers::Refuse) => Err(LeftOut::Stranger),
        }
    }

    /// Elements that the step would send otherwise, as its `fields`.
    fn rest(&self, spoken: &Spoken<'_>, ask: &Ask, sent: &Sent) -> Result<String, LeftOut> {
        let made = sent.bare(spoken.version).map_err(untellable)?;
        let mut keys = Keys::default();
        let unsaid =
            |element: &u8| !NOT_COMPARED.contains(element) && !ask.fields.contains_key(element);
        for (element, value) in spoken.fields.iter().filter(|(element, _)| unsaid(element)) {
            if made.get(element).map(plain) == Some(plain(value)) {
                continue;
            }
            let said = match value {
                FieldValue::Text(text) => quoted(&self.harmless(text)?),
                FieldValue::Binary(bytes) => format!("{{hex: \"{}\"}}", hex::encode(bytes)),
            };
            keys.raw(&element.to_string(), &said);
        }
        for element in made.keys().filter(|element| unsaid(element) || **element == 37) {
            if !spoken.fields.contains_key(element) {
                keys.raw(&element.to_string(), "null");
            }
        }
        // Private data that are no groups of ours.
        if let Some(FieldValue::Text(text)) = spoken.fields.get(&48)
            && PrivateData::read(text).is_empty()
        {
            keys.raw("48", &quoted(&self.harmless(text)?));
        }
        Ok(if keys.0.is_empty() { String::new() } else { keys.flow() })
    }

    /// A text without numbers of cards that are not in the portfolio.
    fn harmless(&self, text: &str) -> Result<String, LeftOut> {
        let own = |number: &str| self.portfolio.cards.values().any(|card| is_number(card, number));
        let mut out = String::new();
        for part in text.split_inclusive(|character: char| !character.is_ascii_digit()) {
            let end = part.find(|character: char| !character.is_ascii_digit());
            let (run, tail) = part.split_at(end.unwrap_or(part.len()));
            let pan = (13..=19).contains(&run.len()).then(|| Pan::from_ascii(run.as_bytes()));
            let is_card = matches!(pan, Some(Ok(pan)) if pan.has_valid_check_digit());
            match &self.strangers {
                Strangers::Remap(remap) if is_card && !own(run) => out.push_str(&remap.number(run)),
                Strangers::Refuse if is_card && !own(run) => return Err(LeftOut::Stranger),
                _ => out.push_str(run),
            }
            out.push_str(tail);
        }
        Ok(out)
    }
}

/// What a step says, in the order it says it.
fn keys_of(ask: &Ask, found: Recognised) -> Keys {
    let Recognised { pin, new_pin, cvv, cvv2, chip, commerce, mac, .. } = found;
    let mut keys = Keys::default();
    for (key, value) in [
        ("terminal", &ask.terminal),
        ("card", &ask.card),
        ("mti", &ask.mti),
        ("processing_code", &ask.processing_code),
        ("amount", &ask.amount),
        ("currency", &ask.currency),
        ("entry_mode", &ask.entry_mode),
        ("condition", &ask.condition),
        ("expiry", &ask.expiry),
        ("auth_code", &ask.auth_code),
        ("pin", &pin),
        ("new_pin", &new_pin),
    ] {
        keys.maybe(key, value.as_ref());
    }
    for (key, value) in [("cvv", &cvv), ("cvv2", &cvv2), ("mac", &mac)] {
        if let Some(proof) = value {
            keys.raw(key, proof.name());
        }
    }
    for (key, value) in [("chip", chip), ("three_d_secure", commerce)] {
        if let Some(value) = value {
            keys.raw(key, &value);
        }
    }
    for (key, said) in [("track2", ask.track2), ("network", ask.network)] {
        if said {
            keys.raw(key, "true");
        }
    }
    keys
}

fn is_number(card: &Card, number: &str) -> bool {
    card.pan.expose_digits() == number.as_bytes()
}

fn untellable(_: SimError) -> LeftOut {
    LeftOut::Untellable
}

pub(super) fn text(fields: &Fields, element: u8) -> Option<String> {
    fields.get(&element).map(plain)
}

fn number_of(fields: &Fields) -> Option<String> {
    let track = || Some(text(fields, 35)?.split(['=', 'D', 'd']).next()?.to_owned());
    text(fields, 2).or_else(track).filter(|number| !number.is_empty())
}

/// DE 4 in major units, by the currency of DE 49.
fn amount_of(fields: &Fields) -> Option<String> {
    let minor: i128 = text(fields, 4)?.parse().ok()?;
    let numeric = text(fields, 49).and_then(|code| code.parse().ok());
    let currency = numeric.and_then(payment_types::Currency::from_numeric);
    let currency = currency.unwrap_or(payment_types::Currency::KGS);
    Some(payment_types::format_minor(minor, currency.exponent()))
}

/// DE 22 as a step says it; since 1993 the mode whose code it is.
fn entry_mode(fields: &Fields, version: u8) -> Option<String> {
    let told = text(fields, 22)?;
    if version == 0 {
        return Some(told);
    }
    crate::intent::mode_of_data_code(&told).map(str::to_owned)
}

/// The original of a reversal: its type and trace number.
fn original_of(spoken: &Spoken<'_>) -> Option<(Mti, u32)> {
    let told = text(spoken.fields, if spoken.version == 0 { 90 } else { 56 })?;
    let end = if spoken.version > 1 { 16 } else { 10 };
    let mti = mti_of_version(Mti::parse(told.get(..4)?).ok()?, 0);
    Some((mti.without_repeat(), told.get(4..end)?.parse().ok()?))
}

/// What stays after a partial reversal.
fn replacement_of(spoken: &Spoken<'_>) -> Option<String> {
    let minor: i128 = match spoken.version {
        0 => text(spoken.fields, 95)?.get(..12)?.parse().ok()?,
        _ if text(spoken.fields, 24).as_deref() == Some("401") => {
            text(spoken.fields, 4)?.parse().ok()?
        }
        _ => return None,
    };
    Some(payment_types::format_minor(minor, 2))
}

/// What a step expects of an answer.
fn expected(spoken: &Spoken<'_>) -> String {
    let Some(answer) = spoken.answer else { return "{no_answer: true}".to_owned() };
    let mut keys = Keys::default();
    keys.text("code", &answer.code());
    if answer.auth_code().is_some() {
        keys.raw("auth_code", "present");
    }
    keys.maybe("available", answer.amount(AVAILABLE_BALANCE).as_ref());
    keys.maybe("cap_left", answer.amount(CAP_LEFT).as_ref());
    let mut fields = Keys::default();
    for element in EXPECTED.into_iter().filter(|element| !spoken.fields.contains_key(element)) {
        fields.maybe(&element.to_string(), answer.text(element).as_ref());
    }
    if !fields.0.is_empty() {
        keys.raw("fields", &fields.flow());
    }
    keys.flow()
}
