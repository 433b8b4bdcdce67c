//! A PIN in clear, and the test PIN that portfolios and simulators know.

use crate::bits::low_byte;
use core::fmt;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The most digits a PIN has (ISO 9564-1 8.1); the least is [`SHORTEST`].
pub(crate) const LONGEST: usize = 12;
/// The least digits a PIN has.
pub(crate) const SHORTEST: usize = 4;
/// What stands in [`Pin::digits`] after the last digit.
pub(crate) const FILL: u8 = 0xF;

/// A PIN in clear: digits as values, filled up with `F`. No `Debug`, no `Display`, no `Serialize`,
/// no `Clone`; wiped when dropped.
///
/// One taken out of a PIN block exists before it is known to be a PIN, so its "digits" may then be
/// any nibble; who made it says apart, as a [`Choice`], whether it is one.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Pin {
    pub(crate) digits: [u8; LONGEST],
    pub(crate) len: u8,
}

/// Not four to twelve digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a PIN has 4 to 12 digits")]
pub struct PinError;

impl Pin {
    /// From ASCII digits.
    ///
    /// # Errors
    /// [`PinError`] if they are not four to twelve digits.
    pub fn from_ascii(text: &[u8]) -> Result<Self, PinError> {
        let fits = (SHORTEST..=LONGEST).contains(&text.len());
        if !fits || !text.iter().all(u8::is_ascii_digit) {
            return Err(PinError);
        }
        let mut digits = [FILL; LONGEST];
        for (to, from) in digits.iter_mut().zip(text) {
            *to = from & 0xF;
        }
        Ok(Self { digits, len: low_byte(text.len()) })
    }

    /// From digits as values (0 to 9).
    ///
    /// # Errors
    /// [`PinError`] if they are not four to twelve digits.
    pub fn from_values(values: &[u8]) -> Result<Self, PinError> {
        let fits = (SHORTEST..=LONGEST).contains(&values.len());
        let all_digits = values.iter().fold(1, |good, value| good & u8::from(*value < 10));
        if !fits || all_digits == 0 {
            return Err(PinError);
        }
        let mut digits = [FILL; LONGEST];
        for (to, from) in digits.iter_mut().zip(values) {
            *to = *from;
        }
        Ok(Self { digits, len: low_byte(values.len()) })
    }

    /// The twelve places: digits as values, then `F`. Every call is a place a reviewer looks at.
    #[must_use]
    pub const fn expose_places(&self) -> &[u8; LONGEST] {
        &self.digits
    }

    /// How many of the places are digits.
    #[must_use]
    pub const fn expose_len(&self) -> u8 {
        self.len
    }

    /// Whether two PINs are the same, in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> Choice {
        self.digits.ct_eq(&other.digits) & self.len.ct_eq(&other.len)
    }
}

/// A PIN that is known in clear because it belongs to a test card. Never a cardholder's.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TestPin(Pin);

impl TestPin {
    /// From ASCII digits.
    ///
    /// # Errors
    /// [`PinError`] if they are not four to twelve digits.
    pub fn new(text: &str) -> Result<Self, PinError> {
        Pin::from_ascii(text.as_bytes()).map(Self)
    }

    /// As a PIN.
    #[must_use]
    pub const fn pin(&self) -> &Pin {
        &self.0
    }
}

impl fmt::Debug for TestPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestPin(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_pin() {
        for text in ["", "123", "1234567890123", "12A4", "12 4", "١٢٣٤"] {
            assert!(TestPin::new(text).is_err(), "{text:?}");
        }
        assert!(TestPin::new("0000").is_ok() && TestPin::new("123456789012").is_ok());
        assert!(Pin::from_values(&[1, 2, 3, 10]).is_err() && Pin::from_values(&[1; 3]).is_err());
    }

    #[test]
    fn the_same_digits_are_equal() {
        let pin = |text: &str| Pin::from_ascii(text.as_bytes()).unwrap();
        assert!(bool::from(pin("1234").ct_eq(&pin("1234"))));
        for other in ["12340", "1235", "0234"] {
            assert!(!bool::from(pin("1234").ct_eq(&pin(other))), "{other}");
        }
    }
}
