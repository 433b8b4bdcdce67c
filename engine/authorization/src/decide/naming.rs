//! Which kept transaction a fact is about (TXN-4, TXN-5, TXN-6).
//!
//! A message goes on with another one only where both do the same: a purchase completes a purchase,
//! a refund corrects a refund. What it names besides is not taken over: neither its parties, nor
//! what was booked for it.

use super::case::Case;
use crate::State;
use crate::clearing::PRESENTMENT;
use crate::transactions::{Place, Status, Transaction};
use payment_types::{Class, Function, TransactionType};

/// How many of an account's transactions are looked through for what a message has no reference to.
pub(super) const LOOK_BACK: usize = 1000;

/// What is done, as far as one message may go on with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Business {
    /// Goods or services, with or without cash-back.
    Sale,
    /// Cash handed out.
    Cash,
    /// From card to card.
    Transfer,
    /// Goods given back.
    Refund,
    /// Cash taken in.
    CashIn,
    /// Money from elsewhere.
    Credit,
}

impl Business {
    /// What DE 3 says; `None` where no money is to move.
    pub(super) const fn of(asked: TransactionType) -> Option<Self> {
        Some(match asked {
            TransactionType::Purchase | TransactionType::PurchaseWithCashback => Self::Sale,
            TransactionType::Cash | TransactionType::CashDisbursement => Self::Cash,
            TransactionType::Transfer => Self::Transfer,
            TransactionType::Refund | TransactionType::CreditAdjustment => Self::Refund,
            TransactionType::CashIn => Self::CashIn,
            TransactionType::CreditToCard => Self::Credit,
            _ => return None,
        })
    }

    /// What a kept transaction did.
    pub(crate) fn done_by(row: &Transaction) -> Option<Self> {
        Self::of(row.processing_code.transaction_type())
    }

    /// Whether it takes from the account.
    pub(crate) const fn is_debit(self) -> bool {
        matches!(self, Self::Sale | Self::Cash | Self::Transfer)
    }
}

impl Case<'_> {
    /// What the message does.
    pub(super) fn business(&self) -> Option<Business> {
        Business::of(self.request.processing_code.transaction_type())
    }

    /// Whether a kept transaction is of the same card and account.
    pub(super) fn is_of_card(&self, row: &Transaction) -> bool {
        row.card.is_some()
            && row.card == self.card.map(|(slot, _)| slot)
            && row.account == self.account.map(|(slot, _)| slot)
    }

    /// Whether the message may go on with a kept transaction.
    pub(super) fn goes_on_with(&self, row: &Transaction) -> bool {
        let business = self.business();
        business.is_some() && business == Business::done_by(row) && self.is_of_card(row)
    }

    /// Whether a kept transaction was done at the same device, or at one of the same merchant or
    /// agent: a reference number of others' says nothing here.
    pub(super) fn is_at_the_same_place(&self, row: &Transaction) -> bool {
        if row.terminal == self.request.terminal {
            return true;
        }
        let Some((_, here)) = self.terminal else { return false };
        let Some((_, there)) = self.state.directory().terminal(&row.terminal) else { return false };
        let same = |a: Option<u32>, b: Option<u32>| a.is_some() && a == b;
        same(here.merchant, there.merchant) || same(here.agent, there.agent)
    }

    /// The transaction that DE 90 names, whatever it is.
    pub(super) fn named(&self) -> Option<Place> {
        let original = self.request.original.as_ref()?;
        self.state.transactions().original(self.request.terminal, original)
    }
}

/// The transaction that a completion or an advice goes on with: by DE 90, or by the retrieval
/// reference number of an authorization.
pub(super) fn original_of(case: &Case<'_>) -> Option<Place> {
    let transactions = case.state.transactions();
    let place = case.named().or_else(|| {
        let is_it = |row: &Transaction| {
            row.mti.class() == Class::Authorization
                && case.goes_on_with(row)
                && case.is_at_the_same_place(row)
        };
        let rrn = case.request.rrn?;
        let live = |row: &Transaction| is_it(row) && row.status.is_live();
        let done = |row: &Transaction| is_it(row) && row.status == Status::Completed;
        transactions.by_rrn(&rrn, live).or_else(|| transactions.by_rrn(&rrn, done))
    })?;
    transactions.get(place).filter(|row| case.goes_on_with(row))?;
    standing(case.state, place)
}

/// What stands in a transaction's place now: an increment's preauthorization, the completion of what
/// was completed. `None` for what was reversed or never moved anything.
pub(crate) fn standing(state: &State, place: Place) -> Option<Place> {
    let transactions = state.transactions();
    let row = transactions.get(place)?;
    let adds = row.mti.class() == Class::Authorization && row.mti.function() == Function::Request;
    let root = match row.follows.filter(|_| adds) {
        Some(root) => transactions.place_of(root)?,
        None => place,
    };
    match transactions.get(root)?.status {
        Status::Held | Status::Posted | Status::Expired => Some(root),
        Status::Completed => completion(state, root, |_| true),
        _ => None,
    }
}

/// The completion that stands in place of a completed transaction, through as many as there were;
/// `None` once one of them is not to be taken.
pub(super) fn completion(
    state: &State,
    of: Place,
    may_be: impl Fn(&Transaction) -> bool,
) -> Option<Place> {
    let transactions = state.transactions();
    let account = transactions.get(of)?.account?;
    let mut root = transactions.get(of)?.sequence;
    loop {
        let completes = |place: &Place| {
            transactions.get(*place).is_some_and(|row| {
                row.follows == Some(root)
                    && matches!(row.status, Status::Posted | Status::Completed)
                    && row.mti.function() != Function::Request
            })
        };
        let place = transactions.of_account(account).take(LOOK_BACK).find(completes)?;
        let row = transactions.get(place).filter(|row| may_be(row))?;
        if row.status == Status::Posted {
            return Some(place);
        }
        root = row.sequence;
    }
}

/// Whether a transaction came out of a clearing file.
pub(super) fn is_presented(row: &Transaction) -> bool {
    row.mti == PRESENTMENT
}
