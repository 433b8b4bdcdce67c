//! The double-entry ledger: accounts, holds as records of their own, and transfers between them.
//!
//! Every movement of money is a [`Transfer`] from one account to another in one currency, so the
//! sum of all balances of a currency is zero whatever happens (BAL-7). A [`Hold`] is not a posting:
//! it only narrows what is available. Nothing here decides; `authorization` checks first and then
//! [`Ledger::post`] and its kin must not fail: a broken invariant stops the shard.

mod account;
mod bounds;
mod debts;
mod general;
mod hold;
mod ledger;

pub use account::{Account, AccountSlot, Parts, Spent};
pub use bounds::{MOST_AT_ONCE, MOST_OF_BANK, MOST_ON_ACCOUNT};
pub use debts::{
    DebtPart, Debts, FeeDue, OpenOverdraft, OverdraftCause, Refill, USUAL_ORDER, accrue_interest,
    accrue_penalty,
};
pub use general::{GeneralAccount, GeneralLedger};
pub use hold::{Hold, HoldSlot, HoldStatus};
pub use ledger::{Ledger, LedgerFault, Party, Transfer};
