//! What can be wrong with a key or with data. No error carries a byte of either.

use thiserror::Error;

/// Why a clear key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Something else than hex digits, or an odd number of them.
    #[error("a key is written in hex digits")]
    NotHex,
    /// Not a length the algorithm has.
    #[error("a DES key has 8, 16 or 24 bytes, an AES key 16, 24 or 32")]
    Length,
    /// Single DES can be searched through in hours.
    #[error("a single-length DES key is not accepted")]
    SingleLength,
    /// Neighbouring parts are equal, which makes triple DES single DES.
    #[error("the parts of the key are equal, which makes it single DES")]
    EqualParts,
}

/// Data that no composition can work on: a wrong length, something else than digits. Says what it
/// should have been, never what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("malformed {0}")]
pub struct Malformed(pub &'static str);
