//! A customer's account and what is available on it.

use payment_types::{Balance, BusinessDate, Currency, Timestamp};
use serde::{Deserialize, Serialize};

/// The position of an account in the ledger's array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountSlot(pub u32);

/// A customer's account. Amounts are minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The customer that owns it, as a position in the directory.
    pub customer: u32,
    /// Its product, as a position in the directory.
    pub product: u32,
    /// The currency all its amounts are in.
    pub currency: Currency,
    /// What has been posted: positive is the customer's money, negative a debt.
    pub balance: Balance,
    /// The sum of its open holds, never negative.
    pub holds: Balance,
    /// The blocked minimum balance of the product's tariff (BAL-3).
    pub minimum_balance: Balance,
    /// The agreed overdraft (BAL-2).
    pub overdraft_limit: Balance,
    /// First day the agreed overdraft is open.
    pub overdraft_from: BusinessDate,
    /// Last day the agreed overdraft is open.
    pub overdraft_until: BusinessDate,
    /// Under arrest: credits yes, debits no (BAL-6).
    pub arrested: bool,
    /// Closed: nothing moves any more but facts.
    pub closed: bool,
    /// When the technical overdraft that is open now was opened (TOD-2).
    pub technical_overdraft_since: Option<Timestamp>,
}

/// What a credit was spent on, in the order of BAL-5. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Repaid of the technical overdraft.
    pub technical_overdraft: Balance,
    /// Repaid of the agreed overdraft.
    pub overdraft: Balance,
    /// Refilled of the minimum balance.
    pub minimum_balance: Balance,
    /// Left for the customer's own use.
    pub own_use: Balance,
}

impl Account {
    /// An account without money, holds or overdraft.
    #[must_use]
    pub fn new(customer: u32, product: u32, currency: Currency, minimum_balance: Balance) -> Self {
        Self {
            customer,
            product,
            currency,
            balance: 0,
            holds: 0,
            minimum_balance,
            overdraft_limit: 0,
            overdraft_from: BusinessDate::from_days(i32::MIN),
            overdraft_until: BusinessDate::from_days(i32::MAX),
            arrested: false,
            closed: false,
            technical_overdraft_since: None,
        }
    }

    /// The agreed overdraft that is open on a day (BAL-2: valid from and until).
    #[must_use]
    pub fn overdraft_on(&self, date: BusinessDate) -> Balance {
        let open = (self.overdraft_from..=self.overdraft_until).contains(&date);
        if open { self.overdraft_limit } else { 0 }
    }

    /// `available = ledger balance − holds − minimum balance + agreed overdraft limit` (rule book
    /// section 3). Saturates instead of wrapping; no real account comes near.
    #[must_use]
    pub fn available(&self, date: BusinessDate) -> Balance {
        self.balance
            .saturating_sub(self.holds)
            .saturating_sub(self.minimum_balance)
            .saturating_add(self.overdraft_on(date))
    }

    /// The used part of the agreed overdraft.
    #[must_use]
    pub fn overdraft_used(&self, date: BusinessDate) -> Balance {
        self.debt().min(self.overdraft_on(date))
    }

    /// What was spent beyond the balance and the agreed overdraft (rule book section 4).
    #[must_use]
    pub fn technical_overdraft(&self, date: BusinessDate) -> Balance {
        self.debt().saturating_sub(self.overdraft_on(date)).max(0)
    }

    fn debt(&self) -> Balance {
        self.balance.saturating_neg().max(0)
    }

    /// How a credit of `amount` will be spent (BAL-5): technical overdraft, agreed overdraft, the
    /// minimum balance, and what is left for the customer.
    #[must_use]
    pub fn spend_credit(&self, amount: Balance, date: BusinessDate) -> Spent {
        let technical_overdraft = self.technical_overdraft(date).min(amount);
        let rest = amount.saturating_sub(technical_overdraft);
        let overdraft = self.overdraft_used(date).min(rest);
        let rest = rest.saturating_sub(overdraft);
        let missing = self.minimum_balance.saturating_sub(self.balance.max(0)).max(0);
        let minimum_balance = missing.min(rest);
        let own_use = rest.saturating_sub(minimum_balance);
        Spent { technical_overdraft, overdraft, minimum_balance, own_use }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(balance: i64, minimum: i64, overdraft: i64) -> Account {
        let mut account = Account::new(0, 0, Currency::KGS, minimum);
        account.balance = balance;
        account.overdraft_limit = overdraft;
        account
    }

    const DAY: BusinessDate = BusinessDate::from_days(20_000);

    #[test]
    fn bal_1_to_3_available_is_what_the_formula_says() {
        let mut account = account(100_000, 35_000, 500_000);
        account.holds = 10_000;
        assert_eq!(account.available(DAY), 100_000 - 10_000 - 35_000 + 500_000);
        account.overdraft_until = DAY.plus_days(-1);
        assert_eq!(account.available(DAY), 100_000 - 10_000 - 35_000);
    }

    #[test]
    fn a_debt_is_agreed_first_and_technical_beyond() {
        let account = account(-550_000, 0, 500_000);
        assert_eq!(account.overdraft_used(DAY), 500_000);
        assert_eq!(account.technical_overdraft(DAY), 50_000);
        assert_eq!(account.available(DAY), -50_000);
    }

    #[test]
    fn bal_5_a_credit_is_spent_in_order() {
        let spent = account(-550_000, 35_000, 500_000).spend_credit(600_000, DAY);
        let expected = Spent {
            technical_overdraft: 50_000,
            overdraft: 500_000,
            minimum_balance: 35_000,
            own_use: 15_000,
        };
        assert_eq!(spent, expected);
        let spent = account(-550_000, 0, 500_000).spend_credit(70_000, DAY);
        assert_eq!(
            (spent.technical_overdraft, spent.overdraft, spent.own_use),
            (50_000, 20_000, 0)
        );
    }
}
