//! What a PIN is checked against: stored with the card, and not a PIN.

use crate::{KeyUsage, SecurityError};
use core::fmt;
use cryptography::ibm3624::Offset;
use serde::{Deserialize, Serialize};

/// A value made of a PIN from which the PIN cannot be had without the module's keys. May be
/// stored; the bytes mean something only to the module that made them.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinReference(pub(crate) Kind);

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A Visa PVV as ASCII digits, and the index of its key.
    Visa { pvki: u8, pvv: [u8; 4] },
    /// An IBM 3624 offset as ASCII digits, after their number; zeros behind them.
    Ibm([u8; 13]),
    /// A keyed digest of a test PIN and the card number.
    TestPin([u8; 16]),
}

impl PinReference {
    /// How many bytes [`Self::to_bytes`] gives.
    pub const LEN: usize = 17;

    /// A Visa PVV from an issuer's card file: the key index (0 to 9) and four digits.
    ///
    /// # Errors
    /// [`SecurityError::Malformed`] if it is anything else.
    pub fn visa(pvki: u8, pvv: &str) -> Result<Self, SecurityError> {
        let error = SecurityError::Malformed("PVV");
        let pvv: [u8; 4] = pvv.as_bytes().try_into().map_err(|_| error)?;
        if pvki > 9 || !pvv.iter().all(u8::is_ascii_digit) {
            return Err(error);
        }
        Ok(Self(Kind::Visa { pvki, pvv }))
    }

    /// An IBM 3624 offset from an issuer's card file: as many digits as the PIN has, 4 to 12.
    ///
    /// # Errors
    /// [`SecurityError::Malformed`] if it is anything else.
    pub fn ibm_offset(digits: &str) -> Result<Self, SecurityError> {
        Self::ibm_digits(digits.as_bytes())
    }

    pub(crate) fn ibm_digits(digits: &[u8]) -> Result<Self, SecurityError> {
        let error = SecurityError::Malformed("PIN offset");
        let offset = Offset::from_ascii(digits).map_err(|_| error)?;
        let mut kept = [0; 13];
        let [len, places @ ..] = &mut kept;
        *len = u8::try_from(digits.len()).map_err(|_| error)?;
        for (to, from) in places.iter_mut().zip(offset.expose_digits().iter()) {
            *to = *from;
        }
        Ok(Self(Kind::Ibm(kept)))
    }

    pub(crate) fn offset(&self) -> Option<Offset> {
        let Kind::Ibm([len, digits @ ..]) = &self.0 else { return None };
        digits.get(..usize::from(*len)).and_then(|digits| Offset::from_ascii(digits).ok())
    }

    /// Whether a PIN verification key is needed to check it, and of which usage.
    #[must_use]
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        match self.0 {
            Kind::Visa { .. } => Some(KeyUsage::PinVerificationVisa),
            Kind::Ibm(_) => Some(KeyUsage::PinVerificationIbm),
            Kind::TestPin(_) => None,
        }
    }

    /// The bytes to store.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let [kind, rest @ ..] = &mut bytes;
        match &self.0 {
            Kind::Visa { pvki, pvv } => {
                *kind = 1;
                let [index, places @ ..] = rest;
                *index = *pvki;
                for (to, from) in places.iter_mut().zip(pvv) {
                    *to = *from;
                }
            }
            Kind::TestPin(digest) => {
                *kind = 2;
                *rest = *digest;
            }
            Kind::Ibm(offset) => {
                *kind = 3;
                for (to, from) in rest.iter_mut().zip(offset) {
                    *to = *from;
                }
            }
        }
        bytes
    }

    /// From stored bytes.
    ///
    /// # Errors
    /// [`SecurityError::Malformed`] if [`Self::to_bytes`] cannot have made them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecurityError> {
        let error = SecurityError::Malformed("PIN reference");
        let bytes: [u8; Self::LEN] = bytes.try_into().map_err(|_| error)?;
        match bytes {
            [1, pvki, a, b, c, d, rest @ ..] if rest == [0; 11] => {
                let pvv = [a, b, c, d];
                let text = core::str::from_utf8(&pvv).map_err(|_| error)?;
                Self::visa(pvki, text).map_err(|_| error)
            }
            [2, digest @ ..] => Ok(Self(Kind::TestPin(digest))),
            [3, len, digits @ .., 0, 0, 0] => {
                let (kept, rest) = digits.split_at_checked(usize::from(len)).ok_or(error)?;
                if rest.iter().any(|place| *place != 0) {
                    return Err(error);
                }
                Self::ibm_digits(kept).map_err(|_| error)
            }
            _ => Err(error),
        }
    }
}

impl fmt::Debug for PinReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Visa { .. } => "PinReference(PVV, hidden)",
            Kind::Ibm(_) => "PinReference(offset, hidden)",
            Kind::TestPin(_) => "PinReference(test PIN, hidden)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_storage() {
        for reference in [
            PinReference::visa(1, "0987").unwrap(),
            PinReference(Kind::TestPin(*b"0123456789abcdef")),
            PinReference::ibm_offset("1234").unwrap(),
            PinReference::ibm_offset("012345678901").unwrap(),
        ] {
            assert_eq!(PinReference::from_bytes(&reference.to_bytes()), Ok(reference));
        }
        assert_eq!(size_of::<Option<PinReference>>(), 17, "an absent one costs nothing");
    }

    #[test]
    fn refuses_what_it_did_not_write() {
        let good = PinReference::visa(1, "0987").unwrap().to_bytes();
        assert!(PinReference::from_bytes(&good[..16]).is_err());
        for (at, value) in [(0, 0), (0, 3), (0, 4), (1, 10), (2, b'x'), (2, 0xFF), (16, 1)] {
            let mut bad = good;
            bad[at] = value;
            assert!(PinReference::from_bytes(&bad).is_err(), "byte {at} = {value}");
        }
        let offset = PinReference::ibm_offset("01234").unwrap().to_bytes();
        for (at, value) in [(1, 4), (1, 6), (1, 13), (1, 0), (2, b'x'), (7, b'0'), (14, 1)] {
            let mut bad = offset;
            bad[at] = value;
            assert!(PinReference::from_bytes(&bad).is_err(), "offset, byte {at} = {value}");
        }
        for pvv in ["", "123", "12345", "12a4"] {
            assert!(PinReference::visa(1, pvv).is_err());
        }
    }
}
