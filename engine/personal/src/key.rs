//! A customer's key.

use crate::PersonalError;
use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit, Nonce};
use core::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;

/// A customer's key in clear, wiped when dropped. It has no way to be printed or serialised.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CustomerKey([u8; KEY_BYTES]);

impl CustomerKey {
    /// A new one from the system's randomness.
    ///
    /// # Errors
    /// [`PersonalError::Random`].
    pub fn random() -> Result<Self, PersonalError> {
        let mut key = Self([0; KEY_BYTES]);
        getrandom::fill(&mut key.0).map_err(PersonalError::Random)?;
        Ok(key)
    }

    /// From bytes that were unwrapped.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Encrypts and authenticates; opens only with the same context.
    pub(crate) fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, PersonalError> {
        let payload = Payload { msg: plain, aad: context };
        self.cipher().encrypt(&Nonce::default(), payload).map_err(|_| PersonalError::Sealed)
    }

    /// What was sealed.
    pub(crate) fn open(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PersonalError> {
        let payload = Payload { msg: sealed, aad: context };
        let opened = self.cipher().decrypt(&Nonce::default(), payload);
        opened.map(Zeroizing::new).map_err(|_| PersonalError::Sealed)
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new((&self.0).into())
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(hidden)")
    }
}

/// A context: what a value is, and of whom. The zero byte ends the kind, which has none.
pub(crate) fn context(kind: &str, id: &str) -> Vec<u8> {
    [kind.as_bytes(), &[0], id.as_bytes()].concat()
}
