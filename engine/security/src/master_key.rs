//! The key over all keys of the software module, in a file of its own that is kept apart from the
//! data: whoever has only one of the two has nothing.
//!
//! Text: `tamga-master-key 1`, `key = ` with 64 hex digits, `checksum = ` with the SHA-256 of what
//! stands before that line. Only its owner may read it.

use crate::files::{self, failed};
use crate::{AesKey, CheckValue, OpenError};
use sha2::{Digest, Sha256};
use std::path::Path;
use zeroize::Zeroizing;

const TITLE: &str = "tamga-master-key 1\n";
const KEY: &str = "key = ";
const CHECKSUM: &str = "checksum = ";

/// 32 bytes that seal all others.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A new one from the operating system's randomness.
    ///
    /// # Errors
    /// [`OpenError::Random`].
    pub fn random() -> Result<Self, OpenError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).map_err(OpenError::Random)?;
        Ok(Self(key))
    }

    /// The exclusive or of components of 32 bytes each, in hex digits, so that no custodian alone
    /// knows it. `None` if one is no such component, or there are less than two.
    #[must_use]
    pub fn from_components(components: &[Zeroizing<String>]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        for component in components {
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(component.trim(), &mut *bytes).ok()?;
            for (to, from) in key.iter_mut().zip(bytes.iter()) {
                *to ^= from;
            }
        }
        (components.len() >= 2).then_some(Self(key))
    }

    pub(crate) fn of(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What tells one master key from another: the AES check value.
    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        let key = AesKey::from_bytes(&*self.0);
        key.map_or(CheckValue::from_bytes([0; 3]), |key| key.check_value())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`OpenError::NoMasterKey`] if it is not there, else what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let text = files::read(path)?;
        let text = text.ok_or_else(|| OpenError::NoMasterKey { path: path.to_owned() })?;
        let damaged = |why| OpenError::Damaged { path: path.to_owned(), why };
        let (body, given) =
            text.rsplit_once(CHECKSUM).ok_or_else(|| damaged("the checksum is missing"))?;
        if given.trim_end() != hex::encode(Sha256::digest(body.as_bytes())) {
            return Err(damaged("the checksum is wrong"));
        }
        let digits = body.strip_prefix(TITLE).and_then(|rest| rest.strip_prefix(KEY));
        let digits = digits.ok_or_else(|| damaged("it does not begin as a master key does"))?;
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits.trim_end(), &mut *key)
            .map_err(|_| damaged("the key is not 64 hex digits"))?;
        Ok(Self(key))
    }

    /// Writes a new file, readable by its owner only.
    ///
    /// # Errors
    /// [`OpenError::MasterKeyExists`]: a master key is never overwritten, since everything sealed
    /// under it would be lost.
    pub fn create(&self, path: &Path) -> Result<(), OpenError> {
        if path.exists() {
            return Err(OpenError::MasterKeyExists { path: path.to_owned() });
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed("make the folder of", path))?;
        }
        let digits = Zeroizing::new(hex::encode(*self.0));
        let mut text = Zeroizing::new(String::with_capacity(256));
        for part in [TITLE, KEY, &digits, "\n"] {
            text.push_str(part);
        }
        let checksum = hex::encode(Sha256::digest(text.as_bytes()));
        for part in [CHECKSUM, &checksum, "\n"] {
            text.push_str(part);
        }
        files::write(path, text.as_bytes())
    }
}

impl core::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MasterKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn comes_back_and_is_its_owners_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/master.key");
        let key = MasterKey::random().unwrap();
        key.create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::open(&path).unwrap().bytes(), key.bytes());
        let again = key.create(&path).unwrap_err();
        assert!(matches!(again, OpenError::MasterKeyExists { .. }), "{again}");
    }

    #[test]
    fn each_damage_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let missing = MasterKey::open(&path).unwrap_err().to_string();
        assert!(missing.contains("tamga key master"), "what to do: {missing}");
        MasterKey::of([7; 32]).create(&path).unwrap();
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() - 1 {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert!(MasterKey::open(&path).is_err(), "byte {at}");
            fs::write(&path, &good[..at]).unwrap();
            assert!(MasterKey::open(&path).is_err(), "cut at {at}");
        }
        fs::write(&path, &good).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let open = MasterKey::open(&path).unwrap_err().to_string();
        assert!(open.contains("chmod 600"), "{open}");
    }

    #[test]
    fn components_make_one_key_whatever_their_order() {
        let one = Zeroizing::new("11".repeat(32));
        let two = Zeroizing::new("A5".repeat(32));
        let key = MasterKey::from_components(&[one.clone(), two.clone()]).unwrap();
        assert_eq!(key.bytes(), &[0xB4; 32]);
        let other = MasterKey::from_components(&[two, one.clone()]).unwrap();
        assert_eq!(key.check_value(), other.check_value());
        assert!(MasterKey::from_components(std::slice::from_ref(&one)).is_none(), "one alone");
        assert!(MasterKey::from_components(&[one, Zeroizing::new("11".to_owned())]).is_none());
    }
}
