//! Chip cards (EMV book 2): a card's keys from the issuer's, session keys, application
//! cryptograms, the issuer's answer and issuer scripts.
//!
//! [`CryptogramVersion`] is the part that differs between schemes and their generations; all
//! else is written on it. What is not here: reading DE 55 (that is the `emv` crate) and whether a
//! transaction counter may still be used (that is the core).

mod cryptogram;
mod keys;
mod script;
mod version;

pub use cryptogram::{
    AcInput, application_cryptogram, arpc_method_1, arpc_method_2, cryptogram, response,
};
pub use keys::{
    ChipKey, Derivation, common_session_key, master_key, master_key_blocks, tree_session_key,
    visa_script_key,
};
pub use script::{command, encrypt_data, mac, pin_block, pin_change};
pub use version::{CryptogramVersion, IssuerAnswer};
