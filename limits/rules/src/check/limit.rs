//! LIM-1: the bank's limits.

use crate::plan::{Limit, Plan};
use crate::report::{Figure, Outcome, Report, Rule, Verdict};
use crate::usage::cell::{Words, calendar_value, ring_value};
use crate::usage::{Seat, Usage};
use crate::window::{Tick, Window};
use crate::{Base, Facts, Measure};
use payment_types::{Timestamp, UtcOffset};

/// What a counter holds, and when it starts anew or its oldest entry leaves.
pub(crate) fn read(
    usage: &Usage,
    place: (usize, u32),
    (window, offset): (Window, u16),
    (now, zone): (Tick, UtcOffset),
) -> (u64, Option<Timestamp>) {
    let Some(panel) = usage.panel(place.0) else { return (0, None) };
    let cell = panel.cell(place.1, offset);
    let Some(ring) = window.ring() else {
        let used = calendar_value(cell.word(0), now.calendar(window));
        return (used, now.next(window, zone));
    };
    let (used, first) = ring_value(&cell, ring, now.minute);
    let leaves = |bucket: u32| {
        let minute = u64::from(bucket + ring.kept()) * u64::from(ring.minutes);
        Timestamp(i64::try_from(minute * 60_000).unwrap_or(i64::MAX))
    };
    (used, first.map(leaves))
}

pub(super) fn check(plan: &Plan, usage: &Usage, facts: &Facts, now: Tick, report: &mut Report) {
    let bit = facts.operation.bit();
    for seated in usage.seated_panels() {
        let relevant = seated.operations & bit != 0;
        let slot = if relevant { usage.find(usize::from(seated.panel), facts) } else { None };
        report.slots.push(slot);
    }
    for (at, (limit, seat)) in (0u16..).zip(plan.limits.iter().zip(usage.seats())) {
        if limit.is_about(facts) {
            let (used, resets_at) = used(usage, limit, seat, &report.slots, facts, now);
            let ceiling = usage.ceiling(seat, limit, facts.card, now);
            let asked = limit.asked(facts);
            let over = used.saturating_add(asked) > ceiling && asked > 0;
            let sums_cash = limit.measure == Measure::Amount && limit.counts.base() != Base::Goods;
            if sums_cash {
                report.limits_leave = report.limits_leave.min(ceiling.saturating_sub(used));
            }
            report.verdicts.push(Verdict {
                rule: Rule::Lim1,
                figure: Figure::Limit(at),
                outcome: if over { Outcome::Over } else { Outcome::Pass },
                measure: limit.measure,
                used,
                asked,
                ceiling,
                edition: None,
                window: limit.window,
                resets_at,
                code: Some(limit.code),
            });
        }
    }
}

fn used(
    usage: &Usage,
    limit: &Limit,
    seat: &Seat,
    slots: &[Option<u32>],
    facts: &Facts,
    now: Tick,
) -> (u64, Option<Timestamp>) {
    let zone = facts.moment.offset;
    let Some(place) = seat.panel else { return (0, None) };
    let slot = slots.get(usize::from(place)).copied().flatten();
    let panel = usage.seated_panels().get(usize::from(place));
    match (panel, slot) {
        (Some(panel), Some(slot)) => {
            let place = (usize::from(panel.panel), slot);
            read(usage, place, (limit.window, seat.offset), (now, zone))
        }
        _ => (0, now.next(limit.window, zone)),
    }
}
