//! What the desk makes of an answer, or of none: the ending the person sees, cash, and what must be
//! taken back.

use super::cassettes::{Fault, worth};
use super::duty::{Duty, Why};
use super::errand::{Failure, Outcome, Reply, Report, Wish};
use super::key::Action;
use super::machine::{Deal, Desk, Ending, Fate, LeftToday, Purpose, Secret, Step, Tab, Tone};
use super::setup::Kind;
use super::slip::{Heading, Slip};
use crate::card::Proof;
use crate::exchange::{AVAILABLE_BALANCE, CAP_LEFT, CASH_TO_HAND_OUT};
use crate::terminal::Deed;
use crate::traffic::meaning;
use payment_types::Amount;

impl Desk {
    /// An errand came back.
    pub(super) fn hear(&mut self, report: Report) -> Vec<Action> {
        let purpose = match self.under_way.take() {
            Some((number, purpose)) if number == report.number => purpose,
            // Nobody waits for it any more.
            other => {
                self.under_way = other;
                self.keep(report);
                return Vec::new();
            }
        };
        match purpose {
            Purpose::Duty(duty) => self.hear_of_duty(duty, report),
            Purpose::Deal(wish) => self.hear_of_deal(wish, report),
            Purpose::Keys | Purpose::Repeat => self.hear_of_message(report),
            Purpose::Count => self.hear_of_count(report),
        }
    }

    fn hear_of_message(&mut self, report: Report) -> Vec<Action> {
        let ending = match &report.outcome {
            Outcome::Answered(reply) => {
                let code = reply.answer.code();
                let lines = vec![format!("{code} {}", meaning(&code))];
                let (tone, headline) = match reply.is_approved() {
                    true => (Tone::Good, report.title),
                    false => (Tone::Bad, "REFUSED"),
                };
                Ending { tone, headline: headline.to_owned(), lines }
            }
            Outcome::Failed(failure) => failed(failure),
            Outcome::Told(said) => told(said),
        };
        self.keep(report);
        self.step = Step::Done(ending);
        Vec::new()
    }

    fn hear_of_count(&mut self, report: Report) -> Vec<Action> {
        let (surplus, shortage) = self.cassettes.difference();
        let amount = |minor| Amount::new(minor, self.setup.currency);
        let found = match (surplus, shortage) {
            (0, 0) => "As the counters say".to_owned(),
            (0, missing) => format!("{} missing", amount(missing)),
            (more, _) => format!("{} too much", amount(more)),
        };
        let said = match &report.outcome {
            Outcome::Told(said) => said.clone(),
            Outcome::Failed(failure) => failure.why.clone(),
            Outcome::Answered(_) => String::new(),
        };
        let heading = Heading {
            place: &self.setup.place,
            terminal: &self.setup.terminal,
            ..Heading::default()
        };
        let mut slip = Slip::of(&report, &heading);
        slip.lines.insert(slip.lines.len() - 1, found.clone());
        self.cassettes.settle();
        let headline = "COUNTED".to_owned();
        self.step = Step::Done(Ending { tone: Tone::Plain, headline, lines: vec![found, said] });
        self.print(slip)
    }

    fn hear_of_deal(&mut self, wish: Wish, report: Report) -> Vec<Action> {
        let number = report.number;
        let sent = report.sent.as_ref();
        let stan = sent.map_or(0, |sent| sent.stan);
        let time = sent.and_then(|sent| sent.local.get(11..16)).unwrap_or_default().to_owned();
        let (ending, code, actions) = match &report.outcome {
            Outcome::Answered(reply) => {
                let reply = reply.clone();
                let code = reply.answer.code();
                self.mark_card(&wish, &reply);
                let deal = self.deal(number, &wish, stan, &time, &code, reply.is_approved());
                self.deals.push(deal);
                let (ending, duties) = self.answered(number, &wish, &reply);
                (ending, code, duties)
            }
            Outcome::Failed(failure) => {
                let deal = self.deal(number, &wish, stan, &time, "", false);
                self.deals.push(deal);
                let takes_back = failure.may_have_arrived && leaves_traces(wish.deed);
                let duty = Duty::reverse(number, None).because(Why::NoAnswer);
                let mut ending = failed(failure);
                if takes_back {
                    ending.lines.push("Will be taken back".to_owned());
                }
                (ending, String::new(), takes_back.then_some(duty))
            }
            Outcome::Told(said) => (told(said), String::new(), None),
        };
        let slip = self.slip_of_deal(&wish, &report);
        self.keep(report);
        self.step = self.after_answer(&wish, &code, ending);
        let mut printed = self.print(slip);
        printed.extend(actions.map_or_else(Vec::new, |duty| self.undertake(duty)));
        printed
    }

    fn deal(
        &self,
        number: u64,
        wish: &Wish,
        stan: u32,
        time: &str,
        code: &str,
        approved: bool,
    ) -> Deal {
        // What was typed is not kept.
        let wish = Wish { pin: None, new_pin: None, ..wish.clone() };
        let (code, time) = (code.to_owned(), time.to_owned());
        let fate = Fate::Stands;
        Deal { number, wish, stan, time, code, approved, fate, before: false }
    }

    /// AGT-3: what is left of the cap today, as the host says it, less what was paid out since.
    fn mark_card(&mut self, wish: &Wish, reply: &Reply) {
        let Some(card) = self.setup.cards.iter().position(|face| face.name == wish.card) else {
            return;
        };
        let currency = self.setup.currency;
        let told = reply.answer.amount(CAP_LEFT);
        let told = told.and_then(|text| Amount::parse_major(&text, currency).ok());
        if let Some(left) = told {
            self.left_today.insert(card, LeftToday { left, reckoned: false });
        } else if reply.is_approved() && wish.deed == Deed::CashOut {
            let Some(known) = self.left_today.get_mut(&card) else { return };
            let paid = wish.amount.and_then(|paid| known.left.checked_sub(paid).ok());
            match paid {
                Some(left) => *known = LeftToday { left, reckoned: true },
                None => drop(self.left_today.remove(&card)),
            }
        }
    }

    /// How an answered transaction ends, and what must be taken back of it.
    fn answered(&mut self, number: u64, wish: &Wish, reply: &Reply) -> (Ending, Option<Duty>) {
        let answer = &reply.answer;
        let code = answer.code();
        let reverse = Duty::reverse(number, None).because(Why::NoAnswer);
        let reverse = leaves_traces(wish.deed).then_some(reverse);
        if reply.verdict.mac == Proof::Wrong {
            return (doubt("WRONG MAC", "The answer is not the host's"), reverse);
        }
        if !answer.is_approved() {
            let mut lines = vec![format!("{code} {}", meaning(&code))];
            lines.extend(answer.amount(CAP_LEFT).map(|left| format!("Left today: {left}")));
            let available = answer.amount(AVAILABLE_BALANCE);
            lines.extend(available.map(|available| format!("Available: {available}")));
            return (Ending { tone: Tone::Bad, headline: "DECLINED".into(), lines }, None);
        }
        if reply.verdict.arpc == Proof::Wrong {
            return (doubt("CHIP DECLINES", "The issuer's ARPC is wrong"), reverse);
        }
        let amount = wish.amount.filter(|amount| !amount.is_zero());
        let mut lines: Vec<String> =
            amount.map(|amount| format!("{amount} {}", amount.currency())).into_iter().collect();
        if !matches!(code.as_str(), "00" | "000") {
            lines.push(format!("{code} {}", meaning(&code)));
        }
        lines.extend(answer.auth_code().map(|code| format!("Approval {code}")));
        let available = answer.amount(AVAILABLE_BALANCE);
        lines.extend(available.map(|available| format!("Available: {available}")));
        lines.extend(answer.amount(CAP_LEFT).map(|left| format!("Left today: {left}")));
        let mut ending = Ending { tone: Tone::Good, headline: "APPROVED".into(), lines };
        let duty = match (wish.deed, self.setup.kind) {
            (Deed::CashOut, Kind::Atm) => self.hand_out(number, wish, reply, &mut ending),
            (Deed::CashOut, _) => {
                ending.lines.extend(self.cash_of(wish, reply).map(|cash| format!("Pay {cash}")));
                None
            }
            _ => None,
        };
        (ending, duty)
    }

    /// The cash of a withdrawal: what the host says (AMT-1), else what was asked for.
    fn cash_of(&self, wish: &Wish, reply: &Reply) -> Option<Amount> {
        let told = reply.answer.amount(CASH_TO_HAND_OUT);
        let told = told.and_then(|text| Amount::parse_major(&text, self.setup.currency).ok());
        told.or(wish.amount)
    }

    /// Notes come out. What differs from what was booked is told to the host: 0420 with what stays,
    /// or 0220 with what it came to.
    fn hand_out(
        &mut self,
        number: u64,
        wish: &Wish,
        reply: &Reply,
        ending: &mut Ending,
    ) -> Option<Duty> {
        let booked = self.cash_of(wish, reply)?;
        let amount = |minor| Amount::new(minor, booked.currency());
        let fault = std::mem::replace(&mut self.fault, Fault::None);
        let Some(mix) = self.cassettes.mix(booked.minor()) else {
            *ending = doubt("NO NOTES", "These notes can't pay it");
            return Some(Duty::reverse(number, None).because(Why::Notes));
        };
        let out = self.cassettes.hand_out(&mix, fault);
        ending.lines.push(format!("Take {}", amount(worth(&out.notes))));
        self.handed_out = Some(out.counted);
        match out.noticed {
            noticed if noticed == booked.minor() => None,
            0 => {
                *ending = doubt("NO CASH", "The notes are stuck");
                Some(Duty::reverse(number, None).because(Why::Notes))
            }
            noticed if noticed < booked.minor() => {
                ending.tone = Tone::Attention;
                ending.lines.push("A note is stuck".to_owned());
                Some(Duty::reverse(number, Some(amount(noticed))).because(Why::Notes))
            }
            noticed => {
                ending.tone = Tone::Attention;
                ending.lines.push("A note too many".to_owned());
                Some(Duty::complete(number, amount(noticed)).because(Why::Notes))
            }
        }
    }

    /// After 70 and 55 the PIN is asked for, without a key in between.
    fn after_answer(&mut self, wish: &Wish, code: &str, ending: Ending) -> Step {
        let note = match code {
            "70" | "112" => "Type the PIN",
            "55" | "117" if wish.pin.is_some() => "Wrong PIN: try again",
            _ => {
                if wish.deed == Deed::MiniStatement && ending.tone == Tone::Good {
                    self.tab = Tab::Slip;
                }
                return Step::Done(ending);
            }
        };
        self.note = Some((Tone::Attention, note.to_owned()));
        Step::Pin(Secret::default())
    }

    fn slip_of_deal(&self, wish: &Wish, report: &Report) -> Slip {
        let pin = if wish.pin.is_some() { " and PIN" } else { "" };
        let heading = Heading {
            place: &self.setup.place,
            terminal: &self.setup.terminal,
            card: self.number_of(&wish.card),
            amount: wish.amount,
            deed: Some(wish.deed),
            notes: self.handed_out.as_ref(),
            shown_by: format!("{}{pin}", wish.entry.name()),
            ..Heading::default()
        };
        Slip::of(report, &heading)
    }
}

/// Whether a request that may have arrived changed something.
pub(super) const fn leaves_traces(deed: Deed) -> bool {
    !matches!(deed, Deed::Balance | Deed::MiniStatement)
}

fn failed(failure: &Failure) -> Ending {
    let headline = if failure.may_have_arrived { "NO ANSWER" } else { "NOT SENT" };
    Ending { tone: Tone::Bad, headline: headline.to_owned(), lines: vec![failure.why.clone()] }
}

fn told(said: &str) -> Ending {
    Ending { tone: Tone::Plain, headline: "DONE".to_owned(), lines: vec![said.to_owned()] }
}

fn doubt(headline: &str, line: &str) -> Ending {
    Ending { tone: Tone::Bad, headline: headline.to_owned(), lines: vec![line.to_owned()] }
}
