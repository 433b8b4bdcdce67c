//! What a loaded key points at: one key, or a named key with the versions that are accepted at
//! present. Modules differ in what a version is: material in this process, an object of a token.

use crate::SecurityError;
use core::sync::atomic::{AtomicI64, Ordering};
use payment_types::Timestamp;
use std::sync::{Arc, PoisonError, RwLock};
use subtle::Choice;

/// A version in use.
pub(crate) struct Live<K> {
    pub(crate) key: K,
    pub(crate) pvki: Option<u8>,
    /// Until when it is accepted; `None` for the current version.
    pub(crate) until: Option<Timestamp>,
}

impl<K> Live<K> {
    /// The only version of its key.
    pub(crate) const fn only(key: K) -> Self {
        Self { key, pvki: None, until: None }
    }
}

/// See the module.
pub(crate) enum Held<K> {
    One(Live<K>),
    Named(Arc<NamedKey<K>>),
}

/// The live versions of a named key, the current one first. Exchanged as a whole when the store
/// changes, so that whoever holds the key has the new version at once.
pub(crate) struct NamedKey<K> {
    versions: RwLock<Arc<[Live<K>]>>,
    now: Arc<AtomicI64>,
}

impl<K> NamedKey<K> {
    pub(crate) fn new(versions: Vec<Live<K>>, now: Arc<AtomicI64>) -> Self {
        Self { versions: RwLock::new(versions.into()), now }
    }

    pub(crate) fn set(&self, versions: Vec<Live<K>>) {
        *self.versions.write().unwrap_or_else(PoisonError::into_inner) = versions.into();
    }

    fn versions(&self) -> Arc<[Live<K>]> {
        Arc::clone(&self.versions.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K> Held<K> {
    pub(crate) const fn one(key: K) -> Self {
        Self::One(Live::only(key))
    }

    /// With the version that new things are made with.
    ///
    /// # Errors
    /// [`SecurityError::NoSuchKey`] if there is none any more; what `work` says.
    pub(crate) fn current<T>(
        &self,
        work: impl FnOnce(&Live<K>) -> Result<T, SecurityError>,
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
    pub(crate) fn each(
        &self,
        mut work: impl FnMut(&Live<K>) -> Result<(), SecurityError>,
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
    pub(crate) fn any(
        &self,
        mut check: impl FnMut(&K) -> Result<Choice, SecurityError>,
    ) -> Result<Choice, SecurityError> {
        let mut found = Choice::from(0);
        self.each(|live| {
            found |= check(&live.key)?;
            Ok(())
        })?;
        Ok(found)
    }
}
