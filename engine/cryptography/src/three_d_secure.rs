//! The values that prove a cardholder was authenticated on-line: Visa's CAVV by the CVV algorithm
//! and Mastercard's AAV of SPA 1 (HMAC-SHA1; US patent application 2007/0143227).
//!
//! How the 20 bytes of a CAVV are packed is a scheme document; here are the digits only.

use crate::card_value::{CardValue, cvv};
use crate::{Malformed, TdesKey};
use hmac::{Hmac, KeyInit, Mac};
use payment_types::Pan;
use sha1::Sha1;
use subtle::{Choice, ConstantTimeEq};

/// The output of a CAVV, three digits: a CVV with four digits of unpredictable number for the
/// expiry date and the authentication codes for the service code. All ASCII.
///
/// # Errors
/// [`Malformed`] for something else than digits.
pub fn cavv(
    key: &TdesKey,
    pan: &Pan,
    unpredictable_number: [u8; 4],
    authentication_result: u8,
    second_factor: [u8; 2],
) -> Result<CardValue, Malformed> {
    let [a, b] = second_factor;
    cvv(key, pan, unpredictable_number, [authentication_result, a, b])
}

/// How many bytes an AAV has.
pub const AAV_LEN: usize = 20;

/// What the MAC of an AAV is made over: the card number filled up with `F` to twenty digits, and
/// the AAV's first fifteen bytes. For keys that live in an HSM.
#[must_use]
pub fn aav_spa1_data(pan: &Pan, first_fifteen: &[u8; 15]) -> [u8; 25] {
    let mut data = [0; 25];
    let filled = pan.expose_digits().iter().map(|digit| digit & 0xF);
    for (at, nibble) in filled.chain(core::iter::repeat(0xF)).take(20).enumerate() {
        if let Some(byte) = data.get_mut(at / 2) {
            *byte |= nibble << (4 * (1 - at % 2));
        }
    }
    for (to, from) in data.iter_mut().skip(10).zip(first_fifteen) {
        *to = *from;
    }
    data
}

/// The five bytes of MAC that end an AAV.
///
/// # Errors
/// [`Malformed`] never: an HMAC key may have any length.
pub fn aav_spa1(key: &[u8], pan: &Pan, first_fifteen: &[u8; 15]) -> Result<[u8; 5], Malformed> {
    let mut state = Hmac::<Sha1>::new_from_slice(key).map_err(|_| Malformed("HMAC key"))?;
    state.update(&aav_spa1_data(pan, first_fifteen));
    let [a, b, c, d, e, ..] = <[u8; 20]>::from(state.finalize().into_bytes());
    Ok([a, b, c, d, e])
}

/// Whether twenty bytes are an AAV for a card.
///
/// # Errors
/// [`Malformed`] for another length.
pub fn verify_aav_spa1(key: &[u8], pan: &Pan, aav: &[u8]) -> Result<Choice, Malformed> {
    let aav: &[u8; AAV_LEN] = aav.try_into().map_err(|_| Malformed("AAV"))?;
    let (first, given) = aav.split_first_chunk::<15>().ok_or(Malformed("AAV"))?;
    Ok(aav_spa1(key, pan, first)?.ct_eq(given))
}
