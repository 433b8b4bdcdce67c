//! Technical overdrafts by the rule book: opening, interest, repayment, blocks (TOD-1 to TOD-5,
//! TOD-7, BAL-5).

use crate::model::Model;
use crate::world::{ACCOUNTS, CARDS, HOLIDAYS};

/// What an account owes beyond the agreed overdraft.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Debt {
    pub is_open: bool,
    /// The last day for repaying it; known once the customer was told.
    pub due_on: Option<i64>,
    /// The days on which one was opened.
    pub openings: Vec<i64>,
    /// Booked and unpaid.
    pub interest: i128,
    /// Accrued and not booked: parts of a tyiyn, so many as percents in a year of 365 days.
    pub carried: i128,
    /// Fees that were not covered: the last day for paying them, and how much (TOD-7).
    pub fees: Vec<(i64, i128)>,
    /// Booked and unpaid.
    pub penalty: i128,
    /// Accrued and not booked: thousandths of a tyiyn.
    pub penalty_carried: i128,
}

/// The balance and the technical overdraft before a step.
pub struct Owed {
    balance: i128,
    technical: i128,
}

impl Model {
    /// What was spent beyond the balance; interest and penalty are owed beside it.
    fn spent(&self, account: usize) -> i128 {
        let account = &self.accounts[account];
        (-account.balance - account.debt.interest - account.debt.penalty).max(0)
    }

    /// What is owed of a technical overdraft in the order of BAL-5: interest, fees with their
    /// penalty, the rest.
    pub fn parts(&self, account: usize, technical: i128) -> [i128; 3] {
        let debt = &self.accounts[account].debt;
        let fees = debt.fees_due().min(technical);
        [debt.interest, fees + debt.penalty, technical - fees]
    }

    pub fn overdraft_used(&self, account: usize) -> i128 {
        self.spent(account).min(ACCOUNTS[account].overdraft)
    }

    pub fn technical_overdraft(&self, account: usize) -> i128 {
        (self.spent(account) - ACCOUNTS[account].overdraft).max(0)
    }

    pub fn owed(&self, account: usize) -> Owed {
        let technical = self.technical_overdraft(account);
        Owed { balance: self.accounts[account].balance, technical }
    }

    /// What a change of the balance does to what is owed. `fee` is the part of a debit that is a
    /// fee; it is taken last.
    pub fn settle(&mut self, account: usize, before: Owed, (fee, today): (i128, i64)) {
        let now = self.accounts[account].balance;
        if now == before.balance {
            return;
        }
        let [interest, fees, _] = self.parts(account, before.technical);
        let debt = &mut self.accounts[account].debt;
        let credit = (now - before.balance).max(0);
        let interest = interest.min(credit);
        debt.interest -= interest;
        debt.pay(fees.min(credit - interest));
        let technical = self.technical_overdraft(account);
        if credit == 0 && fee > 0 {
            self.accounts[account].balance += fee;
            let uncovered = technical - self.technical_overdraft(account);
            self.accounts[account].balance -= fee;
            self.accounts[account].debt.owe(uncovered, working_days_after(today, 5));
        }
        let debt = &mut self.accounts[account].debt;
        let is_open = technical + debt.interest + debt.penalty > 0;
        let was_open = std::mem::replace(&mut debt.is_open, is_open);
        if is_open && !was_open {
            debt.openings.push(today);
        }
        // TOD-2: told at once, so the clock runs from that day; growing starts no other.
        if technical > before.technical {
            debt.due_on = debt.due_on.or(Some(working_days_after(today, 5)));
        }
        // Any posting on an open overdraft has the policy look at it.
        if is_open {
            self.consider_block(account, today);
        } else if was_open {
            self.accounts[account].debt.due_on = None;
            self.lift_block(account);
        }
    }

    /// TOD-4: above 1000 som, or the third opening in 30 days, or unpaid past its deadline.
    fn consider_block(&mut self, account: usize, today: i64) {
        let technical = self.technical_overdraft(account);
        let debt = &self.accounts[account].debt;
        let often = debt.openings.iter().filter(|day| **day > today - 30).count() >= 3;
        let overdue = debt.due_on.is_some_and(|due| due < today);
        if technical <= 100_000 && !often && !overdue {
            return;
        }
        for card in (0..CARDS.len()).filter(|card| CARDS[*card].account == account) {
            let card = &mut self.cards[card];
            card.policy |= card.blocks.insert("technical_overdraft");
        }
    }

    /// TOD-5: the policy's own block goes, what staff set stays.
    fn lift_block(&mut self, account: usize) {
        for card in (0..CARDS.len()).filter(|card| CARDS[*card].account == account) {
            let card = &mut self.cards[card];
            if std::mem::take(&mut card.policy) {
                card.blocks.remove("technical_overdraft");
            }
        }
    }

    /// TOD-3: a day's interest, 24 % a year of 365 days, to the tyiyn (half to even); the rest is
    /// carried.
    pub fn book_interest(&mut self, today: i64) {
        const PARTS: i128 = 100 * 365;
        for account in 0..ACCOUNTS.len() {
            let technical = self.technical_overdraft(account);
            if technical == 0 {
                continue;
            }
            let debt = &mut self.accounts[account].debt;
            let exact = debt.carried + technical * 24;
            let booked = half_to_even(exact, PARTS);
            debt.carried = exact - booked * PARTS;
            if booked == 0 {
                continue;
            }
            debt.interest += booked;
            self.accounts[account].balance -= booked;
            *self.general.entry("interest_income").or_default() += booked;
            self.consider_block(account, today);
        }
    }

    /// TOD-7: a tenth of a percent a day of the fees that are overdue.
    pub fn book_penalties(&mut self, day: i64, today: i64) {
        const PARTS: i128 = 1_000;
        for account in 0..ACCOUNTS.len() {
            let debt = &mut self.accounts[account].debt;
            let overdue = debt.fees.iter().filter(|(due, _)| *due < day);
            let overdue: i128 = overdue.map(|(_, fee)| fee).sum();
            if overdue == 0 {
                continue;
            }
            let exact = debt.penalty_carried + overdue;
            let booked = half_to_even(exact, PARTS);
            debt.penalty_carried = exact - booked * PARTS;
            if booked == 0 {
                continue;
            }
            debt.penalty += booked;
            self.accounts[account].balance -= booked;
            *self.general.entry("penalty_income").or_default() += booked;
            self.consider_block(account, today);
        }
    }

    /// TOD-4: at the end of a day, what is unpaid past its deadline is blocked.
    pub fn block_overdue(&mut self, day: i64) {
        for account in 0..ACCOUNTS.len() {
            if self.accounts[account].debt.is_open {
                self.consider_block(account, day + 1);
            }
        }
    }
}

impl Debt {
    pub fn fees_due(&self) -> i128 {
        self.fees.iter().map(|(_, fee)| fee).sum()
    }

    fn owe(&mut self, fee: i128, due_on: i64) {
        if fee > 0 {
            self.fees.push((due_on, fee));
        }
    }

    /// The oldest fee first, the penalty after them all.
    fn pay(&mut self, mut amount: i128) {
        for (_, fee) in &mut self.fees {
            let paid = amount.min(*fee);
            *fee -= paid;
            amount -= paid;
        }
        self.fees.retain(|(_, fee)| *fee > 0);
        self.penalty = (self.penalty - amount).max(0);
    }
}

/// `exact / parts`, rounded half to even.
fn half_to_even(exact: i128, parts: i128) -> i128 {
    let (low, rest) = (exact.div_euclid(parts), exact.rem_euclid(parts));
    let up = rest * 2 > parts || (rest * 2 == parts && low % 2 != 0);
    low + i128::from(up)
}

/// The day so many working days after one: Monday to Friday, without the table of holidays.
fn working_days_after(mut day: i64, mut count: u32) -> i64 {
    while count > 0 {
        day += 1;
        // 1970-01-01 was a Thursday.
        let is_weekend = (day + 3).rem_euclid(7) >= 5;
        if !is_weekend && !HOLIDAYS.contains(&day) {
            count -= 1;
        }
    }
    day
}
