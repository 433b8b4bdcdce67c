//! SHA-256, for what is signed and for the chain of the register.

use sha2::{Digest, Sha256};

/// The digest of bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
