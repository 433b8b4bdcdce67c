//! Card verification values and the values of 3-D Secure (SEC-1, SEC-4).

use crate::{Derivation, LoadedKey, SecurityError};
use core::fmt;
use payment_types::{ExpiryDate, Pan};

/// Whether a value that was given is the one that belongs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub enum Verification {
    /// It is.
    Right,
    /// It is not.
    Wrong,
}

impl From<subtle::Choice> for Verification {
    fn from(equal: subtle::Choice) -> Self {
        if bool::from(equal) { Self::Right } else { Self::Wrong }
    }
}

/// In which order a CVV2 takes the expiry date; both are in the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ExpiryOrder {
    /// As on the card's face.
    #[default]
    MonthYear,
    /// As on the track.
    YearMonth,
}

/// What a card verification value is made of, by kind.
#[derive(Clone, Copy)]
pub enum CardValueInput<'a> {
    /// CVV, CVC: on the magnetic stripe. Key `CardVerification`.
    Track {
        /// Card number.
        pan: &'a Pan,
        /// As on the track.
        expiry: ExpiryDate,
        /// Three ASCII digits, as on the track.
        service_code: [u8; 3],
    },
    /// iCVV, Chip CVC: in the track image of a chip (service code 999). Key `CardVerification`.
    Chip {
        /// Card number.
        pan: &'a Pan,
        /// As in the track image.
        expiry: ExpiryDate,
    },
    /// CVV2, CVC2: printed on the card (service code 000). Key `CardVerification`.
    Printed {
        /// Card number.
        pan: &'a Pan,
        /// The card's.
        expiry: ExpiryDate,
        /// How the issuer hashes it.
        order: ExpiryOrder,
    },
    /// dCVV of contactless magnetic stripe mode. Key `CardDynamic`.
    Dcvv {
        /// Card number.
        pan: &'a Pan,
        /// Card sequence number, 0 to 99.
        psn: u8,
        /// How the card's key comes from the issuer's.
        derivation: Derivation,
        /// As in the track data.
        expiry: ExpiryDate,
        /// Three ASCII digits.
        service_code: [u8; 3],
        /// The card's transaction counter; its last four digits take part.
        atc: u16,
    },
    /// CVC3 of contactless magnetic stripe mode. Key `CardDynamic`.
    Cvc3 {
        /// Card number.
        pan: &'a Pan,
        /// Card sequence number, 0 to 99.
        psn: u8,
        /// How the card's key comes from the issuer's.
        derivation: Derivation,
        /// The static part of the track data, as personalised, which the IVCVC3 is made of.
        track: &'a [u8],
        /// The unpredictable number, as the track carries it.
        unpredictable_number: u32,
        /// The card's transaction counter.
        atc: u16,
    },
}

impl fmt::Debug for CardValueInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Track { .. } => "CardValueInput(track, hidden)",
            Self::Chip { .. } => "CardValueInput(chip, hidden)",
            Self::Printed { .. } => "CardValueInput(printed, hidden)",
            Self::Dcvv { .. } => "CardValueInput(dCVV, hidden)",
            Self::Cvc3 { .. } => "CardValueInput(CVC3, hidden)",
        })
    }
}

/// The parts of a CAVV (20 bytes) that the check takes: authentication result code, second factor
/// code, CAVV output, unpredictable number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cavv {
    /// One ASCII digit.
    pub authentication_result: u8,
    /// Two ASCII digits.
    pub second_factor: [u8; 2],
    /// Three ASCII digits: the output to be verified.
    pub output: [u8; 3],
    /// Four ASCII digits that stand where a CVV has the expiry date.
    pub unpredictable_number: [u8; 4],
}

impl Cavv {
    /// From the 20 bytes: byte 1 authentication result code, 2 second factor code, 3 key index,
    /// 4–5 `0` and three digits of output, 6–7 unpredictable number, the rest tracking data.
    /// `None` if it has another length or something else than digits there.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [result, factor, _index, high, low, un_high, un_low, ..] = *bytes else { return None };
        let digit = |nibble: u8| (nibble < 10).then_some(b'0' | nibble);
        let pair = |byte: u8| Some([digit(byte >> 4)?, digit(byte & 0xF)?]);
        let [zero, output_1] = pair(high)?;
        let [output_2, output_3] = pair(low)?;
        let [un_1, un_2] = pair(un_high)?;
        let [un_3, un_4] = pair(un_low)?;
        let whole = bytes.len() == 20 && result < 10 && zero == b'0';
        whole.then_some(Self {
            authentication_result: b'0' | result,
            second_factor: pair(factor)?,
            output: [output_1, output_2, output_3],
            unpredictable_number: [un_1, un_2, un_3, un_4],
        })
    }
}

/// See the module.
pub trait CardValues {
    /// Whether `given` (ASCII digits: three, or three to five of a CVC3) is the value (SEC-1).
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`], [`SecurityError::Malformed`] for something else than digits
    /// or another number of them.
    fn verify_card_value(
        &self,
        key: &LoadedKey,
        input: &CardValueInput<'_>,
        given: &[u8],
    ) -> Result<Verification, SecurityError>;

    /// Whether the 20 bytes are a CAVV for this card (SEC-4). Key `CardholderAuthentication`.
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`], [`SecurityError::Malformed`].
    fn verify_cavv(
        &self,
        key: &LoadedKey,
        pan: &Pan,
        cavv: &[u8],
    ) -> Result<Verification, SecurityError>;

    /// Whether the 20 bytes are a SPA 1 AAV for this card (SEC-4). Key
    /// `AccountholderAuthentication`.
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`], [`SecurityError::Malformed`].
    fn verify_aav(
        &self,
        key: &LoadedKey,
        pan: &Pan,
        aav: &[u8],
    ) -> Result<Verification, SecurityError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cavv_is_taken_apart_or_refused() {
        let mut bytes = [0u8; 20];
        bytes[..7].copy_from_slice(&[0x05, 0x77, 0x01, 0x09, 0x55, 0x55, 0x23]);
        let cavv = Cavv::parse(&bytes).unwrap();
        assert_eq!((cavv.authentication_result, cavv.second_factor), (b'5', *b"77"));
        assert_eq!((cavv.output, cavv.unpredictable_number), (*b"955", *b"5523"));
        assert_eq!(Cavv::parse(&bytes[..19]), None);
        for (at, value) in [(0, 0x0A), (1, 0xA0), (3, 0x10), (4, 0x0F), (6, 0xF0)] {
            let mut bad = bytes;
            bad[at] = value;
            assert_eq!(Cavv::parse(&bad), None, "byte {at}");
        }
    }
}
