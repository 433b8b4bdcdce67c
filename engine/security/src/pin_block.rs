//! PIN blocks (ISO 9564-1 9.3): a PIN mixed with the card number, under a terminal's key.
//!
//! Format 0: `0`, the PIN's length, its digits, `F` up to eight bytes; XORed with four zeros and
//! the twelve rightmost digits of the card number without its check digit.
//!
//! Taking a block apart does the same work whatever is inside it: no branch and no table depends on
//! the clear block.

use crate::pin::{FILL, LONGEST, Pin, SHORTEST};
use crate::{SecurityError, TdesKey, TestPin};
use core::fmt;
use payment_types::Pan;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// How the PIN is laid out in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinBlockFormat {
    /// ISO 9564-1 format 0, the same as ANSI X9.8.
    Iso0,
    /// Format 1: without the card number.
    Iso1,
    /// Format 2: to and in chips only.
    Iso2,
    /// Format 3: as 0, with random fill.
    Iso3,
    /// Format 4: sixteen bytes under AES.
    Iso4,
}

/// An encrypted PIN block, as DE 52 carries it.
#[derive(Clone, Copy)]
pub struct PinBlock([u8; 8]);

impl PinBlock {
    /// From the eight bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// From a slice, as a message gives it.
    ///
    /// # Errors
    /// [`SecurityError::Malformed`] if it is not eight bytes long.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, SecurityError> {
        bytes.try_into().map(Self).map_err(|_| SecurityError::Malformed("PIN block"))
    }

    /// The encrypted bytes, to be put into a message.
    #[must_use]
    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl fmt::Debug for PinBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinBlock(hidden)")
    }
}

/// Makes a format 0 block under a terminal's key: what a PIN pad does, for simulators and tests.
#[must_use]
pub fn encrypt_pin_block_iso0(pin: &TestPin, pan: &Pan, key: &TdesKey) -> PinBlock {
    let mut block = u64::from(pin.0.len);
    for digit in &pin.0.digits {
        block = block << 4 | u64::from(*digit);
    }
    let clear = Zeroizing::new((block << 8 | 0xFF) ^ pan_field(pan));
    PinBlock(key.encrypt(clear.to_be_bytes()))
}

/// Takes a decrypted format 0 block apart, and tells whether it is one.
pub(crate) fn decode_iso0(clear: [u8; 8], pan: &Pan) -> (Pin, Choice) {
    let block = Zeroizing::new(u64::from_be_bytes(clear) ^ pan_field(pan));
    let len = nibble(*block, 1);
    let mut bad = nibble(*block, 0);
    bad |= less(len, as_nibble(SHORTEST)) | less(as_nibble(LONGEST), len);
    let mut digits = [FILL; LONGEST];
    for (at, place) in digits.iter_mut().enumerate() {
        *place = nibble(*block, at + 2);
        let inside = less(as_nibble(at), len);
        let not_digit = less(9, *place);
        let outside_mask = inside.wrapping_sub(1);
        bad |= (inside & not_digit) | (outside_mask & (*place ^ FILL));
    }
    // Twelve digits at most, so the last byte is always fill.
    bad |= (nibble(*block, 14) ^ FILL) | (nibble(*block, 15) ^ FILL);
    (Pin { digits, len }, bad.ct_eq(&0))
}

/// Four zeros and the twelve rightmost digits before the check digit; a shorter number is filled
/// up with zeros on the left.
fn pan_field(pan: &Pan) -> u64 {
    let digits = pan.expose_digits().split_last().map_or(&[][..], |(_, rest)| rest);
    let skip = digits.len().saturating_sub(12);
    digits.iter().skip(skip).fold(0, |field, digit| field << 4 | u64::from(digit & 0xF))
}

/// The nibble at a place from 0 (leftmost) to 15.
fn nibble(block: u64, at: usize) -> u8 {
    let [byte, ..] = (block >> (60 - 4 * at)).to_le_bytes();
    byte & 0xF
}

/// 1 if `a < b`, else 0, for values below 128, without a branch.
fn less(a: u8, b: u8) -> u8 {
    a.wrapping_sub(b) >> 7
}

fn as_nibble(count: usize) -> u8 {
    let [byte, ..] = count.to_le_bytes();
    byte & 0xF
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(clear: &str, pan: &str) -> Option<Vec<u8>> {
        let pan = Pan::from_ascii(pan.as_bytes()).unwrap();
        let clear = hex::decode(clear).unwrap().try_into().unwrap();
        let (pin, good) = decode_iso0(clear, &pan);
        bool::from(good).then(|| pin.digits[..usize::from(pin.len)].to_vec())
    }

    #[test]
    fn the_standards_layout() {
        // 043219FFFFFFFFFF xor 0000333333333333 (the digits before the check digit).
        assert_eq!(decode("0432 2ACC CCCC CCCC".replace(' ', "").as_str(), "3333333333333"), {
            Some(vec![3, 2, 1, 9])
        });
        let twelve = decode("0C123456789012FF", "00000000").unwrap();
        assert_eq!(twelve, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]);
    }

    #[test]
    fn refuses_each_part_that_is_wrong() {
        let zeros = "0000000000000000";
        assert!(decode("041234FFFFFFFFFF", zeros).is_some());
        for (block, why) in [
            ("141234FFFFFFFFFF", "control"),
            ("F41234FFFFFFFFFF", "control"),
            ("03123FFFFFFFFFFF", "too short"),
            ("00FFFFFFFFFFFFFF", "empty"),
            ("0D1234567890123F", "too long"),
            ("0F12345678901234", "too long"),
            ("0412A4FFFFFFFFFF", "digit"),
            ("04123FFFFFFFFFFF", "digit"),
            ("0412345FFFFFFFFF", "fill"),
            ("041234FFFFFFFFFE", "fill at the end"),
            ("041234FFFFFFFF0F", "fill at the end"),
            ("0000000000000000", "zeros"),
        ] {
            assert!(decode(block, zeros).is_none(), "{why}: {block}");
        }
    }

    #[test]
    fn another_cards_block_is_refused() {
        assert!(decode("041234FFFFFFFFFF", "0000000100000000").is_none());
    }

    #[test]
    fn refuses_other_lengths() {
        assert!(PinBlock::from_slice(&[0; 7]).is_err());
        assert!(PinBlock::from_slice(&[0; 9]).is_err());
    }
}
