//! From a request to a decision, without touching the state.
//!
//! [`decide`] is total: every path ends in an approval or a result code. Order: retransmission,
//! device, then by message: a reversal, a fact, or a request, which goes through card, PIN,
//! account, amount, limits, funds and last the PIN request (CTL-3: what would be declined anyway
//! gets that code).

mod admission;
mod case;
mod checks;
mod claims;
mod count;
mod fact;
mod file_action;
mod money;
pub(crate) mod naming;
mod postings;
mod presentment;
pub(crate) mod price;
mod reconcile;
mod refund;
mod request;
mod reversal;
mod security;
mod statement;

use crate::effects::Scratch;
use crate::transactions::Place;
use crate::{Decision, Extra, Presentment, Request, ResultCode, RuleId, State, StopListAction};
use crate::{TraceEntry, Verdict};
use case::Case;
use payment_types::{Class, Function, Moment, Sequence, TransactionType};

/// DE 3, first two digits, of a void: an original is taken back by its terminal.
const VOID: u8 = 2;

/// Decides a request. What is to change is left in `scratch`; `apply` then carries it out.
pub(crate) fn decide(
    state: &State,
    sequence: Sequence,
    moment: Moment,
    request: &Request,
    scratch: &mut Scratch,
) -> Decision {
    scratch.clear();
    let decision = match reversal::left_by_an_early_one(state, request) {
        Some(left) => {
            let decided = decide_message(state, sequence, moment, &left, scratch);
            reversal::answer_what_is_left(decided, (request, &left), scratch)
        }
        None => decide_message(state, sequence, moment, request, scratch),
    };
    within_bounds(state, sequence, moment, request, scratch).unwrap_or(decision)
}

/// BAL-7: money that no account could hold moves nowhere, whatever was decided.
fn within_bounds(
    state: &State,
    sequence: Sequence,
    moment: Moment,
    request: &Request,
    scratch: &mut Scratch,
) -> Option<Decision> {
    if state.ledger().fits(scratch.movement.transfers.iter()) {
        return None;
    }
    scratch.notice = None;
    let mut case = Case::new(state, sequence, moment, request, scratch);
    case.trace(RuleId::Txn8, Verdict::Decline, money::signed(request.amount.minor()), 0, 0);
    Some(case.decline(ResultCode::SystemError))
}

fn decide_message(
    state: &State,
    sequence: Sequence,
    moment: Moment,
    request: &Request,
    scratch: &mut Scratch,
) -> Decision {
    if let Some(place) = state.transactions().first_transmission(request) {
        return retransmission(state, sequence, moment, request, place, scratch);
    }
    let mut case = Case::new(state, sequence, moment, request, scratch);
    match (request.mti.class(), request.mti.function()) {
        (Class::NetworkManagement, _) => return reconcile::cut_over(case),
        (Class::Reconciliation, Function::Advice) => return reconcile::acquirer(case),
        _ if case.terminal.is_none() => return case.decline(ResultCode::UnknownTerminal),
        _ => {}
    }
    let is_void = request.processing_code.transaction == VOID;
    match (request.mti.class(), request.mti.function()) {
        (Class::Reversal, _) => reversal::decide(case),
        (Class::Authorization | Class::Financial, Function::Advice) => fact::decide(case),
        (Class::Financial, Function::Request) if is_void => reversal::void(case),
        (Class::Authorization | Class::Financial, Function::Request) => request::decide(case),
        (Class::FileAction, Function::Advice) => reconcile::upload(case),
        (Class::FileAction, Function::Request) => file_action::decide(case),
        (Class::Reconciliation, _) => reconcile::terminal(case),
        _ => case.decline(ResultCode::InvalidTransaction),
    }
}

/// Decides a presentment of a clearing file, in the same way.
pub(crate) fn decide_presentment(
    state: &State,
    sequence: Sequence,
    moment: Moment,
    presentment: &Presentment,
    scratch: &mut Scratch,
) -> Decision {
    scratch.clear();
    let case = Case::new(state, sequence, moment, &presentment.request, scratch);
    let decision = presentment::decide(case, presentment);
    let refused = within_bounds(state, sequence, moment, &presentment.request, scratch);
    if refused.is_some() {
        scratch.effects.keep = None;
    }
    refused.unwrap_or(decision)
}

/// TXN-1: the first answer again if the content is the same, `94` if it is not.
fn retransmission(
    state: &State,
    sequence: Sequence,
    moment: Moment,
    request: &Request,
    place: Place,
    scratch: &mut Scratch,
) -> Decision {
    let Some(first) = state.transactions().get(place) else {
        unreachable!("the index names a row that is there");
    };
    let same = first.amount == request.amount.minor()
        && first.currency == request.amount.currency()
        && first.processing_code == request.processing_code
        && first.card_hash == case::card_hash(request)
        && request.rrn.is_none_or(|rrn| !first.rrn_given || rrn == first.rrn);
    if !same {
        let mut case = Case::new(state, sequence, moment, request, scratch);
        case.note(RuleId::Txn1, Verdict::Decline);
        let decision = case.decline(ResultCode::DuplicateDiffers);
        // The stored row of the first transmission goes on answering for the key.
        scratch.effects.keep = None;
        return decision;
    }
    let is_statement = first.processing_code.transaction_type() == TransactionType::MiniStatement;
    let lines = first.account.filter(|_| is_statement && first.answer.result.is_approval());
    let statement = lines.map(|slot| statement::statement(state, slot, Some(first.sequence)));
    let listed = match request.extra {
        Some(Extra::File(StopListAction::Inquire(listed))) => state.stop_list().entry(&listed),
        _ => None,
    };
    let card = first.card.filter(|_| request.facts.chip.is_some());
    let scripts = card.map(|card| state.scripts_sent_with(card, first.sequence));
    let scripts = scripts.unwrap_or_default();
    scratch.parties.card = first.card;
    scratch.parties.account = first.account;
    scratch.trace.push(TraceEntry::plain(RuleId::Txn1, Verdict::Note));
    Decision {
        transaction: first.sequence,
        result: first.answer.result,
        code_override: first.answer.code_override,
        authorization_code: first.answer.authorization_code,
        rrn: first.rrn,
        amounts: first.answer.amounts,
        liability: first.answer.liability,
        statement: statement.unwrap_or_default(),
        scripts,
        listed,
        is_repeat: true,
    }
}
