//! Card verification values: CVV, iCVV and CVV2, the dCVV and the CVC3 of contactless cards in
//! magnetic stripe mode.

use crate::bits::{decimalize, nibbles, xor};
use crate::emv::ChipKey;
use crate::mac::algorithm_3;
use crate::{Malformed, Padding, TdesKey};
use core::fmt;
use payment_types::Pan;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Decimal digits that prove a key was used: three of a CVV, five of a CVC3. Handled as a secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CardValue {
    digits: [u8; 5],
    len: usize,
}

impl CardValue {
    /// The ASCII digits. Every call is a place a reviewer looks at.
    #[must_use]
    pub fn expose_digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    /// Whether these ASCII digits are the value, or its last digits where a track has room for
    /// fewer (three at least); in constant time for their number.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> Choice {
        let fits = (3..=self.len).contains(&given.len());
        let from = self.len.saturating_sub(given.len());
        let own = self.digits.get(from..self.len).unwrap_or_default();
        own.ct_eq(given) & Choice::from(u8::from(fits))
    }
}

impl fmt::Debug for CardValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardValue(hidden)")
    }
}

/// The service code an iCVV is made with, whatever the track image says.
pub const ICVV_SERVICE_CODE: [u8; 3] = *b"999";
/// The service code a CVV2 is made with.
pub const CVV2_SERVICE_CODE: [u8; 3] = *b"000";

/// The value of a track: `expiry` (four ASCII digits) in the order in which it is hashed, year and
/// month for tracks.
///
/// # Errors
/// [`Malformed`] for something else than digits.
pub fn cvv(
    key: &TdesKey,
    pan: &Pan,
    expiry: [u8; 4],
    service_code: [u8; 3],
) -> Result<CardValue, Malformed> {
    let blocks = blocks(pan.expose_digits(), expiry, service_code)?;
    Ok(from_block(encrypt_chained(key, blocks)))
}

/// The two blocks of a card verification value, for keys that live in an HSM: the first is
/// encrypted by single DES under the key's first half, the second XORed onto it, the result
/// encrypted under the whole key and given to [`from_block`].
///
/// # Errors
/// [`Malformed`] for something else than digits.
pub fn blocks(
    pan: &[u8],
    expiry: [u8; 4],
    service_code: [u8; 3],
) -> Result<[[u8; 8]; 2], Malformed> {
    let digits = || pan.iter().chain(&expiry).chain(&service_code);
    if !digits().all(u8::is_ascii_digit) {
        return Err(Malformed("card value: expiry date or service code"));
    }
    let mut packed = [[0u8; 8]; 2];
    for (at, digit) in digits().enumerate() {
        let block = packed.get_mut(at / 16).and_then(|block| block.get_mut(at % 16 / 2));
        if let Some(byte) = block {
            *byte |= (digit & 0xF) << (4 * (1 - at % 2));
        }
    }
    Ok(packed)
}

/// What is done with the two blocks: for keys that are here.
#[must_use]
pub fn encrypt_chained(key: &TdesKey, [first, second]: [[u8; 8]; 2]) -> [u8; 8] {
    let chained = Zeroizing::new(xor(key.encrypt_with_first(first), &second));
    key.encrypt(*chained)
}

/// The three digits in what came out of the encryptions.
#[must_use]
pub fn from_block(block: [u8; 8]) -> CardValue {
    let block = Zeroizing::new(block);
    let [a, b, c] = decimalize::<3>(nibbles(&*block)).map(|digit| digit | b'0');
    CardValue { digits: [a, b, c, 0, 0], len: 3 }
}

/// The value in the track image of a chip.
///
/// # Errors
/// [`Malformed`] for something else than digits.
pub fn icvv(key: &TdesKey, pan: &Pan, expiry: [u8; 4]) -> Result<CardValue, Malformed> {
    cvv(key, pan, expiry, ICVV_SERVICE_CODE)
}

/// The value printed on the card: `expiry` in the order in which the issuer hashes it, month and
/// year for most.
///
/// # Errors
/// [`Malformed`] for something else than digits.
pub fn cvv2(key: &TdesKey, pan: &Pan, expiry: [u8; 4]) -> Result<CardValue, Malformed> {
    cvv(key, pan, expiry, CVV2_SERVICE_CODE)
}

/// Visa's dynamic CVV: a CVV under the card's own key, the first four digits of the card number
/// replaced by four digits of the transaction counter.
///
/// # Errors
/// [`Malformed`] for something else than digits.
pub fn dcvv(
    card: &ChipKey,
    pan: &Pan,
    expiry: [u8; 4],
    service_code: [u8; 3],
    atc: [u8; 4],
) -> Result<CardValue, Malformed> {
    let rest = pan.expose_digits().get(4..).unwrap_or_default();
    let altered = Zeroizing::new([&atc[..], rest].concat());
    let blocks = blocks(&altered, expiry, service_code)?;
    Ok(from_block(encrypt_chained(&card.tdes(), blocks)))
}

/// Mastercard's initial value of a CVC3: the last two bytes of a MAC over the static track data.
#[must_use]
pub fn ivcvc3(card: &ChipKey, track: &[u8]) -> [u8; 2] {
    let [.., a, b] = algorithm_3(&card.tdes(), Padding::Two, track);
    [a, b]
}

/// Mastercard's CVC3: five digits, of which a track carries as many as it has room for.
#[must_use]
pub fn cvc3(
    card: &ChipKey,
    initial: [u8; 2],
    unpredictable_number: u32,
    transaction_counter: u16,
) -> CardValue {
    let [a, b] = initial;
    let [c, d, e, f] = unpredictable_number.to_be_bytes();
    let [g, h] = transaction_counter.to_be_bytes();
    let [.., high, low] = card.tdes().encrypt([a, b, c, d, e, f, g, h]);
    let mut rest = u16::from_be_bytes([high, low]);
    let mut digits = [0; 5];
    for place in digits.iter_mut().rev() {
        let [digit, _] = (rest % 10).to_le_bytes();
        *place = digit | b'0';
        rest /= 10;
    }
    CardValue { digits, len: 5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_its_last_digits() {
        let five = CardValue { digits: *b"03518", len: 5 };
        for (given, right) in [
            (&b"03518"[..], true),
            (b"3518", true),
            (b"518", true),
            (b"18", false),
            (b"", false),
            (b"519", false),
            (b"035", false),
            (b"003518", false),
        ] {
            assert_eq!(bool::from(five.matches(given)), right, "{given:?}");
        }
    }
}
