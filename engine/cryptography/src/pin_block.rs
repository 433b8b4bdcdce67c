//! PIN blocks (ISO 9564-1 9.3): how a PIN is laid out before it is encrypted.
//!
//! | format | layout of the 16 nibbles | bound to the card number |
//! | --- | --- | --- |
//! | 0 | `0`, length, digits, `F`... | XOR with its 12 digits before the check digit |
//! | 1 | `1`, length, digits, any fill | no |
//! | 2 | `2`, length, digits, `F`... (inside chip cards only) | no |
//! | 3 | `3`, length, digits, fill `A` to `F` at random | as format 0 |
//! | 4 | `4`, length, digits, `A`..., 8 random bytes (AES) | XOR between two encryptions |
//!
//! Taking a block apart does the same work whatever is inside it: no branch and no table depends
//! on the clear block.

use crate::bits::{as_nibble, less, nibble, pack, select, xor};
use crate::pin::{FILL, LONGEST, Pin, SHORTEST};
use crate::{AesKey, Malformed};
use payment_types::Pan;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// How the PIN is laid out in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinBlockFormat {
    /// ISO 9564-1 format 0, the same as ANSI X9.8.
    Iso0,
    /// Format 1: not bound to a card number.
    Iso1,
    /// Format 2: what a chip card is given, offline or in an issuer script.
    Iso2,
    /// Format 3: as format 0 with random fill.
    Iso3,
    /// Format 4: for AES, sixteen bytes.
    Iso4,
}

impl PinBlockFormat {
    /// How many bytes an encrypted block has.
    #[must_use]
    pub const fn block_len(self) -> usize {
        match self {
            Self::Iso4 => 16,
            Self::Iso0 | Self::Iso1 | Self::Iso2 | Self::Iso3 => 8,
        }
    }

    const fn control(self) -> u8 {
        match self {
            Self::Iso0 => 0,
            Self::Iso1 => 1,
            Self::Iso2 => 2,
            Self::Iso3 => 3,
            Self::Iso4 => 4,
        }
    }

    const fn is_bound_by_xor(self) -> bool {
        matches!(self, Self::Iso0 | Self::Iso3)
    }
}

/// Lays a PIN out in a clear block of format 0, 1, 2 or 3. `fill` gives one fill nibble per byte
/// (its low half) and is needed for formats 1 and 3 only; format 3 takes `A` to `F` as they are
/// and makes one of them of anything else.
///
/// # Errors
/// [`Malformed`] if there is less fill than places to fill, or for format 4, whose block needs
/// the key ([`encrypt_iso4`]).
pub fn encode(
    format: PinBlockFormat,
    pin: &Pin,
    pan: &Pan,
    fill: &[u8],
) -> Result<Zeroizing<[u8; 8]>, Malformed> {
    if format == PinBlockFormat::Iso4 {
        return Err(Malformed("PIN block format: format 4 is made by encryption"));
    }
    let random = matches!(format, PinBlockFormat::Iso1 | PinBlockFormat::Iso3);
    let needed = 14usize.saturating_sub(usize::from(pin.len));
    if random && fill.len() < needed {
        return Err(Malformed("PIN block fill"));
    }
    let mut fill = fill.iter();
    let mut next_fill = || match (format, fill.next().copied().unwrap_or_default() & 0xF) {
        (PinBlockFormat::Iso1, nibble) | (PinBlockFormat::Iso3, nibble @ 10..) => nibble,
        (PinBlockFormat::Iso3, nibble) => 10 + nibble % 6,
        _ => FILL,
    };
    let mut block = Zeroizing::new(u64::from(format.control()) << 4 | u64::from(pin.len));
    for at in 0..14 {
        let digit = pin.digits.get(at).copied().filter(|_| at < usize::from(pin.len));
        *block = *block << 4 | u64::from(digit.unwrap_or_else(&mut next_fill));
    }
    if format.is_bound_by_xor() {
        *block ^= pan_field(pan);
    }
    Ok(Zeroizing::new(block.to_be_bytes()))
}

/// Takes a decrypted block of format 0, 1, 2 or 3 apart, and tells whether it is one. For
/// format 4 the answer is always no: see [`decrypt_iso4`].
#[must_use]
pub fn decode(format: PinBlockFormat, clear: &[u8; 8], pan: &Pan) -> (Pin, Choice) {
    let mut block = Zeroizing::new(u64::from_be_bytes(*clear));
    if format.is_bound_by_xor() {
        *block ^= pan_field(pan);
    }
    let (pin, good) = take_apart(*block, format);
    (pin, good & Choice::from(u8::from(format != PinBlockFormat::Iso4)))
}

/// The clear PIN field of format 4. `random` are eight random bytes.
#[must_use]
pub fn pin_field_iso4(pin: &Pin, random: [u8; 8]) -> Zeroizing<[u8; 16]> {
    let digits = pin.digits.iter().enumerate();
    let filled = digits.map(|(at, digit)| {
        let inside = less(as_nibble(at), pin.len).wrapping_neg();
        select(inside, *digit, 0xA)
    });
    let first = Zeroizing::new(pack([4, pin.len].into_iter().chain(filled).chain([0xA, 0xA])));
    let mut field = Zeroizing::new([0; 16]);
    let bytes = Zeroizing::new(first.to_be_bytes());
    for (to, from) in field.iter_mut().zip(bytes.iter().chain(&random)) {
        *to = *from;
    }
    field
}

/// The card number field of format 4: how many digits it has above twelve, the digits, zeros. A
/// number shorter than twelve digits is filled up with zeros on the left.
#[must_use]
pub fn pan_field_iso4(pan: &Pan) -> Zeroizing<[u8; 16]> {
    let digits = pan.expose_digits();
    let extra = as_nibble(digits.len().saturating_sub(12));
    let zeros = core::iter::repeat_n(0, 12usize.saturating_sub(digits.len()));
    let nibbles = [extra].into_iter().chain(zeros).chain(digits.iter().map(|digit| digit & 0xF));
    let mut field = Zeroizing::new([0; 16]);
    for (at, nibble) in nibbles.take(32).enumerate() {
        if let Some(byte) = field.get_mut(at / 2) {
            *byte |= nibble << (4 * (1 - at % 2));
        }
    }
    field
}

/// Takes a clear PIN field of format 4 apart, and tells whether it is one. The random half says
/// nothing.
#[must_use]
pub fn decode_pin_field_iso4(field: &[u8; 16]) -> (Pin, Choice) {
    let first = field.first_chunk::<8>().copied().unwrap_or_default();
    take_apart(u64::from_be_bytes(first), PinBlockFormat::Iso4)
}

/// A whole block of format 4 under an AES key. `random` are eight random bytes.
#[must_use]
pub fn encrypt_iso4(key: &AesKey, pin: &Pin, pan: &Pan, random: [u8; 8]) -> [u8; 16] {
    let inner = Zeroizing::new(key.encrypt(*pin_field_iso4(pin, random)));
    key.encrypt(xor(*inner, &pan_field_iso4(pan)))
}

/// Decrypts a block of format 4 and takes it apart.
#[must_use]
pub fn decrypt_iso4(key: &AesKey, block: &[u8; 16], pan: &Pan) -> (Pin, Choice) {
    let inner = Zeroizing::new(xor(key.decrypt(*block), &pan_field_iso4(pan)));
    decode_pin_field_iso4(&Zeroizing::new(key.decrypt(*inner)))
}

/// The digits of a block from which the card number is already gone, and whether it is a block.
fn take_apart(block: u64, format: PinBlockFormat) -> (Pin, Choice) {
    let len = nibble(block, 1);
    let mut bad = nibble(block, 0) ^ format.control();
    bad |= less(len, as_nibble(SHORTEST)) | less(as_nibble(LONGEST), len);
    let mut digits = [FILL; LONGEST];
    for (at, place) in digits.iter_mut().enumerate() {
        let found = nibble(block, at + 2);
        let inside = less(as_nibble(at), len).wrapping_neg();
        bad |= (inside & less(9, found)) | (!inside & bad_fill(format, found));
        *place = select(inside, found, FILL);
    }
    // Twelve digits at most, so the last byte is always fill.
    bad |= bad_fill(format, nibble(block, 14)) | bad_fill(format, nibble(block, 15));
    (Pin { digits, len }, bad.ct_eq(&0))
}

/// Not zero if a format's fill may not have this nibble. Branches on the format only.
const fn bad_fill(format: PinBlockFormat, nibble: u8) -> u8 {
    match format {
        PinBlockFormat::Iso0 | PinBlockFormat::Iso2 => nibble ^ FILL,
        PinBlockFormat::Iso1 => 0,
        PinBlockFormat::Iso3 => less(nibble, 10),
        PinBlockFormat::Iso4 => nibble ^ 0xA,
    }
}

/// Four zeros and the twelve rightmost digits before the check digit; a shorter number is filled
/// up with zeros on the left.
fn pan_field(pan: &Pan) -> u64 {
    let digits = pan.expose_digits().split_last().map_or(&[][..], |(_, rest)| rest);
    let skip = digits.len().saturating_sub(12);
    pack(digits.iter().skip(skip).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pan(digits: &str) -> Pan {
        Pan::from_ascii(digits.as_bytes()).unwrap()
    }

    fn decoded(format: PinBlockFormat, clear: &str, digits: &str) -> Option<Vec<u8>> {
        let clear = hex::decode(clear).unwrap().try_into().unwrap();
        let (pin, good) = decode(format, &clear, &pan(digits));
        bool::from(good).then(|| pin.digits[..usize::from(pin.len)].to_vec())
    }

    #[test]
    fn the_standards_layout() {
        // 043219FFFFFFFFFF xor 0000333333333333 (the digits before the check digit).
        let iso0 = |clear, pan| decoded(PinBlockFormat::Iso0, clear, pan);
        assert_eq!(iso0("04322ACCCCCCCCCC", "3333333333333"), Some(vec![3, 2, 1, 9]));
        let twelve = iso0("0C123456789012FF", "00000000").unwrap();
        assert_eq!(twelve, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]);
    }

    #[test]
    fn refuses_each_part_that_is_wrong() {
        use PinBlockFormat::{Iso0, Iso1, Iso2, Iso3};
        let zeros = "0000000000000000";
        for (format, block, why) in [
            (Iso0, "141234FFFFFFFFFF", "control"),
            (Iso0, "F41234FFFFFFFFFF", "control"),
            (Iso0, "03123FFFFFFFFFFF", "too short"),
            (Iso0, "00FFFFFFFFFFFFFF", "empty"),
            (Iso0, "0D1234567890123F", "too long"),
            (Iso0, "0F12345678901234", "too long"),
            (Iso0, "0412A4FFFFFFFFFF", "digit"),
            (Iso0, "04123FFFFFFFFFFF", "digit"),
            (Iso0, "0412345FFFFFFFFF", "fill"),
            (Iso0, "041234FFFFFFFFFE", "fill at the end"),
            (Iso0, "041234FFFFFFFF0F", "fill at the end"),
            (Iso0, "0000000000000000", "zeros"),
            (Iso1, "041234FFFFFFFFFF", "control"),
            (Iso1, "1312345678901234", "too short"),
            (Iso1, "14A2345678901234", "digit"),
            (Iso2, "241234FFFFFFFFFA", "fill"),
            (Iso3, "341234FFFFFFFFF9", "fill at the end"),
            (Iso3, "3412340FFFFFFFFF", "fill"),
            (Iso3, "041234FFFFFFFFFF", "control"),
        ] {
            assert!(decoded(format, block, zeros).is_none(), "{why}: {block}");
        }
        for (format, block) in [
            (Iso0, "041234FFFFFFFFFF"),
            (Iso1, "1412340123456789"),
            (Iso2, "241234FFFFFFFFFF"),
            (Iso3, "341234ABCDEFABCD"),
        ] {
            assert_eq!(decoded(format, block, zeros), Some(vec![1, 2, 3, 4]), "{block}");
        }
    }

    #[test]
    fn another_cards_block_is_refused() {
        let other = "0000000100000000";
        assert!(decoded(PinBlockFormat::Iso0, "041234FFFFFFFFFF", other).is_none());
        let key = AesKey::from_hex("00112233445566778899AABBCCDDEEFF").unwrap();
        let pin = Pin::from_ascii(b"1234").unwrap();
        let block = encrypt_iso4(&key, &pin, &pan("9417000000000009"), *b"12345678");
        let (found, good) = decrypt_iso4(&key, &block, &pan("9417000000000009"));
        assert!(bool::from(good & found.ct_eq(&pin)));
        assert!(!bool::from(decrypt_iso4(&key, &block, &pan("9417000000000017")).1));
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let fill: Vec<u8> = (0..14).collect();
        for format in
            [PinBlockFormat::Iso0, PinBlockFormat::Iso1, PinBlockFormat::Iso2, PinBlockFormat::Iso3]
        {
            for len in SHORTEST..=LONGEST {
                let pin = Pin::from_ascii(&b"123456789012"[..len]).unwrap();
                let block = encode(format, &pin, &pan("94170009"), &fill).unwrap();
                let (found, good) = decode(format, &block, &pan("94170009"));
                assert!(bool::from(good & found.ct_eq(&pin)), "{format:?} {len}");
            }
        }
        let pin = Pin::from_ascii(b"1234").unwrap();
        assert!(encode(PinBlockFormat::Iso3, &pin, &pan("94170009"), &fill[..9]).is_err());
        assert!(encode(PinBlockFormat::Iso4, &pin, &pan("94170009"), &fill).is_err());
        assert!(!bool::from(decode(PinBlockFormat::Iso4, &[0x44; 8], &pan("94170009")).1));
    }
}
