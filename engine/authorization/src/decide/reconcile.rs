//! 0320, 0500, 0520 and cut-over (TXN-6): totals compared, batches uploaded and closed.

use super::case::Case;
use super::checks::{Direction, Kind};
use super::fact;
use crate::batch::{BatchChange, Counted, CountedMove, Totals};
use crate::request::Extra;
use crate::transactions::{Place, Status, Transaction};
use crate::{Decision, Liability, ResultCode, RuleId, ToldTotals, Verdict};
use ledger::GeneralAccount;
use limits::Operation;
use payment_types::{Balance, Class, TerminalId};

/// 0500: a terminal's totals against its batch. Equal ones close the batch; else `95`, and the
/// terminal uploads (0320) and asks again with DE 3 = 96xxxx, which closes it whatever it comes to.
pub(super) fn terminal(mut case: Case<'_>) -> Decision {
    let Some((terminal, _)) = case.terminal else {
        return case.decline(ResultCode::UnknownTerminal);
    };
    let told = told(&case);
    let open = case.state.reconciliation().terminal(terminal).open;
    let agrees = compare(&mut case, &open.totals, &told);
    if !agrees && !told.uploaded {
        let decision = case.decline(ResultCode::TotalsDiffer);
        case.scratch.effects.batch = Some(BatchChange::Differs { terminal });
        return decision;
    }
    case.scratch.effects.batch = Some(BatchChange::Close { terminal, differs: !agrees });
    done(&mut case, ResultCode::Reconciled)
}

/// 0520: an acquirer's totals against its last closed period, or the open one before any cut-over.
pub(super) fn acquirer(mut case: Case<'_>) -> Decision {
    if let Err(result) = speaks_for_acquirer(&mut case) {
        return case.decline(result);
    }
    let told = told(&case);
    let periods = case.state.reconciliation().acquirer(case.request.acquirer.0);
    let totals = periods.closed.unwrap_or(periods.open).totals;
    if compare(&mut case, &totals, &told) {
        return done(&mut case, ResultCode::Reconciled);
    }
    case.decline(ResultCode::TotalsDiffer)
}

/// 0800 with DE 70 = 201: the acquirer's period ends.
pub(super) fn cut_over(mut case: Case<'_>) -> Decision {
    if let Err(result) = speaks_for_acquirer(&mut case) {
        return case.decline(result);
    }
    let acquirer = case.request.acquirer.0;
    case.note(RuleId::Txn6, Verdict::Note);
    case.scratch.effects.batch = Some(BatchChange::CutOver { acquirer });
    done(&mut case, ResultCode::CutOverDone)
}

/// Who may end an acquirer's period, or ask about it: a terminal whose movements are counted there. A
/// message that names no terminal is the institution's own; whether it comes from where institutions
/// do, the edge has looked at.
fn speaks_for_acquirer(case: &mut Case<'_>) -> Result<(), ResultCode> {
    if case.request.terminal == TerminalId::default() {
        return Ok(());
    }
    let Some((terminal, _)) = case.terminal else { return Err(ResultCode::UnknownTerminal) };
    let own = case.state.reconciliation().terminal(terminal).acquirer;
    if own == Some(case.request.acquirer.0) {
        return Ok(());
    }
    case.note(RuleId::Txn6, Verdict::Decline);
    Err(ResultCode::TerminalNotPermitted)
}

fn done(case: &mut Case<'_>, result: ResultCode) -> Decision {
    let row = case.row(Status::Informed, GeneralAccount::MerchantSettlement);
    case.finish(row, result, None, Liability::Unset)
}

fn told(case: &Case<'_>) -> ToldTotals {
    match case.request.extra {
        Some(Extra::Totals(told)) => told,
        _ => ToldTotals::default(),
    }
}

/// Every element that was told goes into the trace: what was told, what is here.
fn compare(case: &mut Case<'_>, totals: &Totals, told: &ToldTotals) -> bool {
    let mut agrees = true;
    for (told, here) in totals.against(told) {
        let verdict = if told == here { Verdict::Pass } else { Verdict::Decline };
        agrees = agrees && told == here;
        case.trace(
            RuleId::Txn6,
            verdict,
            super::money::signed(told),
            super::money::signed(here),
            0,
        );
    }
    agrees
}

/// 0320: a transaction of an uploaded batch. What is known changes nothing, or is corrected to the
/// uploaded amount; what is not is a fact (TOD-1).
pub(super) fn upload(mut case: Case<'_>) -> Decision {
    case.note(RuleId::Txn6, Verdict::Note);
    let Some(place) = uploaded(&case) else { return fact::decide(case) };
    let Some(row) = case.state.transactions().get(place) else { return fact::decide(case) };
    case.scratch.original = Some(row.sequence);
    let same = row.stands.unsigned_abs() == case.request.amount.minor()
        && super::count::is_alike(row.processing_code, case.request.processing_code);
    if !same && matches!(row.status, Status::Held | Status::Posted) {
        return fact::decide_about(case, Some(place));
    }
    let mut row = case.row(Status::Follower, GeneralAccount::MerchantSettlement);
    row.follows = case.scratch.original;
    case.finish(row, ResultCode::Booked, case.request.authorization_code, Liability::Unset)
}

/// The transaction that is uploaded: by DE 90, or by the retrieval reference number at the same
/// terminal, of the same card.
fn uploaded(case: &Case<'_>) -> Option<Place> {
    let request = case.request;
    let transactions = case.state.transactions();
    let is_it = |row: &Transaction| {
        case.goes_on_with(row)
            && row.terminal == request.terminal
            && matches!(
                row.mti.class(),
                Class::Authorization | Class::Financial | Class::FileAction
            )
            && matches!(
                row.status,
                Status::Held | Status::Posted | Status::Completed | Status::Reversed
            )
    };
    let named =
        request.original.and_then(|original| transactions.original(request.terminal, &original));
    let named = named.filter(|place| transactions.get(*place).is_some_and(is_it));
    named.or_else(|| request.rrn.and_then(|rrn| transactions.by_rrn(&rrn, is_it)))
}

impl Case<'_> {
    /// TXN-6: counts a movement for the terminal's batch and the acquirer's period; `number` is 0
    /// for a correction of what was counted. Transfers between cards are settled with nobody.
    pub(super) fn count(&mut self, kind: Kind, number: u64, amount: Balance) {
        let what = match kind.direction {
            _ if kind.operation == Operation::Transfer => return,
            Direction::Debit => Counted::Debit,
            Direction::Credit => Counted::Credit,
            Direction::None => return,
        };
        self.count_as(what, number, amount);
    }

    /// The same of what a reversal takes back.
    pub(super) fn count_as(&mut self, what: Counted, number: u64, amount: Balance) {
        let Some((terminal, _)) = self.terminal else { return };
        let acquirer = self.request.acquirer.0;
        let counted = CountedMove { what, number, amount };
        self.scratch.effects.batch = Some(BatchChange::Count { terminal, acquirer, counted });
    }
}
