//! ECB and CBC over whole blocks, without padding.
//!
//! For key exchange ([`tdes_ecb_decrypt`] of a delivered working key), for data keys of DUKPT and
//! for issuer scripts. ECB of more than one block shows equal blocks, so it serves for keys only.

use crate::key::AesCipher;
use crate::{AesKey, Malformed, TdesKey};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit};
use zeroize::Zeroizing;

const TDES_LENGTH: Malformed = Malformed("data: a multiple of 8 bytes is needed");
const AES_LENGTH: Malformed = Malformed("data: a multiple of 16 bytes is needed");

/// Encrypts each block by itself.
///
/// # Errors
/// [`Malformed`] if the length is not a multiple of 8.
pub fn tdes_ecb_encrypt(key: &TdesKey, data: &[u8]) -> Result<Vec<u8>, Malformed> {
    let (blocks, []) = data.as_chunks::<8>() else { return Err(TDES_LENGTH) };
    Ok(blocks.iter().flat_map(|block| key.encrypt(*block)).collect())
}

/// Decrypts each block by itself.
///
/// # Errors
/// [`Malformed`] if the length is not a multiple of 8.
pub fn tdes_ecb_decrypt(key: &TdesKey, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let (blocks, []) = data.as_chunks::<8>() else { return Err(TDES_LENGTH) };
    let mut clear = Zeroizing::new(Vec::with_capacity(data.len()));
    for block in blocks {
        clear.extend_from_slice(&*Zeroizing::new(key.decrypt(*block)));
    }
    Ok(clear)
}

/// Cipher block chaining from an initial value.
///
/// # Errors
/// [`Malformed`] if the length is not a multiple of 8.
pub fn tdes_cbc_encrypt(key: &TdesKey, iv: [u8; 8], data: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut mode = cbc::Encryptor::inner_iv_init(key.cipher(), &iv.into());
    let mut out = data.to_vec();
    let (blocks, []) = out.as_chunks_mut::<8>() else { return Err(TDES_LENGTH) };
    for block in blocks {
        mode.encrypt_block(block.into());
    }
    Ok(out)
}

/// Undoes [`tdes_cbc_encrypt`].
///
/// # Errors
/// [`Malformed`] if the length is not a multiple of 8.
pub fn tdes_cbc_decrypt(
    key: &TdesKey,
    iv: [u8; 8],
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let mut mode = cbc::Decryptor::inner_iv_init(key.cipher(), &iv.into());
    let mut out = Zeroizing::new(data.to_vec());
    let (blocks, []) = out.as_chunks_mut::<8>() else { return Err(TDES_LENGTH) };
    for block in blocks {
        mode.decrypt_block(block.into());
    }
    Ok(out)
}

/// Encrypts each block by itself.
///
/// # Errors
/// [`Malformed`] if the length is not a multiple of 16.
pub fn aes_ecb_encrypt(key: &AesKey, data: &[u8]) -> Result<Vec<u8>, Malformed> {
    let (blocks, []) = data.as_chunks::<16>() else { return Err(AES_LENGTH) };
    Ok(blocks.iter().flat_map(|block| key.encrypt(*block)).collect())
}

/// Decrypts each block by itself.
///
/// # Errors
/// [`Malformed`] if the length is not a multiple of 16.
pub fn aes_ecb_decrypt(key: &AesKey, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let (blocks, []) = data.as_chunks::<16>() else { return Err(AES_LENGTH) };
    let mut clear = Zeroizing::new(Vec::with_capacity(data.len()));
    for block in blocks {
        clear.extend_from_slice(&*Zeroizing::new(key.decrypt(*block)));
    }
    Ok(clear)
}

/// Cipher block chaining from an initial value.
///
/// # Errors
/// [`Malformed`] if the length is not a multiple of 16.
pub fn aes_cbc_encrypt(key: &AesKey, iv: [u8; 16], data: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut out = data.to_vec();
    let (blocks, []) = out.as_chunks_mut::<16>() else { return Err(AES_LENGTH) };
    match key.cipher() {
        AesCipher::Aes128(cipher) => encrypt_all(cipher.clone(), iv, blocks),
        AesCipher::Aes192(cipher) => encrypt_all(cipher.clone(), iv, blocks),
        AesCipher::Aes256(cipher) => encrypt_all(cipher.clone(), iv, blocks),
    }
    Ok(out)
}

/// Undoes [`aes_cbc_encrypt`].
///
/// # Errors
/// [`Malformed`] if the length is not a multiple of 16.
pub fn aes_cbc_decrypt(
    key: &AesKey,
    iv: [u8; 16],
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let mut out = Zeroizing::new(data.to_vec());
    let (blocks, []) = out.as_chunks_mut::<16>() else { return Err(AES_LENGTH) };
    let mut previous = iv;
    for block in blocks {
        let encrypted = *block;
        *block = crate::bits::xor(key.decrypt(encrypted), &previous);
        previous = encrypted;
    }
    Ok(out)
}

fn encrypt_all<C>(cipher: C, iv: [u8; 16], blocks: &mut [[u8; 16]])
where
    C: cbc::cipher::BlockCipherEncrypt
        + cbc::cipher::BlockSizeUser<BlockSize = cbc::cipher::consts::U16>,
{
    let mut mode = cbc::Encryptor::inner_iv_init(cipher, &iv.into());
    for block in blocks {
        mode.encrypt_block(block.into());
    }
}
