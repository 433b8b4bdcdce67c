//! LIM-1: the bank's limits.

use crate::plan::Plan;
use crate::report::{Figure, Outcome, Report, Rule, Verdict};
use crate::usage::cell::{Words, calendar_value, ring_relief, ring_value};
use crate::usage::panel::Panel;
use crate::usage::{Seat, Usage};
use crate::window::{Tick, Window};
use crate::{Base, Facts, Measure};
use payment_types::{Timestamp, UtcOffset};

/// What a counter holds.
pub(crate) fn read(panel: &Panel, slot: u32, (window, offset): (Window, u16), now: Tick) -> u64 {
    let cell = panel.cell(slot, offset);
    match window.ring() {
        Some(ring) => ring_value(&cell, ring, now.minute),
        None => calendar_value(cell.word(0), now.calendar(window)),
    }
}

/// When a counter starts anew, or the oldest entry of a rolling one leaves it.
pub(crate) fn resets_at(
    block: Option<(&Panel, u32)>,
    (window, offset): (Window, u16),
    now: Tick,
    zone: UtcOffset,
) -> Option<Timestamp> {
    let Some(ring) = window.ring() else { return now.next(window, zone) };
    let (panel, slot) = block?;
    let minute = ring_relief(&panel.cell(slot, offset), ring, now.minute)?;
    Some(Timestamp(i64::try_from(minute * 60_000).unwrap_or(i64::MAX)))
}

pub(super) fn check(plan: &Plan, usage: &Usage, facts: &Facts, now: Tick, report: &mut Report) {
    find_blocks(usage, facts, &mut report.slots);
    let zone = facts.moment.offset;
    for at in plan.limits_on(facts.operation) {
        let place = usize::from(*at);
        let (Some(limit), Some(seat)) = (plan.limits.get(place), usage.seats().get(place)) else {
            continue;
        };
        if !limit.is_about(facts) {
            continue;
        }
        let block = block_of(usage, seat, &report.slots);
        let counter = (limit.window, seat.offset);
        let used = block.map_or(0, |(panel, slot)| read(panel, slot, counter, now));
        let ceiling = usage.ceiling(seat, limit, facts.card, now);
        let asked = limit.asked(facts);
        let over = used.saturating_add(asked) > ceiling && asked > 0;
        if limit.measure == Measure::Amount && limit.counts.base() != Base::Goods {
            report.limits_leave = report.limits_leave.min(ceiling.saturating_sub(used));
        }
        report.verdicts.push(Verdict {
            rule: Rule::Lim1,
            figure: Figure::Limit(*at),
            outcome: if over { Outcome::Over } else { Outcome::Pass },
            measure: limit.measure,
            used,
            asked,
            ceiling,
            edition: None,
            window: limit.window,
            resets_at: if over { resets_at(block, counter, now, zone) } else { None },
            code: Some(limit.code),
        });
    }
}

/// Finds the blocks of all panels first, and asks for their memory, so that the waits overlap.
fn find_blocks(usage: &Usage, facts: &Facts, slots: &mut Vec<Option<u32>>) {
    let bit = facts.operation.bit();
    for seated in usage.seated_panels() {
        let relevant = seated.operations & bit != 0;
        slots.push(if relevant { usage.find(usize::from(seated.panel), facts) } else { None });
    }
    let blocks = usage.seated_panels().iter().zip(&*slots);
    let touched = blocks.fold(0, |sum, (seated, slot)| {
        let panel = usage.panel(usize::from(seated.panel));
        sum ^ panel.zip(*slot).map_or(0, |(panel, slot)| panel.touch(slot))
    });
    std::hint::black_box(touched);
}

fn block_of<'a>(usage: &'a Usage, seat: &Seat, slots: &[Option<u32>]) -> Option<(&'a Panel, u32)> {
    let place = usize::from(seat.panel?);
    let panel = usage.panel(usize::from(usage.seated_panels().get(place)?.panel));
    panel.zip(slots.get(place).copied().flatten())
}
