//! `[orders.risk]`: kinds of change orders that the bank holds for riskier than the least (SIG-2).

use super::reader::{Findings, Section};

/// The kinds of orders and their least risk: an index of [`RISKS`].
pub const ORDER_KINDS: [(&str, usize); 17] = [
    ("limits", 0),
    ("contactless_tiers", 0),
    ("agent_caps", 0),
    ("editions", 2),
    ("indicator", 2),
    ("fees", 1),
    ("rates", 1),
    ("networks", 1),
    ("calendar", 0),
    ("overdraft_policy", 1),
    ("block_policy", 1),
    ("lists", 0),
    ("overdraft_limits", 0),
    ("card_blocks", 0),
    ("users", 2),
    ("keys", 2),
    ("rules", 2),
];

/// Risks, from the least.
pub const RISKS: [&str; 3] = ["low", "medium", "high"];

pub(super) fn order_risks(top: &Section<'_>, found: &mut Findings<'_>) -> Vec<(String, String)> {
    let table = top.get("orders").and_then(|t| Section::of(t, "orders", &["risk"], found));
    let kinds = ORDER_KINDS.map(|(kind, _)| kind);
    let risk = table.as_ref().and_then(|table| table.get("risk"));
    let Some(risk) = risk.and_then(|risk| Section::of(risk, "orders.risk", &kinds, found)) else {
        return Vec::new();
    };
    let choices = [(RISKS[0], 0usize), (RISKS[1], 1), (RISKS[2], 2)];
    let mut risks = Vec::new();
    for (kind, least) in ORDER_KINDS {
        let Some(asked) = risk.one_of(kind, &choices, found) else { continue };
        if asked < least {
            let least = RISKS.get(least).copied().unwrap_or_default();
            let message = format!("is at least {least}; it can only be set higher");
            found.add_clause(risk.at(kind), &risk.key(kind), message, Some("SIG-2"));
        }
        risks.push((kind.to_owned(), RISKS.get(asked).copied().unwrap_or_default().to_owned()));
    }
    risks
}
