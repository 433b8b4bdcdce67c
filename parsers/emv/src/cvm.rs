//! CVM results, tag 9F34: how the terminal verified the cardholder (EMV Book 4 annex A4).

/// The three bytes of 9F34. They are the terminal's word, not the card's: no cryptogram covers
/// them, so a rule should ask no more of them than the acquirer can be held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CvmResults {
    /// The method last performed.
    pub method: CvmMethod,
    /// The condition under which the card's list asked for it (EMV Book 3 table 44).
    pub condition: u8,
    /// How it went.
    pub outcome: CvmOutcome,
}

/// A cardholder verification method (EMV Book 3 table 43; the low six bits of byte 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CvmMethod {
    /// 00: verification failed.
    Fail,
    /// 01: PIN in clear to the chip.
    PlaintextPin,
    /// 02: enciphered PIN to the issuer, in DE 52.
    OnlinePin,
    /// 03: PIN in clear to the chip, and signature.
    PlaintextPinAndSignature,
    /// 04: enciphered PIN to the chip.
    EncipheredPin,
    /// 05: enciphered PIN to the chip, and signature.
    EncipheredPinAndSignature,
    /// 1E: signature on paper.
    Signature,
    /// 1F: none required.
    NoneRequired,
    /// 3F: none performed.
    NonePerformed,
    /// Any other six-bit code: biometry, a network's own, reserved.
    Other(u8),
}

/// Byte 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CvmOutcome {
    /// 00: not known to the terminal, as for a signature or an online PIN.
    Unknown,
    /// 01.
    Failed,
    /// 02.
    Successful,
    /// Any other.
    Other(u8),
}

impl CvmResults {
    /// From the three bytes.
    #[must_use]
    pub const fn from_bytes([method, condition, outcome]: [u8; 3]) -> Self {
        let method = match method & 0x3F {
            0x00 => CvmMethod::Fail,
            0x01 => CvmMethod::PlaintextPin,
            0x02 => CvmMethod::OnlinePin,
            0x03 => CvmMethod::PlaintextPinAndSignature,
            0x04 => CvmMethod::EncipheredPin,
            0x05 => CvmMethod::EncipheredPinAndSignature,
            0x1E => CvmMethod::Signature,
            0x1F => CvmMethod::NoneRequired,
            0x3F => CvmMethod::NonePerformed,
            other => CvmMethod::Other(other),
        };
        let outcome = match outcome {
            0 => CvmOutcome::Unknown,
            1 => CvmOutcome::Failed,
            2 => CvmOutcome::Successful,
            other => CvmOutcome::Other(other),
        };
        Self { method, condition, outcome }
    }

    /// The terminal took an online PIN. It cannot know whether it was right (outcome "unknown");
    /// that shows when DE 52 is verified.
    #[must_use]
    pub const fn is_online_pin(self) -> bool {
        matches!(self.method, CvmMethod::OnlinePin) && !matches!(self.outcome, CvmOutcome::Failed)
    }

    /// The chip accepted a PIN. With a signature asked for too the outcome stays "unknown", because
    /// the terminal cannot read it; such a pair is counted only if the terminal says "successful".
    #[must_use]
    pub const fn is_offline_pin_verified(self) -> bool {
        let by_chip = matches!(
            self.method,
            CvmMethod::PlaintextPin
                | CvmMethod::PlaintextPinAndSignature
                | CvmMethod::EncipheredPin
                | CvmMethod::EncipheredPinAndSignature
        );
        by_chip && matches!(self.outcome, CvmOutcome::Successful)
    }

    /// On a contactless transaction: the cardholder's own device verified the cardholder. A
    /// contactless card cannot take an offline PIN, so "PIN in clear to the chip, successful"
    /// (`010002`) is how the terminal says this (EMV Contactless Book C-2, CVM selection). Says
    /// nothing on a contact transaction.
    #[must_use]
    pub const fn is_consumer_device_verified(self) -> bool {
        matches!(self.method, CvmMethod::PlaintextPin)
            && matches!(self.outcome, CvmOutcome::Successful)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_ways_apart() {
        for (bytes, online, offline, device) in [
            ([0x02, 0x03, 0x00], true, false, false),
            ([0x42, 0x03, 0x00], true, false, false),
            ([0x02, 0x03, 0x01], false, false, false),
            ([0x01, 0x00, 0x02], false, true, true),
            ([0x41, 0x03, 0x02], false, true, true),
            ([0x44, 0x03, 0x02], false, true, false),
            ([0x44, 0x03, 0x00], false, false, false),
            ([0x44, 0x03, 0x01], false, false, false),
            ([0x05, 0x03, 0x02], false, true, false),
            ([0x1E, 0x03, 0x00], false, false, false),
            ([0x1F, 0x00, 0x02], false, false, false),
            ([0x3F, 0x00, 0x02], false, false, false),
            ([0x00, 0x00, 0x00], false, false, false),
        ] {
            let results = CvmResults::from_bytes(bytes);
            assert_eq!(results.is_online_pin(), online, "{bytes:02X?}");
            assert_eq!(results.is_offline_pin_verified(), offline, "{bytes:02X?}");
            assert_eq!(results.is_consumer_device_verified(), device, "{bytes:02X?}");
        }
        assert_eq!(CvmResults::from_bytes([0x20, 0, 9]).method, CvmMethod::Other(0x20));
        assert_eq!(CvmResults::from_bytes([0x20, 0, 9]).outcome, CvmOutcome::Other(9));
    }
}
