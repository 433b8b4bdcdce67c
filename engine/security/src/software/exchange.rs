//! Working keys under a terminal's or network's master key.

use super::SoftwareModule;
use super::material::{Held, Material, Origin};
use super::{key_block, random_key};
use crate::{
    AesKey, CheckValue, Generated, KeyAlgorithm, KeyExchange, KeyForm, KeyUsage, LoadedKey,
    SealedKey, SecurityError, WorkingKey,
};
use cryptography::cipher;
use zeroize::Zeroizing;

const MASTER: &[KeyUsage] = &[KeyUsage::TerminalMaster];
const WORKING: &[KeyUsage] =
    &[KeyUsage::PinEncryption, KeyUsage::MacTerminal, KeyUsage::ZonePin, KeyUsage::ZoneMac];

impl KeyExchange for SoftwareModule {
    fn generate_working_key(
        &self,
        master: &LoadedKey,
        wanted: WorkingKey,
    ) -> Result<Generated, SecurityError> {
        let held: &Held = master.handle(MASTER)?;
        if !WORKING.contains(&wanted.usage) {
            return Err(SecurityError::WrongUsage);
        }
        let material = random_material(wanted.algorithm)?;
        let delivered = held.current(|live| wrapped(&live.key, wanted, &material))?;
        let sealed = material.seal(&self.wrap, wanted.usage, Origin::Own)?;
        Ok(Generated { sealed, delivered, check_value: material.check_value() })
    }

    fn import_working_key(
        &self,
        master: &LoadedKey,
        wanted: WorkingKey,
        delivered: &[u8],
        check_value: Option<CheckValue>,
    ) -> Result<SealedKey, SecurityError> {
        let held: &Held = master.handle(MASTER)?;
        if !WORKING.contains(&wanted.usage) {
            return Err(SecurityError::WrongUsage);
        }
        let key = held.current(|live| unwrapped(&live.key, wanted, delivered))?;
        let material = Material::from_bytes(wanted.algorithm, &key)?;
        if check_value.is_some_and(|given| given != material.check_value()) {
            return Err(SecurityError::Malformed("working key: another check value than given"));
        }
        material.seal(&self.wrap, wanted.usage, Origin::Own)
    }
}

fn random_material(algorithm: KeyAlgorithm) -> Result<Material, SecurityError> {
    match algorithm {
        KeyAlgorithm::Tdes => {
            let key = random_key(16).map_err(|_| SecurityError::Unavailable)?;
            Material::from_bytes(algorithm, key.expose_bytes())
        }
        KeyAlgorithm::Aes => {
            let mut key = Zeroizing::new([0; 16]);
            getrandom::fill(&mut *key).map_err(|_| SecurityError::Unavailable)?;
            Ok(Material::Aes(AesKey::from_bytes(&*key)?))
        }
        KeyAlgorithm::Hmac => Err(SecurityError::WrongUsage),
    }
}

fn wrapped(
    master: &Material,
    wanted: WorkingKey,
    material: &Material,
) -> Result<Vec<u8>, SecurityError> {
    match (wanted.form, master) {
        (KeyForm::Ecb, Material::Tdes { key, .. }) => {
            cipher::tdes_ecb_encrypt(key, material.bytes()).map_err(|_| SecurityError::WrongUsage)
        }
        (KeyForm::Ecb, Material::Aes(key)) => {
            cipher::aes_ecb_encrypt(key, material.bytes()).map_err(|_| SecurityError::WrongUsage)
        }
        (KeyForm::Tr31B, Material::Tdes { .. }) | (KeyForm::Tr31D, Material::Aes(_)) => {
            Ok(key_block::wrap(master, wanted.usage, material)?.into_bytes())
        }
        _ => Err(SecurityError::WrongUsage),
    }
}

fn unwrapped(
    master: &Material,
    wanted: WorkingKey,
    delivered: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
    let malformed = |_| SecurityError::Malformed("working key");
    match (wanted.form, master) {
        (KeyForm::Ecb, Material::Tdes { key, .. }) => {
            cipher::tdes_ecb_decrypt(key, delivered).map_err(malformed)
        }
        (KeyForm::Ecb, Material::Aes(key)) => {
            cipher::aes_ecb_decrypt(key, delivered).map_err(malformed)
        }
        (KeyForm::Tr31B | KeyForm::Tr31D, _) => {
            let text = core::str::from_utf8(delivered)
                .map_err(|_| SecurityError::Malformed("key block"))?;
            let opened = key_block::unwrap(master, wanted.usage, text)?;
            if opened.algorithm != wanted.algorithm {
                return Err(SecurityError::WrongUsage);
            }
            Ok(opened.key)
        }
        _ => Err(SecurityError::WrongUsage),
    }
}
