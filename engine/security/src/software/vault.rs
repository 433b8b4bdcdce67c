//! Loading and sealing.

use super::material::{Held, Material, NAMED, NamedKey, Origin, WRAPPED};
use super::store::StoredKey;
use super::{SoftwareModule, lock};
use crate::versions::Live;
use crate::{KeyUsage, LoadedKey, SealedKey, SecurityError, TestKey, Vault, VersionState};
use std::sync::Arc;

impl Vault for SoftwareModule {
    fn load(&self, key: &SealedKey, usage: KeyUsage) -> Result<LoadedKey, SecurityError> {
        match key.as_bytes().split_first() {
            Some((&WRAPPED, wrapped)) => {
                let (material, origin) = Material::open(&self.wrap, wrapped, usage)?;
                if origin == Origin::Test {
                    self.require_test_mode()?;
                }
                let (algorithm, check) = (material.algorithm(), material.check_value());
                Ok(LoadedKey::new(usage, algorithm, check, Arc::new(Held::one(material))))
            }
            Some((&NAMED, name)) => {
                let name = core::str::from_utf8(name).map_err(|_| SecurityError::NotOurs)?;
                self.load_named(name, usage)
            }
            _ => Err(SecurityError::NotOurs),
        }
    }

    fn seal_test_key(&self, clear: &TestKey, usage: KeyUsage) -> Result<SealedKey, SecurityError> {
        self.require_test_mode()?;
        Material::new(clear)?.seal(&self.wrap, usage, Origin::Test)
    }

    fn named_key(&self, name: &str, usage: KeyUsage) -> Result<SealedKey, SecurityError> {
        self.with_stored(name, usage, |stored| {
            stored.current().ok_or(SecurityError::NoSuchKey)?;
            SealedKey::from_bytes(&[&[NAMED], name.as_bytes()].concat())
        })
    }
}

impl SoftwareModule {
    fn with_stored<T>(
        &self,
        name: &str,
        usage: KeyUsage,
        work: impl FnOnce(&StoredKey) -> Result<T, SecurityError>,
    ) -> Result<T, SecurityError> {
        let store = lock(&self.store);
        let stored = store.keys.get(name).ok_or(SecurityError::NoSuchKey)?;
        if stored.usage != usage {
            return Err(SecurityError::WrongUsage);
        }
        work(stored)
    }

    /// A named key: everybody who loads it shares one cell, which changes when the store does.
    fn load_named(&self, name: &str, usage: KeyUsage) -> Result<LoadedKey, SecurityError> {
        self.with_stored(name, usage, |stored| {
            let current = stored.current().ok_or(SecurityError::NoSuchKey)?;
            let mut cells = lock(&self.live);
            let cell = match cells.get(name) {
                Some(cell) => Arc::clone(cell),
                None => {
                    let versions = self.live_versions(stored)?;
                    let cell = Arc::new(NamedKey::new(versions, Arc::clone(&self.now)));
                    cells.insert(name.to_owned(), Arc::clone(&cell));
                    cell
                }
            };
            let handle = Arc::new(Held::Named(cell));
            Ok(LoadedKey::new(usage, stored.algorithm, current.check_value, handle))
        })
    }

    /// The versions that can be in use, the current one first.
    pub(super) fn live_versions(
        &self,
        stored: &StoredKey,
    ) -> Result<Vec<Live<Material>>, SecurityError> {
        let mut live = Vec::new();
        for version in stored.versions.iter().rev() {
            let until = match version.state {
                VersionState::Current => None,
                VersionState::Accepted(until) => Some(until),
                VersionState::Retired | VersionState::Destroyed => continue,
            };
            let material = version.open(&self.store_wrap, stored.usage)?;
            live.push(Live { key: material, pvki: version.pvki, until });
        }
        live.sort_by_key(|version| version.until.is_some());
        Ok(live)
    }
}
