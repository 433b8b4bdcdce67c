//! Identifiers that messages carry and the engine makes.

use crate::{Mti, Text, WireDateTime};
use core::fmt;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An identifier is of the wrong length or alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a valid {0}")]
pub struct IdError(pub &'static str);

/// The place of a command in the shard's journal; strictly rising, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Sequence(pub u64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// DE 11, the systems trace audit number: six digits, unique per terminal and day, not globally.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Stan(u32);

impl Stan {
    /// From a number of at most six digits.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number <= 999_999 { Some(Self(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// DE 37, the retrieval reference number: up to 12 printable characters, blanks at the end cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Rrn(Text<12>);

impl Rrn {
    /// From the characters of DE 37.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii_end();
        Text::new(text).filter(|text| !text.is_empty()).map(Self)
    }

    /// The number an engine makes where the request has none: twelve digits of the sequence.
    #[must_use]
    pub fn from_sequence(sequence: Sequence) -> Self {
        let mut digits = [b'0'; 12];
        let mut rest = sequence.0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0'.wrapping_add(u8::try_from(rest % 10).unwrap_or_default());
            rest /= 10;
        }
        Self(Text::new(&digits).unwrap_or_default())
    }

    /// The characters, without padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The characters, without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// DE 41, the card acceptor terminal identification: up to 8 characters, blanks at the end cut.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct TerminalId(Text<8>);

impl TerminalId {
    /// From the characters of DE 41.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii_end();
        Text::new(text).filter(|text| !text.is_empty()).map(Self)
    }

    /// The characters, without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// DE 42, the card acceptor identification: up to 15 characters, blanks at the end cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct AcceptorId(Text<15>);

impl AcceptorId {
    /// From the characters of DE 42.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        Text::new(text.trim_ascii_end()).map(Self)
    }

    /// The characters, without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// DE 32, DE 33: an institution identification of at most eleven digits; 0 where absent.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct AcquirerId(pub u64);

/// DE 18.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct MerchantCategoryCode(pub u16);

/// DE 38, the authorization identification response: six characters of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuthorizationCode(Text<6>);

impl AuthorizationCode {
    const ALPHABET: &'static [u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTUVWX";

    /// The code of an approval: derived from the sequence, so that a replay makes the same one, and
    /// spread by an odd multiplier, so that neighbours do not look alike. It repeats after 2^30.
    #[must_use]
    pub fn from_sequence(sequence: Sequence) -> Self {
        let mut rest = sequence.0.wrapping_mul(0x2545_F491);
        let mut code = [b'0'; 6];
        for place in code.iter_mut().rev() {
            let digit = usize::try_from(rest & 31).unwrap_or_default();
            *place = *Self::ALPHABET.get(digit).unwrap_or(&b'0');
            rest >>= 5;
        }
        Self(Text::new(&code).unwrap_or_default())
    }

    /// The sequence that [`Self::from_sequence`] made the code of, modulo 2^30; `None` for a code
    /// that is none of ours.
    #[must_use]
    pub fn sequence_remainder(&self) -> Option<u64> {
        // The multiplier's inverse modulo 2^30.
        const INVERSE: u64 = 0x1444C71;
        let digits = <&[u8; 6]>::try_from(self.0.as_bytes()).ok()?;
        let spread = digits.iter().try_fold(0u64, |spread, byte| {
            let digit = Self::ALPHABET.iter().position(|known| known == byte)?;
            Some(spread << 5 | u64::try_from(digit).ok()?)
        })?;
        Some(spread.wrapping_mul(INVERSE) & ((1 << 30) - 1))
    }

    /// From the characters of DE 38.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        Text::new(text.trim_ascii_end()).filter(|text| !text.is_empty()).map(Self)
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// DE 90: which message a reversal or a completion is about. Zero means "not told".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalDataElements {
    /// The original's MTI.
    pub mti: Mti,
    /// Its STAN.
    pub stan: Stan,
    /// Its DE 7.
    pub transmission: WireDateTime,
    /// Its DE 32.
    pub acquirer: AcquirerId,
    /// Its DE 33.
    pub forwarding: AcquirerId,
}

impl OriginalDataElements {
    /// Reads the 42 digits: MTI 4, STAN 6, DE 7 10, DE 32 11, DE 33 11.
    ///
    /// # Errors
    /// [`IdError`] if they are not 42 digits. Eleven-digit places may hold blanks for "not told".
    pub fn parse(text: &[u8]) -> Result<Self, IdError> {
        let error = IdError("DE 90");
        let number = |from: usize, to: usize| -> Result<u64, IdError> {
            let digits = text.get(from..to).ok_or(error)?;
            digits.iter().try_fold(0u64, |number, byte| match byte {
                b'0'..=b'9' => Ok(number * 10 + u64::from(byte - b'0')),
                b' ' => Ok(number * 10),
                _ => Err(error),
            })
        };
        if text.len() != 42 {
            return Err(error);
        }
        let mti = text.get(..4).and_then(|mti| core::str::from_utf8(mti).ok()).ok_or(error)?;
        let small = |number: u64| u32::try_from(number).map_err(|_| error);
        Ok(Self {
            mti: Mti::parse(mti).map_err(|_| error)?,
            stan: Stan::new(small(number(4, 10)?)?).ok_or(error)?,
            transmission: WireDateTime::from_number(number(10, 20)?).ok_or(error)?,
            acquirer: AcquirerId(number(20, 31)?),
            forwarding: AcquirerId(number(31, 42)?),
        })
    }
}

impl fmt::Display for OriginalDataElements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{:06}{:010}{:011}{:011}",
            self.mti,
            self.stan.number(),
            self.transmission.number(),
            self.acquirer.0,
            self.forwarding.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn original_data_elements_round_trip() {
        let text = "020012345611211430150000012345600000000000";
        let original = OriginalDataElements::parse(text.as_bytes()).unwrap();
        assert_eq!(original.stan.number(), 123_456);
        assert_eq!(original.acquirer, AcquirerId(123_456));
        assert_eq!(original.to_string(), text);
        for bad in ["", "0200123456", "02X012345611211430150000012345600000000000"] {
            assert!(OriginalDataElements::parse(bad.as_bytes()).is_err());
        }
    }

    #[test]
    fn made_identifiers_have_the_right_shape() {
        assert_eq!(Rrn::from_sequence(Sequence(42)).as_str(), "000000000042");
        let codes: Vec<_> = (1..5).map(|n| AuthorizationCode::from_sequence(Sequence(n))).collect();
        for sequence in [1, 2, 77, (1 << 30) - 1, 5 << 30] {
            let code = AuthorizationCode::from_sequence(Sequence(sequence));
            assert_eq!(code.sequence_remainder(), Some(sequence % (1 << 30)));
        }
        assert_eq!(AuthorizationCode::new(b"ZZZZZZ").unwrap().sequence_remainder(), None);
        assert!(codes.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(codes.iter().all(|code| code.as_str().len() == 6));
        assert_eq!(TerminalId::new(b"POS1    ").unwrap().as_str(), "POS1");
        assert_eq!(TerminalId::new(b"        "), None);
    }
}
