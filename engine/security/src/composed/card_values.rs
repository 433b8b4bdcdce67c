//! Card verification values, CAVV and AAV.

use super::{Composed, Steps, malformed};
use crate::versions::Held;
use crate::{
    CardValueInput, CardValues, Cavv, ExpiryOrder, KeyUsage, LoadedKey, SecurityError, Verification,
};
use cryptography::card_value::{self, CVV2_SERVICE_CODE, CardValue, ICVV_SERVICE_CODE};
use cryptography::{emv, three_d_secure};
use payment_types::{ExpiryDate, Pan};
use subtle::ConstantTimeEq;

impl<M: Composed> CardValues for M {
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
        let held: &Held<M::Key> = key.handle(&[usage])?;
        if !(3..=longest).contains(&given.len()) || !given.iter().all(u8::is_ascii_digit) {
            return Err(SecurityError::Malformed("card verification value"));
        }
        Ok(held.any(|key| Ok(value(key, input)?.matches(given)))?.into())
    }

    fn verify_cavv(
        &self,
        key: &LoadedKey,
        pan: &Pan,
        cavv: &[u8],
    ) -> Result<Verification, SecurityError> {
        let held: &Held<M::Key> = key.handle(&[KeyUsage::CardholderAuthentication])?;
        let cavv = Cavv::parse(cavv).ok_or(SecurityError::Malformed("CAVV"))?;
        let [a, b] = cavv.second_factor;
        let code = [cavv.authentication_result, a, b];
        let made = |key: &M::Key| cvv(key, pan, cavv.unpredictable_number, code);
        Ok(held.any(|key| Ok(made(key)?.matches(&cavv.output)))?.into())
    }

    fn verify_aav(
        &self,
        key: &LoadedKey,
        pan: &Pan,
        aav: &[u8],
    ) -> Result<Verification, SecurityError> {
        let held: &Held<M::Key> = key.handle(&[KeyUsage::AccountholderAuthentication])?;
        let error = SecurityError::Malformed("AAV");
        let aav: &[u8; three_d_secure::AAV_LEN] = aav.try_into().map_err(|_| error)?;
        let (first, given) = aav.split_first_chunk::<15>().ok_or(error)?;
        Ok(held.any(|key| Ok(key.aav(pan, first)?.ct_eq(given)))?.into())
    }
}

fn cvv(
    key: &impl Steps,
    pan: &Pan,
    expiry: [u8; 4],
    code: [u8; 3],
) -> Result<CardValue, SecurityError> {
    let blocks = card_value::blocks(pan.expose_digits(), expiry, code).map_err(malformed)?;
    key.encrypt_chained(blocks).map(card_value::from_block)
}

fn value(key: &impl Steps, input: &CardValueInput<'_>) -> Result<CardValue, SecurityError> {
    match *input {
        CardValueInput::Track { pan, expiry, service_code } => {
            cvv(key, pan, year_month(expiry), service_code)
        }
        CardValueInput::Chip { pan, expiry } => {
            cvv(key, pan, year_month(expiry), ICVV_SERVICE_CODE)
        }
        CardValueInput::Printed { pan, expiry, order } => {
            let [a, b, c, d] = year_month(expiry);
            let ordered = match order {
                ExpiryOrder::MonthYear => [c, d, a, b],
                ExpiryOrder::YearMonth => [a, b, c, d],
            };
            cvv(key, pan, ordered, CVV2_SERVICE_CODE)
        }
        CardValueInput::Dcvv { pan, psn, derivation, expiry, service_code, atc } => {
            let card = key.card_key(emv::master_key_blocks(derivation, pan, psn))?;
            let counter = four_digits(u32::from(atc) % 10_000);
            card_value::dcvv(&card, pan, year_month(expiry), service_code, counter)
                .map_err(malformed)
        }
        CardValueInput::Cvc3 { pan, psn, derivation, track, unpredictable_number, atc } => {
            let card = key.card_key(emv::master_key_blocks(derivation, pan, psn))?;
            let initial = card_value::ivcvc3(&card, track);
            Ok(card_value::cvc3(&card, initial, unpredictable_number, atc))
        }
    }
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
