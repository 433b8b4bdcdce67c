//! What is on a magnetic stripe, or in a chip's image of it (ISO/IEC 7813): the number, the expiry,
//! the service code, and the discretionary data in which the card verification value is.
//!
//! Where in the discretionary data that is, no standard says. Here: after the PIN key index and the
//! PVV (five digits) where there are eight digits or more, else directly after the service code.

use payment_types::{ExpiryDate, Pan};

/// A track, pointing into the text it was read from.
pub(crate) struct Track<'a> {
    pub(crate) pan: Pan,
    pub(crate) expiry: Option<ExpiryDate>,
    pub(crate) service_code: Option<[u8; 3]>,
    pub(crate) discretionary: &'a [u8],
}

/// Digits before the card verification value: the PIN key index and the PVV.
const PIN_DIGITS: usize = 5;

impl<'a> Track<'a> {
    /// DE 35: number, separator, expiry (YYMM) or a separator, service code or a separator,
    /// discretionary data.
    pub(crate) fn second(track: &'a [u8]) -> Option<Self> {
        let is_separator = |byte: u8| matches!(byte, b'=' | b'D' | b'd');
        let track = track.strip_prefix(b";").unwrap_or(track);
        let track = strip_end(track);
        let at = track.iter().position(|byte| is_separator(*byte))?;
        let (digits, rest) = (track.get(..at)?, track.get(at.checked_add(1)?..)?);
        Self::after_number(Pan::from_ascii(digits).ok()?, rest, is_separator)
    }

    /// DE 45, format B: `B`, number, `^`, name, `^`, then as on track 2.
    pub(crate) fn first(track: &'a [u8]) -> Option<Self> {
        let track = track.strip_prefix(b"%").unwrap_or(track);
        let mut parts = strip_end(track).strip_prefix(b"B")?.splitn(3, |byte| *byte == b'^');
        let (digits, _name, rest) = (parts.next()?, parts.next()?, parts.next()?);
        Self::after_number(Pan::from_ascii(digits).ok()?, rest, |byte| byte == b'^')
    }

    fn after_number(pan: Pan, rest: &'a [u8], is_separator: impl Fn(u8) -> bool) -> Option<Self> {
        let (expiry, rest) = match rest.split_first() {
            Some((byte, rest)) if is_separator(*byte) => (None, rest),
            _ => {
                let (digits, rest) = rest.split_at_checked(4)?;
                let number = u16::try_from(crate::elements::digits(digits)?).ok()?;
                (Some(ExpiryDate::from_number(number)?), rest)
            }
        };
        let (service_code, discretionary) = match rest.split_first() {
            Some((byte, rest)) if is_separator(*byte) => (None, rest),
            _ => match rest.split_first_chunk() {
                Some((code, rest)) if code.iter().all(u8::is_ascii_digit) => (Some(*code), rest),
                _ => (None, rest),
            },
        };
        Some(Self { pan, expiry, service_code, discretionary })
    }
}

/// The three digits of the card verification value in discretionary data, and what comes after
/// them; `None` if there is none.
pub(crate) fn card_value(discretionary: &[u8]) -> Option<(&[u8; 3], &[u8])> {
    let is_long = discretionary.len() >= PIN_DIGITS + 3;
    let data = discretionary.get(if is_long { PIN_DIGITS } else { 0 }..)?;
    data.split_first_chunk().filter(|(value, _)| value.iter().all(u8::is_ascii_digit))
}

/// Without the end sentinel and what fills the last byte.
fn strip_end(track: &[u8]) -> &[u8] {
    let mut track = track;
    while let [rest @ .., b'F' | b'f' | b'?' | b' '] = track {
        track = rest;
    }
    track
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = (Option<u16>, Option<String>, String, Option<String>);

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn shown(track: Option<Track<'_>>) -> Option<Found> {
        let track = track?;
        assert_eq!(track.pan.masked().as_str(), "941700******0009");
        let value = card_value(track.discretionary).map(|(value, _)| text(value));
        let service = track.service_code.map(|code| text(&code));
        Some((track.expiry.map(ExpiryDate::number), service, text(track.discretionary), value))
    }

    fn found(expiry: u16, service: &str, discretionary: &str, value: &str) -> Option<Found> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some((Some(expiry), some(service), discretionary.to_owned(), some(value)))
    }

    #[test]
    fn sec_1_track_2_has_its_value_after_the_pvv_or_the_service_code() {
        let read = |track: &str| shown(Track::second(track.as_bytes()));
        for (track, expected) in [
            ("9417000000000009=2912201112340123", found(2912, "201", "112340123", "012")),
            ("9417000000000009D29122011123401200000", found(2912, "201", "1123401200000", "012")),
            (";9417000000000009=2912201112340123?", found(2912, "201", "112340123", "012")),
            ("9417000000000009=2912201987", found(2912, "201", "987", "987")),
            ("9417000000000009=2912201", found(2912, "201", "", "")),
            ("9417000000000009=2912=11234567", found(2912, "", "11234567", "567")),
            ("9417000000000009=29122", found(2912, "", "2", "")),
            ("9417000000000009=2912", found(2912, "", "", "")),
            ("9417000000000009==201", Some((None, Some("201".into()), String::new(), None))),
        ] {
            assert_eq!(read(track), expected, "{track}");
        }
    }

    #[test]
    fn sec_1_track_1_says_the_same_after_the_name() {
        let read = |track: &str| shown(Track::first(track.as_bytes()));
        let expected = found(2912, "201", "112340123", "012");
        assert_eq!(read("B9417000000000009^ASANOV/AIBEK^2912201112340123"), expected);
        assert_eq!(read("%B9417000000000009^ASANOV/AIBEK^2912201112340123?"), expected);
        assert_eq!(read("B9417000000000009^^2912^"), found(2912, "", "", ""));
        for bad in
            ["", "B", "A9417000000000009^N^2912201", "B9417000000000009^2912201", "B1^N^2912"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_track_is_none() {
        for bad in [
            "",
            "=",
            "9417000000000009",
            "9417000000000009=",
            "9417000000000009=291",
            "9417000000000009=2913",
            "941700=2912",
            "9417 00000000009=2912",
        ] {
            assert!(Track::second(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
