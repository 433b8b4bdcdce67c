//! DUKPT with AES (ANSI X9.24-3:2017): the host's side, which derives the key of one transaction
//! from the base key and the key serial number a terminal sends.
//!
//! What is not here: whether a serial number may still be used (a terminal never uses one twice).

use crate::{AesKey, Malformed};
use core::fmt;
use zeroize::Zeroizing;

/// Counters with more one bits are skipped by the terminal.
const MOST_ONES: u32 = 16;

/// A key serial number: eight bytes that name the terminal's initial key, four of counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ksn {
    initial_key_id: [u8; 8],
    counter: u32,
}

impl Ksn {
    /// From twelve bytes.
    ///
    /// # Errors
    /// [`Malformed`] for another length, for a counter of zero (the first transaction has 1) and
    /// for one with more than sixteen one bits (which no terminal uses).
    pub fn new(bytes: &[u8]) -> Result<Self, Malformed> {
        let error = Malformed("KSN");
        let bytes: [u8; 12] = bytes.try_into().map_err(|_| error)?;
        let [id @ .., a, b, c, d] = bytes;
        let counter = u32::from_be_bytes([a, b, c, d]);
        let ones = counter.count_ones();
        if ones == 0 || ones > MOST_ONES {
            return Err(error);
        }
        Ok(Self { initial_key_id: id, counter })
    }

    /// The transaction counter.
    #[must_use]
    pub const fn counter(self) -> u32 {
        self.counter
    }

    /// What names the terminal's initial key.
    #[must_use]
    pub const fn initial_key_id(self) -> [u8; 8] {
        self.initial_key_id
    }
}

/// What a derived key is for (X9.24-3 table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// Encrypts other keys.
    KeyEncryption,
    /// Encrypts the PIN block.
    PinEncryption,
    /// Makes the MAC of the terminal's request.
    MacGeneration,
    /// Makes the MAC of the host's answer, which the terminal verifies.
    MacVerification,
    /// Makes MACs both ways.
    MacBothWays,
    /// Encrypts data of the terminal's request.
    DataEncryption,
    /// Encrypts data of the host's answer.
    DataDecryption,
    /// Encrypts data both ways.
    DataBothWays,
}

impl KeyPurpose {
    const fn code(self) -> u16 {
        match self {
            Self::KeyEncryption => 0x0002,
            Self::PinEncryption => 0x1000,
            Self::MacGeneration => 0x2000,
            Self::MacVerification => 0x2001,
            Self::MacBothWays => 0x2002,
            Self::DataEncryption => 0x3000,
            Self::DataDecryption => 0x3001,
            Self::DataBothWays => 0x3002,
        }
    }
}

/// What kind of key is derived (X9.24-3 table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// Double-length triple DES.
    Tdes2,
    /// Triple-length triple DES.
    Tdes3,
    /// AES with 128 bits.
    Aes128,
    /// AES with 192 bits.
    Aes192,
    /// AES with 256 bits.
    Aes256,
    /// HMAC with 128 bits.
    Hmac128,
    /// HMAC with 256 bits.
    Hmac256,
}

impl KeyType {
    /// Algorithm and length in bits, as the derivation takes them in.
    const fn code(self) -> (u16, u16) {
        match self {
            Self::Tdes2 => (0x0000, 128),
            Self::Tdes3 => (0x0001, 192),
            Self::Aes128 => (0x0002, 128),
            Self::Aes192 => (0x0003, 192),
            Self::Aes256 => (0x0004, 256),
            Self::Hmac128 => (0x0005, 128),
            Self::Hmac256 => (0x0005, 256),
        }
    }

    /// The AES key type of a key's length.
    fn of(key: &AesKey) -> Self {
        match key.len() {
            16 => Self::Aes128,
            24 => Self::Aes192,
            _ => Self::Aes256,
        }
    }
}

/// Derivation of another derivation key, and of an initial key.
const KEY_DERIVATION: u16 = 0x8000;
const KEY_DERIVATION_INITIAL: u16 = 0x8001;

/// The key that was injected into the terminal.
#[must_use]
pub fn initial_key(base: &AesKey, initial_key_id: [u8; 8]) -> AesKey {
    let kind = KeyType::of(base);
    derive_aes(base, derivation_data(KEY_DERIVATION_INITIAL, kind, initial_key_id))
}

/// What is encrypted under the base key, one block after the other, to give an initial key of that
/// length (16, 24 or 32): for base keys that live in an HSM. The key is the first bytes of it.
#[must_use]
pub fn initial_key_blocks(len: usize, initial_key_id: [u8; 8]) -> [[u8; 16]; 2] {
    let kind = match len {
        16 => KeyType::Aes128,
        24 => KeyType::Aes192,
        _ => KeyType::Aes256,
    };
    let data = derivation_data(KEY_DERIVATION_INITIAL, kind, initial_key_id);
    [data, with_block_counter(data, 2)]
}

/// The keys of the transaction that a key serial number counts.
#[must_use]
pub fn working_keys(base: &AesKey, ksn: Ksn) -> WorkingKeys {
    working_keys_of_initial(initial_key(base, ksn.initial_key_id), ksn)
}

/// The same from the terminal's initial key, as the terminal itself or a simulator does it.
#[must_use]
pub fn working_keys_of_initial(initial: AesKey, ksn: Ksn) -> WorkingKeys {
    let mut key = initial;
    let mut so_far = 0;
    for at in (0..32).rev() {
        let bit = ksn.counter & (1 << at);
        if bit != 0 {
            so_far |= bit;
            let context = context(ksn.initial_key_id, so_far);
            key = derive_aes(&key, derivation_data(KEY_DERIVATION, KeyType::of(&key), context));
        }
    }
    WorkingKeys { key, ksn }
}

/// The key under which a terminal's initial key is replaced: that of a counter no transaction has
/// (X9.24-3 6.5.3).
#[must_use]
pub fn update_key(initial: &AesKey, initial_key_id: [u8; 8], kind: KeyType) -> Zeroizing<Vec<u8>> {
    let keys = working_keys_of_initial(initial.clone(), Ksn { initial_key_id, counter: u32::MAX });
    keys.derive(KeyPurpose::KeyEncryption, kind)
}

/// The derivation key of one transaction, of which a key for each purpose is derived.
#[derive(Clone)]
pub struct WorkingKeys {
    key: AesKey,
    ksn: Ksn,
}

impl WorkingKeys {
    /// A key for a purpose, of any kind.
    #[must_use]
    pub fn derive(&self, purpose: KeyPurpose, kind: KeyType) -> Zeroizing<Vec<u8>> {
        let context = context(self.ksn.initial_key_id, self.ksn.counter);
        derive(&self.key, derivation_data(purpose.code(), kind, context), kind)
    }

    /// Encrypts the PIN block (format 4). As all that follow of the base key's length.
    #[must_use]
    pub fn pin(&self) -> AesKey {
        self.of_own_length(KeyPurpose::PinEncryption)
    }

    /// Makes the MAC of the terminal's request.
    #[must_use]
    pub fn mac_request(&self) -> AesKey {
        self.of_own_length(KeyPurpose::MacGeneration)
    }

    /// Makes the MAC of the host's answer.
    #[must_use]
    pub fn mac_response(&self) -> AesKey {
        self.of_own_length(KeyPurpose::MacVerification)
    }

    /// Encrypts data of the terminal's request.
    #[must_use]
    pub fn data_request(&self) -> AesKey {
        self.of_own_length(KeyPurpose::DataEncryption)
    }

    /// Encrypts data of the host's answer.
    #[must_use]
    pub fn data_response(&self) -> AesKey {
        self.of_own_length(KeyPurpose::DataDecryption)
    }

    /// The derivation key itself, for those who check a terminal's keys; nothing in the engine
    /// calls it.
    #[must_use]
    pub const fn expose_derivation_key(&self) -> &AesKey {
        &self.key
    }

    fn of_own_length(&self, purpose: KeyPurpose) -> AesKey {
        let context = context(self.ksn.initial_key_id, self.ksn.counter);
        derive_aes(&self.key, derivation_data(purpose.code(), KeyType::of(&self.key), context))
    }
}

impl fmt::Debug for WorkingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkingKeys(hidden)")
    }
}

/// The last four bytes of the initial key's id and a counter.
fn context(initial_key_id: [u8; 8], counter: u32) -> [u8; 8] {
    let [_, _, _, _, a, b, c, d] = initial_key_id;
    let [e, f, g, h] = counter.to_be_bytes();
    [a, b, c, d, e, f, g, h]
}

/// X9.24-3 6.3.2: version, block counter, usage, algorithm, length, context.
const fn derivation_data(usage: u16, kind: KeyType, context: [u8; 8]) -> [u8; 16] {
    let (algorithm, bits) = kind.code();
    let [a, b] = usage.to_be_bytes();
    let [c, d] = algorithm.to_be_bytes();
    let [e, f] = bits.to_be_bytes();
    let [g, h, i, j, k, l, m, n] = context;
    [1, 1, a, b, c, d, e, f, g, h, i, j, k, l, m, n]
}

const fn with_block_counter(mut data: [u8; 16], counter: u8) -> [u8; 16] {
    data[1] = counter;
    data
}

fn derive(key: &AesKey, data: [u8; 16], kind: KeyType) -> Zeroizing<Vec<u8>> {
    let len = usize::from(kind.code().1 / 8);
    let mut derived = Zeroizing::new(Vec::with_capacity(32));
    for counter in [1, 2] {
        let block = Zeroizing::new(key.encrypt(with_block_counter(data, counter)));
        let missing = len.saturating_sub(derived.len());
        derived.extend(block.iter().take(missing));
    }
    derived
}

/// As [`derive`], a key of the same length as the one it is derived from.
fn derive_aes(key: &AesKey, data: [u8; 16]) -> AesKey {
    let derived = derive(key, data, KeyType::of(key));
    // Of the length of a key that is one, so this is always the key derived.
    AesKey::from_bytes(&derived).unwrap_or_else(|_| key.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_serial_numbers_no_terminal_sends() {
        let ksn = |text: &str| Ksn::new(&hex::decode(text).unwrap());
        assert_eq!(ksn("123456789012345600000001").unwrap().counter(), 1);
        for (bad, why) in [
            ("123456789012345600000000", "counter zero"),
            ("12345678901234560001FFFF", "seventeen ones"),
            ("FFFF9876543210E00001", "too short"),
            ("00123456789012345600000001", "too long"),
        ] {
            assert!(ksn(bad).is_err(), "{why}");
        }
    }
}
