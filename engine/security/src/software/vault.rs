//! Loading and sealing.

use super::SoftwareModule;
use super::held::Held;
use super::material::{Material, NAMED, Origin, WRAPPED};
use crate::{KeyUsage, LoadedKey, SealedKey, SecurityError, TestKey, Vault};
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
            Some((&NAMED, _)) => Err(SecurityError::NoSuchKey),
            _ => Err(SecurityError::NotOurs),
        }
    }

    fn seal_test_key(&self, clear: &TestKey, usage: KeyUsage) -> Result<SealedKey, SecurityError> {
        self.require_test_mode()?;
        Material::new(clear)?.seal(&self.wrap, usage, Origin::Test)
    }

    fn named_key(&self, _name: &str, _usage: KeyUsage) -> Result<SealedKey, SecurityError> {
        Err(SecurityError::NoSuchKey)
    }
}
