//! One connection whose every answer is judged.
//!
//! The lane speaks for households of its own. Of a household only one message is on its way at a
//! time, so that exactly one answer is right; hot ones have several, and then several answers are.
//! What becomes of a message whose answer is lost is settled as a terminal does: it is sent again,
//! or taken back, until that is answered.

use super::Shop;
use super::judge::{Judge, Slack};
use super::request::{Act, Pin, Request};
use super::world::{Household, Reply, Said};
use crate::chaos::{Fates, Fault, Storm};
use crate::device::Devices;
use crate::gear::Gear;
use crate::load::lane::{Frame, Order, Talk};
use crate::load::popularity::Picker;
use crate::load::stats::{Tally, code};
use crate::report::Finding;
use crate::show::side_by_side;
use iso8583::Message;
use payment_types::Mti;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

/// A message that was not answered so often is given up.
const ATTEMPTS_MAX: u8 = 20;
/// On their way to one hot account at a time.
pub(super) const HOT_MAX: usize = 6;
const MS: u64 = 1_000_000;

/// Why a message is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// For itself.
    First,
    /// Its answer was lost; this is what the lane saw of it and the terminal did not.
    Again(Option<Reply>),
    /// It takes back one whose answer was lost.
    Undo(Option<Reply>),
    /// It is broken: the host must refuse it, and the right one comes after.
    Garbage,
    /// It takes back what comes after it.
    Ahead,
}

/// A message on its way.
pub(super) struct Flight {
    pub(super) request: Box<Request>,
    pub(super) purpose: Purpose,
    /// What it is about, where that is not itself.
    pub(super) original: Option<Box<Request>>,
    intended_ns: u64,
    sent_ns: u64,
    /// Nobody laid hands on it, so that its time counts.
    timed: bool,
    /// The terminal will not hear the answer.
    deaf: bool,
    /// Two answers will come.
    twice: bool,
    attempt: u8,
}

impl Flight {
    /// What a broken message is answered with: one with a MAC is not even looked at.
    fn refusal(&self) -> &'static str {
        if self.request.seals.has_mac() { "63" } else { "30" }
    }
}

/// A message to be sent later.
pub(super) struct Planned {
    pub(super) request: Box<Request>,
    pub(super) purpose: Purpose,
    pub(super) original: Option<Box<Request>>,
    pub(super) intended_ns: u64,
    pub(super) attempt: u8,
}

/// A connection with an oracle.
pub(crate) struct JudgedLane {
    pub(super) shop: Arc<Shop>,
    pub(super) households: Vec<Household>,
    pub(super) picker: Picker,
    pub(super) dice: ChaCha8Rng,
    /// The chips' counters and the terminals' keys.
    pub(super) gear: Gear,
    fates: Option<Fates>,
    stans: Range<u32>,
    next_stan: u32,
    in_flight: usize,
    flights: BTreeMap<u32, Flight>,
    later: BTreeMap<(u64, u64), Planned>,
    serial: u64,
    waiting: VecDeque<u64>,
    /// Answers that must come a second time.
    echoes: BTreeMap<u32, Reply>,
    given_up: BTreeSet<u32>,
    orders: VecDeque<Order>,
    /// The connection is about to end because this lane wants it to.
    ending: bool,
    disturbed_until: u64,
    pub(super) storms: Vec<(Storm, u64, u64)>,
    out: Vec<u8>,
}

impl JudgedLane {
    pub(super) fn new(
        shop: Arc<Shop>,
        households: Vec<Household>,
        (picker, dice): (Picker, ChaCha8Rng),
        (stans, in_flight): (Range<u32>, usize),
        lane: usize,
    ) -> Self {
        let fates = shop.chaos.as_ref().map(|chaos| chaos.fates(lane));
        let storm = |storm: Storm| {
            let every = shop.chaos.as_ref()?.every(storm)?;
            let every = crate::load::nanoseconds(every);
            Some((storm, every, shop.warm_up_ns + every))
        };
        Self {
            storms: Storm::ALL.into_iter().filter_map(storm).collect(),
            next_stan: stans.start,
            shop,
            households,
            picker,
            dice,
            gear: Gear { devices: Devices::of_lane(lane), ..Gear::default() },
            fates,
            stans,
            in_flight,
            flights: BTreeMap::new(),
            later: BTreeMap::new(),
            serial: 0,
            waiting: VecDeque::new(),
            echoes: BTreeMap::new(),
            given_up: BTreeSet::new(),
            orders: VecDeque::new(),
            ending: false,
            disturbed_until: 0,
            out: Vec::with_capacity(1 << 14),
        }
    }

    /// A STAN that nothing on its way has.
    pub(super) fn stan(&mut self) -> u32 {
        loop {
            let stan = self.next_stan;
            let next = stan + 1;
            self.next_stan = if next < self.stans.end { next } else { self.stans.start };
            if !self.flights.contains_key(&stan) {
                return stan;
            }
        }
    }

    pub(super) fn home(&mut self, request: &Request) -> Option<&mut Household> {
        self.households.get_mut(request.household)
    }

    fn plan(&mut self, at_ns: u64, planned: Planned) {
        self.serial += 1;
        self.later.insert((at_ns, self.serial), planned);
    }

    /// Sends a first message, unless there is nobody free to send one for.
    fn begin(&mut self, intended_ns: u64, now_ns: u64, tally: &mut Tally) -> bool {
        let fate = self.fates.as_mut().map(Fates::next);
        let skew = fate.filter(|fate| fate.fault == Some(Fault::ClockSkew)).map(|fate| fate.salt);
        let Some(request) = self.choose(skew) else { return false };
        if let Some(home) = self.home(&request) {
            home.open += 1;
        }
        if intended_ns >= self.shop.warm_up_ns {
            tally.send(now_ns.saturating_sub(intended_ns));
        }
        let fault = fate.and_then(|fate| Some((fate.fault?, fate)));
        let fault = fault.filter(|_| !matches!(request.act, Act::Echo));
        let planned = Planned {
            request: Box::new(request),
            purpose: Purpose::First,
            original: None,
            intended_ns,
            attempt: 0,
        };
        let Some((fault, fate)) = fault else {
            self.launch(planned, now_ns, None, tally);
            return true;
        };
        *tally.checks.faults.entry(fault.name()).or_default() += 1;
        if fault != Fault::ClockSkew && intended_ns >= self.shop.warm_up_ns {
            tally.disturbed += 1;
        }
        let soon = now_ns + fate.between(10 * MS, 60 * MS);
        match fault {
            Fault::Drop => self.resolve(*planned.request, None, (intended_ns, 1), soon),
            Fault::Delay => {
                let planned = Planned { purpose: Purpose::Again(None), ..planned };
                self.plan(now_ns + fate.between(2 * MS, 200 * MS), planned);
            }
            Fault::Reorder => self.overtake(planned, now_ns, tally),
            Fault::Truncate | Fault::Corrupt
                if fault == Fault::Corrupt || self.is_cut_whole(&planned, fate) =>
            {
                self.garble(planned, fault, fate, now_ns, tally);
            }
            other => self.launch(planned, now_ns, Some((other, fate.salt)), tally),
        }
        true
    }

    /// Writes a message and waits for its answer.
    pub(super) fn launch(
        &mut self,
        planned: Planned,
        now_ns: u64,
        fault: Option<(Fault, u64)>,
        tally: &mut Tally,
    ) {
        if self.ending {
            return self.plan(now_ns + MS, planned);
        }
        let Planned { request, purpose, original, intended_ns, attempt } = planned;
        let mut frame = Vec::new();
        let body = request.body(&self.shop.endpoint);
        let framed = body.and_then(|body| self.shop.endpoint.frame(&body, &mut frame));
        if framed.is_err() {
            tally.strange += 1;
            return self.release(&request, true);
        }
        let kind = fault.map(|(fault, _)| fault);
        let timed = purpose == Purpose::First
            && kind.is_none_or(|fault| fault == Fault::ClockSkew)
            && now_ns >= self.disturbed_until;
        match fault {
            Some((Fault::Truncate, salt)) => {
                let cut = 1 + usize::try_from(salt).unwrap_or(1) % (frame.len() - 1).max(1);
                frame.truncate(cut);
                self.end(Order::HangUp);
            }
            Some((Fault::Disconnect, _)) => self.end(Order::HangUp),
            Some((Fault::HalfOpen, _)) => self.end(Order::GoSilent),
            Some((Fault::SlowReader, salt)) => {
                let time = (50 + salt % 250) * MS;
                self.orders.push_back(Order::StopReading(time));
                self.disturbed_until = now_ns + time + 50 * MS;
                self.disturb_all(tally);
            }
            Some((Fault::Duplicate, _)) => frame.extend_from_within(..),
            _ => {}
        }
        self.out.extend_from_slice(&frame);
        let flight = Flight {
            purpose,
            original,
            intended_ns,
            sent_ns: now_ns,
            timed,
            deaf: kind == Some(Fault::Lose),
            twice: kind == Some(Fault::Duplicate),
            attempt,
            request,
        };
        if flight.purpose == Purpose::First && kind.is_none() && !timed {
            tally.disturbed += u64::from(intended_ns >= self.shop.warm_up_ns);
        }
        self.flights.insert(flight.request.trace.stan, flight);
    }

    pub(super) fn end(&mut self, order: Order) {
        self.orders.push_back(order);
        self.ending = true;
    }

    /// What is on its way now is no longer timed.
    pub(super) fn disturb_all(&mut self, tally: &mut Tally) {
        for flight in self.flights.values_mut().filter(|flight| flight.timed) {
            flight.timed = false;
            tally.disturbed += u64::from(flight.intended_ns >= self.shop.warm_up_ns);
        }
    }

    /// The reversal goes first; what it takes back must be refused when it comes (TXN-2).
    fn overtake(&mut self, planned: Planned, now_ns: u64, tally: &mut Tally) {
        if !matches!(planned.request.act, Act::Debit(_) | Act::Hold) {
            return self.launch(
                Planned { purpose: Purpose::Again(None), ..planned },
                now_ns,
                None,
                tally,
            );
        }
        let stan = self.stan();
        let undo = self.shop.undo(&mut self.gear, &planned.request, &self.households, stan);
        let Some(reversal) = undo else {
            return self.launch(
                Planned { purpose: Purpose::Again(None), ..planned },
                now_ns,
                None,
                tally,
            );
        };
        let (original, intended_ns) = (Some(planned.request), planned.intended_ns);
        let request = Box::new(reversal);
        let ahead = Planned { request, purpose: Purpose::Ahead, original, intended_ns, attempt: 0 };
        self.launch(ahead, now_ns, None, tally);
    }

    /// Whether what is cut off a message leaves a frame, such as the host must refuse. A message
    /// with a MAC it must not even look at then, so that nothing would say which one it refused.
    fn is_cut_whole(&self, planned: &Planned, fate: crate::chaos::Fate) -> bool {
        fate.salt.is_multiple_of(2) && !planned.request.seals.has_mac()
    }

    /// A broken message goes first; the right one follows when that is refused.
    fn garble(
        &mut self,
        planned: Planned,
        fault: Fault,
        fate: crate::chaos::Fate,
        now_ns: u64,
        tally: &mut Tally,
    ) {
        let broken = planned.request.body(&self.shop.endpoint).ok().and_then(|body| {
            if planned.request.seals.has_mac() {
                return super::garble::tampered(body, fate.salt);
            }
            let dialect = self.shop.endpoint.dialect();
            super::garble::garbled(dialect, &body, fault == Fault::Corrupt, fate.salt)
        });
        let again = Planned { purpose: Purpose::Again(None), ..planned };
        let mut frame = Vec::new();
        let framed = broken.map(|body| self.shop.endpoint.frame(&body, &mut frame));
        if self.ending || !matches!(framed, Some(Ok(()))) {
            return self.launch(again, now_ns, None, tally);
        }
        self.out.extend_from_slice(&frame);
        let Planned { request, intended_ns, .. } = again;
        let flight = Flight {
            purpose: Purpose::Garbage,
            original: None,
            intended_ns,
            sent_ns: now_ns,
            timed: false,
            deaf: false,
            twice: false,
            attempt: 0,
            request,
        };
        self.flights.insert(flight.request.trace.stan, flight);
    }

    /// Nobody knows whether the message happened: it will be sent again, or taken back.
    fn resolve(
        &mut self,
        request: Request,
        seen: Option<Reply>,
        (intended_ns, attempt): (u64, u8),
        at_ns: u64,
    ) {
        if matches!(request.act, Act::Echo) {
            return;
        }
        // One that the host was too busy for has no answer to be given again.
        let seen = seen.filter(|reply| reply.code != "91");
        let stan = self.stan();
        let may_undo = self.can_be_undone(&request) && stan.is_multiple_of(2);
        let (gear, homes) = (&mut self.gear, &self.households);
        let undo = may_undo.then(|| self.shop.undo(gear, &request, homes, stan)).flatten();
        let planned = match undo {
            Some(undo) => Planned {
                request: Box::new(undo),
                purpose: Purpose::Undo(seen),
                original: Some(Box::new(request)),
                intended_ns,
                attempt,
            },
            None => Planned {
                request: Box::new(request.repeated()),
                purpose: Purpose::Again(seen),
                original: None,
                intended_ns,
                attempt,
            },
        };
        self.plan(at_ns, planned);
    }

    /// Whether taking it back leaves no trace of whether it had happened. One with a PIN may have
    /// moved the tries, or ended a row of payments without one.
    fn can_be_undone(&self, request: &Request) -> bool {
        let home = self.households.get(request.household);
        let Some(home) = home.filter(|_| matches!(request.act, Act::Debit(_) | Act::Hold)) else {
            return false;
        };
        let has_tries = home.cards.get(request.card).is_none_or(|card| card.tries > 0);
        let has_row = home.counted.iter().any(|one| one.without_pin);
        match request.pin {
            Pin::None => true,
            Pin::Wrong => false,
            Pin::Right => !has_tries && !has_row,
        }
    }

    /// It did not come through: once more, or never again.
    fn retry(&mut self, flight: Flight, at_ns: u64, tally: &mut Tally) {
        let Flight { request, purpose, original, intended_ns, attempt, .. } = flight;
        if attempt >= ATTEMPTS_MAX {
            tally.checks.unresolved += 1;
            return self.release(&request, true);
        }
        let attempt = attempt + 1;
        match purpose {
            Purpose::First => self.resolve(*request, None, (intended_ns, attempt), at_ns),
            Purpose::Garbage => {
                let purpose = Purpose::Again(None);
                self.plan(at_ns, Planned { request, purpose, original, intended_ns, attempt });
            }
            purpose => {
                let request = Box::new(request.repeated());
                self.plan(at_ns, Planned { request, purpose, original, intended_ns, attempt });
            }
        }
    }

    /// The household may do something else now.
    fn release(&mut self, request: &Request, is_lost: bool) {
        if let Some(home) = self.home(request) {
            home.open = home.open.saturating_sub(1);
            home.is_lost |= is_lost;
        }
    }

    /// What else is, or was meanwhile, on its way to the household of a flight.
    fn slack(&self, flight: &Flight) -> Slack {
        let household = flight.request.household;
        if !self.households.get(household).is_some_and(|home| home.is_hot) {
            return Slack::default();
        }
        let mut slack = flight.request.after;
        let flying = self.flights.values().map(|other| &other.request);
        let planned = self.later.values().map(|other| &other.request);
        for other in flying.chain(planned).filter(|other| other.household == household) {
            let (debit, credit) = other.effect();
            slack.down += debit;
            slack.up += credit;
            slack.others += 1;
        }
        slack
    }

    /// The others of a hot household must reckon with what was settled while they were on their way.
    fn tell_others(&mut self, request: &Request, undone: bool) {
        let (debit, credit) = request.effect();
        let flying = self.flights.values_mut().map(|other| &mut other.request);
        // One that is to be repeated was perhaps decided before this.
        let planned = self.later.values_mut().map(|other| &mut other.request);
        for other in flying.chain(planned).filter(|other| other.household == request.household) {
            other.after.up += if undone { 0 } else { debit };
            other.after.down += if undone { debit } else { credit };
            other.after.others += 1;
        }
    }

    /// An answer that fits a message on its way.
    fn answered(&mut self, flight: Flight, answer: &Answered, now_ns: u64, tally: &mut Tally) {
        let reply = &answer.reply;
        if flight.twice {
            self.echoes.insert(flight.request.trace.stan, reply.clone());
        }
        if flight.timed && flight.intended_ns >= self.shop.warm_up_ns {
            let latency = now_ns.saturating_sub(flight.intended_ns);
            let lag = flight.sent_ns.saturating_sub(flight.intended_ns);
            tally.answer(flight.request.operation, code(reply.code.as_bytes()), latency, lag);
        }
        let is_shed = reply.code == "91";
        if is_shed {
            tally.checks.shed += 1;
            let may_be_left = flight.purpose == Purpose::First
                && !matches!(flight.request.act, Act::Complete(_) | Act::Reverse(..));
            if may_be_left && !flight.deaf {
                return self.release(&flight.request, false);
            }
            return self.retry(flight, now_ns + 50 * MS, tally);
        }
        let fault = self.fault_of(&flight, reply, tally);
        if let Some(fault) = fault.or_else(|| self.unproven(&flight, answer, tally)) {
            self.found(&flight, Some(answer), fault, tally);
            return self.release(&flight.request, true);
        }
        if flight.deaf {
            let Flight { request, intended_ns, attempt, .. } = flight;
            let at_ns = now_ns + 30 * MS;
            let attempt = attempt + 1;
            return self.resolve(*request, Some(reply.clone()), (intended_ns, attempt), at_ns);
        }
        self.settle(flight, reply, now_ns, tally);
    }

    /// What is wrong with an answer.
    fn fault_of(&self, flight: &Flight, reply: &Reply, tally: &mut Tally) -> Option<String> {
        tally.checks.judged += 1;
        if flight.purpose == Purpose::Garbage {
            tally.checks.certain += 1;
            let is_right = reply.code == flight.refusal();
            return (!is_right).then(|| format!("a broken message was answered {:?}", reply.code));
        }
        let slack = self.slack(flight);
        let empty = Household::default();
        let home = self.households.get(flight.request.household).unwrap_or(&empty);
        let verdict = Judge { rules: &self.shop.rules, home, slack }.verdict(&flight.request);
        let is_certain = verdict.codes.len() == 1;
        *(if is_certain { &mut tally.checks.certain } else { &mut tally.checks.uncertain }) += 1;
        if let Purpose::Again(Some(seen)) = &flight.purpose {
            tally.checks.repeats += 1;
            if seen != reply {
                return Some("the answer that was lost was another one".to_owned());
            }
        }
        tally.checks.repeats += u64::from(verdict.same_as.is_some());
        verdict.fault_of(&flight.request, reply)
    }

    /// A right answer takes effect here as it did there.
    fn settle(&mut self, flight: Flight, reply: &Reply, now_ns: u64, tally: &mut Tally) {
        let Flight { request, purpose, original, intended_ns, attempt, .. } = flight;
        match purpose {
            Purpose::First | Purpose::Again(_) => {
                if matches!(purpose, Purpose::Again(_)) && attempt > 0 {
                    tally.checks.repeated += 1;
                }
                let is_said = matches!(request.act, Act::Repeat(_) | Act::Changed | Act::Echo);
                if let Some(home) = self.home(&request) {
                    home.apply(&request, reply);
                    if !is_said && !home.is_hot {
                        let Request { mti, card, .. } = *request;
                        let (mti, fields) = (mti.without_repeat(), request.fields.clone());
                        let seals = request.seals.clone();
                        home.last = Some(Said { mti, fields, seals, card, reply: reply.clone() });
                    }
                }
                if reply.code == "00" {
                    self.tell_others(&request, false);
                }
                self.release(&request, false);
            }
            Purpose::Undo(seen) => {
                tally.checks.taken_back += 1;
                let original = original.map(|original| *original);
                if let (Some(original), Some(seen)) = (&original, &seen) {
                    self.undo_seen(original, seen);
                }
                self.tell_others(&request, true);
                self.release(&request, false);
            }
            Purpose::Garbage => {
                let purpose = Purpose::Again(None);
                self.plan(now_ns, Planned { request, purpose, original, intended_ns, attempt });
            }
            Purpose::Ahead => {
                let Some(mut request) = original else { return self.release(&request, false) };
                request.act = Act::Killed;
                let purpose = Purpose::Again(None);
                let attempt = 0;
                self.plan(
                    now_ns,
                    Planned { request, purpose, original: None, intended_ns, attempt },
                );
            }
        }
    }

    /// It is known to have happened, and was taken back: what it left besides money stays.
    fn undo_seen(&mut self, original: &Request, seen: &Reply) {
        let Some(home) = self.home(original) else { return };
        home.apply(original, seen);
        if seen.code == "00"
            && let Some(standing) = home.standing.pop()
        {
            let act = Act::Reverse(standing, 0);
            let done = Reply { code: "00".to_owned(), ..Reply::default() };
            home.apply(&Request { act, ..original.clone() }, &done);
        }
    }

    /// Remembers a wrong answer; the first with all there is to know.
    fn found(&self, flight: &Flight, answer: Option<&Answered>, what: String, tally: &mut Tally) {
        tally.checks.wrong += 1;
        if tally.checks.first.is_some() {
            return;
        }
        let slack = self.slack(flight);
        let empty = Household::default();
        let home = self.households.get(flight.request.household).unwrap_or(&empty);
        let judge = Judge { rules: &self.shop.rules, home, slack };
        let expected = match &flight.purpose {
            Purpose::Garbage => flight.refusal().to_owned(),
            _ => judge.verdict(&flight.request).codes.join(" or "),
        };
        let request = (flight.request.mti, &flight.request.fields);
        let answer = answer.map(|answer| (answer.mti, &answer.fields));
        tally.checks.first = Some(Box::new(Finding {
            what,
            expected,
            because: judge.because(&flight.request),
            messages: side_by_side(request, answer),
        }));
    }

    /// Something that answers nothing.
    fn stray(&mut self, answer: Option<&Answered>, what: &str, tally: &mut Tally) {
        tally.strange += 1;
        tally.checks.wrong += 1;
        if tally.checks.first.is_none() {
            let nothing = crate::intent::Fields::new();
            let messages = answer.map_or_else(String::new, |answer| {
                let blank = Mti::from_digits([0, 0, 0, 0]).unwrap_or(answer.mti);
                side_by_side((blank, &nothing), Some((answer.mti, &answer.fields)))
            });
            tally.checks.first = Some(Box::new(Finding {
                what: what.to_owned(),
                expected: "an answer to something that was asked".to_owned(),
                because: "nothing on its way fits it".to_owned(),
                messages,
            }));
        }
    }
}

/// An answer, decoded.
pub(super) struct Answered {
    pub(super) mti: Mti,
    pub(super) fields: crate::intent::Fields,
    pub(super) body: Vec<u8>,
    reply: Reply,
}

impl Talk for JudgedLane {
    fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn has_room(&self) -> bool {
        self.waiting.is_empty() && !self.ending && self.flights.len() < self.in_flight
    }

    fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.waiting.is_empty() && self.later.is_empty()
    }

    fn submit(&mut self, intended_ns: u64, now_ns: u64, _: &Frame<'_>, tally: &mut Tally) {
        if !self.has_room() || !self.begin(intended_ns, now_ns, tally) {
            self.waiting.push_back(intended_ns);
        }
    }

    fn catch_up(&mut self, now_ns: u64, _: &Frame<'_>, tally: &mut Tally) {
        while !self.ending && self.flights.len() < self.in_flight {
            let Some(intended_ns) = self.waiting.front().copied() else { return };
            if !self.begin(intended_ns, now_ns, tally) {
                return;
            }
            self.waiting.pop_front();
        }
    }

    fn take(&mut self, body: &[u8], now_ns: u64, frame: &Frame<'_>, tally: &mut Tally) {
        let Ok(message) = Message::parse(frame.dialect, body) else {
            return self.stray(None, "a frame that is no message of the dialect", tally);
        };
        let elements = message.bitmap().iter();
        let fields = elements.filter_map(|de| message.field(de).map(|value| (de, value)));
        let fields: crate::intent::Fields = fields.collect();
        let stan =
            message.number(11).and_then(Result::ok).and_then(|stan| u32::try_from(stan).ok());
        let (mti, reply, body) =
            (message.mti(), Reply::of(&fields, message.mti().version()), body.to_vec());
        let answer = Answered { mti, reply, fields, body };
        let stan = stan.unwrap_or_default();
        let fits =
            |flight: &Flight| flight.request.mti.without_repeat().response() == Some(answer.mti);
        if self.flights.get(&stan).is_some_and(fits) {
            if let Some(flight) = self.flights.remove(&stan) {
                let before = tally.answered;
                self.answered(flight, &answer, now_ns, tally);
                if now_ns > frame.end_ns {
                    tally.after_end += tally.answered - before;
                }
                self.catch_up(now_ns, frame, tally);
            }
            return;
        }
        if let Some(first) = self.echoes.remove(&stan) {
            tally.checks.repeats += 1;
            tally.checks.judged += 1;
            tally.checks.certain += 1;
            if first != answer.reply {
                self.stray(
                    Some(&answer),
                    "the second answer to a message sent twice differs",
                    tally,
                );
            }
        } else if self.given_up.remove(&stan) {
            tally.late += 1;
        } else {
            self.stray(Some(&answer), "a message that answers nothing", tally);
        }
    }

    fn expire(
        &mut self,
        now_ns: u64,
        deadline_ns: u64,
        warm_up_ns: u64,
        tally: &mut Tally,
    ) -> bool {
        let before = now_ns.saturating_sub(deadline_ns);
        let old = self.flights.iter().filter(|(_, flight)| flight.sent_ns < before);
        let old: Vec<u32> = old.map(|(stan, _)| *stan).collect();
        for stan in &old {
            let Some(flight) = self.flights.remove(stan) else { continue };
            self.given_up.insert(*stan);
            if flight.timed && flight.intended_ns >= warm_up_ns {
                tally.timeout(now_ns.saturating_sub(flight.intended_ns));
            }
            self.retry(flight, now_ns, tally);
        }
        !old.is_empty()
    }

    fn lose(&mut self, now_ns: u64, warm_up_ns: u64, tally: &mut Tally) {
        let on_purpose = std::mem::take(&mut self.ending);
        self.out.clear();
        self.echoes.clear();
        self.given_up.clear();
        self.orders.clear();
        tally.disconnects += u64::from(!on_purpose);
        if on_purpose {
            self.disturb_all(tally);
        }
        let flights = std::mem::take(&mut self.flights);
        for (at, flight) in (0u64..).zip(flights.into_values()) {
            if flight.timed && flight.intended_ns >= warm_up_ns {
                tally.loss(now_ns.saturating_sub(flight.intended_ns));
            }
            self.retry(flight, now_ns + (10 + at % 50) * MS, tally);
        }
    }

    fn abandon(&mut self, now_ns: u64, warm_up_ns: u64, tally: &mut Tally) {
        for intended_ns in self.waiting.drain(..).filter(|at| *at >= warm_up_ns) {
            tally.unsent += 1;
            tally.latency.saturating_record(now_ns.saturating_sub(intended_ns).max(1));
        }
        let open = std::mem::take(&mut self.flights).into_values().map(|flight| flight.request);
        let planned = std::mem::take(&mut self.later).into_values().map(|planned| planned.request);
        for request in open.chain(planned) {
            tally.checks.unresolved += 1;
            if let Some(home) = self.households.get_mut(request.household) {
                home.is_lost = true;
            }
        }
    }

    fn tick(&mut self, now_ns: u64, frame: &Frame<'_>, tally: &mut Tally) -> bool {
        self.storms(now_ns, tally);
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > now_ns || self.ending {
                break;
            }
            let planned = entry.remove();
            self.launch(planned, now_ns, None, tally);
        }
        self.catch_up(now_ns, frame, tally);
        !self.out.is_empty() || !self.orders.is_empty()
    }

    fn order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    fn belief(self: Box<Self>) -> Option<super::Belief> {
        Some(super::Belief { households: self.households })
    }
}
