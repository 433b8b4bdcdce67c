//! One message out, its answer in, matched by MTI and STAN.

use crate::intent::Fields;
use crate::{Link, SimError};
use iso8583::{Dialect, FieldValue, Message};
use payment_types::{Currency, Mti, format_minor};
use std::time::{Duration, Instant};

/// DE 54 amount type: what can be spent.
pub const AVAILABLE_BALANCE: &str = "02";
/// DE 54 amount type: the cash to hand out (AMT-1).
pub const CASH_TO_HAND_OUT: &str = "40";
/// DE 54 amount type: what is left of the agent cash cap today (AGT-3).
pub const CAP_LEFT: &str = "44";

/// What a host answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its MTI.
    pub mti: Mti,
    /// Its data elements.
    pub fields: Fields,
    /// Its bytes.
    pub body: Vec<u8>,
    /// From just before the request was written to just after the answer was read.
    pub took: Duration,
}

impl Answer {
    /// An element as text, blanks around it cut; binary ones as hex.
    #[must_use]
    pub fn text(&self, element: u8) -> Option<String> {
        self.fields.get(&element).map(plain)
    }

    /// An element's bytes; those of a text are what its hex digits say.
    #[must_use]
    pub fn binary(&self, element: u8) -> Option<Vec<u8>> {
        match self.fields.get(&element)? {
            FieldValue::Binary(bytes) => Some(bytes.clone()),
            FieldValue::Text(text) => hex::decode(text.trim()).ok(),
        }
    }

    /// DE 39, or nothing where the answer has none.
    #[must_use]
    pub fn code(&self) -> String {
        self.text(39).unwrap_or_default()
    }

    /// DE 38.
    #[must_use]
    pub fn auth_code(&self) -> Option<String> {
        self.text(38).filter(|code| !code.is_empty())
    }

    /// Whether DE 39 approves, wholly or in part (1987 `00`, `10`; since 1993 `0nn`).
    #[must_use]
    pub fn is_approved(&self) -> bool {
        approves(&self.code())
    }

    /// The amount of a type in DE 54, in major units, below zero where it is a debit.
    #[must_use]
    pub fn amount(&self, kind: &str) -> Option<String> {
        let text = self.text(54)?;
        amounts_of(&text).filter(|entry| entry.get(2..4) == Some(kind)).find_map(amount_of)
    }
}

/// Whether a response code approves.
#[must_use]
pub fn approves(code: &str) -> bool {
    matches!(code, "00" | "10") || (code.len() >= 3 && code.starts_with('0'))
}

/// The entries of DE 54. Since 2003 the currency's exponent stands in each before the sign.
pub(crate) fn amounts_of(text: &str) -> impl Iterator<Item = &str> {
    let is_sign = |at: usize| matches!(text.as_bytes().get(at), Some(b'C' | b'D'));
    let width = if is_sign(8) && !is_sign(7) { 21 } else { 20 };
    text.as_bytes().chunks(width).filter_map(|entry| std::str::from_utf8(entry).ok())
}

fn amount_of(entry: &str) -> Option<String> {
    let currency = Currency::from_numeric(entry.get(4..7)?.parse().ok()?)?;
    let (head, minor) = entry.split_at_checked(entry.len().checked_sub(12)?)?;
    let minor: i128 = minor.parse().ok()?;
    let signed = match head.get(7..)?.chars().last()? {
        'D' => -minor,
        _ => minor,
    };
    Some(format_minor(signed, currency.exponent()))
}

/// A value for people and comparisons: text without the blanks around it, bytes as hex.
#[must_use]
pub fn plain(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => text.trim().to_owned(),
        FieldValue::Binary(bytes) => hex::encode_upper(bytes),
    }
}

/// All data elements of a message.
///
/// # Errors
/// [`SimError::Parse`].
pub fn decode(dialect: &Dialect, body: &[u8]) -> Result<(Mti, Fields), SimError> {
    let message = Message::parse(dialect, body)?;
    let elements = message.bitmap().iter();
    let fields = elements.filter_map(|de| message.field(de).map(|value| (de, value))).collect();
    Ok((message.mti(), fields))
}

/// Sends a message and waits for its answer; frames that answer something else are passed over.
///
/// # Errors
/// [`SimError::NoAnswer`], and what [`Link::send`] and [`Link::receive`] may say.
pub fn exchange(
    link: &mut Link,
    body: &[u8],
    mti: Mti,
    stan: u32,
    patience: Duration,
) -> Result<Answer, SimError> {
    let dialect = link.endpoint().dialect().clone();
    let started = Instant::now();
    let deadline = started + patience;
    link.send(body)?;
    while let Some(frame) = link.receive(deadline)? {
        let took = started.elapsed();
        let (answer_mti, fields) = decode(&dialect, &frame.body)?;
        let number = fields.get(&11).map(plain).and_then(|stan| stan.parse::<u32>().ok());
        if number == Some(stan) && Some(answer_mti) == mti.response() {
            return Ok(Answer { mti: answer_mti, fields, body: frame.body.to_vec(), took });
        }
    }
    Err(SimError::NoAnswer(patience))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(additional: &str) -> Answer {
        let mti = Mti::parse("0210").unwrap();
        let fields = Fields::from([
            (39, FieldValue::Text("61".into())),
            (54, FieldValue::Text(additional.into())),
        ]);
        Answer { mti, fields, body: Vec::new(), took: Duration::ZERO }
    }

    #[test]
    fn additional_amounts_are_read_by_type() {
        let both = answer("0002417D0000000055000044417C000000500000");
        assert_eq!(both.amount(AVAILABLE_BALANCE).as_deref(), Some("-55.00"));
        assert_eq!(both.amount(CAP_LEFT).as_deref(), Some("5000.00"));
        assert_eq!(both.amount("01"), None);
        let later = answer("00024172D00000000550000444172C000000500000");
        assert_eq!(later.amount(AVAILABLE_BALANCE).as_deref(), Some("-55.00"));
        assert_eq!(later.amount(CAP_LEFT).as_deref(), Some("5000.00"));
        for broken in ["", "0044417C00000050000", "0044A17C000000500000", "ыыыыыыыыыы"] {
            assert_eq!(answer(broken).amount(CAP_LEFT), None, "{broken}");
        }
    }

    #[test]
    fn approvals_are_told_from_declines_in_both_editions() {
        let approved = ["00", "10", "000", "002", "0000"];
        let declined = ["51", "61", "1A", "116", "", "05"];
        assert!(approved.iter().all(|code| approves(code)));
        assert!(!declined.iter().any(|code| approves(code)));
    }
}
