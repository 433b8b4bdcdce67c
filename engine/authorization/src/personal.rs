//! Customers' personal data, which the core never sees: it keeps sealed bytes, notes who looked
//! (PII-2), and says when a customer may be erased (PII-3).
//!
//! Erasing drops the sealed bytes here; the edge then destroys the customer's key, and what older
//! records and snapshots hold can be read by nobody. What is about money stays: accounts, postings
//! and operations under the customer's id.

use crate::directory::at;
use crate::disputes::DisputeStatus;
use crate::retirement::plus_months;
use crate::{BlockReason, Card, Done, OnRequestOf, Refusal, State};
use arrayvec::ArrayVec;
use compact_str::CompactString;
use ledger::AccountSlot;
use payment_types::{BusinessDate, Moment};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A card's number, sealed under its holder's key: opaque bytes.
pub type SealedPanBytes = ArrayVec<u8, 32>;

/// What is kept about agreements that ended and customers that were erased.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Personal {
    /// Accounts that were closed, and when.
    pub(crate) ended: BTreeMap<u32, BusinessDate>,
    /// Customers that were erased, and when.
    pub(crate) erased: BTreeMap<u32, BusinessDate>,
}

/// What may be done with personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersonalCommand {
    /// Somebody looks at it (PII-2): journaled before anything is shown.
    Look {
        /// At whose or what.
        subject: Subject,
        /// At what of it.
        at: LookedAt,
        /// Who.
        entered_by: CompactString,
        /// Why.
        reason: CompactString,
    },
    /// Erase a customer (PII-3).
    Erase {
        /// The customer's id.
        customer: CompactString,
        /// Who and why.
        by: OnRequestOf,
    },
}

/// Whose data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// A customer, by id.
    Customer(CompactString),
    /// A card, by id.
    Card(CompactString),
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LookedAt {
    /// Name and telephone number, masked.
    Masked,
    /// Name and telephone number in clear.
    Details,
    /// The card's number in clear.
    CardNumber,
    /// All that is held (PII-3).
    Report,
}

impl LookedAt {
    /// The name in the audit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Masked => "look_at_customer_masked",
            Self::Details => "look_at_customer",
            Self::CardNumber => "reveal_card_number",
            Self::Report => "data_report",
        }
    }
}

/// What is kept for a time after it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retained {
    /// The agreement, with who the customer is.
    Agreement,
    /// Operations.
    Operations,
    /// Disputes.
    Disputes,
}

impl Retained {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Agreement, Self::Operations, Self::Disputes];

    /// The name in the API; `rules.toml` adds `_years`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::Operations => "operations",
            Self::Disputes => "disputes",
        }
    }
}

/// What stands against ending an agreement, or erasing a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hindrance {
    /// The account is open.
    AccountOpen(CompactString),
    /// There is money on the account, or a debt.
    Balance(CompactString),
    /// Money is set aside for operations that are not completed.
    Holds(CompactString),
    /// Something is owed or to be refilled.
    Debt(CompactString),
    /// The account is under arrest (BAL-6).
    Arrested(CompactString),
    /// The dispute is not decided.
    Dispute(u32),
    /// The card, on another customer's account, is in use.
    CardOpen(CompactString),
    /// Not before the day after this one.
    Retained(Retained, BusinessDate),
}

impl State {
    /// When a customer was erased, by position.
    #[must_use]
    pub fn erased_on(&self, customer: u32) -> Option<BusinessDate> {
        self.personal.erased.get(&customer).copied()
    }

    /// The positions of all customers that were erased.
    pub fn erased_customers(&self) -> impl Iterator<Item = u32> {
        self.personal.erased.keys().copied()
    }

    /// When an account was closed.
    #[must_use]
    pub fn ended_on(&self, account: AccountSlot) -> Option<BusinessDate> {
        self.personal.ended.get(&account.0).copied()
    }

    /// A customer's accounts, the last one first.
    pub fn accounts_of(&self, customer: u32) -> impl Iterator<Item = AccountSlot> {
        self.accounts_of.of(customer).map(AccountSlot)
    }

    /// The cards a customer holds, on whosever account. Looks at every card there is.
    pub fn cards_held_by(&self, customer: u32) -> impl Iterator<Item = (u32, &Card)> {
        self.cards().filter(move |(_, card)| card.holder == customer)
    }

    /// For how long what is held of a customer is kept: the last day of each kind there is
    /// something of. `None` while there is no end of it to count from.
    #[must_use]
    pub fn retained(&self, customer: u32) -> Vec<(Retained, Option<BusinessDate>)> {
        let years = self.rules().retention;
        let accounts = || self.accounts_of(customer);
        let ended = |slot: AccountSlot| {
            let account = self.ledger.account(slot).filter(|account| account.closed)?;
            Some(self.ended_on(slot).unwrap_or(account.last_operation))
        };
        let mut kept = Vec::new();
        if accounts().next().is_some() {
            // Open accounts come first, as nothing.
            let last = accounts().map(ended).try_fold(None, |last, day| Some(last.max(Some(day?))));
            let until = last.flatten().map(|day| plus_years(day, years.agreement_years));
            kept.push((Retained::Agreement, until));
            let last = accounts().filter_map(|slot| self.ledger.account(slot));
            let last = last.map(|account| account.last_operation).max();
            let until = last.map(|day| plus_years(day, years.operations_years));
            kept.push((Retained::Operations, until));
        }
        let mut disputes = self.disputes_of(customer).peekable();
        if disputes.peek().is_some() {
            let zone = self.moment.offset;
            let day = |at| Moment::new(at, zone).business_date();
            let mut last = disputes.map(|(_, dispute)| dispute.decided_at.map(day));
            let last = last.try_fold(None, |last, day| Some(last.max(Some(day?))));
            let until = last.flatten().map(|day| plus_years(day, years.disputes_years));
            kept.push((Retained::Disputes, until));
        }
        kept
    }

    /// The disputes about a customer's accounts.
    pub fn disputes_of(&self, customer: u32) -> impl Iterator<Item = (u32, &crate::Dispute)> {
        self.disputes().filter(move |(_, dispute)| {
            let account = self.ledger.account(dispute.account);
            account.is_some_and(|account| account.customer == customer)
        })
    }

    pub(crate) fn personal_command(
        &mut self,
        moment: Moment,
        command: &PersonalCommand,
    ) -> Result<Done, Refusal> {
        match command {
            PersonalCommand::Look { subject: Subject::Customer(id), .. } => {
                self.customer_named(id).map(|_| Done::Looked)
            }
            PersonalCommand::Look { subject: Subject::Card(id), .. } => {
                self.directory.card_position(id).map(|_| Done::Looked).ok_or(Refusal::UnknownCard)
            }
            PersonalCommand::Erase { customer, .. } => self.erase(moment, customer),
        }
    }

    fn customer_named(&self, id: &str) -> Result<u32, Refusal> {
        self.directory.customer_position(id).ok_or(Refusal::UnknownCustomer)
    }

    /// PII-3. Doing it again changes nothing.
    fn erase(&mut self, moment: Moment, id: &str) -> Result<Done, Refusal> {
        let customer = self.customer_named(id)?;
        let date = moment.business_date();
        if self.erased_on(customer).is_none() {
            match self.against_erasing(customer, date) {
                Some(hindrance) => return Err(Refusal::Hindered(hindrance)),
                None => self.forget(customer, date),
            }
        }
        Ok(Done::Erased { customer })
    }

    fn forget(&mut self, customer: u32, date: BusinessDate) {
        if let Some(row) = self.directory.customers.get_mut(customer) {
            row.details = Vec::new();
        }
        let held: Vec<u32> = self.cards_held_by(customer).map(|(slot, _)| slot).collect();
        for slot in held {
            if let Some(card) = self.cards.get_mut(at(slot)) {
                card.sealed_pan.clear();
            }
        }
        self.personal.erased.insert(customer, date);
    }

    /// The first thing that stands against erasing a customer on a day; nothing if he may be.
    #[must_use]
    pub fn against_erasing(&self, customer: u32, date: BusinessDate) -> Option<Hindrance> {
        let open = self.accounts_of(customer).find_map(|slot| {
            let closed = self.ledger.account(slot).is_none_or(|account| account.closed);
            let id = || CompactString::from(self.directory.account_id(slot.0));
            if closed { self.money_on(slot) } else { Some(Hindrance::AccountOpen(id())) }
        });
        open.or_else(|| self.open_dispute(|account| account == customer))
            .or_else(|| self.card_in_use(customer, date))
            .or_else(|| self.still_retained(customer, date))
    }

    fn money_on(&self, slot: AccountSlot) -> Option<Hindrance> {
        let account = self.ledger.account(slot)?;
        let id = CompactString::from(self.directory.account_id(slot.0));
        if account.holds != 0 {
            return Some(Hindrance::Holds(id));
        }
        if account.balance != 0 {
            return Some(Hindrance::Balance(id));
        }
        account.debts.is_some().then_some(Hindrance::Debt(id))
    }

    fn open_dispute(&self, of: impl Fn(u32) -> bool) -> Option<Hindrance> {
        let is_open = |dispute: &crate::Dispute| {
            dispute.status == DisputeStatus::Open
                && self.ledger.account(dispute.account).is_some_and(|it| of(it.customer))
        };
        let open = self.disputes().find(|(_, dispute)| is_open(dispute));
        open.map(|(number, _)| Hindrance::Dispute(number))
    }

    fn card_in_use(&self, customer: u32, date: BusinessDate) -> Option<Hindrance> {
        let in_use = |card: &Card| {
            let over = card.blocks.iter().any(|reason| !reason.can_be_lifted());
            let closed = self.ledger.account(card.account).is_none_or(|account| account.closed);
            !over && !closed && !card.expiry.is_past_on(date)
        };
        let (slot, _) = self.cards_held_by(customer).find(|(_, card)| in_use(card))?;
        Some(Hindrance::CardOpen(self.directory.card_id(slot).into()))
    }

    fn still_retained(&self, customer: u32, date: BusinessDate) -> Option<Hindrance> {
        let kept = self.retained(customer).into_iter();
        let longest = kept.filter_map(|(kind, until)| Some((until?, kind)));
        let (until, kind) = longest.max_by_key(|(until, _)| *until)?;
        (date <= until).then_some(Hindrance::Retained(kind, until))
    }

    /// The agreement about an account ends: it is closed with nothing on it, its cards with it.
    pub(crate) fn end_agreement(&mut self, moment: Moment, id: &str) -> Result<Done, Refusal> {
        let position = self.directory.account_position(id).ok_or(Refusal::UnknownAccount)?;
        let slot = AccountSlot(position);
        let account = self.ledger.account(slot).ok_or(Refusal::UnknownAccount)?;
        if account.closed {
            return Err(Refusal::AccountClosed);
        }
        let arrested = account.arrested;
        let disputed = |dispute: &crate::Dispute| {
            dispute.account == slot && dispute.status == DisputeStatus::Open
        };
        let dispute = self.disputes().find(|(_, dispute)| disputed(dispute));
        let hindrance = arrested
            .then(|| Hindrance::Arrested(id.into()))
            .or_else(|| self.money_on(slot))
            .or_else(|| dispute.map(|(number, _)| Hindrance::Dispute(number)));
        if let Some(hindrance) = hindrance {
            return Err(Refusal::Hindered(hindrance));
        }
        self.close_account(slot, moment.business_date());
        let cards: Vec<u32> = self.cards_of.of(position).collect();
        for slot in cards {
            if let Some(card) = self.cards.get_mut(at(slot)) {
                card.blocks.set(BlockReason::AgreementEnded);
            }
        }
        Ok(Done::Retired { transfers: Vec::new() })
    }

    /// Nothing moves on it any more but facts.
    pub(crate) fn close_account(&mut self, slot: AccountSlot, date: BusinessDate) {
        if let Some(account) = self.ledger.account_mut(slot) {
            account.closed = true;
        }
        self.personal.ended.insert(slot.0, date);
    }
}

fn plus_years(day: BusinessDate, years: u8) -> BusinessDate {
    plus_months(day, i32::from(years).saturating_mul(12))
}
