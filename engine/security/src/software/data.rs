//! Data at rest: AES-256-GCM, `1`, a random nonce of 12 bytes, ciphertext and tag.

use super::SoftwareModule;
use super::material::Held;
use super::material::{Material, Origin};
use crate::{AesKey, DataProtection, KeyUsage, LoadedKey, SealedKey, SecurityError};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use zeroize::Zeroizing;

const FORM: u8 = 1;
const NONCE: usize = 12;

impl DataProtection for SoftwareModule {
    fn new_data_key(&self) -> Result<SealedKey, SecurityError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).map_err(|_| SecurityError::Unavailable)?;
        Material::Aes(AesKey::from_bytes(&*key)?).seal(&self.wrap, KeyUsage::Data, Origin::Own)
    }

    fn encrypt(
        &self,
        key: &LoadedKey,
        context: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SecurityError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SecurityError::Unavailable)?;
        let payload = Payload { msg: plain, aad: context };
        let sealed = key.handle::<Held>(&[KeyUsage::Data])?.current(|live| {
            let key = live.key.aes()?.expose_bytes();
            let sealed = match key.len() {
                16 => cipher::<Aes128Gcm>(key)?.encrypt((&nonce).into(), payload),
                32 => cipher::<Aes256Gcm>(key)?.encrypt((&nonce).into(), payload),
                _ => return Err(SecurityError::WrongUsage),
            };
            sealed.map_err(|_| SecurityError::Malformed("data"))
        })?;
        Ok([&[FORM], &nonce[..], &sealed].concat())
    }

    fn decrypt(
        &self,
        key: &LoadedKey,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        let (form, rest) = sealed.split_first().ok_or(SecurityError::NotOurs)?;
        let (nonce, ciphertext) =
            rest.split_first_chunk::<NONCE>().ok_or(SecurityError::NotOurs)?;
        if *form != FORM {
            return Err(SecurityError::NotOurs);
        }
        let mut plain = Err(SecurityError::NotOurs);
        key.handle::<Held>(&[KeyUsage::Data])?.each(|live| {
            let key = live.key.aes()?.expose_bytes();
            let payload = Payload { msg: ciphertext, aad: context };
            let opened = match key.len() {
                16 => cipher::<Aes128Gcm>(key)?.decrypt(nonce.into(), payload),
                32 => cipher::<Aes256Gcm>(key)?.decrypt(nonce.into(), payload),
                _ => return Err(SecurityError::WrongUsage),
            };
            if let Ok(opened) = opened {
                plain = Ok(Zeroizing::new(opened));
            }
            Ok(())
        })?;
        plain
    }
}

fn cipher<C: KeyInit>(key: &[u8]) -> Result<C, SecurityError> {
    C::new_from_slice(key).map_err(|_| SecurityError::WrongUsage)
}
