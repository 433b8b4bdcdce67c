//! The values that prove a card or its holder without a chip: CVV, iCVV, CVV2, dCVV, CVC3, and what
//! an access control server says of an authentication (CAVV, AAV).

use super::icc::Family;
use super::wish::{CommerceWish, Proof};
use crate::SimError;
use crate::device::{clear, tdes};
use crate::portfolio::Card;
use cryptography::card_value::{self, CardValue};
use cryptography::{Malformed, TdesKey, emv, three_d_secure};
use sha2::{Digest, Sha256};

/// PIN key index and PVV, which these tracks do not use.
const NO_PVV: &str = "00000";
/// What a CAVV says: authenticated, with a password (second factor code 1).
const AUTHENTICATED: u8 = b'0';
const SECOND_FACTOR: [u8; 2] = *b"01";
/// An AAV of a full authentication, and who made it.
const AAV_CONTROL: u8 = 0x8C;
const AAV_SERVER: [u8; 2] = [0x01, 0x43];

/// How a track is read, which says what value belongs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackReader {
    /// The stripe itself: CVV.
    Stripe,
    /// The chip's image of it: iCVV.
    Chip,
    /// A contactless card in stripe mode, with its counter and a digit that the terminal threw in:
    /// dCVV of Visa, which does not look at the digit, or CVC3 of M/Chip.
    Contactless(u16, u8),
}

/// Track 2 with its verification value.
///
/// # Errors
/// [`SimError::Key`] without the issuer's key (`keys.cvk`; `keys.cvc3` for a dynamic value).
pub fn track2(card: &Card, reader: TrackReader, proof: Proof) -> Result<String, SimError> {
    let number = String::from_utf8_lossy(card.pan.expose_digits()).into_owned();
    let head = format!("{number}={:04}{}", card.expiry, card.service_code);
    if proof == Proof::None {
        return Ok(head);
    }
    let expiry = digits::<4>(card.expiry.into());
    let service = service_code(card)?;
    let (value, after) = match reader {
        TrackReader::Stripe => {
            (card_value::cvv(&issuer_key(card, "cvk")?, &card.pan, expiry, service), String::new())
        }
        TrackReader::Chip => {
            (card_value::icvv(&issuer_key(card, "cvk")?, &card.pan, expiry), String::new())
        }
        TrackReader::Contactless(atc, number) => {
            let issuer = issuer_key(card, "cvc3")?;
            let key = emv::master_key(&issuer, derivation(card), &card.pan, sequence(card));
            let counter = digits::<4>(u64::from(atc) % 10_000);
            let version = card.issue.cryptogram_version.unwrap_or(super::wallet::USUAL_VERSION);
            if Family::of(version)? == Family::MChip {
                let after = format!("{}{}", String::from_utf8_lossy(&counter), number % 10);
                let fixed = packed_track(&format!("{head}{NO_PVV}000{}", "0".repeat(after.len())));
                let initial = card_value::ivcvc3(&key, &fixed);
                let value = card_value::cvc3(&key, initial, u32::from(number % 10), atc % 10_000);
                // Of its five digits the track has room for the last three.
                let value = written(&value, proof);
                return Ok(format!("{head}{NO_PVV}{}{after}", value.get(2..).unwrap_or_default()));
            }
            let value = card_value::dcvv(&key, &card.pan, expiry, service, counter);
            (value, String::from_utf8_lossy(&counter).into_owned())
        }
    };
    let value = written(&value.map_err(malformed)?, proof);
    Ok(format!("{head}{NO_PVV}{value}{after}"))
}

/// A track as a chip keeps it: two digits a byte, the separator as `D`, filled up with `F`.
fn packed_track(track: &str) -> Vec<u8> {
    let mut text = track.replace('=', "D");
    if !text.len().is_multiple_of(2) {
        text.push('F');
    }
    hex::decode(text).unwrap_or_default()
}

/// The three digits on the back.
///
/// # Errors
/// [`SimError::Key`] without the issuer's key (`keys.cvk`).
pub fn cvv2(card: &Card, proof: Proof) -> Result<String, SimError> {
    // As it is printed: month and year.
    let (year, month) = (card.expiry / 100, card.expiry % 100);
    let expiry = digits::<4>(u64::from(month) * 100 + u64::from(year));
    let value = card_value::cvv2(&issuer_key(card, "cvk")?, &card.pan, expiry);
    Ok(written(&value.map_err(malformed)?, proof))
}

/// What the issuer's access control server hands the merchant, in base64. `number` makes it another
/// one each time.
///
/// # Errors
/// [`SimError::Key`] without the issuer's key (`keys.cavk`, `keys.aav`).
pub fn authentication(card: &Card, wish: &CommerceWish, number: u32) -> Result<String, SimError> {
    let mut value = if wish.aav { aav(card, number)? } else { cavv(card, number)? };
    if wish.value == Proof::Wrong {
        // A digit of a CAVV's output, a bit of an AAV's MAC.
        let at = if wish.aav { 19 } else { 4 };
        value[at] = if wish.aav { value[at] ^ 1 } else { other_digit(value[at]) };
    }
    Ok(base64(&value))
}

/// Result code, second factor, key index, `0` and the output's three digits, four digits of
/// unpredictable number, tracking data.
fn cavv(card: &Card, number: u32) -> Result<[u8; 20], SimError> {
    let unpredictable = digits::<4>(u64::from(number) % 10_000);
    let key = issuer_key(card, "cavk")?;
    let output = three_d_secure::cavv(&key, &card.pan, unpredictable, AUTHENTICATED, SECOND_FACTOR);
    let output = output.map_err(malformed)?;
    let packed = |high: u8, low: u8| (high & 0xF) << 4 | (low & 0xF);
    let [first, second, third] = *output.expose_digits() else {
        return Err(malformed(Malformed("CAVV")));
    };
    let [a, b, c, d] = unpredictable;
    let [factor_1, factor_2] = SECOND_FACTOR;
    let mut value = [0; 20];
    let start = [
        AUTHENTICATED & 0xF,
        packed(factor_1, factor_2),
        1,
        first & 0xF,
        packed(second, third),
        packed(a, b),
        packed(c, d),
    ];
    for (to, from) in value.iter_mut().zip(start) {
        *to = from;
    }
    Ok(value)
}

/// Control byte, hash of the merchant's name, who authenticated and how, a number, MAC.
fn aav(card: &Card, number: u32) -> Result<[u8; 20], SimError> {
    let mut first = [0; 15];
    let merchant = Sha256::digest("Dukon Online");
    let parts = [AAV_CONTROL].into_iter().chain(merchant.into_iter().take(8));
    let parts = parts.chain(AAV_SERVER).chain(number.to_be_bytes());
    for (to, from) in first.iter_mut().zip(parts) {
        *to = from;
    }
    let key = card.issue.keys.get("aav")?;
    let mac = three_d_secure::aav_spa1(key.expose(), &card.pan, &first).map_err(malformed)?;
    let mut value = [0; 20];
    for (to, from) in value.iter_mut().zip(first.into_iter().chain(mac)) {
        *to = from;
    }
    Ok(value)
}

/// How the issuer of a card derives its keys.
pub(super) fn derivation(card: &Card) -> emv::Derivation {
    if card.issue.option_b { emv::Derivation::B } else { emv::Derivation::A }
}

/// The card sequence number as keys are derived with it.
pub(super) fn sequence(card: &Card) -> u8 {
    u8::try_from(card.sequence).unwrap_or_default()
}

pub(super) fn issuer_key(card: &Card, name: &'static str) -> Result<TdesKey, SimError> {
    let key = card.issue.keys.get(name)?;
    clear(key)?;
    tdes(key)
}

pub(super) fn malformed(error: Malformed) -> SimError {
    SimError::Key(error.to_string())
}

fn service_code(card: &Card) -> Result<[u8; 3], SimError> {
    let code: Option<[u8; 3]> = card.service_code.as_bytes().try_into().ok();
    code.ok_or_else(|| SimError::Setting(format!("card {}: no service code", card.id)))
}

fn written(value: &CardValue, proof: Proof) -> String {
    let mut text = String::from_utf8_lossy(value.expose_digits()).into_owned();
    if proof == Proof::Wrong {
        let last = text.pop().and_then(|digit| digit.to_digit(10)).unwrap_or_default();
        text.push_str(&((last + 1) % 10).to_string());
    }
    text
}

/// Another low nibble that is a digit.
const fn other_digit(byte: u8) -> u8 {
    (byte & 0xF0) | (((byte & 0xF) + 1) % 10)
}

/// The last `N` decimal digits in ASCII.
fn digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut text = [b'0'; N];
    for place in text.iter_mut().rev() {
        let [digit, ..] = (number % 10).to_le_bytes();
        *place = b'0' | digit;
        number /= 10;
    }
    text
}

/// RFC 4648 section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * place) & 0x3F) as usize);
            let letter = letter.filter(|_| place <= chunk.len()).copied().unwrap_or(b'=');
            text.push(char::from(letter));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::tests::card;

    #[test]
    fn a_track_has_the_value_of_how_it_is_read() {
        let track = |reader, proof| track2(&card(), reader, proof).unwrap();
        let stripe = track(TrackReader::Stripe, Proof::Right);
        let chip = track(TrackReader::Chip, Proof::Right);
        assert!(stripe.starts_with("9417000000000016=291220100000") && stripe.len() == 32);
        assert_ne!(stripe, chip);
        assert_ne!(stripe, track(TrackReader::Stripe, Proof::Wrong));
        assert_eq!(track(TrackReader::Stripe, Proof::None), "9417000000000016=2912201");
        let tap = track(TrackReader::Contactless(17, 5), Proof::Right);
        assert!(tap.ends_with("0017") && tap.len() == 36, "{tap}");
        let mut m_chip = card();
        let issue =
            crate::portfolio::Issue { cryptogram_version: Some(17), ..(*m_chip.issue).clone() };
        m_chip.issue = std::sync::Arc::new(issue);
        let tap = |atc, number| {
            track2(&m_chip, TrackReader::Contactless(atc, number), Proof::Right).unwrap()
        };
        assert!(tap(17, 5).ends_with("00175") && tap(17, 5).len() == 37, "{}", tap(17, 5));
        let value = |track: String| track.get(29..32).unwrap().to_owned();
        let values = [value(tap(17, 5)), value(tap(18, 5)), value(tap(17, 6)), value(tap(17, 5))];
        assert!(values[0] != values[1] && values[0] != values[2] && values[0] == values[3]);
        assert_eq!(cvv2(&card(), Proof::Right).unwrap().len(), 3);
        assert_ne!(cvv2(&card(), Proof::Right).unwrap(), cvv2(&card(), Proof::Wrong).unwrap());
    }

    #[test]
    fn authentications_are_20_bytes_and_told_apart_by_their_first() {
        let wish = |value, aav| CommerceWish { eci: "05".into(), value, aav };
        let made = |value, aav| authentication(&card(), &wish(value, aav), 42).unwrap();
        for is_aav in [false, true] {
            let right = made(Proof::Right, is_aav);
            assert_eq!((right.len(), right.ends_with('=')), (28, true), "{right}");
            assert_ne!(right, made(Proof::Wrong, is_aav));
            // The first six bits: an AAV's control byte has the highest set.
            assert_eq!(right.starts_with('j'), is_aav);
        }
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    }

    #[test]
    fn an_aav_is_one_to_the_verifier() {
        let value = aav(&card(), 7).unwrap();
        let key = card().issue.keys.get("aav").unwrap().clone();
        let right = three_d_secure::verify_aav_spa1(key.expose(), &card().pan, &value).unwrap();
        assert!(bool::from(right));
    }
}
