//! The rules as the oracle knows them, read from the same `rules.toml` the host was given.
//!
//! It knows less than an engine does. What it does not know it refuses by name instead of judging
//! by half of the rules.

use crate::SimError;
use payment_types::{BusinessDate, DeviceCategory, parse_minor};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Indicators a transaction without PIN may be (CTL-1).
const WITHOUT_PIN_INDICATORS: u64 = 30;
/// Indicators a day of cash at agents (AGT-1).
const AGENT_CASH_INDICATORS: u64 = 150;

/// What the oracle judges by. Amounts in minor units of the som.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) contactless: Contactless,
    pub(crate) agent_cash: AgentCash,
    pub(crate) limits: Vec<Limit>,
}

/// CTL: what goes without PIN.
#[derive(Debug, Clone)]
pub(crate) enum Contactless {
    /// Edition 76/8-2015: up to this much at a time.
    Fixed(u64),
    /// Edition 2020-draft: by the customer's tier.
    Tiers(BTreeMap<String, Tier>),
}

/// A tier's limits without PIN (CTL-2).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tier {
    pub(crate) single: Option<u64>,
    pub(crate) day: Option<u64>,
    pub(crate) count: Option<u64>,
    pub(crate) sum: Option<u64>,
}

/// AGT: the cap on cash at agents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AgentCash {
    pub(crate) cap: u64,
    /// Edition 2020-draft: each card at each device has its own.
    pub(crate) per_device: bool,
}

/// A limit of the bank (LIM-1), on things that one household alone moves.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) id: String,
    pub(crate) scope: Vec<Scope>,
    pub(crate) counts: Counts,
    pub(crate) is_count: bool,
    /// A single transaction; else everything since the start counts.
    pub(crate) single: bool,
    pub(crate) ceiling: u64,
    pub(crate) code: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    Card,
    Account,
    Customer,
    Device,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Counts {
    AtmCash,
    AgentCash,
    BranchCash,
    Purchase,
    Contactless,
    CashIn,
    All,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "version")]
    _version: Option<String>,
    #[serde(default)]
    indicator: Vec<Indicator>,
    #[serde(default)]
    edition: Vec<Edition>,
    #[serde(default)]
    contactless: Bank,
    #[serde(default)]
    agent_cash: BankCap,
    #[serde(default)]
    limit: Vec<Entry>,
    // Nothing that the oracle sends makes a debt, a day's end or a conversion.
    #[serde(rename = "technical_overdraft")]
    _technical_overdraft: Option<toml::Value>,
    #[serde(rename = "calendar")]
    _calendar: Option<toml::Value>,
    #[serde(rename = "rate")]
    _rate: Option<toml::Value>,
    #[serde(default)]
    network: Vec<Network>,
}

#[derive(Deserialize)]
struct Indicator {
    value: String,
    valid_from: toml::value::Datetime,
}

#[derive(Deserialize)]
struct Edition {
    rule: String,
    name: String,
    in_force_from: toml::value::Datetime,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Bank {
    #[serde(default)]
    tier: BTreeMap<String, BankTier>,
    #[serde(rename = "cdcvm_counts_as_pin")]
    _device: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BankTier {
    per_transaction: Option<String>,
    per_day: Option<String>,
    count_since_pin: Option<u64>,
    sum_since_pin: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct BankCap {
    cap_indicators: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scopes {
    One(Scope),
    Many(Vec<Scope>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    scope: Scopes,
    counts: Counts,
    measure: String,
    window: String,
    ceiling: toml::Value,
    code: Option<String>,
}

#[derive(Deserialize)]
struct Network {
    name: String,
    cancelled_at: Option<toml::Value>,
}

impl Rules {
    /// Reads a rule set as it is in force on a day.
    ///
    /// # Errors
    /// [`SimError::Setting`] naming what the oracle does not know or cannot read.
    pub(crate) fn read(text: &str, today: BusinessDate) -> Result<Self, SimError> {
        let wrong = |cause: String| SimError::Setting(format!("the oracle's rules: {cause}"));
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if let Some(network) = file.network.iter().find(|network| network.cancelled_at.is_some()) {
            return Err(wrong(format!("{} is cancelled, which is not modelled", network.name)));
        }
        let is_in_force = |from: &toml::value::Datetime| from.to_string() <= today.to_string();
        let known = file.indicator.iter().filter(|indicator| is_in_force(&indicator.valid_from));
        let latest = known.max_by_key(|indicator| indicator.valid_from.to_string());
        let indicator = latest.ok_or_else(|| wrong("no indicator is in force".to_owned()))?;
        let indicator = minor(&indicator.value).map_err(wrong)?;
        let edition = |rule: &str| {
            let of_rule = file.edition.iter().filter(|edition| edition.rule == rule);
            let in_force = of_rule.filter(|edition| is_in_force(&edition.in_force_from));
            let latest = in_force.max_by_key(|edition| edition.in_force_from.to_string());
            let is_draft = latest.map(|edition| edition.name == "2020-draft");
            is_draft.ok_or_else(|| wrong(format!("no edition of {rule} is in force")))
        };
        let contactless = if edition("contactless")? {
            let tiers = file.contactless.tier.iter();
            let tiers = tiers.map(|(name, tier)| Ok((name.clone(), Tier::of(tier)?)));
            Contactless::Tiers(tiers.collect::<Result<_, String>>().map_err(wrong)?)
        } else {
            Contactless::Fixed(WITHOUT_PIN_INDICATORS * indicator)
        };
        let indicators = file.agent_cash.cap_indicators.unwrap_or(AGENT_CASH_INDICATORS);
        let cap = indicators.min(AGENT_CASH_INDICATORS) * indicator;
        let agent_cash = AgentCash { cap, per_device: edition("agent_cash")? };
        let limits: Result<_, String> = file.limit.iter().map(Limit::of).collect();
        Ok(Self { contactless, agent_cash, limits: limits.map_err(wrong)? })
    }

    /// What is known, for people.
    pub(crate) fn described(&self) -> Vec<String> {
        let mut known: Vec<String> = [
            "available balance (BAL-1)",
            "card status and expiry (BLK)",
            "PIN and its tries (PIN-2)",
            "retransmissions (TXN-1)",
            "reversals, also partial and before their original (TXN-2)",
            "preauthorization and completion (TXN-4)",
        ]
        .map(str::to_owned)
        .into();
        known.push(match self.contactless {
            Contactless::Fixed(_) => "payments without PIN (CTL-1)".to_owned(),
            Contactless::Tiers(_) => "payments without PIN by tier (CTL-2)".to_owned(),
        });
        let whose = if self.agent_cash.per_device { "AGT-2" } else { "AGT-1" };
        known.push(format!("cash at agents ({whose})"));
        if !self.limits.is_empty() {
            known.push(format!("{} limits of the bank (LIM)", self.limits.len()));
        }
        known
    }
}

impl Tier {
    fn of(entry: &BankTier) -> Result<Self, String> {
        let amount = |text: &Option<String>| text.as_deref().map(minor).transpose();
        Ok(Self {
            single: amount(&entry.per_transaction)?,
            day: amount(&entry.per_day)?,
            count: entry.count_since_pin,
            sum: amount(&entry.sum_since_pin)?,
        })
    }
}

impl Limit {
    fn of(entry: &Entry) -> Result<Self, String> {
        let id = entry.id.clone();
        let scope = match &entry.scope {
            Scopes::One(scope) => vec![*scope],
            Scopes::Many(scopes) => scopes.clone(),
        };
        if scope.iter().all(|scope| *scope == Scope::Device) {
            return Err(format!("limit {id}: a device's own limit is moved by everybody"));
        }
        let is_count = entry.measure == "count";
        let ceiling = match (&entry.ceiling, is_count) {
            (toml::Value::Integer(count), true) => u64::try_from(*count).ok(),
            (toml::Value::String(count), true) => count.parse().ok(),
            (toml::Value::String(amount), false) => minor(amount).ok(),
            _ => None,
        };
        Ok(Self {
            scope,
            counts: entry.counts,
            is_count,
            single: entry.window == "transaction",
            ceiling: ceiling.ok_or_else(|| format!("limit {id}: no ceiling"))?,
            code: entry.code.clone().unwrap_or_else(|| if is_count { "65" } else { "61" }.into()),
            id,
        })
    }

    /// Whether it counts such a thing at all.
    pub(crate) fn is_meant(&self, what: What) -> bool {
        let is_debit = !matches!(what, What::CashIn | What::Refund);
        match self.counts {
            Counts::All => is_debit,
            Counts::AtmCash => what == What::Cash(DeviceCategory::Atm),
            Counts::AgentCash => what == What::Cash(DeviceCategory::Agent),
            Counts::BranchCash => what == What::Cash(DeviceCategory::Branch),
            Counts::Purchase => matches!(what, What::Purchase | What::Tap),
            Counts::Contactless => what == What::Tap,
            Counts::CashIn => what == What::CashIn,
        }
    }
}

/// What counters tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Purchase,
    Tap,
    Cash(DeviceCategory),
    CashIn,
    Refund,
}

fn minor(text: &str) -> Result<u64, String> {
    let minor = parse_minor(text, 2).map_err(|error| format!("{text:?}: {error}"))?;
    u64::try_from(minor).map_err(|_| format!("{text:?} is below 0"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const RULES: &str = r#"
version = "t"
[[indicator]]
value = "100.00"
valid_from = 2006-01-01
[[edition]]
rule = "contactless"
name = "76/8-2015"
in_force_from = 2015-12-09
[[edition]]
rule = "agent_cash"
name = "76/8-2015"
in_force_from = 2015-12-09
[[limit]]
id = "buys"
scope = "card"
counts = "purchase"
measure = "count"
window = "day"
ceiling = 40
"#;

    fn read(text: &str) -> Result<Rules, String> {
        let today = BusinessDate::parse("2026-11-23").unwrap();
        Rules::read(text, today).map_err(|error| error.to_string())
    }

    #[test]
    fn the_edition_in_force_is_taken() {
        let rules = read(RULES).unwrap();
        assert!(matches!(rules.contactless, Contactless::Fixed(300_000)));
        assert!((rules.agent_cash.cap, rules.agent_cash.per_device) == (1_500_000, false));
        assert_eq!((rules.limits[0].ceiling, &*rules.limits[0].code), (40, "65"));
        let later = |from| {
            let edition = "[[edition]]\nrule = \"agent_cash\"\nname = \"2020-draft\"\n";
            read(&format!("{RULES}{edition}in_force_from = {from}")).unwrap().agent_cash.per_device
        };
        assert!(later("2026-11-23") && !later("2026-11-24"));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (more, why) in [
            ("[[fee]]\nid = \"x\"\n", "fee"),
            (
                "[[limit]]\nid=\"s\"\nscope=\"merchant\"\ncounts=\"all\"\nmeasure=\"count\"\nwindow=\"day\"\nceiling=1\n",
                "merchant",
            ),
            (
                "[[limit]]\nid=\"s\"\nscope=\"card\"\ncounts=\"all\"\nmeasure=\"count\"\nwindow=\"day\"\nceiling=1\nmcc=[\"5411\"]\n",
                "mcc",
            ),
            (
                "[[limit]]\nid=\"s\"\nscope=\"device\"\ncounts=\"all\"\nmeasure=\"count\"\nwindow=\"day\"\nceiling=1\n",
                "everybody",
            ),
            ("[[network]]\nname=\"N\"\ncancelled_at=2026-01-01\n", "cancelled"),
        ] {
            let error = read(&format!("{RULES}{more}")).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        assert!(read("version = \"x\"").unwrap_err().contains("no indicator"));
    }
}
