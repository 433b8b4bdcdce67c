//! Keys as this process holds them, and their sealed form.
//!
//! Sealed: one byte of kind, then AES key wrap (RFC 3394) under a key derived from the master key,
//! over a header of eight bytes (version, usage, algorithm, origin, length, zeros) and the key,
//! filled up with zeros to whole eights. The wrapping authenticates all of it, so that usage and
//! origin cannot be changed; it is deterministic, so that sealing twice gives the same.

use crate::versions;
use crate::{
    AesKey, CheckValue, ClearKey, KeyAlgorithm, KeyUsage, SealedKey, SecurityError, TdesKey,
    TestKey,
};
use aes_kw::KwAes256;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const HEADER: usize = 8;
/// The most bytes of key.
const LONGEST: usize = 32;

/// A sealed key's first byte: what follows.
pub(super) const WRAPPED: u8 = 1;
/// The name of a key in the store.
pub(super) const NAMED: u8 = 2;

/// Where a key came from: a test key is refused outside test mode.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Test = 1,
    Own = 2,
}

/// A key, ready for use.
pub(crate) enum Material {
    Tdes { clear: ClearKey, key: Box<TdesKey> },
    Aes(AesKey),
    Hmac(Zeroizing<Vec<u8>>),
}

/// What a loaded key of this module points at.
pub(super) type Held = versions::Held<Material>;
/// A named key of this module.
pub(super) type NamedKey = versions::NamedKey<Material>;

impl Material {
    /// The key, if it is one of triple DES.
    pub(super) fn tdes(&self) -> Result<&TdesKey, SecurityError> {
        match self {
            Self::Tdes { key, .. } => Ok(key),
            _ => Err(SecurityError::WrongUsage),
        }
    }

    /// The key, if it is one of AES.
    pub(super) fn aes(&self) -> Result<&AesKey, SecurityError> {
        match self {
            Self::Aes(key) => Ok(key),
            _ => Err(SecurityError::WrongUsage),
        }
    }

    pub(super) fn new(key: &TestKey) -> Result<Self, SecurityError> {
        Ok(match key {
            TestKey::Tdes(clear) => {
                Self::Tdes { key: Box::new(TdesKey::new(clear)?), clear: clear.clone() }
            }
            TestKey::Aes(key) => Self::Aes(key.clone()),
            TestKey::Hmac(key) => Self::Hmac(key.clone()),
        })
    }

    pub(super) fn from_bytes(algorithm: KeyAlgorithm, key: &[u8]) -> Result<Self, SecurityError> {
        Self::new(&match algorithm {
            KeyAlgorithm::Tdes => TestKey::Tdes(ClearKey::from_bytes(key)?),
            KeyAlgorithm::Aes => TestKey::Aes(AesKey::from_bytes(key)?),
            KeyAlgorithm::Hmac => TestKey::Hmac(Zeroizing::new(key.to_vec())),
        })
    }

    pub(super) const fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Tdes { .. } => KeyAlgorithm::Tdes,
            Self::Aes(_) => KeyAlgorithm::Aes,
            Self::Hmac(_) => KeyAlgorithm::Hmac,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Tdes { clear, .. } => clear.expose_bytes(),
            Self::Aes(key) => key.expose_bytes(),
            Self::Hmac(key) => key,
        }
    }

    pub(super) fn check_value(&self) -> CheckValue {
        match self {
            Self::Tdes { clear, .. } => clear.check_value(),
            Self::Aes(key) => key.check_value(),
            Self::Hmac(key) => {
                use hmac::{Hmac, KeyInit, Mac};
                // Of an empty message, as TR-31 block KC has it for HMAC keys.
                let mac = Hmac::<sha2::Sha256>::new_from_slice(key).map(Mac::finalize);
                mac.map_or(CheckValue::from_bytes([0; 3]), |mac| {
                    CheckValue::from_block(&mac.into_bytes())
                })
            }
        }
    }

    pub(super) fn seal(
        &self,
        wrap: &KwAes256,
        usage: KeyUsage,
        origin: Origin,
    ) -> Result<SealedKey, SecurityError> {
        if !usage.allows(self.algorithm()) {
            return Err(SecurityError::WrongUsage);
        }
        let key = self.bytes();
        let length = u8::try_from(key.len()).map_err(|_| SecurityError::Malformed("key"))?;
        let mut plain = Zeroizing::new([0u8; HEADER + LONGEST]);
        let head = [VERSION, usage as u8, self.algorithm() as u8, origin as u8, length, 0, 0, 0];
        for (to, from) in plain.iter_mut().zip(head.iter().chain(key)) {
            *to = *from;
        }
        let whole = HEADER + key.len().next_multiple_of(8);
        let mut sealed = [WRAPPED; 1 + 8 + HEADER + LONGEST];
        let (_, room) = sealed.split_at_mut(1);
        let plain = plain.get(..whole).ok_or(SecurityError::Malformed("key"))?;
        let wrapped = wrap.wrap_key(plain, room).map_err(|_| SecurityError::Malformed("key"))?;
        let length = 1 + wrapped.len();
        SealedKey::from_bytes(sealed.get(..length).unwrap_or_default())
    }

    /// What [`Self::seal`] made, and where it came from.
    pub(super) fn open(
        wrap: &KwAes256,
        wrapped: &[u8],
        usage: KeyUsage,
    ) -> Result<(Self, Origin), SecurityError> {
        let mut room = Zeroizing::new([0u8; HEADER + LONGEST]);
        let plain = wrap.unwrap_key(wrapped, &mut *room).map_err(|_| SecurityError::NotOurs)?;
        let [VERSION, sealed_for, algorithm, origin, length, 0, 0, 0, key @ ..] = plain else {
            return Err(SecurityError::NotOurs);
        };
        if KeyUsage::from_number(*sealed_for) != Some(usage) {
            return Err(SecurityError::WrongUsage);
        }
        let origin = match origin {
            1 => Origin::Test,
            2 => Origin::Own,
            _ => return Err(SecurityError::NotOurs),
        };
        let algorithm = KeyAlgorithm::from_number(*algorithm).ok_or(SecurityError::NotOurs)?;
        let key = key.get(..usize::from(*length)).ok_or(SecurityError::NotOurs)?;
        Ok((Self::from_bytes(algorithm, key)?, origin))
    }
}
