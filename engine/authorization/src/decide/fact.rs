//! 0120 and 0220: what already happened (TOD-1). Booked whatever the balance, the blocks and the
//! limits say (BLK-4); what is not covered opens a technical overdraft.

use super::case::Case;
use super::checks::{Direction, Kind};
use super::count;
use super::money::{Money, round_cash, signed};
use super::postings::{Standing, post_change};
use super::price::{Priced, som_of};
use super::{claims, naming, refund};
use crate::effects::Change;
use crate::transactions::{Place, Status, Transaction};
use crate::{Decision, HoldChange, Liability, Notice, ResultCode, RuleId, Verdict};
use ledger::{OpenOverdraft, OverdraftCause, Party};
use limits::Portion;
use payment_types::{AuthorizationCode, Balance};

pub(super) fn decide(case: Case<'_>) -> Decision {
    decide_about(case, None)
}

/// As [`decide`], about a transaction that was found already.
pub(super) fn decide_about(mut case: Case<'_>, about: Option<Place>) -> Decision {
    match book(&mut case, about) {
        Ok(row) => {
            let told = case.request.authorization_code;
            let code = told.unwrap_or_else(|| AuthorizationCode::from_sequence(case.sequence));
            notice(&mut case);
            case.finish(row, ResultCode::Booked, Some(code), Liability::Unset)
        }
        Err(result) => case.decline(result),
    }
}

fn book(case: &mut Case<'_>, about: Option<Place>) -> Result<Transaction, ResultCode> {
    case.not_reversed_before()?;
    let mut kind = case.kind()?;
    let (Some((_, card)), Some((_, account))) = (case.card, case.account) else {
        case.note(RuleId::Blk2, Verdict::Decline);
        return Err(ResultCode::UnknownCard);
    };
    case.flag_chip();
    if kind.direction == Direction::None {
        return Err(ResultCode::InvalidTransaction);
    }
    case.currency_in_order()?;
    if card.obstacle(case.date).is_some() || account.arrested || account.closed {
        case.note(RuleId::Blk4, Verdict::Note);
    }
    // A fact is booked whatever became of the network since; it is flagged (BLK-4, NET-1).
    let _flagged = case.network_in_order().is_err();
    let original = about.or_else(|| naming::original_of(case));
    let before = original.and_then(|place| case.state.transactions().get(place));
    // Only a transfer is found for a transfer, so nobody else's receiver is taken over.
    kind.receiver = before.and_then(|row| row.receiver).or(kind.receiver);
    case.receiver_in_order(kind)?;
    let booked = before.filter(|row| row.status == Status::Posted).map(|row| row.stands.abs());
    let row = settle(case, kind, original)?;
    // Of what was booked before only the difference counts.
    match booked {
        Some(before) => case.count(kind, 0, row.stands.abs().saturating_sub(before)),
        None => case.count(kind, 1, row.stands.abs()),
    }
    Ok(row)
}

/// Books a fact: as the completion of what was found, or by itself.
pub(super) fn settle(
    case: &mut Case<'_>,
    kind: Kind,
    original: Option<Place>,
) -> Result<Transaction, ResultCode> {
    let money = money(case, kind, original.is_some())?;
    let completed = original.and_then(|place| case.state.transactions().get(place));
    let priced = case.price_fact(kind, money, completed)?;
    case.trace_fees(&priced);
    let sale = refund::sale_of(case, kind, money, completed)?;
    let mut row = case.row(Status::Posted, kind.counterpart);
    row.receiver = kind.receiver;
    row.stands = match kind.direction {
        Direction::Credit => money.amount.saturating_neg(),
        _ => money.amount,
    };
    (row.cash_exact, row.cash) = (money.cash_exact, money.cash);
    match original {
        Some(place) => complete(case, kind, (money, &priced), place, &mut row),
        None => {
            case.note(RuleId::Tod1, Verdict::Note);
            case.scratch.effects.cause = Some(OverdraftCause::Advice);
            case.post(kind, money, &priced);
            case.scratch.effects.record = case.facts(kind, money, &priced);
        }
    }
    row.pricing = priced.pricing;
    refund::note(case, &mut row, sale);
    Ok(row)
}

/// A fact of nothing makes sense only as the completion that releases a hold.
fn money(case: &mut Case<'_>, kind: Kind, completes: bool) -> Result<Money, ResultCode> {
    if completes && case.request.amount.minor() == 0 {
        return Ok(Money { amount: 0, cash_exact: 0, cash: 0 });
    }
    let money = case.money(kind)?;
    case.amounts.hand_out = None;
    Ok(money)
}

/// TXN-4: the final amount instead of what was held or booked before, in the counters too (AGT-4).
fn complete(
    case: &mut Case<'_>,
    kind: Kind,
    (money, priced): (Money, &Priced),
    place: Place,
    row: &mut Transaction,
) {
    let state = case.state;
    let Some(original) = state.transactions().get(place) else { return };
    row.follows = Some(original.sequence);
    (row.given_back, row.gives_back) = (original.given_back, original.gives_back);
    case.scratch.original = row.follows;
    case.trace(RuleId::Txn4, Verdict::Note, money.amount, original.stands, 0);
    let in_time = matches!(original.status, Status::Held | Status::Posted);
    let late = OverdraftCause::LatePresentment;
    case.scratch.effects.cause = Some(if in_time { OverdraftCause::Completion } else { late });
    match (original.status, original.hold) {
        (Status::Held, Some(hold)) => {
            case.scratch.movement.hold = HoldChange::Captured(hold);
            case.post(kind, money, priced);
        }
        (Status::Posted, _) => post_difference(case, kind, (money, priced), original),
        // The hold ran out: a late completion is a fact of its own (TOD-1).
        _ => case.post(kind, money, priced),
    }
    count::completed(case, kind, (money, priced), place);
}

/// Posts what a final amount differs from what was booked before, with fees and rounding.
fn post_difference(
    case: &mut Case<'_>,
    kind: Kind,
    (money, priced): (Money, &Priced),
    before: &Transaction,
) {
    let Some((slot, _)) = case.account else { return };
    let then = before.receiver.map_or(Party::General(before.counterpart), Party::Customer);
    let after = (case.standing(kind, money, priced), kind.other_side());
    let transfers = &mut case.scratch.movement.transfers;
    post_change(transfers, Party::Customer(slot), Some((Standing::of(before), then)), Some(after));
    if kind.direction == Direction::Debit {
        claims::settle(case, before);
    }
}

/// Lowers what an authorization and its increments still count for to `to`, newest increment
/// first, and gives the difference back to the counters (CTL-7, AGT-5).
pub(super) fn shrink(case: &mut Case<'_>, root: Place, to: Balance, status: Status) {
    let state = case.state;
    let Some(row) = state.transactions().get(root) else { return };
    let increments = state.chain_of(root);
    let total = increments
        .clone()
        .filter_map(|place| state.transactions().get(place))
        .fold(row.stands.abs(), |sum, part| sum.saturating_add(part.stands.abs()));
    let mut excess = total.saturating_sub(to).max(0);
    for place in increments.chain([root]) {
        let Some(part) = state.transactions().get(place) else { continue };
        let stands = part.stands.abs();
        let take = stands.min(excess);
        excess = excess.saturating_sub(take);
        let mut change = give_back(case, place, part, stands.saturating_sub(take));
        change.hold = None;
        change.status = if place == root { status } else { Status::Completed };
        case.scratch.effects.changes.push(change);
    }
}

/// Lowers what a transaction still stands for to `to` and gives the difference back to the
/// counters it moved.
pub(super) fn give_back(
    case: &mut Case<'_>,
    place: Place,
    row: &Transaction,
    to: Balance,
) -> Change {
    let mut change = Change::unchanged(place, row);
    let (was, to) = (row.stands.unsigned_abs(), to.unsigned_abs());
    if to >= was {
        return change;
    }
    let pure_cash = row.cash_exact == was;
    let cash_exact = if pure_cash { to } else { row.cash_exact.min(to) };
    let cash = round_cash(cash_exact, row.currency);
    let goods = |all, cash| som_of(row, all).saturating_sub(som_of(row, cash));
    let portion = Portion {
        amount_kgs: som_of(row, was).saturating_sub(som_of(row, to)),
        cash_kgs: som_of(row, row.cash).saturating_sub(som_of(row, cash)),
        goods_kgs: goods(was, row.cash_exact).saturating_sub(goods(to, cash_exact)),
        whole: to == 0,
    };
    if case.scratch.effects.give_back.try_push((place, portion)).is_err() {
        unreachable!("increments are bounded when they are approved");
    }
    let sign = row.stands.signum();
    change.stands = signed(to).saturating_mul(sign);
    (change.cash_exact, change.cash) = (cash_exact, cash);
    change
}

/// TOD-2 and BAL-3: the customer is told when a fact opened or grew a technical overdraft, or ate
/// into the minimum balance; TOD-4: the trace says when that blocks the cards.
pub(super) fn notice(case: &mut Case<'_>) {
    let Some((slot, before)) = case.account else { return };
    let (state, moment, date) = (case.state, case.moment, case.date);
    let order = state.repayment_order(before.product);
    let mut after = before.clone();
    for transfer in case.scratch.movement.transfers.iter() {
        let amount = signed(transfer.amount);
        if transfer.debit == Party::Customer(slot) {
            after.balance = after.balance.saturating_sub(amount);
        }
        if transfer.credit == Party::Customer(slot) {
            after.settle(amount, date, &order);
            after.balance = after.balance.saturating_add(amount);
        }
    }
    let notice = state.notice_of(slot, before, &after, moment);
    case.scratch.notice = notice;
    match notice {
        Some(Notice::TechnicalOverdraft { amount, due_on, .. }) => {
            let was = before.technical_overdraft(date);
            case.trace(RuleId::Tod1, Verdict::Note, amount, was, 0);
            let days = i64::from(due_on.days().saturating_sub(date.days()));
            case.trace(RuleId::Tod2, Verdict::Note, amount, days, 0);
            if after.open_overdraft().is_none() {
                let open = OpenOverdraft {
                    since: moment.at,
                    cause: case.scratch.effects.cause.unwrap_or(OverdraftCause::Fee),
                    notified_at: None,
                    due_on: Some(due_on),
                    told_overdue: false,
                };
                let debts = after.debts_mut();
                debts.open = Some(open);
                debts.add_opening(date);
            }
            if state.policy_blocks(&after, date) {
                case.note(RuleId::Tod4, Verdict::Note);
            }
        }
        Some(Notice::MinimumBalance { missing, .. }) => {
            case.trace(RuleId::Bal3, Verdict::Note, missing, after.balance, 0);
        }
        _ => {}
    }
}
