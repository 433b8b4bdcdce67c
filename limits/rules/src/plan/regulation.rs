//! The regulation's rules with the bank's settings under them: editions, indicator, caps, tiers.

use crate::facts::Facts;
use crate::{Dimension, Edition, RegulatedRule, TierLimits};
use payment_types::{BusinessDate, ResponseCode};

/// 004 §33, edition 76/8-2015: indicators a transaction without PIN.
pub(crate) const NO_PIN_INDICATORS: u64 = 30;

/// What decisions need of the regulation.
#[derive(Debug, Clone)]
pub(crate) struct Regulation {
    /// By date.
    pub(crate) indicators: Box<[(BusinessDate, u64)]>,
    /// By date.
    pub(crate) contactless: Box<[(BusinessDate, Edition)]>,
    /// By date.
    pub(crate) agent_cash: Box<[(BusinessDate, Edition)]>,
    /// By tier.
    pub(crate) tiers: Box<[TierLimits]>,
    pub(crate) cdcvm_counts_as_pin: bool,
    pub(crate) pin_request_code: Option<ResponseCode>,
    /// The code over the agents' cap.
    pub(crate) cap_code: Option<ResponseCode>,
    pub(crate) cap_indicators: u64,
    /// By dimension and index.
    pub(crate) lower_caps: Box<[(Dimension, u32, u64)]>,
}

/// The last entry that has begun; the first one before any has.
fn in_force<T: Copy>(table: &[(BusinessDate, T)], date: BusinessDate) -> Option<T> {
    let begun = table.iter().rev().find(|(from, _)| *from <= date);
    begun.or_else(|| table.first()).map(|(_, value)| *value)
}

impl Regulation {
    /// The edition in force on a day. Before any that is listed, the regulation of 2015.
    pub(crate) fn edition(&self, rule: RegulatedRule, date: BusinessDate) -> Edition {
        let table = match rule {
            RegulatedRule::Contactless => &self.contactless,
            RegulatedRule::AgentCash => &self.agent_cash,
        };
        let begun = table.iter().rev().find(|(from, _)| *from <= date);
        begun.map_or(Edition::Regulation2015, |(_, edition)| *edition)
    }

    /// So many indicators in tyiyn on a day.
    fn indicators(&self, count: u64, date: BusinessDate) -> u64 {
        let value = in_force(&self.indicators, date).unwrap_or_default();
        count.saturating_mul(value)
    }

    /// AGT-1, AGT-2: what the regulation itself allows.
    pub(crate) fn agent_cash_most(&self, date: BusinessDate) -> u64 {
        self.indicators(crate::AgentCash::REGULATION_INDICATORS, date)
    }

    /// CTL-1: the most without PIN for one transaction.
    pub(crate) fn no_pin_ceiling(&self, date: BusinessDate) -> u64 {
        self.indicators(NO_PIN_INDICATORS, date)
    }

    /// AGT-7: the lowest of the lower caps that a request meets, if it is below the bank's own: its
    /// place in the rule set, and what it comes to.
    pub(crate) fn lower_cap(&self, facts: &Facts) -> Option<(usize, u64)> {
        let met = self.lower_caps.iter().enumerate();
        let met = met.filter(|(_, (dimension, at, _))| facts.index(*dimension) == Some(*at));
        let (place, (_, _, cap)) = met.min_by_key(|(_, (_, _, cap))| *cap)?;
        Some((place, self.indicators(*cap, facts.date))).filter(|_| *cap < self.cap_indicators)
    }

    /// AGT: the cap for this holder, card, device and agent (AGT-7, AGT-9).
    pub(crate) fn cap(&self, date: BusinessDate, index: impl Fn(Dimension) -> Option<u32>) -> u64 {
        let meant = |(dimension, at, _): &&(Dimension, u32, u64)| index(*dimension) == Some(*at);
        let lower = self.lower_caps.iter().filter(meant).map(|(_, _, cap)| *cap);
        self.indicators(lower.fold(self.cap_indicators, u64::min), date)
    }

    /// [`Regulation::cap`] for a request.
    pub(crate) fn cap_for(&self, facts: &Facts) -> u64 {
        self.cap(facts.date, |dimension| facts.index(dimension))
    }

    pub(crate) fn tier(&self, tier: u32) -> TierLimits {
        self.tiers.get(tier as usize).copied().unwrap_or_default()
    }
}
