//! Carrying out what was decided. Cannot fail: everything was checked before, so a fault here means
//! that the state is corrupt, and the shard stops (ARCHITECTURE.md invariants).

use crate::debts::held;
use crate::effects::{CardChange, Scratch};
use crate::transactions::{Place, Status};
use crate::{HoldChange, State};
use ledger::{HoldSlot, HoldStatus, OverdraftCause, Party};
use payment_types::{Moment, Sequence};

/// Applies the effects in `scratch` to the state.
pub(crate) fn apply(state: &mut State, sequence: Sequence, moment: Moment, scratch: &mut Scratch) {
    let transfers = scratch.movement.transfers;
    let cause = scratch.effects.cause;
    for transfer in transfers.iter() {
        state.post(transfer, moment, cause.unwrap_or(OverdraftCause::Fee));
        if let (Some(_), Party::Customer(slot)) = (cause, transfer.debit) {
            state.note_refill(slot, moment);
        }
    }
    if let (Some(slot), false) = (scratch.parties.account, transfers.is_empty()) {
        state.note_operation(slot, moment.business_date());
    }
    if let Some(notice) = &scratch.notice {
        state.told(notice, moment);
    }
    let new_hold = apply_hold(state, sequence, scratch.movement.hold);
    for (place, portion) in &scratch.effects.give_back {
        state.transactions.moves_of(*place, &mut scratch.given_back);
        limits::give_back(&mut state.usage, &scratch.given_back, *portion);
    }
    scratch.moves.clear();
    if let Some(facts) = &scratch.effects.record {
        limits::record(&state.rules.compiled.plan, &mut state.usage, facts, &mut scratch.moves);
    }
    if let Some(change) = scratch.effects.card {
        apply_card(state, change);
    }
    if let (Some(step), Some(card)) = (scratch.effects.pin, scratch.parties.card) {
        state.step_pin(card, step, (sequence, moment.business_date()));
    }
    if let (false, Some(card)) = (scratch.effects.scripts.is_empty(), scratch.parties.card) {
        state.step_scripts(card, scratch.effects.scripts, (sequence, moment.at));
    }
    for change in &scratch.effects.changes {
        let Some(row) = state.transactions.get_mut(change.place) else {
            unreachable!("a change names a row that is there");
        };
        row.status = change.status;
        row.stands = change.stands;
        (row.cash_exact, row.cash) = (change.cash_exact, change.cash);
        (row.hold, row.given_back) = (change.hold, change.given_back);
        if !change.counts {
            row.moves.1 = 0;
        }
    }
    for settled in &scratch.effects.settled {
        state.settle_claim(*settled);
    }
    if let Some(presented) = scratch.effects.presented.take() {
        state.presented.add(moment.business_date(), presented);
    }
    if let Some(change) = scratch.effects.batch.take() {
        state.reconciliation.apply(change, moment.at);
    }
    if let Some(action) = scratch.effects.stop_list.take() {
        state.change_stop_list(&action);
    }
    keep(state, sequence, new_hold, scratch);
}

fn apply_hold(state: &mut State, sequence: Sequence, change: HoldChange) -> Option<HoldSlot> {
    match change {
        HoldChange::None => None,
        HoldChange::Placed { account, amount, expires_at } => {
            Some(held(state.ledger.place_hold(account, sequence, amount, expires_at)))
        }
        HoldChange::Resized(slot, amount) => {
            held(state.ledger.resize_hold(slot, amount));
            None
        }
        HoldChange::Captured(slot) => {
            held(state.ledger.close_hold(slot, HoldStatus::Captured));
            None
        }
        HoldChange::Voided(slot) => {
            held(state.ledger.close_hold(slot, HoldStatus::Voided));
            None
        }
    }
}

fn apply_card(state: &mut State, change: CardChange) {
    let index = crate::directory::at(change.card);
    let Some(card) = state.cards.get_mut(index) else {
        unreachable!("a decision names a card that is there");
    };
    (card.pin_tries, card.pin_tries_end) = (change.pin_tries, change.pin_tries_end);
    card.atc = change.atc;
    card.blocks.lift_all(change.lift);
    card.blocks.set_all(change.set);
}

fn keep(state: &mut State, sequence: Sequence, hold: Option<HoldSlot>, scratch: &mut Scratch) {
    if let Some(mut row) = scratch.effects.keep.take() {
        if row.status == Status::Held {
            row.hold = hold;
        }
        state.transactions.push(row, scratch.moves.as_slice());
    }
    if let Some(tombstone) = scratch.effects.tombstone.take() {
        state.transactions.push(tombstone, &[]);
    }
    if let Some(root) = scratch.effects.chain_to {
        chain(state, root, sequence);
    }
}

fn chain(state: &mut State, root: Place, increment: Sequence) {
    if let Some(root) = state.transactions.get_mut(root) {
        root.chain = Some(increment);
    }
}
