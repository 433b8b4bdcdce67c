//! One decision under two rule sets.

use crate::reason;
use authorization::{State, TraceEntry};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use authorization::Decided;

/// What one side decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Side {
    pub(crate) approved: bool,
    pub(crate) result: String,
    /// DE 39 of 1987, before a listener's table.
    pub(crate) code: String,
    /// The rule that settled it, with the limit's id for LIM-1.
    pub(crate) rule: String,
    /// The version of the rule set.
    pub(crate) rules: String,
    /// Each rule looked at: `rule`, verdict, limit, asked, used, ceiling in minor units or counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) trace: Vec<TraceStep>,
}

/// A rule looked at, with its bare numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct TraceStep {
    pub(crate) rule: String,
    pub(crate) verdict: String,
    pub(crate) limit: Option<String>,
    /// `amount`, `count`, ... of a limit.
    pub(crate) measure: Option<String>,
    pub(crate) asked: i64,
    pub(crate) used: i64,
    pub(crate) ceiling: i64,
}

/// A side, with or without its trace; `limits` are the rule set's, in order.
pub(crate) fn side(decided: &Decided, limits: &Limits, with_trace: bool) -> Side {
    let decision = &decided.decision;
    let limit = reason::limit_position(decided).and_then(|at| limits.id(at));
    let code = decision.code_override.as_ref();
    let steps = decided.trace.iter().filter(|_| with_trace);
    Side {
        approved: decision.result.is_approval(),
        result: decision.result.name().to_owned(),
        code: code.map_or(decision.result.code(), |code| code.as_str()).to_owned(),
        rule: reason::rule(decided, limit),
        rules: decided.rules.to_string(),
        trace: steps.map(|entry| step(entry, limits)).collect(),
    }
}

fn step(entry: &TraceEntry, limits: &Limits) -> TraceStep {
    let verdict = match serde_json::to_value(entry.verdict) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    };
    TraceStep {
        rule: entry.rule.id().to_owned(),
        verdict,
        limit: entry.limit.and_then(|at| limits.id(at)).map(str::to_owned),
        measure: entry.limit.and_then(|at| limits.measure(at)).map(str::to_owned),
        asked: entry.asked,
        used: entry.used,
        ceiling: entry.ceiling,
    }
}

/// What the positions in traces stand for under a rule set, with what is measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits(Vec<(String, &'static str)>);

impl Limits {
    /// Of the rules in force.
    pub(crate) fn of(state: &State) -> Self {
        Self::of_set(state.rules())
    }

    /// Of a rule set.
    pub(crate) fn of_set(set: &limits::RuleSet) -> Self {
        Self(set.trace_places().collect())
    }

    fn id(&self, at: u16) -> Option<&str> {
        self.0.get(usize::from(at)).map(|(id, _)| id.as_str())
    }

    fn measure(&self, at: u16) -> Option<&str> {
        self.0.get(usize::from(at)).map(|(_, measure)| *measure)
    }
}
