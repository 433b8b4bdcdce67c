//! Payment cryptography: what is composed of block ciphers and hashes, as pure functions of keys
//! and data.
//!
//! What is here: keys in clear, their components and check values, PIN blocks, PVV and IBM 3624,
//! MACs, DUKPT, chip cryptograms and scripts, card verification values, 3-D Secure, key blocks.
//! The ciphers themselves are `RustCrypto`'s; only the compositions are ours. What is not: where
//! keys live, who may use which for what, and whether a PIN or a cryptogram may still be tried
//! (all in `security` and the core). No clock, no randomness (a caller hands it in), no I/O.
//!
//! Where a secret decides, the work done does not depend on it: no branch, no early exit and no
//! table of ours is chosen by a PIN, a key or a MAC. The DES underneath is software with tables
//! (see `deploy/docs/checks.md` for what was measured). Secrets are wiped when dropped and have a
//! `Debug` that shows nothing.

mod bits;
pub mod card_value;
pub mod cipher;
pub mod components;
pub mod dukpt_aes;
pub mod dukpt_tdes;
pub mod emv;
mod error;
pub mod ibm3624;
mod key;
pub mod mac;
mod pin;
pub mod pin_block;
pub mod pvv;
pub mod three_d_secure;
pub mod tr31;

pub use card_value::CardValue;
pub use error::{KeyError, Malformed};
pub use key::{AesKey, CheckValue, ClearKey, TdesKey};
pub use mac::{Mac, MacAlgorithm, MacKey, Padding};
pub use pin::{Pin, PinError, TestPin};
pub use pin_block::PinBlockFormat;
pub use pvv::Pvv;
