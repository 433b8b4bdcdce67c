//! What a PIN is checked against: stored with the card, and not a PIN.

use crate::SecurityError;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A value made of a PIN from which the PIN cannot be had without the module's keys. May be
/// stored; the bytes mean something only to the module that made them.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinReference(pub(crate) Kind);

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A Visa PVV as ASCII digits, and the index of its key.
    Visa { pvki: u8, pvv: [u8; 4] },
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
            _ => Err(error),
        }
    }
}

impl fmt::Debug for PinReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Visa { .. } => "PinReference(PVV, hidden)",
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
        ] {
            assert_eq!(PinReference::from_bytes(&reference.to_bytes()), Ok(reference));
        }
        assert_eq!(size_of::<Option<PinReference>>(), 17, "an absent one costs nothing");
    }

    #[test]
    fn refuses_what_it_did_not_write() {
        let good = PinReference::visa(1, "0987").unwrap().to_bytes();
        assert!(PinReference::from_bytes(&good[..16]).is_err());
        for (at, value) in [(0, 0), (0, 3), (1, 10), (2, b'x'), (2, 0xFF), (16, 1)] {
            let mut bad = good;
            bad[at] = value;
            assert!(PinReference::from_bytes(&bad).is_err(), "byte {at} = {value}");
        }
        for pvv in ["", "123", "12345", "12a4"] {
            assert!(PinReference::visa(1, pvv).is_err());
        }
    }
}
