//! Whether what a dialect reads makes sense: dates are dates, card numbers have right check digits,
//! chip data are tags and lengths. A wrong dialect may read a message to its end by chance; it does
//! not read sense.

use crate::exchange::plain;
use emv::IccData;
use iso8583::{FieldValue, Message};
use payment_types::{Currency, Pan, WireDateTime};

/// Points for a message: positive for what makes sense, negative for what makes none.
pub(super) fn points(message: &Message<'_>) -> i64 {
    let version = message.dialect().version();
    // An edition may be spoken under another's number, but seldom is.
    let edition = if message.mti().version() == version { 0 } else { -6 };
    let elements = message.elements().filter_map(|de| Some((de, message.field(de)?)));
    elements.map(|(de, value)| of_element(de, &value, version)).sum::<i64>() + edition
}

fn of_element(de: u8, value: &FieldValue, version: u8) -> i64 {
    let text = plain(value);
    let yes = |good: bool, weight: i64| if good { weight } else { -weight };
    match de {
        2 => yes(Pan::from_ascii(text.as_bytes()).is_ok_and(|pan| pan.has_valid_check_digit()), 3),
        7 => yes(is_date_time(&text), 3),
        12 if version == 0 => yes(is_time(&text), 2),
        12 => yes(is_long_date(&text), 2),
        13 if version == 0 => yes(is_month_and_day(&text), 2),
        14 => yes(text.get(2..).is_some_and(is_month), 2),
        35 => yes(is_track2(&text), 3),
        37..=39 => yes(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' '), 1),
        41..=43 => yes(is_printable(value, &text), 2),
        49 => yes(is_currency(&text), 2),
        55 => yes(is_chip_data(value, &text), 3),
        _ => i64::from(is_printable(value, &text)) - 1,
    }
}

fn is_printable(value: &FieldValue, text: &str) -> bool {
    matches!(value, FieldValue::Binary(_)) || text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn two(text: &str, at: usize) -> Option<u8> {
    text.get(at..at + 2)?.parse().ok()
}

fn is_month(text: &str) -> bool {
    two(text, 0).is_some_and(|month| (1..=12).contains(&month))
}

fn is_month_and_day(text: &str) -> bool {
    is_month(text) && two(text, 2).is_some_and(|day| (1..=31).contains(&day))
}

fn is_time(text: &str) -> bool {
    let below = |at, limit| two(text, at).is_some_and(|part| part < limit);
    text.len() == 6 && below(0, 24) && below(2, 60) && below(4, 60)
}

/// MMDDhhmmss.
fn is_date_time(text: &str) -> bool {
    text.parse().ok().and_then(WireDateTime::from_number).is_some()
        && is_month_and_day(text)
        && text.get(4..).is_some_and(is_time)
}

/// YYMMDDhhmmss, since 2003 with the century.
fn is_long_date(text: &str) -> bool {
    let date = match text.len() {
        12 => text.get(2..),
        14 => text.get(4..),
        _ => None,
    };
    date.is_some_and(|date| is_month_and_day(date) && date.get(4..).is_some_and(is_time))
}

fn is_track2(text: &str) -> bool {
    let mut parts = text.split(['=', 'D', 'd']);
    let pan = parts.next().and_then(|digits| Pan::from_ascii(digits.as_bytes()).ok());
    pan.is_some_and(|pan| pan.has_valid_check_digit())
        && parts.next().is_some_and(|rest| rest.len() >= 7)
}

fn is_currency(text: &str) -> bool {
    match text.parse() {
        Ok(numeric) => Currency::from_numeric(numeric).is_some_and(Currency::is_known),
        Err(_) => Currency::from_alpha(text).is_some(),
    }
}

fn is_chip_data(value: &FieldValue, text: &str) -> bool {
    match value {
        FieldValue::Binary(bytes) => IccData::parse(bytes).is_ok(),
        FieldValue::Text(_) => hex::decode(text).is_ok_and(|bytes| IccData::parse(&bytes).is_ok()),
    }
}
