//! What a customer's key seals: his details and the numbers of his cards.

use crate::key::context;
use crate::{CustomerKey, PersonalError};
use core::fmt;
use payment_types::Pan;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Two digits a byte, filled up with F, so that all card numbers are equally long when sealed.
const PAN_BYTES: usize = 10;
const FILL: u8 = 0xF;

/// A customer's name and telephone number in clear, wiped when dropped; `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Details {
    /// The name; may be empty.
    pub name: String,
    /// The telephone number; may be empty.
    pub phone: String,
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Details(hidden)")
    }
}

impl CustomerKey {
    /// Seals what is known of the customer with this id.
    ///
    /// # Errors
    /// [`PersonalError::Sealed`] for a name too long to be one.
    pub fn seal_details(
        &self,
        customer: &str,
        details: &Details,
    ) -> Result<Vec<u8>, PersonalError> {
        let Details { name, phone } = details;
        let length = u16::try_from(name.len()).map_err(|_| PersonalError::Sealed)?;
        let mut plain = Zeroizing::new(Vec::with_capacity(2 + name.len() + phone.len()));
        plain.extend_from_slice(&length.to_le_bytes());
        plain.extend_from_slice(name.as_bytes());
        plain.extend_from_slice(phone.as_bytes());
        self.seal(&context("details", customer), &plain)
    }

    /// What [`Self::seal_details`] sealed.
    ///
    /// # Errors
    /// [`PersonalError::Sealed`] if it is another's or damaged.
    pub fn open_details(&self, customer: &str, sealed: &[u8]) -> Result<Details, PersonalError> {
        let plain = self.open(&context("details", customer), sealed)?;
        let parts = plain.split_first_chunk::<2>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
        });
        let (name, phone) = parts.ok_or(PersonalError::Sealed)?;
        let text = |bytes: &[u8]| {
            core::str::from_utf8(bytes).map(str::to_owned).map_err(|_| PersonalError::Sealed)
        };
        Ok(Details { name: text(name)?, phone: text(phone)? })
    }

    /// Seals the number of the card with this id (PII-1).
    ///
    /// # Errors
    /// Never for a card number; the type allows for it.
    pub fn seal_pan(&self, card: &str, pan: &Pan) -> Result<Vec<u8>, PersonalError> {
        let mut plain = Zeroizing::new([FILL << 4 | FILL; PAN_BYTES]);
        for (to, pair) in plain.iter_mut().zip(pan.expose_digits().chunks(2)) {
            let digit = |at: usize| pair.get(at).map_or(FILL, |digit| digit & 0xF);
            *to = digit(0) << 4 | digit(1);
        }
        self.seal(&context("pan", card), &*plain)
    }

    /// The number that [`Self::seal_pan`] sealed.
    ///
    /// # Errors
    /// [`PersonalError::Sealed`] if it is another card's or damaged.
    pub fn open_pan(&self, card: &str, sealed: &[u8]) -> Result<Pan, PersonalError> {
        let plain = self.open(&context("pan", card), sealed)?;
        let mut digits = Zeroizing::new(Vec::with_capacity(PAN_BYTES * 2));
        let halves = plain.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
        digits.extend(halves.take_while(|half| *half != FILL).map(|half| half | b'0'));
        Pan::from_ascii(&digits).map_err(|_| PersonalError::Sealed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pan(digits: &str) -> Pan {
        Pan::from_ascii(digits.as_bytes()).unwrap()
    }

    #[test]
    fn details_open_for_their_customer_only() {
        let (key, other) = (CustomerKey::random().unwrap(), CustomerKey::random().unwrap());
        for (name, phone) in [("Айгүл Т.", "+996555000001"), ("", ""), ("", "+1"), ("x", "")]
        {
            let details = Details { name: name.into(), phone: phone.into() };
            let sealed = key.seal_details("C1", &details).unwrap();
            assert_eq!(key.open_details("C1", &sealed).unwrap(), details);
            assert!(key.open_details("C2", &sealed).is_err(), "another customer");
            assert!(other.open_details("C1", &sealed).is_err(), "another key");
            for at in 0..sealed.len() {
                let mut changed = sealed.clone();
                *changed.get_mut(at).unwrap() ^= 1;
                assert!(key.open_details("C1", &changed).is_err(), "byte {at} changed");
            }
        }
        let long = Details { name: "n".repeat(70_000), phone: String::new() };
        assert!(key.seal_details("C1", &long).is_err());
    }

    #[test]
    fn card_numbers_of_every_length_come_back_and_look_alike() {
        let key = CustomerKey::random().unwrap();
        for length in 8..=19 {
            let digits: String = "9417000000000009123".chars().take(length).collect();
            let sealed = key.seal_pan("K1", &pan(&digits)).unwrap();
            assert_eq!(sealed.len(), 26);
            assert_eq!(key.open_pan("K1", &sealed).unwrap(), pan(&digits));
            assert!(key.open_pan("K2", &sealed).is_err(), "another card");
            let as_details = key.open_details("K1", &sealed);
            assert!(as_details.is_err(), "another kind");
        }
    }

    #[test]
    fn nothing_shows_in_debug() {
        let details = Details { name: "Aigul".into(), phone: "+996".into() };
        assert_eq!(format!("{details:?}"), "Details(hidden)");
        assert_eq!(format!("{:?}", CustomerKey::random().unwrap()), "CustomerKey(hidden)");
    }
}
