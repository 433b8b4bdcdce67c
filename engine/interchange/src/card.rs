//! The card number and its expiry, from DE 2 and DE 14 or from a track.

use crate::Fault;
use crate::elements::number;
use crate::security_data::Bytes;
use crate::track::{self, Track};
use iso8583::Message;
use payment_types::{ExpiryDate, Pan};
use zeroize::Zeroizing;

/// What a message says about its card. The number is in clear, so this does not leave the crate.
pub(crate) struct CardRead {
    pub(crate) pan: Pan,
    pub(crate) expiry: Option<ExpiryDate>,
    pub(crate) track: Option<TrackData>,
}

/// What a track says besides the number; wiped when dropped.
pub(crate) struct TrackData {
    pub(crate) is_second: bool,
    pub(crate) expiry: Option<ExpiryDate>,
    pub(crate) service_code: Option<[u8; 3]>,
    pub(crate) discretionary: Bytes<48>,
}

impl TrackData {
    pub(crate) fn new(track: &Track<'_>, is_second: bool) -> Option<Self> {
        let (expiry, service_code) = (track.expiry, track.service_code);
        let discretionary = Bytes::new(track.discretionary)?;
        Some(Self { is_second, expiry, service_code, discretionary })
    }

    /// The three digits of the card verification value and what comes after them.
    pub(crate) fn card_value(&self) -> Option<(&[u8; 3], &[u8])> {
        track::card_value(self.discretionary.as_slice())
    }
}

/// Reads DE 2, DE 14, DE 35 and DE 45. Where several elements have the number, they must agree;
/// DE 14 wins over the track's expiry, since the core compares it with the card's.
pub(crate) fn read(message: &Message<'_>) -> Result<Option<CardRead>, Fault> {
    let told = expiry(message)?;
    let keyed = keyed(message)?;
    let track = match second(message)? {
        Some(track) => Some(track),
        None => first(message),
    };
    let (pan, track) = match (keyed, track) {
        (Some(keyed), Some((tracked, track))) if keyed != tracked => {
            return Err(Fault::contradicts(if track.is_second { 35 } else { 45 }));
        }
        (_, Some((pan, track))) => (pan, Some(track)),
        (Some(pan), None) => (pan, None),
        (None, None) => return Ok(None),
    };
    let on_track = track.as_ref().and_then(|track| track.expiry);
    Ok(Some(CardRead { pan, expiry: told.or(on_track), track }))
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

fn second(message: &Message<'_>) -> Result<Option<(Pan, TrackData)>, Fault> {
    let mut scratch = Zeroizing::new([0; 64]);
    let Some(text) = message.text(35, &mut *scratch) else { return Ok(None) };
    let text = text.map_err(|_| Fault::malformed(35))?;
    let read = Track::second(text).and_then(|track| {
        let data = TrackData::new(&track, true)?;
        Some((track.pan, data))
    });
    read.map(Some).ok_or(Fault::malformed(35))
}

/// Track 1, where it is one: some hosts put other things into DE 45.
fn first(message: &Message<'_>) -> Option<(Pan, TrackData)> {
    let mut scratch = Zeroizing::new([0; 96]);
    let text = message.text(45, &mut *scratch)?.ok()?;
    let track = Track::first(text)?;
    let data = TrackData::new(&track, false)?;
    Some((track.pan, data))
}
