//! Keys in and out of use.

use crate::{
    AesKey, ClearKey, KeyAlgorithm, KeyError, KeyUsage, LoadedKey, SealedKey, SecurityError,
};
use zeroize::Zeroizing;

/// A key in clear, as test portfolios write it. Never a real one.
#[derive(Clone)]
pub enum TestKey {
    /// For triple DES.
    Tdes(ClearKey),
    /// For AES.
    Aes(AesKey),
    /// For HMAC, of any length up to 32 bytes.
    Hmac(Zeroizing<Vec<u8>>),
}

impl TestKey {
    /// From hex digits. `aes:` and `tdes:` before them say which it is where the usage leaves it
    /// open; without, a key of 32 bytes is AES, and a shorter one is triple DES.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_text(text: &str, usage: KeyUsage) -> Result<Self, KeyError> {
        let (algorithm, digits) = match text.split_once(':') {
            Some(("aes", digits)) => (KeyAlgorithm::Aes, digits),
            Some(("tdes", digits)) => (KeyAlgorithm::Tdes, digits),
            _ if text.len() == 64 && usage.allows(KeyAlgorithm::Aes) => (KeyAlgorithm::Aes, text),
            _ => (usage.usual_algorithm(), text),
        };
        match algorithm {
            KeyAlgorithm::Tdes => ClearKey::from_hex(digits).map(Self::Tdes),
            KeyAlgorithm::Aes => AesKey::from_hex(digits).map(Self::Aes),
            KeyAlgorithm::Hmac => {
                let key = hex::decode(digits).map(Zeroizing::new).map_err(|_| KeyError::NotHex)?;
                let fits = (16..=32).contains(&key.len());
                if fits { Ok(Self::Hmac(key)) } else { Err(KeyError::Length) }
            }
        }
    }

    /// What it computes with.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Tdes(_) => KeyAlgorithm::Tdes,
            Self::Aes(_) => KeyAlgorithm::Aes,
            Self::Hmac(_) => KeyAlgorithm::Hmac,
        }
    }
}

impl core::fmt::Debug for TestKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TestKey(hidden)")
    }
}

/// Where keys are kept.
pub trait Vault {
    /// Makes a sealed key ready for use. To be done once per device or product, not per request.
    ///
    /// # Errors
    /// [`SecurityError::NotOurs`] if another module sealed it or it is damaged,
    /// [`SecurityError::WrongUsage`] if it is sealed for another usage,
    /// [`SecurityError::TestKeysOff`] if it came in clear and this module is not in test mode,
    /// [`SecurityError::NoSuchKey`] if it names a key the store does not have (any more).
    fn load(&self, key: &SealedKey, usage: KeyUsage) -> Result<LoadedKey, SecurityError>;

    /// Seals a key that came in clear, so that it may be stored. Test mode only: in production a
    /// key comes by components or under another key.
    ///
    /// # Errors
    /// [`SecurityError::TestKeysOff`] outside test mode, [`SecurityError::Key`] for a weak key,
    /// [`SecurityError::WrongUsage`] if the usage has no key of that algorithm.
    fn seal_test_key(&self, clear: &TestKey, usage: KeyUsage) -> Result<SealedKey, SecurityError>;

    /// A reference to a key of the module's own store. Loading it gives the key with all versions
    /// that are accepted, now and after each rotation.
    ///
    /// # Errors
    /// [`SecurityError::NoSuchKey`], [`SecurityError::WrongUsage`].
    fn named_key(&self, name: &str, usage: KeyUsage) -> Result<SealedKey, SecurityError>;

    /// A key as a portfolio writes it: clear hex digits in test mode, else a name of the store.
    ///
    /// # Errors
    /// As [`Self::seal_test_key`] and [`Self::named_key`].
    fn written_key(&self, text: &str, usage: KeyUsage) -> Result<SealedKey, SecurityError> {
        if is_clear(text) {
            self.seal_test_key(&TestKey::from_text(text, usage)?, usage)
        } else {
            self.named_key(text, usage)
        }
    }
}

/// Whether the text is meant as a key and not as a name: what cannot be a name, since names of keys
/// are refused when they look like one.
#[must_use]
pub fn is_clear(text: &str) -> bool {
    let digits = text.strip_prefix("aes:").or_else(|| text.strip_prefix("tdes:"));
    digits.is_some() || (text.len() >= 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
