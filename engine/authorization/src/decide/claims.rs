//! Claims about what is given back otherwise (TXN-7): the cardholder gets it once, whichever comes first.
//!
//! What a reversal, a correction or a refund brings back of a claimed transaction settles the claim
//! first: a credited one is taken back as far as that goes, an open one gives so much less.

use super::case::Case;
use super::money::signed;
use crate::effects::Settled;
use crate::transactions::Transaction;
use crate::{ClaimKind, DisputeStatus, RuleId, Verdict};
use ledger::{GeneralAccount, Party, Transfer};

/// Settles the claims about a transaction with what the decision brings back of it to its account.
pub(super) fn settle(case: &mut Case<'_>, claimed: &Transaction) {
    let state = case.state;
    let Some(slot) = claimed.account.filter(|_| state.disputes().next().is_some()) else { return };
    let customer = Party::Customer(slot);
    let mut came = case.scratch.movement.transfers.iter().fold(0i128, |sum, transfer| {
        let credit = if transfer.credit == customer { i128::from(transfer.amount) } else { 0 };
        let debit = if transfer.debit == customer { i128::from(transfer.amount) } else { 0 };
        sum.saturating_add(credit).saturating_sub(debit)
    });
    for bank in [GeneralAccount::AtmCash, GeneralAccount::Disputes] {
        let mut back =
            Transfer { debit: customer, credit: Party::General(bank), amount: 0, ..NONE };
        for (number, dispute) in state.claims_on(claimed).filter(|(_, d)| d.paid_from() == bank) {
            let rest = u64::try_from(came).unwrap_or_default();
            if rest == 0 || dispute.kind == ClaimKind::OverDispense {
                continue;
            }
            let (given, taken) = match dispute.status {
                DisputeStatus::Open => (rest.min(dispute.to_pay()), 0),
                DisputeStatus::Credited => (0, rest.min(dispute.outstanding())),
                DisputeStatus::Collected | DisputeStatus::Rejected => continue,
            };
            let settled = Settled { dispute: number, given, taken };
            if case.scratch.effects.settled.try_push(settled).is_err() {
                continue;
            }
            came = came.saturating_sub(i128::from(given.saturating_add(taken)));
            back.currency = dispute.currency;
            back.amount = back.amount.saturating_add(taken);
            case.trace(RuleId::Txn7, Verdict::Note, signed(taken), signed(rest), 0);
        }
        case.scratch.movement.transfers.push(back);
    }
}

const NONE: Transfer = Transfer {
    debit: Party::General(GeneralAccount::Disputes),
    credit: Party::General(GeneralAccount::Disputes),
    amount: 0,
    currency: payment_types::Currency::KGS,
};
