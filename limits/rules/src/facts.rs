//! What a request is about, as far as limits are concerned: dense indexes, kinds and sums.
//!
//! No names, no wire codes: whoever owns the registers resolves those once, before the decision.

use crate::Dimension;
use payment_types::{BusinessDate, DeviceCategory, Moment};
use serde::{Deserialize, Serialize};

/// What is done, seen from the limits (LIM-1 "what it counts").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Cash from a cash machine.
    AtmCash,
    /// Cash handed out by a bank's agent (processing codes 01 and 17 there; AGT-4).
    AgentCash,
    /// Cash at the bank's own branch.
    BranchCash,
    /// A purchase where the card is, with or without cash-back.
    Purchase,
    /// A purchase where the card is not.
    Ecommerce,
    /// Card to card, or card to account.
    Transfer,
    /// Cash paid in.
    CashIn,
    /// Goods given back.
    Refund,
    /// Anything else, such as an inquiry.
    Other,
}

impl Operation {
    /// How many there are.
    pub(crate) const COUNT: u32 = Self::Other as u32 + 1;

    /// The operation's bit in a set of operations.
    pub(crate) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// What is known of the cardholder's presence (CTL-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pin {
    /// No PIN.
    #[default]
    None,
    /// Verified by us. Resets the since-PIN counters when the transaction is approved (CTL-2).
    Online,
    /// Verified by the chip.
    Offline,
    /// Verified by the holder's own device; counts as a PIN where the bank says so.
    Cdcvm,
}

/// What stands already of a transaction that is added to (TXN-4): limits on single transactions look
/// at the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Before {
    /// All of it.
    pub amount_kgs: u64,
    /// Of that, what no PIN vouched for (CTL-1, CTL-2).
    pub no_pin_kgs: u64,
    /// The cash handed out, rounded.
    pub cash_kgs: u64,
    /// The cash as asked for.
    pub cash_exact_kgs: u64,
}

/// The facts that limits look at. Amounts are tyiyn of KGS (AGT-6, AMT-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When the engine accepted the request. Never earlier than that of the request before.
    pub moment: Moment,
    /// The local calendar day of `moment`.
    pub date: BusinessDate,
    /// The card.
    pub card: u32,
    /// Its account.
    pub account: u32,
    /// Its holder.
    pub customer: u32,
    /// The account's product.
    pub product: u32,
    /// The holder's risk tier as it is now (CTL-7).
    pub tier: u32,
    /// The terminal.
    pub device: u32,
    /// The agent the terminal is installed at.
    pub agent: Option<u32>,
    /// The merchant.
    pub merchant: Option<u32>,
    /// The payment network of the card.
    pub network: Option<u32>,
    /// The merchant category; 0 if there is none.
    pub mcc: u16,
    /// ISO 3166 numeric country of the terminal; 0 if not told.
    pub country: u16,
    /// What the terminal is, from the register.
    pub category: DeviceCategory,
    /// What is done.
    pub operation: Operation,
    /// Contactless chip or contactless stripe data (CTL-6).
    pub contactless: bool,
    /// Whether the card itself was at the terminal.
    pub card_present: bool,
    /// Whether the account is credited.
    pub credit: bool,
    /// Adds to a transaction that is counted already: sums move, counts do not (TXN-4).
    pub increment: bool,
    /// What it adds to; nothing where it adds to nothing.
    pub before: Before,
    /// What is known of the PIN.
    pub pin: Pin,
    /// The whole transaction.
    pub amount_kgs: u64,
    /// The cash handed out, rounded (AMT-1), and part of `amount_kgs` but for the rounding; 0 if
    /// there is none.
    pub cash_kgs: u64,
    /// The cash as asked for, before rounding: what of `amount_kgs` is not goods.
    pub cash_exact_kgs: u64,
}

impl Facts {
    /// AGT-4: an agent hands out cash, by itself or with a purchase.
    #[must_use]
    pub fn is_agent_cash(&self) -> bool {
        self.category == DeviceCategory::Agent && !self.credit && self.cash_kgs > 0
    }

    /// The goods' part of a purchase with cash-back; the whole amount where there is no cash.
    #[must_use]
    pub const fn goods_kgs(&self) -> u64 {
        self.amount_kgs.saturating_sub(self.cash_exact_kgs)
    }

    /// The index a scope's dimension has in this request; `None` if the request has no such thing.
    #[must_use]
    pub fn index(&self, dimension: Dimension) -> Option<u32> {
        match dimension {
            Dimension::Card => Some(self.card),
            Dimension::Account => Some(self.account),
            Dimension::Customer => Some(self.customer),
            Dimension::Product => Some(self.product),
            Dimension::Tier => Some(self.tier),
            Dimension::Device => Some(self.device),
            Dimension::Agent => self.agent,
            Dimension::Merchant => self.merchant,
            Dimension::Mcc => (self.mcc != 0).then(|| u32::from(self.mcc)),
            Dimension::Country => (self.country != 0).then(|| u32::from(self.country)),
            Dimension::Network => self.network,
        }
    }
}
