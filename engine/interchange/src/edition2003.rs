//! Elements as the 2003 edition means them, laid out as jPOS's common message format does, turned
//! into what 1987 would have said.
//!
//! | here | 1987 | |
//! | --- | --- | --- |
//! | DE 4: currency, exponent, amount | DE 49, DE 4 | DE 30 the same, for partial reversals |
//! | DE 11, twelve digits | DE 11 | above 999 999 it is refused |
//! | DE 12, CCYYMMDDhhmmss | DE 13, DE 12 | the year is not kept |
//! | DE 22, four words of bits | DE 22, DE 25 | tables below |
//! | DE 26 | DE 18 | |
//! | DE 56 | DE 90 | tells the local time and not DE 7 |

use crate::Fault;
use crate::edition1993::{amounts, local};
use crate::elements::{digits, number, text};
use crate::request::Particulars;
use iso8583::{Dialect, Message};
use payment_types::{
    AcquirerId, Class, Currency, EntryMode, MerchantCategoryCode, Mti, OriginalDataElements,
    PosConditionCode, Stan, WireDateTime,
};

/// What comes before the twelve digits of an amount: currency and exponent.
const AMOUNT: u64 = 1_000_000_000_000;

/// Whether amounts say their currency's exponent.
pub(crate) fn amounts_have_exponents(dialect: &Dialect) -> bool {
    dialect.version() >= 2
}

/// DE 4 with another amount of the same currency.
pub(crate) fn with_amount(told: u64, minor: u64) -> u64 {
    told / AMOUNT * AMOUNT + minor % AMOUNT
}

/// Reads what the editions say in different places.
pub(crate) fn read(message: &Message<'_>, class: Class) -> Result<Particulars, Fault> {
    let mcc = |number: u64| u16::try_from(number).ok().map(MerchantCategoryCode);
    let told = number(message, 4, money)?;
    let currency = told.map(|(currency, _)| currency);
    let told = told.map(|(_, minor)| minor);
    let (amount, replacement) = match class {
        Class::Reversal => {
            // An original of zeros is none.
            let original = text(message, 30, |text| match digits(text.get(..16)?)? {
                0 => Some(None),
                number => money(number).map(Some),
            })?
            .flatten();
            if original.zip(currency).is_some_and(|(original, currency)| original.0 != currency) {
                return Err(Fault::contradicts(30));
            }
            amounts(message, told, original.map(|(_, minor)| minor))?
        }
        _ => (told, None),
    };
    let (entry_mode, condition) = data_code(message)?.unwrap_or_default();
    Ok(Particulars {
        amount,
        replacement,
        currency,
        local: number(message, 12, local)?.unwrap_or_default(),
        entry_mode,
        condition,
        mcc: number(message, 26, mcc)?,
        original: text(message, 56, original)?,
    })
}

/// Currency 3, exponent 1, amount 12; the exponent must be the currency's own.
fn money(number: u64) -> Option<(Currency, u64)> {
    let head = number / AMOUNT;
    let currency = Currency::from_numeric(u16::try_from(head / 10).ok()?)?;
    (head % 10 == u64::from(currency.exponent())).then_some((currency, number % AMOUNT))
}

/// DE 56: type 4, STAN 12, local date and time 14, acquirer up to 11.
fn original(text: &[u8]) -> Option<OriginalDataElements> {
    let mti = core::str::from_utf8(text.get(..4)?).ok()?;
    let stan = u32::try_from(digits(text.get(4..16)?)?).ok()?;
    // Checked, and not kept: the core finds an original by DE 7, which this element does not tell.
    local(digits(text.get(16..30)?)?)?;
    let acquirer = match text.get(30..)? {
        [] => 0,
        rest => digits(rest)?,
    };
    Some(OriginalDataElements {
        mti: Mti::parse(mti).ok()?,
        stan: Stan::new(stan)?,
        transmission: WireDateTime::default(),
        acquirer: AcquirerId(acquirer),
        forwarding: AcquirerId::default(),
    })
}

/// DE 22.
fn data_code(message: &Message<'_>) -> Result<Option<(EntryMode, PosConditionCode)>, Fault> {
    let mut scratch = [0; 64];
    let Some(bytes) = message.binary(22, &mut scratch) else { return Ok(None) };
    let code = bytes.ok().and_then(|bytes| <&[u8; 16]>::try_from(bytes).ok());
    let code = code.ok_or(Fault::malformed(22))?;
    let [a, b, c, d, _, _, _, _, e, f, g, h, ..] = *code;
    let (reading, place) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    // Whether the terminal can take a PIN is told elsewhere: third digit 0, not known.
    let mode = EntryMode::from_number(pan_entry(reading, place) * 10).unwrap_or_default();
    Ok(Some((mode, condition(place))))
}

/// Reading methods, the first word.
const CONTACTLESS: u32 = 1 << 1;
const PHYSICAL: u32 = 1 << 2;
const BAR_CODE: u32 = 1 << 3;
const STRIPE: u32 = 1 << 4;
const CHIP: u32 = 1 << 5;
const ON_FILE: u32 = 1 << 6;
const FALLBACK: u32 = 1 << 13;

/// Environments, the third word.
const UNATTENDED: u32 = 1 << 2;
const MAIL_OR_TELEPHONE: u32 = 1 << 3;
const WEB: u32 = 1 << 4 | 1 << 5;
const RECURRING: u32 = 1 << 6;
const ACTIVATED_BY_HOLDER: u32 = 1 << 8;
const CASH_MACHINE: u32 = 1 << 9 | 1 << 10;

/// To DE 22 positions 1-2 of 1987. The least trusted of several readings counts.
fn pan_entry(reading: u32, place: u32) -> u16 {
    let is = |bits: u32| reading & bits != 0;
    if is(FALLBACK) {
        80
    } else if is(ON_FILE) {
        10
    } else if is(PHYSICAL) {
        if place & WEB == 0 { 1 } else { 81 }
    } else if is(BAR_CODE) {
        3
    } else if is(CONTACTLESS) {
        if is(STRIPE) { 91 } else { 7 }
    } else if is(STRIPE) {
        90
    } else if is(CHIP) {
        5
    } else if place & WEB == 0 {
        0
    } else {
        81
    }
}

/// To DE 25 of 1987.
fn condition(place: u32) -> PosConditionCode {
    PosConditionCode(if place & WEB != 0 {
        59
    } else if place & (MAIL_OR_TELEPHONE | RECURRING) != 0 {
        8
    } else if place & (UNATTENDED | ACTIVATED_BY_HOLDER | CASH_MACHINE) != 0 {
        2
    } else {
        0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_carry_their_currency() {
        assert_eq!(money(4_172_000_000_050_000), Some((Currency::KGS, 50_000)));
        assert_eq!(money(3_920_000_000_000_007), Currency::from_alpha("JPY").map(|yen| (yen, 7)));
        assert_eq!(money(4_173_000_000_050_000), None, "the som has two decimals");
        assert_eq!(with_amount(4_172_000_000_050_000, 40_000), 4_172_000_000_040_000);
    }

    #[test]
    fn bits_become_entry_modes() {
        for (reading, place, mode, at) in [
            (CHIP, 1 << 1, 5, 0),
            (CHIP | STRIPE, UNATTENDED, 90, 2),
            (CONTACTLESS | CHIP, 0, 7, 0),
            (CONTACTLESS, CASH_MACHINE, 7, 2),
            (CONTACTLESS | STRIPE, 0, 91, 0),
            (STRIPE | FALLBACK, 0, 80, 0),
            (PHYSICAL, 0, 1, 0),
            (PHYSICAL, WEB, 81, 59),
            (PHYSICAL, MAIL_OR_TELEPHONE, 1, 8),
            (BAR_CODE, 0, 3, 0),
            (ON_FILE | CHIP, RECURRING, 10, 8),
            (1, WEB, 81, 59),
            (0, 0, 0, 0),
        ] {
            assert_eq!((pan_entry(reading, place), condition(place).0), (mode, at), "{reading:x}");
        }
    }

    #[test]
    fn reads_de_56() {
        let read = original(b"220000000000000720261123235800417001").unwrap();
        assert_eq!((read.mti.to_string(), read.stan.number()), ("2200".into(), 7));
        assert_eq!((read.acquirer.0, read.transmission.number()), (417_001, 0));
        assert_eq!(original(b"220000000000000720261123235800").unwrap().acquirer.0, 0);
        for bad in ["", "2200", "220000000100000020261123235800", "220000000000000720261323235800"]
        {
            assert_eq!(original(bad.as_bytes()), None, "{bad}");
        }
    }
}
