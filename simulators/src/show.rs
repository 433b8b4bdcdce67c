//! Messages for people: named elements, side by side, with nothing secret in sight (PII-1).

use crate::exchange::plain;
use crate::intent::Fields;
use crate::private;
use iso8583::FieldValue;
use payment_types::{Mti, Pan};
use std::collections::BTreeSet;
use std::fmt::Write;

const NAMES: &[(u8, &str)] = &[
    (2, "card number"),
    (3, "processing code"),
    (4, "amount"),
    (7, "transmitted (UTC)"),
    (11, "trace number"),
    (12, "local time"),
    (13, "local date"),
    (14, "expiry"),
    (18, "merchant category"),
    (22, "entry mode"),
    (23, "card sequence"),
    (24, "function"),
    (25, "condition"),
    (26, "acceptor business"),
    (30, "original amounts"),
    (32, "acquirer"),
    (33, "forwarder"),
    (35, "track 2"),
    (36, "track 3"),
    (37, "reference number"),
    (38, "approval code"),
    (39, "response code"),
    (41, "terminal"),
    (42, "acceptor"),
    (43, "acceptor's place"),
    (44, "additional response"),
    (45, "track 1"),
    (48, "additional data"),
    (49, "currency"),
    (52, "PIN block"),
    (53, "security control"),
    (54, "additional amounts"),
    (55, "chip data"),
    (56, "original data"),
    (64, "MAC"),
    (70, "network code"),
    (90, "original data"),
    (95, "replacement amounts"),
    (102, "from account"),
    (103, "to account"),
    (128, "MAC"),
];

/// What people call a data element.
#[must_use]
pub fn name_of(element: u8) -> &'static str {
    NAMES.iter().find(|(number, _)| *number == element).map_or("", |(_, name)| name)
}

/// A value as people may see it: card numbers first six and last four, tracks and PINs not at all.
#[must_use]
pub fn masked(element: u8, value: &FieldValue) -> String {
    match (element, value) {
        (2, _) => Pan::from_ascii(plain(value).as_bytes())
            .map_or_else(|_| "****".to_owned(), |pan| pan.masked().to_string()),
        (14, _) => "****".to_owned(),
        (35, _) => masked_track(&plain(value)),
        (36 | 45, _) => "****".to_owned(),
        (52, _) => "(enciphered)".to_owned(),
        (48 | 62, FieldValue::Text(text)) if private::masked(text).is_some() => {
            private::masked(text).unwrap_or_default()
        }
        // Since 2003 the same text is bytes.
        (48, FieldValue::Binary(bytes)) => std::str::from_utf8(bytes)
            .ok()
            .and_then(private::masked)
            .unwrap_or_else(|| format!("({} bytes)", bytes.len())),
        (55, FieldValue::Binary(bytes)) => format!("({} bytes)", bytes.len()),
        (55, FieldValue::Text(text)) => format!("({} bytes)", text.len() / 2),
        (_, FieldValue::Text(text)) => hide_digit_runs(text),
        (_, FieldValue::Binary(_)) => plain(value),
    }
}

fn masked_track(track: &str) -> String {
    let number = track.split(['=', 'D', 'd']).next().unwrap_or_default();
    let shown = Pan::from_ascii(number.as_bytes()).map(|pan| pan.masked().to_string());
    format!("{}=****", shown.unwrap_or_else(|_| "****".to_owned()))
}

/// Free text may hold a card number; a run of 13 to 19 digits with a right check digit is taken for
/// one.
fn hide_digit_runs(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars().chain(std::iter::once('\0')) {
        if character.is_ascii_digit() {
            run.push(character);
            continue;
        }
        shown.push_str(&hidden(&run));
        run.clear();
        if character != '\0' {
            shown.push(character);
        }
    }
    shown
}

fn hidden(run: &str) -> String {
    let card = (13..=19).contains(&run.len()).then(|| Pan::from_ascii(run.as_bytes()));
    match card {
        Some(Ok(pan)) if pan.has_valid_check_digit() => pan.masked().to_string(),
        _ => run.to_owned(),
    }
}

/// A request and its answer as two columns with the elements' names; the answer may be missing.
#[must_use]
pub fn side_by_side(request: (Mti, &Fields), answer: Option<(Mti, &Fields)>) -> String {
    let right = answer.map(|(_, fields)| fields.clone()).unwrap_or_default();
    let elements: BTreeSet<u8> = request.1.keys().chain(right.keys()).copied().collect();
    let cell = |fields: &Fields, element: u8| {
        fields.get(&element).map(|value| masked(element, value)).unwrap_or_default()
    };
    let mut rows = vec![(
        String::new(),
        format!("request {}", request.0),
        answer.map_or_else(|| "no answer".to_owned(), |(mti, _)| format!("answer {mti}")),
    )];
    for element in elements {
        let label = format!("{element:>3}  {}", name_of(element));
        rows.push((label, cell(request.1, element), cell(&right, element)));
    }
    let width = |pick: fn(&(String, String, String)) -> &String| {
        rows.iter().map(|row| pick(row).chars().count()).max().unwrap_or_default()
    };
    let (first, second) = (width(|row| &row.0), width(|row| &row.1));
    let mut text = String::new();
    for (label, left, right) in &rows {
        let line = format!("{label:<first$}   {left:<second$}   {right}");
        // Writing to a String cannot fail.
        writeln!(text, "{}", line.trim_end()).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> FieldValue {
        FieldValue::Text(value.to_owned())
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(masked(2, &text("9417000000000016")), "941700******0016");
        assert_eq!(masked(2, &text("rubbish")), "****");
        assert_eq!(masked(35, &text("9417000000000016=2912201")), "941700******0016=****");
        assert_eq!(masked(35, &text("9417000000000016D2912201")), "941700******0016=****");
        assert_eq!(masked(52, &FieldValue::Binary(vec![1; 8])), "(enciphered)");
        assert_eq!(masked(48, &text("to 9417000000000016.")), "to 941700******0016.");
        assert_eq!(masked(48, &text("KS004FFFFCV003123")), "KS=FFFF CV=(3 characters)");
        assert_eq!(masked(37, &text("632800000042")), "632800000042");
    }

    #[test]
    fn columns_line_up() {
        let request = Fields::from([(2, text("9417000000000016")), (11, text("000001"))]);
        let answer = Fields::from([(11, text("000001")), (39, text("00"))]);
        let (ask, reply) = (Mti::parse("0200").unwrap(), Mti::parse("0210").unwrap());
        let shown = side_by_side((ask, &request), Some((reply, &answer)));
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 4);
        let column = lines[0].find("answer 0210").unwrap();
        assert_eq!(lines[2].rfind("000001"), Some(column), "{shown}");
        assert_eq!(lines[3].rfind("00"), Some(column), "{shown}");
    }
}
