//! The end of day's jobs on technical overdrafts, fees due and minimum balances.

use crate::day::{Progress, Shift};
use crate::debts::{REFILL_WORKING_DAYS, REPAY_WORKING_DAYS};
use crate::pricing::Sums;
use crate::{Exact, Notice, Pricing, State};
use arrayvec::ArrayVec;
use ledger::{
    Account, AccountSlot, GeneralAccount, OverdraftCause, Party, Transfer, accrue_interest,
    accrue_penalty,
};
use payment_types::{Balance, BusinessDate, Currency, Moment};

/// Whether an account may owe something.
fn owes(account: &Account) -> bool {
    account.balance < 0 || account.open_overdraft().is_some()
}

impl State {
    /// TOD-2: what the calendar opened (an agreed overdraft that ended while it was used), and
    /// notices for those of which the customer was not told yet.
    pub(crate) fn notify_overdrafts(&mut self, shift: &mut Shift<'_>) -> Progress {
        self.each_account(shift, owes, |state, account, shift| {
            let was_open =
                state.ledger.account(account).is_some_and(|a| a.open_overdraft().is_some());
            state.note_account(account, shift.moment, OverdraftCause::OverdraftEnded);
            let Some(found) = state.ledger.account(account) else { return };
            let Some(open) = found.open_overdraft() else { return };
            if open.notified_at.is_some() {
                return;
            }
            let today = shift.moment.business_date();
            let (amount, currency) = (found.technical_overdraft(today), found.currency);
            let due_on = state.plan().calendar().add_working_days(today, REPAY_WORKING_DAYS);
            let notice = Notice::TechnicalOverdraft { account, amount, due_on };
            state.told(&notice, shift.moment);
            shift.part.notices.push(notice);
            if !was_open {
                shift.done.add(currency, amount);
            }
            shift.change();
        })
    }

    /// TOD-3: a day's interest on what is open.
    pub(crate) fn book_interest(&mut self, shift: &mut Shift<'_>) -> Progress {
        self.each_account(shift, owes, |state, slot, shift| {
            let Some(account) = state.ledger.account(slot) else { return };
            let amount = account.technical_overdraft(shift.date);
            if amount == 0 {
                return;
            }
            let terms = state.plan().overdraft_terms(account.product);
            let (rate, year) = (terms.annual_millionths, terms.year);
            let carried = account.debts.as_ref().map_or(0, |debts| debts.interest_carried);
            let (booked, carried) = accrue_interest(carried, amount, rate, year);
            if let Some(account) = state.ledger.account_mut(slot) {
                account.debts_mut().interest_carried = carried;
            }
            state.book(slot, booked, GeneralAccount::InterestIncome, shift);
        })
    }

    /// TOD-7: 0.1 % a day of the service fees that are overdue.
    pub(crate) fn book_penalties(&mut self, shift: &mut Shift<'_>) -> Progress {
        let has_fees =
            |account: &Account| account.debts.as_ref().is_some_and(|debts| !debts.fees.is_empty());
        self.each_account(shift, has_fees, |state, slot, shift| {
            let Some(debts) = state.ledger.account(slot).and_then(|a| a.debts.as_ref()) else {
                return;
            };
            let overdue = debts.fees_overdue(shift.date);
            if overdue == 0 {
                return;
            }
            let (booked, carried) = accrue_penalty(debts.penalty_carried, overdue);
            if let Some(account) = state.ledger.account_mut(slot) {
                account.debts_mut().penalty_carried = carried;
            }
            state.book(slot, booked, GeneralAccount::PenaltyIncome, shift);
        })
    }

    fn book(
        &mut self,
        slot: AccountSlot,
        minor: Balance,
        income: GeneralAccount,
        shift: &mut Shift<'_>,
    ) {
        let Some(account) = self.ledger.account(slot) else { return };
        let (currency, amount) = (account.currency, u64::try_from(minor).unwrap_or_default());
        shift.change();
        if amount == 0 {
            return;
        }
        let (debit, credit) = (Party::Customer(slot), Party::General(income));
        let transfer = Transfer { debit, credit, amount, currency };
        // BAL-7: a debt at its bound grows no further.
        if !self.ledger.fits([transfer].iter()) {
            return;
        }
        self.post(&transfer, shift.moment, OverdraftCause::Fee);
        shift.part.transfers.push(transfer);
        shift.done.add(currency, minor);
    }

    /// TOD-6: takes what is owed from the customer's other accounts, in the product's order.
    pub(crate) fn sweep(&mut self, shift: &mut Shift<'_>) -> Progress {
        let is_open = |account: &Account| account.open_overdraft().is_some();
        self.each_account(shift, is_open, |state, slot, shift| {
            let Some(account) = state.ledger.account(slot) else { return };
            let sweep_from = state.plan().overdraft_terms(account.product).sweep_from.clone();
            if sweep_from.is_empty() {
                return;
            }
            let customer = account.customer;
            for product in sweep_from {
                let mut others: Vec<u32> = state.accounts_of.of(customer).collect();
                others.sort_unstable();
                for other in others.into_iter().map(AccountSlot) {
                    let of_product =
                        state.ledger.account(other).is_some_and(|a| a.product == product);
                    if of_product && other != slot {
                        state.take(other, slot, shift);
                    }
                }
            }
        })
    }

    /// Takes what `slot` owes from the customer's own money on `other`, as far as it goes.
    fn take(&mut self, other: AccountSlot, slot: AccountSlot, shift: &mut Shift<'_>) {
        let date = shift.moment.business_date();
        let (Some(from), Some(to)) = (self.ledger.account(other), self.ledger.account(slot)) else {
            return;
        };
        let owed = to.technical_parts(date).total().unsigned_abs();
        let own = own_money(from).unsigned_abs();
        if from.arrested || from.closed || owed == 0 || own == 0 {
            return;
        }
        let (currency, paid_in) = (to.currency, from.currency);
        let bought = if currency == paid_in {
            Some((owed.min(own), Sums::default()))
        } else {
            self.bought(shift.moment, (paid_in, currency), (own, owed))
        };
        let Some((amount, cost)) = bought.filter(|(amount, _)| *amount > 0) else { return };
        let (debit, credit) = (Party::Customer(other), Party::Customer(slot));
        let general = Party::General;
        let transfers = if currency == paid_in {
            [Some(Transfer { debit, credit, amount, currency }), None, None]
        } else {
            let exchange = general(GeneralAccount::Exchange);
            let paid =
                Transfer { debit, credit: exchange, amount: cost.principal, currency: paid_in };
            let income = general(GeneralAccount::ExchangeIncome);
            let margin = Transfer { credit: income, amount: cost.margin, ..paid };
            [Some(paid), Some(margin), Some(Transfer { debit: exchange, credit, amount, currency })]
        };
        for transfer in transfers.into_iter().flatten().filter(|transfer| transfer.amount > 0) {
            self.post(&transfer, shift.moment, OverdraftCause::Fee);
            shift.part.transfers.push(transfer);
        }
        shift.done.add(currency, Balance::try_from(amount).unwrap_or(Balance::MAX));
        shift.change();
    }

    /// What can be bought for what there is, at most what is owed, at the bank's rate with its
    /// margin; nothing where the rate is missing or too old (AMT-3).
    fn bought(
        &self,
        now: Moment,
        (paid_in, currency): (Currency, Currency),
        (own, owed): (u64, u64),
    ) -> Option<(u64, Sums)> {
        let quote = self.quote(currency, paid_in, now).filter(|quote| !quote.stale)?;
        let pricing = Pricing {
            currency,
            account: paid_in,
            ratio: quote.ratio,
            kgs: self.quote(currency, Currency::KGS, now)?.ratio,
            margin_percent: Exact(quote.margin_percent),
            credit: false,
            flat: false,
            fees: ArrayVec::new(),
        };
        // The most that it pays for, by halves: a dearer amount never costs less.
        let affordable = |amount: u64| {
            let cost = pricing.of(amount)?;
            (cost.cost().unsigned_abs() <= own).then_some((amount, cost))
        };
        if let Some(all) = affordable(owed) {
            return Some(all);
        }
        let (mut low, mut high, mut best) = (0u64, owed, None);
        while low < high {
            let middle = low.midpoint(high.saturating_add(1)).max(low.saturating_add(1));
            match affordable(middle) {
                Some(found) => (low, best) = (middle, Some(found)),
                None => high = middle.saturating_sub(1),
            }
        }
        best
    }

    /// TOD-2, TOD-4: what is unpaid past its deadline is told once and blocked as the policy says;
    /// so is what an exemption that has run out kept from being blocked.
    pub(crate) fn block_overdue(&mut self, shift: &mut Shift<'_>) -> Progress {
        let is_open = |account: &Account| account.open_overdraft().is_some();
        let next_day = shift.date.plus_days(1);
        self.each_account(shift, is_open, |state, slot, shift| {
            let mut changed = state.consider_block(slot, next_day) > 0;
            let Some(account) = state.ledger.account_mut(slot) else { return };
            let amount = account.technical_overdraft(shift.date);
            let open = account.debts.as_mut().and_then(|debts| debts.open.as_mut());
            if let Some(open) = open
                && let Some(due_on) = open.due_on.filter(|due| *due < next_day)
                && !open.told_overdue
            {
                open.told_overdue = true;
                changed = true;
                let notice = Notice::TechnicalOverdraftOverdue { account: slot, amount, due_on };
                shift.part.notices.push(notice);
            }
            if changed {
                shift.change();
            }
        })
    }

    /// BAL-3: minimum balances that are to be refilled: told, and told again when overdue.
    pub(crate) fn watch_minimum_balances(&mut self, shift: &mut Shift<'_>) -> Progress {
        let is_short =
            |account: &Account| account.debts.as_ref().is_some_and(|debts| debts.refill.is_some());
        let today = shift.moment.business_date();
        let due = self.plan().calendar().add_working_days(today, REFILL_WORKING_DAYS);
        self.each_account(shift, is_short, |state, account, shift| {
            let Some(found) = state.ledger.account(account) else { return };
            let missing = found.minimum_missing();
            let Some(refill) = found.debts.as_ref().and_then(|debts| debts.refill) else { return };
            match refill.due_on {
                None => {
                    let notice = Notice::MinimumBalance { account, missing, due_on: due };
                    state.told(&notice, shift.moment);
                    shift.part.notices.push(notice);
                    shift.change();
                }
                Some(due_on) if due_on <= shift.date && !refill.told_overdue => {
                    if let Some(found) = state.ledger.account_mut(account)
                        && let Some(refill) = &mut found.debts_mut().refill
                    {
                        refill.told_overdue = true;
                    }
                    let notice = Notice::MinimumBalanceOverdue { account, missing, due_on };
                    shift.part.notices.push(notice);
                    shift.change();
                }
                Some(_) => {}
            }
        })
    }
}

/// What a sweep may take: the customer's own money, without the agreed overdraft.
fn own_money(account: &Account) -> Balance {
    let free = account.balance.saturating_sub(account.holds);
    free.saturating_sub(account.minimum_balance).max(0)
}

/// Where a technical overdraft stands in time (TOD-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ageing {
    /// In its 5 working days, or not notified yet.
    InTime,
    /// Overdue for 1 to 30 days.
    Overdue,
    /// Overdue for more than 30 days.
    LongOverdue,
}

impl Ageing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::InTime, Self::Overdue, Self::LongOverdue];

    /// Of an overdraft that was due on a day.
    #[must_use]
    pub fn of(due_on: Option<BusinessDate>, today: BusinessDate) -> Self {
        let Some(due_on) = due_on else { return Self::InTime };
        match today.days().saturating_sub(due_on.days()) {
            i32::MIN..=0 => Self::InTime,
            1..=30 => Self::Overdue,
            _ => Self::LongOverdue,
        }
    }

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InTime => "working_days_1_to_5",
            Self::Overdue => "overdue_1_to_30",
            Self::LongOverdue => "overdue_over_30",
        }
    }
}
