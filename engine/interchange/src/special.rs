//! Messages about no single payment: file actions (0302), totals (0500, 0520) and cut-over (0800
//! with DE 70 = 201).
//!
//! The stop-list by message (BLK-5): DE 91 says what to do (1 add, 2 change, 3 delete, 5 inquire;
//! since 1993 DE 24: 301, 302, 303, 305), DE 101 may name the file `STOPLIST`. What it is about is DE
//! 2, or a range of leading digits in DE 120: `941700-941705`, up to eight digits on each side. DE 73 is
//! the last day. `;07` at the end of DE 120 asks for the answer 07 in place of 04.

use crate::elements::{number, required, text, text_or_blank};
use crate::request::Particulars;
use crate::{Fault, card, edition1987, edition1993, edition2003};
use authorization::{
    CardNumber, Extra, Request, SecurityFacts, StopListAction, StopListed, StopTerms, ToldTotals,
};
use iso8583::Message;
use payment_types::{
    AcceptorId, AcquirerId, Amount, BusinessDate, Currency, ProcessingCode, Rrn, Stan, TerminalId,
};
use security::SecurityModule;

/// The file of 0302 in DE 101.
const STOP_LIST: &[u8] = b"STOPLIST";
/// DE 3, first two digits, of the totals after an upload.
const AFTER_UPLOAD: u8 = 96;

/// What all of them say.
fn base(message: &Message<'_>) -> Result<Request, Fault> {
    let mti = message.mti().without_version();
    let told: Particulars = match message.dialect().version() {
        0 => edition1987::read(message, mti.class())?,
        1 => edition1993::read(message, mti.class())?,
        _ => edition2003::read(message, mti.class())?,
    };
    let transmission = number(message, 7, payment_types::WireDateTime::from_number)?;
    if transmission.is_none() && told.local.number() == 0 {
        return Err(Fault::missing(7));
    }
    let code = |code: u64| ProcessingCode::from_number(u32::try_from(code).ok()?);
    let institution = |id: u64| (id <= 99_999_999_999).then_some(AcquirerId(id));
    Ok(Request {
        mti,
        processing_code: number(message, 3, code)?.unwrap_or_default(),
        card: None,
        amount: Amount::new(0, Currency::KGS),
        cash_back: None,
        surcharge: None,
        stan: required(number(message, 11, |n| Stan::new(u32::try_from(n).ok()?)), 11)?,
        rrn: text_or_blank(message, 37, Rrn::new)?,
        transmission: transmission.unwrap_or_default(),
        local: told.local,
        expiry: None,
        entry_mode: told.entry_mode,
        condition: told.condition,
        acquirer: number(message, 32, institution)?.unwrap_or_default(),
        forwarding: number(message, 33, institution)?.unwrap_or_default(),
        terminal: text_or_blank(message, 41, TerminalId::new)?.unwrap_or_default(),
        acceptor: text(message, 42, AcceptorId::new)?.unwrap_or_default(),
        mcc: None,
        authorization_code: None,
        original: None,
        replacement: None,
        sender_told: false,
        extra: None,
        facts: SecurityFacts::default(),
    })
}

/// 0302.
pub(crate) fn file_action(
    message: &Message<'_>,
    security: &dyn SecurityModule,
) -> Result<Request, Fault> {
    let file = text(message, 101, |name| Some(name.trim_ascii() == STOP_LIST))?;
    if file == Some(false) {
        return Err(Fault::malformed(101));
    }
    let card = card::read(message)?.map(|card| CardNumber {
        digest: security.pan_digest(&card.pan),
        masked: card.pan.masked(),
        leading: card.pan.leading(),
    });
    let record = text(message, 120, record)?.unwrap_or_default();
    let listed = match (card, record.range) {
        (Some(_), Some(_)) => return Err(Fault::contradicts(120)),
        (Some(card), None) => StopListed::Card(card),
        (None, Some((from, to))) => StopListed::Range { from, to },
        (None, None) => return Err(Fault::missing(2)),
    };
    let until = number(message, 73, day)?;
    let action = match update_code(message)? {
        1 | 2 => {
            let until = until.ok_or(Fault::missing(73))?;
            StopListAction::Put(listed, StopTerms { until, special: record.special })
        }
        3 => StopListAction::Remove(listed),
        _ => StopListAction::Inquire(listed),
    };
    Ok(Request { card, extra: Some(Extra::File(action)), ..base(message)? })
}

/// DE 91; since 1993 the function code.
fn update_code(message: &Message<'_>) -> Result<u64, Fault> {
    let known = |code: u64| matches!(code, 1 | 2 | 3 | 5).then_some(code);
    if message.dialect().version() == 0 {
        let digit = |text: &[u8]| known(crate::elements::digits(text)?);
        return required(text(message, 91, digit), 91);
    }
    required(number(message, 24, |code| known(code.checked_sub(300)?)), 24)
}

/// DE 73, YYMMDD.
fn day(number: u64) -> Option<BusinessDate> {
    let part = |divisor: u64| u8::try_from(number / divisor % 100).ok();
    let year = i32::try_from(number / 10_000).ok().filter(|year| *year < 100)?;
    BusinessDate::from_ymd(2000 + year, part(100)?, part(1)?)
}

/// DE 120 of a file action.
#[derive(Debug, Default, PartialEq, Eq)]
struct Record {
    range: Option<(u32, u32)>,
    special: bool,
}

fn record(text: &[u8]) -> Option<Record> {
    let text = core::str::from_utf8(text).ok()?.trim();
    let (range, code) = text.split_once(';').unwrap_or((text, ""));
    let special = match code {
        "" | "04" => false,
        "07" => true,
        _ => return None,
    };
    if range.is_empty() {
        return Some(Record { range: None, special });
    }
    let (from, to) = range.split_once('-')?;
    let (from, to) = (leading(from, '0')?, leading(to, '9')?);
    (from <= to).then_some(Record { range: Some((from, to)), special })
}

/// One to eight leading digits, filled up to eight.
fn leading(text: &str, fill: char) -> Option<u32> {
    let fits = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut filled = text.to_owned();
    while filled.len() < 8 {
        filled.push(fill);
    }
    filled.parse().ok().filter(|_| fits)
}

/// 0500 and 0520: DE 74 to 77 and 86 to 89.
pub(crate) fn totals(message: &Message<'_>) -> Result<Request, Fault> {
    let request = base(message)?;
    let mut told = ToldTotals {
        uploaded: request.processing_code.transaction == AFTER_UPLOAD,
        ..ToldTotals::default()
    };
    for (place, de) in told.numbers.iter_mut().zip(74u8..) {
        *place = number(message, de, Some)?;
    }
    for (place, de) in told.amounts.iter_mut().zip(86u8..) {
        *place = number(message, de, Some)?;
    }
    Ok(Request { extra: Some(Extra::Totals(told)), ..request })
}

/// 0800 with DE 70 = 201.
pub(crate) fn cut_over(message: &Message<'_>) -> Result<Request, Fault> {
    base(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blk_5_ranges_are_of_up_to_eight_leading_digits() {
        let range = |from, to, special| Some(Record { range: Some((from, to)), special });
        for (text, expected) in [
            ("941700-941705", range(94_170_000, 94_170_599, false)),
            ("9417-9417", range(94_170_000, 94_179_999, false)),
            ("9417-9417;07", range(94_170_000, 94_179_999, true)),
            (";07", Some(Record { range: None, special: true })),
            ("", Some(Record::default())),
            ("941705-941700", None),
            ("941700000-941700000", None),
            ("9417", None),
            ("94a7-9418", None),
            ("9417-9418;41", None),
        ] {
            assert_eq!(record(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(day(261_130), BusinessDate::from_ymd(2026, 11, 30));
        assert_eq!(day(261_331), None);
    }
}
