//! One connection's share of the load: what it sends next, what is on its way, what came back.
//!
//! No socket and no waiting here (see `worker`), so that it can be tested by hand.

use super::cards::Cards;
use super::operation::Operation;
use super::popularity::Picker;
use super::slots::{InFlight, Slots};
use super::stats::{Tally, code};
use super::template::{Patch, Template, WireTime};
use iso8583::{Dialect, Message};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};

/// What a lane wants done with its connection (chaos, or an oracle that gives up on it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Close it, and connect again.
    HangUp,
    /// Leave it open and never look at it again; go on over another.
    GoSilent,
    /// Read nothing for so many nanoseconds.
    StopReading(u64),
}

/// One connection's side of the conversation, whoever leads it.
pub(crate) trait Talk: Send {
    /// Encoded and not yet written.
    fn out(&mut self) -> &mut Vec<u8>;
    /// Whether another message may be on its way.
    fn has_room(&self) -> bool;
    /// Nothing on its way and nothing waiting.
    fn is_idle(&self) -> bool;
    /// Encodes a message that was due at `intended_ns`, or keeps it until there is room.
    fn submit(&mut self, intended_ns: u64, now_ns: u64, frame: &Frame<'_>, tally: &mut Tally);
    /// Encodes what has been waiting, as far as there is room.
    fn catch_up(&mut self, now_ns: u64, frame: &Frame<'_>, tally: &mut Tally);
    /// Takes what came back in one frame.
    fn take(&mut self, body: &[u8], now_ns: u64, frame: &Frame<'_>, tally: &mut Tally);
    /// Gives up on what was sent more than `deadline_ns` ago; whether there was any.
    fn expire(&mut self, now_ns: u64, deadline_ns: u64, warm_up_ns: u64, tally: &mut Tally)
    -> bool;
    /// The connection broke: what was on its way is lost.
    fn lose(&mut self, now_ns: u64, warm_up_ns: u64, tally: &mut Tally);
    /// The run is over: what never found room counts as not answered.
    fn abandon(&mut self, now_ns: u64, warm_up_ns: u64, tally: &mut Tally);
    /// Does what falls due by itself; whether there is something to write.
    fn tick(&mut self, _now_ns: u64, _frame: &Frame<'_>, _tally: &mut Tally) -> bool {
        false
    }
    /// What is to be done with the connection next.
    fn order(&mut self) -> Option<Order> {
        None
    }
    /// What the lane's oracle believes at the end, where it has one.
    fn belief(self: Box<Self>) -> Option<crate::oracle::Belief> {
        None
    }
}

/// An operation at some terminals, chosen as often as its share says.
pub(crate) struct Act {
    pub(crate) operation: Operation,
    pub(crate) share: u32,
    pub(crate) templates: Vec<Template>,
    /// Of these cards only; empty: of all.
    pub(crate) cards: Range<usize>,
    /// Minor units, in these steps.
    pub(crate) amounts: RangeInclusive<u64>,
    pub(crate) step: u64,
}

/// What all lanes know.
pub(crate) struct Frame<'a> {
    pub(crate) cards: &'a Cards,
    pub(crate) picker: &'a Picker,
    pub(crate) dialect: &'a Dialect,
    /// Messages due before this are not counted.
    pub(crate) warm_up_ns: u64,
    /// Nothing is sent after this.
    pub(crate) end_ns: u64,
    /// The host sends back what it gets, in order.
    pub(crate) echo: bool,
    pub(crate) time: WireTime,
}

/// A connection's state.
pub(crate) struct Lane {
    acts: Vec<Act>,
    shares: u32,
    slots: Slots,
    /// Due, but there was no room: the moments they were due.
    waiting: VecDeque<u64>,
    /// Encoded and not yet written.
    out: Vec<u8>,
    reference: u64,
    reference_step: u64,
    dice: ChaCha8Rng,
}

impl Lane {
    /// `reference` and `reference_step` keep the reference numbers of lanes apart.
    pub(crate) fn new(
        acts: Vec<Act>,
        slots: Slots,
        reference: u64,
        reference_step: u64,
        dice: ChaCha8Rng,
    ) -> Self {
        let shares = acts.iter().map(|act| act.share).sum();
        let (waiting, out) = (VecDeque::new(), Vec::with_capacity(1 << 12));
        Self { acts, shares, slots, waiting, out, reference, reference_step, dice }
    }

    fn send(&mut self, intended_ns: u64, now_ns: u64, frame: &Frame<'_>, tally: &mut Tally) {
        let mut throw = self.dice.random_range(0..self.shares.max(1));
        let act = self.acts.iter().find(|act| match throw.checked_sub(act.share) {
            Some(rest) => {
                throw = rest;
                false
            }
            None => true,
        });
        let Some(act) = act else { return };
        let template = act.templates.get(self.dice.random_range(0..act.templates.len()));
        let message = InFlight { intended_ns, sent_ns: now_ns, operation: act.operation };
        let Some((template, stan)) = template.zip(self.slots.open(message)) else { return };
        let steps = (act.amounts.end() - act.amounts.start()) / act.step.max(1);
        let patch = Patch {
            stan,
            reference: self.reference,
            time: frame.time,
            amount: act.amounts.start() + self.dice.random_range(0..=steps) * act.step,
            card: frame.picker.pick_of(&act.cards, &mut self.dice),
            unpredictable: self.dice.random(),
        };
        self.reference += self.reference_step;
        template.write(&patch, frame.cards, &mut self.out);
        if intended_ns >= frame.warm_up_ns {
            tally.send(now_ns.saturating_sub(intended_ns));
        }
    }
}

impl Talk for Lane {
    fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    fn has_room(&self) -> bool {
        self.slots.has_room()
    }

    fn is_idle(&self) -> bool {
        self.slots.in_flight() == 0 && self.waiting.is_empty()
    }

    fn submit(&mut self, intended_ns: u64, now_ns: u64, frame: &Frame<'_>, tally: &mut Tally) {
        if self.waiting.is_empty() && self.slots.has_room() {
            self.send(intended_ns, now_ns, frame, tally);
        } else {
            self.waiting.push_back(intended_ns);
        }
    }

    fn catch_up(&mut self, now_ns: u64, frame: &Frame<'_>, tally: &mut Tally) {
        while self.slots.has_room() {
            let Some(intended_ns) = self.waiting.pop_front() else { return };
            self.send(intended_ns, now_ns, frame, tally);
        }
    }

    fn take(&mut self, body: &[u8], now_ns: u64, frame: &Frame<'_>, tally: &mut Tally) {
        let (message, answer) = if frame.echo {
            (self.slots.close_oldest(), code(b"echo"))
        } else {
            let Ok(parsed) = Message::parse(frame.dialect, body) else {
                tally.strange += 1;
                return;
            };
            let stan = parsed.number(11).and_then(Result::ok).and_then(|n| u32::try_from(n).ok());
            let mut scratch = [0u8; 16];
            let text = parsed.text(39, &mut scratch).and_then(Result::ok).unwrap_or_default();
            let is_answer = !matches!(parsed.mti().digits(), [_, _, 0 | 2, _]);
            let message = stan.filter(|_| is_answer).and_then(|stan| self.slots.close(stan));
            if message.is_none() && is_answer {
                tally.late += 1;
                return;
            }
            (message, code(text))
        };
        match message {
            Some(message) if message.intended_ns >= frame.warm_up_ns => {
                let latency_ns = now_ns.saturating_sub(message.intended_ns);
                let lag_ns = message.sent_ns.saturating_sub(message.intended_ns);
                tally.answer(message.operation, answer, latency_ns, lag_ns);
                tally.after_end += u64::from(now_ns > frame.end_ns);
            }
            Some(_) => {}
            None => tally.strange += 1,
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
        let mut any = false;
        while let Some(message) = self.slots.expire(before) {
            any = true;
            if message.intended_ns >= warm_up_ns {
                tally.timeout(now_ns.saturating_sub(message.intended_ns));
            }
        }
        any
    }

    fn lose(&mut self, now_ns: u64, warm_up_ns: u64, tally: &mut Tally) {
        self.out.clear();
        tally.disconnects += 1;
        while let Some(message) = self.slots.close_oldest() {
            if message.intended_ns >= warm_up_ns {
                tally.loss(now_ns.saturating_sub(message.intended_ns));
            }
        }
    }

    fn abandon(&mut self, now_ns: u64, warm_up_ns: u64, tally: &mut Tally) {
        for intended_ns in self.waiting.drain(..).filter(|at| *at >= warm_up_ns) {
            tally.unsent += 1;
            tally.latency.saturating_record(now_ns.saturating_sub(intended_ns).max(1));
        }
    }
}
