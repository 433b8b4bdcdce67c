//! Counters as people see them: used, ceiling, resets at (LIM-5). For the API, not for decisions.

use crate::check::agent_cash_used;
use crate::check::{FIGURES, WithoutPin, read_counter, resets_at};
use crate::plan::Plan;
use crate::report::{Edition, Figure, Rule};
use crate::usage::{CARD_AT_DEVICE, HOLDER, Usage};
use crate::window::Tick;
use crate::{Dimension, Measure, RegulatedRule, Window};
use payment_types::{Moment, Timestamp};
use serde::Serialize;

/// Whose counters are wanted. What is left out is not looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keys {
    /// A card.
    pub card: Option<u32>,
    /// Its account.
    pub account: Option<u32>,
    /// Its holder.
    pub customer: Option<u32>,
    /// The account's product.
    pub product: Option<u32>,
    /// The holder's tier.
    pub tier: Option<u32>,
    /// The card's network.
    pub network: Option<u32>,
}

impl Keys {
    fn index(&self, dimension: Dimension) -> Option<u32> {
        match dimension {
            Dimension::Card => self.card,
            Dimension::Account => self.account,
            Dimension::Customer => self.customer,
            Dimension::Product => self.product,
            Dimension::Tier => self.tier,
            Dimension::Network => self.network,
            Dimension::Device
            | Dimension::Agent
            | Dimension::Merchant
            | Dimension::Mcc
            | Dimension::Country => None,
        }
    }
}

/// AGT: what may be handed out a day at a device of an agent, minor units of KGS, and under which
/// edition: of 2015 for a holder wherever he takes it, of the draft of 2020 for a card at a device.
#[must_use]
pub fn agent_cap(plan: &Plan, at: Moment, agent: Option<u32>, device: Option<u32>) -> (u64, Rule) {
    let date = at.business_date();
    let index = |dimension| match dimension {
        Dimension::Agent => agent,
        Dimension::Device => device,
        _ => None,
    };
    let rule = match plan.regulation.edition(RegulatedRule::AgentCash, date) {
        Edition::Regulation2015 => Rule::Agt1,
        Edition::Draft2020 => Rule::Agt2,
    };
    (plan.regulation.cap(date, index), rule)
}

/// One counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CounterView {
    /// The rule.
    pub rule: Rule,
    /// Which of its figures; says the limit.
    pub figure: Figure,
    /// The limit's id, for LIM-1.
    pub limit: Option<String>,
    /// Sum or count.
    pub measure: Measure,
    /// Over what time.
    pub window: Window,
    /// Tyiyn of KGS or transactions.
    pub used: u64,
    /// The most.
    pub ceiling: u64,
    /// When it starts anew, or the oldest entry leaves a rolling window.
    pub resets_at: Option<Timestamp>,
    /// In a crossing: what it is crossed with, by dimension and index.
    pub of: Vec<(Dimension, u32)>,
}

/// The counters of a card, an account or a customer as they stand at a moment: the regulation's
/// first, then the limits in the order of the rule set.
#[must_use]
pub fn views(plan: &Plan, usage: &Usage, keys: &Keys, at: Moment) -> Vec<CounterView> {
    let mut found = Vec::new();
    let now = Tick::new(at, at.business_date());
    no_pin(plan, usage, keys, (at, now), &mut found);
    agent_cash(plan, usage, keys, (at, now), &mut found);
    limits(plan, usage, keys, (at, now), &mut found);
    found
}

type When = (Moment, Tick);

fn holder_slot(usage: &Usage, keys: &Keys) -> Option<u32> {
    let panel = usage.panel(HOLDER)?;
    panel.find(&panel.scope.key(|dimension| keys.index(dimension))?)
}

fn no_pin(plan: &Plan, usage: &Usage, keys: &Keys, when: When, found: &mut Vec<CounterView>) {
    let (at, now) = when;
    let edition = plan.regulation.edition(RegulatedRule::Contactless, at.business_date());
    let mut push = |rule, (figure, measure, window): (Figure, Measure, Window), used, ceiling| {
        let resets_at = now.next(window, at.offset);
        let (limit, of) = (None, Vec::new());
        let view =
            CounterView { rule, figure, limit, measure, window, used, ceiling, resets_at, of };
        found.push(view);
    };
    if edition == Edition::Regulation2015 {
        let single = (Figure::PerTransaction, Measure::Amount, Window::Transaction);
        push(Rule::Ctl1, single, 0, plan.regulation.no_pin_ceiling(at.business_date()));
        return;
    }
    let (Some(tier), Some(_)) = (keys.tier, keys.customer) else { return };
    let used = WithoutPin::read(usage, holder_slot(usage, keys), now);
    let tier = plan.tier_limits(tier);
    let values = [
        (tier.per_transaction, 0),
        (tier.per_day, used.day),
        (tier.count_since_pin, used.count_since_pin),
        (tier.sum_since_pin, used.sum_since_pin),
    ];
    for (figure, (ceiling, used)) in FIGURES.into_iter().zip(values) {
        if let Some(ceiling) = ceiling {
            push(Rule::Ctl2, figure, used, ceiling);
        }
    }
}

fn agent_cash(plan: &Plan, usage: &Usage, keys: &Keys, when: When, found: &mut Vec<CounterView>) {
    let (at, now) = when;
    let date = at.business_date();
    let mut push = |rule, used, of: Vec<(Dimension, u32)>| {
        let part = |dimension| of.iter().find(|(part, _)| *part == dimension).map(|(_, at)| *at);
        let cap = plan
            .regulation
            .cap(date, |dimension| keys.index(dimension).or_else(|| part(dimension)));
        found.push(CounterView {
            rule,
            figure: Figure::PerDay,
            limit: None,
            measure: Measure::Amount,
            window: Window::Day,
            used,
            ceiling: cap,
            resets_at: now.next(Window::Day, at.offset),
            of,
        });
    };
    match plan.regulation.edition(RegulatedRule::AgentCash, date) {
        Edition::Regulation2015 if keys.customer.is_some() => {
            let slot = holder_slot(usage, keys);
            push(Rule::Agt1, agent_cash_used(usage, HOLDER, slot, now), Vec::new());
        }
        Edition::Regulation2015 => {}
        Edition::Draft2020 => {
            let Some((panel, card)) = usage.panel(CARD_AT_DEVICE).zip(keys.card) else { return };
            for slot in panel.blocks_of_card(card) {
                let used = agent_cash_used(usage, CARD_AT_DEVICE, Some(slot), now);
                let device = panel.key_part(slot, Dimension::Device);
                if let (Some(device), true) = (device, used > 0) {
                    push(Rule::Agt2, used, vec![(Dimension::Device, device)]);
                }
            }
        }
    }
}

fn limits(plan: &Plan, usage: &Usage, keys: &Keys, when: When, found: &mut Vec<CounterView>) {
    let (at, now) = when;
    for (place, (limit, seat)) in (0u16..).zip(plan.limits.iter().zip(usage.seats())) {
        let date = at.business_date();
        if date < limit.valid.0 || limit.valid.1 < date {
            continue;
        }
        let card = keys.card.unwrap_or(u32::MAX);
        let ceiling = usage.ceiling(seat, limit, card, now);
        let mut push = |(used, resets_at), of| {
            found.push(CounterView {
                rule: Rule::Lim1,
                figure: Figure::Limit(place),
                limit: Some(limit.id.to_string()),
                measure: limit.measure,
                window: limit.window,
                used,
                ceiling,
                resets_at,
                of,
            });
        };
        let seated = seat.panel.and_then(|at| usage.seated_panels().get(usize::from(at)));
        let Some(seated) = seated else {
            push((0, None), Vec::new());
            continue;
        };
        let Some(panel) = usage.panel(usize::from(seated.panel)) else { continue };
        let counter = (limit.window, seat.offset);
        let read = |slot| {
            let resets = resets_at(Some((panel, slot)), counter, now, at.offset);
            (read_counter(panel, slot, counter, now), resets)
        };
        if let Some(key) = panel.scope.key(|dimension| keys.index(dimension)) {
            let unused = (0, now.next(limit.window, at.offset));
            push(panel.find(&key).map_or(unused, read), Vec::new());
        } else if let Some(card) = keys.card {
            for slot in panel.blocks_of_card(card) {
                let value = read(slot);
                let others = panel.scope.iter().filter(|part| keys.index(*part).is_none());
                let of = others.filter_map(|part| Some((part, panel.key_part(slot, part)?)));
                if value.0 > 0 {
                    push(value, of.collect());
                }
            }
        }
    }
}
