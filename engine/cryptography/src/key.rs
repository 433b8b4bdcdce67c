//! Keys in clear and ready for use, their parity and their check values.
//!
//! DES parity is in the lowest bit of each byte (odd, FIPS 46-3); DES itself ignores it, so a key
//! of wrong parity is used as it stands and only [`ClearKey::has_odd_parity`] tells.

use crate::KeyError;
use aes::{Aes128, Aes192, Aes256};
use core::fmt;
use des::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use des::{Des, TdesEde3};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A DES-family key in clear: 8, 16 or 24 bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ClearKey {
    bytes: [u8; 24],
    len: usize,
}

impl ClearKey {
    /// From the key's bytes.
    ///
    /// # Errors
    /// [`KeyError::Length`].
    pub fn from_bytes(key: &[u8]) -> Result<Self, KeyError> {
        if !matches!(key.len(), 8 | 16 | 24) {
            return Err(KeyError::Length);
        }
        let mut bytes = [0; 24];
        for (to, from) in bytes.iter_mut().zip(key) {
            *to = *from;
        }
        Ok(Self { bytes, len: key.len() })
    }

    /// From the sixteen bytes of a double-length key.
    #[must_use]
    pub fn double(key: &[u8; 16]) -> Self {
        let mut bytes = [0; 24];
        for (to, from) in bytes.iter_mut().zip(key) {
            *to = *from;
        }
        Self { bytes, len: key.len() }
    }

    /// From hex digits, as portfolios carry test keys.
    ///
    /// # Errors
    /// [`KeyError::NotHex`], [`KeyError::Length`].
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&decode_hex(text)?)
    }

    /// The key's bytes in clear. Every call is a place a reviewer looks at: only what seals a key
    /// or derives another from it needs them.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The XOR of two keys of one length, as key components and key variants are combined.
    ///
    /// # Errors
    /// [`KeyError::Length`] if the lengths differ.
    pub fn combined_with(&self, other: &Self) -> Result<Self, KeyError> {
        if self.len != other.len {
            return Err(KeyError::Length);
        }
        let mut bytes = self.bytes;
        for (to, from) in bytes.iter_mut().zip(&other.bytes) {
            *to ^= from;
        }
        Ok(Self { bytes, len: self.len })
    }

    /// Whether every byte has an odd number of ones.
    #[must_use]
    pub fn has_odd_parity(&self) -> bool {
        self.expose_bytes().iter().fold(1, |odd, byte| odd & byte.count_ones()) & 1 == 1
    }

    /// The same key with its parity bits set right.
    #[must_use]
    pub fn with_odd_parity(mut self) -> Self {
        let len = self.len;
        for byte in self.bytes.iter_mut().take(len) {
            let ones = (*byte >> 1).count_ones();
            *byte = (*byte & 0xFE) | u8::from(ones & 1 == 0);
        }
        self
    }

    /// The first three bytes of eight zero bytes encrypted under the key (ANSI X9.24-1).
    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        CheckValue::from_block(&TdesKey::of_any_strength(self).encrypt([0; 8]))
    }
}

impl PartialEq for ClearKey {
    fn eq(&self, other: &Self) -> bool {
        (self.bytes.ct_eq(&other.bytes) & self.len.ct_eq(&other.len)).into()
    }
}

impl Eq for ClearKey {}

impl fmt::Debug for ClearKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClearKey(hidden)")
    }
}

/// A DES-family key with its schedule computed: what encrypts and decrypts.
#[derive(Clone)]
pub struct TdesKey {
    whole: TdesEde3,
    /// Single DES under the first part, which MAC algorithm 3 and the CVV algorithm use.
    first: Des,
}

impl TdesKey {
    /// Prepares a key of somebody's choosing: double or triple length, its parts different.
    ///
    /// # Errors
    /// [`KeyError::SingleLength`], [`KeyError::EqualParts`].
    pub fn new(key: &ClearKey) -> Result<Self, KeyError> {
        if key.len == 8 {
            return Err(KeyError::SingleLength);
        }
        if bool::from(equal_parts(key.expose_bytes())) {
            return Err(KeyError::EqualParts);
        }
        Ok(Self::of_any_strength(key))
    }

    /// Prepares a key whatever it is: one that a derivation gave (the standards use it as it
    /// falls), or a single-length one where an algorithm is defined on DES. One part is used as
    /// K1 K1 K1, two as K1 K2 K1.
    #[must_use]
    pub fn of_any_strength(key: &ClearKey) -> Self {
        let parts = key.expose_bytes().iter().cycle();
        let mut whole = Zeroizing::new([0u8; 24]);
        for (to, from) in whole.iter_mut().zip(parts) {
            *to = *from;
        }
        let mut first = Zeroizing::new([0u8; 8]);
        for (to, from) in first.iter_mut().zip(whole.iter()) {
            *to = *from;
        }
        Self { whole: TdesEde3::new((&*whole).into()), first: Des::new((&*first).into()) }
    }

    /// A double-length key that a derivation gave.
    #[must_use]
    pub fn derived(key: &[u8; 16]) -> Self {
        Self::of_any_strength(&ClearKey::double(key))
    }

    /// Encrypts one block (ECB).
    #[must_use]
    pub fn encrypt(&self, block: [u8; 8]) -> [u8; 8] {
        let mut block = block.into();
        self.whole.encrypt_block(&mut block);
        block.into()
    }

    /// Decrypts one block (ECB).
    #[must_use]
    pub fn decrypt(&self, block: [u8; 8]) -> [u8; 8] {
        let mut block = block.into();
        self.whole.decrypt_block(&mut block);
        block.into()
    }

    /// Encrypts one block by single DES under the key's first part.
    #[must_use]
    pub(crate) fn encrypt_with_first(&self, block: [u8; 8]) -> [u8; 8] {
        let mut block = block.into();
        self.first.encrypt_block(&mut block);
        block.into()
    }

    pub(crate) fn cipher(&self) -> TdesEde3 {
        self.whole.clone()
    }
}

impl fmt::Debug for TdesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TdesKey(hidden)")
    }
}

/// Whether the first part equals the second, or the second the third, parity bits aside.
fn equal_parts(key: &[u8]) -> Choice {
    let part = |from: usize| key.get(from..from.saturating_add(8)).unwrap_or_default();
    let same = |one: &[u8], other: &[u8]| {
        let differing = one.iter().zip(other).fold(0, |bits, (a, b)| bits | ((a ^ b) & 0xFE));
        differing.ct_eq(&0)
    };
    let mut equal = same(part(0), part(8));
    if key.len() == 24 {
        equal |= same(part(8), part(16));
    }
    equal
}

/// An AES key, its schedule computed: 16, 24 or 32 bytes.
#[derive(Clone)]
pub struct AesKey {
    clear: Zeroizing<[u8; 32]>,
    cipher: Box<AesCipher>,
}

#[derive(Clone)]
pub(crate) enum AesCipher {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

impl AesKey {
    /// From the key's bytes.
    ///
    /// # Errors
    /// [`KeyError::Length`].
    pub fn from_bytes(key: &[u8]) -> Result<Self, KeyError> {
        let error = |_| KeyError::Length;
        let cipher = match key.len() {
            16 => AesCipher::Aes128(Aes128::new_from_slice(key).map_err(error)?),
            24 => AesCipher::Aes192(Aes192::new_from_slice(key).map_err(error)?),
            _ => AesCipher::Aes256(Aes256::new_from_slice(key).map_err(error)?),
        };
        let mut clear = Zeroizing::new([0; 32]);
        for (to, from) in clear.iter_mut().zip(key) {
            *to = *from;
        }
        Ok(Self { clear, cipher: Box::new(cipher) })
    }

    /// From hex digits.
    ///
    /// # Errors
    /// [`KeyError::NotHex`], [`KeyError::Length`].
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&decode_hex(text)?)
    }

    /// The key's bytes in clear. Every call is a place a reviewer looks at.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        self.clear.get(..self.len()).unwrap_or_default()
    }

    /// 16, 24 or 32.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no key is empty")]
    pub fn len(&self) -> usize {
        match *self.cipher {
            AesCipher::Aes128(_) => 16,
            AesCipher::Aes192(_) => 24,
            AesCipher::Aes256(_) => 32,
        }
    }

    /// The first three bytes of the CMAC of sixteen zero bytes (ANSI X9.24-1:2017 annex A).
    #[must_use]
    pub fn check_value(&self) -> CheckValue {
        CheckValue::from_block(&crate::mac::cmac_aes(self, &[0; 16]))
    }

    /// The first three bytes of sixteen zero bytes encrypted under the key, which older systems
    /// print for AES too.
    #[must_use]
    pub fn legacy_check_value(&self) -> CheckValue {
        CheckValue::from_block(&self.encrypt([0; 16]))
    }

    /// Encrypts one block (ECB).
    #[must_use]
    pub fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = block.into();
        match &*self.cipher {
            AesCipher::Aes128(cipher) => cipher.encrypt_block(&mut block),
            AesCipher::Aes192(cipher) => cipher.encrypt_block(&mut block),
            AesCipher::Aes256(cipher) => cipher.encrypt_block(&mut block),
        }
        block.into()
    }

    /// Decrypts one block (ECB).
    #[must_use]
    pub fn decrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = block.into();
        match &*self.cipher {
            AesCipher::Aes128(cipher) => cipher.decrypt_block(&mut block),
            AesCipher::Aes192(cipher) => cipher.decrypt_block(&mut block),
            AesCipher::Aes256(cipher) => cipher.decrypt_block(&mut block),
        }
        block.into()
    }

    pub(crate) fn cipher(&self) -> &AesCipher {
        &self.cipher
    }
}

impl fmt::Debug for AesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesKey(hidden)")
    }
}

/// Three bytes that let two people see they hold the same key. Not secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CheckValue([u8; 3]);

impl CheckValue {
    /// The first three bytes of what a check encrypted.
    #[must_use]
    pub fn from_block(block: &[u8]) -> Self {
        let mut first = [0; 3];
        for (to, from) in first.iter_mut().zip(block) {
            *to = *from;
        }
        Self(first)
    }
}

impl CheckValue {
    /// The three bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// From the three bytes, as the other side sends them.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 3]) -> Self {
        Self(bytes)
    }

    /// From six hex digits, as people write them.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 3];
        hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
    }
}

impl fmt::Display for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn decode_hex(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    hex::decode(text).map(Zeroizing::new).map_err(|_| KeyError::NotHex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_keys_that_are_none() {
        assert_eq!(ClearKey::from_hex("0123").unwrap_err(), KeyError::Length);
        assert_eq!(ClearKey::from_hex("0123456789ABCDE").unwrap_err(), KeyError::NotHex);
        assert_eq!(ClearKey::from_hex("0123456789ABCDEG").unwrap_err(), KeyError::NotHex);
        assert_eq!(AesKey::from_hex("0123456789ABCDEF").unwrap_err(), KeyError::Length);
    }

    #[test]
    fn refuses_single_des_in_disguise() {
        let refusal = |hex: &str| TdesKey::new(&ClearKey::from_hex(hex).unwrap()).err();
        assert_eq!(refusal("0123456789ABCDEF"), Some(KeyError::SingleLength));
        assert_eq!(refusal(&"0123456789ABCDEF".repeat(2)), Some(KeyError::EqualParts));
        // The parity bits differ, the keys do not.
        assert_eq!(refusal("0123456789ABCDEF0022446688AACCEE"), Some(KeyError::EqualParts));
        let outer = "0123456789ABCDEFFEDCBA9876543210FEDCBA9876543210";
        assert_eq!(refusal(outer), Some(KeyError::EqualParts));
        assert_eq!(refusal("0123456789ABCDEFFEDCBA9876543210"), None);
    }

    #[test]
    fn parity_is_odd() {
        let key = ClearKey::from_hex("0022446688AACCEE").unwrap();
        assert!(!key.has_odd_parity());
        let odd = key.with_odd_parity();
        assert!(odd.has_odd_parity());
        assert_eq!(odd, ClearKey::from_hex("0123456789ABCDEF").unwrap());
    }

    #[test]
    fn check_value_of_the_well_known_key() {
        let key = ClearKey::from_hex("0123456789ABCDEFFEDCBA9876543210").unwrap();
        assert_eq!(key.check_value().to_string(), "08D7B4");
    }
}
