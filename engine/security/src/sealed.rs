//! Keys outside the module: sealed, as they are stored, and loaded, as they are held for use.

use crate::{CheckValue, KeyAlgorithm, KeyUsage, SecurityError};
use core::any::Any;
use core::fmt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A key sealed by the module that made it, safe to store: bytes that mean something to that module
/// only. Equal keys sealed for the same usage may give equal bytes, so that importing the same
/// portfolio twice changes nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Box<[u8]>", into = "Box<[u8]>")]
pub struct SealedKey(Box<[u8]>);

impl SealedKey {
    /// The most bytes a sealed key has.
    pub const MAX_LEN: usize = 160;

    /// From stored bytes, or from the module that sealed. Whether they are a key shows when it is
    /// loaded.
    ///
    /// # Errors
    /// [`SecurityError::Malformed`] if there are none or too many.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecurityError> {
        if bytes.is_empty() || bytes.len() > Self::MAX_LEN {
            return Err(SecurityError::Malformed("sealed key"));
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Box<[u8]>> for SealedKey {
    type Error = SecurityError;

    fn try_from(bytes: Box<[u8]>) -> Result<Self, SecurityError> {
        Self::from_bytes(&bytes)
    }
}

impl From<SealedKey> for Box<[u8]> {
    fn from(key: SealedKey) -> Self {
        key.0
    }
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedKey(sealed)")
    }
}

/// A key ready for use, as the module that loaded it holds it: an object in memory, a handle of a
/// token, a key under a device's own master key. Cheap to clone. A key of the module's store that
/// is rotated later changes in place, so nothing needs to be loaded again.
#[derive(Clone)]
pub struct LoadedKey {
    usage: KeyUsage,
    algorithm: KeyAlgorithm,
    check_value: CheckValue,
    handle: Arc<dyn Any + Send + Sync>,
}

impl LoadedKey {
    /// For the module that loads: `handle` is its own, whatever it needs to find the key again.
    #[must_use]
    pub fn new(
        usage: KeyUsage,
        algorithm: KeyAlgorithm,
        check_value: CheckValue,
        handle: Arc<dyn Any + Send + Sync>,
    ) -> Self {
        Self { usage, algorithm, check_value, handle }
    }

    /// What it is for.
    #[must_use]
    pub const fn usage(&self) -> KeyUsage {
        self.usage
    }

    /// What it computes with.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// What an operator compares with the other party's printout: of the version that was the
    /// current one when it was loaded.
    #[must_use]
    pub const fn check_value(&self) -> CheckValue {
        self.check_value
    }

    /// For the module: its handle back, if the key has one of these usages.
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`]; [`SecurityError::NotOurs`] for another module's key.
    pub fn handle<T: Any + Send + Sync>(&self, usages: &[KeyUsage]) -> Result<&T, SecurityError> {
        if !usages.contains(&self.usage) {
            return Err(SecurityError::WrongUsage);
        }
        self.handle.downcast_ref().ok_or(SecurityError::NotOurs)
    }
}

impl fmt::Debug for LoadedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoadedKey({}, {})", self.usage, self.check_value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_none_and_too_many_bytes() {
        assert!(SealedKey::from_bytes(&[]).is_err());
        assert!(SealedKey::from_bytes(&[1; 161]).is_err());
        assert_eq!(SealedKey::from_bytes(&[1; 160]).unwrap().as_bytes(), [1; 160]);
    }
}
