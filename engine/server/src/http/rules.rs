//! `/rules`: the rule set in force.

use super::access::Reader;
use super::cards::{of_measure, wire_name};
use super::context::HttpContext;
use super::describe::{Editions, Limit, RuleSet, Rules};
use super::money;
use super::problem::Problem;
use authorization::State as Core;
use axum::Json;
use axum::extract::State;
use limits::{Edition, LimitRule, RegulatedRule};
use payment_types::{BusinessDate, Currency, Moment};

/// The rule set in force now, and those before it.
#[utoipa::path(get, path = "/api/v1/rules", tag = "rules",
    responses((status = 200, body = Rules)))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    _: Reader,
) -> Result<Json<Rules>, Problem> {
    let mut rules = context.running()?.shard.query(view).await?;
    // What is in force is known without the read model; what was, only by it.
    let history = match context.search(history::History::rule_sets).await {
        Ok((history, _)) => history,
        Err(_) => Vec::new(),
    };
    let entry = |entry: history::RuleSetEntry| RuleSet {
        version: entry.version,
        at: entry.moment.rfc3339(),
        id: entry.sequence.to_string(),
    };
    rules.history = history.into_iter().map(entry).collect();
    Ok(Json(rules))
}

fn view(core: &Core, now: Moment) -> Rules {
    let (rules, date) = (core.rules(), now.business_date());
    let indicator = rules.indicators.iter().rev().find(|row| row.valid_from <= date);
    let value = indicator.map_or(0, |row| i64::try_from(row.value).unwrap_or(i64::MAX));
    Rules {
        version: core.rules_version().to_owned(),
        installed: core.has_rules(),
        indicator: money::text(value, Currency::KGS),
        editions: Editions {
            contactless: edition(core, RegulatedRule::Contactless, date),
            agent_cash: edition(core, RegulatedRule::AgentCash, date),
        },
        limits: rules.limits.iter().map(limit).collect(),
        text: core.rules_text().to_owned(),
        history: Vec::new(),
    }
}

/// The latest that has begun; the regulation of 2015 where the rule set names none.
fn edition(core: &Core, rule: RegulatedRule, date: BusinessDate) -> String {
    let begun = |row: &&limits::EditionInForce| row.rule == rule && row.in_force_from <= date;
    let latest = core.rules().editions.iter().filter(begun).max_by_key(|row| row.in_force_from);
    latest.map_or(Edition::Regulation2015, |row| row.edition).name().to_owned()
}

fn limit(limit: &LimitRule) -> Limit {
    Limit {
        id: limit.id.clone(),
        scope: limit.scope.iter().map(|dimension| dimension.name().to_owned()).collect(),
        counts: wire_name(&limit.counts),
        measure: limit.measure.name().to_owned(),
        window: limit.window.name().to_owned(),
        ceiling: of_measure(limit.measure, limit.ceiling),
        code: limit.code.to_string(),
    }
}
