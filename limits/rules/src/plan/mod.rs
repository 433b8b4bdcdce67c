//! A rule set compiled for decisions: names are indexes, dates sorted tables, limits filters over
//! [`Facts`]. Immutable; shared as long as anything replays under it.

mod compile;
mod limit;
mod networks;
mod overdraft;
mod regulation;

pub use limit::Base;
pub use networks::NetworkStanding;
pub use overdraft::OverdraftTerms;

pub(crate) use limit::Limit;
pub(crate) use regulation::{NO_PIN_INDICATORS, Regulation};

use crate::fees::FeeTable;
use crate::security::{ChipTest, SecurityTerms, StandInTerms};
use crate::{
    Calendar, Counts, Edition, Facts, FeeQuery, FeeTerms, Measure, Operation, Pin, TierLimits,
    Window,
};
use networks::Networks;
use overdraft::Overdrafts;
use payment_types::{Moment, ResponseCode, parse_minor};

/// A compiled rule set.
#[derive(Debug, Clone)]
pub struct Plan {
    version: Box<str>,
    /// Tells plans apart, so that counters seated for one are not read through another.
    pub(crate) mark: u64,
    pub(crate) limits: Vec<Limit>,
    /// The places of the limits that may count an operation, by operation.
    by_operation: Vec<Box<[u16]>>,
    pub(crate) regulation: Regulation,
    networks: Networks,
    pub(crate) fees: FeeTable,
    /// Sorted.
    notified_products: Box<[u32]>,
    security: SecurityTerms,
    calendar: Calendar,
    overdrafts: Overdrafts,
}

/// What a limit is, for the API and the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitView<'a> {
    /// Its id in the rule set.
    pub id: &'a str,
    /// What it counts.
    pub counts: Counts,
    /// Sum or count.
    pub measure: Measure,
    /// Over what time.
    pub window: Window,
    /// The bank's ceiling: tyiyn of KGS or transactions.
    pub ceiling: u64,
}

impl Plan {
    /// The rule set's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many limits there are.
    #[must_use]
    pub fn limit_count(&self) -> usize {
        self.limits.len()
    }

    /// The place of the limit with this id, as verdicts name it.
    #[must_use]
    pub fn limit_named(&self, id: &str) -> Option<u16> {
        let at = self.limits.iter().position(|limit| &*limit.id == id)?;
        u16::try_from(at).ok()
    }

    /// The limit at a place.
    #[must_use]
    pub fn limit(&self, at: u16) -> Option<LimitView<'_>> {
        self.limits.get(usize::from(at)).map(|limit| LimitView {
            id: &limit.id,
            counts: limit.counts,
            measure: limit.measure,
            window: limit.window,
            ceiling: limit.ceiling,
        })
    }

    /// The places of the limits that may count an operation, in the order of the rule set.
    pub(crate) fn limits_on(&self, operation: Operation) -> &[u16] {
        self.by_operation.get(operation as usize).map(|places| &**places).unwrap_or_default()
    }

    /// The id of the limit at a place; empty if there is none.
    #[must_use]
    pub fn limit_id(&self, at: u16) -> &str {
        self.limits.get(usize::from(at)).map_or("", |limit| &limit.id)
    }

    /// Reads a ceiling for a limit, as a portfolio gives it: major units of KGS for a limit on
    /// amounts, a whole number for one on counts. `None` if it is neither or not above zero.
    #[must_use]
    pub fn parse_ceiling(&self, limit: u16, text: &str) -> Option<u64> {
        let ceiling = match self.limits.get(usize::from(limit))?.measure {
            Measure::Amount => parse_minor(text, 2).ok().and_then(|minor| minor.try_into().ok())?,
            Measure::Count => text.parse::<u64>().ok()?,
        };
        (ceiling > 0).then_some(ceiling)
    }

    /// The edition of a rule in force on the request's business date.
    #[must_use]
    pub fn edition(&self, rule: crate::RegulatedRule, facts: &Facts) -> Edition {
        self.regulation.edition(rule, facts.date)
    }

    /// CTL-5: the card was there, its account is debited, and no PIN vouches for the holder. When
    /// such a request is approved, the issuer is liable (004 §33).
    #[must_use]
    pub fn is_without_pin(&self, facts: &Facts) -> bool {
        facts.card_present && self.lacks_pin(facts)
    }

    /// A debit that no PIN vouches for, or what the bank lets count as one (CTL-6).
    pub(crate) fn lacks_pin(&self, facts: &Facts) -> bool {
        let pin = match facts.pin {
            Pin::None => false,
            Pin::Online | Pin::Offline => true,
            Pin::Cdcvm => self.regulation.cdcvm_counts_as_pin,
        };
        !facts.credit && !pin
    }

    /// The code that asks for the PIN, where the rule set names one (CTL-3).
    #[must_use]
    pub fn pin_request_code(&self) -> Option<ResponseCode> {
        self.regulation.pin_request_code
    }

    /// A tier's limits for no-PIN transactions (CTL-2); all unset if the rule set names none.
    #[must_use]
    pub fn tier_limits(&self, tier: u32) -> TierLimits {
        self.regulation.tier(tier)
    }

    /// The network whose number ranges hold a card, by the card number's first eleven digits
    /// (`pan.prefix(11)`); the longest prefix wins.
    #[must_use]
    pub fn network_of(&self, first_eleven: u64) -> Option<u32> {
        self.networks.of(first_eleven)
    }

    /// Whether the rule set has a register of networks at all.
    #[must_use]
    pub fn has_networks(&self) -> bool {
        !self.networks.is_empty()
    }

    /// The regulation's own cap on agents' cash for a day, in tyiyn: no limit's raise goes above it
    /// (AGT-7, LIM-4).
    #[must_use]
    pub fn agent_cash_most(&self, date: payment_types::BusinessDate) -> u64 {
        self.regulation.agent_cash_most(date)
    }

    /// How a network stands with the National Bank at a moment (NET-1, NET-2).
    #[must_use]
    pub fn network_standing(&self, network: u32, at: Moment) -> NetworkStanding {
        self.networks.standing(network, at)
    }

    /// The fee for a request (AMT-4): its place in traces, where fees follow the limits, and what
    /// it comes to. `None` where no entry is for it.
    #[must_use]
    pub fn fee(&self, query: &FeeQuery) -> Option<(u16, FeeTerms)> {
        let (at, entry) = self.fees.find(query)?;
        let place = u16::try_from(self.limits.len()).ok()?.checked_add(at)?;
        Some((place, entry.terms))
    }

    /// Whether accounts of a product have the notification service (AMT-5).
    #[must_use]
    pub fn has_notifications(&self, product: u32) -> bool {
        self.notified_products.binary_search(&product).is_ok()
    }

    /// Whether the rule set charges any fee.
    #[must_use]
    pub fn has_fees(&self) -> bool {
        !self.fees.is_empty()
    }

    /// The id of the fee at a place, as [`Plan::fee`] gave it; empty if there is none.
    #[must_use]
    pub fn fee_id(&self, place: u16) -> &str {
        let at = usize::from(place).checked_sub(self.limits.len());
        let entry = at.and_then(|at| self.fees.get(u16::try_from(at).ok()?));
        entry.map_or("", |entry| &entry.id)
    }

    /// What is looked for in the data of a product's chips (SEC-2), each with its place in traces,
    /// where chip checks follow the fees.
    pub fn chip_checks(&self, product: u32) -> impl Iterator<Item = (Option<u16>, &ChipTest)> {
        let before = self.limits.len().saturating_add(self.fees.len());
        self.security
            .checks_of(product)
            .map(move |(at, test)| (u16::try_from(before.saturating_add(at)).ok(), test))
    }

    /// The id of the chip check at a place, as [`Plan::chip_checks`] gave it; empty if there is
    /// none.
    #[must_use]
    pub fn chip_check_id(&self, place: u16) -> &str {
        let before = self.limits.len().saturating_add(self.fees.len());
        let at = usize::from(place).checked_sub(before);
        at.and_then(|at| self.security.checks.get(at)).map_or("", |row| &row.2)
    }

    /// AGT-7: the lower cap that holds for a request in place of the bank's own: its place in
    /// traces, where these follow the chip checks, and what it comes to, in tyiyn.
    #[must_use]
    pub fn lower_cap(&self, facts: &Facts) -> Option<(Option<u16>, u64)> {
        let (at, cap) = self.regulation.lower_cap(facts)?;
        let before = self.limits.len().saturating_add(self.fees.len());
        let before = before.saturating_add(self.security.checks.len());
        Some((u16::try_from(before.saturating_add(at)).ok(), cap))
    }

    /// What of a product's cards may be approved while the security module can't be asked.
    #[must_use]
    pub fn stand_in(&self, product: u32) -> StandInTerms {
        self.security.stand_in(product)
    }

    /// The terms of the technical overdrafts of a product's accounts (TOD).
    #[must_use]
    pub fn overdraft_terms(&self, product: u32) -> &OverdraftTerms {
        self.overdrafts.of(product)
    }

    /// Working days.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }
}
