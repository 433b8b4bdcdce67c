//! What is composed of the token's mechanisms: blocks, chains and MACs.

use super::keys::Handles;
use super::token::Answer;
use cryptography::mac::padded;
use cryptography::{MacAlgorithm, Padding};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use zeroize::Zeroizing;

/// Encrypts one block of triple DES.
pub(super) fn encrypt8(session: &Session, key: ObjectHandle, block: [u8; 8]) -> Answer<[u8; 8]> {
    first(session.encrypt(&Mechanism::Des3Ecb, key, &block)?)
}

/// Encrypts two blocks of triple DES, each by itself.
pub(super) fn encrypt_pair(
    session: &Session,
    key: ObjectHandle,
    blocks: [[u8; 8]; 2],
) -> Answer<[[u8; 8]; 2]> {
    let out = Zeroizing::new(session.encrypt(&Mechanism::Des3Ecb, key, blocks.as_flattened())?);
    let (blocks, _) = out.as_chunks::<8>();
    Ok([0, 1].map(|at| blocks.get(at).copied().unwrap_or_default()))
}

/// Decrypts one block of triple DES.
pub(super) fn decrypt8(session: &Session, key: ObjectHandle, block: [u8; 8]) -> Answer<[u8; 8]> {
    first(session.decrypt(&Mechanism::Des3Ecb, key, &block)?)
}

/// Encrypts or decrypts one block of AES.
pub(super) fn aes16(
    session: &Session,
    key: ObjectHandle,
    block: [u8; 16],
    encrypt: bool,
) -> Answer<[u8; 16]> {
    if encrypt {
        first(session.encrypt(&Mechanism::AesEcb, key, &block)?)
    } else {
        first(session.decrypt(&Mechanism::AesEcb, key, &block)?)
    }
}

/// The first bytes of what came back, which is wiped.
fn first<const N: usize>(out: Vec<u8>) -> Answer<[u8; N]> {
    let out = Zeroizing::new(out);
    out.first_chunk::<N>().copied().ok_or(cryptoki::error::Error::InvalidValue)
}

/// The last block of a chain of triple DES from zeros.
fn chain8(session: &Session, key: ObjectHandle, data: &[u8]) -> Answer<[u8; 8]> {
    let out = session.encrypt(&Mechanism::Des3Cbc([0; 8]), key, data)?;
    out.last_chunk::<8>().copied().ok_or(cryptoki::error::Error::InvalidValue)
}

fn xor<const N: usize>(a: [u8; N], b: &[u8]) -> [u8; N] {
    let mut out = a;
    for (to, from) in out.iter_mut().zip(b) {
        *to ^= from;
    }
    out
}

/// A MAC in full length. The key's handles must be of the algorithm's kind.
pub(super) fn mac(
    session: &Session,
    key: &Handles,
    algorithm: MacAlgorithm,
    data: &[u8],
) -> Answer<Vec<u8>> {
    match algorithm {
        MacAlgorithm::Iso9797Alg1 => {
            Ok(chain8(session, key.whole, &padded(Padding::One, data, 8))?.to_vec())
        }
        MacAlgorithm::Iso9797Alg3 => {
            let data = padded(Padding::One, data, 8);
            let until = data.len().saturating_sub(8);
            let (before, last) = data.split_at_checked(until).unwrap_or_default();
            // All but the last block under single DES, which is triple DES with its first part
            // thrice.
            let first = key.first.ok_or(cryptoki::error::Error::NotSupported)?;
            let state = if before.is_empty() { [0; 8] } else { chain8(session, first, before)? };
            Ok(encrypt8(session, key.whole, xor(state, last))?.to_vec())
        }
        MacAlgorithm::CmacTdes => Ok(cmac_tdes(session, key.whole, data)?.to_vec()),
        MacAlgorithm::CmacAes => session.sign(&Mechanism::AesCMac, key.whole, data),
    }
}

/// CMAC (NIST SP 800-38B) of chains of triple DES: few tokens have it as a mechanism.
pub(super) fn cmac_tdes(session: &Session, key: ObjectHandle, data: &[u8]) -> Answer<[u8; 8]> {
    let doubled = |value: u64| (value << 1) ^ (0x1B & (value >> 63).wrapping_neg());
    let whole = !data.is_empty() && data.len().is_multiple_of(8);
    let first = doubled(u64::from_be_bytes(encrypt8(session, key, [0; 8])?));
    let subkey = if whole { first } else { doubled(first) };
    let mut data = if whole { data.to_vec() } else { padded(Padding::Two, data, 8) };
    if let Some(last) = data.last_chunk_mut::<8>() {
        *last = xor(*last, &subkey.to_be_bytes());
    }
    chain8(session, key, &data)
}
