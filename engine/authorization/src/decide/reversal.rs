//! 0400 and 0420: undoing (TXN-2). Money, holds, counters and since-PIN state go back to where they
//! were; a reversal that comes first is remembered and kills its original.

use super::case::{Case, card_hash};
use super::money::{signed, unsigned};
use super::postings::{Standing, post_change};
use super::price::cost_of;
use super::{claims, count, fact, refund};
use crate::batch::Counted;
use crate::pin_change::PinStep;
use crate::transactions::{MTI_NOT_TOLD, Place, Status, Transaction};
use crate::{
    Decision, HoldChange, Liability, Request, ResultCode, RuleId, Scratch, State, TraceEntry,
    Verdict,
};
use ledger::{GeneralAccount, OverdraftCause, Party};
use payment_types::{Amount, Balance, Class, TransactionType};

pub(super) fn decide(mut case: Case<'_>) -> Decision {
    let Some(place) = original_of(&case) else {
        return remember(case);
    };
    case.scratch.original = case.state.transactions().get(place).map(|row| row.sequence);
    match undo(&mut case, place) {
        Ok(result) => {
            let mut row = case.row(Status::Follower, GeneralAccount::MerchantSettlement);
            row.follows = case.scratch.original;
            case.finish(row, result, None, Liability::Unset)
        }
        Err(result) => {
            case.note(RuleId::Txn2, Verdict::Decline);
            case.decline(result)
        }
    }
}

/// Processing code 02 (TXN-5): the terminal takes back a transaction of its own. Unlike a reversal
/// it is refused where there is nothing to take back.
pub(super) fn void(mut case: Case<'_>) -> Decision {
    let place = original_of(&case);
    let original = place.and_then(|place| case.state.transactions().get(place));
    let stands = original.is_some_and(|row| matches!(row.status, Status::Posted | Status::Held));
    if !stands || case.request.card.is_none() {
        case.note(RuleId::Txn5, Verdict::Decline);
        return case.decline(ResultCode::InvalidTransaction);
    }
    decide(case)
}

/// By DE 90; else by retrieval reference number, terminal and, where it is the original's, STAN.
fn original_of(case: &Case<'_>) -> Option<Place> {
    let request = case.request;
    let transactions = case.state.transactions();
    if let Some(original) = &request.original {
        return transactions.original(request.terminal, original);
    }
    let rrn = request.rrn?;
    let same = |row: &Transaction| row.terminal == request.terminal && row.status.is_original();
    let exact = |row: &Transaction| same(row) && row.stan == request.stan;
    transactions.by_rrn(&rrn, exact).or_else(|| transactions.by_rrn(&rrn, same))
}

fn undo(case: &mut Case<'_>, place: Place) -> Result<ResultCode, ResultCode> {
    let state = case.state;
    let Some(original) = state.transactions().get(place) else {
        return Err(ResultCode::SystemError);
    };
    let request = case.request;
    if request.card.is_some() && card_hash(request) != original.card_hash {
        return Err(ResultCode::ReversalDiffers);
    }
    let told = request.amount.minor() > 0 || request.replacement.is_some();
    if told && request.amount.currency() != original.currency {
        case.note(RuleId::Amt2, Verdict::Decline);
        return Err(ResultCode::ReversalDiffers);
    }
    case.scratch.parties.card = original.card;
    case.scratch.parties.account = original.account;
    let nothing_left = matches!(
        original.status,
        Status::Declined | Status::Informed | Status::Reversed | Status::Expired | Status::Follower
    );
    if nothing_left {
        case.note(RuleId::Txn2, Verdict::Note);
        return Ok(ResultCode::Reversed);
    }
    if original.status == Status::Completed {
        // What it promised is the completion's now; the bank looks at it (reconciliation).
        case.note(RuleId::Txn4, Verdict::Note);
        return Ok(ResultCode::ReversalRecorded);
    }
    // What refunds have given back of it is not given back again (TXN-5).
    let left = original.stands.abs();
    let stays = stays(case, original)?.saturating_add(signed(original.given_back)).min(left);
    case.trace(RuleId::Txn2, Verdict::Note, left.saturating_sub(stays), left, stays);
    match original.status {
        Status::Held => release(case, place, original, stays),
        Status::Increment => shrink_increment(case, place, original, stays),
        _ => post_back(case, place, original, stays),
    }
    Ok(ResultCode::Reversed)
}

/// What stays after the reversal: DE 95's first amount, or nothing.
fn stays(case: &Case<'_>, original: &Transaction) -> Result<Balance, ResultCode> {
    let left = original.stands.abs();
    match case.request.replacement {
        Some(stays) => {
            let stays = signed(stays);
            if stays > left { Err(ResultCode::ReversalDiffers) } else { Ok(stays) }
        }
        None => {
            let told = case.request.amount.minor();
            let fits = told == 0 || told == original.amount || signed(told) == left;
            if fits { Ok(0) } else { Err(ResultCode::ReversalDiffers) }
        }
    }
}

/// A preauthorization: the hold goes, with its increments, or stays for a part.
fn release(case: &mut Case<'_>, place: Place, original: &Transaction, stays: Balance) {
    let Some(hold) = original.hold else { return };
    if stays == 0 {
        case.scratch.movement.hold = HoldChange::Voided(hold);
        fact::shrink(case, place, 0, Status::Reversed);
        return;
    }
    let held = case.state.ledger().hold(hold).map_or(0, |hold| hold.amount);
    let less = cost_of(original, original.stands).saturating_sub(cost_of(original, stays));
    case.scratch.movement.hold = HoldChange::Resized(hold, held.saturating_sub(less));
    let change = fact::give_back(case, place, original, stays);
    case.scratch.effects.changes.push(change);
}

/// An increment: its part of the hold goes.
fn shrink_increment(case: &mut Case<'_>, place: Place, original: &Transaction, stays: Balance) {
    let transactions = case.state.transactions();
    let root = original.follows.and_then(|sequence| transactions.place_of(sequence));
    let Some(hold) = root.and_then(|root| transactions.get(root)).and_then(|root| root.hold) else {
        return;
    };
    let held = case.state.ledger().hold(hold).map_or(0, |hold| hold.amount);
    let less = cost_of(original, original.stands).saturating_sub(cost_of(original, stays));
    case.scratch.movement.hold = HoldChange::Resized(hold, held.saturating_sub(less));
    let mut change = fact::give_back(case, place, original, stays);
    if stays == 0 {
        change.status = Status::Reversed;
    }
    case.scratch.effects.changes.push(change);
}

/// Money that moved: it moves back, with what rounding had left (AMT-1).
fn post_back(case: &mut Case<'_>, place: Place, original: &Transaction, stays: Balance) {
    let Some(slot) = original.account else { return };
    let mut change = fact::give_back(case, place, original, stays);
    if stays == 0 {
        change.status = Status::Reversed;
    }
    let general = Party::General(original.counterpart);
    let bank = original.receiver.map_or(general, Party::Customer);
    let was_debit = original.stands >= 0;
    restore_pin(case, original);
    let is_transfer = original.processing_code.transaction_type() == TransactionType::Transfer;
    if original.stands != 0 && !is_transfer {
        let what = if was_debit { Counted::DebitReversal } else { Counted::CreditReversal };
        case.count_as(what, 1, original.stands.abs().saturating_sub(stays));
    }
    let before = Standing::of(original);
    let stays_then = unsigned(change.stands.abs());
    let after = before.lowered(stays_then, change.cash_exact, change.cash);
    let after = (stays > 0).then_some((after, bank));
    let transfers = &mut case.scratch.movement.transfers;
    post_change(transfers, Party::Customer(slot), Some((before, bank)), after);
    case.scratch.effects.changes.push(change);
    refund::undone(case, original, stays);
    if was_debit {
        claims::settle(case, original);
    }
    give_back_followed(case, place, stays);
    if let Some(receiver) = original.receiver {
        // What was received may have been spent: then the receiver owes it (TOD-1).
        case.scratch.effects.cause = Some(OverdraftCause::Reversal);
        let sender = case.account;
        case.account = case.state.ledger().account(receiver).map(|account| (receiver, account));
        fact::notice(case);
        case.account = sender;
    } else if !was_debit {
        case.scratch.effects.cause = Some(OverdraftCause::Reversal);
        fact::notice(case);
    }
}

/// PIN-4: a change that is reversed gives the former PIN back, unless a newer one was set since: the
/// holder knows that one. The trace says 1 where it was given back, 0 where the newer one stays.
fn restore_pin(case: &mut Case<'_>, original: &Transaction) {
    if original.processing_code.transaction_type() != TransactionType::PinChange {
        return;
    }
    let is_last =
        original.card.is_some_and(|card| case.state.changed_pin_last(card, original.sequence));
    if is_last {
        case.scratch.effects.pin = Some(PinStep::Restore);
    }
    case.trace(RuleId::Pin4, Verdict::Note, Balance::from(is_last), 0, 0);
}

/// The counters that a completion left with what it completed give back with it.
fn give_back_followed(case: &mut Case<'_>, place: Place, stays: Balance) {
    let counted = count::carrier(case.state, place);
    if counted != place {
        fact::shrink(case, counted, stays, Status::Completed);
    }
}

/// TXN-2: the request as a partial reversal (DE 95) that came before it leaves it.
pub(super) fn left_by_an_early_one(state: &State, request: &Request) -> Option<Request> {
    let moves = matches!(request.mti.class(), Class::Authorization | Class::Financial);
    let transactions = state.transactions();
    let early = transactions.get(transactions.tombstone(request).filter(|_| moves)?)?;
    let (asked, stays) = (request.amount, unsigned(early.stands));
    let fits = stays > 0 && stays < asked.minor() && early.currency == asked.currency();
    // What was sent before is answered as it was.
    let is_new = transactions.first_transmission(request).is_none();
    (fits && is_new).then(|| Request {
        amount: Amount::new(stays, asked.currency()),
        cash_back: request.cash_back.map(|cash| cash.min(stays)),
        ..*request
    })
}

/// The answer to such a request tells what was approved of it, and its repetition is known by what
/// it asked for.
pub(super) fn answer_what_is_left(
    mut decision: Decision,
    (asked, left): (&Request, &Request),
    scratch: &mut Scratch,
) -> Decision {
    scratch.trace.push(TraceEntry::plain(RuleId::Txn2, Verdict::Note));
    let approved = Some(left.amount.minor()).filter(|_| decision.result.is_approval());
    decision.amounts.approved = decision.amounts.approved.or(approved);
    if let Some(row) = &mut scratch.effects.keep {
        row.amount = asked.amount.minor();
        row.answer.amounts.approved = decision.amounts.approved;
    }
    decision
}

/// Unknown original: recorded, answered `00` so that the terminal stops repeating, and kept so that
/// the original is killed when it comes.
fn remember(mut case: Case<'_>) -> Decision {
    case.note(RuleId::Txn2, Verdict::Note);
    let request = case.request;
    let mut tombstone = case.row(Status::Tombstone, GeneralAccount::MerchantSettlement);
    tombstone.mti = MTI_NOT_TOLD;
    tombstone.transmission = Default::default();
    tombstone.acquirer = request.acquirer;
    // Of a partial one: what stays of the original when it comes.
    tombstone.stands = request.replacement.map_or(0, signed);
    if let Some(original) = &request.original {
        tombstone.mti = original.mti.without_version().without_repeat();
        tombstone.stan = original.stan;
        tombstone.transmission = original.transmission;
        tombstone.acquirer = original.acquirer;
    }
    case.scratch.effects.tombstone = Some(tombstone);
    let row = case.row(Status::Follower, GeneralAccount::MerchantSettlement);
    case.finish(row, ResultCode::ReversalRecorded, None, Liability::Unset)
}
