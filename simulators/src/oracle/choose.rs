//! What a lane asks for next: who, where, how much. Amounts go to the edges on purpose.

use super::judge::Slack;
use super::lane::{HOT_MAX, JudgedLane};
use super::request::{Act, Pin, Place, Request};
use super::rules::{Contactless, What};
use super::world::Household;
use super::{Shop, world::Standing};
use crate::gear::Gear;
use crate::intent::Trace;
use crate::load::operation::Operation;
use crate::portfolio::Terminal;
use payment_types::{DeviceCategory, Moment, Timestamp};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Cash is handed out in halves of a som (AMT-1).
const HALF: u64 = 50;
/// Looks at so many households before giving up for now.
const LOOKS: usize = 48;
const DAY_S: u64 = 86_400;

/// What a reversal leaves standing of an amount: in one case of four some whole som, else nothing.
fn left_standing(amount: u64, dice: &mut ChaCha8Rng) -> u64 {
    let whole = amount.saturating_sub(1) / 100;
    if whole > 0 && dice.random_ratio(1, 4) { dice.random_range(1..=whole) * 100 } else { 0 }
}

impl JudgedLane {
    /// An operation by its share.
    pub(super) fn operation(&mut self) -> Operation {
        let all: u32 = self.shop.mix.iter().map(|(_, share)| share).sum();
        let mut throw = self.dice.random_range(0..all.max(1));
        let found = self.shop.mix.iter().find(|(_, share)| match throw.checked_sub(*share) {
            Some(rest) => {
                throw = rest;
                false
            }
            None => true,
        });
        found.map_or(Operation::Purchase, |(operation, _)| *operation)
    }

    /// The next request; nothing if nobody is free. `skew` puts the terminal's clock wrong.
    pub(super) fn choose(&mut self, skew: Option<u64>) -> Option<Request> {
        let operation = self.operation();
        let mut at = self.shop.zone.now();
        if let Some(salt) = skew {
            let seconds = i64::try_from(1 + salt % DAY_S).unwrap_or(1) * 1000;
            let shift = if salt & 1 << 40 == 0 { seconds } else { -seconds };
            at = Moment::new(Timestamp(at.at.0 + shift), at.offset);
        }
        if operation == Operation::Echo {
            return self.echo(at);
        }
        for wanted in [operation, Operation::Purchase] {
            for _ in 0..LOOKS {
                let household = self.picker.pick(&mut self.dice);
                let suits = self.households.get(household).is_some_and(|home| suits(home, wanted));
                if suits && let Some(request) = self.request(wanted, household, at) {
                    return Some(request);
                }
            }
        }
        None
    }

    fn request(&mut self, operation: Operation, household: usize, at: Moment) -> Option<Request> {
        match operation {
            Operation::Reversal => self.reversal_of(household, Some(at)),
            Operation::Completion => self.completion(household, at),
            Operation::Repeat | Operation::Changed => self.again(operation, household),
            _ => self.fresh(operation, household, at),
        }
    }

    fn echo(&mut self, at: Moment) -> Option<Request> {
        let terminal = self.dice.random_range(0..self.shop.terminals.len().max(1));
        let trace = Trace::fresh(self.stan(), at);
        let plastic = &self.households.first()?.cards.first()?.plastic;
        let place = Place {
            plastic,
            terminal: self.shop.terminals.get(terminal)?,
            version: self.shop.version(),
        };
        let (operation, act, household, card) = (Operation::Echo, Act::Echo, usize::MAX, 0);
        let (amount, pin) = (0, Pin::None);
        let asked = (operation, amount);
        let (mti, fields, seals) = place.fresh(&mut self.gear, asked, (pin, false), &trace).ok()?;
        Some(Request {
            operation,
            act,
            household,
            card,
            terminal,
            amount,
            pin,
            mti,
            fields,
            seals,
            trace,
            after: Slack::default(),
        })
    }

    fn fresh(&mut self, operation: Operation, household: usize, at: Moment) -> Option<Request> {
        let trace = Trace::fresh(self.stan(), at);
        let home = self.households.get(household)?;
        let card = self.dice.random_range(0..home.cards.len().max(1));
        let places = self.shop.places(operation);
        let terminal = *places.get(self.dice.random_range(0..places.len().max(1)))?;
        let device = self.shop.terminals.get(terminal)?;
        let amount = self.shop.amount(operation, home, (card, device), &mut self.dice);
        let act = match operation {
            Operation::Purchase | Operation::WrongPin | Operation::ClonedChip => {
                Act::Debit(What::Purchase)
            }
            Operation::Tap => Act::Debit(What::Tap),
            Operation::Cash | Operation::NearCap => Act::Debit(What::Cash(device.category)),
            Operation::Preauth => Act::Hold,
            Operation::Refund => Act::Credit(What::Refund),
            Operation::CashIn => Act::Credit(What::CashIn),
            _ => Act::Balance,
        };
        let pin = match operation {
            Operation::WrongPin => Pin::Wrong,
            operation if operation.shape().with_pin => Pin::Right,
            _ => Pin::None,
        };
        let place = Place {
            plastic: &home.cards.get(card)?.plastic,
            terminal: device,
            version: self.shop.version(),
        };
        let with_chip = self.dice.random_range(0..100) < self.shop.chip;
        let asked = (operation, amount);
        let (mti, fields, seals) =
            place.fresh(&mut self.gear, asked, (pin, with_chip), &trace).ok()?;
        Some(Request {
            operation,
            act,
            household,
            card,
            terminal,
            amount,
            pin,
            mti,
            fields,
            seals,
            trace,
            after: Slack::default(),
        })
    }

    /// Takes back something that stands, in one case of four only in part.
    pub(super) fn reversal_of(&mut self, household: usize, at: Option<Moment>) -> Option<Request> {
        let stan = self.stan();
        let at = at.unwrap_or_else(|| self.shop.zone.now());
        let home = self.households.get_mut(household)?;
        let of = self.dice.random_range(0..home.standing.len().max(1));
        if of >= home.standing.len() {
            return None;
        }
        let standing = home.standing.remove(of);
        let stays =
            if standing.is_hold { 0 } else { left_standing(standing.amount, &mut self.dice) };
        let amount = standing.amount;
        self.about(Operation::Reversal, (household, standing), (amount, stays), (stan, at))
    }

    fn completion(&mut self, household: usize, at: Moment) -> Option<Request> {
        let stan = self.stan();
        let home = self.households.get_mut(household)?;
        let of = home.standing.iter().position(|standing| standing.is_hold)?;
        let hold = home.standing.remove(of);
        let least = (hold.amount / 2).max(1);
        let amount = self.dice.random_range(least..=hold.amount);
        self.about(Operation::Completion, (household, hold), (amount, 0), (stan, at))
    }

    fn about(
        &mut self,
        operation: Operation,
        (household, original): (usize, Standing),
        (amount, stays): (u64, u64),
        (stan, at): (u32, Moment),
    ) -> Option<Request> {
        let trace = original.trace.following(stan, at);
        let (card, terminal) = (original.card, original.terminal);
        let plastic = &self.households.get(household)?.cards.get(card)?.plastic;
        let place = Place {
            plastic,
            terminal: self.shop.terminals.get(terminal)?,
            version: self.shop.version(),
        };
        let mti = operation.shape().mti;
        let replacement = (stays > 0).then_some(stays);
        let amounts = (amount, replacement);
        let (mti, fields, seals) =
            place.about(&mut self.gear, &original, mti, amounts, &trace).ok()?;
        let act = match operation {
            Operation::Completion => Act::Complete(original),
            _ => Act::Reverse(original, stays),
        };
        let pin = Pin::None;
        Some(Request {
            operation,
            act,
            household,
            card,
            terminal,
            amount,
            pin,
            mti,
            fields,
            seals,
            trace,
            after: Slack::default(),
        })
    }

    /// What was said last once more, as it was or with another amount.
    fn again(&mut self, operation: Operation, household: usize) -> Option<Request> {
        let said = self.households.get(household)?.last.clone()?;
        let (act, mti, fields) = match operation {
            Operation::Changed => (Act::Changed, said.mti, said.changed()),
            _ => (Act::Repeat(said.reply.clone()), said.mti.as_repeat(), said.fields),
        };
        let text = |element| fields.get(&element).map(crate::exchange::plain);
        let stan = text(11)?.parse().ok()?;
        let at = self.shop.zone.now();
        let trace = Trace { stan, rrn: text(37).unwrap_or_default(), at, local: at };
        let (amount, pin, card, terminal) = (0, Pin::None, said.card, 0);
        let seals = said.seals;
        Some(Request {
            operation,
            act,
            household,
            card,
            terminal,
            amount,
            pin,
            mti,
            fields,
            seals,
            trace,
            after: Slack::default(),
        })
    }
}

/// Whether a household may be asked for such a thing now.
fn suits(home: &Household, operation: Operation) -> bool {
    if home.is_lost || home.cards.is_empty() {
        return false;
    }
    if home.is_hot {
        use Operation as O;
        let is_plain =
            matches!(operation, O::Purchase | O::Preauth | O::Refund | O::Balance | O::Reversal);
        let can = operation != O::Reversal || !home.standing.is_empty();
        return is_plain && can && home.open < HOT_MAX;
    }
    home.open == 0
        && match operation {
            Operation::Reversal => !home.standing.is_empty(),
            Operation::Completion => home.standing.iter().any(|standing| standing.is_hold),
            Operation::Repeat => home.last.is_some(),
            Operation::Changed => home.last.as_ref().is_some_and(super::world::Said::has_amount),
            _ => true,
        }
}

impl Shop {
    /// The terminals that do such a thing.
    fn places(&self, operation: Operation) -> &[usize] {
        let found = self.places.iter().find(|(known, _)| *known == operation);
        found.map_or(&[], |(_, places)| places.as_slice())
    }

    /// How much: within what was asked for, and now and then exactly at an edge of a rule.
    fn amount(
        &self,
        operation: Operation,
        home: &Household,
        (card, device): (usize, &Terminal),
        dice: &mut ChaCha8Rng,
    ) -> u64 {
        let (from, to) = (self.amounts.start() * 100, self.amounts.end() * 100);
        let plain = dice.random_range(from / 100..=to / 100) * 100;
        let edge = dice.random_range(0..100u32);
        let available = home.account_of(card).map_or(0, super::world::Account::available);
        let available = u64::try_from(available).unwrap_or_default();
        match operation {
            Operation::Balance | Operation::Echo => 0,
            Operation::Cash if device.category == DeviceCategory::Atm => {
                plain.div_ceil(crate::load::NOTE) * crate::load::NOTE
            }
            Operation::NearCap => {
                let holder = home.cards.get(card).map(|card| card.customer);
                let its = home.counted.iter().filter(|one| {
                    one.what == What::Cash(DeviceCategory::Agent)
                        && home.cards.get(one.card).map(|card| card.customer) == holder
                });
                let used: u64 = its.map(|one| one.amount).sum();
                let left = self.rules.agent_cash.cap.saturating_sub(used);
                match edge {
                    0..30 if left >= HALF => left,
                    0..60 => left / HALF * HALF + HALF,
                    _ => (left / 3 / HALF * HALF).max(HALF),
                }
            }
            Operation::Tap => match (&self.rules.contactless, edge) {
                (Contactless::Fixed(most), 0..2) => *most,
                (Contactless::Fixed(most), 2..5) => most + 1,
                _ => plain,
            },
            // One tyiyn too much, or everything there is.
            Operation::Purchase => match edge {
                0 => available + 1,
                1 if available > 0 && available < to * 3 => available,
                _ => plain,
            },
            _ => plain,
        }
    }

    /// The reversal of a message whose answer was lost.
    pub(super) fn undo(
        &self,
        gear: &mut Gear,
        original: &Request,
        households: &[Household],
        stan: u32,
    ) -> Option<Request> {
        let standing = original.standing(None, 0);
        let trace = original.trace.following(stan, self.zone.now());
        let plastic = &households.get(original.household)?.cards.get(original.card)?.plastic;
        let place = Place {
            plastic,
            terminal: self.terminals.get(original.terminal)?,
            version: self.version(),
        };
        let about = place.about(gear, &standing, "0420", (original.amount, None), &trace);
        let (mti, fields, seals) = about.ok()?;
        let (pin, act) = (Pin::None, Act::Undo);
        Some(Request { act, pin, mti, fields, seals, trace, ..original.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_reversal_leaves_less_than_there_was() {
        let mut dice = ChaCha8Rng::seed_from_u64(1);
        for amount in [0, 1, 99, 100, 101, 150, 199, 200, 201, 50_000] {
            let left: Vec<u64> = (0..200).map(|_| left_standing(amount, &mut dice)).collect();
            assert!(left.iter().all(|left| left % 100 == 0 && (*left == 0 || *left < amount)));
            assert_eq!(left.iter().any(|left| *left > 0), amount > 100, "{amount}");
        }
    }
}
