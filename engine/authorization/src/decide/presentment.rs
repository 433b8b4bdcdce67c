//! Presentments of a clearing file: facts (TOD-1), matched to what was authorized (TXN-4).
//!
//! Found in this order: the retrieval reference number; the authorization code, with an amount
//! within the rule set's tolerance; where neither is told, the newest open hold of the card at the
//! same terminal with an amount within the tolerance. Always of the same card and in the same
//! direction. What is found is completed with the presented amount: its hold ends, or what was
//! booked is corrected by the difference. What is not found is booked as it is.

use super::case::Case;
use super::checks::{Direction, Kind, kind_of};
use super::fact;
use super::money::signed;
use super::naming::{self, Business, LOOK_BACK};
use crate::clearing::{Presented, REMEMBER_DAYS, reference_digest};
use crate::transactions::{Place, Status, Transaction};
use crate::{Decision, Liability, Presentment, ResultCode, RuleId, Verdict};
use ledger::{GeneralAccount, OverdraftCause};
use limits::Operation;
use payment_types::{Class, TransactionType};

pub(super) fn decide(mut case: Case<'_>, presentment: &Presentment) -> Decision {
    match book(&mut case, presentment) {
        Ok(row) => {
            let code = case.request.authorization_code;
            // One that completes nothing in time is late by itself (TOD-1).
            if case.scratch.effects.cause != Some(OverdraftCause::Completion) {
                case.scratch.effects.cause = Some(OverdraftCause::LatePresentment);
            }
            fact::notice(&mut case);
            case.scratch.effects.presented = Some(Presented {
                reference: reference_digest(&presentment.reference),
                sequence: case.sequence,
                amount: case.request.amount.minor(),
            });
            case.finish(row, ResultCode::Booked, code, Liability::Unset)
        }
        Err(result) => {
            let decision = case.decline(result);
            // Nothing to repeat or to reverse: only what was booked is kept in memory.
            case.scratch.effects.keep = None;
            decision
        }
    }
}

fn book(case: &mut Case<'_>, presentment: &Presentment) -> Result<Transaction, ResultCode> {
    if let Some(before) = case.state.presented().find(&presentment.reference) {
        let asked = signed(case.request.amount.minor());
        case.trace(RuleId::Txn1, Verdict::Decline, asked, signed(before.amount), 0);
        case.scratch.original = Some(before.sequence);
        return Err(ResultCode::PresentedBefore);
    }
    in_time(case, presentment)?;
    let (Some((_, card)), Some((_, account))) = (case.card, case.account) else {
        case.note(RuleId::Blk2, Verdict::Decline);
        return Err(ResultCode::UnknownCard);
    };
    if !case.request.amount.currency().is_known() {
        case.note(RuleId::Amt2, Verdict::Decline);
        return Err(ResultCode::CurrencyNotPermitted);
    }
    if card.obstacle(case.date).is_some() || account.arrested || account.closed {
        case.note(RuleId::Blk4, Verdict::Note);
    }
    let mut kind = kind(case)?;
    let original = original_of(case, kind);
    if let Some(row) = original.and_then(|place| case.state.transactions().get(place)) {
        kind.counterpart = row.counterpart;
    }
    fact::settle(case, kind, original)
}

/// References are forgotten one day, so what is older than that is for people to look at.
fn in_time(case: &mut Case<'_>, presentment: &Presentment) -> Result<(), ResultCode> {
    let age = case.date.days().saturating_sub(presentment.operation.days());
    if (0..REMEMBER_DAYS).contains(&age) {
        return Ok(());
    }
    case.trace(RuleId::Txn4, Verdict::Decline, i64::from(age), 0, i64::from(REMEMBER_DAYS));
    Err(ResultCode::PresentmentOutOfTime)
}

/// What was done. A device of ours is settled as its category says, any other with its network.
fn kind(case: &mut Case<'_>) -> Result<Kind, ResultCode> {
    let asked = case.request.processing_code.transaction_type();
    let absent = case.request.entry_mode.is_card_absent();
    let ours = case.terminal.map(|(_, terminal)| kind_of(asked, terminal.category, absent));
    if let Some(Ok(kind)) = ours.filter(|kind| matches!(kind, Ok(kind) if kind.moves())) {
        return Ok(Kind { has_cash_back: false, ..kind });
    }
    let (operation, direction) = match asked {
        TransactionType::Purchase | TransactionType::PurchaseWithCashback => {
            (Operation::Purchase, Direction::Debit)
        }
        TransactionType::Cash | TransactionType::CashDisbursement => {
            (Operation::AtmCash, Direction::Debit)
        }
        TransactionType::Refund | TransactionType::CreditAdjustment => {
            (Operation::Refund, Direction::Credit)
        }
        _ => {
            case.note(RuleId::Txn5, Verdict::Decline);
            return Err(ResultCode::InvalidTransaction);
        }
    };
    let counterpart = GeneralAccount::NetworkSettlement;
    Ok(Kind {
        operation,
        direction,
        is_cash: false,
        has_cash_back: false,
        counterpart,
        receiver: None,
    })
}

fn original_of(case: &Case<'_>, kind: Kind) -> Option<Place> {
    let request = case.request;
    let transactions = case.state.transactions();
    // A network clears sales and cash, and what gives them back; transfers stay in the bank.
    let is_of_kind = |done: Business| match kind.direction {
        Direction::Credit => done == Business::Refund,
        _ => matches!(done, Business::Sale | Business::Cash),
    };
    let is_it = |row: &Transaction| {
        let codes = (request.authorization_code, row.answer.authorization_code);
        case.is_of_card(row)
            && !naming::is_presented(row)
            && Business::done_by(row).is_some_and(is_of_kind)
            && matches!(row.mti.class(), Class::Authorization | Class::Financial)
            && (row.status.is_live() || row.status == Status::Completed)
            && !matches!(codes, (Some(told), Some(given)) if told != given)
    };
    let near = |row: &Transaction| is_near(case, row.stands.unsigned_abs());
    let by_rrn = request.rrn.and_then(|rrn| transactions.by_rrn(&rrn, is_it));
    let by_code = || {
        let code = request.authorization_code?;
        let both = |row: &Transaction| is_it(row) && near(row);
        transactions.by_authorization_code(&code, case.sequence, both)
    };
    let by_amount = || {
        let nothing_told = request.rrn.is_none() && request.authorization_code.is_none();
        let (account, _) = case.account.filter(|_| nothing_told)?;
        let open = |place: &Place| {
            transactions.get(*place).is_some_and(|row| {
                let here = row.terminal == request.terminal && row.hold.is_some();
                here && is_it(row) && near(row)
            })
        };
        transactions.of_account(account).take(LOOK_BACK).find(open)
    };
    let place = by_rrn.or_else(by_code).or_else(by_amount)?;
    still_open(case, place)
}

/// The transaction that stands now: an increment's preauthorization, a preauthorization's
/// completion. One that was presented before stands no longer.
fn still_open(case: &Case<'_>, place: Place) -> Option<Place> {
    let transactions = case.state.transactions();
    let row = transactions.get(place)?;
    match row.status {
        Status::Increment => transactions.place_of(row.follows?),
        Status::Completed => {
            naming::completion(case.state, place, |row| !naming::is_presented(row))
        }
        _ => Some(place),
    }
}

/// Within the rule set's tolerance of what was authorized.
fn is_near(case: &Case<'_>, authorized: u64) -> bool {
    let presented = u128::from(case.request.amount.minor());
    let percent = u128::from(case.state.rules().clearing.tolerance_percent);
    let off = presented.abs_diff(u128::from(authorized));
    off.saturating_mul(100) <= u128::from(authorized).saturating_mul(percent)
}
