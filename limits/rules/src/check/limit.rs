//! LIM-1: the bank's limits.

use crate::plan::Plan;
use crate::report::{Block, Figure, Outcome, Report, Rule, Verdict};
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
    find_blocks(usage, facts, report);
    let zone = facts.moment.offset;
    for at in plan.limits_on(facts.operation) {
        let place = usize::from(*at);
        let (Some(limit), Some(seat)) = (plan.limits.get(place), usage.seats().get(place)) else {
            continue;
        };
        if !limit.is_about(facts) {
            continue;
        }
        let counter = (limit.window, seat.offset);
        let block = seat.panel.and_then(|panel| report.blocks.get(usize::from(panel))).copied();
        let block = block.flatten();
        let used = match block {
            None if limit.window == Window::Transaction => limit.before(facts),
            None => 0,
            Some(block) if limit.window.ring().is_some() => {
                panel_of(usage, seat).map_or(0, |panel| read(panel, block.slot, counter, now))
            }
            Some(block) => {
                let word = report.words.get(block.words_at + usize::from(seat.offset));
                calendar_value(word.copied().unwrap_or_default(), now.calendar(limit.window))
            }
        };
        let ceiling = usage.ceiling(seat, limit, facts.card, now);
        let asked = limit.asked(facts);
        let over = used.saturating_add(asked) > ceiling && asked > 0;
        if limit.measure == Measure::Amount && limit.counts.base() != Base::Goods {
            report.limits_leave = report.limits_leave.min(ceiling.saturating_sub(used));
        }
        let resets = || {
            let block = panel_of(usage, seat).zip(block.map(|block| block.slot));
            resets_at(block, counter, now, zone)
        };
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
            resets_at: if over { resets() } else { None },
            code: Some(limit.code),
        });
    }
}

/// Finds the blocks of all panels first and then copies their calendar counters, so that the waits
/// for memory overlap.
fn find_blocks(usage: &Usage, facts: &Facts, report: &mut Report) {
    let bit = facts.operation.bit();
    for seated in usage.seated_panels() {
        let relevant = seated.operations & bit != 0;
        let slot = if relevant { usage.find(usize::from(seated.panel), facts) } else { None };
        report.blocks.push(slot.map(|slot| Block { slot, words_at: 0 }));
    }
    for (seated, block) in usage.seated_panels().iter().zip(&mut report.blocks) {
        if let (Some(block), Some(panel)) = (block, usage.panel(usize::from(seated.panel))) {
            block.words_at = report.words.len();
            panel.read_flat(block.slot, &mut report.words);
        }
    }
}

fn panel_of<'a>(usage: &'a Usage, seat: &Seat) -> Option<&'a Panel> {
    let seated = usage.seated_panels().get(usize::from(seat.panel?))?;
    usage.panel(usize::from(seated.panel))
}
