//! MACs under working keys and under keys of a transaction.

use super::SoftwareModule;
use super::held::{Held, Live};
use super::material::Material;
use super::pins::BASE_KEYS;
use crate::{
    KeyUsage, Mac, MacAlgorithm, MacDirection, MacSource, Macs, SecurityError, Verification,
};
use cryptography::mac::{MacKey, Padding, mac};
use cryptography::{dukpt_aes, dukpt_tdes};

const MAC_KEYS: &[KeyUsage] = &[KeyUsage::MacTerminal, KeyUsage::ZoneMac];

impl Macs for SoftwareModule {
    fn mac(
        &self,
        source: &MacSource<'_>,
        algorithm: MacAlgorithm,
        data: &[u8],
    ) -> Result<Mac, SecurityError> {
        held(source)?.current(|live| with_version(live, source, algorithm, data))
    }

    fn verify_mac(
        &self,
        source: &MacSource<'_>,
        algorithm: MacAlgorithm,
        data: &[u8],
        given: &[u8],
    ) -> Result<Verification, SecurityError> {
        if !matches!(given.len(), 4 | 8) {
            return Err(SecurityError::Malformed("MAC"));
        }
        let right = held(source)?
            .any(|live| Ok(with_version(live, source, algorithm, data)?.begins_with(given)))?;
        Ok(right.into())
    }
}

fn held<'a>(source: &MacSource<'a>) -> Result<&'a Held, SecurityError> {
    match source {
        MacSource::Session(key) => key.handle(MAC_KEYS),
        MacSource::Dukpt { base, .. } => base.handle(BASE_KEYS),
    }
}

fn with_version(
    live: &Live,
    source: &MacSource<'_>,
    algorithm: MacAlgorithm,
    data: &[u8],
) -> Result<Mac, SecurityError> {
    let (ksn, direction) = match source {
        MacSource::Session(_) => {
            return match &live.material {
                Material::Tdes { key, .. } => compute(algorithm, MacKey::Tdes(key), data),
                Material::Aes(key) => compute(algorithm, MacKey::Aes(key), data),
                Material::Hmac(_) => Err(SecurityError::WrongUsage),
            };
        }
        MacSource::Dukpt { ksn, direction, .. } => (ksn, direction),
    };
    match &live.material {
        Material::Tdes { clear, .. } => {
            let ksn = dukpt_tdes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
            let keys = dukpt_tdes::working_keys(&dukpt_tdes::BaseKey::new(clear)?, ksn);
            let key = match direction {
                MacDirection::Request => keys.mac_request(),
                MacDirection::Response => keys.mac_response(),
            };
            compute(algorithm, MacKey::Tdes(&key), data)
        }
        Material::Aes(base) => {
            let ksn = dukpt_aes::Ksn::new(ksn).map_err(|_| SecurityError::Ksn)?;
            let keys = dukpt_aes::working_keys(base, ksn);
            let key = match direction {
                MacDirection::Request => keys.mac_request(),
                MacDirection::Response => keys.mac_response(),
            };
            compute(algorithm, MacKey::Aes(&key), data)
        }
        Material::Hmac(_) => Err(SecurityError::WrongUsage),
    }
}

fn compute(algorithm: MacAlgorithm, key: MacKey<'_>, data: &[u8]) -> Result<Mac, SecurityError> {
    let made = mac(algorithm, Padding::One, key, data).map_err(|_| SecurityError::WrongUsage)?;
    Mac::new(made.as_bytes())
}
