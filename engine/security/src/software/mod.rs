//! The module that keeps its keys in a file and computes in this process.
//!
//! Its keys are in this process's memory, so whoever can read that memory has them; and the DES and
//! AES underneath may use tables, whose timing another program on the same core could watch. For
//! production keys the same trait is served by an HSM.

mod card_values;
mod chips;
mod data;
mod exchange;
mod health;
mod held;
mod key_block;
mod macs;
mod material;
mod pins;
mod vault;

use crate::keys_file::Keys;
use crate::reference::Kind;
use crate::{ClearKey, OpenError, PinReference, SecurityError, SecurityModule, TdesKey, TestPin};
use aes_kw::KwAes256;
use core::fmt;
use cryptography::Pin;
use hmac::{Hmac, KeyInit, Mac};
use payment_types::{Pan, PanDigest};
use sha2::Sha256;
use std::path::Path;
use zeroize::Zeroizing;

type HmacSha256 = Hmac<Sha256>;

/// Keys in a file, cryptography in software.
pub struct SoftwareModule {
    /// HMAC states with the key already taken in: a digest then costs two blocks of SHA-256.
    digest: HmacSha256,
    test_pin: HmacSha256,
    wrap: KwAes256,
    pin_verification: TdesKey,
    fingerprint: [u8; 8],
    test_keys: bool,
}

impl SoftwareModule {
    /// Opens the keys of a data directory. For a directory that already holds data: its keys
    /// cannot be made again, so a missing file is an error.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(dir: &Path, test_keys: bool) -> Result<Self, OpenError> {
        Keys::open(dir).map(|keys| Self::new(&keys, test_keys))
    }

    /// Opens the keys of a data directory, or makes new random ones where there are none.
    /// `test_keys` turns test mode on: clear test keys and test PINs are accepted.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_or_create(dir: &Path, test_keys: bool) -> Result<Self, OpenError> {
        Keys::open_or_create(dir).map(|keys| Self::new(&keys, test_keys))
    }

    /// A module in test mode with keys that are the same in every process and known to everyone.
    #[must_use]
    pub fn ephemeral_for_tests() -> Self {
        let keys = Keys {
            master: *b"the master key of tests, 32 byte",
            digest: *b"the digest key of tests, 32 byte",
            pin_verification: *b"\x01\x23\x45\x67\x89\xAB\xCD\xEF\xFE\xDC\xBA\x98\x76\x54\x32\x10",
        };
        Self::new(&keys, true)
    }

    fn new(keys: &Keys, test_keys: bool) -> Self {
        let digest = keyed(&keys.digest);
        let mut name = digest.clone();
        name.update(b"tamga key set fingerprint 1");
        let [a, b, c, d, e, f, g, h, ..] = finish(name);
        let wrapping = derived(&keys.master, b"tamga sealed keys 1");
        Self {
            digest,
            test_pin: keyed(&derived(&keys.master, b"tamga test PIN reference 1")),
            wrap: KwAes256::new((&*wrapping).into()),
            pin_verification: TdesKey::derived(&keys.pin_verification),
            fingerprint: [a, b, c, d, e, f, g, h],
            test_keys,
        }
    }

    /// A keyed digest of the PIN and the card number. Always one block long, whatever their
    /// lengths; both lengths are part of it.
    fn test_pin_digest(&self, pan: &Pan, pin: &Pin) -> [u8; 16] {
        let mut message = Zeroizing::new([0xFF; 20 + 13]);
        let (number, secret) = message.split_at_mut(20);
        for (to, from) in number.iter_mut().zip(pan.expose_digits()) {
            *to = *from;
        }
        for (to, from) in
            secret.iter_mut().zip([pin.expose_len()].iter().chain(pin.expose_places()))
        {
            *to = *from;
        }
        let mut digest = self.test_pin.clone();
        digest.update(&*message);
        first_half(finish(digest))
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

    fn reference_for_test_pin(
        &self,
        pan: &Pan,
        pin: &TestPin,
    ) -> Result<PinReference, SecurityError> {
        self.require_test_mode()?;
        Ok(PinReference(Kind::TestPin(self.test_pin_digest(pan, pin.pin()))))
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
