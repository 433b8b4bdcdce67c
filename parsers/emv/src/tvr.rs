//! Terminal verification results, tag 95: what the terminal found in its own checks (EMV Book 3
//! annex C5).

/// The five bytes, bit 8 of byte 1 first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tvr([u8; 5]);

impl Tvr {
    /// From the five bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 5]) -> Self {
        Self(bytes)
    }

    /// The five bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 5] {
        self.0
    }

    /// The bit as the standard names it: byte 1 to 5, bit 8 to 1. False for any other place.
    #[must_use]
    pub fn bit(self, byte: usize, bit: u32) -> bool {
        let mask = bit.checked_sub(1).and_then(|shift| 1u8.checked_shl(shift)).unwrap_or_default();
        byte.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|byte| byte & mask != 0)
    }

    /// Byte 3 bit 8: cardholder verification was not successful.
    #[must_use]
    pub fn cardholder_verification_failed(self) -> bool {
        self.bit(3, 8)
    }

    /// Byte 3 bit 6: the chip's own PIN tries are used up.
    #[must_use]
    pub fn pin_try_limit_exceeded(self) -> bool {
        self.bit(3, 6)
    }

    /// Byte 3 bit 3: an online PIN was entered.
    #[must_use]
    pub fn online_pin_entered(self) -> bool {
        self.bit(3, 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_as_the_standard_does() {
        let tvr = Tvr::from_bytes([0x80, 0, 0xA4, 0, 0x01]);
        assert!(tvr.bit(1, 8) && !tvr.bit(1, 7) && tvr.bit(5, 1));
        assert!(tvr.cardholder_verification_failed() && tvr.pin_try_limit_exceeded());
        assert!(tvr.online_pin_entered());
        assert!(!tvr.bit(0, 8) && !tvr.bit(6, 1) && !tvr.bit(1, 9) && !tvr.bit(1, 0));
    }
}
