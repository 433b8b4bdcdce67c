//! Message authentication (SEC-5).

use crate::{LoadedKey, SecurityError, Verification};
use core::fmt;
use cryptography::MacAlgorithm;
use subtle::{Choice, ConstantTimeEq};

/// Whose MAC it is: DUKPT has a key for each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacDirection {
    /// The terminal's, on a request.
    Request,
    /// Ours, on the answer.
    Response,
}

/// Which key a MAC is under.
#[derive(Debug, Clone, Copy)]
pub enum MacSource<'a> {
    /// A working key: `MacTerminal` or `ZoneMac`.
    Session(&'a LoadedKey),
    /// A key of the transaction.
    Dukpt {
        /// The base derivation key.
        base: &'a LoadedKey,
        /// The key serial number as sent.
        ksn: &'a [u8],
        /// Which of the two keys.
        direction: MacDirection,
    },
}

/// A MAC in full length: 8 bytes, 16 for AES. A message carries its first 8 or 4.
#[derive(Clone, Copy)]
pub struct Mac {
    bytes: [u8; 16],
    len: usize,
}

impl Mac {
    /// For the module: from 8 or 16 bytes.
    ///
    /// # Errors
    /// [`SecurityError::Malformed`] for another length.
    pub fn new(mac: &[u8]) -> Result<Self, SecurityError> {
        let mut bytes = [0; 16];
        if !matches!(mac.len(), 8 | 16) {
            return Err(SecurityError::Malformed("MAC"));
        }
        for (to, from) in bytes.iter_mut().zip(mac) {
            *to = *from;
        }
        Ok(Self { bytes, len: mac.len() })
    }

    /// All of it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The eight bytes DE 64 and DE 128 carry.
    #[must_use]
    pub const fn eight(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.bytes;
        [a, b, c, d, e, f, g, h]
    }

    /// Whether `given` is this MAC or its first 4 or 8 bytes; in constant time for its length.
    #[must_use]
    pub fn begins_with(&self, given: &[u8]) -> Choice {
        let fits = matches!(given.len(), 4 | 8) || given.len() == self.len;
        let own = self.as_bytes().get(..given.len()).unwrap_or_default();
        Choice::from(u8::from(fits)) & own.ct_eq(given)
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac(hidden)")
    }
}

/// See the module. Padding is with zeros to whole blocks (method 1), as ISO 8583 peers do.
pub trait Macs {
    /// The MAC of the data.
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`] also if the key is not of the algorithm's kind,
    /// [`SecurityError::Ksn`].
    fn mac(
        &self,
        source: &MacSource<'_>,
        algorithm: MacAlgorithm,
        data: &[u8],
    ) -> Result<Mac, SecurityError>;

    /// Whether `given` (4 or 8 bytes) is the MAC of the data; in constant time.
    ///
    /// # Errors
    /// As [`Self::mac`]; [`SecurityError::Malformed`] for another length.
    fn verify_mac(
        &self,
        source: &MacSource<'_>,
        algorithm: MacAlgorithm,
        data: &[u8],
        given: &[u8],
    ) -> Result<Verification, SecurityError>;
}
