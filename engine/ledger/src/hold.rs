//! A hold: money set aside for a transaction until it is completed, voided or expires.

use crate::AccountSlot;
use payment_types::{Balance, Sequence, Timestamp};
use serde::{Deserialize, Serialize};

/// The position of a hold in the ledger's array. A closed hold's place is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HoldSlot(pub u32);

/// Where a hold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldStatus {
    /// Sets money aside.
    Open,
    /// Ended by a completion, which posted the final amount (TXN-4).
    Captured,
    /// Ended by a reversal (TXN-2).
    Voided,
    /// Ended by time (TXN-3).
    Expired,
}

/// Money set aside on an account. Not a posting (BAL-7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// On which account.
    pub account: AccountSlot,
    /// For which transaction.
    pub transaction: Sequence,
    /// How much, minor units of the account's currency.
    pub amount: Balance,
    /// When it ends by itself (TXN-3: 7 days, hotel and car rental 30, or the product's own).
    pub expires_at: Timestamp,
    /// Where it stands.
    pub status: HoldStatus,
}
