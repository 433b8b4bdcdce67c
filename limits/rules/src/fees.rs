//! AMT-4: the fee table. Which entry is for a request, and what it comes to.
//!
//! Of the entries that fit a request the narrowest holds. Two of which neither is narrower than the
//! other are refused when the rule set is read, so there is always exactly one.

use payment_types::DeviceCategory;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

/// What a fee is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeeOperation {
    /// Cash from a cash machine.
    AtmCash,
    /// Cash from an agent.
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
    /// Asking what is on the account.
    BalanceInquiry,
    /// Asking for the last movements.
    MiniStatement,
    /// Another PIN.
    PinChange,
    /// Any debit with a tapped card.
    Contactless,
    /// Any debit.
    All,
}

impl FeeOperation {
    /// Every operation, with its name in `rules.toml`.
    pub const NAMES: [(&'static str, Self); 12] = [
        ("atm_cash", Self::AtmCash),
        ("agent_cash", Self::AgentCash),
        ("branch_cash", Self::BranchCash),
        ("purchase", Self::Purchase),
        ("ecommerce", Self::Ecommerce),
        ("transfer", Self::Transfer),
        ("cash_in", Self::CashIn),
        ("balance_inquiry", Self::BalanceInquiry),
        ("mini_statement", Self::MiniStatement),
        ("pin_change", Self::PinChange),
        ("contactless", Self::Contactless),
        ("all", Self::All),
    ];

    /// The name in `rules.toml` and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// Whether money leaves the account by it, apart from the fee.
    pub(crate) const fn is_debit(self) -> bool {
        !matches!(self, Self::CashIn | Self::BalanceInquiry | Self::MiniStatement | Self::PinChange)
    }

    /// Whether every request of `self` is one of `other` too.
    pub(crate) fn within(self, other: Self) -> bool {
        self == other || (other == Self::All && self.is_debit())
    }

    /// Whether a request may be one of both.
    pub(crate) fn meets(self, other: Self) -> bool {
        let wide = |operation| matches!(operation, Self::All | Self::Contactless);
        self == other || (wide(self) && other.is_debit()) || (wide(other) && self.is_debit())
    }

    /// The devices it can be done at.
    pub(crate) const fn channels(self) -> &'static [DeviceCategory] {
        use DeviceCategory::{Agent, Atm, Branch, Ecommerce, Merchant};
        match self {
            Self::AtmCash => &[Atm],
            Self::AgentCash => &[Agent],
            Self::BranchCash => &[Branch],
            Self::Purchase => &[Merchant, Agent, Branch],
            Self::Ecommerce => &[Merchant, Agent, Branch, Ecommerce],
            Self::CashIn => &[Agent, Atm, Branch],
            Self::PinChange => &[Atm, Branch],
            Self::Transfer
            | Self::BalanceInquiry
            | Self::MiniStatement
            | Self::Contactless
            | Self::All => &[Merchant, Agent, Atm, Branch, Ecommerce],
        }
    }
}

/// What a fee comes to. Sums are tyiyn of KGS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeTerms {
    /// Of the amount.
    pub percent: Decimal,
    /// Besides.
    pub fixed: u64,
    /// The least.
    pub min: Option<u64>,
    /// The most.
    pub max: Option<u64>,
}

impl FeeTerms {
    /// The fee on an amount in tyiyn: percent, rounded half to even, plus the fixed part, within
    /// the least and the most.
    #[must_use]
    pub fn of(&self, amount_kgs: u64) -> u64 {
        let share = Decimal::from(amount_kgs).checked_mul(self.percent);
        let share = share.and_then(|share| share.checked_div(Decimal::ONE_HUNDRED));
        let share = share
            .map(|share| share.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven));
        let share = share.and_then(|share| share.to_u64()).unwrap_or(u64::MAX);
        let fee = share.saturating_add(self.fixed).max(self.min.unwrap_or(0));
        fee.min(self.max.unwrap_or(u64::MAX))
    }

    /// What of it grows with the amount: for adding to a transaction that has paid the rest.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { fixed: 0, min: None, ..*self }
    }
}

/// A request, as far as fees are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeQuery {
    /// What is done; never [`FeeOperation::All`] or [`FeeOperation::Contactless`].
    pub operation: FeeOperation,
    /// Whether the card was tapped.
    pub contactless: bool,
    /// Where.
    pub channel: DeviceCategory,
    /// Whether the terminal is ours.
    pub on_us: bool,
    /// The card's network.
    pub network: Option<u32>,
    /// The account's product.
    pub product: u32,
}

/// An entry with its names resolved.
#[derive(Debug, Clone)]
pub(crate) struct FeeEntry {
    pub(crate) id: Box<str>,
    pub(crate) operation: FeeOperation,
    pub(crate) on_us: Option<bool>,
    pub(crate) channel: Option<DeviceCategory>,
    pub(crate) network: Option<u32>,
    pub(crate) product: Option<u32>,
    pub(crate) terms: FeeTerms,
}

impl FeeEntry {
    fn fits(&self, query: &FeeQuery) -> bool {
        let by_operation = match self.operation {
            FeeOperation::Contactless => query.contactless && query.operation.is_debit(),
            wanted => query.operation.within(wanted),
        };
        by_operation
            && self.on_us.is_none_or(|on_us| on_us == query.on_us)
            && self.channel.is_none_or(|channel| channel == query.channel)
            && self.network.is_none_or(|network| Some(network) == query.network)
            && self.product.is_none_or(|product| product == query.product)
    }

    /// How many conditions it has: an entry within another has more.
    fn narrowness(&self) -> u32 {
        u32::from(self.operation != FeeOperation::All)
            + u32::from(self.on_us.is_some())
            + u32::from(self.channel.is_some())
            + u32::from(self.network.is_some())
            + u32::from(self.product.is_some())
    }
}

/// The table, in the order of the rule set.
#[derive(Debug, Clone, Default)]
pub(crate) struct FeeTable {
    entries: Vec<FeeEntry>,
    /// Places of the entries, the narrowest first.
    order: Vec<u16>,
}

impl FeeTable {
    pub(crate) fn new(entries: Vec<FeeEntry>) -> Self {
        let mut order: Vec<u16> = (0u16..).take(entries.len()).collect();
        let narrowness = |at: &u16| entries.get(usize::from(*at)).map_or(0, FeeEntry::narrowness);
        order.sort_by_key(|at| std::cmp::Reverse(narrowness(at)));
        Self { entries, order }
    }

    pub(crate) fn find(&self, query: &FeeQuery) -> Option<(u16, &FeeEntry)> {
        let entries = self.order.iter().filter_map(|at| Some((*at, self.get(*at)?)));
        entries.into_iter().find(|(_, entry)| entry.fits(query))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&self, at: u16) -> Option<&FeeEntry> {
        self.entries.get(usize::from(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amt_4_percent_and_fixed_within_least_and_most() {
        let terms = |percent: &str, fixed, min, max| FeeTerms {
            percent: Decimal::from_str_exact(percent).unwrap(),
            fixed,
            min,
            max,
        };
        for (terms, amount, fee) in [
            (terms("0", 0, None, None), 100_000, 0),
            (terms("1.5", 0, None, None), 100_000, 1_500),
            (terms("0", 5_000, None, None), 0, 5_000),
            (terms("1.0", 1_000, Some(5_000), Some(20_000)), 100_000, 5_000),
            (terms("1.0", 1_000, Some(5_000), Some(20_000)), 1_000_000, 11_000),
            (terms("1.0", 1_000, Some(5_000), Some(20_000)), 5_000_000, 20_000),
            // Half a tyiyn goes to the even neighbour.
            (terms("0.5", 0, None, None), 100, 0),
            (terms("0.5", 0, None, None), 300, 2),
            (terms("0.5", 0, None, None), 301, 2),
            (terms("100", 0, None, None), u64::MAX, u64::MAX),
        ] {
            assert_eq!(terms.of(amount), fee, "{terms:?} of {amount}");
        }
    }
}
