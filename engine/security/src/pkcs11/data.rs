//! Data at rest: AES-256-GCM in the token, under keys generated there and kept outside wrapped.
//! `1`, a random nonce of 12 bytes, ciphertext and tag, as the software module writes it.

use super::keys::Origin;
use super::{Held, Pkcs11Module};
use crate::{DataProtection, KeyAlgorithm, KeyUsage, LoadedKey, SealedKey, SecurityError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use zeroize::Zeroizing;

const FORM: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;

impl DataProtection for Pkcs11Module {
    fn new_data_key(&self) -> Result<SealedKey, SecurityError> {
        let (whole, check_value) = self.master.new_data_key(&self.token)?;
        let origin = Origin::Wrapped { whole, part: None };
        self.sealed((KeyUsage::Data, KeyAlgorithm::Aes, 32), &origin, check_value, false)
    }

    fn encrypt(
        &self,
        key: &LoadedKey,
        context: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, SecurityError> {
        let held: &Held = key.handle(&[KeyUsage::Data])?;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SecurityError::Unavailable)?;
        let sent = nonce;
        let sealed = held.current(|live| {
            live.key.with(|session, key| {
                let params = GcmParams::new(&mut nonce, context, 128.into())?;
                session.encrypt(&Mechanism::AesGcm(params), key.whole, plain)
            })
        })?;
        Ok([&[FORM], &sent[..], &sealed].concat())
    }

    fn decrypt(
        &self,
        key: &LoadedKey,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        let held: &Held = key.handle(&[KeyUsage::Data])?;
        let (form, rest) = sealed.split_first().ok_or(SecurityError::NotOurs)?;
        let (nonce, ciphertext) =
            rest.split_first_chunk::<NONCE>().ok_or(SecurityError::NotOurs)?;
        if *form != FORM || ciphertext.len() < TAG {
            return Err(SecurityError::NotOurs);
        }
        let mut nonce = *nonce;
        let plain = held.current(|live| {
            live.key.with(|session, key| {
                let params = GcmParams::new(&mut nonce, context, 128.into())?;
                session.decrypt(&Mechanism::AesGcm(params), key.whole, ciphertext)
            })
        });
        match plain {
            Ok(plain) => Ok(Zeroizing::new(plain)),
            // Tokens say in different words that a tag is wrong; one that answers means that.
            Err(SecurityError::Unavailable) if self.token.ping().is_ok() => {
                Err(SecurityError::NotOurs)
            }
            Err(error) => Err(error),
        }
    }
}
