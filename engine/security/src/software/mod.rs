//! The module that keeps its keys in a file and computes in this process.
//!
//! Its keys are in this process's memory, so whoever can read that memory has them; and the DES and
//! AES underneath may use tables, whose timing another program on the same core could watch. For
//! production keys the same trait is served by an HSM.

mod data;
mod exchange;
mod health;
pub(crate) mod key_block;
mod life;
mod master;
mod material;
mod steps;
mod store;
mod store_file;
mod vault;

use crate::composed::Composed;
use crate::files;
use crate::reference::Kind;
use crate::versions::Live;
use crate::{
    ClearKey, KeyLife, KeyUsage, MasterKey, OWN_PIN_VERIFICATION, OpenError, PinReference,
    SecurityError, SecurityModule, TdesKey, TestPin,
};
use aes_kw::KwAes256;
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use master::RootKey;
use material::{Held, NamedKey};
use payment_types::{Pan, PanDigest, Timestamp};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{OwnKeys, Store};
use store_file::Sealing;
pub use store_file::{KeyStoreEntry, look_into_store};
use zeroize::Zeroizing;

type HmacSha256 = Hmac<Sha256>;

/// Keys in a file, cryptography in software.
pub struct SoftwareModule {
    /// HMAC states with the key already taken in: a digest then costs two blocks of SHA-256.
    digest: HmacSha256,
    test_pin: HmacSha256,
    /// Seals what others store.
    wrap: KwAes256,
    /// Seals what the store's own file holds.
    store_wrap: KwAes256,
    store_mac: HmacSha256,
    root: RootKey,
    own: OwnKeys,
    /// Of cards whose product names none: the key named so, and the installation's own.
    pin_verification: Held,
    fingerprint: [u8; 8],
    test_keys: bool,
    /// Where the store is written; `None` for one in memory.
    path: Option<PathBuf>,
    store: Mutex<Store>,
    live: Mutex<BTreeMap<String, Arc<NamedKey>>>,
    /// A change is journaled and could not be written: no other may follow.
    stuck: AtomicBool,
    /// The last time told, in milliseconds.
    now: Arc<AtomicI64>,
}

/// The store's name in the data directory.
const STORE: &str = "keys";

impl SoftwareModule {
    /// Opens the keys of a data directory, sealed under the master key of a file kept elsewhere.
    /// For a directory that already holds data: its keys cannot be made again, so a missing file
    /// is an error.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(dir: &Path, master_key: &Path, test_keys: bool) -> Result<Self, OpenError> {
        let path = dir.join(STORE);
        let text = files::read(&path)?.ok_or_else(|| OpenError::Missing { path: path.clone() })?;
        Self::read(&master::of_store(&text, master_key)?, &text, path, test_keys)
    }

    /// Opens the keys of a data directory, or makes new random ones where there are none. In test
    /// mode (`test_keys`: clear test keys and test PINs are accepted) a master key is made too; in
    /// production that is a step of its own, which people see.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_or_create(
        dir: &Path,
        master_key: &Path,
        test_keys: bool,
    ) -> Result<Self, OpenError> {
        let path = dir.join(STORE);
        let text = files::read(&path)?;
        let opened = match &text {
            Some(text) => master::of_store(text, master_key),
            None => MasterKey::open(master_key),
        };
        let master = match opened {
            Err(OpenError::NoMasterKey { .. }) if test_keys && text.is_none() => {
                let master = MasterKey::random()?;
                master.create(master_key)?;
                master
            }
            other => other?,
        };
        if let Some(text) = text {
            return Self::read(&master, &text, path, test_keys);
        }
        let (own, root) = (OwnKeys::random()?, RootKey::random(&master)?);
        let module = Self::new(root, own, Store::default(), test_keys).stored_at(path);
        module.write(&lock(&module.store))?;
        Ok(module)
    }

    /// A module in test mode with keys that are the same in every process and known to everyone.
    #[must_use]
    pub fn ephemeral_for_tests() -> Self {
        let own = OwnKeys {
            digest: *b"the digest key of tests, 32 byte",
            pin_verification: *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10",
        };
        let master = MasterKey::of(*b"the master key of tests, 32 byte");
        Self::new(
            RootKey::of(*b"the root key of the tests, 32 by", &master),
            own,
            Store::default(),
            true,
        )
    }

    fn read(
        master: &MasterKey,
        text: &str,
        path: PathBuf,
        test_keys: bool,
    ) -> Result<Self, OpenError> {
        let nobody = OwnKeys { digest: [0; 32], pin_verification: [1; 16] };
        let root = RootKey::opened(store_file::root_in(text), master);
        let sealing = Self::new(root.clone(), nobody, Store::default(), test_keys);
        let (own, store) = sealing.sealing().parse(text, &path)?;
        let module = Self::new(root, own, store, test_keys);
        let whole = lock(&module.store).keys.values().all(|key| module.live_versions(key).is_ok());
        if whole {
            module.put_own_in_place(&lock(&module.store));
            Ok(module.stored_at(path))
        } else {
            Err(OpenError::Damaged { path, why: "a key in it cannot be opened" })
        }
    }

    fn stored_at(mut self, path: PathBuf) -> Self {
        self.path = Some(path);
        self
    }

    fn new(root: RootKey, own: OwnKeys, store: Store, test_keys: bool) -> Self {
        let digest = keyed(&own.digest);
        let mut name = digest.clone();
        name.update(b"tamga key set fingerprint 1");
        let [a, b, c, d, e, f, g, h, ..] = finish(name);
        let now = Arc::<AtomicI64>::default();
        let wrapping = |purpose: &[u8]| KwAes256::new((&*derived(root.bytes(), purpose)).into());
        Self {
            digest,
            test_pin: keyed(&derived(root.bytes(), b"tamga test PIN reference 1")),
            wrap: wrapping(b"tamga sealed keys 1"),
            store_wrap: wrapping(b"tamga key store 2"),
            store_mac: keyed(&derived(root.bytes(), b"tamga key store MAC 2")),
            root,
            pin_verification: Held::Named(Arc::new(NamedKey::new(
                vec![Live::only(own.pin_verification())],
                Arc::clone(&now),
            ))),
            own,
            fingerprint: [a, b, c, d, e, f, g, h],
            test_keys,
            path: None,
            store: Mutex::new(store),
            live: Mutex::default(),
            stuck: AtomicBool::new(false),
            now,
        }
    }

    fn sealing(&self) -> Sealing<'_> {
        let (master, root) = (self.root.master(), self.root.wrapped());
        Sealing { master, root, wrap: &self.store_wrap, mac: &self.store_mac }
    }

    /// Where a change lies until it is journaled and carried out.
    fn staged_at(path: &Path) -> PathBuf {
        path.with_extension("staged")
    }

    /// Takes what was staged in the place of the store, on disk and in memory.
    fn take_staged(&self, path: &Path) -> Result<(), OpenError> {
        let staged = Self::staged_at(path);
        let text =
            files::read(&staged)?.ok_or_else(|| OpenError::Missing { path: staged.clone() })?;
        let (_, store) = self.sealing().parse(&text, &staged)?;
        files::replace(&staged, path)?;
        self.put_in_place(store);
        Ok(())
    }

    /// The store in memory, and all keys that are loaded from it.
    fn put_in_place(&self, new: Store) {
        let mut store = lock(&self.store);
        *store = new;
        for (name, cell) in lock(&self.live).iter() {
            let versions = store.keys.get(name).map(|stored| self.live_versions(stored));
            cell.set(versions.and_then(Result::ok).unwrap_or_default());
        }
        self.put_own_in_place(&store);
    }

    /// What verifies the PINs of cards whose product names no key: the named key for that, where
    /// there is one, and the installation's own, which answers for every index that has no version.
    fn put_own_in_place(&self, store: &Store) {
        let Held::Named(cell) = &self.pin_verification else { return };
        let named = store.keys.get(OWN_PIN_VERIFICATION);
        let named = named.filter(|key| key.usage == KeyUsage::PinVerificationVisa);
        let mut versions = named.and_then(|key| self.live_versions(key).ok()).unwrap_or_default();
        versions.push(Live::only(self.own.pin_verification()));
        versions.sort_by_key(|version| version.until.is_some());
        cell.set(versions);
    }

    /// Puts the store on disk.
    fn write(&self, store: &Store) -> Result<(), OpenError> {
        let Some(path) = &self.path else { return Ok(()) };
        files::write(path, self.sealing().text(&self.own, store).as_bytes())
    }

    fn require_test_mode(&self) -> Result<(), SecurityError> {
        if self.test_keys { Ok(()) } else { Err(SecurityError::TestKeysOff) }
    }
}

impl SecurityModule for SoftwareModule {
    fn pan_digest(&self, pan: &Pan) -> PanDigest {
        let mut digest = self.digest.clone();
        digest.update(pan.expose_digits());
        PanDigest::from_bytes(first_half(finish(digest)))
    }

    fn fingerprint(&self) -> [u8; 8] {
        self.fingerprint
    }

    fn key_life(&self) -> Option<&dyn KeyLife> {
        Some(self)
    }

    fn time_is(&self, now: Timestamp) {
        self.advance(now);
    }

    fn reference_for_test_pin(
        &self,
        pan: &Pan,
        pin: &TestPin,
    ) -> Result<PinReference, SecurityError> {
        Ok(PinReference(Kind::TestPin(self.test_pin_digest(pan, pin.pin())?)))
    }
}

impl fmt::Debug for SoftwareModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftwareModule(keys hidden)")
    }
}

/// An HMAC state that has taken the key in.
fn keyed(key: &[u8; 32]) -> HmacSha256 {
    // HMAC fills a short key up with zeros to a block (FIPS 198-1 step 3).
    let mut block = Zeroizing::new([0u8; 64]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    HmacSha256::new((&*block).into())
}

/// A key for one purpose, made of the master key and the purpose's name.
fn derived(master: &[u8; 32], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut state = keyed(master);
    state.update(purpose);
    Zeroizing::new(finish(state))
}

fn finish(state: HmacSha256) -> [u8; 32] {
    state.finalize().into_bytes().into()
}

fn first_half(whole: [u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(whole) {
        *to = from;
    }
    half
}

/// A random DES key of odd parity whose parts differ.
fn random_key(length: usize) -> Result<ClearKey, OpenError> {
    loop {
        let mut bytes = Zeroizing::new([0; 24]);
        getrandom::fill(&mut *bytes).map_err(OpenError::Random)?;
        let key = bytes.get(..length).map(ClearKey::from_bytes);
        if let Some(Ok(key)) = key.map(|key| key.map(ClearKey::with_odd_parity))
            && TdesKey::new(&key).is_ok()
        {
            return Ok(key);
        }
    }
}

/// A lock whose holder cannot leave half a change behind, so that a panic elsewhere is no reason
/// to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
