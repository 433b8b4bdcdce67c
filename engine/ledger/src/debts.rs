//! What an account owes beyond the agreed overdraft, since when and until when (TOD-1 to TOD-7), and
//! the refill of its minimum balance (BAL-3).
//!
//! Interest and penalties are posted to the account like any debit, so the balance is the whole
//! truth about money; what is kept here says which part of a debt is what, so that a credit can be
//! spent in the order of BAL-5.

use payment_types::{Balance, BusinessDate, Timestamp};
use serde::{Deserialize, Serialize};

/// What opened a technical overdraft (TOD-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverdraftCause {
    /// An advice of what a chip or a stand-in approved offline.
    Advice,
    /// A completion above its hold.
    Completion,
    /// A completion or presentment after the hold had ended, or without one.
    LatePresentment,
    /// A fee, or interest.
    Fee,
    /// The reversal of a credit that had been spent.
    Reversal,
    /// Cash that an ATM handed out above what was asked, collected back (TXN-7).
    OverDispense,
    /// The agreed overdraft came to its end while it was used.
    OverdraftEnded,
    /// The account was taken over with it.
    Opening,
}

impl OverdraftCause {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Completion => "completion",
            Self::LatePresentment => "late_presentment",
            Self::Fee => "fee",
            Self::Reversal => "reversal",
            Self::OverDispense => "over_dispense",
            Self::OverdraftEnded => "overdraft_ended",
            Self::Opening => "opening",
        }
    }
}

/// A part of a debt (BAL-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DebtPart {
    /// Interest booked and unpaid (TOD-3).
    Interest,
    /// Service fees that were not covered, and their penalty (TOD-7).
    Fee,
    /// The rest.
    Principal,
}

/// BAL-5: the order in which a credit repays a debt, unless the product says otherwise.
pub const USUAL_ORDER: [DebtPart; 3] = [DebtPart::Interest, DebtPart::Fee, DebtPart::Principal];

/// A technical overdraft that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOverdraft {
    /// Since when.
    pub since: Timestamp,
    /// What opened it.
    pub cause: OverdraftCause,
    /// When the customer was notified: the notice was put into the outbox (TOD-2).
    pub notified_at: Option<Timestamp>,
    /// The last day for repaying it; known once the customer was notified.
    pub due_on: Option<BusinessDate>,
    /// The customer was told that it is overdue.
    pub told_overdue: bool,
}

/// A minimum balance that is to be refilled (BAL-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refill {
    /// Since when.
    pub since: Timestamp,
    /// When the customer was notified.
    pub notified_at: Option<Timestamp>,
    /// The last day for it; known once the customer was notified.
    pub due_on: Option<BusinessDate>,
    /// The customer was told that it is overdue.
    pub told_overdue: bool,
}

/// A service fee, or what is left of it, that was not covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeDue {
    /// The last day for paying it.
    pub due_on: BusinessDate,
    /// How much, minor units.
    pub amount: Balance,
}

/// Everything that only an account in debt has, or one that was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Debts {
    /// The technical overdraft that is open.
    pub open: Option<OpenOverdraft>,
    /// Interest booked and unpaid.
    pub interest: Balance,
    /// Interest accrued and not booked, below a minor unit: see [`accrue_interest`].
    pub interest_carried: i64,
    /// Service fees that were not covered, oldest first.
    pub fees: Vec<FeeDue>,
    /// Penalty booked and unpaid (TOD-7).
    pub penalty: Balance,
    /// Penalty accrued and not booked: see [`accrue_penalty`].
    pub penalty_carried: i64,
    /// The days on which a technical overdraft was opened, oldest first (TOD-4).
    pub openings: Vec<BusinessDate>,
    /// The minimum balance that is to be refilled.
    pub refill: Option<Refill>,
}

/// How long an opening counts for TOD-4, days.
const OPENINGS_KEPT: i32 = 366;
/// The most openings that are kept.
const OPENINGS_MOST: usize = 64;

impl Debts {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The sum of the fees that were not covered.
    #[must_use]
    pub fn fees_due(&self) -> Balance {
        self.fees.iter().fold(0, |sum: Balance, fee| sum.saturating_add(fee.amount))
    }

    /// The sum of the fees whose last day is before `date` (TOD-7).
    #[must_use]
    pub fn fees_overdue(&self, date: BusinessDate) -> Balance {
        let overdue = self.fees.iter().filter(|fee| fee.due_on < date);
        overdue.fold(0, |sum: Balance, fee| sum.saturating_add(fee.amount))
    }

    /// Adds a fee that was not covered.
    pub fn add_fee(&mut self, amount: Balance, due_on: BusinessDate) {
        match self.fees.last_mut().filter(|last| last.due_on == due_on) {
            Some(last) => last.amount = last.amount.saturating_add(amount),
            None => self.fees.push(FeeDue { due_on, amount }),
        }
    }

    /// Pays fees, oldest first, and then the penalty.
    pub(crate) fn pay_fees(&mut self, amount: Balance) {
        let mut left = amount;
        for fee in &mut self.fees {
            let paid = fee.amount.min(left);
            fee.amount = fee.amount.saturating_sub(paid);
            left = left.saturating_sub(paid);
        }
        self.fees.retain(|fee| fee.amount > 0);
        self.penalty = self.penalty.saturating_sub(left).max(0);
    }

    /// Counts an opening.
    pub fn add_opening(&mut self, date: BusinessDate) {
        let oldest = date.plus_days(-OPENINGS_KEPT);
        self.openings.retain(|opening| *opening > oldest);
        if self.openings.len() >= OPENINGS_MOST {
            self.openings.remove(0);
        }
        self.openings.push(date);
    }

    /// How often it was opened in the `days` days that end with `date`.
    #[must_use]
    pub fn openings_within(&self, date: BusinessDate, days: u64) -> u64 {
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        let after = BusinessDate::from_days(date.days().saturating_sub(days));
        let recent = self.openings.iter().filter(|opening| **opening > after);
        u64::try_from(recent.count()).unwrap_or(u64::MAX)
    }
}

/// 360 and 365 both divide it.
const DAYS_BASE: i128 = 26_280;
/// Carried interest is counted in parts of a minor unit: percent, millionths of a percent, days.
const INTEREST_PARTS: i128 = 100 * 1_000_000 * DAYS_BASE;
/// A tenth of a percent (TOD-7).
const PENALTY_PARTS: i128 = 1_000;

/// TOD-3: a day's interest on `amount` at an annual rate in millionths of a percent with a year of
/// 360 or 365 days. Gives what is booked, rounded to the minor unit (half to even), and what is
/// carried to the next day, exactly: nothing is ever lost.
#[must_use]
pub fn accrue_interest(
    carried: i64,
    amount: Balance,
    annual_millionths: u64,
    year: u32,
) -> (Balance, i64) {
    let a_day = DAYS_BASE / i128::from(year.max(1));
    let accrued =
        i128::from(amount).saturating_mul(i128::from(annual_millionths)).saturating_mul(a_day);
    book(accrued.saturating_add(i128::from(carried)), INTEREST_PARTS)
}

/// TOD-7: a day's penalty, 0.1 % of the overdue amount; booked and carried as interest is.
#[must_use]
pub fn accrue_penalty(carried: i64, overdue: Balance) -> (Balance, i64) {
    book(i128::from(overdue).saturating_add(i128::from(carried)), PENALTY_PARTS)
}

/// Banker's rounding of `exact / parts`, and what it leaves.
fn book(exact: i128, parts: i128) -> (Balance, i64) {
    let (whole, rest) = (exact.div_euclid(parts), exact.rem_euclid(parts));
    let up = match (rest * 2).cmp(&parts) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole.rem_euclid(2) == 1,
        std::cmp::Ordering::Greater => true,
    };
    let booked = whole.saturating_add(i128::from(up));
    let carried = exact.saturating_sub(booked.saturating_mul(parts));
    (Balance::try_from(booked).unwrap_or(Balance::MAX), i64::try_from(carried).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 24 % a year in millionths of a percent.
    const RATE: u64 = 24_000_000;

    #[test]
    fn tod_3_the_fraction_is_carried_and_never_lost() {
        let (mut booked, mut carried) = (0, 0);
        let mut days = Vec::new();
        for _ in 0..8 {
            let (today, rest) = accrue_interest(carried, 100_000, RATE, 365);
            (booked, carried) = (booked + today, rest);
            days.push(today);
        }
        assert_eq!((booked, days[0]), (526, 66));
        assert_eq!(days.iter().sum::<i64>(), 526);
        // A whole year books exactly the annual rate.
        let (mut year, mut carried) = (0, 0);
        for _ in 0..365 {
            let (today, rest) = accrue_interest(carried, 100_000, RATE, 365);
            (year, carried) = (year + today, rest);
        }
        assert_eq!((year, carried), (24_000, 0));
        for amount in [1, 7, 333, 99_999, 1_234_567] {
            let (mut sum, mut carried) = (0, 0);
            for _ in 0..360 * 100 {
                let (today, rest) = accrue_interest(carried, amount, RATE, 360);
                (sum, carried) = (sum + today, rest);
            }
            assert_eq!((sum, carried), (amount * 24, 0), "{amount}: 24 % for a hundred years");
        }
    }

    #[test]
    fn tod_3_halves_go_to_the_even_minor_unit() {
        // 0.1 % of 500 is half a unit, of 1 500 one and a half.
        assert_eq!(accrue_penalty(0, 500), (0, 500));
        assert_eq!(accrue_penalty(0, 1_500), (2, -500));
        assert_eq!(accrue_penalty(0, 2_500), (2, 500));
        assert_eq!(accrue_penalty(-500, 500), (0, 0));
        assert_eq!(accrue_penalty(500, 500), (1, 0));
    }

    #[test]
    fn tod_4_openings_are_counted_by_day() {
        let day = BusinessDate::from_days;
        let mut debts = Debts::default();
        [10, 20, 20, 39].into_iter().for_each(|at| debts.add_opening(day(at)));
        assert_eq!(debts.openings_within(day(39), 30), 4);
        assert_eq!(debts.openings_within(day(40), 30), 3, "the 10th is 30 days ago");
        assert_eq!(debts.openings_within(day(39), 1), 1);
        debts.add_opening(day(1_000));
        assert_eq!(debts.openings.len(), 1);
    }

    #[test]
    fn tod_7_fees_are_paid_oldest_first_and_then_their_penalty() {
        let day = BusinessDate::from_days;
        let mut debts = Debts { penalty: 5, ..Debts::default() };
        debts.add_fee(100, day(1));
        debts.add_fee(50, day(1));
        debts.add_fee(70, day(3));
        assert_eq!((debts.fees_due(), debts.fees_overdue(day(2))), (220, 150));
        debts.pay_fees(160);
        assert_eq!(debts.fees, [FeeDue { due_on: day(3), amount: 60 }]);
        debts.pay_fees(63);
        assert_eq!((debts.fees.len(), debts.penalty), (0, 2));
    }
}
