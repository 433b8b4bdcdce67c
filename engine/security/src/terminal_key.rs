//! A terminal's PIN key: sealed, as it is stored, and loaded, as it is used.

use crate::{CheckValue, SecurityError, TdesKey};
use arrayvec::ArrayVec;
use core::fmt;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One byte of kind, 24 bytes of key and 8 that RFC 3394 adds.
const MAX_LEN: usize = 33;

/// A terminal PIN key sealed by the module, safe to store: one byte of kind, then the key wrapped
/// by AES key wrap (RFC 3394), which also tells a damaged one. Sealing is deterministic, so that
/// importing the same portfolio twice changes nothing; equal keys give equal bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalKey(ArrayVec<u8, MAX_LEN>);

impl TerminalKey {
    /// The most bytes [`Self::as_bytes`] gives.
    pub const MAX_LEN: usize = MAX_LEN;
    /// Came in clear, in test mode.
    const TEST: u8 = 1;

    pub(crate) fn sealed_in_test_mode(wrapped: &[u8]) -> Result<Self, SecurityError> {
        let mut bytes = ArrayVec::from_iter([Self::TEST]);
        bytes
            .try_extend_from_slice(wrapped)
            .map_err(|_| SecurityError::Malformed("terminal key"))?;
        Ok(Self(bytes))
    }

    /// The wrapped key of one that came in clear.
    pub(crate) fn test_wrapping(&self) -> Result<&[u8], SecurityError> {
        match self.0.split_first() {
            Some((&Self::TEST, wrapped)) => Ok(wrapped),
            _ => Err(SecurityError::NotOurs),
        }
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From stored bytes. Whether they are a key shows when it is loaded.
    ///
    /// # Errors
    /// [`SecurityError::Malformed`] if no sealed key has that length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecurityError> {
        match (bytes.len(), ArrayVec::try_from(bytes)) {
            (25 | Self::MAX_LEN, Ok(bytes)) => Ok(Self(bytes)),
            _ => Err(SecurityError::Malformed("terminal key")),
        }
    }
}

impl fmt::Debug for TerminalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TerminalKey(sealed)")
    }
}

/// A terminal PIN key ready for use, as the module that loaded it holds it. Cheap to clone.
#[derive(Clone)]
pub struct LoadedTerminalKey {
    pub(crate) key: Arc<TdesKey>,
    check_value: CheckValue,
}

impl LoadedTerminalKey {
    pub(crate) fn new(key: TdesKey, check_value: CheckValue) -> Self {
        Self { key: Arc::new(key), check_value }
    }

    /// What an operator compares with the terminal's printout.
    #[must_use]
    pub const fn check_value(&self) -> CheckValue {
        self.check_value
    }
}

impl fmt::Debug for LoadedTerminalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoadedTerminalKey({})", self.check_value)
    }
}
