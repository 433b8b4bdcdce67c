//! The Visa PIN verification value: four digits that a card's record may carry instead of a PIN
//! (Visa PIN Security Program; the "ABA" method of HSM manuals).

use crate::pin::Pin;
use crate::{TdesKey, TestPin};
use core::fmt;
use payment_types::Pan;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Four decimal digits. With the key they narrow a PIN down, so they are handled as a secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Pvv([u8; 4]);

impl Pvv {
    /// The ASCII digits. Every call is a place a reviewer looks at.
    #[must_use]
    pub fn expose_digits(&self) -> [u8; 4] {
        self.0
    }

    pub(crate) fn ct_eq(&self, other: &[u8; 4]) -> Choice {
        self.0.ct_eq(other)
    }
}

impl fmt::Debug for Pvv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pvv(hidden)")
    }
}

/// The PVV of a test PIN. `pvki` is the key index, 0 to 9; of the PIN only the first four digits
/// count.
#[must_use]
pub fn visa_pvv(key: &TdesKey, pvki: u8, pan: &Pan, pin: &TestPin) -> Pvv {
    pvv_of(key, pvki, pan, &pin.0)
}

pub(crate) fn pvv_of(key: &TdesKey, pvki: u8, pan: &Pan, pin: &Pin) -> Pvv {
    let digits = pan.expose_digits().split_last().map_or(&[][..], |(_, rest)| rest);
    let skip = digits.len().saturating_sub(11);
    let account =
        digits.iter().skip(skip).fold(0, |field, digit| field << 4 | u64::from(digit & 0xF));
    let mut input = Zeroizing::new(account << 4 | u64::from(pvki & 0xF));
    for digit in pin.digits.iter().take(4) {
        *input = *input << 4 | u64::from(*digit);
    }
    let output = Zeroizing::new(u64::from_be_bytes(key.encrypt(input.to_be_bytes())));
    decimalize(*output)
}

/// The first four digits among the nibbles from left to right; if there are fewer, then the first
/// of `A`-`F`, less ten. Both passes always run over all nibbles.
fn decimalize(block: u64) -> Pvv {
    let mut found = 0u64;
    let mut count = 0u64;
    for letters in [0u64, 1] {
        for at in (0..16).rev() {
            let nibble = block >> (4 * at) & 0xF;
            let is_letter = (nibble + 6) >> 4;
            let wanted = (is_letter ^ letters ^ 1) & (count.wrapping_sub(4) >> 63);
            let value = nibble - 10 * is_letter;
            let mask = wanted.wrapping_neg();
            found = (found & !mask) | ((found << 4 | value) & mask);
            count += wanted;
        }
    }
    let [.., high, low] = found.to_be_bytes();
    Pvv([high >> 4, high & 0xF, low >> 4, low & 0xF].map(|digit| digit | b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_serve_only_when_digits_run_out() {
        for (block, digits) in [
            (0x1234_5678_9012_3456, b"1234"),
            (0xABCD_EF12_ABCD_EF34, b"1234"),
            (0xABCD_EF12_ABCD_EFA3, b"1230"),
            (0xAFCD_EFBB_ABCD_EFAA, b"0523"),
            (0xFFFF_FFFF_FFFF_FFF9, b"9555"),
        ] {
            assert_eq!(&decimalize(block).expose_digits(), digits, "{block:X}");
        }
    }
}
