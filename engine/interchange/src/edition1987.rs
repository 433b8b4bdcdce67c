//! Elements as the 1987 edition means them.

use crate::Fault;
use crate::elements::{digits, number, text};
use crate::request::{Particulars, currency};
use iso8583::Message;
use payment_types::{
    Class, EntryMode, MerchantCategoryCode, OriginalDataElements, PosConditionCode, WireDateTime,
};

/// Reads what the editions say in different places.
pub(crate) fn read(message: &Message<'_>, class: Class) -> Result<Particulars, Fault> {
    let small = |number: u64| u16::try_from(number).ok();
    let replacement = if class == Class::Reversal { replacement(message)? } else { None };
    Ok(Particulars {
        amount: number(message, 4, Some)?,
        replacement,
        currency: currency(message)?,
        local: local(message)?,
        entry_mode: number(message, 22, |mode| EntryMode::from_number(small(mode)?))?
            .unwrap_or_default(),
        condition: number(message, 25, |code| u8::try_from(code).ok().map(PosConditionCode))?
            .unwrap_or_default(),
        mcc: number(message, 18, |code| small(code).map(MerchantCategoryCode))?,
        original: text(message, 90, |text| OriginalDataElements::parse(text).ok())?,
    })
}

/// DE 13 and DE 12. One without the other identifies nothing and counts as not told, but it must be
/// a date, or a time, all the same.
fn local(message: &Message<'_>) -> Result<WireDateTime, Fault> {
    const ANY_DAY: u64 = 101_000_000;
    let time = number(message, 12, |time| WireDateTime::from_number(ANY_DAY + time).map(|_| time))?;
    let date = number(message, 13, |date| {
        let midnight = date.checked_mul(1_000_000)?;
        WireDateTime::from_number(midnight).map(|_| midnight)
    })?;
    match (date, time) {
        (Some(0), Some(0)) | (None, _) | (_, None) => Ok(WireDateTime::default()),
        (Some(midnight), Some(time)) => {
            WireDateTime::from_number(midnight + time).ok_or(Fault::malformed(13))
        }
    }
}

/// DE 95: the first twelve digits are what stays of the transaction amount.
fn replacement(message: &Message<'_>) -> Result<Option<u64>, Fault> {
    text(message, 95, |text| digits(text.get(..12)?))
}
