//! Exchange rates (AMT-3): dated entries of the rule set and of files and the API, and the rate that
//! holds between two currencies at a moment.
//!
//! A rate says what one major unit of a currency, or one gram of a metal (AMT-6), is worth in
//! another. It holds from its moment until a later one of the same pair begins. Entries are never
//! changed: a correction is a later entry, so that what was converted can be explained for ever.

use crate::{Done, Refusal, State};
use compact_str::CompactString;
use payment_types::{Currency, Moment, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// A decimal number, stored as its sixteen bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exact(pub Decimal);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 16]>::deserialize(deserializer).map(|bytes| Self(Decimal::deserialize(bytes)))
    }
}

/// A rate to be taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateItem {
    /// One major unit of this ...
    pub from: Currency,
    /// ... in this ...
    pub to: Currency,
    /// ... is so much.
    pub value: Exact,
    /// The bank's margin, percent.
    pub margin_percent: Exact,
    /// From when.
    pub valid_from: Timestamp,
}

/// The most a rate may be.
const VALUE_MAX: u32 = 1_000_000_000;

/// How far ahead a rate may be dated, days: further is a slip of the pen.
const AHEAD_MAX_DAYS: i64 = 366;

impl RateItem {
    /// What is wrong with the rate itself, and what would be right.
    #[must_use]
    pub fn fault(&self, now: Timestamp) -> Option<String> {
        let Self { from, to, value, margin_percent, valid_from } = self;
        let positive = |number: Decimal| number > Decimal::ZERO;
        if !from.is_known() || !to.is_known() {
            Some("both currencies must be of ISO 4217, such as USD and KGS".to_owned())
        } else if from == to {
            Some(format!("{from} to itself needs no rate"))
        } else if !positive(value.0) || value.0 > Decimal::from(VALUE_MAX) {
            Some(format!("a rate must be above 0 and at most {VALUE_MAX}"))
        } else if margin_percent.0 < Decimal::ZERO || margin_percent.0 >= Decimal::ONE_HUNDRED {
            Some("a margin must be from 0 to below 100 percent".to_owned())
        } else if *valid_from > now.plus_days(AHEAD_MAX_DAYS) {
            Some(format!("is dated more than {AHEAD_MAX_DAYS} days ahead"))
        } else {
            None
        }
    }
}

/// A rate that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    value: Exact,
    margin_percent: Exact,
    valid_from: Timestamp,
}

/// The rates of files and the API, by pair and moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rates {
    pairs: BTreeMap<(Currency, Currency), Vec<Entry>>,
}

/// A rate as it stands in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateView {
    /// One major unit of this ...
    pub from: Currency,
    /// ... in this ...
    pub to: Currency,
    /// ... is so much.
    pub value: Decimal,
    /// The bank's margin, percent.
    pub margin_percent: Decimal,
    /// From when.
    pub valid_from: Timestamp,
    /// Whether it is the one that holds now; one to come is not.
    pub in_force: bool,
    /// Whether it is too old to be used.
    pub stale: bool,
}

/// A fraction that stays exact where a rate is used the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    /// Above the line.
    pub over: Exact,
    /// Below it.
    pub under: Exact,
}

impl Ratio {
    /// One to one.
    pub const ONE: Self = Self { over: Exact(Decimal::ONE), under: Exact(Decimal::ONE) };

    const fn of(value: Decimal) -> Self {
        Self { over: Exact(value), under: Exact(Decimal::ONE) }
    }

    const fn inverse(self) -> Self {
        Self { over: self.under, under: self.over }
    }

    fn times(self, other: Self) -> Option<Self> {
        Some(Self {
            over: Exact(self.over.0.checked_mul(other.over.0)?),
            under: Exact(self.under.0.checked_mul(other.under.0)?),
        })
    }

    /// The quotient of two ratios.
    pub(crate) fn per(self, other: Self) -> Option<Self> {
        self.times(other.inverse())
    }

    /// An amount in minor units of `from` in minor units of `to`, not rounded yet.
    pub(crate) fn minor(self, amount: u64, from: Currency, to: Currency) -> Option<Decimal> {
        let scale = |exponent: u8| 10u64.checked_pow(u32::from(exponent)).map(Decimal::from);
        let (up, down) = (scale(to.exponent())?, scale(from.exponent())?);
        let over = Decimal::from(amount).checked_mul(self.over.0)?.checked_mul(up)?;
        over.checked_div(self.under.0.checked_mul(down)?)
    }
}

/// What holds between two currencies at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Major units of the second for one of the first.
    pub ratio: Ratio,
    /// The rate as it stands in the table: of this pair, or of the pair the other way round; of
    /// the account's side where it goes over the som.
    pub quoted: Decimal,
    /// The bank's margin, percent.
    pub margin_percent: Decimal,
    /// Whether a rate it is made of is too old: good for facts only.
    pub stale: bool,
}

impl State {
    /// Takes rates in, all or none. A rate that is there already is no change.
    pub(crate) fn load_rates(&mut self, now: Moment, items: &[RateItem]) -> Result<Done, Refusal> {
        let mut next = self.rates.clone();
        let mut faults = Vec::new();
        let mut added = 0u64;
        for (at, item) in (1u64..).zip(items) {
            match item.fault(now.at).map_or_else(|| self.take_rate(&mut next, item), Err) {
                Ok(new) => added = added.saturating_add(u64::from(new)),
                Err(fault) => faults.push(CompactString::from(format!("rate {at}: {fault}"))),
            }
        }
        if items.is_empty() {
            faults.push("there is no rate".into());
        }
        if !faults.is_empty() {
            return Err(Refusal::Rates(faults));
        }
        self.rates = next;
        let known = u64::try_from(items.len()).unwrap_or(u64::MAX).saturating_sub(added);
        Ok(Done::RatesLoaded { added, known })
    }

    /// Whether the rate is new; refused if another stands for the pair from that very moment.
    fn take_rate(&self, rates: &mut Rates, item: &RateItem) -> Result<bool, String> {
        let RateItem { from, to, value, margin_percent, valid_from } = *item;
        let entry = Entry { value, margin_percent, valid_from };
        let entries = rates.pairs.entry((from, to)).or_default();
        let place = entries.binary_search_by_key(&valid_from, |entry| entry.valid_from);
        let mut of_rules = self.rules().rates.iter();
        let same =
            |rate: &&limits::Rate| (rate.from, rate.to, rate.valid_from) == (from, to, valid_from);
        let clash = match (place, of_rules.find(same)) {
            (Ok(at), _) => entries.get(at).map(|known| *known == entry),
            (Err(_), Some(rate)) => {
                Some((rate.value, rate.margin_percent) == (value.0, margin_percent.0))
            }
            (Err(_), None) => None,
        };
        match (clash, place) {
            (Some(true), _) => Ok(false),
            (Some(false), _) => Err(format!(
                "{from} to {to} has another rate from that moment already; \
                 a correction needs a later moment"
            )),
            (None, Err(at)) => {
                entries.insert(at, entry);
                Ok(true)
            }
            (None, Ok(_)) => Ok(false),
        }
    }

    /// The entry of a pair that holds at a moment.
    fn rate(&self, from: Currency, to: Currency, now: Timestamp) -> Option<Entry> {
        let loaded = self.rates.pairs.get(&(from, to)).map(Vec::as_slice).unwrap_or_default();
        let begun = loaded.partition_point(|entry| entry.valid_from <= now);
        let loaded = begun.checked_sub(1).and_then(|at| loaded.get(at)).copied();
        let of_rules = self.rules().rates.iter();
        let of_rules = of_rules
            .filter(|rate| rate.from == from && rate.to == to && rate.valid_from <= now)
            .max_by_key(|rate| rate.valid_from)
            .map(entry_of);
        match (loaded, of_rules) {
            (Some(loaded), Some(other)) if other.valid_from > loaded.valid_from => Some(other),
            (loaded, other) => loaded.or(other),
        }
    }

    /// Whether a rate is older than the rule set lets rates grow.
    fn is_stale(&self, valid_from: Timestamp, now: Moment) -> bool {
        let most = self.rules().conversion.stale_after_working_days;
        let first = Moment::new(valid_from, now.offset).business_date();
        let calendar = self.plan().calendar();
        let bound = most.saturating_add(1);
        calendar.working_days_between(first, now.business_date(), bound) > most
    }

    /// A pair's rate, from its own entries or those of the pair the other way round, whichever is
    /// the later.
    fn pair(&self, from: Currency, to: Currency, now: Moment) -> Option<Quote> {
        let quote = |entry: Entry, ratio: Ratio| Quote {
            ratio,
            quoted: entry.value.0,
            margin_percent: entry.margin_percent.0,
            stale: self.is_stale(entry.valid_from, now),
        };
        let direct = self.rate(from, to, now.at);
        let back = self.rate(to, from, now.at);
        match (direct, back) {
            (Some(direct), Some(back)) if back.valid_from > direct.valid_from => {
                Some(quote(back, Ratio::of(back.value.0).inverse()))
            }
            (Some(direct), _) => Some(quote(direct, Ratio::of(direct.value.0))),
            (None, Some(back)) => Some(quote(back, Ratio::of(back.value.0).inverse())),
            (None, None) => None,
        }
    }

    /// What one major unit of `from` is in `to` now: by the pair's rate, or over the som. Over the
    /// som the larger of the two margins is taken, once.
    #[must_use]
    pub fn quote(&self, from: Currency, to: Currency, now: Moment) -> Option<Quote> {
        if from == to {
            let (quoted, margin_percent) = (Decimal::ONE, Decimal::ZERO);
            return Some(Quote { ratio: Ratio::ONE, quoted, margin_percent, stale: false });
        }
        if let Some(quote) = self.pair(from, to, now) {
            return Some(quote);
        }
        let (first, second) =
            (self.pair(from, Currency::KGS, now)?, self.pair(Currency::KGS, to, now)?);
        Some(Quote {
            ratio: first.ratio.times(second.ratio)?,
            quoted: second.quoted,
            margin_percent: first.margin_percent.max(second.margin_percent),
            stale: first.stale || second.stale,
        })
    }

    /// Every pair's rate in force and those to come, by pair and moment.
    #[must_use]
    pub fn rates_in_force(&self, now: Moment) -> Vec<RateView> {
        let mut all: BTreeMap<(Currency, Currency, Timestamp), Entry> = BTreeMap::new();
        for rate in &self.rules().rates {
            all.insert((rate.from, rate.to, rate.valid_from), entry_of(rate));
        }
        for ((from, to), entries) in &self.rates.pairs {
            all.extend(entries.iter().map(|entry| ((*from, *to, entry.valid_from), *entry)));
        }
        let views = all.into_iter().filter_map(|((from, to, valid_from), entry)| {
            let holds = self.rate(from, to, now.at).is_some_and(|held| held == entry);
            (holds || valid_from > now.at).then(|| RateView {
                from,
                to,
                value: entry.value.0,
                margin_percent: entry.margin_percent.0,
                valid_from,
                in_force: holds,
                stale: holds && self.is_stale(valid_from, now),
            })
        });
        views.collect()
    }
}

fn entry_of(rate: &limits::Rate) -> Entry {
    Entry {
        value: Exact(rate.value),
        margin_percent: Exact(rate.margin_percent),
        valid_from: rate.valid_from,
    }
}
