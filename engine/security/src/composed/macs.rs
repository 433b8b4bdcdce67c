//! MACs under working keys and under keys of a transaction.

use super::{BASE_KEYS, Composed, Steps, TransactionKeys};
use crate::versions::Held;
use crate::{
    KeyUsage, Mac, MacAlgorithm, MacDirection, MacSource, Macs, SecurityError, Verification,
};
use cryptography::mac::{MacKey, Padding, mac};

const MAC_KEYS: &[KeyUsage] = &[KeyUsage::MacTerminal, KeyUsage::ZoneMac];

impl<M: Composed> Macs for M {
    fn mac(
        &self,
        source: &MacSource<'_>,
        algorithm: MacAlgorithm,
        data: &[u8],
    ) -> Result<Mac, SecurityError> {
        held::<M>(source)?.current(|live| with_version(&live.key, source, algorithm, data))
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
        let right = held::<M>(source)?
            .any(|key| Ok(with_version(key, source, algorithm, data)?.begins_with(given)))?;
        Ok(right.into())
    }
}

fn held<'a, M: Composed>(source: &MacSource<'a>) -> Result<&'a Held<M::Key>, SecurityError> {
    match source {
        MacSource::Session(key) => key.handle(MAC_KEYS),
        MacSource::Dukpt { base, .. } => base.handle(BASE_KEYS),
    }
}

fn with_version(
    key: &impl Steps,
    source: &MacSource<'_>,
    algorithm: MacAlgorithm,
    data: &[u8],
) -> Result<Mac, SecurityError> {
    let MacSource::Dukpt { ksn, direction, .. } = source else { return key.mac(algorithm, data) };
    match (key.transaction_keys(ksn)?, direction) {
        (TransactionKeys::Tdes(keys), MacDirection::Request) => {
            compute(algorithm, MacKey::Tdes(&keys.mac_request()), data)
        }
        (TransactionKeys::Tdes(keys), MacDirection::Response) => {
            compute(algorithm, MacKey::Tdes(&keys.mac_response()), data)
        }
        (TransactionKeys::Aes(keys), MacDirection::Request) => {
            compute(algorithm, MacKey::Aes(&keys.mac_request()), data)
        }
        (TransactionKeys::Aes(keys), MacDirection::Response) => {
            compute(algorithm, MacKey::Aes(&keys.mac_response()), data)
        }
    }
}

/// Under a key that is in this process.
pub(crate) fn compute(
    algorithm: MacAlgorithm,
    key: MacKey<'_>,
    data: &[u8],
) -> Result<Mac, SecurityError> {
    let made = mac(algorithm, Padding::One, key, data).map_err(|_| SecurityError::WrongUsage)?;
    Mac::new(made.as_bytes())
}
