//! Accounts, holds and the bank's own accounts together, and the few ways they change.

use crate::{Account, AccountSlot, GeneralAccount, GeneralLedger, Hold, HoldSlot, HoldStatus};
use dense::Chunked;
use payment_types::{Balance, Currency, Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// One side of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Party {
    /// A customer's account.
    Customer(AccountSlot),
    /// An account of the bank.
    General(GeneralAccount),
}

/// Money from one account to another: two postings that sum to zero (BAL-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Whose balance falls.
    pub debit: Party,
    /// Whose balance rises.
    pub credit: Party,
    /// How much, minor units.
    pub amount: u64,
    /// Of which currency.
    pub currency: Currency,
}

/// A change that the ledger must never be asked for: the caller checks first. Seeing one means the
/// state is corrupt, so the shard stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LedgerFault {
    /// There is no such account.
    #[error("no account at position {0}")]
    NoAccount(u32),
    /// There is no such open hold.
    #[error("no open hold at position {0}")]
    NoHold(u32),
    /// A balance would not fit 64 bits.
    #[error("a balance would overflow")]
    Overflow,
    /// A transfer in another currency than its account's.
    #[error("a transfer in another currency than its account's")]
    Currency,
    /// The postings of a currency do not sum to zero.
    #[error("postings in {0} sum to {1}, not zero")]
    Unbalanced(Currency, i128),
    /// An account's holds are not the sum of its open holds.
    #[error("account {0}: holds are {1}, its open holds sum to {2}")]
    Holds(u32, Balance, Balance),
}

const MS_PER_HOUR: i64 = 3_600_000;

/// The ledger of a shard.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ledger {
    accounts: Chunked<Account>,
    holds: Chunked<Hold>,
    general: GeneralLedger,
    /// Places of closed holds, to be used again, last closed first.
    free_holds: Vec<u32>,
    /// Open holds by the hour in which they expire. Derived: rebuilt after loading.
    #[serde(skip)]
    expiring: BTreeMap<i64, Vec<u32>>,
}

impl Ledger {
    /// An account by position.
    #[must_use]
    pub fn account(&self, slot: AccountSlot) -> Option<&Account> {
        self.accounts.get(index(slot.0))
    }

    /// An account to change what is not money: arrest, closing, overdraft terms.
    pub fn account_mut(&mut self, slot: AccountSlot) -> Option<&mut Account> {
        self.accounts.get_mut(index(slot.0))
    }

    /// All accounts in order of position.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountSlot, &Account)> {
        (0u32..).map(AccountSlot).zip(self.accounts.iter())
    }

    /// How many accounts there are.
    #[must_use]
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// Adds an account without money; a balance comes by a transfer.
    pub fn open_account(&mut self, account: Account) -> AccountSlot {
        AccountSlot(self.accounts.push(account))
    }

    /// The bank's own accounts.
    #[must_use]
    pub fn general(&self) -> &GeneralLedger {
        &self.general
    }

    /// A hold by position, open or not.
    #[must_use]
    pub fn hold(&self, slot: HoldSlot) -> Option<&Hold> {
        self.holds.get(index(slot.0))
    }

    /// How many holds are open.
    #[must_use]
    pub fn open_hold_count(&self) -> usize {
        self.holds.len().saturating_sub(self.free_holds.len())
    }

    /// Posts a transfer: both sides or, on a fault, neither.
    ///
    /// # Errors
    /// [`LedgerFault`]: the state is corrupt or the caller did not check; the shard must stop.
    pub fn post(&mut self, transfer: &Transfer) -> Result<(), LedgerFault> {
        let amount = Balance::try_from(transfer.amount).map_err(|_| LedgerFault::Overflow)?;
        let after_debit = self.moved(transfer.debit, transfer.currency, amount.saturating_neg())?;
        let after_credit = self.moved(transfer.credit, transfer.currency, amount)?;
        if transfer.debit == transfer.credit {
            return Ok(());
        }
        self.set(transfer.debit, transfer.currency, after_debit, amount.saturating_neg())?;
        self.set(transfer.credit, transfer.currency, after_credit, amount)
    }

    /// What a customer's balance would be after moving; 0 for the bank's own accounts.
    fn moved(&self, party: Party, currency: Currency, by: Balance) -> Result<Balance, LedgerFault> {
        let Party::Customer(slot) = party else { return Ok(0) };
        let account = self.account(slot).ok_or(LedgerFault::NoAccount(slot.0))?;
        if account.currency != currency {
            return Err(LedgerFault::Currency);
        }
        account.balance.checked_add(by).ok_or(LedgerFault::Overflow)
    }

    fn set(
        &mut self,
        party: Party,
        currency: Currency,
        balance: Balance,
        by: Balance,
    ) -> Result<(), LedgerFault> {
        match party {
            Party::General(account) => {
                self.general.add(currency, account, i128::from(by)).ok_or(LedgerFault::Overflow)
            }
            Party::Customer(slot) => {
                let account = self.account_mut(slot).ok_or(LedgerFault::NoAccount(slot.0))?;
                account.balance = balance;
                Ok(())
            }
        }
    }

    /// Sets money aside.
    ///
    /// # Errors
    /// [`LedgerFault`]: the caller did not check; the shard must stop.
    pub fn place_hold(
        &mut self,
        account: AccountSlot,
        transaction: Sequence,
        amount: Balance,
        expires_at: Timestamp,
    ) -> Result<HoldSlot, LedgerFault> {
        self.move_holds(account, amount)?;
        let hold = Hold { account, transaction, amount, expires_at, status: HoldStatus::Open };
        let slot = match self.free_holds.pop() {
            Some(free) => {
                *self.holds.get_mut(index(free)).ok_or(LedgerFault::NoHold(free))? = hold;
                free
            }
            None => self.holds.push(hold),
        };
        self.expiring.entry(hour(expires_at)).or_default().push(slot);
        Ok(HoldSlot(slot))
    }

    /// Changes an open hold's amount: an increment (TXN-4) or a partial reversal (TXN-2).
    ///
    /// # Errors
    /// [`LedgerFault`]: no such open hold, or the amount would not fit.
    pub fn resize_hold(&mut self, slot: HoldSlot, amount: Balance) -> Result<(), LedgerFault> {
        let (account, before) = self.open_hold(slot)?;
        self.move_holds(account, amount.saturating_sub(before))?;
        let hold = self.holds.get_mut(index(slot.0)).ok_or(LedgerFault::NoHold(slot.0))?;
        hold.amount = amount;
        Ok(())
    }

    /// Ends an open hold and gives its amount.
    ///
    /// # Errors
    /// [`LedgerFault::NoHold`]: it is not open.
    pub fn close_hold(&mut self, slot: HoldSlot, how: HoldStatus) -> Result<Balance, LedgerFault> {
        let (account, amount) = self.open_hold(slot)?;
        self.move_holds(account, amount.saturating_neg())?;
        let hold = self.holds.get_mut(index(slot.0)).ok_or(LedgerFault::NoHold(slot.0))?;
        hold.status = how;
        self.free_holds.push(slot.0);
        Ok(amount)
    }

    fn open_hold(&self, slot: HoldSlot) -> Result<(AccountSlot, Balance), LedgerFault> {
        let open = self.hold(slot).filter(|hold| hold.status == HoldStatus::Open);
        open.map(|hold| (hold.account, hold.amount)).ok_or(LedgerFault::NoHold(slot.0))
    }

    fn move_holds(&mut self, slot: AccountSlot, by: Balance) -> Result<(), LedgerFault> {
        let account = self.account_mut(slot).ok_or(LedgerFault::NoAccount(slot.0))?;
        let holds = account.holds.checked_add(by).filter(|holds| *holds >= 0);
        account.holds = holds.ok_or(LedgerFault::Overflow)?;
        Ok(())
    }

    /// The open holds whose time is up at `now`, by position (TXN-3).
    #[must_use]
    pub fn expired_holds(&self, now: Timestamp) -> Vec<HoldSlot> {
        let mut expired: Vec<_> = self
            .expiring
            .range(..=hour(now))
            .flat_map(|(_, slots)| slots)
            .filter(|slot| {
                let hold = self.holds.get(index(**slot));
                hold.is_some_and(|h| h.status == HoldStatus::Open && h.expires_at <= now)
            })
            .map(|slot| HoldSlot(*slot))
            .collect();
        expired.sort_unstable();
        expired.dedup();
        expired
    }

    /// As [`Self::expired_holds`], the first `most` of them: by hour of expiry, then by position.
    #[must_use]
    pub fn expired_holds_most(&self, now: Timestamp, most: usize) -> Vec<HoldSlot> {
        let mut expired: Vec<HoldSlot> = Vec::new();
        for (expiry, slots) in self.expiring.range(..=hour(now)) {
            let begin = expired.len();
            expired.extend(slots.iter().copied().map(HoldSlot).filter(|slot| {
                // A place used again is under the hour of its hold before, too.
                self.hold(*slot).is_some_and(|hold| {
                    hold.status == HoldStatus::Open
                        && hour(hold.expires_at) == *expiry
                        && hold.expires_at <= now
                })
            }));
            if let Some(of_this_hour) = expired.get_mut(begin..) {
                of_this_hour.sort_unstable();
            }
            expired.dedup();
            if expired.len() >= most {
                expired.truncate(most);
                break;
            }
        }
        expired
    }

    /// Forgets the hours that are wholly past; their holds have been expired.
    pub fn forget_expired_hours(&mut self, now: Timestamp) {
        self.expiring = self.expiring.split_off(&hour(now));
    }

    /// Rebuilds what is derived, after loading.
    pub fn rebuild(&mut self) {
        self.expiring.clear();
        for (slot, hold) in (0u32..).zip(self.holds.iter()) {
            if hold.status == HoldStatus::Open {
                self.expiring.entry(hour(hold.expires_at)).or_default().push(slot);
            }
        }
    }

    /// Checks BAL-7 and the sums of holds from scratch (invariants I1, I2). Walks everything.
    ///
    /// # Errors
    /// The first [`LedgerFault`] found.
    pub fn verify(&self) -> Result<(), LedgerFault> {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        let mut holds = vec![0i64; self.accounts.len()];
        for hold in self.holds.iter().filter(|hold| hold.status == HoldStatus::Open) {
            let sum = holds
                .get_mut(index(hold.account.0))
                .ok_or(LedgerFault::NoAccount(hold.account.0))?;
            *sum = sum.checked_add(hold.amount).ok_or(LedgerFault::Overflow)?;
        }
        for ((slot, account), held) in self.accounts().zip(holds) {
            if account.holds != held {
                return Err(LedgerFault::Holds(slot.0, account.holds, held));
            }
            *sums.entry(account.currency).or_default() += i128::from(account.balance);
        }
        for (currency, _, balance) in self.general.iter() {
            *sums.entry(currency).or_default() += balance;
        }
        match sums.into_iter().find(|(_, sum)| *sum != 0) {
            Some((currency, sum)) => Err(LedgerFault::Unbalanced(currency, sum)),
            None => Ok(()),
        }
    }
}

fn index(position: u32) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn hour(at: Timestamp) -> i64 {
    at.0.div_euclid(MS_PER_HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> (Ledger, AccountSlot) {
        let mut ledger = Ledger::default();
        let slot = ledger.open_account(Account::new(0, 0, Currency::KGS, 0));
        let opening = Transfer {
            debit: Party::General(GeneralAccount::Opening),
            credit: Party::Customer(slot),
            amount: 100_000,
            currency: Currency::KGS,
        };
        ledger.post(&opening).unwrap();
        (ledger, slot)
    }

    #[test]
    fn bal_7_postings_sum_to_zero() {
        let (mut ledger, slot) = ledger();
        let purchase = Transfer {
            debit: Party::Customer(slot),
            credit: Party::General(GeneralAccount::MerchantSettlement),
            amount: 150_000,
            currency: Currency::KGS,
        };
        ledger.post(&purchase).unwrap();
        assert_eq!(ledger.account(slot).unwrap().balance, -50_000);
        assert_eq!(ledger.verify(), Ok(()));
        let dollars = Transfer { currency: Currency::USD, ..purchase };
        assert_eq!(ledger.post(&dollars), Err(LedgerFault::Currency));
        let huge = Transfer { amount: u64::MAX, ..purchase };
        assert_eq!(ledger.post(&huge), Err(LedgerFault::Overflow));
        assert_eq!(ledger.verify(), Ok(()));
    }

    #[test]
    fn a_fault_moves_neither_side() {
        let (mut ledger, slot) = ledger();
        let nowhere = Transfer {
            debit: Party::Customer(slot),
            credit: Party::Customer(AccountSlot(9)),
            amount: 1,
            currency: Currency::KGS,
        };
        assert_eq!(ledger.post(&nowhere), Err(LedgerFault::NoAccount(9)));
        assert_eq!(ledger.account(slot).unwrap().balance, 100_000);
    }

    #[test]
    fn holds_narrow_what_is_available_and_are_given_back() {
        let (mut ledger, slot) = ledger();
        let at = Timestamp(10 * MS_PER_HOUR);
        let first = ledger.place_hold(slot, Sequence(1), 30_000, at).unwrap();
        let second = ledger.place_hold(slot, Sequence(2), 20_000, at.plus_ms(1)).unwrap();
        assert_eq!(ledger.account(slot).unwrap().holds, 50_000);
        ledger.resize_hold(first, 10_000).unwrap();
        assert_eq!(ledger.expired_holds(at), [first]);
        assert_eq!(ledger.close_hold(first, HoldStatus::Expired), Ok(10_000));
        assert_eq!(
            ledger.close_hold(first, HoldStatus::Expired),
            Err(LedgerFault::NoHold(first.0))
        );
        assert_eq!(ledger.expired_holds(at.plus_ms(1)), [second]);
        assert_eq!((ledger.account(slot).unwrap().holds, ledger.verify()), (20_000, Ok(())));
        let third = ledger.place_hold(slot, Sequence(3), 1, at).unwrap();
        assert_eq!(third, first, "a closed hold's place is used again");
        let mut loaded = ledger.clone();
        loaded.rebuild();
        assert_eq!(loaded.expired_holds(at), ledger.expired_holds(at));
    }
}
