//! What may not be seen of a message: card numbers but for six and four digits, tracks, PIN blocks,
//! and the same inside chip data (PII-1).

use super::Shown;
use emv::{Format, Tag, TlvReader};
use iso8583::FieldValue;
use payment_types::Pan;

/// Primary account number, and the extended one.
const NUMBERS: [u8; 2] = [2, 34];
/// Track 2, track 3, track 1.
const TRACKS: [u8; 3] = [35, 36, 45];
const PIN_DATA: u8 = 52;
const CHIP_DATA: u8 = 55;

/// The card number in chip data: 5A.
const CHIP_NUMBER: u32 = 0x5A;
/// Tracks and what is on them, PIN data, the holder's name.
const CHIP_SECRETS: [u32; 8] = [0x56, 0x57, 0x99, 0x5F20, 0x9F0B, 0x9F1F, 0x9F20, 0x9F6B];

/// Groups of a private element: PIN block, new PIN, CVV2, CAVV or AAV, key block.
const SECRET_GROUPS: [&str; 5] = ["PB", "NP", "CV", "CA", "KB"];

/// All values, with everything blotted out that may not be seen.
pub(super) fn masked(values: &[(u8, FieldValue)]) -> Vec<(u8, Shown)> {
    let number = values.iter().find_map(|(de, value)| match value {
        FieldValue::Text(text) if *de == 2 => Some(text.as_str()),
        FieldValue::Text(text) if *de == 35 => text.split(['=', 'D']).next(),
        _ => None,
    });
    let shown = |(de, value): &(u8, FieldValue)| (*de, one(*de, value, number));
    values.iter().map(shown).collect()
}

fn one(de: u8, value: &FieldValue, number: Option<&str>) -> Shown {
    match (de, value) {
        (PIN_DATA, FieldValue::Text(text)) => Shown::Text(blot(text)),
        (PIN_DATA, FieldValue::Binary(bytes)) => Shown::Hex("*".repeat(bytes.len() * 2)),
        (CHIP_DATA, FieldValue::Binary(bytes)) => Shown::Hex(chip(bytes)),
        (CHIP_DATA, FieldValue::Text(text)) => {
            // Not hex, so not chip data either: nothing of it can be told apart.
            Shown::Text(hex::decode(text).map_or_else(|_| blot(text), |bytes| chip(&bytes)))
        }
        (_, FieldValue::Text(text)) if NUMBERS.contains(&de) => Shown::Text(masked_number(text)),
        (_, FieldValue::Text(text)) if TRACKS.contains(&de) => Shown::Text(track(text)),
        (_, FieldValue::Binary(bytes)) if NUMBERS.contains(&de) || TRACKS.contains(&de) => {
            Shown::Hex("*".repeat(bytes.len() * 2))
        }
        (_, FieldValue::Binary(bytes)) => Shown::Hex(hex::encode_upper(bytes)),
        (_, FieldValue::Text(text)) => {
            let text = without_numbers(&groups(text));
            Shown::Text(match number {
                Some(number) if number.len() >= 8 && text.contains(number) => {
                    text.replace(number, &masked_number(number))
                }
                _ => text,
            })
        }
    }
}

/// Security data in a private element (DE 48, or whichever a listener names): PIN blocks, CVV2, the
/// value of 3-D Secure and keys are blotted out of text that is made of such groups.
fn groups(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let parts = rest.split_at_checked(2).and_then(|(letters, rest)| {
            let (length, rest) = rest.split_at_checked(3)?;
            let (value, rest) = rest.split_at_checked(length.parse().ok()?)?;
            Some((letters, length, value, rest))
        });
        let Some((letters, length, value, after)) = parts else { return text.to_owned() };
        let hidden = SECRET_GROUPS.contains(&letters);
        shown.extend([letters, length]);
        shown.push_str(&if hidden { blot(value) } else { value.to_owned() });
        rest = after;
    }
    shown
}

/// Whatever else could be a card number (DE 102 to 104, 120, private elements): 13 to 19 digits with
/// a right check digit; and what follows one as on a track.
fn without_numbers(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let mut on_a_track = false;
    while let Some(letter) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|at: char| at.is_ascii_digit()).len();
        let (part, after) = rest.split_at(if digits == 0 { letter.len_utf8() } else { digits });
        let number = Pan::from_ascii(part.as_bytes()).ok().filter(|_| part.len() >= 13);
        match number.filter(Pan::has_valid_check_digit) {
            _ if on_a_track && digits > 0 => shown.push_str(&blot(part)),
            Some(number) => {
                shown.push_str(number.masked().as_str());
                on_a_track = after.starts_with(['=', 'D', 'd', '^']);
            }
            None => {
                on_a_track &= matches!(letter, '=' | 'D' | 'd' | '^');
                shown.push_str(part);
            }
        }
        rest = after;
    }
    shown
}

fn blot(text: &str) -> String {
    "*".repeat(text.chars().count())
}

fn masked_number(text: &str) -> String {
    Pan::from_ascii(text.as_bytes())
        .map_or_else(|_| blot(text), |pan| pan.masked().as_str().to_owned())
}

/// A track: the first run of digits is the number, and nothing after it is shown.
fn track(text: &str) -> String {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let start = text.find(is_digit).unwrap_or(text.len());
    let (lead, rest) = text.split_at(start);
    let end = rest.find(|letter| !is_digit(letter)).unwrap_or(rest.len());
    let (number, rest) = rest.split_at(end);
    format!("{}{}{}", blot(lead), masked_number(number), blot(rest))
}

/// Chip data as hex, values of sensitive tags blotted out; all of it if it does not parse.
pub(super) fn chip(bytes: &[u8]) -> String {
    let mut digits: Vec<char> = hex::encode_upper(bytes).chars().collect();
    for found in TlvReader::new(bytes).walk() {
        let Ok(tlv) = found else { return "*".repeat(digits.len()) };
        let shown = match sensitive(tlv.tag) {
            None => continue,
            Some(Sensitive::Number) => 6,
            Some(Sensitive::Secret) => 0,
        };
        let start = tlv.offset() * 2;
        let value = digits.iter_mut().skip(start).take(tlv.value.len() * 2);
        for digit in value.skip(shown) {
            *digit = '*';
        }
    }
    digits.into_iter().collect()
}

/// How a value of chip data is kept from sight.
pub(super) enum Sensitive {
    /// Its first six digits may be seen.
    Number,
    /// Nothing may be seen.
    Secret,
}

pub(super) fn sensitive(tag: Tag) -> Option<Sensitive> {
    match tag.number() {
        CHIP_NUMBER => Some(Sensitive::Number),
        number if CHIP_SECRETS.contains(&number) => Some(Sensitive::Secret),
        // What is in a tag that nobody knows, or its owner alone, may be anything.
        _ if tag.info().is_none_or(|info| info.format == Format::Unspecified) => {
            Some(Sensitive::Secret)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_1_groups_with_secrets_are_blotted_out_and_other_text_is_left_alone() {
        let text = "KS020FFFF9876543210E00008CV003123NP0160123456789ABCDEFEC00205KB00ACA003xyz";
        assert_eq!(groups(text), text, "not made of groups to its end");
        let text = "KS020FFFF9876543210E00008CV003123NP0160123456789ABCDEFEC00205CA003xyz";
        assert_eq!(
            groups(text),
            "KS020FFFF9876543210E00008CV003***NP016****************EC00205CA003***"
        );
        for text in ["", "PIN CHANGE", "CV003", "CV00412"] {
            assert_eq!(groups(text), text);
        }
    }

    #[test]
    fn pii_1_no_other_elements_card_number_is_shown_nor_what_follows_it_on_a_track() {
        for (text, shown) in [
            ("9417000000000024", "941700******0024"),
            ("NAME/9417000000000024/X", "NAME/941700******0024/X"),
            ("9417000000000016=29122010000012345", "941700******0016=*****************"),
            ("x9417000000000016D2912201y", "x941700******0016D*******y"),
            ("9417000000000017", "9417000000000017"),
            ("000001 1122114559 PIN 4", "000001 1122114559 PIN 4"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(text), shown);
        }
    }

    #[test]
    fn pii_1_tags_nobody_knows_are_not_shown() {
        let data = hex::decode("DF010894170000000000169F36020001").unwrap();
        assert_eq!(chip(&data), "DF0108****************9F36020001");
    }
}
