//! DUKPT with triple DES (ANSI X9.24-1:2009 annex A): the host's side, which derives the key of
//! one transaction from the base key and the key serial number a terminal sends.
//!
//! What is not here: whether a serial number may still be used (a terminal never uses one twice).

use crate::bits::xor;
use crate::{ClearKey, KeyError, Malformed, TdesKey};
use core::fmt;
use des::Des;
use des::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

/// Which bits of the base key and of each later key differ between the two halves' derivations.
const VARIANT: [u8; 8] = [0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0];
/// The transaction counter: 21 bits.
const COUNTER: u64 = 0x1F_FFFF;

/// A key serial number: ten bytes, the counter in the last 21 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ksn([u8; 10]);

impl Ksn {
    /// From ten bytes; shorter ones, as some terminals send them, are filled up with `FF` on the
    /// left.
    ///
    /// # Errors
    /// [`Malformed`] for another length than 8 to 10 bytes and for a counter of zero (the first
    /// transaction has 1). Counters with more than ten one bits, which the standard has terminals
    /// skip, are taken: some do not skip them, and their key is as good.
    pub fn new(bytes: &[u8]) -> Result<Self, Malformed> {
        let error = Malformed("KSN");
        if !(8..=10).contains(&bytes.len()) {
            return Err(error);
        }
        let mut whole = [0xFF; 10];
        for (to, from) in whole.iter_mut().rev().zip(bytes.iter().rev()) {
            *to = *from;
        }
        let ksn = Self(whole);
        if ksn.counter() == 0 { Err(error) } else { Ok(ksn) }
    }

    /// The transaction counter.
    #[must_use]
    pub fn counter(self) -> u64 {
        self.register() & COUNTER
    }

    /// The ten bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 10] {
        self.0
    }

    /// The ten bytes with the counter set to zero: what names the terminal's initial key.
    #[must_use]
    pub fn initial(self) -> [u8; 10] {
        let [a, b, ..] = self.0;
        let mut bytes = [a, b, 0, 0, 0, 0, 0, 0, 0, 0];
        let register = (self.register() & !COUNTER).to_be_bytes();
        for (to, from) in bytes.iter_mut().skip(2).zip(register) {
            *to = from;
        }
        bytes
    }

    /// The last eight bytes.
    fn register(self) -> u64 {
        self.0.last_chunk::<8>().map_or(0, |last| u64::from_be_bytes(*last))
    }
}

/// A base derivation key, made ready for deriving initial keys.
#[derive(Clone)]
pub struct BaseKey {
    left: TdesKey,
    right: TdesKey,
}

impl BaseKey {
    /// From a double-length key.
    ///
    /// # Errors
    /// [`KeyError::Length`] for another length, [`KeyError::EqualParts`].
    pub fn new(key: &ClearKey) -> Result<Self, KeyError> {
        let right = variant(key)?;
        Ok(Self { left: TdesKey::new(key)?, right: TdesKey::of_any_strength(&right) })
    }
}

impl fmt::Debug for BaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BaseKey(hidden)")
    }
}

/// The key under which the right half of an initial key is made: the base key with `C0C0C0C0` XORed
/// onto the first four bytes of each half. For keys that live in an HSM.
///
/// # Errors
/// [`KeyError::Length`] if it is not double length.
pub fn variant(key: &ClearKey) -> Result<ClearKey, KeyError> {
    let mask: Vec<u8> = VARIANT.iter().chain(&VARIANT).copied().collect();
    key.combined_with(&ClearKey::from_bytes(&mask)?)
}

/// What is encrypted under the base key and its [`variant`] to give the two halves of an initial
/// key.
#[must_use]
pub fn initial_key_block(ksn: Ksn) -> [u8; 8] {
    ksn.initial().first_chunk::<8>().copied().unwrap_or_default()
}

/// The key that was injected into the terminal.
#[must_use]
pub fn initial_key(base: &BaseKey, ksn: Ksn) -> InitialKey {
    let block = initial_key_block(ksn);
    InitialKey::from_halves(base.left.encrypt(block), base.right.encrypt(block))
}

/// The keys of the transaction that a key serial number counts.
#[must_use]
pub fn working_keys(base: &BaseKey, ksn: Ksn) -> WorkingKeys {
    initial_key(base, ksn).working_keys(ksn)
}

/// The key that was injected into a terminal.
#[derive(Clone)]
pub struct InitialKey(Zeroizing<[u8; 16]>);

impl InitialKey {
    /// Of the two halves, as the base key and its [`variant`] gave them.
    #[must_use]
    pub fn from_halves(left: [u8; 8], right: [u8; 8]) -> Self {
        Self(joined(left, right))
    }

    /// The key, for injecting it into a terminal (or a simulator of one).
    #[must_use]
    pub fn expose(&self) -> Zeroizing<[u8; 16]> {
        self.0.clone()
    }

    /// The keys of the transaction that a key serial number counts.
    #[must_use]
    pub fn working_keys(&self, ksn: Ksn) -> WorkingKeys {
        let mut key = self.0.clone();
        let mut register = ksn.register() & !COUNTER;
        for at in (0..21).rev() {
            let bit = ksn.counter() & (1 << at);
            if bit != 0 {
                register |= bit;
                key = next_key(&key, register.to_be_bytes());
            }
        }
        WorkingKeys(key)
    }
}

impl fmt::Debug for InitialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InitialKey(hidden)")
    }
}

/// The key of one transaction, of which a key for each purpose is a variant.
#[derive(Clone)]
pub struct WorkingKeys(Zeroizing<[u8; 16]>);

impl WorkingKeys {
    /// Encrypts the PIN block.
    #[must_use]
    pub fn pin(&self) -> TdesKey {
        TdesKey::derived(&self.masked(7))
    }

    /// Makes the MAC of the terminal's request.
    #[must_use]
    pub fn mac_request(&self) -> TdesKey {
        TdesKey::derived(&self.masked(6))
    }

    /// Makes the MAC of the host's answer.
    #[must_use]
    pub fn mac_response(&self) -> TdesKey {
        TdesKey::derived(&self.masked(4))
    }

    /// Encrypts data of the terminal's request.
    #[must_use]
    pub fn data_request(&self) -> TdesKey {
        TdesKey::derived(&self.encrypted_with_itself(5))
    }

    /// Encrypts data of the host's answer.
    #[must_use]
    pub fn data_response(&self) -> TdesKey {
        TdesKey::derived(&self.encrypted_with_itself(3))
    }

    /// The transaction key itself and its variants in clear, in the order of the standard's test
    /// data: transaction, PIN, MAC request, MAC response, data request, data response. For those
    /// who check a terminal's keys; nothing in the engine calls it.
    #[must_use]
    pub fn expose_all(&self) -> [Zeroizing<[u8; 16]>; 6] {
        [
            self.0.clone(),
            self.masked(7),
            self.masked(6),
            self.masked(4),
            self.encrypted_with_itself(5),
            self.encrypted_with_itself(3),
        ]
    }

    /// With `FF` XORed onto one byte of each half.
    fn masked(&self, at: usize) -> Zeroizing<[u8; 16]> {
        let mut key = self.0.clone();
        for place in [at, at + 8] {
            if let Some(byte) = key.get_mut(place) {
                *byte ^= 0xFF;
            }
        }
        key
    }

    /// A data key is the variant encrypted under itself, half by half.
    fn encrypted_with_itself(&self, at: usize) -> Zeroizing<[u8; 16]> {
        let variant = self.masked(at);
        let key = TdesKey::derived(&variant);
        let (left, right) = halves(&variant);
        joined(key.encrypt(*left), key.encrypt(*right))
    }
}

impl fmt::Debug for WorkingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkingKeys(hidden)")
    }
}

/// The non-reversible key generation process (annex A.2).
fn next_key(key: &[u8; 16], register: [u8; 8]) -> Zeroizing<[u8; 16]> {
    let (left, right) = halves(key);
    let new_right = one_way(&left, &right, &register);
    let new_left = one_way(
        &Zeroizing::new(xor(*left, &VARIANT)),
        &Zeroizing::new(xor(*right, &VARIANT)),
        &register,
    );
    joined(new_left, new_right)
}

fn one_way(left: &[u8; 8], right: &[u8; 8], register: &[u8; 8]) -> [u8; 8] {
    let mut block = xor(*register, right).into();
    Des::new(left.into()).encrypt_block(&mut block);
    xor(block.into(), right)
}

fn halves(key: &[u8; 16]) -> (Zeroizing<[u8; 8]>, Zeroizing<[u8; 8]>) {
    let left = key.first_chunk::<8>().copied().unwrap_or_default();
    let right = key.last_chunk::<8>().copied().unwrap_or_default();
    (Zeroizing::new(left), Zeroizing::new(right))
}

fn joined(left: [u8; 8], right: [u8; 8]) -> Zeroizing<[u8; 16]> {
    let mut key = Zeroizing::new([0; 16]);
    for (to, from) in key.iter_mut().zip(left.into_iter().chain(right)) {
        *to = from;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_serial_numbers_no_terminal_sends() {
        let ksn = |text: &str| Ksn::new(&hex::decode(text).unwrap());
        assert_eq!(ksn("FFFF9876543210E00001").unwrap().counter(), 1);
        assert_eq!(ksn("9876543210E00001"), ksn("FFFF9876543210E00001"), "filled up");
        for (bad, why) in [
            ("FFFF9876543210E00000", "counter zero"),
            ("76543210E00001", "too short"),
            ("FFFFFF9876543210E00001", "too long"),
            ("", "nothing"),
        ] {
            assert!(ksn(bad).is_err(), "{why}");
        }
    }
}
