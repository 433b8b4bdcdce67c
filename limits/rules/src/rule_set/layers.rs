//! The layers: nothing a bank enters may loosen the regulation, nor anything under the bank what
//! the bank allows. What would is refused with the rule and the clause.

use super::reader::{Findings, Section};
use super::{AgentCash, RegulatedRule, RuleSet};
use crate::Edition;
use crate::plan::NO_PIN_INDICATORS;
use payment_types::format_minor;

const AGENT_CAP: &str = "AGT-7, 004 §15-1";
const NO_PIN: &str = "CTL-1, 004 §33";

pub(super) fn check(rules: &RuleSet, top: &Section<'_>, found: &mut Findings<'_>) {
    agent_cash(rules, top, found);
    contactless(rules, top, found);
}

fn agent_cash(rules: &RuleSet, top: &Section<'_>, found: &mut Findings<'_>) {
    let most = AgentCash::REGULATION_INDICATORS;
    let AgentCash { cap_indicators: cap, lower } = &rules.agent_cash;
    if *cap > most {
        let key = "agent_cash.cap_indicators";
        let table = top.get("agent_cash").and_then(|value| value.get_ref().as_table());
        let value = table.and_then(|table| table.get("cap_indicators"));
        let start = value.map_or(0, |value| value.span().start);
        let message =
            format!("{cap} would be above the regulation's {most}; only a lower cap may be set");
        found.add_clause(start, key, message, Some(AGENT_CAP));
    }
    for entry in lower {
        let (key, named) =
            (format!("agent_cash.{}.cap_indicators", entry.list), entry.scope.name());
        let asked = entry.cap_indicators;
        let message = if asked > most {
            format!("{asked} for {named} \"{}\" would be above the regulation's {most}", entry.id)
        } else if asked > *cap {
            format!("{asked} for {named} \"{}\" would be above the bank's own {cap}", entry.id)
        } else {
            continue;
        };
        found.add_clause_at(entry.at, &key, message, Some(AGENT_CAP));
    }
}

/// Where only the edition of 2015 is ever in force, a tier's limit above 30 indicators would be a
/// permission the regulation does not give.
fn contactless(rules: &RuleSet, top: &Section<'_>, found: &mut Findings<'_>) {
    let mut editions = rules.editions.iter();
    let lifted = editions.any(|entry| {
        entry.rule == RegulatedRule::Contactless && entry.edition == Edition::Draft2020
    });
    let indicator = rules.indicators.iter().map(|indicator| indicator.value).max();
    let Some(indicator) = indicator.filter(|_| !lifted) else { return };
    let most = indicator.saturating_mul(NO_PIN_INDICATORS);
    for (tier, limits) in &rules.contactless.tiers {
        if limits.per_transaction.is_some_and(|amount| amount > most) {
            let key = format!("contactless.tier.{tier}.per_transaction");
            let most = format_minor(i128::from(most), 2);
            let message = format!(
                "above {NO_PIN_INDICATORS} indicators ({most}) without PIN, while edition \
                 76/8-2015 is the only one in force"
            );
            let start = tier_start(top, tier);
            found.add_clause(start, &key, message, Some(NO_PIN));
        }
    }
}

fn tier_start(top: &Section<'_>, tier: &str) -> usize {
    let path = ["contactless", "tier", tier, "per_transaction"];
    let mut value = None;
    for key in path {
        value = match value {
            None => top.get(key),
            Some(table) => {
                let table: super::reader::Value<'_> = table;
                table.get_ref().as_table().and_then(|table| table.get(key))
            }
        };
    }
    value.map_or(0, |value| value.span().start)
}
