//! The decision side: what every rule makes of a request. Reads, never writes; allocates nothing
//! once the report has room; compares no names.

mod agent_cash;
mod contactless;
mod limit;

pub(crate) use agent_cash::used as agent_cash_used;
pub(crate) use contactless::{FIGURES, WithoutPin};
pub(crate) use limit::{read as read_counter, resets_at};

use crate::Facts;
use crate::plan::Plan;
use crate::report::Report;
use crate::usage::Usage;
use crate::window::Tick;

/// Holds a request against the regulation and all limits, and writes the verdicts: CTL, AGT, then
/// LIM in the order of the rule set.
///
/// # Panics
/// If another plan than this one is installed in `usage` ([`Usage::install`]).
pub fn check(plan: &Plan, usage: &Usage, facts: &Facts, report: &mut Report) {
    usage.must_have_installed(plan);
    report.clear();
    let now = Tick::new(facts.moment, facts.date);
    contactless::check(plan, usage, facts, now, report);
    agent_cash::check(plan, usage, facts, now, report);
    limit::check(plan, usage, facts, now, report);
}
