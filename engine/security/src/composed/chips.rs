//! Cryptograms, the issuer's answer, scripts.

use super::{Composed, Steps, malformed};
use crate::versions::Held;
use crate::{
    ArpcInput, ChipCard, Chips, CryptogramInput, IssuerAuthenticationData, KeyUsage, LoadedKey,
    PinData, ScriptCommand, ScriptInput, ScriptKeys, SecurityError, Verification,
};
use cryptography::emv::{self, ChipKey, IssuerAnswer};
use subtle::{Choice, ConstantTimeEq};

impl<M: Composed> Chips for M {
    fn verify_cryptogram(
        &self,
        key: &LoadedKey,
        input: &CryptogramInput<'_>,
    ) -> Result<Verification, SecurityError> {
        let held: &Held<M::Key> = key.handle(&[KeyUsage::ChipCryptogram])?;
        let right = held.any(|key| Ok(checked(key, input)?.1))?;
        Ok(right.into())
    }

    fn response_cryptogram(
        &self,
        key: &LoadedKey,
        input: &CryptogramInput<'_>,
        answer: ArpcInput<'_>,
    ) -> Result<IssuerAuthenticationData, SecurityError> {
        let held: &Held<M::Key> = key.handle(&[KeyUsage::ChipCryptogram])?;
        let answer = match answer {
            ArpcInput::Method1 { response_code } => IssuerAnswer::Method1 { response_code },
            ArpcInput::Method2 { status_update, proprietary } => {
                IssuerAnswer::Method2 { status_update, proprietary }
            }
        };
        // With the version of the issuer's key the card was personalised with: the one under
        // which its own cryptogram is right. Only one that is right is answered.
        let mut made = Err(SecurityError::NotOurs);
        held.each(|live| {
            if made.is_err() {
                let (card, right) = checked(&live.key, input)?;
                if bool::from(right) {
                    let (version, given) = (input.card.version, input.cryptogram);
                    made = emv::response(version, &card, &input.elements(), given, answer)
                        .map_err(malformed);
                }
            }
            Ok(())
        })?;
        let made = made?;
        IssuerAuthenticationData::try_from(&made[..])
            .map_err(|_| SecurityError::Malformed("issuer authentication data"))
    }

    fn script(
        &self,
        keys: &ScriptKeys<'_>,
        input: &ScriptInput<'_>,
    ) -> Result<ScriptCommand, SecurityError> {
        let mac = of_card::<M>(keys.mac, KeyUsage::ChipScriptMac, &input.card)?;
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
            of_card::<M>(key.ok_or(SecurityError::NoSuchKey)?, usage, card)
        };
        let mac = of_card::<M>(keys.mac, KeyUsage::ChipScriptMac, card)?;
        let secrets = needed(keys.confidentiality, KeyUsage::ChipScriptConfidentiality)?;
        let cryptogram = needed(keys.cryptogram, KeyUsage::ChipCryptogram)?;
        let (pin, well_formed) = super::pins::open_block::<M>(new, card.pan)?;
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

fn sized(command: &[u8]) -> Result<ScriptCommand, SecurityError> {
    ScriptCommand::try_from(command).map_err(|_| SecurityError::Malformed("script command"))
}

/// The card's own key, from the issuer's current one.
fn of_card<M: Composed>(
    key: &LoadedKey,
    usage: KeyUsage,
    card: &ChipCard<'_>,
) -> Result<ChipKey, SecurityError> {
    key.handle::<Held<M::Key>>(&[usage])?.current(|live| card_key(&live.key, card))
}

fn card_key(key: &impl Steps, card: &ChipCard<'_>) -> Result<ChipKey, SecurityError> {
    key.card_key(emv::master_key_blocks(card.derivation, card.pan, card.psn))
}

/// The card's key, and whether the cryptogram is right under it.
fn checked(
    key: &impl Steps,
    input: &CryptogramInput<'_>,
) -> Result<(ChipKey, Choice), SecurityError> {
    let card = card_key(key, &input.card)?;
    let made = emv::cryptogram(input.card.version, &card, &input.elements()).map_err(malformed)?;
    let right = made.ct_eq(&input.cryptogram);
    Ok((card, right))
}
