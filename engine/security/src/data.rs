//! Data at rest: encrypted under keys that can be destroyed one by one (PII-1, PII-3).

use crate::{LoadedKey, SealedKey, SecurityError};
use zeroize::Zeroizing;

/// See the module. Keys have the usage `Data`.
pub trait DataProtection {
    /// A new random key, sealed. Destroying all copies of the sealed key destroys what is encrypted
    /// under it.
    ///
    /// # Errors
    /// [`SecurityError::Unavailable`].
    fn new_data_key(&self) -> Result<SealedKey, SecurityError>;

    /// Encrypts and authenticates. `context` says what it is and to whom it belongs; it is not
    /// stored, but decryption needs the same, so that ciphertexts cannot be swapped.
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`], [`SecurityError::Unavailable`].
    fn encrypt(
        &self,
        key: &LoadedKey,
        context: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SecurityError>;

    /// The other way.
    ///
    /// # Errors
    /// [`SecurityError::NotOurs`] if anything of it, key or context differs.
    fn decrypt(
        &self,
        key: &LoadedKey,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SecurityError>;
}
