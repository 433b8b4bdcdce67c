//! What the software module keeps: its own keys, and those that have a name, with their versions.

use super::material::{Material, Origin};
use super::random_key;
use crate::key_life::{NewKey, VersionState};
use crate::{
    CeremonyRecord, CheckValue, ClearKey, KeyAlgorithm, KeyList, KeyRecord, KeyUsage, OpenError,
    SecurityError, TdesKey, VersionRecord,
};
use aes_kw::KwAes256;
use payment_types::{BusinessDate, Timestamp};
use std::collections::BTreeMap;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The keys that every installation has from its first start.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct OwnKeys {
    /// Makes digests of card numbers.
    pub(super) digest: [u8; 32],
    /// The PIN verification key where none is named, double length.
    pub(super) pin_verification: [u8; 16],
}

impl OwnKeys {
    /// New keys from the operating system's randomness.
    pub(super) fn random() -> Result<Self, OpenError> {
        let mut keys = Self { digest: [0; 32], pin_verification: [0; 16] };
        getrandom::fill(&mut keys.digest).map_err(OpenError::Random)?;
        let key = random_key(16)?;
        keys.pin_verification.copy_from_slice(key.expose_bytes());
        Ok(keys)
    }

    /// The PIN verification key, ready for use.
    pub(super) fn pin_verification(&self) -> Material {
        let key = Box::new(TdesKey::derived(&self.pin_verification));
        Material::Tdes { clear: ClearKey::double(&self.pin_verification), key }
    }
}

/// The store as it is on disk.
#[derive(Clone, Default)]
pub(super) struct Store {
    pub(super) keys: BTreeMap<String, StoredKey>,
    pub(super) ceremonies: BTreeMap<String, Ceremony>,
    /// Counts the changes of this process, so that two of them cannot cross.
    pub(super) generation: u64,
}

#[derive(Clone)]
pub(super) struct StoredKey {
    pub(super) usage: KeyUsage,
    pub(super) algorithm: KeyAlgorithm,
    /// Newest last.
    pub(super) versions: Vec<StoredVersion>,
}

#[derive(Clone)]
pub(super) struct StoredVersion {
    pub(super) number: u32,
    pub(super) check_value: CheckValue,
    pub(super) state: VersionState,
    pub(super) created_at: Timestamp,
    pub(super) expires_on: Option<BusinessDate>,
    pub(super) pvki: Option<u8>,
    pub(super) length: u8,
    /// Wrapped under the master key; empty once destroyed.
    pub(super) sealed: Vec<u8>,
}

#[derive(Clone)]
pub(super) struct Ceremony {
    pub(super) key: NewKey,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) components: u8,
    pub(super) check_value: CheckValue,
    pub(super) begun_at: Timestamp,
    /// By whom, and the component, wrapped.
    pub(super) given: Vec<(String, Vec<u8>)>,
}

impl Store {
    pub(super) fn list(&self, now: Timestamp) -> KeyList {
        let keys = self.keys.iter().map(|(name, key)| KeyRecord {
            name: name.clone(),
            usage: key.usage,
            algorithm: key.algorithm,
            versions: key.versions.iter().map(|version| version.record(now)).collect(),
        });
        let ceremonies = self.ceremonies.iter().map(|(name, ceremony)| CeremonyRecord {
            name: name.clone(),
            usage: ceremony.key.usage,
            algorithm: ceremony.algorithm,
            components: ceremony.components,
            given_by: ceremony.given.iter().map(|(by, _)| by.clone()).collect(),
            check_value: ceremony.check_value,
            begun_at: ceremony.begun_at,
        });
        KeyList { keys: keys.collect(), ceremonies: ceremonies.collect() }
    }
}

impl StoredKey {
    pub(super) fn current(&self) -> Option<&StoredVersion> {
        self.versions.iter().find(|version| version.state == VersionState::Current)
    }

    /// The versions as they are stored, whatever time it is.
    pub(super) fn records(&self) -> Vec<VersionRecord> {
        let first = Timestamp(i64::MIN);
        self.versions.iter().map(|version| version.record(first)).collect()
    }

    pub(super) fn next_number(&self) -> u32 {
        self.versions.last().map_or(1, |last| last.number.saturating_add(1))
    }
}

impl StoredVersion {
    pub(super) fn open(&self, wrap: &KwAes256, usage: KeyUsage) -> Result<Material, SecurityError> {
        if self.sealed.is_empty() {
            return Err(SecurityError::NoSuchKey);
        }
        match Material::open(wrap, &self.sealed, usage)? {
            (material, Origin::Own) => Ok(material),
            (_, Origin::Test) => Err(SecurityError::NotOurs),
        }
    }

    /// Whether something is still made or accepted with it.
    pub(super) fn is_used(&self, now: Timestamp) -> bool {
        match self.state {
            VersionState::Current => true,
            VersionState::Accepted(until) => until > now,
            VersionState::Retired | VersionState::Destroyed => false,
        }
    }

    fn record(&self, now: Timestamp) -> VersionRecord {
        let state = match self.state {
            VersionState::Accepted(until) if until <= now => VersionState::Retired,
            other => other,
        };
        VersionRecord {
            version: self.number,
            check_value: self.check_value,
            state,
            created_at: self.created_at,
            expires_on: self.expires_on,
            pvki: self.pvki,
            length: self.length,
        }
    }
}
