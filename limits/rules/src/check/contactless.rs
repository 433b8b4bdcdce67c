//! CTL: what may go without PIN.

use crate::plan::Plan;
use crate::report::{Edition, Figure, Outcome, Report, Rule, Verdict};
use crate::usage::cell::{Words, calendar_value};
use crate::usage::{HOLDER, Usage, holder};
use crate::window::{Tick, Window};
use crate::{Facts, Measure, RegulatedRule};

/// What has gone without PIN for a customer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WithoutPin {
    pub(crate) day: u64,
    pub(crate) count_since_pin: u64,
    pub(crate) sum_since_pin: u64,
}

impl WithoutPin {
    pub(crate) fn read(usage: &Usage, slot: Option<u32>, now: Tick) -> Self {
        let block = usage.panel(HOLDER).zip(slot);
        let word = |at| block.map_or(0, |(panel, slot)| panel.cell(slot, at).word(0));
        Self {
            day: calendar_value(word(holder::NO_PIN_DAY), now.day),
            count_since_pin: word(holder::COUNT_SINCE_PIN),
            sum_since_pin: word(holder::SUM_SINCE_PIN),
        }
    }
}

/// The figures of CTL-2 with their measures and windows, in the order they are reported.
pub(crate) const FIGURES: [(Figure, Measure, Window); 4] = [
    (Figure::PerTransaction, Measure::Amount, Window::Transaction),
    (Figure::PerDay, Measure::Amount, Window::Day),
    (Figure::CountSincePin, Measure::Count, Window::Transaction),
    (Figure::SumSincePin, Measure::Amount, Window::Transaction),
];

pub(super) fn check(plan: &Plan, usage: &Usage, facts: &Facts, now: Tick, report: &mut Report) {
    let edition = plan.edition(RegulatedRule::Contactless, facts);
    let verdict = |rule, figure, measure, window| Verdict {
        rule,
        figure,
        outcome: Outcome::NotApplicable,
        measure,
        used: 0,
        asked: facts.amount_kgs,
        ceiling: 0,
        edition: Some(edition),
        window,
        resets_at: None,
        code: None,
    };
    let single = |rule| verdict(rule, Figure::PerTransaction, Measure::Amount, Window::Transaction);
    let asks_pin = |verdict: Verdict| Verdict {
        outcome: Outcome::NeedsPin,
        code: plan.pin_request_code(),
        ..verdict
    };

    if facts.cash_kgs > 0 && plan.lacks_pin(facts) {
        report.verdicts.push(asks_pin(Verdict { asked: facts.cash_kgs, ..single(Rule::Ctl4) }));
        return;
    }
    let rule = match edition {
        Edition::Regulation2015 => Rule::Ctl1,
        Edition::Draft2020 => Rule::Ctl2,
    };
    if !plan.is_without_pin(facts) {
        report.verdicts.push(single(rule));
        return;
    }
    let mut judge = |verdict: Verdict| {
        let over = verdict.used.saturating_add(verdict.asked) > verdict.ceiling;
        let pass = Verdict { outcome: Outcome::Pass, ..verdict };
        report.verdicts.push(if over { asks_pin(verdict) } else { pass });
    };
    if edition == Edition::Regulation2015 {
        let ceiling = plan.regulation.no_pin_ceiling(facts.date);
        judge(Verdict { ceiling, used: facts.before.no_pin_kgs, ..single(rule) });
        return;
    }
    let used = WithoutPin::read(usage, usage.find(HOLDER, facts), now);
    let tier = plan.tier_limits(facts.tier);
    let amount = facts.amount_kgs;
    let values = [
        (tier.per_transaction, facts.before.no_pin_kgs, amount),
        (tier.per_day, used.day, amount),
        (tier.count_since_pin, used.count_since_pin, u64::from(!facts.increment)),
        (tier.sum_since_pin, used.sum_since_pin, amount),
    ];
    for ((figure, measure, window), (ceiling, used, asked)) in FIGURES.into_iter().zip(values) {
        if let Some(ceiling) = ceiling {
            let resets_at = now.next(window, facts.moment.offset);
            let verdict = verdict(rule, figure, measure, window);
            judge(Verdict { ceiling, used, asked, resets_at, ..verdict });
        }
    }
    if tier == crate::TierLimits::default() {
        // Nothing set, nothing limited.
        let free = Verdict { outcome: Outcome::Pass, ceiling: u64::MAX, ..single(rule) };
        report.verdicts.push(free);
    }
}
