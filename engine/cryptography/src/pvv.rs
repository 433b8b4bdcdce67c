//! The Visa PIN verification value: four digits that a card's record may carry instead of a PIN
//! (Visa PIN Security Program; the "ABA" method of HSM manuals).
//!
//! [`input`] and [`from_block`] are the halves around the one encryption, for keys that live in an
//! HSM; [`pvv`] is the whole.

use crate::bits::{decimalize, nibbles};
use crate::{Malformed, Pin, TdesKey};
use core::fmt;
use payment_types::Pan;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Four decimal digits. With the key they narrow a PIN down, so they are handled as a secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Pvv([u8; 4]);

impl Pvv {
    /// From four ASCII digits.
    ///
    /// # Errors
    /// [`Malformed`] if they are anything else.
    pub fn from_ascii(digits: &[u8]) -> Result<Self, Malformed> {
        let error = Malformed("PVV");
        let digits: [u8; 4] = digits.try_into().map_err(|_| error)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(error);
        }
        Ok(Self(digits))
    }

    /// The ASCII digits. Every call is a place a reviewer looks at.
    #[must_use]
    pub const fn expose_digits(&self) -> [u8; 4] {
        self.0
    }

    /// Whether it is these ASCII digits, in constant time.
    #[must_use]
    pub fn ct_eq(&self, other: &[u8; 4]) -> Choice {
        self.0.ct_eq(other)
    }
}

impl fmt::Debug for Pvv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pvv(hidden)")
    }
}

/// The PVV of a PIN. `pvki` is the key index, 0 to 9; of the PIN only the first four digits count.
#[must_use]
pub fn pvv(key: &TdesKey, pvki: u8, pan: &Pan, pin: &Pin) -> Pvv {
    from_block(key.encrypt(*input(pvki, pan, pin)))
}

/// What is encrypted under the PIN verification key: the eleven rightmost digits of the card
/// number before its check digit, the key index, four digits of the PIN.
#[must_use]
pub fn input(pvki: u8, pan: &Pan, pin: &Pin) -> Zeroizing<[u8; 8]> {
    let digits = pan.expose_digits().split_last().map_or(&[][..], |(_, rest)| rest);
    let skip = digits.len().saturating_sub(11);
    let account =
        digits.iter().skip(skip).fold(0, |field, digit| field << 4 | u64::from(digit & 0xF));
    let mut input = Zeroizing::new(account << 4 | u64::from(pvki & 0xF));
    for digit in pin.digits.iter().take(4) {
        *input = *input << 4 | u64::from(*digit & 0xF);
    }
    Zeroizing::new(input.to_be_bytes())
}

/// The PVV in what came out of the encryption.
#[must_use]
pub fn from_block(block: [u8; 8]) -> Pvv {
    let block = Zeroizing::new(block);
    Pvv(decimalize::<4>(nibbles(&*block)).map(|digit| digit | b'0'))
}
