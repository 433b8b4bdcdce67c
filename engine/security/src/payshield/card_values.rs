//! Card verification values and CAVV (SEC-1, SEC-4), by the device's CVV command: they differ in
//! what stands for the expiry date and the service code.

use super::module::{PayshieldModule, text_of};
use super::values::Values;
use crate::{
    CardValueInput, CardValues, Cavv, ExpiryOrder, KeyUsage, LoadedKey, SecurityError, Verification,
};
use payment_types::{ExpiryDate, Pan};

impl PayshieldModule {
    fn verify_cvv(
        &self,
        key: &str,
        pan: &Pan,
        expiry: [u8; 4],
        service_code: [u8; 3],
        given: &[u8],
    ) -> Result<Verification, SecurityError> {
        if given.len() != 3 || !given.iter().all(u8::is_ascii_digit) {
            return Err(SecurityError::Malformed("card verification value"));
        }
        let values = Values::new()
            .with("cvk", key)
            .with("cvv", given)
            .with("pan", pan.expose_digits())
            .with("expiration_date", expiry)
            .with("service_code", service_code);
        let is_right = self.is_right("CY", &values)?;
        Ok(if is_right { Verification::Right } else { Verification::Wrong })
    }
}

fn year_month(expiry: ExpiryDate) -> [u8; 4] {
    let digits = format!("{:04}", expiry.number());
    let mut text = [b'0'; 4];
    for (to, from) in text.iter_mut().zip(digits.bytes()) {
        *to = from;
    }
    text
}

impl CardValues for PayshieldModule {
    fn verify_card_value(
        &self,
        key: &LoadedKey,
        input: &CardValueInput<'_>,
        given: &[u8],
    ) -> Result<Verification, SecurityError> {
        let (pan, expiry, service_code) = match *input {
            CardValueInput::Track { pan, expiry, service_code } => {
                (pan, year_month(expiry), service_code)
            }
            CardValueInput::Chip { pan, expiry } => (pan, year_month(expiry), *b"999"),
            CardValueInput::Printed { pan, expiry, order } => {
                let [a, b, c, d] = year_month(expiry);
                let expiry = match order {
                    ExpiryOrder::MonthYear => [c, d, a, b],
                    ExpiryOrder::YearMonth => [a, b, c, d],
                };
                (pan, expiry, *b"000")
            }
            CardValueInput::Dcvv { .. } | CardValueInput::Cvc3 { .. } => {
                return Err(SecurityError::Unsupported("dCVV and CVC3 by host command"));
            }
        };
        let key = text_of(key, &[KeyUsage::CardVerification])?;
        self.verify_cvv(key, pan, expiry, service_code, given)
    }

    fn verify_cavv(
        &self,
        key: &LoadedKey,
        pan: &Pan,
        cavv: &[u8],
    ) -> Result<Verification, SecurityError> {
        let key = text_of(key, &[KeyUsage::CardholderAuthentication])?;
        let cavv = Cavv::parse(cavv).ok_or(SecurityError::Malformed("CAVV"))?;
        let [first, second] = cavv.second_factor;
        let service_code = [cavv.authentication_result, first, second];
        self.verify_cvv(key, pan, cavv.unpredictable_number, service_code, &cavv.output)
    }

    fn verify_aav(
        &self,
        _key: &LoadedKey,
        _pan: &Pan,
        _aav: &[u8],
    ) -> Result<Verification, SecurityError> {
        Err(SecurityError::Unsupported("AAV by host command"))
    }
}
