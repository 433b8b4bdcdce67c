//! How much money there may be: far inside 64 bits, so that no sum of balances overflows, neither here
//! nor in a read model that adds them up in 64 bits.

use crate::{AccountSlot, Ledger, Party, Transfer};
use payment_types::{Balance, Currency};

/// The most that one message, credit, claim or record may ask to move, minor units: a hundred thousand
/// million som, ten times what twelve digits on the wire can say.
pub const MOST_AT_ONCE: u64 = 10_000_000_000_000;

/// The most on a customer's account, or owed on it, minor units.
pub const MOST_ON_ACCOUNT: Balance = 1_000_000_000_000_000;

/// The most on an account of the bank's, or owed on it, minor units of a currency.
pub const MOST_OF_BANK: i128 = 100_000_000_000_000_000;

impl Ledger {
    /// Whether balances stay within bounds after all these transfers. One that is beyond its bound
    /// already, by interest, may come nearer.
    #[must_use]
    pub fn fits<'t>(&self, transfers: impl Iterator<Item = &'t Transfer> + Clone) -> bool {
        transfers.clone().all(|transfer| {
            let fits = |party| {
                let by = net(transfers.clone(), party, transfer.currency);
                match party {
                    Party::Customer(slot) => self.fits_customer(slot, by),
                    Party::General(account) => {
                        let before = self.general().balance(transfer.currency, account);
                        is_within(before, by, MOST_OF_BANK)
                    }
                }
            };
            fits(transfer.debit) && fits(transfer.credit)
        })
    }

    fn fits_customer(&self, slot: AccountSlot, by: i128) -> bool {
        let before = self.account(slot).map_or(0, |account| i128::from(account.balance));
        is_within(before, by, i128::from(MOST_ON_ACCOUNT))
    }
}

fn is_within(before: i128, by: i128, most: i128) -> bool {
    let after = before.saturating_add(by).saturating_abs();
    after <= most || after <= before.saturating_abs()
}

/// What transfers come to for one party.
fn net<'t>(
    transfers: impl Iterator<Item = &'t Transfer>,
    party: Party,
    currency: Currency,
) -> i128 {
    transfers.filter(|transfer| transfer.currency == currency).fold(0i128, |sum, transfer| {
        let amount = i128::from(transfer.amount);
        let credit = if transfer.credit == party { amount } else { 0 };
        let debit = if transfer.debit == party { amount } else { 0 };
        sum.saturating_add(credit).saturating_sub(debit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, GeneralAccount};

    fn of(slot: AccountSlot, amount: u64) -> Transfer {
        Transfer {
            debit: Party::General(GeneralAccount::IncomingCredits),
            credit: Party::Customer(slot),
            amount,
            currency: Currency::KGS,
        }
    }

    #[test]
    fn bal_7_a_balance_stays_within_its_bound_or_comes_nearer() {
        let mut ledger = Ledger::default();
        let slot = ledger.open_account(Account::new(0, 0, Currency::KGS, 0));
        let most = MOST_ON_ACCOUNT.unsigned_abs();
        assert!(ledger.fits([of(slot, most)].iter()));
        assert!(!ledger.fits([of(slot, most + 1)].iter()));
        assert!(!ledger.fits([of(slot, u64::MAX)].iter()));
        assert!(!ledger.fits([of(slot, most), of(slot, 1)].iter()), "together");
        let back = Transfer { debit: of(slot, 1).credit, credit: of(slot, 1).debit, ..of(slot, 1) };
        assert!(ledger.fits([of(slot, most), of(slot, 1), back].iter()), "what they come to");
        ledger.post(&of(slot, most + 5)).unwrap();
        assert!(ledger.fits([back].iter()));
        assert!(!ledger.fits([of(slot, 1)].iter()));
    }

    #[test]
    fn bal_7_so_do_the_banks_own_accounts_over_many_customers() {
        let mut ledger = Ledger::default();
        let most = MOST_ON_ACCOUNT.unsigned_abs();
        for _ in 0..100 {
            let slot = ledger.open_account(Account::new(0, 0, Currency::KGS, 0));
            assert!(ledger.fits([of(slot, most)].iter()));
            ledger.post(&of(slot, most)).unwrap();
        }
        let slot = ledger.open_account(Account::new(0, 0, Currency::KGS, 0));
        assert!(!ledger.fits([of(slot, 1)].iter()), "the bank's side is full");
    }
}
