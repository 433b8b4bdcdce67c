//! The card number and its expiry, from DE 2 and DE 14 or from track 2.

use crate::Fault;
use crate::elements::number;
use iso8583::Message;
use payment_types::{ExpiryDate, Pan};
use zeroize::Zeroizing;

/// What a message says about its card. The number is in clear, so this does not leave the crate.
pub(crate) struct CardRead {
    pub(crate) pan: Pan,
    pub(crate) expiry: Option<ExpiryDate>,
}

/// Reads DE 2, DE 14 and DE 35. Where both number elements are there, they must agree; DE 14 wins
/// over the track's expiry, since the core compares it with the card's.
pub(crate) fn read(message: &Message<'_>) -> Result<Option<CardRead>, Fault> {
    let told = expiry(message)?;
    let keyed = keyed(message)?;
    let track = track2(message)?;
    let (pan, on_track) = match (keyed, track) {
        (Some(keyed), Some((tracked, _))) if keyed != tracked => {
            return Err(Fault::contradicts(35));
        }
        (_, Some((pan, on_track))) => (pan, on_track),
        (Some(pan), None) => (pan, None),
        (None, None) => return Ok(None),
    };
    Ok(Some(CardRead { pan, expiry: told.or(on_track) }))
}

fn expiry(message: &Message<'_>) -> Result<Option<ExpiryDate>, Fault> {
    number(message, 14, |number| ExpiryDate::from_number(u16::try_from(number).ok()?))
}

fn keyed(message: &Message<'_>) -> Result<Option<Pan>, Fault> {
    let mut scratch = Zeroizing::new([0; 32]);
    let Some(digits) = message.text(2, &mut *scratch) else { return Ok(None) };
    let digits = digits.map_err(|_| Fault::malformed(2))?;
    Pan::from_ascii(digits).map(Some).map_err(|_| Fault::malformed(2))
}

/// The number and the expiry (ISO/IEC 7813 6: number, separator, YYMM or a second separator).
fn track2(message: &Message<'_>) -> Result<Option<(Pan, Option<ExpiryDate>)>, Fault> {
    let mut scratch = Zeroizing::new([0; 64]);
    let Some(track) = message.text(35, &mut *scratch) else { return Ok(None) };
    let track = track.map_err(|_| Fault::malformed(35))?;
    parse_track2(track).map(Some).ok_or(Fault::malformed(35))
}

fn parse_track2(track: &[u8]) -> Option<(Pan, Option<ExpiryDate>)> {
    let is_separator = |byte: &u8| matches!(byte, b'=' | b'D' | b'd');
    let at = track.iter().position(is_separator)?;
    let (digits, rest) = (track.get(..at)?, track.get(at.checked_add(1)?..)?);
    let pan = Pan::from_ascii(digits).ok()?;
    if rest.first().is_some_and(is_separator) {
        return Some((pan, None));
    }
    let expiry = crate::elements::digits(rest.get(..4)?)?;
    Some((pan, Some(ExpiryDate::from_number(u16::try_from(expiry).ok()?)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_track_2() {
        let read = |track: &str| {
            let (pan, expiry) = parse_track2(track.as_bytes())?;
            Some((pan.masked().as_str().to_owned(), expiry.map(ExpiryDate::number)))
        };
        let card = "941700******0009".to_owned();
        for track in [
            "9417000000000009=29122010000000000",
            "9417000000000009D2912201",
            "9417000000000009=2912",
        ] {
            assert_eq!(read(track), Some((card.clone(), Some(2912))), "{track}");
        }
        assert_eq!(read("9417000000000009==201"), Some((card, None)));
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
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
