//! Working keys that travel under a terminal's or a network's master key (0800 key exchange).

use crate::{CheckValue, KeyAlgorithm, KeyUsage, LoadedKey, SealedKey, SecurityError};
use core::fmt;

/// In what form a key travels under another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum KeyForm {
    /// A TR-31 key block, version B (triple DES master key): ASCII text.
    Tr31B,
    /// A TR-31 key block, version D (AES master key): ASCII text.
    Tr31D,
    /// The bare key in ECB under the master key: as many bytes as the key has. Nothing in it says
    /// what the key is for, so only the check value protects it.
    Ecb,
}

/// What kind of working key is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkingKey {
    /// `PinEncryption`, `MacTerminal`, `ZonePin` or `ZoneMac`.
    pub usage: KeyUsage,
    /// Double-length triple DES, or AES-128.
    pub algorithm: KeyAlgorithm,
    /// How it travels.
    pub form: KeyForm,
}

/// A new working key.
#[derive(Clone)]
pub struct Generated {
    /// To be stored and loaded.
    pub sealed: SealedKey,
    /// To be sent: see [`KeyForm`].
    pub delivered: Vec<u8>,
    /// To be sent along.
    pub check_value: CheckValue,
}

impl fmt::Debug for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Generated({})", self.check_value)
    }
}

/// See the module. The master key is `TerminalMaster`.
pub trait KeyExchange {
    /// Makes a random working key.
    ///
    /// # Errors
    /// [`SecurityError::WrongUsage`] for a master key or a usage that is no such, or a form that
    /// does not fit the master key's algorithm.
    fn generate_working_key(
        &self,
        master: &LoadedKey,
        wanted: WorkingKey,
    ) -> Result<Generated, SecurityError>;

    /// Takes a working key that the other side delivers.
    ///
    /// # Errors
    /// [`SecurityError::Malformed`] for a key block that cannot be read, whose MAC is wrong, or a
    /// check value that differs; [`SecurityError::WrongUsage`] for a block of another usage;
    /// [`SecurityError::Key`] for a weak key.
    fn import_working_key(
        &self,
        master: &LoadedKey,
        wanted: WorkingKey,
        delivered: &[u8],
        check_value: Option<CheckValue>,
    ) -> Result<SealedKey, SecurityError>;
}
