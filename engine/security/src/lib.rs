//! The one door to keys, PINs and digests of card numbers.
//!
//! Everything secret stays behind [`SecurityModule`]: a caller hands in what came over the wire and
//! gets a fact back ([`PinOutcome`]), never a PIN or a key. The engine's core sees only
//! [`PinFact`], so that a replay needs no keys (PIN-1: the clear PIN exists nowhere else).
//!
//! What is here: the trait, and [`SoftwareModule`], which keeps its keys in a file and computes in
//! this process. What is not: rules about PINs (how often one may be wrong is the core's matter),
//! and formats of messages. Secrets are wiped when dropped, compared in constant time, and have a
//! `Debug` that shows nothing.

mod card_values;
mod chips;
mod composed;
mod data;
mod error;
mod exchange;
mod files;
mod health;
mod key_life;
mod macs;
mod master_key;
pub mod payshield;
mod pin_block;
mod pins;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod reference;
mod sealed;
mod software;
mod usage;
mod vault;
mod versions;

pub use card_values::{CardValueInput, CardValues, Cavv, ExpiryOrder, Verification};
pub use chips::{
    ArpcInput, ChipCard, Chips, CryptogramInput, IssuerAuthenticationData, ScriptCommand,
    ScriptInput, ScriptKeys,
};
pub use cryptography::emv::{CryptogramVersion, Derivation};
pub use cryptography::{
    AesKey, CheckValue, ClearKey, KeyError, MacAlgorithm, PinBlockFormat, PinError as TestPinError,
    Pvv, TdesKey, TestPin,
};
pub use data::DataProtection;
pub use error::{OpenError, SecurityError};
pub use exchange::{Generated, KeyExchange, KeyForm, WorkingKey};
pub use health::{Health, HealthCheck};
pub use key_life::{
    CeremonyRecord, Completed, KEY_NAME_MAX, KeyAction, KeyChange, KeyFacts, KeyLife, KeyList,
    KeyRecord, KeyRefusal, NewKey, Prepared, RefusalKind, SetVersion, Settled, VersionRecord,
    VersionState, is_key_name,
};
pub use macs::{Mac, MacDirection, MacSource, Macs};
pub use master_key::MasterKey;
pub use pin_block::{PinBlock, encrypt_pin_block_iso0, visa_pvv};
pub use pins::{PinCard, PinChange, PinData, PinOutcome, PinSource, Pins, USUAL_DECIMALIZATION};
#[cfg(feature = "pkcs11")]
pub use pkcs11::{Pkcs11Module, Pkcs11Settings};
pub use reference::PinReference;
pub use sealed::{LoadedKey, SealedKey};
pub use software::{KeyStoreEntry, SoftwareModule, look_into_store};
pub use usage::{KeyAlgorithm, KeyUsage};
pub use vault::{TestKey, Vault, is_clear};

use payment_types::{Pan, PanDigest, Timestamp};

/// The name of the key that PVVs are made with from then on where a card's product names none:
/// before it, and for every PVKI that none of its versions has, the module's own key.
pub const OWN_PIN_VERIFICATION: &str = "pin-verification";

/// What is known of the PIN of a request: a fact the core takes as given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinFact {
    /// The request carried none.
    NotPresent,
    /// It is the cardholder's.
    Verified,
    /// It is well formed and not the cardholder's: counts as a try (PIN-2).
    Wrong,
    /// It could not be checked: a block that is none under the terminal's key, no key, or no
    /// reference. Never counts as a try, since no PIN was seen.
    Unverifiable,
    /// The module could not be asked. Never counts as a try either.
    Unavailable,
}

impl From<Result<PinOutcome, SecurityError>> for PinFact {
    fn from(outcome: Result<PinOutcome, SecurityError>) -> Self {
        match outcome {
            Ok(PinOutcome::Verified) => Self::Verified,
            Ok(PinOutcome::Wrong) => Self::Wrong,
            Err(SecurityError::Unavailable) => Self::Unavailable,
            Err(_) => Self::Unverifiable,
        }
    }
}

/// Where keys live and secrets are checked: one module per installation, shared between
/// connections, so every method of it and of its parts takes `&self` and may be called from any
/// thread at any time.
pub trait SecurityModule:
    Vault + Pins + CardValues + Chips + Macs + KeyExchange + DataProtection + HealthCheck + Send + Sync
{
    /// The keyed digest that stands for the card number everywhere else (PII-1). The same number
    /// gives the same digest for as long as the installation keeps its digest key.
    fn pan_digest(&self, pan: &Pan) -> PanDigest;

    /// Names the key set without telling anything about it: a journal written with one set cannot
    /// be read with another, since its digests would not be found.
    fn fingerprint(&self) -> [u8; 8];

    /// The store of named keys, where the module has one of its own; `None` where keys are kept
    /// with the device's own tools.
    fn key_life(&self) -> Option<&dyn KeyLife> {
        None
    }

    /// What time it is, so that old versions of keys cease to be accepted.
    fn time_is(&self, now: Timestamp);

    /// The reference of a test PIN, bound to the card number. Test mode only.
    ///
    /// # Errors
    /// [`SecurityError::TestKeysOff`] outside test mode.
    fn reference_for_test_pin(
        &self,
        pan: &Pan,
        pin: &TestPin,
    ) -> Result<PinReference, SecurityError>;
}
