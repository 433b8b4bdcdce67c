//! AGT: the agents' cash-out cap.

use crate::plan::Plan;
use crate::report::{Edition, Figure, Outcome, Report, Rule, Verdict};
use crate::usage::cell::{Words, calendar_value};
use crate::usage::{CARD_AT_DEVICE, HOLDER, Usage, holder};
use crate::window::{Tick, Window};
use crate::{Facts, Measure, RegulatedRule};

/// What a block of a panel counts of agent cash today.
pub(crate) fn used(usage: &Usage, panel: usize, slot: Option<u32>, now: Tick) -> u64 {
    let Some((panel, slot)) = usage.panel(panel).zip(slot) else { return 0 };
    // In both panels the counter is the first column: see `holder::AGENT_CASH`.
    let offset = panel.columns.first().map_or(holder::AGENT_CASH, |column| column.offset);
    calendar_value(panel.cell(slot, offset).word(0), now.day)
}

pub(super) fn check(plan: &Plan, usage: &Usage, facts: &Facts, now: Tick, report: &mut Report) {
    let edition = plan.edition(RegulatedRule::AgentCash, facts);
    let (rule, panel) = match edition {
        Edition::Regulation2015 => (Rule::Agt1, HOLDER),
        Edition::Draft2020 => (Rule::Agt2, CARD_AT_DEVICE),
    };
    let mut verdict = Verdict {
        rule,
        figure: Figure::PerDay,
        outcome: Outcome::NotApplicable,
        measure: Measure::Amount,
        used: 0,
        asked: facts.cash_kgs,
        ceiling: 0,
        edition: Some(edition),
        window: Window::Day,
        resets_at: None,
        code: None,
    };
    if facts.is_agent_cash() {
        verdict.used = used(usage, panel, usage.find(panel, facts), now);
        verdict.ceiling = plan.regulation.cap_for(facts);
        verdict.resets_at = now.next(Window::Day, facts.moment.offset);
        verdict.code = plan.regulation.cap_code;
        let over = verdict.used.saturating_add(verdict.asked) > verdict.ceiling;
        verdict.outcome = if over { Outcome::Over } else { Outcome::Pass };
    }
    report.verdicts.push(verdict);
}
