//! What the value of a data element says, in words: for the line under the messages. Nothing secret
//! is put into words (PII-1).

use crate::exchange::{approves, plain};
use crate::intent::Fields;
use crate::traffic::meaning;
use emv::{IccData, Tag};
use iso8583::FieldValue;
use payment_types::{Currency, format_minor};

/// In words, where there is more to say than the value itself.
#[must_use]
pub fn in_words(element: u8, fields: &Fields) -> Option<String> {
    let value = fields.get(&element)?;
    let text = plain(value);
    match element {
        3 => Some(processing_code(&text)),
        4 => amount(&text, fields),
        7 => stamp(&text, " UTC"),
        12 if text.len() == 6 => clock(&text),
        13 => Some(format!("{}.{}", text.get(2..4)?, text.get(..2)?)),
        22 => entry_mode(&text),
        39 => Some(format!("{}: {}", if approves(&text) { "yes" } else { "no" }, meaning(&text))),
        49 => currency(&text).map(|currency| currency.to_string()),
        54 => amounts(&text),
        55 => chip(value),
        70 => Some(network_code(&text).to_owned()),
        90 => Some(format!("{} with trace number {}", text.get(..4)?, text.get(4..10)?)),
        95 => {
            let minor: i128 = text.get(..12)?.parse().ok()?;
            Some(format!("{} stays", format_minor(minor, exponent(fields))))
        }
        _ => None,
    }
}

fn processing_code(text: &str) -> String {
    let kind = match text.get(..2).unwrap_or_default() {
        "00" => "purchase",
        "01" => "cash",
        "02" => "void",
        "09" => "purchase with cash-back",
        "17" => "cash disbursement",
        "20" => "refund",
        "21" => "cash-in",
        "30" | "31" => "balance",
        "38" => "mini-statement",
        "40" => "transfer",
        "70" => "PIN change",
        "72" => "activation",
        _ => "other",
    };
    let account = |at: std::ops::Range<usize>| match text.get(at).unwrap_or_default() {
        "10" => "savings",
        "20" => "cheque",
        "30" => "credit",
        _ => "default",
    };
    format!("{kind}, from {} to {} account", account(2..4), account(4..6))
}

fn currency(text: &str) -> Option<Currency> {
    Currency::from_numeric(text.parse().ok()?)
}

fn exponent(fields: &Fields) -> u8 {
    let currency = fields.get(&49).and_then(|value| currency(&plain(value)));
    currency.map_or(2, Currency::exponent)
}

fn amount(text: &str, fields: &Fields) -> Option<String> {
    let minor: i128 = text.parse().ok()?;
    let code = fields.get(&49).and_then(|value| currency(&plain(value)));
    let code = code.map(|currency| format!(" {currency}")).unwrap_or_default();
    Some(format!("{}{code}", format_minor(minor, exponent(fields))))
}

fn stamp(text: &str, zone: &str) -> Option<String> {
    let clock = clock(text.get(4..10)?)?;
    Some(format!("{}.{} {clock}{zone}", text.get(2..4)?, text.get(..2)?))
}

fn clock(text: &str) -> Option<String> {
    Some(format!("{}:{}:{}", text.get(..2)?, text.get(2..4)?, text.get(4..6)?))
}

fn entry_mode(text: &str) -> Option<String> {
    if text.len() == 12 {
        return Some("the reader's and the cardholder's data code, ISO 8583:1993 A.1".to_owned());
    }
    let read = match text.get(..2)? {
        "05" => "chip inserted",
        "07" => "contactless chip",
        "90" => "magnetic stripe",
        "91" => "contactless stripe",
        "01" => "number typed in",
        "80" => "stripe after a failed chip",
        "81" => "sent by a web shop",
        _ => "read otherwise",
    };
    let pin = match text.get(2..)? {
        "1" => "PIN can be entered",
        "2" => "no PIN can be entered",
        _ => "PIN pad not told",
    };
    Some(format!("{read}, {pin}"))
}

fn network_code(text: &str) -> &'static str {
    match text {
        "001" => "sign-on",
        "002" => "sign-off",
        "101" | "161" => "key exchange",
        "201" => "cut-over",
        "301" => "echo",
        _ => "other",
    }
}

/// DE 54: twenty characters an amount.
fn amounts(text: &str) -> Option<String> {
    let parts = text.as_bytes().chunks(20).filter_map(|part| std::str::from_utf8(part).ok());
    let said: Vec<String> = parts.filter_map(one_amount).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn one_amount(part: &str) -> Option<String> {
    if part.len() != 20 {
        return None;
    }
    let kind = match part.get(2..4)? {
        "01" => "ledger",
        "02" => "available",
        "40" => "cash",
        "44" => "left today",
        other => return Some(format!("type {other}")),
    };
    let currency = currency(part.get(4..7)?)?;
    let minor: i128 = part.get(8..20)?.parse().ok()?;
    let minor = if part.get(7..8)? == "D" { -minor } else { minor };
    Some(format!("{kind} {} {currency}", format_minor(minor, currency.exponent())))
}

/// DE 55: cryptogram, counter, and which other tags there are; never their values.
fn chip(value: &FieldValue) -> Option<String> {
    let bytes = match value {
        FieldValue::Binary(bytes) => bytes.clone(),
        FieldValue::Text(text) => hex::decode(text.trim()).ok()?,
    };
    let data = IccData::parse(&bytes).ok()?;
    let mut said = Vec::new();
    let short = |tag: u32| Tag::new(tag).and_then(|tag| data.find(tag)).map(hex::encode_upper);
    said.extend(short(0x9F26).map(|cryptogram| format!("cryptogram {cryptogram}")));
    said.extend(data.atc().map(|counter| format!("counter {counter}")));
    said.extend(short(0x95).map(|tvr| format!("TVR {tvr}")));
    said.extend(short(0x91).map(|arpc| format!("issuer's answer {arpc}")));
    said.extend(short(0x8A).map(|code| format!("8A {code}")));
    for (tag, when) in [(0x71, "before"), (0x72, "after")] {
        said.extend(short(tag).map(|_| format!("a script for {when} the last cryptogram")));
    }
    (!said.is_empty()).then(|| said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(element: u8, text: &str) -> String {
        let value = FieldValue::Text(text.to_owned());
        let fields = Fields::from([(49, FieldValue::Text("417".into())), (element, value)]);
        in_words(element, &fields).unwrap_or_default()
    }

    #[test]
    fn values_are_put_into_words() {
        assert_eq!(said(3, "010000"), "cash, from default to default account");
        assert_eq!(said(4, "000000012000"), "120.00 KGS");
        assert_eq!(said(7, "1122080501"), "22.11 08:05:01 UTC");
        assert_eq!(said(22, "071"), "contactless chip, PIN can be entered");
        assert_eq!(said(39, "61"), "no: over the amount limit");
        assert_eq!(
            said(54, "0002417D0000000055000044417C000000500000"),
            "available -55.00 KGS, left today 5000.00 KGS"
        );
        assert_eq!(said(55, "9F3602000A8A023030"), "counter 10, 8A 3030");
        assert_eq!(said(90, "0200123456112208050100000417001"), "0200 with trace number 123456");
        assert_eq!(said(95, "000000050000"), "500.00 stays");
    }

    #[test]
    fn nonsense_is_passed_over() {
        for (element, text) in
            [(4, "zz"), (54, "short"), (55, "9F26"), (90, ""), (22, "7"), (95, "")]
        {
            assert_eq!(said(element, text), "", "{element}");
        }
        assert_eq!(in_words(39, &Fields::new()), None);
    }
}
