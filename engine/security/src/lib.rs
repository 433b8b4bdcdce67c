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

mod error;
mod key;
mod keys_file;
mod pin;
mod pin_block;
mod reference;
mod software;
mod terminal_key;
mod visa_pvv;

pub use error::{KeyError, OpenError, SecurityError};
pub use key::{AesKey, CheckValue, ClearKey, TdesKey};
pub use pin::{TestPin, TestPinError};
pub use pin_block::{PinBlock, PinBlockFormat, encrypt_pin_block_iso0};
pub use reference::PinReference;
pub use software::SoftwareModule;
pub use terminal_key::{LoadedTerminalKey, TerminalKey};
pub use visa_pvv::{Pvv, visa_pvv};

use payment_types::{Pan, PanDigest};

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
}

/// The outcome of a verification that could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinOutcome {
    /// The PIN is the cardholder's.
    Verified,
    /// It is another.
    Wrong,
}

impl From<Result<PinOutcome, SecurityError>> for PinFact {
    fn from(outcome: Result<PinOutcome, SecurityError>) -> Self {
        match outcome {
            Ok(PinOutcome::Verified) => Self::Verified,
            Ok(PinOutcome::Wrong) => Self::Wrong,
            Err(_) => Self::Unverifiable,
        }
    }
}

/// Where keys live and PINs are checked. Implementations are shared between connections, so every
/// method takes `&self` and may be called from any thread at any time.
pub trait SecurityModule: Send + Sync {
    /// The keyed digest that stands for the card number everywhere else (PII-1). The same number
    /// gives the same digest for as long as the installation keeps its digest key.
    fn pan_digest(&self, pan: &Pan) -> PanDigest;

    /// Names the key set without telling anything about it: a journal written with one set cannot
    /// be read with another, since its digests would not be found.
    fn fingerprint(&self) -> [u8; 8];

    /// Makes a sealed terminal key ready for use. To be done once per terminal, not per request.
    ///
    /// # Errors
    /// [`SecurityError::NotOurs`] if it was sealed by another module or is damaged,
    /// [`SecurityError::TestKeysOff`] if it came in clear and this module is not in test mode.
    fn load_terminal_key(&self, key: &TerminalKey) -> Result<LoadedTerminalKey, SecurityError>;

    /// Whether the PIN in the block is the one the reference was made of (PIN-1).
    ///
    /// # Errors
    /// [`SecurityError::PinBlock`] if what decrypts is no PIN block for this card number (a wrong
    /// key looks like that too), [`SecurityError::TestKeysOff`] for a test PIN's reference outside
    /// test mode. Neither says anything about the PIN, so neither counts as a try.
    fn verify_pin(
        &self,
        block: &PinBlock,
        format: PinBlockFormat,
        terminal_key: &LoadedTerminalKey,
        pan: &Pan,
        reference: &PinReference,
    ) -> Result<PinOutcome, SecurityError>;

    /// The reference of a test PIN, bound to the card number. Test mode only.
    ///
    /// # Errors
    /// [`SecurityError::TestKeysOff`] outside test mode.
    fn reference_for_test_pin(
        &self,
        pan: &Pan,
        pin: &TestPin,
    ) -> Result<PinReference, SecurityError>;

    /// Seals a clear terminal PIN key, so that it may be stored. Test mode only: in production a
    /// key arrives under another key, never in clear.
    ///
    /// # Errors
    /// [`SecurityError::TestKeysOff`] outside test mode, [`SecurityError::Key`] for a key that is
    /// single DES, in disguise or not.
    fn wrap_terminal_key(&self, clear: &ClearKey) -> Result<TerminalKey, SecurityError>;
}
