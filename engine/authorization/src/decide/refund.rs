//! Refunds that name their sale (TXN-5): credits of their own, of no more together than still stands
//! of it. What they have given back, a reversal of the sale does not give back again (TXN-2).

use super::case::Case;
use super::checks::{Direction, Kind};
use super::claims;
use super::money::{Money, signed, unsigned};
use super::naming::{self, Business};
use crate::clearing::PRESENTMENT;
use crate::effects::Change;
use crate::transactions::{Place, Status, Transaction};
use crate::{ResultCode, RuleId, Verdict};
use payment_types::{Balance, Currency};

/// The sale that a refund gives back, and how much of it by then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sale {
    place: Place,
    given_back: u64,
}

/// The sale that a refund names, by itself or by the refund that it corrects: that of DE 90, or of
/// the retrieval reference number at the same merchant. Checks that so much of it still stands, and
/// that a sale is not completed with less than refunds have given back of it.
pub(super) fn sale_of(
    case: &mut Case<'_>,
    kind: Kind,
    money: Money,
    corrected: Option<&Transaction>,
) -> Result<Option<Sale>, ResultCode> {
    let asked = case.request.amount;
    if corrected.is_some_and(|row| !covers(row, money, asked.currency())) {
        case.note(RuleId::Txn5, Verdict::Decline);
        return Err(ResultCode::InvalidAmount);
    }
    if kind.direction != Direction::Credit {
        return Ok(None);
    }
    let transactions = case.state.transactions();
    let place = match corrected {
        Some(row) => row.gives_back.and_then(|sale| transactions.place_of(sale)),
        None => named(case),
    };
    let Some(place) = place else { return Ok(None) };
    let standing = naming::standing(case.state, place).unwrap_or(place);
    let Some(sale) = transactions.get(standing) else { return Ok(None) };
    let stands = if sale.status == Status::Posted { sale.stands } else { 0 };
    let before = corrected.map_or(0, |row| row.stands.abs());
    let given_back = signed(sale.given_back).saturating_sub(before).saturating_add(money.amount);
    let fits = given_back <= stands && sale.currency == asked.currency();
    if case.request.mti == PRESENTMENT {
        // What a network clears is booked as it is; it counts where it fits.
        return Ok(fits.then_some(Sale { place: standing, given_back: unsigned(given_back) }));
    }
    case.scratch.original = Some(sale.sequence);
    let verdict = if fits { Verdict::Pass } else { Verdict::Decline };
    case.trace(RuleId::Txn5, verdict, money.amount, signed(sale.given_back), stands);
    if sale.currency != asked.currency() {
        case.note(RuleId::Amt2, Verdict::Decline);
        return Err(ResultCode::CurrencyNotPermitted);
    }
    if !fits {
        return Err(ResultCode::InvalidAmount);
    }
    Ok(Some(Sale { place: standing, given_back: unsigned(given_back) }))
}

/// Whether a sale completed with this amount covers what refunds have given back of it.
fn covers(sale: &Transaction, money: Money, currency: Currency) -> bool {
    let less = sale.currency != currency || money.amount < signed(sale.given_back);
    sale.given_back == 0 || !less
}

/// A debit of the same card: what DE 90 names, or what moved under the same reference number.
fn named(case: &Case<'_>) -> Option<Place> {
    if case.business() != Some(Business::Refund) {
        return None;
    }
    let transactions = case.state.transactions();
    let is_debit = |row: &Transaction| {
        Business::done_by(row).is_some_and(Business::is_debit) && case.is_of_card(row)
    };
    if let Some(place) = case.named() {
        return transactions.get(place).filter(|row| is_debit(row)).map(|_| place);
    }
    let moved = |row: &Transaction| {
        matches!(row.status, Status::Posted | Status::Completed)
            && is_debit(row)
            && case.is_at_the_same_place(row)
    };
    let place = transactions.by_rrn(&case.request.rrn?, moved)?;
    naming::standing(case.state, place)
}

/// Keeps in the refund which sale it gives back, and in the sale how much was.
pub(super) fn note(case: &mut Case<'_>, row: &mut Transaction, sale: Option<Sale>) {
    let transactions = case.state.transactions();
    let Some(Sale { place, given_back }) = sale else { return };
    let Some(of) = transactions.get(place) else { return };
    row.gives_back = Some(of.sequence);
    let change = Change { given_back, ..Change::unchanged(place, of) };
    case.scratch.effects.changes.push(change);
    claims::settle(case, of);
}

/// A refund was undone but for what stays: so much more stands of its sale again.
pub(super) fn undone(case: &mut Case<'_>, refund: &Transaction, stays: Balance) {
    let transactions = case.state.transactions();
    let sale = refund.gives_back.and_then(|sale| transactions.place_of(sale));
    let Some(place) = sale.and_then(|place| naming::standing(case.state, place)) else { return };
    let Some(sale) = transactions.get(place) else { return };
    let less = unsigned(refund.stands.abs().saturating_sub(stays));
    let given_back = sale.given_back.saturating_sub(less);
    let change = Change { given_back, ..Change::unchanged(place, sale) };
    case.scratch.effects.changes.push(change);
}
