//! What PINs, card values, chips and MACs are composed of, written once for the modules that have
//! keys but no commands of a payment HSM.
//!
//! A key does a few single steps ([`Steps`]): in this process (`software`), or inside a token
//! (`pkcs11`), which its key never leaves. Everything around them is here: what the steps are done
//! with, how a PIN is looked at, what is compared with what, in constant time. It is put together
//! when the program is compiled, so no step costs a call through a table.

mod card_values;
mod chips;
mod macs;
mod pins;

pub(crate) use macs::compute;
pub(crate) use pins::test_pin_message;

use crate::versions::Held;
use crate::{KeyUsage, Mac, SecurityError};
use cryptography::emv::ChipKey;
use cryptography::{MacAlgorithm, Malformed, Pin, dukpt_aes, dukpt_tdes};
use payment_types::Pan;
use subtle::Choice;
use zeroize::Zeroizing;

const BASE_KEYS: &[KeyUsage] = &[KeyUsage::BaseDerivationTdes, KeyUsage::BaseDerivationAes];

/// What a key does by itself. Each refuses a key of another algorithm with
/// [`SecurityError::WrongUsage`], and gives [`SecurityError::Unavailable`] where the key is in a
/// token that does not answer.
pub(crate) trait Steps: Send + Sync + 'static {
    /// Encrypts a block of triple DES.
    fn encrypt(&self, block: [u8; 8]) -> Result<[u8; 8], SecurityError>;

    /// Decrypts a block of triple DES.
    fn decrypt(&self, block: [u8; 8]) -> Result<Zeroizing<[u8; 8]>, SecurityError>;

    /// The PIN in a block of format 4, and whether it is one.
    fn open_iso4(&self, block: &[u8; 16], pan: &Pan) -> Result<(Pin, Choice), SecurityError>;

    /// The first block under single DES with the key's first part, the second one XORed onto it,
    /// the result under the whole key: the CVV's way.
    fn encrypt_chained(&self, blocks: [[u8; 8]; 2]) -> Result<[u8; 8], SecurityError>;

    /// The key of a card, from what its number and sequence number give.
    fn card_key(&self, blocks: [[u8; 8]; 2]) -> Result<ChipKey, SecurityError>;

    /// The end of an AAV that begins with these bytes.
    fn aav(&self, pan: &Pan, first: &[u8; 15]) -> Result<[u8; 5], SecurityError>;

    /// The keys of a transaction that this base key gives (DUKPT).
    fn transaction_keys(&self, ksn: &[u8]) -> Result<TransactionKeys, SecurityError>;

    /// A MAC in full length.
    fn mac(&self, algorithm: MacAlgorithm, data: &[u8]) -> Result<Mac, SecurityError>;
}

/// The keys of one transaction, which are in this process while it is looked at.
pub(crate) enum TransactionKeys {
    Tdes(dukpt_tdes::WorkingKeys),
    Aes(dukpt_aes::WorkingKeys),
}

/// A module whose keys do the steps.
pub(crate) trait Composed {
    /// One version of a key.
    type Key: Steps;

    /// What PVVs are made with where a card's product names no key.
    fn own_pin_verification(&self) -> &Held<Self::Key>;

    /// The keyed digest of a test PIN and the card number.
    ///
    /// # Errors
    /// [`SecurityError::TestKeysOff`] outside test mode.
    fn test_pin_digest(&self, pan: &Pan, pin: &Pin) -> Result<[u8; 16], SecurityError>;
}

const fn malformed(error: Malformed) -> SecurityError {
    SecurityError::Malformed(error.0)
}
