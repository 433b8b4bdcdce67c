//! Chips: the token makes the card's key of the issuer's, the rest is done here with a key that
//! belongs to one card and is wiped after the call.

use super::Pkcs11Module;
use super::keys::KeyBox;
use super::pins::card_key;
use crate::{
    ArpcInput, ChipCard, Chips, CryptogramInput, IssuerAuthenticationData, KeyUsage, LoadedKey,
    PinData, ScriptCommand, ScriptInput, ScriptKeys, SecurityError, Verification,
};
use cryptography::Malformed;
use cryptography::emv::{self, AcInput, ChipKey, IssuerAnswer};
use subtle::ConstantTimeEq;

impl Chips for Pkcs11Module {
    fn verify_cryptogram(
        &self,
        key: &LoadedKey,
        input: &CryptogramInput<'_>,
    ) -> Result<Verification, SecurityError> {
        let card = of_card(key, KeyUsage::ChipCryptogram, &input.card)?;
        let made = emv::cryptogram(input.card.version, &card, &elements(input));
        Ok(made.map_err(malformed)?.ct_eq(&input.cryptogram).into())
    }

    fn response_cryptogram(
        &self,
        key: &LoadedKey,
        input: &CryptogramInput<'_>,
        answer: ArpcInput<'_>,
    ) -> Result<IssuerAuthenticationData, SecurityError> {
        let answer = match answer {
            ArpcInput::Method1 { response_code } => IssuerAnswer::Method1 { response_code },
            ArpcInput::Method2 { status_update, proprietary } => {
                IssuerAnswer::Method2 { status_update, proprietary }
            }
        };
        let card = of_card(key, KeyUsage::ChipCryptogram, &input.card)?;
        let (version, elements) = (input.card.version, elements(input));
        let made = emv::cryptogram(version, &card, &elements).map_err(malformed)?;
        // Only a cryptogram that is right is answered.
        if !bool::from(made.ct_eq(&input.cryptogram)) {
            return Err(SecurityError::NotOurs);
        }
        let made = emv::response(version, &card, &elements, input.cryptogram, answer);
        IssuerAuthenticationData::try_from(&made.map_err(malformed)?[..])
            .map_err(|_| SecurityError::Malformed("issuer authentication data"))
    }

    fn script(
        &self,
        keys: &ScriptKeys<'_>,
        input: &ScriptInput<'_>,
    ) -> Result<ScriptCommand, SecurityError> {
        let mac = of_card(keys.mac, KeyUsage::ChipScriptMac, &input.card)?;
        let moment = (input.atc, input.cryptogram);
        let (version, length) = (input.card.version, input.mac_length);
        let made = emv::command(version, &mac, moment, input.header, input.data, length);
        sized(&made.map_err(malformed)?)
    }

    fn pin_script(
        &self,
        keys: &ScriptKeys<'_>,
        input: &ScriptInput<'_>,
        new: &PinData<'_>,
    ) -> Result<ScriptCommand, SecurityError> {
        let card = &input.card;
        let needed = |key: Option<&LoadedKey>, usage| {
            of_card(key.ok_or(SecurityError::NoSuchKey)?, usage, card)
        };
        let mac = of_card(keys.mac, KeyUsage::ChipScriptMac, card)?;
        let secrets = needed(keys.confidentiality, KeyUsage::ChipScriptConfidentiality)?;
        let cryptogram = needed(keys.cryptogram, KeyUsage::ChipCryptogram)?;
        let (pin, well_formed) = Self::open_block(new, card.pan)?;
        if !bool::from(well_formed) {
            return Err(SecurityError::PinBlock);
        }
        let made = emv::pin_change(
            card.version,
            [&cryptogram, &mac, &secrets],
            (input.atc, input.cryptogram),
            (&pin, None),
            input.mac_length,
        );
        sized(&made.map_err(malformed)?)
    }
}

const fn malformed(error: Malformed) -> SecurityError {
    SecurityError::Malformed(error.0)
}

fn sized(command: &[u8]) -> Result<ScriptCommand, SecurityError> {
    ScriptCommand::try_from(command).map_err(|_| SecurityError::Malformed("script command"))
}

fn of_card(
    key: &LoadedKey,
    usage: KeyUsage,
    card: &ChipCard<'_>,
) -> Result<ChipKey, SecurityError> {
    let held: &KeyBox = key.handle(&[usage])?;
    card_key(held, emv::master_key_blocks(card.derivation, card.pan, card.psn))
}

const fn elements<'a>(input: &CryptogramInput<'a>) -> AcInput<'a> {
    AcInput {
        amount_authorized: input.amount_authorized,
        amount_other: input.amount_other,
        terminal_country: input.terminal_country,
        tvr: input.tvr,
        currency: input.currency,
        date: input.date,
        transaction_type: input.transaction_type,
        unpredictable_number: input.unpredictable_number,
        aip: input.aip,
        atc: input.atc,
        issuer_application_data: input.issuer_application_data,
    }
}
