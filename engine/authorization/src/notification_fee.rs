//! AMT-5: the monthly fee for telling customers by SMS, taken at the end of its day.

use crate::day::{Progress, Shift};
use crate::{Notice, State};
use ledger::{Account, AccountSlot, GeneralAccount, OverdraftCause, Party, Transfer};
use payment_types::{Balance, BusinessDate, Currency};
use rust_decimal::prelude::ToPrimitive;

/// How an account stands with the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationService {
    /// Its product does not have it.
    None,
    /// It is told.
    Active,
    /// The last fee was not covered.
    Suspended,
}

impl NotificationService {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// The customer's own money: the fee opens no overdraft, agreed or technical (001 §4.7).
fn own_money(account: &Account) -> Balance {
    let free = account.balance.saturating_sub(account.holds);
    free.saturating_sub(account.minimum_balance)
}

/// The same day of the next month; the rule set's day is at most the 28th.
fn next_month(date: BusinessDate) -> BusinessDate {
    let (year, month, day) = date.ymd();
    let (year, month) =
        if month == 12 { (year.saturating_add(1), 1) } else { (year, month.saturating_add(1)) };
    BusinessDate::from_ymd(year, month, day).unwrap_or(date)
}

impl State {
    /// How an account stands with the notification service.
    #[must_use]
    pub fn notification_service(&self, slot: AccountSlot) -> NotificationService {
        let product = self.ledger.account(slot).map(|account| account.product);
        if !product.is_some_and(|product| self.plan().has_notifications(product)) {
            NotificationService::None
        } else if self.not_notified.contains(&slot.0) {
            NotificationService::Suspended
        } else {
            NotificationService::Active
        }
    }

    /// Takes the fee on its day; where the customer's own money does not cover it, nothing is taken
    /// and the service is suspended until a fee is covered.
    pub(crate) fn take_notification_fees(&mut self, shift: &mut Shift<'_>) -> Progress {
        let (_, _, day) = shift.date.ymd();
        let Some(fee) = self.rules().notification_fee.as_ref().filter(|fee| fee.day == day) else {
            return Progress::Done;
        };
        let (fee, plan) = (fee.amount, std::sync::Arc::clone(&self.rules.compiled.plan));
        let pays = |account: &Account| !account.closed && plan.has_notifications(account.product);
        self.each_account(shift, pays, |state, slot, shift| {
            let Some(account) = state.ledger.account(slot) else { return };
            let (currency, arrested) = (account.currency, account.arrested);
            let own = own_money(account);
            // Without a rate there is no sum to be covered: the service goes on unpaid.
            let Some(amount) = state.in_currency(fee, currency, shift) else { return };
            let minor = Balance::try_from(amount).unwrap_or(Balance::MAX);
            if arrested || own < minor {
                if state.not_notified.insert(slot.0) {
                    let due_on = next_month(shift.date);
                    let notice =
                        Notice::NotificationsSuspended { account: slot, amount: minor, due_on };
                    shift.part.notices.push(notice);
                    shift.change();
                }
                return;
            }
            let debit = Party::Customer(slot);
            let credit = Party::General(GeneralAccount::FeeIncome);
            let transfer = Transfer { debit, credit, amount, currency };
            state.post(&transfer, shift.moment, OverdraftCause::Fee);
            state.not_notified.remove(&slot.0);
            shift.part.transfers.push(transfer);
            shift.done.add(currency, minor);
            shift.change();
        })
    }

    /// A sum in tyiyn in an account's currency, at the last rate without margin.
    fn in_currency(&self, tyiyn: u64, currency: Currency, shift: &Shift<'_>) -> Option<u64> {
        let quote = self.quote(Currency::KGS, currency, shift.moment)?;
        let exact = quote.ratio.minor(tyiyn, Currency::KGS, currency)?;
        exact.round().to_u64()
    }
}
