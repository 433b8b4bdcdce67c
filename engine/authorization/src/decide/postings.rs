//! The postings of a transaction, and of a change to one: what stood before is undone as far as it
//! stands no longer, so that all parts (amount, exchange, margin, fees, rounding) move together and
//! each sums to zero (BAL-7).

use super::money::rounding;
use crate::Transfers;
use crate::pricing::{Pricing, sums};
use crate::transactions::Transaction;
use arrayvec::ArrayVec;
use ledger::{GeneralAccount, Party, Transfer};
use payment_types::Currency;

/// The most parts of one transaction: two for the amount, its margin, a fee, two for the acquirer's
/// own, and rounding.
const PARTS: usize = 8;

/// What stands of a transaction at some time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing<'p> {
    pub(super) pricing: Option<&'p Pricing>,
    /// The transaction's currency.
    pub(super) currency: Currency,
    /// What it moves, in that currency.
    pub(super) amount: u64,
    /// Whether the account is credited.
    pub(super) credit: bool,
    pub(super) cash_exact: u64,
    pub(super) cash: u64,
}

impl<'p> Standing<'p> {
    /// What stands of a kept transaction.
    pub(super) fn of(row: &'p Transaction) -> Self {
        Self {
            pricing: row.pricing.as_deref(),
            currency: row.currency,
            amount: row.stands.unsigned_abs(),
            credit: row.stands < 0,
            cash_exact: row.cash_exact,
            cash: row.cash,
        }
    }

    /// The same transaction with less of it standing.
    pub(super) const fn lowered(self, amount: u64, cash_exact: u64, cash: u64) -> Self {
        Self { amount, cash_exact, cash, ..self }
    }

    fn parts(&self, customer: Party, bank: Party) -> ArrayVec<Transfer, PARTS> {
        let stands = self.amount > 0 || self.pricing.is_some_and(|pricing| pricing.flat);
        let Some(sums) = sums(self.pricing, self.amount, stands) else { return ArrayVec::new() };
        let account = self.pricing.map_or(self.currency, |pricing| pricing.account);
        let general = Party::General;
        let mut parts = ArrayVec::new();
        let mut part = |debit, credit, amount, currency| {
            parts.push(Transfer { debit, credit, amount, currency });
        };
        // Between the customer and the bank, over the exchange where the currencies differ.
        let mut across = |out: bool, on_account: u64, on_wire: u64, bank: Party| {
            let mut leg = |from: Party, to: Party, amount, currency| {
                let (debit, credit) = if out { (from, to) } else { (to, from) };
                part(debit, credit, amount, currency);
            };
            if account == self.currency {
                leg(customer, bank, on_account, account);
            } else {
                leg(customer, general(GeneralAccount::Exchange), on_account, account);
                leg(general(GeneralAccount::Exchange), bank, on_wire, self.currency);
            }
        };
        across(!self.credit, sums.principal, self.amount, bank);
        let lines = self.pricing.map(|pricing| pricing.fees.as_slice()).unwrap_or_default();
        let own = lines.iter().zip(sums.fees).find(|(line, _)| line.place.is_none());
        if let Some((_, fee)) = own {
            let acquirer = match bank {
                Party::General(GeneralAccount::NetworkSettlement) => bank,
                _ => general(GeneralAccount::FeeIncome),
            };
            across(true, fee, sums.surcharge, acquirer);
        }
        let of_table = lines.iter().zip(sums.fees).filter(|(line, _)| line.place.is_some());
        let of_table = of_table.fold(0, |sum: u64, (_, fee)| sum.saturating_add(fee));
        part(customer, general(GeneralAccount::ExchangeIncome), sums.margin, account);
        part(customer, general(GeneralAccount::FeeIncome), of_table, account);
        if stands {
            parts.extend(rounding(self.cash_exact, self.cash, bank, self.currency));
        }
        parts
    }
}

/// Adds what leads from one standing of a transaction to another, each with the party on its other
/// side; from `None` for a new one.
pub(super) fn post_change(
    transfers: &mut Transfers,
    customer: Party,
    before: Option<(Standing<'_>, Party)>,
    after: Option<(Standing<'_>, Party)>,
) {
    let parts = |standing: Option<(Standing<'_>, Party)>| {
        standing.map(|(standing, bank)| standing.parts(customer, bank)).unwrap_or_default()
    };
    let mut undone = parts(before);
    for mut part in parts(after) {
        let same = |other: &Transfer| {
            (other.debit, other.credit, other.currency) == (part.debit, part.credit, part.currency)
        };
        let Some(at) = undone.iter().position(same) else {
            transfers.push(part);
            continue;
        };
        let was = undone.remove(at);
        if part.amount < was.amount {
            (part.debit, part.credit) = (part.credit, part.debit);
        }
        part.amount = part.amount.abs_diff(was.amount);
        transfers.push(part);
    }
    for part in undone {
        transfers.push(Transfer { debit: part.credit, credit: part.debit, ..part });
    }
}
