//! What can go wrong. No error carries a byte of what it is about.

use cryptography::{CheckValue, KeyError};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why the module did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecurityError {
    /// What decrypted is not a PIN block for this card number. Deliberately one cause for every
    /// way a block can be wrong: telling them apart would tell about the clear block.
    #[error("not a PIN block for this card under this terminal's key")]
    PinBlock,
    /// A key or a reference that another module made, or a damaged one.
    #[error("not made by this security module, or damaged")]
    NotOurs,
    /// Clear keys and test PINs are accepted only in test mode.
    #[error("clear test keys and test PINs need `test_keys = true`")]
    TestKeysOff,
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Bytes that are no sealed key, PIN block or PIN reference at all.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A key used for something else than it is for.
    #[error("the key is for another use")]
    WrongUsage,
    /// A key serial number that no device of this base key sends.
    #[error("not a key serial number of this base key")]
    Ksn,
    /// A name that the module's store does not have, or whose key was retired or destroyed.
    #[error("no such key in the security module's store")]
    NoSuchKey,
    /// The module cannot be reached, or did not answer in time. Nothing was said about what was
    /// asked.
    #[error("the security module does not answer")]
    Unavailable,
    /// What this kind of module cannot do.
    #[error("this security module cannot do that: {0}")]
    Unsupported(&'static str),
}

/// Why the keys of an installation could not be opened or made.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no keys file.
    #[error("no keys file {path}; without it nothing stored here can be read")]
    Missing {
        /// The file looked for.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {doing} keys file {path}: {source}")]
    Io {
        /// `read`, `write`, ...
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The master key is not where the configuration says.
    #[error(
        "no master key file {path}; make one with `tamga key master`, or put the installation's \
         own back: without it nothing stored here can be read"
    )]
    NoMasterKey {
        /// The file looked for.
        path: PathBuf,
    },
    /// A master key is never overwritten.
    #[error("there is a master key in {path} already; it is never overwritten")]
    MasterKeyExists {
        /// The file.
        path: PathBuf,
    },
    /// The store was sealed under another master key.
    #[error(
        "keys file {path} is sealed under the master key with check value {sealed_under}, but the \
         master key file holds {given}; set security.master_key_file to the right one"
    )]
    OtherMasterKey {
        /// The store's file.
        path: PathBuf,
        /// As the file says.
        sealed_under: String,
        /// Of the master key that was given.
        given: CheckValue,
    },
    /// Others than the owner may read or write the file.
    #[error("keys file {path} is open to group or others (mode {mode:04o}); run: chmod 600 {path}")]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Written by a later version of the engine.
    #[error("keys file {path} has version {found}; this version of tamga reads version 2")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version it states.
        found: u32,
    },
    /// The content is not what was written.
    #[error("keys file {path} is damaged: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In what way.
        why: &'static str,
    },
    /// The operating system has no randomness to give.
    #[error("no randomness for new keys from the operating system: {0}")]
    Random(getrandom::Error),
    /// The token of `[security] module = "pkcs11"` cannot be used.
    #[error("token {label:?}: {why}")]
    Token {
        /// Its label.
        label: String,
        /// In what way.
        why: String,
    },
}
