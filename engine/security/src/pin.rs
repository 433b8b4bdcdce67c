//! A PIN in clear, which lives only inside this crate, and the test PIN that portfolios and
//! simulators know.

use core::fmt;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The most digits a PIN has (ISO 9564-1 8.1); the least is [`SHORTEST`].
pub(crate) const LONGEST: usize = 12;
/// The least digits a PIN has.
pub(crate) const SHORTEST: usize = 4;
/// What stands in [`Pin::digits`] after the last digit.
pub(crate) const FILL: u8 = 0xF;

/// Digits as values, filled up with [`FILL`]. Made from a decrypted block before it is known to be
/// one, so the "digits" may be any nibble; the maker says apart whether they are a PIN.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Pin {
    pub(crate) digits: [u8; LONGEST],
    pub(crate) len: u8,
}

/// A PIN that is known in clear because it belongs to a test card. Never a cardholder's.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TestPin(pub(crate) Pin);

/// Not four to twelve digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a PIN has 4 to 12 digits")]
pub struct TestPinError;

impl TestPin {
    /// From ASCII digits.
    ///
    /// # Errors
    /// [`TestPinError`] if they are not four to twelve digits.
    pub fn new(text: &str) -> Result<Self, TestPinError> {
        let text = text.as_bytes();
        let fits = (SHORTEST..=LONGEST).contains(&text.len());
        if !fits || !text.iter().all(u8::is_ascii_digit) {
            return Err(TestPinError);
        }
        let mut digits = [FILL; LONGEST];
        for (to, from) in digits.iter_mut().zip(text) {
            *to = from & 0xF;
        }
        let len = u8::try_from(text.len()).map_err(|_| TestPinError)?;
        Ok(Self(Pin { digits, len }))
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
    }
}
