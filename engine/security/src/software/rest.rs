//! What needs the cryptography of cards, chips and messages.

use super::SoftwareModule;
use crate::{
    ArpcInput, CardValueInput, CardValues, CheckValue, Chips, CryptogramInput, DataProtection,
    Generated, Health, HealthCheck, IssuerAuthenticationData, KeyExchange, LoadedKey, Mac,
    MacAlgorithm, MacSource, Macs, PinData, ScriptCommand, ScriptInput, ScriptKeys, SealedKey,
    SecurityError, Verification, WorkingKey,
};
use payment_types::Pan;
use zeroize::Zeroizing;

const LATER: SecurityError = SecurityError::Unsupported("not in this version");

impl CardValues for SoftwareModule {
    fn verify_card_value(
        &self,
        _key: &LoadedKey,
        _input: &CardValueInput<'_>,
        _given: &[u8],
    ) -> Result<Verification, SecurityError> {
        Err(LATER)
    }

    fn verify_cavv(
        &self,
        _key: &LoadedKey,
        _pan: &Pan,
        _cavv: &[u8],
    ) -> Result<Verification, SecurityError> {
        Err(LATER)
    }

    fn verify_aav(
        &self,
        _key: &LoadedKey,
        _pan: &Pan,
        _aav: &[u8],
    ) -> Result<Verification, SecurityError> {
        Err(LATER)
    }
}

impl Chips for SoftwareModule {
    fn verify_cryptogram(
        &self,
        _key: &LoadedKey,
        _input: &CryptogramInput<'_>,
    ) -> Result<Verification, SecurityError> {
        Err(LATER)
    }

    fn response_cryptogram(
        &self,
        _key: &LoadedKey,
        _input: &CryptogramInput<'_>,
        _answer: ArpcInput<'_>,
    ) -> Result<IssuerAuthenticationData, SecurityError> {
        Err(LATER)
    }

    fn script(
        &self,
        _keys: &ScriptKeys<'_>,
        _input: &ScriptInput<'_>,
    ) -> Result<ScriptCommand, SecurityError> {
        Err(LATER)
    }

    fn pin_script(
        &self,
        _keys: &ScriptKeys<'_>,
        _input: &ScriptInput<'_>,
        _new: &PinData<'_>,
    ) -> Result<ScriptCommand, SecurityError> {
        Err(LATER)
    }
}

impl Macs for SoftwareModule {
    fn mac(
        &self,
        _source: &MacSource<'_>,
        _algorithm: MacAlgorithm,
        _data: &[u8],
    ) -> Result<Mac, SecurityError> {
        Err(LATER)
    }

    fn verify_mac(
        &self,
        _source: &MacSource<'_>,
        _algorithm: MacAlgorithm,
        _data: &[u8],
        _given: &[u8],
    ) -> Result<Verification, SecurityError> {
        Err(LATER)
    }
}

impl KeyExchange for SoftwareModule {
    fn generate_working_key(
        &self,
        _master: &LoadedKey,
        _wanted: WorkingKey,
    ) -> Result<Generated, SecurityError> {
        Err(LATER)
    }

    fn import_working_key(
        &self,
        _master: &LoadedKey,
        _wanted: WorkingKey,
        _delivered: &[u8],
        _check_value: Option<CheckValue>,
    ) -> Result<SealedKey, SecurityError> {
        Err(LATER)
    }
}

impl DataProtection for SoftwareModule {
    fn new_data_key(&self) -> Result<SealedKey, SecurityError> {
        Err(LATER)
    }

    fn encrypt(
        &self,
        _key: &LoadedKey,
        _context: &[u8],
        _plain: &[u8],
    ) -> Result<Vec<u8>, SecurityError> {
        Err(LATER)
    }

    fn decrypt(
        &self,
        _key: &LoadedKey,
        _context: &[u8],
        _sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        Err(LATER)
    }
}

impl HealthCheck for SoftwareModule {
    fn health(&self) -> Health {
        Health::Ready
    }

    fn is_remote(&self) -> bool {
        false
    }

    fn description(&self) -> String {
        "software".to_owned()
    }
}
