//! What a message of a load proves itself with: a chip's cryptogram of its own, and a MAC.
//!
//! Made for every message as it is sent, since a host refuses a cryptogram or a counter it has seen;
//! the keys of the cards are derived once, before the load begins.

use super::cards::Cards;
use crate::SimError;
use crate::card::{ChipRecord, IccFields, bcd, cryptogram_over};
use crate::device::MessageKeys;
use emv::{IccData, Tag};
use std::ops::Range;
use std::sync::Arc;

/// A MAC as DE 64 or DE 128 carries it.
const MAC_LEN: usize = 8;

/// Where in a frame a chip's data stand that differ from one message to the next.
pub(super) struct ChipPlaces {
    cryptogram: Range<usize>,
    counter: Range<usize>,
    unpredictable: Range<usize>,
    amount: Range<usize>,
    fields: IccFields,
}

impl ChipPlaces {
    /// From the sample's DE 55 as it stands in the frame, from `at` on.
    ///
    /// # Errors
    /// [`SimError::Setting`] for a dialect that does not carry DE 55 as it is.
    pub(super) fn of(record: &ChipRecord, raw: &[u8], at: usize) -> Result<Self, SimError> {
        let text = "a load with chips needs a dialect whose DE 55 is binary";
        let not_binary = || SimError::Setting(text.to_owned());
        let data = IccData::parse(raw).map_err(|_| not_binary())?;
        let place = |number: u32| {
            let value = data.find(Tag::new(number)?)?;
            let from = value.as_ptr().addr().checked_sub(raw.as_ptr().addr())? + at;
            Some(from..from + value.len())
        };
        Ok(Self {
            cryptogram: place(0x9F26).ok_or_else(not_binary)?,
            counter: place(0x9F36).ok_or_else(not_binary)?,
            unpredictable: place(0x9F37).ok_or_else(not_binary)?,
            amount: place(0x9F02).ok_or_else(not_binary)?,
            fields: record.fields().clone(),
        })
    }

    /// Signs the message for a card.
    pub(super) fn write(
        &self,
        frame: &mut [u8],
        cards: &Cards,
        (card, amount, unpredictable): (usize, u64, u32),
    ) {
        let Some((version, key, counter)) = cards.chip(card) else { return };
        let mut fields = self.fields.clone();
        fields.amount = bcd(amount);
        fields.atc = counter.to_be_bytes();
        fields.unpredictable = unpredictable.to_be_bytes();
        let Ok(cryptogram) = cryptogram_over(version, key, &fields) else { return };
        for (place, value) in [
            (&self.cryptogram, &cryptogram[..]),
            (&self.counter, &fields.atc),
            (&self.unpredictable, &fields.unpredictable),
            (&self.amount, &fields.amount),
        ] {
            if let Some(to) = frame.get_mut(place.clone()) {
                to.copy_from_slice(value);
            }
        }
    }
}

/// Where in a frame the message begins and its MAC stands, and the keys it is made with.
pub(super) struct Seal {
    pub(super) body_at: usize,
    pub(super) keys: Arc<MessageKeys>,
}

impl Seal {
    /// The MAC over all that stands before it, at the end of the frame.
    pub(super) fn write(&self, frame: &mut [u8]) {
        let Some(at) = frame.len().checked_sub(MAC_LEN) else { return };
        let (signed, place) = frame.split_at_mut(at);
        let mac = self.keys.request_mac(signed.get(self.body_at..).unwrap_or_default());
        // That the key suits was seen when the template was made.
        place.copy_from_slice(&mac.unwrap_or_default());
    }
}
