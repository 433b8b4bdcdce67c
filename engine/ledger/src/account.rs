//! A customer's account and what is available on it.

use crate::debts::{DebtPart, Debts, OpenOverdraft, USUAL_ORDER};
use payment_types::{Balance, BusinessDate, Currency};
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
    /// The last day with an operation of the customer's (BLK-8); at first the day it was opened here.
    pub last_operation: BusinessDate,
    /// What it owes and what is to be refilled, if there is anything.
    pub debts: Option<Box<Debts>>,
}

/// A debt by its parts, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Parts {
    /// Interest.
    pub interest: Balance,
    /// Service fees and their penalty.
    pub fee: Balance,
    /// The rest.
    pub principal: Balance,
}

impl Parts {
    /// All of it.
    #[must_use]
    pub const fn total(self) -> Balance {
        self.interest.saturating_add(self.fee).saturating_add(self.principal)
    }

    const fn part(&mut self, part: DebtPart) -> &mut Balance {
        match part {
            DebtPart::Interest => &mut self.interest,
            DebtPart::Fee => &mut self.fee,
            DebtPart::Principal => &mut self.principal,
        }
    }
}

/// What a credit was spent on, in the order of BAL-5. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Repaid of the technical overdraft, by its parts.
    pub technical_overdraft: Parts,
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
            last_operation: BusinessDate::from_days(i32::MIN),
            debts: None,
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

    /// The used part of the agreed overdraft. Interest and penalties are owed beside it.
    #[must_use]
    pub fn overdraft_used(&self, date: BusinessDate) -> Balance {
        self.spent().min(self.overdraft_on(date))
    }

    /// What was spent beyond the balance and the agreed overdraft (rule book section 4): without
    /// interest and penalties, with service fees.
    #[must_use]
    pub fn technical_overdraft(&self, date: BusinessDate) -> Balance {
        self.spent().saturating_sub(self.overdraft_on(date)).max(0)
    }

    /// The technical overdraft with all that is owed for it, by its parts.
    #[must_use]
    pub fn technical_parts(&self, date: BusinessDate) -> Parts {
        let amount = self.technical_overdraft(date);
        let Some(debts) = &self.debts else {
            return Parts { principal: amount, ..Parts::default() };
        };
        let fees = debts.fees_due().min(amount);
        Parts {
            interest: debts.interest,
            fee: fees.saturating_add(debts.penalty),
            principal: amount.saturating_sub(fees),
        }
    }

    /// The technical overdraft that is open.
    #[must_use]
    pub fn open_overdraft(&self) -> Option<&OpenOverdraft> {
        self.debts.as_ref().and_then(|debts| debts.open.as_ref())
    }

    /// What is missing of the minimum balance (BAL-3).
    #[must_use]
    pub fn minimum_missing(&self) -> Balance {
        self.minimum_balance.saturating_sub(self.balance.max(0)).max(0)
    }

    /// What is owed in all.
    fn debt(&self) -> Balance {
        self.balance.saturating_neg().max(0)
    }

    /// What is owed without interest and penalties.
    fn spent(&self) -> Balance {
        let aside = self.debts.as_ref().map_or(0, |d| d.interest.saturating_add(d.penalty));
        self.debt().saturating_sub(aside).max(0)
    }

    /// How a credit of `amount` will be spent (BAL-5): technical overdraft in the product's order of
    /// its parts, agreed overdraft, the minimum balance, and what is left for the customer.
    #[must_use]
    pub fn spend_credit(
        &self,
        amount: Balance,
        date: BusinessDate,
        order: &[DebtPart; 3],
    ) -> Spent {
        let mut owed = self.technical_parts(date);
        let mut technical_overdraft = Parts::default();
        let mut rest = amount;
        for part in *order {
            let paid = (*owed.part(part)).min(rest);
            *technical_overdraft.part(part) = paid;
            rest = rest.saturating_sub(paid);
        }
        let overdraft = self.overdraft_used(date).min(rest);
        let rest = rest.saturating_sub(overdraft);
        let minimum_balance = self.minimum_missing().min(rest);
        let own_use = rest.saturating_sub(minimum_balance);
        Spent { technical_overdraft, overdraft, minimum_balance, own_use }
    }

    /// Takes what a credit repays off what is owed, before the credit is posted.
    pub fn settle(&mut self, amount: Balance, date: BusinessDate, order: &[DebtPart; 3]) -> Spent {
        let spent = self.spend_credit(amount, date, order);
        if let Some(debts) = &mut self.debts {
            let paid = spent.technical_overdraft;
            debts.interest = debts.interest.saturating_sub(paid.interest);
            debts.pay_fees(paid.fee);
        }
        spent
    }

    /// What it owes, to be changed; made if there is nothing yet.
    pub fn debts_mut(&mut self) -> &mut Debts {
        self.debts.get_or_insert_default()
    }

    /// Lets go of what it owes if there is nothing to remember.
    pub fn tidy_debts(&mut self) {
        if self.debts.as_ref().is_some_and(|debts| debts.is_nothing()) {
            self.debts = None;
        }
    }
}

impl Account {
    /// As [`Account::spend_credit`] in the usual order.
    #[must_use]
    pub fn spend_as_usual(&self, amount: Balance, date: BusinessDate) -> Spent {
        self.spend_credit(amount, date, &USUAL_ORDER)
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
        let spent = account(-550_000, 35_000, 500_000).spend_as_usual(600_000, DAY);
        let expected = Spent {
            technical_overdraft: Parts { principal: 50_000, ..Parts::default() },
            overdraft: 500_000,
            minimum_balance: 35_000,
            own_use: 15_000,
        };
        assert_eq!(spent, expected);
        let spent = account(-550_000, 0, 500_000).spend_as_usual(70_000, DAY);
        assert_eq!(
            (spent.technical_overdraft.total(), spent.overdraft, spent.own_use),
            (50_000, 20_000, 0)
        );
    }

    #[test]
    fn bal_5_interest_then_fee_then_principal_unless_the_product_says_otherwise() {
        let mut account = account(-600_000, 0, 500_000);
        *account.debts_mut() = Debts { interest: 500, penalty: 20, ..Debts::default() };
        account.debts_mut().add_fee(1_000, DAY);
        assert_eq!(account.overdraft_used(DAY), 500_000);
        assert_eq!(account.technical_overdraft(DAY), 99_480);
        let parts = Parts { interest: 500, fee: 1_020, principal: 98_480 };
        assert_eq!(account.technical_parts(DAY), parts);
        let of = |order: [DebtPart; 3], amount| {
            account.spend_credit(amount, DAY, &order).technical_overdraft
        };
        assert_eq!(of(USUAL_ORDER, 600), Parts { interest: 500, fee: 100, principal: 0 });
        let other = [DebtPart::Principal, DebtPart::Interest, DebtPart::Fee];
        assert_eq!(of(other, 98_900), Parts { interest: 420, fee: 0, principal: 98_480 });
        let mut paid = account.clone();
        paid.settle(600, DAY, &USUAL_ORDER);
        paid.balance += 600;
        let left = Parts { interest: 0, fee: 920, principal: 98_480 };
        assert_eq!(paid.technical_parts(DAY), left);
        paid.settle(99_400, DAY, &USUAL_ORDER);
        paid.balance += 99_400;
        assert_eq!(paid.technical_parts(DAY), Parts::default());
        assert_eq!((paid.overdraft_used(DAY), paid.balance), (500_000, -500_000));
        paid.tidy_debts();
        assert_eq!(paid.debts, None);
    }
}
