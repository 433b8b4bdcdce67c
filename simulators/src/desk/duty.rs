//! What a terminal owes its host: reversals, completions and advices. They are sent until they are
//! answered, and nothing new is begun before.

use super::errand::{Outcome, Report, What};
use super::key::Action;
use super::machine::{Desk, Ending, Fate, Purpose, Step, Tone};
use super::open_file::Owed;
use super::slip::{Heading, Slip};
use payment_types::{Amount, Currency};
use std::time::Duration;

/// Why a message is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Somebody wanted it.
    Asked,
    /// There was no answer, or none to be believed.
    NoAnswer,
    /// Other notes came out than were booked.
    Notes,
}

/// What is owed to the host about an earlier message. Amounts are in minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Owes {
    /// That it is taken back, down to what stays.
    Reverse { stays: Option<u64> },
    /// That it is taken back by another request.
    Void,
    /// What it came to.
    Complete { minor: u64 },
}

impl Owes {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Reverse { .. } => "reversal",
            Self::Void => "void",
            Self::Complete { .. } => "completion",
        }
    }
}

/// What is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Reverse { stays: Option<Amount> },
    Void,
    Complete { amount: Amount },
}

impl Kind {
    fn owes(self) -> Owes {
        match self {
            Self::Reverse { stays } => Owes::Reverse { stays: stays.map(Amount::minor) },
            Self::Void => Owes::Void,
            Self::Complete { amount } => Owes::Complete { minor: amount.minor() },
        }
    }
}

/// Something owed about an earlier message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Duty {
    pub(super) of: u64,
    pub(super) kind: Kind,
    pub(super) why: Why,
    /// The message that was sent first for it; further ones are its repeats.
    pub(super) first: Option<u64>,
    pub(super) tries: u32,
}

impl Duty {
    const fn new(of: u64, kind: Kind, why: Why) -> Self {
        Self { of, kind, why, first: None, tries: 0 }
    }

    pub(super) const fn reverse(of: u64, stays: Option<Amount>) -> Self {
        Self::new(of, Kind::Reverse { stays }, Why::Asked)
    }

    pub(super) const fn void(of: u64) -> Self {
        Self::new(of, Kind::Void, Why::Asked)
    }

    pub(super) const fn complete(of: u64, amount: Amount) -> Self {
        Self::new(of, Kind::Complete { amount }, Why::Asked)
    }

    pub(super) const fn because(self, why: Why) -> Self {
        Self { why, ..self }
    }

    /// Owed since before the terminal was opened; `first` is the message that was sent for it.
    pub(super) fn from_before((of, owed): (u64, &Owed), first: Option<u64>) -> Self {
        let currency = owed.wish.amount.map_or(Currency::KGS, Amount::currency);
        let amount = |minor| Amount::new(minor, currency);
        let kind = match owed.owes {
            Owes::Reverse { stays } => Kind::Reverse { stays: stays.map(amount) },
            Owes::Void => Kind::Void,
            Owes::Complete { minor } => Kind::Complete { amount: amount(minor) },
        };
        Self { first, ..Self::new(of, kind, Why::NoAnswer) }
    }

    const fn what(&self) -> What {
        match (self.first, self.kind) {
            (Some(first), _) => What::Again(first),
            (None, Kind::Reverse { stays }) => What::Reverse { of: self.of, stays },
            (None, Kind::Void) => What::Void(self.of),
            (None, Kind::Complete { amount }) => What::Complete { of: self.of, amount },
        }
    }

    fn name(&self) -> &'static str {
        self.kind.owes().name()
    }

    /// Longer and longer between tries, so that a host that comes back is not run over.
    fn pause(&self) -> Duration {
        Duration::from_secs(5 << self.tries.saturating_sub(1).min(3))
    }
}

impl Desk {
    /// What the host must still get: what about, and what.
    #[must_use]
    pub(super) fn owed(&self) -> Vec<(u64, Owes)> {
        let on_its_way = self.under_way.iter().filter_map(|(_, purpose)| match purpose {
            Purpose::Duty(duty) => Some(duty),
            _ => None,
        });
        self.duties.iter().chain(on_its_way).map(|duty| (duty.of, duty.kind.owes())).collect()
    }

    pub(super) fn words_of(&self, duty: &Duty) -> String {
        let about = self.deals.iter().find(|deal| deal.number == duty.of);
        let stan = about.map_or_else(String::new, |deal| format!(" of {:06}", deal.stan));
        format!("{}{stan}", duty.name())
    }

    /// Owes something from now on, and tries at once.
    pub(super) fn undertake(&mut self, duty: Duty) -> Vec<Action> {
        if duty.why == Why::Asked {
            self.step = Step::Busy;
        }
        self.duties.push_back(duty);
        self.do_duty(true)
    }

    /// Sends what is owed, if it is time.
    pub(super) fn do_duty(&mut self, at_once: bool) -> Vec<Action> {
        if self.under_way.is_some() || !(at_once || self.now >= self.retry_at) {
            return Vec::new();
        }
        let Some(duty) = self.duties.pop_front() else { return Vec::new() };
        self.carry(duty.what(), Purpose::Duty(duty))
    }

    /// What became of something owed.
    pub(super) fn hear_of_duty(&mut self, mut duty: Duty, report: Report) -> Vec<Action> {
        let answered = report.reply().map(|reply| (reply.is_approved(), reply.answer.code()));
        let was_sent = report.sent.is_some();
        let slip = self.slip_of_duty(&duty, &report);
        let why_not = match &report.outcome {
            Outcome::Failed(failure) => failure.why.clone(),
            Outcome::Answered(_) | Outcome::Told(_) => String::new(),
        };
        let number = report.number;
        self.keep(report);
        let Some((approved, code)) = answered else {
            if !was_sent {
                // It can't even be made: there is no use in trying again.
                self.end_duty(&duty, Tone::Bad, &why_not);
                return Vec::new();
            }
            duty.first = duty.first.or(Some(number));
            duty.tries += 1;
            self.retry_at = self.now + duty.pause();
            if matches!(self.step, Step::Busy) {
                let headline = "NOT DELIVERED".to_owned();
                let ending = Ending { tone: Tone::Bad, headline, lines: vec![why_not] };
                self.step = Step::Done(ending);
            }
            self.duties.push_front(duty);
            return Vec::new();
        };
        if approved {
            self.settle(&duty);
        }
        let tone = if approved { Tone::Good } else { Tone::Bad };
        self.end_duty(&duty, tone, &code);
        let mut actions = self.print(slip);
        actions.extend(self.do_duty(true));
        actions
    }

    fn settle(&mut self, duty: &Duty) {
        let Some(deal) = self.deals.iter_mut().find(|deal| deal.number == duty.of) else { return };
        deal.fate = match duty.kind {
            Kind::Reverse { stays: Some(stays) } => Fate::Partly(stays),
            Kind::Reverse { stays: None } => Fate::Reversed,
            Kind::Void => Fate::Voided,
            Kind::Complete { amount } => Fate::Completed(amount),
        };
        // What is left of the cap is for the host to say now.
        let card = deal.wish.card.clone();
        if let Some(index) = self.setup.cards.iter().position(|face| face.name == card) {
            self.left_today.remove(&index);
        }
    }

    /// Tells the person, where they wait for it or read how the transaction ended.
    fn end_duty(&mut self, duty: &Duty, tone: Tone, said: &str) {
        let done = match duty.kind {
            Kind::Reverse { stays: Some(_) } => "Partly taken back",
            Kind::Reverse { stays: None } => "Taken back",
            Kind::Void => "Voided",
            Kind::Complete { .. } => "Final amount booked",
        };
        let line = match tone {
            Tone::Good => format!("{done} ({said})"),
            _ => format!("The {} failed: {said}", duty.name()),
        };
        match &mut self.step {
            Step::Busy => {
                let headline = if tone == Tone::Good { "DONE" } else { "REFUSED" };
                let ending = Ending { tone, headline: headline.to_owned(), lines: vec![line] };
                self.step = Step::Done(ending);
            }
            Step::Done(ending) => ending.lines.push(line),
            _ => self.note = Some((tone, line)),
        }
    }

    fn slip_of_duty(&self, duty: &Duty, report: &Report) -> Slip {
        let deal = self.deals.iter().find(|deal| deal.number == duty.of);
        let amount = match duty.kind {
            Kind::Complete { amount } => Some(amount),
            _ => deal.and_then(|deal| deal.wish.amount),
        };
        let stays = match duty.kind {
            Kind::Reverse { stays } => stays,
            _ => None,
        };
        let card = deal.map(|deal| deal.wish.card.clone()).unwrap_or_default();
        let heading = Heading {
            place: &self.setup.place,
            terminal: &self.setup.terminal,
            card: self.number_of(&card),
            amount,
            stays,
            ..Heading::default()
        };
        Slip::of(report, &heading)
    }

    /// The masked number of a card.
    pub(super) fn number_of(&self, card: &str) -> &str {
        let face = self.setup.cards.iter().find(|face| &*face.name == card);
        face.map_or("", |face| &face.number)
    }
}
