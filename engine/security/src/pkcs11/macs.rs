//! MACs: under working keys in the token, under keys of a transaction here.

use super::Pkcs11Module;
use super::keys::KeyBox;
use super::operations;
use super::pins::{BASE_KEYS, aes_keys, tdes_keys};
use crate::{
    KeyAlgorithm, KeyUsage, Mac, MacAlgorithm, MacDirection, MacSource, Macs, SecurityError,
    Verification,
};
use cryptography::mac::{MacKey, Padding, mac};

const MAC_KEYS: &[KeyUsage] = &[KeyUsage::MacTerminal, KeyUsage::ZoneMac];

impl Macs for Pkcs11Module {
    fn mac(
        &self,
        source: &MacSource<'_>,
        algorithm: MacAlgorithm,
        data: &[u8],
    ) -> Result<Mac, SecurityError> {
        match source {
            MacSource::Session(key) => {
                let held: &KeyBox = key.handle(MAC_KEYS)?;
                let aes = algorithm == MacAlgorithm::CmacAes;
                if aes != (held.algorithm == KeyAlgorithm::Aes) {
                    return Err(SecurityError::WrongUsage);
                }
                let made =
                    held.with(|session, key| operations::mac(session, key, algorithm, data))?;
                Mac::new(&made)
            }
            MacSource::Dukpt { base, ksn, direction } => {
                of_transaction(base.handle(BASE_KEYS)?, ksn, *direction, algorithm, data)
            }
        }
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
        Ok(self.mac(source, algorithm, data)?.begins_with(given).into())
    }
}

fn of_transaction(
    base: &KeyBox,
    ksn: &[u8],
    direction: MacDirection,
    algorithm: MacAlgorithm,
    data: &[u8],
) -> Result<Mac, SecurityError> {
    let made = if base.algorithm == KeyAlgorithm::Tdes {
        let keys = tdes_keys(base, ksn)?;
        let key = match direction {
            MacDirection::Request => keys.mac_request(),
            MacDirection::Response => keys.mac_response(),
        };
        mac(algorithm, Padding::One, MacKey::Tdes(&key), data)
    } else {
        let keys = aes_keys(base, ksn)?;
        let key = match direction {
            MacDirection::Request => keys.mac_request(),
            MacDirection::Response => keys.mac_response(),
        };
        mac(algorithm, Padding::One, MacKey::Aes(&key), data)
    };
    Mac::new(made.map_err(|_| SecurityError::WrongUsage)?.as_bytes())
}
