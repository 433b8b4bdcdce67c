//! One limit, ready to be asked whether it is about a request.

use crate::facts::{Facts, Operation};
use crate::{Counts, Dimension, Hours, Measure, Scope, Window};
use payment_types::{BusinessDate, ResponseCode};
use serde::{Deserialize, Serialize};

/// Which part of a transaction's amount a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Base {
    /// All of it.
    Whole,
    /// The cash handed out.
    Cash,
    /// All but the cash.
    Goods,
}

impl Counts {
    /// The part of the amount that is counted.
    pub(crate) const fn base(self) -> Base {
        match self {
            Self::AtmCash | Self::AgentCash | Self::BranchCash => Base::Cash,
            Self::Purchase => Base::Goods,
            Self::Contactless | Self::Ecommerce | Self::Transfer | Self::CashIn | Self::All => {
                Base::Whole
            }
        }
    }

    /// The operations that may be meant, as a set.
    pub(crate) const fn operations(self) -> u16 {
        match self {
            Self::AtmCash => Operation::AtmCash.bit(),
            Self::AgentCash => Operation::AgentCash.bit() | Operation::Purchase.bit(),
            Self::BranchCash => Operation::BranchCash.bit(),
            Self::Purchase => Operation::Purchase.bit(),
            Self::Ecommerce => Operation::Ecommerce.bit(),
            Self::Transfer => Operation::Transfer.bit(),
            Self::CashIn => Operation::CashIn.bit(),
            Self::Contactless | Self::All => u16::MAX,
        }
    }

    /// Whether a request of one of those operations is meant.
    fn includes(self, facts: &Facts) -> bool {
        match self {
            Self::CashIn => true,
            Self::AgentCash => facts.is_agent_cash(),
            Self::Contactless => facts.contactless && !facts.credit,
            Self::AtmCash
            | Self::BranchCash
            | Self::Purchase
            | Self::Ecommerce
            | Self::Transfer
            | Self::All => !facts.credit,
        }
    }
}

/// A limit of the rule set with its names resolved.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) id: Box<str>,
    pub(crate) scope: Scope,
    pub(crate) counts: Counts,
    pub(crate) measure: Measure,
    pub(crate) window: Window,
    pub(crate) ceiling: u64,
    pub(crate) code: ResponseCode,
    pub(crate) operations: u16,
    pub(crate) valid: (BusinessDate, BusinessDate),
    pub(crate) hours: Box<[Hours]>,
    pub(crate) mcc: Box<[u16]>,
    pub(crate) countries: Box<[u16]>,
    pub(crate) only: Box<[(Dimension, Box<[u32]>)]>,
    /// Whether nothing narrows it and no request lacks a part of its scope.
    pub(crate) is_plain: bool,
}

impl Limit {
    /// Whether the request is one the limit counts. A request of amount zero (an inquiry, an
    /// account check) is none.
    pub(crate) fn is_about(&self, facts: &Facts) -> bool {
        facts.operation.bit() & self.operations != 0
            && self.counts.includes(facts)
            && facts.amount_kgs > 0
            && self.valid.0 <= facts.date
            && facts.date <= self.valid.1
            && (self.is_plain || self.is_narrowed_to(facts))
    }

    fn is_narrowed_to(&self, facts: &Facts) -> bool {
        holds(&self.mcc, &facts.mcc)
            && holds(&self.countries, &facts.country)
            && (self.hours.is_empty() || self.is_now(facts))
            && self.is_for(facts)
            && self.scope.iter_optional().all(|part| facts.index(part).is_some())
    }

    fn is_now(&self, facts: &Facts) -> bool {
        let minute = facts.moment.minute_of_day();
        self.hours.iter().any(|hours| hours.holds(minute))
    }

    fn is_for(&self, facts: &Facts) -> bool {
        let named = |(dimension, indexes): &(Dimension, Box<[u32]>)| {
            facts.index(*dimension).is_some_and(|index| indexes.binary_search(&index).is_ok())
        };
        self.only.iter().all(named)
    }

    /// What the request asks of the limit.
    pub(crate) fn asked(&self, facts: &Facts) -> u64 {
        match self.measure {
            Measure::Amount => match self.counts.base() {
                Base::Whole => facts.amount_kgs,
                Base::Cash => facts.cash_kgs,
                Base::Goods => facts.goods_kgs(),
            },
            Measure::Count => u64::from(!facts.increment),
        }
    }

    /// What a limit on single transactions must see besides: what the request adds to (TXN-4).
    pub(crate) fn before(&self, facts: &Facts) -> u64 {
        let before = &facts.before;
        match (self.measure, self.counts.base()) {
            (Measure::Count, _) => 0,
            (Measure::Amount, Base::Whole) => before.amount_kgs,
            (Measure::Amount, Base::Cash) => before.cash_kgs,
            (Measure::Amount, Base::Goods) => {
                before.amount_kgs.saturating_sub(before.cash_exact_kgs)
            }
        }
    }
}

/// Whether a sorted list names a value; an empty one names all.
fn holds(list: &[u16], value: &u16) -> bool {
    list.is_empty() || list.binary_search(value).is_ok()
}
