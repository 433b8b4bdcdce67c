//! What needs the cryptography of cards, chips and messages.

use super::SoftwareModule;
use crate::{
    ArpcInput, CardValueInput, CardValues, Chips, CryptogramInput, Health, HealthCheck,
    IssuerAuthenticationData, LoadedKey, PinData, ScriptCommand, ScriptInput, ScriptKeys,
    SecurityError, Verification,
};
use payment_types::Pan;

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
