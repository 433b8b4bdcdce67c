//! PINs: verified and changed inside the module (PIN-1, PIN-4), never handed out.

use crate::{LoadedKey, PinBlockFormat, PinReference, SecurityError};
use core::fmt;
use payment_types::Pan;

/// Which key a PIN block is under.
#[derive(Debug, Clone, Copy)]
pub enum PinSource<'a> {
    /// A working key: `PinEncryption` or `ZonePin`.
    Session(&'a LoadedKey),
    /// A key of the transaction, derived from `BaseDerivationTdes` or `BaseDerivationAes`.
    Dukpt {
        /// The base derivation key.
        base: &'a LoadedKey,
        /// The key serial number as sent: 10 bytes for triple DES, 12 for AES.
        ksn: &'a [u8],
    },
}

/// A PIN block as a terminal sends it.
#[derive(Clone, Copy)]
pub struct PinData<'a> {
    /// Encrypted: 8 bytes, or 16 for format 4.
    pub block: &'a [u8],
    /// How the PIN is laid out in it.
    pub format: PinBlockFormat,
    /// What it is encrypted with.
    pub source: PinSource<'a>,
}

impl fmt::Debug for PinData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PinData(hidden, {:?}, {:?})", self.format, self.source)
    }
}

/// The decimalization table most issuers use.
pub const USUAL_DECIMALIZATION: [u8; 16] = *b"0123456789012345";

/// A card, as far as its PIN goes.
#[derive(Debug, Clone, Copy)]
pub struct PinCard<'a> {
    /// Its number.
    pub pan: &'a Pan,
    /// What the PIN is checked against.
    pub reference: &'a PinReference,
    /// `PinVerificationVisa` or `PinVerificationIbm`, as the reference needs. `None` means the
    /// module's own PIN verification key for a PVV; an offset cannot do without.
    pub key: Option<&'a LoadedKey>,
    /// For an offset: sixteen ASCII digits.
    pub decimalization: &'a [u8; 16],
}

/// The outcome of a verification that could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinOutcome {
    /// The PIN is the cardholder's.
    Verified,
    /// It is another.
    Wrong,
}

/// The outcome of a PIN change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinChange {
    /// Of the current PIN; `Verified` where none was asked for.
    pub outcome: PinOutcome,
    /// What to store from now on; `None` unless `outcome` is `Verified`.
    pub new: Option<PinReference>,
}

/// See the module.
pub trait Pins {
    /// Whether the PIN in the block is the one the reference was made of (PIN-1).
    ///
    /// # Errors
    /// [`SecurityError::PinBlock`] if what decrypts is no PIN block for this card number (a wrong
    /// key looks like that too), [`SecurityError::Malformed`] for a block of another length than
    /// its format has, [`SecurityError::Ksn`], [`SecurityError::WrongUsage`],
    /// [`SecurityError::TestKeysOff`] for a test PIN's reference outside test mode. None of them
    /// says anything about the PIN, so none counts as a try (PIN-2).
    fn verify_pin(
        &self,
        pin: &PinData<'_>,
        card: &PinCard<'_>,
    ) -> Result<PinOutcome, SecurityError>;

    /// Verifies the current PIN and makes the reference of the new one, of the same kind as the
    /// card has, in one step (PIN-4). `current` is `None` only where staff identified the holder.
    ///
    /// # Errors
    /// As [`Self::verify_pin`], for either block.
    fn change_pin(
        &self,
        current: Option<&PinData<'_>>,
        new: &PinData<'_>,
        card: &PinCard<'_>,
    ) -> Result<PinChange, SecurityError>;
}
