//! The rule set: `rules.toml` read, checked and held against the regulation.
//!
//! A rule set is a value. It is parsed from its text, which is what the journal keeps, and compiled
//! to a [`crate::Plan`] when it is installed. Nothing in it loosens what the National Bank's
//! regulation allows: such an entry is refused with the clause.

mod error;
mod layers;
mod merge;
mod overdraft;
mod parse;
mod parse_clearing;
mod parse_fees;
mod parse_limits;
mod parse_networks;
mod parse_orders;
mod parse_security;
mod parse_terms;
mod reader;

pub use error::RuleError;
pub use merge::merge_toml;
pub use overdraft::{BlockPolicy, DayCount, ProductOverdraft, RepaidPart, TechnicalOverdraft};
pub use parse_orders::{ORDER_KINDS, RISKS};

use crate::Window;
use crate::{Calendar, ChipTest, Dimension, Edition, FeeOperation, FeeTerms, Scope, StandInTerms};
pub(crate) use error::Place;
use payment_types::{BusinessDate, Currency, DeviceCategory, ResponseCode, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A whole rule set.
#[derive(Debug, Clone)]
pub struct RuleSet {
    /// The text it was read from.
    pub(crate) source: Box<str>,
    /// The file's name, for errors that show up when it is compiled.
    pub(crate) file: Box<str>,
    /// The bank's name for it.
    pub version: String,
    /// The calculation indicator's values, by date; never empty.
    pub indicators: Vec<Indicator>,
    /// Which edition of a regulation rule is in force from when, by date within each rule.
    pub editions: Vec<EditionInForce>,
    /// No-PIN settings (CTL).
    pub contactless: Contactless,
    /// Agent cash settings (AGT).
    pub agent_cash: AgentCash,
    /// The bank's limits (LIM), in the file's order.
    pub limits: Vec<LimitRule>,
    /// Terms of technical overdrafts (TOD).
    pub technical_overdraft: TechnicalOverdraft,
    /// The register of payment networks (NET).
    pub networks: Vec<Network>,
    /// Who may send transfers to cards (NET-3).
    pub transfer_operators: Vec<TransferOperator>,
    /// Where a card does not go without a travel note (LIM-6).
    pub restricted: Restricted,
    /// Exchange rates (AMT-3).
    pub rates: Vec<Rate>,
    /// How rates are used (AMT-3).
    pub conversion: Conversion,
    /// Fees (AMT-4).
    pub fees: Vec<Fee>,
    /// The monthly fee for notifications (AMT-5).
    pub notification_fee: Option<NotificationFee>,
    /// Findings of chips and terminals that are looked for (SEC-2), in the file's order.
    pub chip_checks: Vec<ChipCheck>,
    /// Whether a chip is blocked for good when its card is reported lost or stolen.
    pub block_lost_chips: bool,
    /// What may be approved while the security module can't be asked.
    pub stand_in: Vec<StandIn>,
    /// Working days.
    pub calendar: Calendar,
    /// How presentments are matched.
    pub clearing: Clearing,
    /// How long what is held of a customer is kept (PII-3).
    pub retention: Retention,
    /// Kinds of change orders with a risk above their least, by name (SIG-2).
    pub order_risks: Vec<(String, String)>,
}

/// `[[chip_check]]` (SEC-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChipCheck {
    /// The bank's name for it.
    pub id: String,
    /// Whose cards; all if not told.
    pub product: Option<String>,
    /// What is looked for.
    pub test: ChipTest,
    pub(crate) at: Place,
}

/// `[[stand_in]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// Whose cards; all that have no terms of their own if not told.
    pub product: Option<String>,
    /// Up to which amounts.
    pub terms: StandInTerms,
    pub(crate) at: Place,
}

/// The calculation indicator from a day on (rule book section 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Indicator {
    /// Tyiyn of KGS.
    pub value: u64,
    /// The first day.
    pub valid_from: BusinessDate,
}

/// A rule of the regulation that has editions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegulatedRule {
    /// CTL.
    Contactless,
    /// AGT.
    AgentCash,
}

impl RegulatedRule {
    /// The name in `rules.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contactless => "contactless",
            Self::AgentCash => "agent_cash",
        }
    }
}

/// An edition and its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditionInForce {
    /// The rule.
    pub rule: RegulatedRule,
    /// The edition.
    pub edition: Edition,
    /// The first day.
    pub in_force_from: BusinessDate,
}

/// `[contactless]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contactless {
    /// Whether the holder's own device counts as a PIN (CTL-6).
    pub cdcvm_counts_as_pin: bool,
    /// The code that asks for the PIN where the link's table names none (CTL-3).
    pub pin_request_code: Option<ResponseCode>,
    /// The tiers' limits, by name.
    pub tiers: Vec<(String, TierLimits)>,
}

/// `[contactless.tier.*]`: the issuer's own limits for one customer (CTL-2). Unset is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TierLimits {
    /// The most for one transaction, in tyiyn.
    pub per_transaction: Option<u64>,
    /// The most for a day, in tyiyn.
    pub per_day: Option<u64>,
    /// The most transactions in a row since the last PIN.
    pub count_since_pin: Option<u64>,
    /// The most for them together, in tyiyn.
    pub sum_since_pin: Option<u64>,
}

/// `[agent_cash]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentCash {
    /// The bank's cap in indicators, at most [`AgentCash::REGULATION_INDICATORS`].
    pub cap_indicators: u64,
    /// Lower caps for some (AGT-7).
    pub lower: Vec<LowerCap>,
}

impl AgentCash {
    /// 004 §15-1, both editions.
    pub const REGULATION_INDICATORS: u64 = 150;
}

impl Default for AgentCash {
    fn default() -> Self {
        Self { cap_indicators: Self::REGULATION_INDICATORS, lower: Vec::new() }
    }
}

/// `[[agent_cash.lower]]`: a lower cap for a product, tier, agent, device or card (AGT-7), or
/// `[[agent_cash.agent]]`: one for an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LowerCap {
    /// What kind of thing it is for.
    pub scope: Dimension,
    /// Which one.
    pub id: String,
    /// The cap.
    pub cap_indicators: u64,
    /// The list it stands in: `lower` or `agent`.
    pub(crate) list: &'static str,
    pub(crate) at: Place,
}

/// What a limit counts (LIM-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Cash from cash machines.
    AtmCash,
    /// Cash from agents, alone or with a purchase.
    AgentCash,
    /// Cash at the bank's own branch.
    BranchCash,
    /// Purchases where the card is; the goods' part.
    Purchase,
    /// Contactless debits, with and without PIN.
    Contactless,
    /// Purchases where the card is not.
    Ecommerce,
    /// Transfers from the card.
    Transfer,
    /// Cash paid in.
    CashIn,
    /// Every debit.
    All,
}

/// What a limit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Tyiyn of KGS.
    Amount,
    /// Transactions.
    Count,
}

impl Measure {
    /// The name in `rules.toml` and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::Count => "count",
        }
    }
}

/// Who set a limit. A lower layer only tightens what a higher one allows: all that apply are
/// checked, so the strictest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The bank, for a product or a tier.
    #[default]
    Bank,
    /// Operations staff, for a card.
    Card,
    /// The primary holder.
    Cardholder,
}

/// A stretch of the local day in minutes since midnight: the first counts, the last does not. One
/// that ends before it begins goes over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// The first minute.
    pub from: u16,
    /// The first minute that is out again.
    pub until: u16,
}

impl Hours {
    /// Whether a minute of the day is in it.
    #[must_use]
    pub const fn holds(self, minute: u16) -> bool {
        if self.from < self.until {
            self.from <= minute && minute < self.until
        } else {
            self.from <= minute || minute < self.until
        }
    }
}

/// `[[limit]]` (LIM-1, LIM-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRule {
    /// Its name, once in a rule set.
    pub id: String,
    /// What a counter is kept for.
    pub scope: Scope,
    /// What it counts.
    pub counts: Counts,
    /// Sum or count.
    pub measure: Measure,
    /// Over what time.
    pub window: Window,
    /// The most, inclusive: tyiyn of KGS or transactions.
    pub ceiling: u64,
    /// The first day it holds.
    pub valid_from: Option<BusinessDate>,
    /// The last day it holds.
    pub valid_until: Option<BusinessDate>,
    /// Only these merchant categories, sorted; all if empty.
    pub mcc: Vec<u16>,
    /// Only these countries (ISO 3166 numeric), sorted; all if empty.
    pub countries: Vec<u16>,
    /// Only at these times; always if empty.
    pub hours: Vec<Hours>,
    /// Only for these things, by dimension; for all if empty.
    pub only: Vec<(Dimension, Vec<String>)>,
    /// The answer's code.
    pub code: ResponseCode,
    /// Who set it.
    pub layer: Layer,
    pub(crate) at: Place,
}

/// `[clearing]`: how presentments find what they are about (TXN-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clearing {
    /// How far, in percent, the amount may be from the authorization's where only authorization
    /// code, card and terminal say that they belong together.
    pub tolerance_percent: u64,
}

impl Default for Clearing {
    fn default() -> Self {
        Self { tolerance_percent: 20 }
    }
}

/// `[[network]]` (NET-1, NET-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Who operates it.
    pub operator: Option<String>,
    /// Leading digits of its card numbers, 1 to 8 of them.
    pub bins: Vec<String>,
    /// The National Bank's registration number.
    pub registration: String,
    /// The first day of the registration.
    pub valid_from: BusinessDate,
    /// The moment it was cancelled.
    pub cancelled_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
}

/// `[restricted]` (LIM-6): where a card does not go without a travel note.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restricted {
    /// High-risk countries (ISO 3166 numeric), sorted: `57`.
    pub countries: Vec<u16>,
    /// Blocked merchant categories, sorted: `62`.
    pub mcc: Vec<u16>,
}

/// `[[transfer_operator]]` (NET-3): who may send money transfers to cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferOperator {
    /// Its name.
    pub name: String,
    /// The National Bank's registration number.
    pub registration: String,
    /// Its institution codes, as DE 32 or DE 33 tells them.
    pub institutions: Vec<u64>,
    /// The first day of the registration.
    pub valid_from: BusinessDate,
    /// The moment it was cancelled.
    pub cancelled_at: Option<Timestamp>,
}

/// `[[rate]]` (AMT-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// One major unit of this currency ...
    pub from: Currency,
    /// ... in this one ...
    pub to: Currency,
    /// ... is so much.
    pub value: Decimal,
    /// The bank's margin.
    pub margin_percent: Decimal,
    /// From when.
    pub valid_from: Timestamp,
}

/// `[[fee]]` (AMT-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fee {
    /// Its name, once in a rule set.
    pub id: String,
    /// What it is for.
    pub operation: FeeOperation,
    /// Only at our own terminals, or only at others'; both if unset.
    pub on_us: Option<bool>,
    /// Only at this category of device.
    pub channel: Option<DeviceCategory>,
    /// Only for this network.
    pub network: Option<String>,
    /// Only for this product.
    pub product: Option<String>,
    /// What it comes to.
    pub terms: FeeTerms,
    pub(crate) at: Place,
}

/// `[notification_fee]` (AMT-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationFee {
    /// A month's fee, in tyiyn.
    pub amount: u64,
    /// The day of the month at whose end it is taken, 1 to 28.
    pub day: u8,
    /// The products that have the service.
    pub products: Vec<String>,
    pub(crate) at: Place,
}

/// `[conversion]` (AMT-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// For how many working days after its first a rate holds where no later one has come.
    pub stale_after_working_days: u16,
}

impl Default for Conversion {
    fn default() -> Self {
        Self { stale_after_working_days: 3 }
    }
}

/// `[retention]`: years for which what is held of a customer is kept after it ended (PII-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Who the customer is, after the last agreement ended.
    pub agreement_years: u8,
    /// Operations, after the last one.
    pub operations_years: u8,
    /// Disputes, after the last decision.
    pub disputes_years: u8,
}

impl Default for Retention {
    /// Five years: the law against money laundering asks for them of who the customer is and of
    /// his operations, and a dispute is no longer kept than the operation it is about.
    fn default() -> Self {
        Self { agreement_years: 5, operations_years: 5, disputes_years: 5 }
    }
}

impl RuleSet {
    /// The text the rule set was read from, as the journal keeps it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The paths of the lower caps (AGT-7), in the order of their places in traces.
    pub fn lower_cap_paths(&self) -> impl Iterator<Item = String> {
        self.agent_cash.lower.iter().map(|cap| match cap.list {
            "agent" => format!("agent_cash.agent[{}]", cap.id),
            list => format!("agent_cash.{list}[{}@{}]", cap.scope.name(), cap.id),
        })
    }

    /// What the places in traces stand for, by its id and what is measured: the limits, then the
    /// fees, the chip checks and the lower caps, each in the order in which it was read. The one
    /// numbering; [`crate::Plan`] counts by it.
    pub fn trace_places(&self) -> impl Iterator<Item = (String, &'static str)> {
        let limits = self.limits.iter().map(|limit| (limit.id.clone(), limit.measure.name()));
        let fees = self.fees.iter().map(|fee| (fee.id.clone(), "fee"));
        let checks = self.chip_checks.iter().map(|check| (check.id.clone(), "chip_check"));
        let caps = self.lower_cap_paths().map(|path| (path, "amount"));
        limits.chain(fees).chain(checks).chain(caps)
    }

    /// The tiers it names. Each needs an index before the rule set is compiled.
    pub fn tier_names(&self) -> impl Iterator<Item = &str> {
        self.contactless.tiers.iter().map(|(name, _)| name.as_str())
    }

    /// The networks it registers. Each needs an index before the rule set is compiled.
    pub fn network_names(&self) -> impl Iterator<Item = &str> {
        self.networks.iter().map(|network| network.name.as_str())
    }
}
