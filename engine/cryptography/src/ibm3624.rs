//! The IBM 3624 PIN: digits that a key and the account give (the natural PIN), and the offset
//! between them and the PIN the cardholder chose.
//!
//! Nothing here branches on a digit, and the decimalization table is read whole for every digit.

use crate::bits::{less, low_byte, nibbles, pack, select};
use crate::pin::{FILL, LONGEST, Pin, SHORTEST};
use crate::{Malformed, TdesKey};
use core::fmt;
use payment_types::Pan;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What decimal digit stands for each hex digit. An issuer may keep it secret, so it is not shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct DecimalizationTable([u8; 16]);

impl DecimalizationTable {
    /// The usual one: `0123456789012345`.
    pub const USUAL: Self = Self([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5]);

    /// From sixteen ASCII digits.
    ///
    /// # Errors
    /// [`Malformed`] if they are anything else.
    pub fn from_ascii(digits: &[u8]) -> Result<Self, Malformed> {
        let error = Malformed("decimalization table");
        let digits: [u8; 16] = digits.try_into().map_err(|_| error)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(error);
        }
        Ok(Self(digits.map(|digit| digit & 0xF)))
    }

    /// `subtle` keeps the compiler from making a branch or a lookup of it, as measurement showed
    /// it does of masks.
    fn digit(&self, nibble: u8) -> u8 {
        let mut found = 0;
        for (at, digit) in self.0.iter().enumerate() {
            found.conditional_assign(digit, low_byte(at).ct_eq(&nibble));
        }
        found
    }
}

impl fmt::Debug for DecimalizationTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecimalizationTable(hidden)")
    }
}

/// The sixteen digits that the key gives for an account. A PIN's length of them is the natural
/// PIN.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct NaturalPin([u8; 16]);

/// The difference, digit by digit, between a PIN and the natural PIN. Stored with the card.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Offset {
    digits: [u8; LONGEST],
    len: u8,
}

impl Offset {
    /// From four to twelve ASCII digits.
    ///
    /// # Errors
    /// [`Malformed`] if they are anything else.
    pub fn from_ascii(digits: &[u8]) -> Result<Self, Malformed> {
        let pin = Pin::from_ascii(digits).map_err(|_| Malformed("PIN offset"))?;
        Ok(Self { digits: pin.digits, len: pin.len })
    }

    /// The ASCII digits. Every call is a place a reviewer looks at.
    #[must_use]
    pub fn expose_digits(&self) -> Zeroizing<Vec<u8>> {
        let digits = self.digits.iter().take(usize::from(self.len));
        Zeroizing::new(digits.map(|digit| digit | b'0').collect())
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offset(hidden)")
    }
}

/// What is encrypted under the key: `len` digits of the card number from a place on, filled up to
/// sixteen nibbles with `pad`.
///
/// # Errors
/// [`Malformed`] if the number has no such digits or `pad` is no nibble.
pub fn validation_data(
    pan: &Pan,
    from: usize,
    len: usize,
    pad: u8,
) -> Result<Zeroizing<[u8; 8]>, Malformed> {
    let error = Malformed("PIN validation data");
    let until = from.checked_add(len).ok_or(error)?;
    let digits = pan.expose_digits().get(from..until).ok_or(error)?;
    if len > 16 || pad > 0xF {
        return Err(error);
    }
    let filled = digits.iter().copied().chain(core::iter::repeat(pad)).take(16);
    Ok(Zeroizing::new(pack(filled).to_be_bytes()))
}

/// The natural PIN of some validation data.
#[must_use]
pub fn natural_pin(key: &TdesKey, table: &DecimalizationTable, validation: &[u8; 8]) -> NaturalPin {
    from_block(table, key.encrypt(*validation))
}

/// The natural PIN in what came out of the encryption, for keys that live in an HSM.
#[must_use]
pub fn from_block(table: &DecimalizationTable, block: [u8; 8]) -> NaturalPin {
    let block = Zeroizing::new(block);
    let mut digits = [0; 16];
    for (to, nibble) in digits.iter_mut().zip(nibbles(&*block)) {
        *to = table.digit(nibble);
    }
    NaturalPin(digits)
}

/// The offset that goes with a chosen PIN.
#[must_use]
pub fn offset(natural: &NaturalPin, pin: &Pin) -> Offset {
    let mut digits = [FILL; LONGEST];
    for (at, ((to, chosen), own)) in digits.iter_mut().zip(&pin.digits).zip(&natural.0).enumerate()
    {
        let difference = chosen.wrapping_add(10).wrapping_sub(*own);
        let inside = less(low_byte(at), pin.len).wrapping_neg();
        *to = select(inside, modulo_10(difference), FILL);
    }
    Offset { digits, len: pin.len }
}

/// The PIN that an offset stands for: only for printing a PIN mailer or a test.
///
/// # Errors
/// [`Malformed`] if the offset has no length a PIN has.
pub fn pin(natural: &NaturalPin, offset: &Offset) -> Result<Pin, Malformed> {
    let fits = (SHORTEST..=LONGEST).contains(&usize::from(offset.len));
    if !fits { Err(Malformed("PIN offset")) } else { Ok(pin_of(natural, offset)) }
}

/// Whether a PIN is the natural PIN and the offset. One with another number of digits than the
/// offset is not.
#[must_use]
pub fn verify(natural: &NaturalPin, offset: &Offset, pin: &Pin) -> Choice {
    let right = pin_of(natural, offset);
    right.digits.ct_eq(&pin.digits) & right.len.ct_eq(&pin.len)
}

fn pin_of(natural: &NaturalPin, offset: &Offset) -> Pin {
    let mut digits = [FILL; LONGEST];
    for (at, ((to, own), more)) in digits.iter_mut().zip(&natural.0).zip(&offset.digits).enumerate()
    {
        let inside = less(low_byte(at), offset.len).wrapping_neg();
        *to = select(inside, modulo_10(own.wrapping_add(*more)), FILL);
    }
    Pin { digits, len: offset.len }
}

/// For values below 20.
const fn modulo_10(value: u8) -> u8 {
    value.wrapping_sub(10 & (less(value, 10) ^ 1).wrapping_neg())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_leads_back_to_its_pin() {
        let natural = from_block(&DecimalizationTable::USUAL, [0x12, 0x9A, 0xF0, 0, 0, 0, 0, 0]);
        for text in [&b"1234"[..], b"9999", b"0000", b"123456789012"] {
            let chosen = Pin::from_ascii(text).unwrap();
            let offset = offset(&natural, &chosen);
            assert!(bool::from(pin(&natural, &offset).unwrap().ct_eq(&chosen)));
            assert!(bool::from(verify(&natural, &offset, &chosen)));
            let stored = Offset::from_ascii(&offset.expose_digits()).unwrap();
            assert!(bool::from(verify(&natural, &stored, &chosen)));
        }
        let four = offset(&natural, &Pin::from_ascii(b"1234").unwrap());
        for wrong in [&b"1235"[..], b"2234", b"12345"] {
            assert!(!bool::from(verify(&natural, &four, &Pin::from_ascii(wrong).unwrap())));
        }
    }

    #[test]
    fn refuses_tables_and_data_that_are_none() {
        assert!(DecimalizationTable::from_ascii(b"0123456789ABCDEF").is_err());
        assert!(DecimalizationTable::from_ascii(b"012345678901234").is_err());
        let pan = Pan::from_ascii(b"9417000000000009").unwrap();
        assert!(validation_data(&pan, 0, 16, 0xF).is_ok());
        assert!(validation_data(&pan, 1, 16, 0xF).is_err());
        assert!(validation_data(&pan, usize::MAX, 1, 0xF).is_err());
        assert!(validation_data(&pan, 0, 4, 0x10).is_err());
        assert!(Offset::from_ascii(b"123").is_err() && Offset::from_ascii(b"12A4").is_err());
    }
}
