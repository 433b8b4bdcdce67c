//! What the calendar ends, listed for approval and never silent: idle accounts (BLK-8) and cards
//! that were not collected (rule book section 5, `not_collected`).
//!
//! The end of day lists them, and takes off the list what is used again. Staff approve each one;
//! what is no longer so by then is refused.

use crate::command::OnRequestOf;
use crate::day::{Progress, Shift};
use crate::directory::at;
use crate::{BlockReason, Card, Done, Refusal, State};
use compact_str::CompactString;
use ledger::{Account, AccountSlot, GeneralAccount, OverdraftCause, Party, Transfer};
use payment_types::{BusinessDate, Currency, Moment};
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// 001 §4.10: an account is idle after so many months without operations, its cards expired.
const IDLE_MONTHS: i32 = 12;
/// Rule book section 5: a card is cancelled so many months after the application.
const COLLECT_MONTHS: i32 = 6;
/// 001 §4.10: from 100 KGS on what is left stays claimable.
const CLAIMABLE_FROM: u64 = 10_000;

/// What is listed, with the day on which it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Retirement {
    idle: BTreeMap<u32, BusinessDate>,
    uncollected: BTreeMap<u32, BusinessDate>,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetireCommand {
    /// Close an idle account (BLK-8).
    CloseAccount {
        /// The account's id.
        account: CompactString,
        /// Who approved it and why.
        by: OnRequestOf,
    },
    /// End the agreement about an account with nothing on it: it is closed, its cards with it.
    EndAgreement {
        /// The account's id.
        account: CompactString,
        /// Who and why.
        by: OnRequestOf,
    },
    /// Cancel a card that was not collected; its fee is kept.
    CancelCard {
        /// The card's id.
        card: CompactString,
        /// Who approved it and why.
        by: OnRequestOf,
    },
}

/// Where the money of an idle account goes (001 §4.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleMoney {
    /// Below 100 KGS: the bank's income.
    Income,
    /// From 100 KGS on: kept for the customer to claim.
    Claimable,
}

impl IdleMoney {
    /// The general ledger's account.
    #[must_use]
    pub const fn general(self) -> GeneralAccount {
        match self {
            Self::Income => GeneralAccount::IdleIncome,
            Self::Claimable => GeneralAccount::Unclaimed,
        }
    }
}

/// The same day so many months later; the last of the month where it has none.
pub(crate) fn plus_months(date: BusinessDate, months: i32) -> BusinessDate {
    let (year, month, day) = date.ymd();
    let count = i32::from(month).saturating_sub(1).saturating_add(months);
    let year = year.saturating_add(count.div_euclid(12));
    let month = u8::try_from(count.rem_euclid(12).saturating_add(1)).unwrap_or(1);
    let found = (1..=day).rev().find_map(|day| BusinessDate::from_ymd(year, month, day));
    found.unwrap_or(date)
}

fn is_unused(account: &Account, date: BusinessDate) -> bool {
    !account.closed
        && !account.arrested
        && account.balance >= 0
        && account.holds == 0
        && plus_months(account.last_operation, IDLE_MONTHS) <= date
}

fn is_uncollected(card: &Card, date: BusinessDate) -> bool {
    card.blocks.contains(BlockReason::NotActivated)
        && !card.blocks.contains(BlockReason::NotCollected)
        && plus_months(card.applied_on, COLLECT_MONTHS) <= date
}

impl State {
    /// Idle accounts and the day on which each was listed.
    pub fn idle_accounts(&self) -> impl Iterator<Item = (AccountSlot, BusinessDate)> {
        self.retirement.idle.iter().map(|(slot, date)| (AccountSlot(*slot), *date))
    }

    /// Cards that were not collected and the day on which each was listed.
    pub fn uncollected_cards(&self) -> impl Iterator<Item = (u32, BusinessDate)> {
        self.retirement.uncollected.iter().map(|(slot, date)| (*slot, *date))
    }

    /// Where the money of an idle account would go now; `None` without a rate to KGS.
    #[must_use]
    pub fn idle_money(&self, slot: AccountSlot, now: Moment) -> Option<IdleMoney> {
        let account = self.ledger.account(slot)?;
        let amount = u64::try_from(account.balance).ok()?;
        let quote = self.quote(account.currency, Currency::KGS, now)?;
        let in_som = quote.ratio.minor(amount, account.currency, Currency::KGS)?.trunc();
        let is_claimable = in_som.to_u64()? >= CLAIMABLE_FROM;
        Some(if is_claimable { IdleMoney::Claimable } else { IdleMoney::Income })
    }

    /// An operation of the customer, for BLK-8; what the bank takes by itself is none.
    pub(crate) fn note_operation(&mut self, slot: AccountSlot, date: BusinessDate) {
        if self.ledger.account(slot).is_some_and(|account| account.last_operation < date)
            && let Some(account) = self.ledger.account_mut(slot)
        {
            account.last_operation = date;
        }
    }

    fn is_idle(&self, slot: AccountSlot, date: BusinessDate) -> bool {
        let expired = |card| self.card(card).is_none_or(|card| card.expiry.is_past_on(date));
        self.ledger.account(slot).is_some_and(|account| is_unused(account, date))
            && self.cards_of.of(slot.0).all(expired)
    }

    /// BLK-8: lists what has become idle, and takes off the list what is no longer.
    pub(crate) fn list_idle_accounts(&mut self, shift: &mut Shift<'_>) -> Progress {
        let date = shift.date;
        if shift.at == 0 {
            let listed = std::mem::take(&mut self.retirement.idle);
            let still = listed.into_iter().filter(|row| self.is_idle(AccountSlot(row.0), date));
            self.retirement.idle = still.collect();
        }
        let wants = |account: &Account| is_unused(account, date);
        self.each_account(shift, wants, |state, slot, shift| {
            if state.is_idle(slot, date) && !state.retirement.idle.contains_key(&slot.0) {
                state.retirement.idle.insert(slot.0, date);
                shift.change();
            }
        })
    }

    /// Lists the cards that were not collected, and takes off the list those that were.
    pub(crate) fn list_uncollected_cards(&mut self, shift: &mut Shift<'_>) -> Progress {
        let date = shift.date;
        if shift.at == 0 {
            let listed = std::mem::take(&mut self.retirement.uncollected);
            let still = |row: &(u32, BusinessDate)| {
                self.card(row.0).is_some_and(|card| is_uncollected(card, date))
            };
            self.retirement.uncollected = listed.into_iter().filter(still).collect();
        }
        let mut slot = u32::try_from(shift.at).unwrap_or(u32::MAX);
        while let Some(card) = self.cards.get(at(slot)) {
            if is_uncollected(card, date) && !self.retirement.uncollected.contains_key(&slot) {
                self.retirement.uncollected.insert(slot, date);
                shift.change();
            }
            slot = slot.saturating_add(1);
            if !shift.look() {
                return Progress::More(u64::from(slot));
            }
        }
        Progress::Done
    }

    pub(crate) fn retire(
        &mut self,
        moment: Moment,
        command: &RetireCommand,
    ) -> Result<Done, Refusal> {
        match command {
            RetireCommand::CloseAccount { account, .. } => self.close_idle(moment, account),
            RetireCommand::EndAgreement { account, .. } => self.end_agreement(moment, account),
            RetireCommand::CancelCard { card, .. } => self.cancel_uncollected(moment, card),
        }
    }

    fn close_idle(&mut self, moment: Moment, id: &str) -> Result<Done, Refusal> {
        let position = self.directory.account_position(id).ok_or(Refusal::UnknownAccount)?;
        let slot = AccountSlot(position);
        let is_listed = self.retirement.idle.contains_key(&position);
        if !is_listed || !self.is_idle(slot, moment.business_date()) {
            return Err(Refusal::NotListed);
        }
        let to = self.idle_money(slot, moment).ok_or(Refusal::NoRate)?;
        let account = self.ledger.account(slot).ok_or(Refusal::UnknownAccount)?;
        let (amount, currency) = (account.balance.unsigned_abs(), account.currency);
        let mut transfers = Vec::new();
        if amount > 0 {
            let (debit, credit) = (Party::Customer(slot), Party::General(to.general()));
            let transfer = Transfer { debit, credit, amount, currency };
            self.post(&transfer, moment, OverdraftCause::Fee);
            transfers.push(transfer);
        }
        self.close_account(slot, moment.business_date());
        self.retirement.idle.remove(&position);
        Ok(Done::Retired { transfers })
    }

    fn cancel_uncollected(&mut self, moment: Moment, id: &str) -> Result<Done, Refusal> {
        let slot = self.directory.card_position(id).ok_or(Refusal::UnknownCard)?;
        let is_listed = self.retirement.uncollected.contains_key(&slot);
        let card = self.cards.get_mut(at(slot)).ok_or(Refusal::UnknownCard)?;
        if !is_listed || !is_uncollected(card, moment.business_date()) {
            return Err(Refusal::NotListed);
        }
        card.blocks.set(BlockReason::NotCollected);
        self.retirement.uncollected.remove(&slot);
        Ok(Done::Retired { transfers: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_on_their_last_day() {
        let day = |text: &str| BusinessDate::parse(text).unwrap();
        for (from, months, to) in [
            ("2026-01-31", 1, "2026-02-28"),
            ("2026-08-31", 6, "2027-02-28"),
            ("2027-08-31", 6, "2028-02-29"),
            ("2026-12-15", 12, "2027-12-15"),
        ] {
            assert_eq!(plus_months(day(from), months), day(to), "{from} and {months} months");
        }
    }
}
