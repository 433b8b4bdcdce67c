//! What an amount on the wire is on the account (AMT-3, AMT-6), and what it costs besides (AMT-4).
//!
//! A [`Pricing`] is kept with its transaction, so that a hold keeps its rate, and a reversal gives
//! back what was taken to the last minor unit, whatever the rates and fees are by then.

use crate::rates::{Exact, Ratio};
use arrayvec::ArrayVec;
use limits::FeeTerms;
use payment_types::{Balance, Currency};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// A fee of the table and the acquirer's own: no transaction has more.
pub(crate) const MAX_FEES: usize = 2;

/// How an amount was converted, and what is charged for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pricing {
    /// The transaction's currency.
    pub currency: Currency,
    /// The account's currency.
    pub account: Currency,
    /// Major units of the account's currency for one of the transaction's.
    pub ratio: Ratio,
    /// KGS for one major unit of the transaction's currency: what limits count.
    pub kgs: Ratio,
    /// The bank's margin, percent, against the customer.
    pub margin_percent: Exact,
    /// Whether the account is credited, so that the margin lowers what arrives.
    pub credit: bool,
    /// Whether there is no amount, only a price: an inquiry's.
    pub flat: bool,
    /// The fees.
    pub fees: ArrayVec<FeeLine, MAX_FEES>,
}

/// A fee that is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeLine {
    /// Its place in the rule set of that moment ([`limits::Plan::fee_id`]); `None` for the
    /// acquirer's own (DE 28).
    pub place: Option<u16>,
    percent: Exact,
    fixed: u64,
    min: Option<u64>,
    max: Option<u64>,
}

/// What an amount comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    /// The amount at the rate, minor units of the account's currency.
    pub(crate) principal: u64,
    /// The bank's margin on it, the same units.
    pub(crate) margin: u64,
    /// The fees, the same units, in the order of the lines.
    pub(crate) fees: [u64; MAX_FEES],
    /// The amount in tyiyn, for limits.
    pub(crate) kgs: u64,
    /// The acquirer's own fee in the transaction's currency.
    pub(crate) surcharge: u64,
}

impl Sums {
    /// What a transaction in the account's own currency, which is the som, comes to without fees.
    const fn plain(amount: u64) -> Self {
        Self { principal: amount, margin: 0, fees: [0; MAX_FEES], kgs: amount, surcharge: 0 }
    }

    /// All fees.
    pub(crate) fn fees(&self) -> u64 {
        self.fees.iter().fold(0, |sum, fee| sum.saturating_add(*fee))
    }

    /// What a debit takes from the account.
    pub(crate) fn cost(&self) -> Balance {
        let cost = self.principal.saturating_add(self.margin).saturating_add(self.fees());
        Balance::try_from(cost).unwrap_or(Balance::MAX)
    }
}

impl FeeLine {
    /// A fee of the table.
    pub(crate) const fn of_table(place: u16, terms: FeeTerms) -> Self {
        let FeeTerms { percent, fixed, min, max } = terms;
        Self { place: Some(place), percent: Exact(percent), fixed, min, max }
    }

    /// The acquirer's own, minor units of the transaction's currency.
    pub(crate) const fn surcharge(amount: u64) -> Self {
        Self { place: None, percent: Exact(Decimal::ZERO), fixed: amount, min: None, max: None }
    }

    const fn terms(&self) -> FeeTerms {
        let Self { percent, fixed, min, max, .. } = *self;
        FeeTerms { percent: percent.0, fixed, min, max }
    }

    /// Only what grows with the amount (TXN-4: an increment has paid the rest before).
    pub(crate) fn share(&self) -> Self {
        match self.place {
            Some(place) => Self::of_table(place, self.terms().share()),
            None => Self::surcharge(0),
        }
    }
}

/// Half to even, as interest is rounded.
fn rounded(amount: Decimal) -> Option<u64> {
    amount.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven).to_u64()
}

impl Pricing {
    /// An amount in the transaction's currency in tyiyn.
    pub(crate) fn in_som(&self, amount: u64) -> Option<u64> {
        rounded(self.kgs.minor(amount, self.currency, Currency::KGS)?)
    }

    /// What an amount comes to, with its fees; `None` where a sum would not fit.
    pub(crate) fn of(&self, amount: u64) -> Option<Sums> {
        let (currency, account) = (self.currency, self.account);
        let exact = self.ratio.minor(amount, currency, account)?;
        let share = self.margin_percent.0.checked_div(Decimal::ONE_HUNDRED)?;
        let margin = exact.checked_mul(share)?;
        let principal = rounded(exact)?;
        // The whole is rounded once; the margin is what is left of it.
        let margin = match self.credit {
            false => rounded(exact.checked_add(margin)?)?.checked_sub(principal)?,
            true => principal.saturating_sub(rounded(exact.checked_sub(margin)?)?),
        };
        let kgs = self.in_som(amount)?;
        let mut sums = Sums { principal, margin, kgs, ..Sums::default() };
        let per_som = self.ratio.per(self.kgs)?;
        for (fee, line) in sums.fees.iter_mut().zip(&self.fees) {
            *fee = match line.place {
                Some(_) => {
                    let in_som = line.terms().of(kgs);
                    rounded(per_som.minor(in_som, Currency::KGS, account)?)?
                }
                None => {
                    sums.surcharge = line.fixed;
                    rounded(self.ratio.minor(line.fixed, currency, account)?)?
                }
            };
        }
        Some(sums)
    }
}

/// What an amount comes to by a transaction's pricing; without one it is as it stands. Fees stand
/// for as long as the transaction does (`stands`).
pub(crate) fn sums(pricing: Option<&Pricing>, amount: u64, stands: bool) -> Option<Sums> {
    match pricing {
        _ if !stands => Some(Sums::default()),
        None => Some(Sums::plain(amount)),
        Some(pricing) => pricing.of(amount),
    }
}
