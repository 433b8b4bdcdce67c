//! What can go wrong with keys of customers. No error carries a key or what it seals.

use security::SecurityError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a key or a sealed value can't be had.
#[derive(Debug, Error)]
pub enum PersonalError {
    /// The file of keys.
    #[error("cannot {action} the customers' keys {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file of keys is missing although there are customers.
    #[error(
        "the customers' keys {} are missing: names and card numbers can't be read without them; \
         restore them from a backup", .path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file of keys is not one, or damaged.
    #[error("the customers' keys {} are damaged: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The security module did not give, wrap or unwrap a key.
    #[error("the security module refused a customer's key: {0}")]
    Module(SecurityError),
    /// Sealed bytes that this key does not open, or that are damaged.
    #[error("sealed data does not open under its customer's key")]
    Sealed,
    /// The system gave no randomness.
    #[error("no randomness from the system: {0}")]
    Random(getrandom::Error),
}
