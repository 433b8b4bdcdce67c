//! Elements as the 1993 edition means them, turned into what 1987 would have said, so that
//! the core knows one edition.
//!
//! | here | 1987 | |
//! | --- | --- | --- |
//! | DE 12, YYMMDDhhmmss | DE 13, DE 12 | the year is not kept |
//! | DE 22, twelve characters | DE 22, DE 25 | tables below |
//! | DE 26, else DE 18 | DE 18 | acceptor business code |
//! | DE 30 with DE 4 in a partial reversal | DE 4 with DE 95 | DE 24 says which it is |
//! | DE 56 | DE 90 | tells the local time and not DE 7 |

use crate::Fault;
use crate::elements::{digits, number, text};
use crate::request::{Particulars, currency};
use iso8583::Message;
use payment_types::{
    AcquirerId, Class, EntryMode, MerchantCategoryCode, Mti, OriginalDataElements,
    PosConditionCode, Stan, WireDateTime,
};

/// Function codes of reversals (table A.8): the whole transaction, and a part of it.
const FULL_REVERSAL: u64 = 400;
const PARTIAL_REVERSAL: u64 = 401;

/// Reads what the editions say in different places.
pub(crate) fn read(message: &Message<'_>, class: Class) -> Result<Particulars, Fault> {
    let mcc = |number: u64| u16::try_from(number).ok().map(MerchantCategoryCode);
    let (business, merchant) = (number(message, 26, mcc)?, number(message, 18, mcc)?);
    let told = number(message, 4, Some)?;
    let (amount, replacement) = match class {
        Class::Reversal => {
            let original = text(message, 30, |text| digits(text.get(..12)?))?;
            amounts(message, told, original)?
        }
        _ => (told, None),
    };
    let (entry_mode, condition) = text(message, 22, pos_data_code)?.unwrap_or_default();
    Ok(Particulars {
        amount,
        replacement,
        currency: currency(message)?,
        local: number(message, 12, local)?.unwrap_or_default(),
        entry_mode,
        condition,
        mcc: business.or(merchant),
        original: text(message, 56, original)?,
    })
}

/// DE 24, the function code, where it is one of network management (8xx); the same since 2003.
pub(crate) fn network_function(message: &Message<'_>) -> Result<Option<u64>, Fault> {
    Ok(number(message, 24, Some)?.filter(|code| (800..900).contains(code)))
}

/// Date and time without year and century; the same since 2003.
pub(crate) fn local(number: u64) -> Option<WireDateTime> {
    WireDateTime::from_number(number % 10_000_000_000)
}

/// The transaction amount and what stays of it, given DE 4 and the first amount of DE 30. In a
/// partial reversal (DE 24 is 401, or DE 4 below DE 30 where DE 24 tells nothing) DE 4 is what
/// stays and DE 30 begins with the original's amount; the same since 2003.
pub(crate) fn amounts(
    message: &Message<'_>,
    told: Option<u64>,
    original: Option<u64>,
) -> Result<(Option<u64>, Option<u64>), Fault> {
    let original = original.filter(|amount| *amount != 0);
    let is_partial = match number(message, 24, Some)? {
        Some(FULL_REVERSAL) => false,
        Some(PARTIAL_REVERSAL) => true,
        _ => original.zip(told).is_some_and(|(original, told)| told < original),
    };
    match (is_partial, original, told) {
        (false, original, told) => Ok((original.or(told), None)),
        (true, None, _) => Err(Fault::missing(30)),
        (true, _, None) => Err(Fault::missing(4)),
        (true, original, stays) => Ok((original, stays)),
    }
}

/// DE 56: type 4, STAN 6, local date and time 12, acquirer LLVAR 11. The acquirer may be left out.
fn original(text: &[u8]) -> Option<OriginalDataElements> {
    let mti = core::str::from_utf8(text.get(..4)?).ok()?;
    let stan = u32::try_from(digits(text.get(4..10)?)?).ok()?;
    // Checked, and not kept: the core finds an original by DE 7, which this element does not tell.
    local(digits(text.get(10..22)?)?)?;
    let acquirer = match text.get(22..)? {
        [] => 0,
        rest => {
            let (length, digits_of_it) = rest.split_at_checked(2)?;
            let length = usize::try_from(digits(length)?).ok()?;
            if digits_of_it.len() != length || length > 11 {
                return None;
            }
            if length == 0 { 0 } else { digits(digits_of_it)? }
        }
    };
    Some(OriginalDataElements {
        mti: Mti::parse(mti).ok()?,
        stan: Stan::new(stan)?,
        transmission: WireDateTime::default(),
        acquirer: AcquirerId(acquirer),
        forwarding: AcquirerId::default(),
    })
}

/// The point of service data code (ISO 8583:1993 annex A).
fn pos_data_code(text: &[u8]) -> Option<(EntryMode, PosConditionCode)> {
    let code: &[u8; 12] = text.try_into().ok()?;
    if !code.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let number = pan_entry(code) * 10 + pin_capability(code);
    Some((EntryMode::from_number(number)?, condition(code)))
}

/// Position 7, card data input mode, to DE 22 positions 1-2. Digits 0 to 6 are the standard's, the
/// letters and 7 are Mastercard's, and 9, which the standard leaves free, says that the chip would
/// not work.
fn pan_entry(code: &[u8; 12]) -> u16 {
    let [_, _, _, _, holder, _, mode, ..] = *code;
    match mode {
        // Keyed by an absent holder in a web shop.
        b'1' | b'6' if holder == b'5' => 81,
        b'1' | b'6' => 1,
        b'2' | b'B' => 90,
        b'3' => 3,
        b'4' => 4,
        b'5' | b'C' | b'F' => 5,
        b'7' => 10,
        b'9' => 80,
        b'A' => 91,
        b'M' | b'N' => 7,
        b'R' => 9,
        b'S' => 81,
        b'T' => 82,
        _ => 0,
    }
}

/// Positions 2 (cardholder authentication capability) and 12 (PIN capture capability) to DE 22
/// position 3: 1 can take a PIN, 2 cannot, 8 its PIN pad is out of order, 0 not known.
fn pin_capability(code: &[u8; 12]) -> u16 {
    let [_, capability, .., capture] = *code;
    match (capability, capture) {
        (b'5', _) => 8,
        (_, b'0') | (b'0', b'1') => 2,
        (b'1', _) | (_, b'4'..=b'9' | b'A'..=b'C') => 1,
        _ => 0,
    }
}

/// Positions 5 (cardholder present) and 6 (card present) to DE 25.
fn condition(code: &[u8; 12]) -> PosConditionCode {
    let [_, _, _, _, holder, card, ..] = *code;
    PosConditionCode(match (holder, card) {
        (b'0', b'0') => 5,
        (b'1', _) => 1,
        (b'2'..=b'4', _) => 8,
        (b'5', _) => 59,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_codes_become_entry_modes() {
        for (code, mode, contactless, condition) in [
            ("510101513C4C", 51, false, 0),
            ("510101513040", 52, false, 0),
            ("510101M1304C", 71, true, 0),
            ("510101A0004C", 911, true, 0),
            ("51010121304C", 901, false, 0),
            ("550101513044", 58, false, 0),
            ("000000600000", 12, false, 5),
            ("000050600000", 812, false, 59),
            ("000050S00000", 812, false, 59),
            ("000030100000", 12, false, 8),
            ("00000000000C", 1, false, 5),
        ] {
            let (read, at) = pos_data_code(code.as_bytes()).unwrap();
            assert_eq!((read.number(), at.0), (mode, condition), "{code}");
            assert_eq!(read.is_contactless(), contactless, "{code}");
        }
        for bad in ["", "51010151304", "5101015130400", "510101 13040"] {
            assert_eq!(pos_data_code(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn reads_de_56() {
        let read = original(b"120000000726112323580006417001").unwrap();
        assert_eq!((read.mti.to_string(), read.stan.number()), ("1200".into(), 7));
        assert_eq!((read.acquirer.0, read.transmission.number()), (417_001, 0));
        assert_eq!(original(b"1200000007261123235800").unwrap().acquirer.0, 0);
        assert_eq!(original(b"120000000726112323580000").unwrap().acquirer.0, 0);
        for bad in [
            "",
            "1200000007",
            "1200000007261323235800",
            "12000000072611232358000741700",
            "1200000007261123235800X",
            "12000000072611232358001241700100000",
        ] {
            assert_eq!(original(bad.as_bytes()), None, "{bad}");
        }
    }
}
