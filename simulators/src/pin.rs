//! PINs as test cardholders type them, and the blocks a terminal's PIN pad makes of them.
//!
//! The arithmetic is `cryptography`'s; a simulator only says which PIN, which card and which key.
//! Neither a PIN nor a key can be printed from here.

use crate::SimError;
use cryptography::pin_block::{PinBlockFormat, encode};
use cryptography::{ClearKey, KeyError, Pin, TdesKey};
use payment_types::Pan;
use std::fmt;
use std::sync::Arc;

/// What a cardholder types. Not checked: typing nonsense is something to simulate too.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedPin(Box<str>);

impl TypedPin {
    /// These keystrokes.
    #[must_use]
    pub fn new(digits: &str) -> Self {
        Self(digits.into())
    }

    /// Another PIN of the same length: for showing what a wrong one does.
    #[must_use]
    pub fn wrong(&self) -> Self {
        let other = |digit: char| if digit == '9' { '1' } else { '9' };
        Self(self.0.chars().map(other).collect::<String>().into())
    }

    /// A PIN one might choose next: every digit one higher.
    #[must_use]
    pub fn next(&self) -> Self {
        let other = |digit: char| {
            digit
                .to_digit(10)
                .map_or(digit, |value| char::from_digit((value + 1) % 10, 10).unwrap_or(digit))
        };
        Self(self.0.chars().map(other).collect::<String>().into())
    }
}

impl TypedPin {
    /// What is typed.
    pub(crate) fn keystrokes(&self) -> &str {
        &self.0
    }

    /// The digits as a PIN.
    ///
    /// # Errors
    /// [`SimError::PinBlock`] for other than 4 to 12 digits.
    pub(crate) fn pin(&self) -> Result<Pin, SimError> {
        Pin::from_ascii(self.0.as_bytes()).map_err(|error| SimError::PinBlock(error.to_string()))
    }
}

impl fmt::Debug for TypedPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedPin(hidden)")
    }
}

/// A terminal's PIN key, shared by all terminals that have the same one.
#[derive(Debug, Clone)]
pub struct PinKey(Arc<TdesKey>);

impl PinKey {
    /// The ISO 9564-1 format 0 block of a typed PIN.
    ///
    /// # Errors
    /// [`SimError::PinBlock`] for a PIN of other than 4 to 12 digits.
    pub fn block(&self, typed: &TypedPin, pan: &Pan) -> Result<[u8; 8], SimError> {
        let clear = encode(PinBlockFormat::Iso0, &typed.pin()?, pan, &[]);
        let clear = clear.map_err(|error| SimError::PinBlock(error.to_string()))?;
        Ok(self.0.encrypt(*clear))
    }

    /// Whether both are one key, as [`KeyRing`] hands them out.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The distinct keys met so far, so that a thousand terminals with one key keep it once.
#[derive(Default)]
pub struct KeyRing(Vec<(ClearKey, PinKey)>);

impl KeyRing {
    /// The key written as hex digits.
    ///
    /// # Errors
    /// [`SimError::PinBlock`] saying what is wrong with it.
    pub fn key(&mut self, hex_digits: &str) -> Result<PinKey, SimError> {
        let bad = |error: KeyError| SimError::PinBlock(error.to_string());
        let clear = ClearKey::from_hex(hex_digits).map_err(bad)?;
        if let Some((_, key)) = self.0.iter().find(|(known, _)| *known == clear) {
            return Ok(key.clone());
        }
        let key = PinKey(Arc::new(TdesKey::new(&clear).map_err(bad)?));
        self.0.push((clear, key.clone()));
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789ABCDEFFEDCBA9876543210";

    #[test]
    fn blocks_are_of_eight_bytes_under_the_key_and_bound_to_the_card() {
        let mut ring = KeyRing::default();
        let key = ring.key(KEY).unwrap();
        assert!(key.is(&ring.key(&KEY.to_lowercase()).unwrap()));
        let card = |digits: &[u8]| Pan::from_ascii(digits).unwrap();
        let (one, two) = (card(b"9417000000000016"), card(b"9417000000000024"));
        let pin = TypedPin::new("1234");
        let block = key.block(&pin, &one).unwrap();
        assert_ne!(block, key.block(&pin, &two).unwrap());
        assert_ne!(block, key.block(&pin.wrong(), &one).unwrap());
        assert_eq!(block, key.block(&pin, &one).unwrap());
    }

    #[test]
    fn nonsense_is_refused_in_words_and_never_shown() {
        let mut ring = KeyRing::default();
        assert!(ring.key("0123").is_err() && ring.key("zz").is_err());
        let card = Pan::from_ascii(b"9417000000000016").unwrap();
        let error = ring.key(KEY).unwrap().block(&TypedPin::new("12"), &card).unwrap_err();
        assert_eq!(error.to_string(), "no PIN block: a PIN has 4 to 12 digits");
        assert_eq!(format!("{:?}", TypedPin::new("1234")), "TypedPin(hidden)");
    }
}
