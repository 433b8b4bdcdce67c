//! 0100 and 0200: what may be declined.

use super::case::Case;
use super::checks::{Direction, Kind};
use super::money::Money;
use super::price::Priced;
use super::refund::{self, Sale};
use crate::effects::{Change, MAX_INCREMENTS};
use crate::transactions::{Place, Status, Transaction};
use crate::{Decision, HoldChange, Liability, PinFact, ResultCode, RuleId, Verdict};
use limits::Facts;
use payment_types::{AuthorizationCode, Balance, Class, TransactionType};

/// What is approved.
struct Approved {
    kind: Kind,
    money: Money,
    priced: Priced,
    facts: Option<Facts>,
    /// Less than was asked (BAL-4).
    is_partial: bool,
    /// The hold it adds to (TXN-4).
    root: Option<Place>,
    /// What a refund gives back (TXN-5).
    sale: Option<Sale>,
}

impl Approved {
    /// All that was asked, by itself.
    const fn whole(kind: Kind, money: Money, priced: Priced, facts: Option<Facts>) -> Self {
        Self { kind, money, priced, facts, is_partial: false, root: None, sale: None }
    }
}

pub(super) fn decide(mut case: Case<'_>) -> Decision {
    match approve(&mut case) {
        Ok(approved) => carry_out(&mut case, approved),
        Err(result) => case.decline(result),
    }
}

fn approve(case: &mut Case<'_>) -> Result<Approved, ResultCode> {
    case.not_reversed_before()?;
    let kind = case.kind()?;
    case.network_in_order()?;
    match kind.direction {
        Direction::Debit => debit(case, kind),
        Direction::Credit => credit(case, kind),
        Direction::None => inquiry(case, kind),
    }
}

fn debit(case: &mut Case<'_>, kind: Kind) -> Result<Approved, ResultCode> {
    case.card_in_order()?;
    case.pin()?;
    case.secured()?;
    case.account_in_order(Direction::Debit)?;
    case.place_in_order()?;
    case.switched_on(kind)?;
    case.card_absent()?;
    case.currency_in_order()?;
    case.receiver_in_order(kind)?;
    let mut money = case.money(kind)?;
    case.can_be_handed_out(money)?;
    let root = increment_of(case)?;
    let mut priced = case.price(kind, money)?;
    if let Some(root) = root {
        priced = Case::as_increment(priced, money.amount)?;
        case.see_before(root);
    }
    case.stands_in(&priced)?;
    let mut facts = case.facts(kind, money, &priced).ok_or(ResultCode::SystemError)?;
    facts.increment = root.is_some();
    facts.before = case.found.before;
    case.limits(&facts)?;
    let granted = case.funds(kind, money, &priced)?;
    case.authenticated(&priced)?;
    case.pin_asked()?;
    case.chip_asks_pin()?;
    let is_partial = granted < money.amount;
    if is_partial {
        money.amount = granted;
        priced = Case::lowered(priced, granted)?;
        facts.amount_kgs = priced.sums.kgs;
        case.amounts.approved = Some(super::money::unsigned(granted));
    }
    case.trace_fees(&priced);
    Ok(Approved { is_partial, root, ..Approved::whole(kind, money, priced, Some(facts)) })
}

/// BLK-4: refunds and cash-in reach a blocked card too; only the card itself must be known.
fn credit(case: &mut Case<'_>, kind: Kind) -> Result<Approved, ResultCode> {
    let Some((_, card)) = case.card else {
        case.note(RuleId::Blk2, Verdict::Decline);
        return Err(ResultCode::UnknownCard);
    };
    if card.obstacle(case.date).is_some() {
        case.note(RuleId::Blk4, Verdict::Note);
    } else {
        case.pin()?;
        case.genuine()?;
    }
    if case.request.mti.class() == Class::Authorization {
        case.note(RuleId::Txn5, Verdict::Decline);
        return Err(ResultCode::InvalidTransaction);
    }
    case.account_in_order(Direction::Credit)?;
    case.sender_in_order()?;
    case.currency_in_order()?;
    let money = case.money(kind)?;
    let priced = case.price(kind, money)?;
    let facts = case.facts(kind, money, &priced).ok_or(ResultCode::SystemError)?;
    case.limits(&facts)?;
    case.credit_covers_fees(&priced)?;
    let sale = refund::sale_of(case, kind, money, None)?;
    case.trace_fees(&priced);
    Ok(Approved { sale, ..Approved::whole(kind, money, priced, Some(facts)) })
}

/// Processing codes 30 and 31: DE 54 types 01 and 02, after the fee, if there is one (AMT-4), and at
/// an agent type 44 (AGT-3). 38: the
/// last movements. 70: the PIN is another one (PIN-4). 72: the card is active (TXN-5).
fn inquiry(case: &mut Case<'_>, kind: Kind) -> Result<Approved, ResultCode> {
    case.card_in_order()?;
    case.pin()?;
    case.secured()?;
    case.nothing_stands_in()?;
    let new_pin = case.pin_change()?;
    case.account_in_order(Direction::None)?;
    case.place_in_order()?;
    let Some((_, account)) = case.account else { return Err(ResultCode::UnknownCard) };
    let money = Money { amount: 0, cash_exact: 0, cash: 0 };
    let priced = case.price(kind, money)?;
    let cost = priced.sums.cost();
    if cost > 0 {
        case.funds(kind, money, &priced)?;
        case.trace_fees(&priced);
    }
    case.chip_asks_pin()?;
    let left = |amount: Balance| Some((amount.saturating_sub(cost), account.currency));
    match case.request.processing_code.transaction_type() {
        TransactionType::MiniStatement => case.statement = case.mini_statement(),
        TransactionType::Activation => {}
        TransactionType::PinChange => case.change_pin(new_pin),
        _ => {
            case.amounts.ledger = left(account.balance);
            case.amounts.available = left(account.available(case.date));
            case.agent_cash_left(kind, &priced);
        }
    }
    // CTL-2: a right PIN ends the row of transactions without one, whatever it was shown for.
    if case.request.facts.pin == PinFact::OnlineVerified {
        case.scratch.effects.record = case.facts(kind, money, &priced);
    }
    Ok(Approved::whole(kind, money, priced, None))
}

/// TXN-4: a 0100 that names an open preauthorization of the same card at the same terminal, by
/// DE 90 or by its retrieval reference number, adds to its hold.
fn increment_of(case: &mut Case<'_>) -> Result<Option<Place>, ResultCode> {
    let request = case.request;
    if request.mti.class() != Class::Authorization {
        return Ok(None);
    }
    let transactions = case.state.transactions();
    let card = case.card.map(|(slot, _)| slot);
    let open = |row: &Transaction| {
        row.status == Status::Held
            && row.hold.is_some()
            && row.card == card
            && row.terminal == request.terminal
    };
    let by_original =
        request.original.and_then(|original| transactions.original(request.terminal, &original));
    let place = by_original
        .filter(|place| transactions.get(*place).is_some_and(open))
        .or_else(|| request.rrn.and_then(|rrn| transactions.by_rrn(&rrn, open)));
    let Some(place) = place else { return Ok(None) };
    if case.state.chain_of(place).count() >= MAX_INCREMENTS {
        case.note(RuleId::Txn4, Verdict::Decline);
        return Err(ResultCode::InvalidTransaction);
    }
    case.note(RuleId::Txn4, Verdict::Note);
    Ok(Some(place))
}

fn carry_out(case: &mut Case<'_>, approved: Approved) -> Decision {
    let Approved { kind, money, priced, facts, is_partial, root, sale } = approved;
    let status = match (kind.direction, root, case.request.mti.class()) {
        // A PIN change can be taken back, so it is more than an inquiry, with or without a fee.
        (Direction::None, ..) if priced.pricing.is_none() && case.scratch.effects.pin.is_none() => {
            Status::Informed
        }
        (Direction::None, ..) => Status::Posted,
        (_, Some(_), _) => Status::Increment,
        (_, None, Class::Authorization) => Status::Held,
        _ => Status::Posted,
    };
    let mut row = case.row(status, kind.counterpart);
    row.receiver = kind.receiver;
    row.stands = match kind.direction {
        Direction::Credit => money.amount.saturating_neg(),
        _ => money.amount,
    };
    (row.cash_exact, row.cash) = (money.cash_exact, money.cash);
    match status {
        Status::Posted => case.post(kind, money, &priced),
        Status::Held => place_hold(case, priced.sums.cost()),
        Status::Increment => grow_hold(case, &mut row, root, priced.sums.cost()),
        _ => {}
    }
    row.pricing = priced.pricing;
    refund::note(case, &mut row, sale);
    if status == Status::Posted {
        case.count(kind, 1, money.amount);
    }
    case.scratch.effects.record = facts.or(case.scratch.effects.record);
    let without_pin = facts.is_some_and(|facts| case.state.plan().is_without_pin(&facts));
    let liability = match (without_pin, case.found.acquirer_liable) {
        (true, _) => Liability::Issuer,
        (false, true) if kind.direction == Direction::Debit => Liability::Acquirer,
        _ => Liability::Unset,
    };
    if without_pin {
        case.note(RuleId::Ctl5, Verdict::Note);
    }
    let result = if is_partial { ResultCode::PartiallyApproved } else { ResultCode::Approved };
    let code = AuthorizationCode::from_sequence(case.sequence);
    case.finish(row, result, Some(code), liability)
}

fn place_hold(case: &mut Case<'_>, amount: Balance) {
    let Some((account, _)) = case.account else { return };
    let expires_at = case.hold_expiry();
    case.scratch.movement.hold = HoldChange::Placed { account, amount, expires_at };
    case.note(RuleId::Txn4, Verdict::Note);
}

fn grow_hold(case: &mut Case<'_>, row: &mut Transaction, root: Option<Place>, by: Balance) {
    let Some(place) = root else { return };
    let Some(root) = case.state.transactions().get(place) else { return };
    let Some(slot) = root.hold else { return };
    let held = case.state.ledger().hold(slot).map_or(0, |hold| hold.amount);
    case.scratch.movement.hold = HoldChange::Resized(slot, held.saturating_add(by));
    row.follows = Some(root.sequence);
    case.scratch.original = row.follows;
    row.chain = root.chain;
    case.scratch.effects.chain_to = Some(place);
    case.scratch.effects.changes.push(Change::unchanged(place, root));
}
