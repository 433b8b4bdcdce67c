//! PIN changes that may still be taken back (PIN-4): what a card's PIN was checked against before
//! its last change.

use crate::directory::at;
use crate::{NewPin, PinReferenceBytes, State};
use payment_types::{BusinessDate, Sequence};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The last change of each card that had one in the last days, by the card's position.
pub(crate) type PinChanges = BTreeMap<u32, PinChange>;

/// The last change of a card's PIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PinChange {
    /// The transaction that changed it.
    pub(crate) by: Sequence,
    /// On which day.
    date: BusinessDate,
    /// What it was checked against before.
    former: PinReferenceBytes,
}

/// What a decision does to a card's PIN.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PinStep {
    /// A new one.
    Set(NewPin),
    /// The one before the last change.
    Restore,
}

impl State {
    /// Whether a transaction made the last change of a card's PIN, so that its reversal takes it
    /// back. One that is followed by another change stays: nobody's newer PIN is lost.
    pub(crate) fn changed_pin_last(&self, card: u32, by: Sequence) -> bool {
        self.pin_changes.get(&card).is_some_and(|change| change.by == by)
    }

    pub(crate) fn step_pin(&mut self, card: u32, step: PinStep, now: (Sequence, BusinessDate)) {
        let changes = &mut self.pin_changes;
        let Some(row) = self.cards.get_mut(at(card)) else {
            unreachable!("a decision names a card that is there");
        };
        match step {
            PinStep::Set(new) => {
                let former = std::mem::replace(&mut row.pin_reference, new.reference());
                changes.insert(card, PinChange { by: now.0, date: now.1, former });
            }
            PinStep::Restore => {
                if let Some(change) = changes.remove(&card) {
                    row.pin_reference = change.former;
                }
            }
        }
    }

    /// What can't be reversed any more needs no way back.
    pub(crate) fn forget_pin_changes(&mut self, oldest: BusinessDate) {
        self.pin_changes.retain(|_, change| change.date >= oldest);
    }
}
