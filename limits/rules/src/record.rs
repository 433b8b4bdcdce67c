//! Counting: an approval moves counters, a reversal gives back (CTL-7, AGT-4, AGT-5).

use crate::moves::{Move, Moves, Portion};
use crate::plan::Plan;
use crate::usage::cell::{Words, calendar_add, calendar_take, ring_add, ring_take};
use crate::usage::panel::{Cell, Panel};
use crate::usage::{CARD_AT_DEVICE, HOLDER, Usage, holder};
use crate::window::{Tick, Window};
use crate::{Base, Facts, Measure, Pin};

/// Counts an approval, whatever the ceilings: a fact that had to be booked counts too. Regulation
/// counters move under every edition, so that a change of edition finds the day's history (AGT-9).
/// The receipts for [`give_back`] are written to `moved`, which is cleared first.
///
/// # Panics
/// If another plan than this one is installed in `usage` ([`Usage::install`]).
pub fn record(plan: &Plan, usage: &mut Usage, facts: &Facts, moved: &mut Moves) {
    usage.must_have_installed(plan);
    moved.clear();
    let now = Tick::new(facts.moment, facts.date);
    if facts.pin == Pin::Online {
        reset_since_pin(usage, facts);
    }
    if facts.amount_kgs == 0 {
        return;
    }
    record_for_holder(plan, usage, facts, now, moved);
    record_at_device(usage, facts, now, moved);
    record_limits(plan, usage, facts, now, moved);
}

/// Takes a reversal's portion out of the counters its original moved, each in the window it was
/// counted in; one whose window has passed is left alone (AGT-5), and so are the since-PIN counters
/// if a PIN has reset them since. Returns nothing, since nothing can go wrong.
pub fn give_back(usage: &mut Usage, moves: &[Move], portion: Portion) {
    for receipt in moves {
        let now = Tick::from_parts(receipt.day, receipt.minute);
        let Some(panel) = usage.panel_mut(usize::from(receipt.panel)) else { continue };
        if usize::from(receipt.panel) == HOLDER {
            give_back_to_holder(panel, receipt, portion, now);
            continue;
        }
        let mut columns = receipt.columns;
        while columns != 0 {
            let column = columns.trailing_zeros() as usize;
            columns &= columns - 1;
            let Some(about) = panel.columns.get(column) else { break };
            let (window, offset) = (about.window, about.offset);
            let value = match about.measure {
                Measure::Amount => match about.base {
                    Base::Whole => portion.amount_kgs,
                    Base::Cash => portion.cash_kgs,
                    Base::Goods => portion.goods_kgs,
                },
                Measure::Count => u64::from(portion.whole),
            };
            if value > 0 {
                take(&mut panel.cell_mut(receipt.slot, offset), window, now, value);
            }
        }
    }
}

fn add(cell: &mut Cell<&mut Panel>, window: Window, now: Tick, value: u64) {
    match window.ring() {
        Some(ring) => ring_add(cell, ring, now.minute, value),
        None => {
            let word = calendar_add(cell.word(0), now.calendar(window), value);
            cell.set(0, word);
        }
    }
}

fn take(cell: &mut Cell<&mut Panel>, window: Window, now: Tick, value: u64) {
    match window.ring() {
        Some(ring) => ring_take(cell, ring, now.minute, value),
        None => {
            let word = calendar_take(cell.word(0), now.calendar(window), value);
            cell.set(0, word);
        }
    }
}

fn receipt(panel: usize, slot: u32, columns: u64, epoch: u32, now: Tick) -> Move {
    let panel = u16::try_from(panel).unwrap_or(u16::MAX);
    Move { columns, slot, minute: now.minute, epoch, panel, day: now.day }
}

/// A right PIN ends the row of transactions without one (CTL-2). Reversing its transaction does not
/// undo that: the holder has shown to be there.
fn reset_since_pin(usage: &mut Usage, facts: &Facts) {
    let slot = usage.find(HOLDER, facts);
    let Some((panel, slot)) = usage.panel_mut(HOLDER).zip(slot) else { return };
    let epoch = panel.cell(slot, holder::EPOCH).word(0);
    panel.cell_mut(slot, holder::COUNT_SINCE_PIN).set(0, 0);
    panel.cell_mut(slot, holder::SUM_SINCE_PIN).set(0, 0);
    panel.cell_mut(slot, holder::EPOCH).set(0, epoch.wrapping_add(1) & u64::from(u32::MAX));
}

fn record_for_holder(plan: &Plan, usage: &mut Usage, facts: &Facts, now: Tick, moved: &mut Moves) {
    let (cash, no_pin) = (facts.is_agent_cash(), plan.is_without_pin(facts));
    if !cash && !no_pin {
        return;
    }
    let Some(slot) = usage.find_or_make(HOLDER, facts, now) else { return };
    let Some(panel) = usage.panel_mut(HOLDER) else { return };
    let mut columns = 0u64;
    if cash {
        columns |= 1 << holder::AGENT_CASH;
        add(&mut panel.cell_mut(slot, holder::AGENT_CASH), Window::Day, now, facts.cash_kgs);
    }
    if no_pin {
        columns |= 1 << holder::NO_PIN_DAY | 1 << holder::SUM_SINCE_PIN;
        add(&mut panel.cell_mut(slot, holder::NO_PIN_DAY), Window::Day, now, facts.amount_kgs);
        raise(&mut panel.cell_mut(slot, holder::SUM_SINCE_PIN), facts.amount_kgs);
        if !facts.increment {
            columns |= 1 << holder::COUNT_SINCE_PIN;
            raise(&mut panel.cell_mut(slot, holder::COUNT_SINCE_PIN), 1);
        }
    }
    let epoch = u32::try_from(panel.cell(slot, holder::EPOCH).word(0)).unwrap_or_default();
    moved.list.push(receipt(HOLDER, slot, columns, epoch, now));
}

fn raise(cell: &mut Cell<&mut Panel>, value: u64) {
    cell.set(0, cell.word(0).saturating_add(value));
}

fn lower(cell: &mut Cell<&mut Panel>, value: u64) {
    cell.set(0, cell.word(0).saturating_sub(value));
}

fn give_back_to_holder(panel: &mut Panel, receipt: &Move, portion: Portion, now: Tick) {
    let moved = |column: u16| receipt.columns >> column & 1 == 1;
    let slot = receipt.slot;
    if moved(holder::AGENT_CASH) {
        let cell = &mut panel.cell_mut(slot, holder::AGENT_CASH);
        take(cell, Window::Day, now, portion.cash_kgs);
    }
    if moved(holder::NO_PIN_DAY) {
        let cell = &mut panel.cell_mut(slot, holder::NO_PIN_DAY);
        take(cell, Window::Day, now, portion.amount_kgs);
    }
    if panel.cell(slot, holder::EPOCH).word(0) != u64::from(receipt.epoch) {
        return;
    }
    if moved(holder::SUM_SINCE_PIN) {
        lower(&mut panel.cell_mut(slot, holder::SUM_SINCE_PIN), portion.amount_kgs);
    }
    if moved(holder::COUNT_SINCE_PIN) && portion.whole {
        lower(&mut panel.cell_mut(slot, holder::COUNT_SINCE_PIN), 1);
    }
}

fn record_at_device(usage: &mut Usage, facts: &Facts, now: Tick, moved: &mut Moves) {
    if !facts.is_agent_cash() {
        return;
    }
    let Some(slot) = usage.find_or_make(CARD_AT_DEVICE, facts, now) else { return };
    let Some(panel) = usage.panel_mut(CARD_AT_DEVICE) else { return };
    let Some(offset) = panel.columns.first().map(|column| column.offset) else { return };
    add(&mut panel.cell_mut(slot, offset), Window::Day, now, facts.cash_kgs);
    moved.list.push(receipt(CARD_AT_DEVICE, slot, 1, 0, now));
}

fn record_limits(plan: &Plan, usage: &mut Usage, facts: &Facts, now: Tick, moved: &mut Moves) {
    let bit = facts.operation.bit();
    let (panels, seats, seated) = usage.parts_mut();
    for seated in seated.iter().filter(|seated| seated.operations & bit != 0) {
        let Some(panel) = panels.get_mut(usize::from(seated.panel)) else { continue };
        let mut block = None;
        for at in seated.limits.iter().map(|at| usize::from(*at)) {
            let (Some(limit), Some(seat)) = (plan.limits.get(at), seats.get(at)) else { continue };
            let asked = if limit.is_about(facts) { limit.asked(facts) } else { 0 };
            if asked == 0 {
                continue;
            }
            block = block.or_else(|| find_block(panel, facts, now, &mut moved.words));
            let Some((slot, columns)) = &mut block else { break };
            *columns |= 1u64 << seat.column;
            if let Some(ring) = limit.window.ring() {
                ring_add(&mut panel.cell_mut(*slot, seat.offset), ring, now.minute, asked);
            } else if let Some(word) = moved.words.get_mut(usize::from(seat.offset)) {
                *word = calendar_add(*word, now.calendar(limit.window), asked);
            }
        }
        if let Some((slot, columns)) = block {
            panel.write_flat(slot, &moved.words);
            moved.list.push(receipt(usize::from(seated.panel), slot, columns, 0, now));
        }
    }
}

/// The block of a request's key, made if need be, with its calendar counters in `words`, and the
/// columns counted so far: none.
fn find_block(
    panel: &mut Panel,
    facts: &Facts,
    now: Tick,
    words: &mut Vec<u64>,
) -> Option<(u32, u64)> {
    let slot = panel.find_or_make_for(facts, now)?;
    words.clear();
    panel.read_flat(slot, words);
    Some((slot, 0))
}
