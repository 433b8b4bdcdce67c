//! What the counters make of messages about an earlier one: increments are looked at with what they
//! add to (TXN-4), and a completion counts for what it really moved (CTL-7, AGT-4).
//!
//! Of a transaction and its completions the counters have one amount, kept by one of them: the
//! *carrier*. A completion of the same kind that is not more leaves it where it is, lowered; any
//! other takes it over: the counters give back what they had and count the fact itself, when it
//! came, so that a small hold is no way around a cap.

use super::case::Case;
use super::checks::Kind;
use super::fact;
use super::money::Money;
use super::price::{Priced, som_of};
use crate::clearing::PRESENTMENT;
use crate::effects::Change;
use crate::transactions::{Place, Status, Transaction};
use crate::{Liability, RuleId, State, Verdict};
use limits::{Before, Facts, Pin};
use payment_types::{Balance, Function, ProcessingCode, TransactionType};

/// Whether two messages are of one kind, as far as what is counted goes.
pub(super) fn is_alike(one: ProcessingCode, other: ProcessingCode) -> bool {
    let kind = |code: ProcessingCode| match code.transaction_type() {
        TransactionType::CashDisbursement => TransactionType::Cash,
        kind => kind,
    };
    kind(one) == kind(other)
}

/// Which transaction keeps what the counters have of this one: itself, or what it completed.
pub(super) fn carrier(state: &State, place: Place) -> Place {
    let mut at = place;
    loop {
        let Some(row) = state.transactions().get(at).filter(|row| row.moves.1 == 0) else {
            return at;
        };
        let before = row.follows.and_then(|before| state.transactions().place_of(before));
        let completed = |place: &Place| {
            let row = state.transactions().get(*place);
            row.is_some_and(|row| row.status == Status::Completed)
        };
        match before.filter(completed) {
            Some(before) => at = before,
            None => return at,
        }
    }
}

/// What stands of a transaction with its increments.
struct Whole {
    amount: u64,
    cash_exact: u64,
}

impl Whole {
    fn of(state: &State, root: Place) -> Self {
        let mut whole = Self { amount: 0, cash_exact: 0 };
        for place in state.chain_of(root).chain([root]) {
            let Some(part) = state.transactions().get(place) else { continue };
            whole.amount = whole.amount.saturating_add(part.stands.unsigned_abs());
            whole.cash_exact = whole.cash_exact.saturating_add(part.cash_exact);
        }
        whole
    }
}

/// The counters after a completion of the transaction at `place`.
pub(super) fn completed(
    case: &mut Case<'_>,
    kind: Kind,
    (money, priced): (Money, &Priced),
    place: Place,
) {
    let state = case.state;
    let Some(original) = state.transactions().get(place) else { return };
    let counted = carrier(state, place);
    let facts = case.facts(kind, money, priced).filter(|_| money.amount > 0);
    let takes_over = facts.filter(|_| !is_within(case, kind, money, (original, counted)));
    if let Some(facts) = takes_over {
        give_all_back(case, counted);
        case.note(RuleId::Agt4, Verdict::Note);
        let pin = pin_of(original, &facts);
        case.scratch.effects.record = Some(Facts { pin, ..facts });
    } else {
        // In another currency than it was held in, how much less it is cannot be said.
        let same = original.currency == case.request.amount.currency();
        let to = if same { money.amount } else { original.stands.saturating_abs() };
        fact::shrink(case, counted, to, Status::Completed);
    }
    if counted != place {
        let mut change = Change::unchanged(place, original);
        (change.status, change.hold) = (Status::Completed, None);
        case.scratch.effects.changes.push(change);
    }
}

/// Whether a completion is of the kind that was counted, and not more of it.
fn is_within(
    case: &Case<'_>,
    kind: Kind,
    money: Money,
    (original, counted): (&Transaction, Place),
) -> bool {
    let request = case.request;
    let whole = Whole::of(case.state, counted);
    let asked = money.amount.unsigned_abs();
    let was_cash = whole.cash_exact > 0 && whole.cash_exact == whole.amount;
    if request.mti == PRESENTMENT {
        // Of a purchase with cash-back a clearing file does not tell the cash.
        let one_kind = kind.is_cash == was_cash && (was_cash || whole.cash_exact == 0);
        return asked <= whole.amount || !one_kind;
    }
    let pure = match money.cash_exact {
        0 => whole.cash_exact == 0,
        cash => cash == asked && was_cash,
    };
    let same = asked == whole.amount && money.cash_exact == whole.cash_exact;
    original.currency == request.amount.currency()
        && original.terminal == request.terminal
        && is_alike(original.processing_code, request.processing_code)
        && asked <= whole.amount
        && (pure || same)
}

/// A completion carries no PIN: the one of the request that it completes stands for it.
fn pin_of(original: &Transaction, facts: &Facts) -> Pin {
    let was_asked = original.mti.function() == Function::Request;
    match original.answer.liability {
        Liability::Issuer => Pin::None,
        _ if was_asked && facts.pin == Pin::None => Pin::Offline,
        _ => facts.pin,
    }
}

/// The counters give back all that they have of a transaction, once and for all; what it stands for
/// does not change by that.
fn give_all_back(case: &mut Case<'_>, root: Place) {
    let state = case.state;
    for place in state.chain_of(root).chain([root]) {
        let Some(part) = state.transactions().get(place) else { continue };
        let _given_back = fact::give_back(case, place, part, 0);
        let mut change = Change::unchanged(place, part);
        (change.status, change.hold, change.counts) = (Status::Completed, None, false);
        case.scratch.effects.changes.push(change);
    }
}

impl Case<'_> {
    /// TXN-4: what stands of the transaction that the one under decision adds to, with all that was
    /// added before.
    pub(super) fn see_before(&mut self, root: Place) {
        let state = self.state;
        let (mut before, mut unproven) = (Before::default(), 0u64);
        let add = |sum: &mut u64, part: u64| *sum = sum.saturating_add(part);
        for place in state.chain_of(root).chain([root]) {
            let Some(part) = state.transactions().get(place) else { continue };
            let amount = som_of(part, part.stands.unsigned_abs());
            add(&mut before.amount_kgs, amount);
            add(&mut before.cash_kgs, som_of(part, part.cash));
            add(&mut before.cash_exact_kgs, som_of(part, part.cash_exact));
            match part.answer.liability {
                // CTL-5: so an approval without PIN was marked.
                Liability::Issuer => add(&mut before.no_pin_kgs, amount),
                Liability::Acquirer => add(&mut unproven, amount),
                Liability::Unset => {}
            }
        }
        (self.found.before, self.found.unproven_before) = (before, unproven);
        let amount = Balance::try_from(before.amount_kgs).unwrap_or(Balance::MAX);
        self.trace(RuleId::Txn4, Verdict::Note, 0, amount, 0);
    }
}
