//! Plays a tape against a host: every connection of then is a connection now, messages go out when
//! they went out, as fast or faster, with cards of a portfolio, today's dates and fresh PIN blocks,
//! chip data and MACs.

use super::compare::{Difference, Report};
use super::file::{Line, Side, Tape};
use super::times::Shift;
use crate::card::{ChipWish, Proof, Reading};
use crate::device::MessageKeys;
use crate::exchange::{decode, plain};
use crate::gear::{Gear, MAC_LEN};
use crate::intent::{Fields, encode};
use crate::moment::{DEFAULT_ZONE, Zone};
use crate::portfolio::{Card, Terminal};
use crate::private::{self, Group, PrivateData};
use crate::{Endpoint, Link, Portfolio, SimError};
use iso8583::{Dialect, FieldValue, Message};
use payment_types::{Moment, Mti, Pan};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as then.
    Times(f64),
    /// Each message as soon as the one before it is answered.
    Unhurried,
}

/// See the module.
pub struct Player<'p> {
    /// Where to.
    pub endpoint: Endpoint,
    /// Cards and terminals with their keys.
    pub portfolio: &'p Portfolio,
    /// How fast.
    pub speed: Speed,
    /// Whether dates stay those of then.
    pub keep_times: bool,
    /// How long to wait for an answer.
    pub patience: Duration,
}

/// A message with the answer it got then.
struct Played<'t> {
    number: usize,
    line: &'t Line,
    mti: Mti,
    fields: Fields,
    then: Option<(Mti, Fields)>,
}

/// Message type and trace number: what an answer is known by.
type Key = (u16, String);

impl Player<'_> {
    /// Plays it; `progress` is told how many messages are done.
    ///
    /// # Errors
    /// [`SimError`] if the host can't be reached or a message can't be built.
    pub fn play(&self, tape: &Tape, progress: &(dyn Fn(usize) + Sync)) -> Result<Report, SimError> {
        let recorded_at = tape.header.recorded_at.parse::<jiff::Timestamp>();
        let recorded_at = recorded_at
            .map_err(|_| SimError::Setting("the tape does not say when it began".to_owned()))?;
        let shift = (!self.keep_times).then(|| Shift::since(recorded_at));
        let cards = self.cards(tape)?;
        let mut connections = self.messages(tape)?;
        let report =
            Mutex::new(Report { left_out: leave_out(&mut connections), ..Report::default() });
        let gear = Mutex::new(Gear::default());
        let began = Instant::now();
        let first = connections.values().flatten().map(|played| played.line.at_us).min();
        let context = Context { player: self, shift, cards: &cards, gear: &gear, began };
        let done = Mutex::new(0);
        std::thread::scope(|scope| {
            let threads: Vec<_> = connections
                .into_values()
                .map(|messages| {
                    let (context, report, done) = (&context, &report, &done);
                    scope.spawn(move || {
                        context.connection(messages, first.unwrap_or(0), |difference| {
                            lock(report).take(difference);
                            let mut count = lock(done);
                            *count += 1;
                            progress(*count);
                        })
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(SimError::Setting("a player failed".into())))
            })
        })?;
        let mut report = report.into_inner().unwrap_or_default();
        report.differences.sort_by_key(|difference| difference.number);
        Ok(report)
    }

    /// Requests by connection, each with its answer of then.
    fn messages<'t>(&self, tape: &'t Tape) -> Result<BTreeMap<u32, Vec<Played<'t>>>, SimError> {
        let dialect = tape.header.endpoint("")?;
        let mut answers: BTreeMap<(u32, Key), Vec<(Mti, Fields)>> = BTreeMap::new();
        let mut requests = Vec::new();
        for (line, number) in tape.lines.iter().zip(1..) {
            let (mti, fields) = decode(dialect.dialect(), &line.message)?;
            match line.from {
                Side::Terminal => requests.push((line, number, mti, fields)),
                Side::Host => {
                    let key = (line.connection, (mti.number(), stan(&fields)));
                    answers.entry(key).or_default().push((mti, fields));
                }
            }
        }
        let mut connections: BTreeMap<u32, Vec<Played<'t>>> = BTreeMap::new();
        for (line, number, mti, fields) in requests {
            let key = mti.response().map(|mti| (line.connection, (mti.number(), stan(&fields))));
            let list = key.and_then(|key| answers.get_mut(&key)).filter(|list| !list.is_empty());
            let then = list.map(|list| list.remove(0));
            let played = Played { number, line, mti, fields, then };
            connections.entry(line.connection).or_default().push(played);
        }
        Ok(connections)
    }

    /// Which card of the portfolio plays which number of the tape: its own where it has it, else
    /// the next active one.
    fn cards(&self, tape: &Tape) -> Result<BTreeMap<String, &Card>, SimError> {
        let endpoint = tape.header.endpoint("")?;
        let own = |number: &str| {
            let pan = Pan::from_ascii(number.as_bytes()).ok()?;
            self.portfolio.cards.values().find(|card| card.pan == pan)
        };
        let is_good = |card: &&Card| &*card.status == "active" && card.blocks.is_empty();
        let mut spare = self.portfolio.cards.values().filter(is_good);
        let mut cards = BTreeMap::new();
        for line in tape.lines.iter().filter(|line| line.from == Side::Terminal) {
            let (_, fields) = decode(endpoint.dialect(), &line.message)?;
            let Some(number) = number_of(&fields) else { continue };
            if cards.contains_key(&number) {
                continue;
            }
            let card = own(&number).or_else(|| spare.next()).ok_or_else(|| {
                let cause = "the tape has more cards than the portfolio has active ones";
                SimError::Setting(cause.to_owned())
            })?;
            cards.insert(number, card);
        }
        Ok(cards)
    }
}

/// Takes key exchanges out; how many there were.
fn leave_out(connections: &mut BTreeMap<u32, Vec<Played<'_>>>) -> usize {
    let is_exchange = |played: &Played<'_>| {
        played.mti.digits()[1] == 8
            && matches!(text(&played.fields, 70).as_deref(), Some("101" | "161" | "162"))
    };
    let before: usize = connections.values().map(Vec::len).sum();
    connections.values_mut().for_each(|list| list.retain(|played| !is_exchange(played)));
    before - connections.values().map(Vec::len).sum::<usize>()
}

/// What the connections share.
struct Context<'p> {
    player: &'p Player<'p>,
    shift: Option<Shift>,
    cards: &'p BTreeMap<String, &'p Card>,
    gear: &'p Mutex<Gear>,
    began: Instant,
}

impl Context<'_> {
    fn connection(
        &self,
        messages: Vec<Played<'_>>,
        first: u64,
        mut take: impl FnMut(Difference),
    ) -> Result<(), SimError> {
        let mut link = Link::connect(&self.player.endpoint)?;
        let mut open: Vec<(Key, Difference)> = Vec::new();
        for played in messages {
            match self.player.speed {
                Speed::Times(times) => {
                    let at = Duration::from_micros(played.line.at_us - first).div_f64(times);
                    let due = self.began + at;
                    while Instant::now() < due
                        && self.answered(&mut link, &mut open, due, &mut take)?
                    {
                    }
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                Speed::Unhurried => {
                    let deadline = Instant::now() + self.player.patience;
                    while !open.is_empty()
                        && self.answered(&mut link, &mut open, deadline, &mut take)?
                    {
                    }
                }
            }
            let (mti, fields, body) = self.dressed(&played)?;
            link.send(&body)?;
            let difference = Difference {
                number: played.number,
                request: (mti, fields.clone()),
                then: played.then,
                now: None,
            };
            match mti.response() {
                Some(answer) => open.push(((answer.number(), stan(&fields)), difference)),
                None => take(difference),
            }
        }
        let deadline = Instant::now() + self.player.patience;
        while !open.is_empty() && self.answered(&mut link, &mut open, deadline, &mut take)? {}
        open.into_iter().for_each(|(_, difference)| take(difference));
        Ok(())
    }

    /// Waits for one answer; `false` if none came by the deadline or nothing is awaited.
    fn answered(
        &self,
        link: &mut Link,
        open: &mut Vec<(Key, Difference)>,
        deadline: Instant,
        take: &mut impl FnMut(Difference),
    ) -> Result<bool, SimError> {
        if open.is_empty() {
            return Ok(false);
        }
        let frame = match link.receive(deadline) {
            Ok(Some(frame)) => frame,
            Ok(None) | Err(SimError::Closed(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let (mti, fields) = decode(self.player.endpoint.dialect(), &frame.body)?;
        let key = (mti.number(), stan(&fields));
        if let Some(at) = open.iter().position(|(awaited, _)| *awaited == key) {
            let (_, mut difference) = open.remove(at);
            difference.now = Some((mti, fields));
            take(difference);
        }
        Ok(true)
    }

    /// The message as it goes out now.
    fn dressed(&self, played: &Played<'_>) -> Result<(Mti, Fields, Vec<u8>), SimError> {
        let dialect = self.player.endpoint.dialect();
        let mut fields = played.fields.clone();
        if let Some(shift) = &self.shift {
            shift.message(&mut fields, dialect.version());
        }
        let number = number_of(&fields);
        let card = number.and_then(|number| self.cards.get(&number).copied());
        if let Some(card) = card {
            show_card(card, &mut fields);
        }
        let terminal = text(&fields, 41);
        let terminal = terminal.and_then(|id| self.player.portfolio.terminals.get(id.as_str()));
        let Some(terminal) = terminal else {
            let body = encode(dialect, played.mti, &fields)?;
            return Ok((played.mti, fields, body));
        };
        let body = self.secured((card, terminal), played.mti, &mut fields, dialect)?;
        Ok((played.mti, fields, body))
    }

    /// Fresh PIN block, chip data and MAC where there were some.
    fn secured(
        &self,
        (card, terminal): (Option<&Card>, &Terminal),
        mti: Mti,
        fields: &mut Fields,
        dialect: &Dialect,
    ) -> Result<Vec<u8>, SimError> {
        let mut gear = lock(self.gear);
        fields.retain(|de, _| !matches!(de, 64 | 128));
        let typed = card.and_then(|card| Some((card, card.pin.as_ref()?)));
        let typed = typed.filter(|_| fields.contains_key(&52));
        let mac = gear.devices.of(terminal).mac_wish(None) == Some(Proof::Right);
        let keys = match mac || typed.is_some() {
            true => Some(gear.devices.of(terminal).next_keys(None)?),
            false => None,
        };
        let mut private = PrivateData::default();
        if let Some(serial) = keys.as_ref().and_then(MessageKeys::serial) {
            private.set(Group::KeySerial, hex::encode_upper(serial));
        }
        if let (Some((card, pin)), Some(keys)) = (typed, &keys) {
            let block = keys.pin_block(pin, &card.pan, &[0x5A; 16])?;
            fields.remove(&52);
            if block.len() == 8 {
                fields.insert(52, FieldValue::Binary(block));
            } else {
                private.set(Group::PinBlock, hex::encode_upper(block));
            }
        }
        if let Some(card) = card.filter(|card| card.issue.keys.has("imk_ac"))
            && fields.contains_key(&55)
        {
            let zone = Zone::named(DEFAULT_ZONE)?;
            let reading = reading(terminal, fields, zone.now());
            let record = gear.wallet.read(card, &reading, &ChipWish::default())?;
            fields.insert(55, FieldValue::Binary(record.data));
        }
        if !private.is_empty() {
            fields.insert(private::ELEMENT, FieldValue::Text(private.text()));
        }
        let Some(keys) = keys.filter(|_| mac) else { return encode(dialect, mti, fields) };
        let element = if fields.keys().any(|de| *de > 64) { 128 } else { 64 };
        fields.insert(element, FieldValue::Binary(vec![0; MAC_LEN]));
        let unsigned = encode(dialect, mti, fields)?;
        let length = Message::parse(dialect, &unsigned)?.raw(element).map_or(0, <[u8]>::len);
        let signed = unsigned.get(..unsigned.len().saturating_sub(length)).unwrap_or_default();
        fields.insert(element, FieldValue::Binary(keys.request_mac(signed)?.to_vec()));
        encode(dialect, mti, fields)
    }
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

fn reading<'a>(terminal: &'a Terminal, fields: &Fields, local: Moment) -> Reading<'a> {
    let digits = |element| text(fields, element).and_then(|text| text.parse::<u64>().ok());
    let kind = text(fields, 3).and_then(|code| u8::from_str_radix(code.get(..2)?, 16).ok());
    let [.., a, b, c, d] = digits(11).unwrap_or_default().to_be_bytes();
    Reading {
        terminal,
        amount: digits(4).unwrap_or_default(),
        currency: digits(49).and_then(|code| u16::try_from(code).ok()).unwrap_or(417),
        kind: kind.unwrap_or_default(),
        local,
        contactless: text(fields, 22).is_some_and(|mode| mode.starts_with("07")),
        with_pin: fields.contains_key(&52),
        unpredictable: [a, b, c, d],
    }
}

fn number_of(fields: &Fields) -> Option<String> {
    let track = || text(fields, 35)?.split(['=', 'D', 'd']).next().map(ToOwned::to_owned);
    text(fields, 2).or_else(track).filter(|number| !number.is_empty())
}

fn text(fields: &Fields, element: u8) -> Option<String> {
    fields.get(&element).map(plain)
}

fn stan(fields: &Fields) -> String {
    text(fields, 11).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
