//! The primary account number (DE 2), which no code path can print.
//!
//! [`Pan`] has no `Display` and no `Serialize`; `Debug` masks. What may be stored is its keyed
//! digest ([`PanDigest`], made in `security`) and what may be seen is first six and last four
//! ([`MaskedPan`]) (PII-1).

use crate::Text;
use core::fmt;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A card number in clear, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Pan {
    digits: [u8; 19],
    len: u8,
}

/// Why a card number is refused. Never carries the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PanError {
    /// Shorter than 8 or longer than 19 digits (ISO/IEC 7812-1).
    #[error("a card number has 8 to 19 digits")]
    Length,
    /// Something else than a digit.
    #[error("a card number has digits only")]
    NotDigits,
}

impl Pan {
    /// From ASCII digits. The check digit is not looked at: whether it must be right is a rule.
    ///
    /// # Errors
    /// [`PanError`].
    pub fn from_ascii(text: &[u8]) -> Result<Self, PanError> {
        if !(8..=19).contains(&text.len()) {
            return Err(PanError::Length);
        }
        let mut digits = [0; 19];
        for (to, from) in digits.iter_mut().zip(text) {
            if !from.is_ascii_digit() {
                return Err(PanError::NotDigits);
            }
            *to = *from;
        }
        let len = u8::try_from(text.len()).map_err(|_| PanError::Length)?;
        Ok(Self { digits, len })
    }

    /// The ASCII digits in clear. Every call is a place a reviewer looks at: only cryptography and
    /// the wire may need it.
    #[must_use]
    pub fn expose_digits(&self) -> &[u8] {
        self.digits.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// First six and last four.
    #[must_use]
    pub fn masked(&self) -> MaskedPan {
        let digits = self.expose_digits();
        let mut shown = [b'*'; 19];
        let hide = 6..digits.len().saturating_sub(4);
        for (at, (to, from)) in shown.iter_mut().zip(digits).enumerate() {
            if digits.len() > 12 && !hide.contains(&at) {
                *to = *from;
            }
        }
        MaskedPan(Text::new(shown.get(..digits.len()).unwrap_or_default()).unwrap_or_default())
    }

    /// Whether the check digit is right (ISO/IEC 7812-1 annex B).
    #[must_use]
    pub fn has_valid_check_digit(&self) -> bool {
        let sum: u32 = self
            .expose_digits()
            .iter()
            .rev()
            .enumerate()
            .map(|(at, digit)| {
                let value = u32::from(digit.wrapping_sub(b'0'));
                match (at % 2, value) {
                    (0, value) => value,
                    (_, value) => value * 2 - if value > 4 { 9 } else { 0 },
                }
            })
            .sum();
        sum.is_multiple_of(10)
    }

    /// The first eight digits: the issuer's identification number of ISO/IEC 7812.
    #[must_use]
    pub fn leading(&self) -> u32 {
        u32::try_from(self.prefix(8)).unwrap_or_default()
    }

    /// The leading digits as a number, for finding the network by BIN.
    #[must_use]
    pub fn prefix(&self, count: usize) -> u64 {
        let digits = self.expose_digits().iter().take(count);
        digits.fold(0, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')))
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.masked(), f)
    }
}

/// A card number as people may see it: `941700******0016`. Numbers of 12 digits and fewer are
/// masked whole, since ten shown digits would leave too little to guess.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct MaskedPan(Text<19>);

impl MaskedPan {
    /// The masked text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for MaskedPan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for MaskedPan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A keyed one-way digest that stands for a card number in the core, the journal and every index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PanDigest([u8; 16]);

impl PanDigest {
    /// From the bytes of the keyed digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The first eight bytes as a number: already uniform, so an index needs no further hashing.
    #[must_use]
    pub const fn index_hash(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for PanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0;
        write!(f, "PanDigest({a:02x}{b:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_six_and_four() {
        let pan = Pan::from_ascii(b"9417000000000016").unwrap();
        assert_eq!(pan.masked().as_str(), "941700******0016");
        assert_eq!(format!("{pan:?}"), "941700******0016");
        assert_eq!(Pan::from_ascii(b"123456789012").unwrap().masked().as_str(), "************");
        assert_eq!(pan.prefix(4), 9417);
    }

    #[test]
    fn refuses_what_is_not_a_card_number() {
        assert_eq!(Pan::from_ascii(b"1234567"), Err(PanError::Length));
        assert_eq!(Pan::from_ascii(&[b'1'; 20]), Err(PanError::Length));
        assert_eq!(Pan::from_ascii(b"94170000000000A6"), Err(PanError::NotDigits));
    }

    #[test]
    fn checks_the_luhn_digit() {
        assert!(Pan::from_ascii(b"9417000000000016").unwrap().has_valid_check_digit());
        assert!(!Pan::from_ascii(b"9417000000000017").unwrap().has_valid_check_digit());
    }
}
