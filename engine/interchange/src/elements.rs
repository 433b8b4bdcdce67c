//! Reading data elements to values, with the element's number in every refusal.

use crate::Fault;
use iso8583::Message;

/// Room for any text element of the standard.
pub(crate) const LONGEST: usize = 1000;

/// Room for the short elements: identifiers, dates, amounts.
const SHORT: usize = 128;

/// A numeric element read by `read`, which gives `None` for what the element cannot mean.
pub(crate) fn number<T>(
    message: &Message<'_>,
    de: u8,
    read: impl FnOnce(u64) -> Option<T>,
) -> Result<Option<T>, Fault> {
    match message.number(de) {
        None => Ok(None),
        Some(Err(_)) => Err(Fault::malformed(de)),
        Some(Ok(number)) => read(number).map(Some).ok_or(Fault::malformed(de)),
    }
}

/// A short text element read by `read`.
pub(crate) fn text<T>(
    message: &Message<'_>,
    de: u8,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let mut scratch = [0; SHORT];
    match message.text(de, &mut scratch) {
        None => Ok(None),
        Some(Err(_)) => Err(Fault::malformed(de)),
        Some(Ok(text)) => read(text).map(Some).ok_or(Fault::malformed(de)),
    }
}

/// A short text element whose blanks mean "absent".
pub(crate) fn text_or_blank<T>(
    message: &Message<'_>,
    de: u8,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, Fault> {
    let blank = |text: &[u8]| text.trim_ascii_end().is_empty();
    let value =
        text(message, de, |text| if blank(text) { Some(None) } else { Some(Some(read(text)?)) });
    Ok(value?.flatten())
}

/// What has to be there.
pub(crate) fn required<T>(value: Result<Option<T>, Fault>, de: u8) -> Result<T, Fault> {
    value?.ok_or(Fault::missing(de))
}

/// Digits as a number; `None` if there is anything else or too many.
pub(crate) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter().try_fold(0, |number: u64, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte.wrapping_sub(b'0')))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
