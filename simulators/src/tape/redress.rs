//! A recorded message as it goes out now: another card in place of the recorded one, today's dates,
//! and everything that keys make made anew with the keys of the portfolio: PIN blocks, chip data,
//! verification values, 3-D Secure, MACs, exchanged keys.
//!
//! What was false then is false now only where the answer of then tells it: a wrong PIN (55), a
//! wrong MAC (63), a wrong CAVV (1A). A recording does not say what else was false.

use super::player::Played;
use super::times::Shift;
use crate::card::values::{self, TrackReader};
use crate::card::{ChipRecord, ChipWish, CommerceWish, Proof, Reading};
use crate::device::{Exchange, KeyUse, MessageKeys, Pending};
use crate::exchange::{Answer, approves, plain};
use crate::gear::{Gear, Seals};
use crate::intent::{Fields, Trace, is_chip, mode_of_data_code};
use crate::moment::{DEFAULT_ZONE, Zone};
use crate::pin::TypedPin;
use crate::portfolio::{Card, Terminal};
use crate::private::{self, Group, PrivateData};
use crate::{Portfolio, SimError};
use iso8583::{Dialect, FieldValue};
use payment_types::{Class, Moment, Mti};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// DE 52 holds eight bytes; a longer block goes into the private data.
const PIN_BLOCK_LEN: usize = 8;
/// What a PIN block that leaves something open is filled with.
const FILLING: [u8; 16] = [0x5A; 16];
/// Elements that the host names as it likes: reference number and approval code.
const NAMED_BY_HOST: [u8; 2] = [37, 38];

/// Terminal and trace number.
type Name = (String, String);

/// See the module.
pub(super) struct Wardrobe<'p> {
    portfolio: &'p Portfolio,
    dialect: &'p Dialect,
    /// Which card plays which number of the tape.
    cards: BTreeMap<String, &'p Card>,
    shift: Option<Shift>,
    gear: &'p Mutex<Gear>,
    kept: Mutex<Kept>,
}

/// What later messages need of earlier ones.
#[derive(Default)]
struct Kept {
    /// As it went out, for its repeats.
    sent: BTreeMap<Name, Ready>,
    /// What the host calls now what it called otherwise then.
    renamed: BTreeMap<(u8, String), String>,
    /// PINs that were changed on the way.
    pins: BTreeMap<Box<str>, TypedPin>,
    /// Keys that are on their way.
    pending: BTreeMap<Name, Pending>,
}

/// A message ready to be sent.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) mti: Mti,
    pub(super) fields: Fields,
    pub(super) body: Vec<u8>,
    seals: Seals,
    new_pin: Option<(Box<str>, TypedPin)>,
}

/// What keys added to a message.
#[derive(Default)]
struct Proven {
    mac: Option<(MessageKeys, Proof)>,
    chip: Option<ChipRecord>,
    new_pin: Option<(Box<str>, TypedPin)>,
}

impl<'p> Wardrobe<'p> {
    pub(super) fn new(
        (portfolio, dialect): (&'p Portfolio, &'p Dialect),
        (cards, shift): (BTreeMap<String, &'p Card>, Option<Shift>),
        gear: &'p Mutex<Gear>,
    ) -> Self {
        Self { portfolio, dialect, cards, shift, gear, kept: Mutex::default() }
    }

    /// Whether it can be said now: a key exchange only where the terminal's master key is known,
    /// and the tape says which key it was about.
    pub(super) fn can_make(&self, played: &Played<'_>) -> bool {
        if !is_exchange(played) {
            return true;
        }
        let terminal = self.terminal(&played.fields);
        key_of(&played.fields).is_some() && terminal.is_some_and(|known| known.keys.has("tmk"))
    }

    /// The message as it goes out now.
    pub(super) fn dress(&self, played: &Played<'_>) -> Result<Ready, SimError> {
        let name = name_of(&played.fields);
        let mut kept = lock(&self.kept);
        let is_same = |first: &&Ready| first.mti == played.mti.without_repeat();
        if played.mti.is_repeat()
            && let Some(first) = kept.sent.get(&name).filter(is_same)
        {
            let mti = played.mti;
            let body = first.seals.encode(self.dialect, mti, &first.fields)?;
            return Ok(Ready { mti, body, ..first.clone() });
        }
        let ready = match self.terminal(&played.fields).filter(|_| is_exchange(played)) {
            Some(terminal) => self.exchange(&mut kept, played, terminal, &name)?,
            None => self.message(&mut kept, played)?,
        };
        kept.sent.insert(name, ready.clone());
        Ok(ready)
    }

    fn message(&self, kept: &mut Kept, played: &Played<'_>) -> Result<Ready, SimError> {
        let mut fields = played.fields.clone();
        if let Some(shift) = &self.shift {
            shift.message(&mut fields, self.dialect.version());
        }
        for element in NAMED_BY_HOST {
            let now = text(&fields, element).and_then(|then| kept.renamed.get(&(element, then)));
            if let Some(now) = now {
                fields.insert(element, FieldValue::Text(now.clone()));
            }
        }
        let number = number_of(&fields);
        let card = number.and_then(|number| self.cards.get(&number).copied());
        if let Some(card) = card {
            show_card(card, &mut fields);
        }
        let proven = match self.terminal(&fields) {
            Some(terminal) => self.prove(kept, (card, terminal), played, &mut fields)?,
            None => Proven::default(),
        };
        let seals = Seals::of(proven.mac, proven.chip);
        let body = seals.encode(self.dialect, played.mti, &fields)?;
        Ok(Ready { mti: played.mti, fields, body, seals, new_pin: proven.new_pin })
    }

    /// A new working key, asked for or delivered under the master key of now.
    fn exchange(
        &self,
        kept: &mut Kept,
        played: &Played<'_>,
        terminal: &Terminal,
        name: &Name,
    ) -> Result<Ready, SimError> {
        let now = Zone::named(DEFAULT_ZONE)?.now();
        let trace = Trace::fresh(name.1.parse().unwrap_or_default(), now);
        let (key, deliver) = key_of(&played.fields).unwrap_or_default();
        let check_value = told(played, &["63", "122"]);
        let exchange = Exchange { deliver, check_value, ..Exchange::of(key) };
        let version = self.dialect.version();
        let (dressed, pending) =
            lock(self.gear).ask_for_key(terminal, &trace, &exchange, version)?;
        kept.pending.insert(name.clone(), pending);
        let body = dressed.encode(self.dialect)?;
        let (mti, fields, seals) = dressed.into_parts();
        Ok(Ready { mti, fields, body, seals, new_pin: None })
    }

    /// Fresh PIN block, chip data, values and MAC where there were some.
    fn prove(
        &self,
        kept: &Kept,
        (card, terminal): (Option<&Card>, &Terminal),
        played: &Played<'_>,
        fields: &mut Fields,
    ) -> Result<Proven, SimError> {
        let mut gear = lock(self.gear);
        fields.retain(|de, _| !matches!(de, 64 | 128));
        let recorded = PrivateData::of(fields);
        let mut private = PrivateData::default();
        let device = gear.devices.of(terminal);
        let mac = device.mac_wish(None).map(|_| told(played, &["63", "122"]));
        let pins = card.and_then(|card| kept.pins.get(&card.id).or(card.pin.as_ref()));
        let has_pin = fields.contains_key(&52) || recorded.get(Group::PinBlock).is_some();
        let typed = card.zip(pins).filter(|_| has_pin);
        let keys = match mac.is_some() || typed.is_some() {
            true => Some(device.next_keys(None)?),
            false => None,
        };
        if let Some(serial) = keys.as_ref().and_then(MessageKeys::serial) {
            private.set(Group::KeySerial, hex::encode_upper(serial));
        }
        let mut new_pin = None;
        if let (Some((card, pin)), Some(keys)) = (typed, &keys) {
            let is_wrong = told(played, &["55", "75", "117", "106"]) == Proof::Wrong;
            let entered = if is_wrong { pin.wrong() } else { pin.clone() };
            let block = keys.pin_block(&entered, &card.pan, &FILLING)?;
            fields.remove(&52);
            if block.len() == PIN_BLOCK_LEN {
                fields.insert(52, FieldValue::Binary(block));
            } else {
                private.set(Group::PinBlock, hex::encode_upper(block));
            }
            if recorded.get(Group::NewPin).is_some() {
                let wanted = pin.next();
                let block = keys.pin_block(&wanted, &card.pan, &FILLING)?;
                private.set(Group::NewPin, hex::encode_upper(block));
                new_pin = Some((card.id.clone(), wanted));
            }
        }
        let chip = match card {
            Some(card) => {
                values_of(card, (played, &recorded), fields, &mut private)?;
                self.chip(&mut gear, (card, terminal), fields)?
            }
            None => None,
        };
        if !private.is_empty() {
            fields.insert(private::ELEMENT, FieldValue::Text(private.text()));
        }
        Ok(Proven { mac: keys.zip(mac), chip, new_pin })
    }

    /// DE 55 with a cryptogram of the card's own, and track 2 as the card has it.
    fn chip(
        &self,
        gear: &mut Gear,
        (card, terminal): (&Card, &Terminal),
        fields: &mut Fields,
    ) -> Result<Option<ChipRecord>, SimError> {
        let mode = entry_mode(fields, self.dialect.version()).unwrap_or_default();
        let trace = trace_bytes(fields);
        if let Some(FieldValue::Text(track)) = fields.get_mut(&35)
            && let Some(reader) = reader_of(card, &mode, gear, trace)
        {
            *track = values::track2(card, reader, Proof::Right)?;
        }
        if !fields.contains_key(&55) || !card.issue.keys.has("imk_ac") {
            return Ok(None);
        }
        let zone = Zone::named(DEFAULT_ZONE)?;
        let reading = reading(terminal, fields, &mode, zone.now());
        let record = gear.wallet.read(card, &reading, &ChipWish::default())?;
        fields.insert(55, FieldValue::Binary(record.data.clone()));
        Ok(Some(record))
    }

    /// Takes in the answer: what the host calls things, delivered keys, scripts. Whether its MAC and
    /// the issuer's cryptogram are right, where it has them.
    pub(super) fn hear(
        &self,
        ready: &Ready,
        then: Option<&(Mti, Fields)>,
        (mti, fields): (Mti, &Fields),
        body: Vec<u8>,
    ) -> Result<bool, SimError> {
        let mut kept = lock(&self.kept);
        let code = text(fields, 39).unwrap_or_default();
        for element in NAMED_BY_HOST {
            let before = then.and_then(|(_, fields)| text(fields, element));
            if let (Some(before), Some(now)) = (before, text(fields, element)) {
                kept.renamed.insert((element, before), now);
            }
        }
        if let Some((card, pin)) = ready.new_pin.clone().filter(|_| approves(&code)) {
            kept.pins.insert(card, pin);
        }
        let answer = Answer { mti, fields: fields.clone(), body, took: Duration::ZERO };
        let mut gear = lock(self.gear);
        let verdict = gear.hear_sealed(&ready.seals, self.dialect, &answer)?;
        let mut is_proven = verdict.mac != Proof::Wrong && verdict.arpc != Proof::Wrong;
        if let Some(pending) = kept.pending.remove(&name_of(&ready.fields))
            && approves(&code)
            && let Some(terminal) = self.terminal(&ready.fields)
        {
            is_proven &= gear.take_key(terminal, pending, &answer).is_ok();
        }
        Ok(is_proven)
    }

    fn terminal(&self, fields: &Fields) -> Option<&'p Terminal> {
        self.portfolio.terminals.get(text(fields, 41)?.as_str())
    }
}

/// How a track was read whose value can be made anew.
fn reader_of(card: &Card, mode: &str, gear: &mut Gear, trace: [u8; 4]) -> Option<TrackReader> {
    let has = |key| card.issue.keys.has(key);
    if mode.starts_with("91") {
        let [.., digit] = trace;
        return has("cvc3").then(|| TrackReader::Contactless(gear.wallet.next(card), digit));
    }
    let reader = if is_chip(mode) { TrackReader::Chip } else { TrackReader::Stripe };
    has("cvk").then_some(reader)
}

/// CVV2 and what an access control server says.
fn values_of(
    card: &Card,
    (played, recorded): (&Played<'_>, &PrivateData),
    fields: &Fields,
    private: &mut PrivateData,
) -> Result<(), SimError> {
    let has = |key| card.issue.keys.has(key);
    if recorded.get(Group::Cvv2).is_some() && has("cvk") {
        private.set(Group::Cvv2, values::cvv2(card, Proof::Right)?);
    }
    let Some(eci) = recorded.get(Group::CommerceIndicator) else { return Ok(()) };
    private.set(Group::CommerceIndicator, eci);
    if let Some(value) = recorded.get(Group::Authentication) {
        // The control byte of an AAV in base64; a CAVV begins with a result code.
        let aav = value.starts_with('j') && has("aav");
        if aav || has("cavk") {
            let wish = CommerceWish { eci: eci.to_owned(), value: told(played, &["1A"]), aav };
            let number = u32::from_be_bytes(trace_bytes(fields));
            private.set(Group::Authentication, values::authentication(card, &wish, number)?);
        }
    }
    Ok(())
}

/// Wrong where the answer of then was one of these.
fn told(played: &Played<'_>, codes: &[&str]) -> Proof {
    let code = played.then.as_ref().and_then(|(_, fields)| text(fields, 39));
    let is_wrong = code.is_some_and(|code| codes.contains(&code.as_str()));
    if is_wrong { Proof::Wrong } else { Proof::Right }
}

/// A request for a working key, or one with a key in it.
fn is_exchange(played: &Played<'_>) -> bool {
    let version = played.mti.digits()[0];
    let function = text(&played.fields, 24).filter(|_| version > 0);
    played.mti.class() == Class::NetworkManagement
        && (matches!(text(&played.fields, 70).as_deref(), Some("101" | "161" | "162"))
            || function.as_deref() == Some("811"))
}

/// Which key an exchange is about, and whether the terminal made it.
fn key_of(fields: &Fields) -> Option<(KeyUse, bool)> {
    let data = PrivateData::of(fields);
    let key = match data.get(Group::KeyUse)? {
        "P" => KeyUse::Pin,
        "M" => KeyUse::Mac,
        _ => return None,
    };
    Some((key, data.get(Group::KeyBlock).is_some()))
}

/// Number, expiry and sequence of the card that plays.
fn show_card(card: &Card, fields: &mut Fields) {
    let number = String::from_utf8_lossy(card.pan.expose_digits()).into_owned();
    let put = |fields: &mut Fields, element: u8, value: String| {
        if fields.contains_key(&element) {
            fields.insert(element, FieldValue::Text(value));
        }
    };
    put(fields, 2, number.clone());
    put(fields, 14, format!("{:04}", card.expiry));
    put(fields, 23, format!("{:03}", card.sequence));
    put(fields, 35, format!("{number}={:04}{}", card.expiry, card.service_code));
}

fn reading<'a>(terminal: &'a Terminal, fields: &Fields, mode: &str, local: Moment) -> Reading<'a> {
    let digits = |element| text(fields, element).and_then(|text| text.parse::<u64>().ok());
    let kind = text(fields, 3).and_then(|code| u8::from_str_radix(code.get(..2)?, 16).ok());
    Reading {
        terminal,
        amount: digits(4).unwrap_or_default(),
        currency: digits(49).and_then(|code| u16::try_from(code).ok()).unwrap_or(417),
        kind: kind.unwrap_or_default(),
        local,
        contactless: mode.starts_with("07"),
        with_pin: fields.contains_key(&52),
        unpredictable: trace_bytes(fields),
    }
}

/// What differs from message to message, in place of something thrown in by chance.
fn trace_bytes(fields: &Fields) -> [u8; 4] {
    let stan = text(fields, 11).and_then(|text| text.parse::<u32>().ok());
    stan.unwrap_or_default().to_be_bytes()
}

/// DE 22 as three digits of the 1987 edition.
fn entry_mode(fields: &Fields, version: u8) -> Option<String> {
    let told = text(fields, 22)?;
    if version == 0 { Some(told) } else { mode_of_data_code(&told).map(str::to_owned) }
}

pub(super) fn number_of(fields: &Fields) -> Option<String> {
    let track = || text(fields, 35)?.split(['=', 'D', 'd']).next().map(ToOwned::to_owned);
    text(fields, 2).or_else(track).filter(|number| !number.is_empty())
}

fn name_of(fields: &Fields) -> Name {
    (text(fields, 41).unwrap_or_default(), text(fields, 11).unwrap_or_default())
}

pub(super) fn text(fields: &Fields, element: u8) -> Option<String> {
    fields.get(&element).map(plain)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
