//! From the text of `rules.toml` to a [`RuleSet`].

use super::parse_limits;
use super::parse_networks;
use super::parse_orders;
use super::parse_security;
use super::parse_terms;
use super::reader::{Findings, Section};
use super::{AgentCash, Contactless, EditionInForce, Indicator, LowerCap, TierLimits};
use super::{RegulatedRule, RuleError, RuleSet, layers, overdraft, parse_clearing, parse_fees};
use crate::{Dimension, Edition};
use payment_types::{BusinessDate, ResponseCode};
use toml::de::DeTable;

const KEYS: [&str; 23] = [
    "version",
    "indicator",
    "edition",
    "contactless",
    "agent_cash",
    "limit",
    "mcc_group",
    "country_group",
    "technical_overdraft",
    "network",
    "transfer_operator",
    "restricted",
    "rate",
    "conversion",
    "fee",
    "notification_fee",
    "chip_check",
    "stand_in",
    "scripts",
    "calendar",
    "clearing",
    "retention",
    "orders",
];

const AGENT_CASH_KEYS: [&str; 3] = ["cap_indicators", "lower", "agent"];

/// The indicator where the rule set does not say: 100 som.
const INDICATOR_DEFAULT: Indicator =
    Indicator { value: 10_000, valid_from: BusinessDate::from_days(13_149) };

impl RuleSet {
    /// Reads a rule set from its text; `file` is what errors call it.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<RuleError>> {
        let mut found = Findings::new(text, file);
        let (document, broken) = DeTable::parse_recoverable(text);
        if !broken.is_empty() {
            for error in broken {
                let start = error.span().map_or(0, |span| span.start);
                found.add(start, "", error.message());
            }
            return Err(in_order(found.errors));
        }
        let top = Section::new(document.get_ref(), 0, "", &KEYS, &mut found);
        let rules = read(&top, (text, file), &mut found);
        layers::check(&rules, &top, &mut found);
        if found.errors.is_empty() { Ok(rules) } else { Err(in_order(found.errors)) }
    }
}

fn in_order(mut errors: Vec<RuleError>) -> Vec<RuleError> {
    errors.sort_by_key(|error| (error.line, error.column));
    errors
}

fn read(top: &Section<'_>, (text, file): (&str, &str), found: &mut Findings<'_>) -> RuleSet {
    top.need("version", found);
    RuleSet {
        source: text.into(),
        file: file.into(),
        version: top.text("version", found).unwrap_or_default().to_owned(),
        indicators: indicators(top, found),
        editions: editions(top, found),
        contactless: contactless(top, found),
        agent_cash: agent_cash(top, found),
        limits: parse_limits::limits(top, found),
        technical_overdraft: overdraft::technical_overdraft(top, found),
        networks: parse_networks::networks(top, found),
        transfer_operators: parse_networks::transfer_operators(top, found),
        restricted: parse_limits::restricted(top, found),
        rates: parse_terms::rates(top, found),
        conversion: parse_terms::conversion(top, found),
        fees: parse_fees::fees(top, found),
        notification_fee: parse_fees::notification_fee(top, found),
        chip_checks: parse_security::chip_checks(top, found),
        block_lost_chips: parse_security::block_lost_chips(top, found),
        stand_in: parse_security::stand_in(top, found),
        calendar: parse_terms::calendar(top, found),
        clearing: parse_clearing::clearing(top, found),
        retention: parse_terms::retention(top, found),
        order_risks: parse_orders::order_risks(top, found),
    }
}

fn indicators(top: &Section<'_>, found: &mut Findings<'_>) -> Vec<Indicator> {
    let mut indicators: Vec<Indicator> = Vec::new();
    let tables = top.tables("indicator", &["value", "valid_from"], found);
    for table in &tables {
        table.need("value", found);
        table.need("valid_from", found);
        let value = table.amount("value", found);
        let valid_from = table.date("valid_from", found);
        if let (Some(value), Some(valid_from)) = (value, valid_from) {
            if indicators.last().is_some_and(|last| last.valid_from >= valid_from) {
                let message = "must be later than that of the indicator before";
                table.wrong("valid_from", message, found);
            }
            indicators.push(Indicator { value, valid_from });
        }
    }
    if tables.is_empty() { vec![INDICATOR_DEFAULT] } else { indicators }
}

fn editions(top: &Section<'_>, found: &mut Findings<'_>) -> Vec<EditionInForce> {
    let mut editions: Vec<EditionInForce> = Vec::new();
    let rules = [RegulatedRule::Contactless, RegulatedRule::AgentCash];
    let rules = rules.map(|rule| (rule.name(), rule));
    let names = Edition::ALL.map(|edition| (edition.name(), edition));
    for table in top.tables("edition", &["rule", "name", "in_force_from"], found) {
        for key in ["rule", "name", "in_force_from"] {
            table.need(key, found);
        }
        let rule = table.one_of("rule", &rules, found);
        let edition = table.one_of("name", &names, found);
        let in_force_from = table.date("in_force_from", found);
        if let (Some(rule), Some(edition), Some(in_force_from)) = (rule, edition, in_force_from) {
            let mut before = editions.iter().filter(|entry| entry.rule == rule);
            if before.any(|entry| entry.in_force_from >= in_force_from) {
                let message =
                    format!("must be later than that of the {} edition before", rule.name());
                table.wrong("in_force_from", message, found);
            }
            editions.push(EditionInForce { rule, edition, in_force_from });
        }
    }
    editions
}

fn contactless(top: &Section<'_>, found: &mut Findings<'_>) -> Contactless {
    let known = ["cdcvm_counts_as_pin", "pin_request_code", "tier"];
    let table = top.get("contactless");
    let table = table.and_then(|table| Section::of(table, "contactless", &known, found));
    let Some(table) = table else { return Contactless::default() };
    let mut tiers = Vec::new();
    let all = table.get("tier").map(|tiers| (tiers.get_ref().as_table(), tiers));
    match all {
        Some((Some(map), _)) => {
            for (name, value) in map {
                let path = format!("contactless.tier.{}", name.get_ref());
                let known = ["per_transaction", "per_day", "count_since_pin", "sum_since_pin"];
                if let Some(tier) = Section::of(value, path, &known, found) {
                    tiers.push((name.get_ref().to_string(), tier_limits(&tier, found)));
                }
            }
        }
        Some((None, _)) => table.wrong("tier", "must be tables: [contactless.tier.low]", found),
        None => {}
    }
    Contactless {
        cdcvm_counts_as_pin: table.boolean("cdcvm_counts_as_pin", found).unwrap_or_default(),
        pin_request_code: response_code(&table, "pin_request_code", found),
        tiers,
    }
}

fn tier_limits(tier: &Section<'_>, found: &mut Findings<'_>) -> TierLimits {
    TierLimits {
        per_transaction: tier.amount("per_transaction", found),
        per_day: tier.amount("per_day", found),
        count_since_pin: tier.count("count_since_pin", found),
        sum_since_pin: tier.amount("sum_since_pin", found),
    }
}

fn agent_cash(top: &Section<'_>, found: &mut Findings<'_>) -> AgentCash {
    let table = top.get("agent_cash");
    let table = table.and_then(|table| Section::of(table, "agent_cash", &AGENT_CASH_KEYS, found));
    let Some(table) = table else { return AgentCash::default() };
    let cap = table.count("cap_indicators", found);
    let scopes =
        [Dimension::Product, Dimension::Tier, Dimension::Agent, Dimension::Device, Dimension::Card];
    let scopes = scopes.map(|scope| (scope.name(), scope));
    let mut lower: Vec<LowerCap> = Vec::new();
    for entry in table.tables("lower", &["scope", "id", "cap_indicators"], found) {
        for key in ["scope", "id", "cap_indicators"] {
            entry.need(key, found);
        }
        let scope = entry.one_of("scope", &scopes, found);
        let id = entry.text("id", found).map(str::to_owned);
        let cap = entry.count("cap_indicators", found);
        if let (Some(scope), Some(id), Some(cap_indicators)) = (scope, id, cap) {
            add_cap((&entry, "lower"), (scope, id, cap_indicators), &mut lower, found);
        }
    }
    for entry in table.tables("agent", &["id", "cap_indicators"], found) {
        for key in ["id", "cap_indicators"] {
            entry.need(key, found);
        }
        let id = entry.text("id", found).map(str::to_owned);
        if let (Some(id), Some(cap)) = (id, entry.count("cap_indicators", found)) {
            add_cap((&entry, "agent"), (Dimension::Agent, id, cap), &mut lower, found);
        }
    }
    AgentCash { cap_indicators: cap.unwrap_or(AgentCash::REGULATION_INDICATORS), lower }
}

/// A lower cap, which may be the only one for what it is for.
fn add_cap(
    (entry, list): (&Section<'_>, &'static str),
    (scope, id, cap_indicators): (Dimension, String, u64),
    lower: &mut Vec<LowerCap>,
    found: &mut Findings<'_>,
) {
    if lower.iter().any(|other| other.scope == scope && other.id == id) {
        let message = format!("{} \"{id}\" has a lower cap already", scope.name());
        entry.wrong("id", message, found);
    }
    let at = found.place(entry.at("cap_indicators"));
    lower.push(LowerCap { scope, id, cap_indicators, list, at });
}

/// A code that declines or asks: two characters, and none that approves.
pub(super) fn response_code(
    table: &Section<'_>,
    name: &str,
    found: &mut Findings<'_>,
) -> Option<ResponseCode> {
    let text = table.text(name, found)?;
    let shaped = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let approves = ["00", "08", "10", "11", "16", "32", "85"].contains(&text);
    if !shaped {
        table.wrong(name, "must be two letters or digits, such as \"61\"", found);
    } else if approves {
        table.wrong(name, format!("\"{text}\" approves; a limit can only decline"), found);
    }
    ResponseCode::new(text).filter(|_| shaped && !approves)
}
