//! Plays a tape against a host: every connection of then is a connection now, messages go out when
//! they went out, as fast or faster, with cards of a portfolio, today's dates and fresh PIN blocks,
//! chip data and MACs.

use super::compare::{Difference, Report};
use super::file::{Line, Side, Tape};
use super::redress::{Ready, Wardrobe, number_of, text};
use super::times::Shift;
use crate::exchange::decode;
use crate::gear::Gear;
use crate::intent::Fields;
use crate::portfolio::Card;
use crate::{Endpoint, Link, Portfolio, SimError};
use payment_types::{Mti, Pan};
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as then.
    Times(f64),
    /// Each message as soon as all that were answered before it then are answered now.
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
    /// The chips' counters and the devices' keys; they go on from one tape to the next.
    pub gear: Mutex<Gear>,
}

/// A message with the answer it got then.
pub(super) struct Played<'t> {
    number: usize,
    line: &'t Line,
    pub(super) mti: Mti,
    pub(super) fields: Fields,
    pub(super) then: Option<(Mti, Fields)>,
    /// When its answer came then, if one came.
    answered_us: Option<u64>,
}

/// Message type and trace number: what an answer is known by.
type Key = (u16, String);
/// An answer, and when it came.
type At = (u64, (Mti, Fields));

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
        let wardrobe =
            Wardrobe::new((self.portfolio, self.endpoint.dialect()), (cards, shift), &self.gear);
        let left_out = leave_out(&mut connections, &wardrobe);
        let report = Mutex::new(Report { left_out, ..Report::default() });
        let began = Instant::now();
        let first = connections.values().flatten().map(|played| played.line.at_us).min();
        let turns = Turns::of(connections.values().flatten());
        let context = Context { player: self, wardrobe, began, turns };
        let done = Mutex::new(0);
        std::thread::scope(|scope| {
            let threads: Vec<_> = connections
                .into_values()
                .map(|messages| {
                    let (context, report, done) = (&context, &report, &done);
                    scope.spawn(move || {
                        let all: Vec<usize> = messages.iter().map(|one| one.number).collect();
                        let played = context.connection(messages, first.unwrap_or(0), |one| {
                            context.turns.is_done(one.number);
                            lock(report).take(one);
                            let mut count = lock(done);
                            *count += 1;
                            progress(*count);
                        });
                        // Nobody waits for a connection that is gone.
                        all.into_iter().for_each(|number| context.turns.is_done(number));
                        played
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

    /// Writes down what chips and terminals keep, if that is in files.
    ///
    /// # Errors
    /// [`SimError::File`].
    pub fn keep(&self) -> Result<(), SimError> {
        lock(&self.gear).keep()
    }

    /// Requests by connection, each with its answer of then.
    fn messages<'t>(&self, tape: &'t Tape) -> Result<BTreeMap<u32, Vec<Played<'t>>>, SimError> {
        let dialect = tape.header.endpoint("")?;
        let mut answers: BTreeMap<(u32, Key), Vec<At>> = BTreeMap::new();
        let mut requests = Vec::new();
        for (line, number) in tape.lines.iter().zip(1..) {
            let (mti, fields) = decode(dialect.dialect(), &line.message)?;
            match line.from {
                Side::Terminal => requests.push((line, number, mti, fields)),
                Side::Host => {
                    let key = (line.connection, (mti.number(), stan(&fields)));
                    answers.entry(key).or_default().push((line.at_us, (mti, fields)));
                }
            }
        }
        let mut connections: BTreeMap<u32, Vec<Played<'t>>> = BTreeMap::new();
        for (line, number, mti, fields) in requests {
            let key = mti.response().map(|mti| (line.connection, (mti.number(), stan(&fields))));
            let list = key.and_then(|key| answers.get_mut(&key)).filter(|list| !list.is_empty());
            let (answered_us, then) = list.map(|list| list.remove(0)).unzip();
            let played = Played { number, line, mti, fields, then, answered_us };
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

/// Takes out the key exchanges that can't be made anew; how many there were.
fn leave_out(connections: &mut BTreeMap<u32, Vec<Played<'_>>>, wardrobe: &Wardrobe<'_>) -> usize {
    let before: usize = connections.values().map(Vec::len).sum();
    connections.values_mut().for_each(|list| list.retain(|played| wardrobe.can_make(played)));
    before - connections.values().map(Vec::len).sum::<usize>()
}

/// What the connections share.
struct Context<'p> {
    player: &'p Player<'p>,
    wardrobe: Wardrobe<'p>,
    began: Instant,
    turns: Turns,
}

/// Who comes after whom where no clock says it: a message goes out when all that had their answers
/// before it then have them now.
struct Turns {
    /// Messages without an answer now, with when they had one then.
    open: Mutex<BTreeMap<usize, u64>>,
    changed: Condvar,
}

impl Turns {
    fn of<'t>(messages: impl Iterator<Item = &'t Played<'t>>) -> Self {
        let answered = messages.filter_map(|one| Some((one.number, one.answered_us?)));
        Self { open: Mutex::new(answered.collect()), changed: Condvar::new() }
    }

    fn is_done(&self, number: usize) {
        lock(&self.open).remove(&number);
        self.changed.notify_all();
    }

    /// Waits for the turn of a message that was sent then.
    fn wait(&self, at_us: u64) {
        let mut open = lock(&self.open);
        while open.values().any(|answered| *answered <= at_us) {
            open = self.changed.wait(open).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

/// A message on its way, known by its answer's type and trace number.
type Open = (Key, Ready, Difference);

impl Context<'_> {
    fn connection(
        &self,
        messages: Vec<Played<'_>>,
        first: u64,
        mut take: impl FnMut(Difference),
    ) -> Result<(), SimError> {
        let mut link = Link::connect(&self.player.endpoint)?;
        let mut open: Vec<Open> = Vec::new();
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
                    // What got no answer in time gets none any more.
                    open.drain(..).for_each(|(.., difference)| take(difference));
                    self.turns.wait(played.line.at_us);
                }
            }
            let ready = self.wardrobe.dress(&played)?;
            link.send(&ready.body)?;
            let difference = Difference {
                number: played.number,
                request: (ready.mti, ready.fields.clone()),
                then: played.then,
                now: None,
                proven: true,
            };
            match ready.mti.response() {
                Some(answer) => {
                    open.push(((answer.number(), stan(&ready.fields)), ready, difference));
                }
                None => take(difference),
            }
        }
        let deadline = Instant::now() + self.player.patience;
        while !open.is_empty() && self.answered(&mut link, &mut open, deadline, &mut take)? {}
        open.into_iter().for_each(|(.., difference)| take(difference));
        Ok(())
    }

    /// Waits for one answer; `false` if none came by the deadline or nothing is awaited.
    fn answered(
        &self,
        link: &mut Link,
        open: &mut Vec<Open>,
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
        if let Some(at) = open.iter().position(|(awaited, ..)| *awaited == key) {
            let (_, ready, mut difference) = open.remove(at);
            let body = frame.body.to_vec();
            difference.proven =
                self.wardrobe.hear(&ready, difference.then.as_ref(), (mti, &fields), body)?;
            difference.now = Some((mti, fields));
            take(difference);
        }
        Ok(true)
    }
}

fn stan(fields: &Fields) -> String {
    text(fields, 11).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
