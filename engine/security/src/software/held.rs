//! What a loaded key of this module points at: one key, or a named key with the versions that are
//! accepted at present.

use super::material::Material;
use crate::{AesKey, SecurityError, TdesKey};
use core::sync::atomic::{AtomicI64, Ordering};
use payment_types::Timestamp;
use std::sync::{Arc, PoisonError, RwLock};
use subtle::Choice;

/// A version in use.
pub(super) struct Live {
    pub(super) material: Material,
    pub(super) pvki: Option<u8>,
    /// Until when it is accepted; `None` for the current version.
    pub(super) until: Option<Timestamp>,
}

impl Live {
    /// The key, if it is one of triple DES.
    pub(super) fn tdes(&self) -> Result<&TdesKey, SecurityError> {
        match &self.material {
            Material::Tdes { key, .. } => Ok(key),
            _ => Err(SecurityError::WrongUsage),
        }
    }

    /// The key, if it is one of AES.
    pub(super) fn aes(&self) -> Result<&AesKey, SecurityError> {
        match &self.material {
            Material::Aes(key) => Ok(key),
            _ => Err(SecurityError::WrongUsage),
        }
    }
}

/// See the module.
pub(super) enum Held {
    One(Live),
    Named(Arc<NamedKey>),
}

/// The live versions of a named key, the current one first. Exchanged as a whole when the store
/// changes, so that whoever holds the key has the new version at once.
pub(super) struct NamedKey {
    versions: RwLock<Arc<[Live]>>,
    now: Arc<AtomicI64>,
}

impl NamedKey {
    pub(super) fn new(versions: Vec<Live>, now: Arc<AtomicI64>) -> Self {
        Self { versions: RwLock::new(versions.into()), now }
    }

    pub(super) fn set(&self, versions: Vec<Live>) {
        *self.versions.write().unwrap_or_else(PoisonError::into_inner) = versions.into();
    }

    fn versions(&self) -> Arc<[Live]> {
        Arc::clone(&self.versions.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Held {
    pub(super) const fn one(material: Material) -> Self {
        Self::One(Live { material, pvki: None, until: None })
    }

    /// With the version that new things are made with.
    ///
    /// # Errors
    /// [`SecurityError::NoSuchKey`] if there is none any more; what `work` says.
    pub(super) fn current<T>(
        &self,
        work: impl FnOnce(&Live) -> Result<T, SecurityError>,
    ) -> Result<T, SecurityError> {
        match self {
            Self::One(live) => work(live),
            Self::Named(named) => match named.versions().first() {
                Some(live) if live.until.is_none() => work(live),
                _ => Err(SecurityError::NoSuchKey),
            },
        }
    }

    /// With each version that is accepted now, the current one first.
    ///
    /// # Errors
    /// [`SecurityError::NoSuchKey`] if there is none; the first error of `work`.
    pub(super) fn each(
        &self,
        mut work: impl FnMut(&Live) -> Result<(), SecurityError>,
    ) -> Result<(), SecurityError> {
        let named = match self {
            Self::One(live) => return work(live),
            Self::Named(named) => named,
        };
        let now = Timestamp(named.now.load(Ordering::Relaxed));
        let mut any = false;
        for live in named.versions().iter() {
            if live.until.is_none_or(|until| now < until) {
                any = true;
                work(live)?;
            }
        }
        if any { Ok(()) } else { Err(SecurityError::NoSuchKey) }
    }

    /// Whether `check` holds for any version that is accepted now. All are tried, whatever the
    /// first ones say.
    pub(super) fn any(
        &self,
        mut check: impl FnMut(&Live) -> Result<Choice, SecurityError>,
    ) -> Result<Choice, SecurityError> {
        let mut found = Choice::from(0);
        self.each(|live| {
            found |= check(live)?;
            Ok(())
        })?;
        Ok(found)
    }
}
