//! The root key and the master key: all that seals is derived of the root key, which lies in the store
//! wrapped under the master key. So the master key can be changed without touching what is sealed in
//! the journal, in snapshots and in the files of customers' keys, none of which may be rewritten.
//!
//! A change is crash-safe though it concerns two files in two places. The new master key is written
//! beside the old one; then the store is replaced, which decides; then the new master key gets the
//! old one's name. A start that finds the store under the key that lies beside does that last step.

use super::{SoftwareModule, derived, lock, store_file};
use crate::files::{self, failed};
use crate::{CheckValue, MasterKey, OpenError};
use aes_kw::KwAes256;
use hmac::KeyInit;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// 32 bytes of which keys are derived, and as they lie in the store.
#[derive(Clone)]
pub(super) struct RootKey {
    bytes: Zeroizing<[u8; 32]>,
    wrapped: String,
    master: CheckValue,
}

impl RootKey {
    /// A new one from the operating system's randomness.
    pub(super) fn random(master: &MasterKey) -> Result<Self, OpenError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(OpenError::Random)?;
        Ok(Self::of(*bytes, master))
    }

    pub(super) fn of(bytes: [u8; 32], master: &MasterKey) -> Self {
        let mut room = [0; 40];
        // 32 bytes into 40: it cannot be too long.
        let wrapped = wrapping(master).wrap_key(&bytes, &mut room).map(hex::encode);
        let (wrapped, master) = (wrapped.unwrap_or_default(), master.check_value());
        Self { bytes: Zeroizing::new(bytes), wrapped, master }
    }

    /// Out of a store. Of what another master key wrapped, or nobody, comes a key that opens
    /// nothing, which the store's own checks tell in their words.
    pub(super) fn opened(wrapped: &str, master: &MasterKey) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        let opened = hex::decode(wrapped).ok().and_then(|wrapped| {
            let clear = wrapping(master).unwrap_key(&wrapped, &mut *bytes).ok()?;
            (clear.len() == 32).then_some(())
        });
        if opened.is_none() {
            bytes.fill(0);
        }
        Self { bytes, wrapped: wrapped.to_owned(), master: master.check_value() }
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    pub(super) fn wrapped(&self) -> &str {
        &self.wrapped
    }

    pub(super) const fn master(&self) -> CheckValue {
        self.master
    }
}

fn wrapping(master: &MasterKey) -> KwAes256 {
    KwAes256::new((&*derived(master.bytes(), b"tamga root key 1")).into())
}

/// Where a new master key lies until it is in force.
fn beside(master_key: &Path) -> PathBuf {
    master_key.with_extension("next")
}

/// The master key of a store: that of the file, or, if a change was cut off after the store was
/// replaced, the one beside it, which gets the file's name now.
pub(super) fn of_store(text: &str, master_key: &Path) -> Result<MasterKey, OpenError> {
    let master = MasterKey::open(master_key)?;
    let sealed_under = store_file::master_in(text);
    let next = beside(master_key);
    if master.check_value().to_string() == sealed_under || !next.exists() {
        return Ok(master);
    }
    let new = MasterKey::open(&next)?;
    if new.check_value().to_string() != sealed_under {
        return Ok(master);
    }
    files::replace(&next, master_key)?;
    Ok(new)
}

impl SoftwareModule {
    /// Puts another master key in the place of the one in force, for a data directory that nobody
    /// has open. Nothing else that is sealed changes. Gives the check value of the one before.
    ///
    /// # Errors
    /// [`OpenError`] if it cannot be opened under the one in force, or not be written; then that
    /// stays in force.
    pub fn rotate_master(
        dir: &Path,
        master_key: &Path,
        new: &MasterKey,
    ) -> Result<CheckValue, OpenError> {
        let mut module = Self::open(dir, master_key, false)?;
        let path = dir.join(super::STORE);
        let before = module.root.master();
        let next = beside(master_key);
        // Of a change that was cut off before it was one.
        if next.exists() {
            std::fs::remove_file(&next).map_err(failed("remove", &next))?;
        }
        new.create(&next)?;
        module.root = RootKey::of(*module.root.bytes(), new);
        let text = module.sealing().text(&module.own, &lock(&module.store));
        files::write(&path, text.as_bytes())?;
        files::replace(&next, master_key)?;
        Ok(before)
    }
}
