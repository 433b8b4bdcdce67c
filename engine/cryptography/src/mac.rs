//! Message authentication codes: ISO/IEC 9797-1 algorithms 1 (CBC-MAC) and 3 (the "retail MAC" of
//! ANSI X9.19), and CMAC (NIST SP 800-38B, algorithm 5).

use crate::key::AesCipher;
use crate::{AesKey, Malformed, TdesKey};
use cmac::{Cmac, Mac as _};
use core::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

/// How a MAC is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    /// ISO 9797-1 algorithm 1: cipher block chaining under the whole key, the last block counts.
    Iso9797Alg1,
    /// ISO 9797-1 algorithm 3: chaining under the key's first part, the last block under all.
    Iso9797Alg3,
    /// CMAC under a triple DES key.
    CmacTdes,
    /// CMAC under an AES key.
    CmacAes,
}

/// How the last block is filled up (ISO 9797-1 6.3). CMAC has a padding of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Zeros, as few as needed; nothing at all becomes one block.
    One,
    /// One bit and then zeros, always.
    Two,
    /// The length in bits in a block before the data, then zeros.
    Three,
}

/// The key of a MAC.
#[derive(Debug, Clone, Copy)]
pub enum MacKey<'a> {
    /// DES, double or triple length; single length where algorithm 1 is used with DES.
    Tdes(&'a TdesKey),
    /// AES.
    Aes(&'a AesKey),
}

/// A MAC in full length: 8 bytes of DES, 16 of AES. Compared only by [`Mac::matches`].
#[derive(Clone)]
pub struct Mac {
    bytes: [u8; 16],
    len: usize,
}

impl Mac {
    /// The shortest MAC that is accepted, in bytes.
    pub const SHORTEST: usize = 4;

    fn new(block: &[u8]) -> Self {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(block) {
            *to = *from;
        }
        Self { bytes, len: block.len().min(16) }
    }

    /// All bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The leftmost bytes, as a message carries them: 4, 8 or all. Fewer if there are fewer.
    #[must_use]
    pub fn truncated(&self, len: usize) -> &[u8] {
        self.bytes.get(..len.min(self.len)).unwrap_or_default()
    }

    /// Whether these are the leftmost bytes, four at least, in constant time. The length given is
    /// no secret.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> Choice {
        let fits = (Self::SHORTEST..=self.len).contains(&given.len());
        self.truncated(given.len()).ct_eq(given) & Choice::from(u8::from(fits))
    }
}

impl Drop for Mac {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mac(hidden)")
    }
}

/// Makes the MAC of some data.
///
/// # Errors
/// [`Malformed`] if the algorithm is not defined for that kind of key.
pub fn mac(
    algorithm: MacAlgorithm,
    padding: Padding,
    key: MacKey<'_>,
    data: &[u8],
) -> Result<Mac, Malformed> {
    Ok(match (algorithm, key) {
        (MacAlgorithm::Iso9797Alg1, MacKey::Tdes(key)) => {
            Mac::new(&algorithm_1(key, padding, data))
        }
        (MacAlgorithm::Iso9797Alg1, MacKey::Aes(key)) => {
            Mac::new(&algorithm_1_aes(key, padding, data))
        }
        (MacAlgorithm::Iso9797Alg3, MacKey::Tdes(key)) => {
            Mac::new(&algorithm_3(key, padding, data))
        }
        (MacAlgorithm::CmacTdes, MacKey::Tdes(key)) => Mac::new(&cmac_tdes(key, data)),
        (MacAlgorithm::CmacAes, MacKey::Aes(key)) => Mac::new(&cmac_aes(key, data)),
        _ => return Err(Malformed("MAC key: another kind of key than the algorithm's")),
    })
}

/// Whether a MAC is right. See [`Mac::matches`] for the lengths it may have.
///
/// # Errors
/// As [`mac`].
pub fn verify(
    algorithm: MacAlgorithm,
    padding: Padding,
    key: MacKey<'_>,
    data: &[u8],
    given: &[u8],
) -> Result<Choice, Malformed> {
    Ok(mac(algorithm, padding, key, data)?.matches(given))
}

/// The data filled up to whole blocks.
#[must_use]
pub fn padded(padding: Padding, data: &[u8], block: usize) -> Vec<u8> {
    let block = block.max(1);
    let mut out = Vec::with_capacity(data.len() + 2 * block);
    if padding == Padding::Three {
        let bits = (data.len() as u128 * 8).to_be_bytes();
        let zeros = block.saturating_sub(bits.len());
        out.extend(core::iter::repeat_n(0, zeros));
        out.extend(bits.iter().skip(bits.len().saturating_sub(block)));
    }
    out.extend_from_slice(data);
    match padding {
        Padding::Two => out.push(0x80),
        _ if data.is_empty() => out.push(0),
        Padding::One | Padding::Three => (),
    }
    out.resize(out.len().next_multiple_of(block), 0);
    out
}

/// ISO 9797-1 algorithm 1 under a DES-family key.
#[must_use]
pub fn algorithm_1(key: &TdesKey, padding: Padding, data: &[u8]) -> [u8; 8] {
    let data = padded(padding, data, 8);
    let (blocks, _) = data.as_chunks::<8>();
    blocks.iter().fold([0; 8], |state, block| key.encrypt(crate::bits::xor(state, block)))
}

fn algorithm_1_aes(key: &AesKey, padding: Padding, data: &[u8]) -> [u8; 16] {
    let data = padded(padding, data, 16);
    let (blocks, _) = data.as_chunks::<16>();
    blocks.iter().fold([0; 16], |state, block| key.encrypt(crate::bits::xor(state, block)))
}

/// ISO 9797-1 algorithm 3: all blocks but the last under single DES with the key's first part, the
/// last under the whole key.
#[must_use]
pub fn algorithm_3(key: &TdesKey, padding: Padding, data: &[u8]) -> [u8; 8] {
    let data = padded(padding, data, 8);
    let (blocks, _) = data.as_chunks::<8>();
    let Some((last, before)) = blocks.split_last() else { return [0; 8] };
    let state = before
        .iter()
        .fold([0; 8], |state, block| key.encrypt_with_first(crate::bits::xor(state, block)));
    key.encrypt(crate::bits::xor(state, last))
}

/// CMAC under a triple DES key.
#[must_use]
pub fn cmac_tdes(key: &TdesKey, data: &[u8]) -> [u8; 8] {
    finish(inner_init(key.cipher()), data).into()
}

/// CMAC under an AES key.
#[must_use]
pub fn cmac_aes(key: &AesKey, data: &[u8]) -> [u8; 16] {
    match key.cipher() {
        AesCipher::Aes128(cipher) => finish(inner_init(cipher.clone()), data).into(),
        AesCipher::Aes192(cipher) => finish(inner_init(cipher.clone()), data).into(),
        AesCipher::Aes256(cipher) => finish(inner_init(cipher.clone()), data).into(),
    }
}

fn inner_init<C: cmac::block_api::CmacCipher>(cipher: C) -> Cmac<C> {
    cmac::digest::InnerInit::inner_init(cipher)
}

fn finish<C: cmac::block_api::CmacCipher>(
    mut state: Cmac<C>,
    data: &[u8],
) -> cmac::digest::Output<Cmac<C>> {
    state.update(data);
    state.finalize().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClearKey;

    #[test]
    fn a_mac_matches_its_leftmost_bytes() {
        let mac = Mac::new(&[1, 2, 3, 4, 5, 6, 7, 8]);
        for (given, right) in [
            (&[1, 2, 3, 4, 5, 6, 7, 8][..], true),
            (&[1, 2, 3, 4], true),
            (&[1, 2, 3], false),
            (&[], false),
            (&[1, 2, 3, 5], false),
            (&[0, 2, 3, 4], false),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 0], false),
        ] {
            assert_eq!(bool::from(mac.matches(given)), right, "{given:?}");
        }
    }

    #[test]
    fn refuses_the_other_kind_of_key() {
        let aes = AesKey::from_hex("00112233445566778899AABBCCDDEEFF").unwrap();
        let tdes = ClearKey::from_hex("0123456789ABCDEFFEDCBA9876543210").unwrap();
        let tdes = TdesKey::new(&tdes).unwrap();
        for (algorithm, key) in [
            (MacAlgorithm::Iso9797Alg3, MacKey::Aes(&aes)),
            (MacAlgorithm::CmacTdes, MacKey::Aes(&aes)),
            (MacAlgorithm::CmacAes, MacKey::Tdes(&tdes)),
        ] {
            assert!(mac(algorithm, Padding::One, key, b"").is_err(), "{algorithm:?}");
        }
    }
}
