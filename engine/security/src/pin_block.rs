//! An encrypted PIN block on its way, and what a PIN pad does, for simulators and tests.

use crate::SecurityError;
use core::fmt;
use cryptography::{PinBlockFormat, Pvv, TdesKey, TestPin, pin_block, pvv};
use payment_types::Pan;

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
    // Format 0 needs no fill, so there is always a block.
    let clear = pin_block::encode(PinBlockFormat::Iso0, pin.pin(), pan, &[]).unwrap_or_default();
    PinBlock(key.encrypt(*clear))
}

/// The PVV of a test PIN. `pvki` is the key index, 0 to 9; of the PIN only the first four digits
/// count.
#[must_use]
pub fn visa_pvv(key: &TdesKey, pvki: u8, pan: &Pan, pin: &TestPin) -> Pvv {
    pvv::pvv(key, pvki, pan, pin.pin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_other_lengths() {
        assert!(PinBlock::from_slice(&[0; 7]).is_err());
        assert!(PinBlock::from_slice(&[0; 9]).is_err());
    }
}
