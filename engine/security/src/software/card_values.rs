//! Card verification values, CAVV and AAV.

use super::SoftwareModule;
use super::held::{Held, Live};
use super::material::Material;
use crate::{
    CardValueInput, CardValues, Cavv, ExpiryOrder, KeyUsage, LoadedKey, SecurityError, Verification,
};
use cryptography::card_value::{self, CardValue};
use cryptography::{Malformed, emv, three_d_secure};
use payment_types::{ExpiryDate, Pan};

impl CardValues for SoftwareModule {
    fn verify_card_value(
        &self,
        key: &LoadedKey,
        input: &CardValueInput<'_>,
        given: &[u8],
    ) -> Result<Verification, SecurityError> {
        let (usage, longest) = match input {
            CardValueInput::Cvc3 { .. } => (KeyUsage::CardDynamic, 5),
            CardValueInput::Dcvv { .. } => (KeyUsage::CardDynamic, 3),
            _ => (KeyUsage::CardVerification, 3),
        };
        let held: &Held = key.handle(&[usage])?;
        if !(3..=longest).contains(&given.len()) || !given.iter().all(u8::is_ascii_digit) {
            return Err(SecurityError::Malformed("card verification value"));
        }
        Ok(held.any(|live| Ok(value(live, input)?.matches(given)))?.into())
    }

    fn verify_cavv(
        &self,
        key: &LoadedKey,
        pan: &Pan,
        cavv: &[u8],
    ) -> Result<Verification, SecurityError> {
        let held: &Held = key.handle(&[KeyUsage::CardholderAuthentication])?;
        let cavv = Cavv::parse(cavv).ok_or(SecurityError::Malformed("CAVV"))?;
        let right = held.any(|live| {
            let (number, result) = (cavv.unpredictable_number, cavv.authentication_result);
            let made = three_d_secure::cavv(live.tdes()?, pan, number, result, cavv.second_factor);
            Ok(made.map_err(malformed)?.matches(&cavv.output))
        })?;
        Ok(right.into())
    }

    fn verify_aav(
        &self,
        key: &LoadedKey,
        pan: &Pan,
        aav: &[u8],
    ) -> Result<Verification, SecurityError> {
        let held: &Held = key.handle(&[KeyUsage::AccountholderAuthentication])?;
        let right = held.any(|live| match &live.material {
            Material::Hmac(key) => {
                three_d_secure::verify_aav_spa1(key, pan, aav).map_err(malformed)
            }
            _ => Err(SecurityError::WrongUsage),
        })?;
        Ok(right.into())
    }
}

const fn malformed(error: Malformed) -> SecurityError {
    SecurityError::Malformed(error.0)
}

fn value(live: &Live, input: &CardValueInput<'_>) -> Result<CardValue, SecurityError> {
    let key = live.tdes()?;
    let made = match *input {
        CardValueInput::Track { pan, expiry, service_code } => {
            card_value::cvv(key, pan, year_month(expiry), service_code)
        }
        CardValueInput::Chip { pan, expiry } => card_value::icvv(key, pan, year_month(expiry)),
        CardValueInput::Printed { pan, expiry, order } => {
            let [a, b, c, d] = year_month(expiry);
            let ordered = match order {
                ExpiryOrder::MonthYear => [c, d, a, b],
                ExpiryOrder::YearMonth => [a, b, c, d],
            };
            card_value::cvv2(key, pan, ordered)
        }
        CardValueInput::Dcvv { pan, psn, derivation, expiry, service_code, atc } => {
            let card = emv::master_key(key, derivation, pan, psn);
            let counter = four_digits(u32::from(atc) % 10_000);
            card_value::dcvv(&card, pan, year_month(expiry), service_code, counter)
        }
        CardValueInput::Cvc3 { pan, psn, derivation, track, unpredictable_number, atc } => {
            let card = emv::master_key(key, derivation, pan, psn);
            let initial = card_value::ivcvc3(&card, track);
            Ok(card_value::cvc3(&card, initial, unpredictable_number, atc))
        }
    };
    made.map_err(malformed)
}

fn year_month(expiry: ExpiryDate) -> [u8; 4] {
    four_digits(u32::from(expiry.number()))
}

fn four_digits(number: u32) -> [u8; 4] {
    [1000, 100, 10, 1].map(|place| {
        let [digit, ..] = (number / place % 10).to_le_bytes();
        b'0' | digit
    })
}
