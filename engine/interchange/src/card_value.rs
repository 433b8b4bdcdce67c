//! Card verification values (SEC-1): which one a message has to carry is told by how the card was
//! read.
//!
//! | DE 22, positions 1–2 | value | where |
//! | --- | --- | --- |
//! | 02, 90 stripe; 80, 79 fallback | CVV | track 2, else track 1 |
//! | 05, 95 chip; 07 contactless chip | iCVV | track 2, else tag 57 |
//! | 91 contactless stripe | dCVV or CVC3 | track 2 |
//! | any other, or no value on the track | CVV2 | group `CV` |
//!
//! On a contactless stripe four digits of the card's counter follow the value (DE 55 may tell it
//! whole, 9F36), and after them, on cards that make CVC3, the unpredictable number (or tag 9F6A).
//! With an unpredictable number it is a CVC3, without one a dCVV.

use crate::card::TrackData;
use crate::concern::{Cause, Concerns, Subject, note};
use crate::elements::digits;
use crate::security_data::Group;
use crate::track::Track;
use crate::verify::Evidence;
use authorization::{CardValueFact, CardValueKind, Checked};
use emv::Tag;
use payment_types::{Pan, PanEntry};
use security::{CardValueInput, ExpiryOrder, LoadedKey, SecurityError, Verification};
use zeroize::Zeroizing;

/// What is known about the message's card verification value.
pub(crate) fn fact(evidence: &Evidence<'_, '_>, concerns: &mut Concerns) -> CardValueFact {
    let found = match evidence.entry_mode.pan_entry() {
        PanEntry::Stripe | PanEntry::FullStripe | PanEntry::Fallback => stripe(evidence),
        PanEntry::Chip | PanEntry::ContactlessChip => chip(evidence),
        PanEntry::ContactlessStripe => dynamic(evidence),
        _ => None,
    };
    let Some((kind, outcome)) = found.or_else(|| printed(evidence)) else {
        return CardValueFact::default();
    };
    let outcome = outcome.unwrap_or_else(|cause| {
        // A product without such a key does not check such values: nothing to be told each time.
        if cause != Cause::NoKey {
            note(concerns, Subject::CardValue, cause);
        }
        checked_of(cause)
    });
    CardValueFact { kind, outcome }
}

type Found = Option<(CardValueKind, Result<Checked, Cause>)>;

/// What becomes of something that could not be checked.
pub(crate) const fn checked_of(cause: Cause) -> Checked {
    match cause {
        Cause::Unavailable => Checked::Unavailable,
        _ => Checked::Unverifiable,
    }
}

/// What becomes of what the module said. A value that is not even written like one is wrong.
pub(crate) fn checked(outcome: Result<Verification, SecurityError>) -> Result<Checked, Cause> {
    match outcome {
        Ok(Verification::Right) => Ok(Checked::Right),
        Ok(Verification::Wrong) | Err(SecurityError::Malformed(_)) => Ok(Checked::Wrong),
        Err(error) => Err(error.into()),
    }
}

fn stripe(evidence: &Evidence<'_, '_>) -> Found {
    let track = evidence.card.track.as_ref()?;
    let (given, _) = track.card_value()?;
    let check = || {
        let input = CardValueInput::Track {
            pan: evidence.pan,
            expiry: track.expiry.ok_or(Cause::Incomplete)?,
            service_code: track.service_code.ok_or(Cause::Incomplete)?,
        };
        let keys = evidence.keys().ok_or(Cause::NoKey)?;
        verify(evidence, keys.issuer.card_value.as_ref(), &input, given)
    };
    Some((CardValueKind::Track, check()))
}

fn chip(evidence: &Evidence<'_, '_>) -> Found {
    let image: TrackData;
    let track = match &evidence.card.track {
        Some(track) if track.is_second => track,
        _ => {
            image = chip_image(evidence)?;
            &image
        }
    };
    let (given, _) = track.card_value()?;
    let check = || {
        let expiry = track.expiry.ok_or(Cause::Incomplete)?;
        let input = CardValueInput::Chip { pan: evidence.pan, expiry };
        let keys = evidence.keys().ok_or(Cause::NoKey)?;
        verify(evidence, keys.issuer.card_value.as_ref(), &input, given)
    };
    Some((CardValueKind::Chip, check()))
}

/// Tag 57: the chip's image of track 2, two digits a byte.
fn chip_image(evidence: &Evidence<'_, '_>) -> Option<TrackData> {
    let packed = evidence.chip?.find(Tag::TRACK_2_EQUIVALENT)?;
    let mut text = Zeroizing::new(Vec::with_capacity(40));
    for nibble in packed.iter().flat_map(|byte| [byte >> 4, byte & 0xF]) {
        text.push(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 });
    }
    let track = Track::second(&text).filter(|track| track.pan == *evidence.pan)?;
    TrackData::new(&track, true)
}

fn dynamic(evidence: &Evidence<'_, '_>) -> Found {
    let track = evidence.card.track.as_ref()?;
    let (given, rest) = track.card_value()?;
    Some((CardValueKind::Dynamic, check_dynamic(evidence, track, given, rest)))
}

fn check_dynamic(
    evidence: &Evidence<'_, '_>,
    track: &TrackData,
    given: &[u8],
    rest: &[u8],
) -> Result<Checked, Cause> {
    let told = evidence.chip.map(|chip| *chip.cryptogram_data()).unwrap_or_default();
    let (counter, number) = rest.split_at_checked(4).unwrap_or((rest, &[]));
    let counter = digits(counter).and_then(|counter| u16::try_from(counter).ok());
    let atc = told.atc.map(u16::from_be_bytes).or(counter).ok_or(Cause::Incomplete)?;
    let number = match told.numeric_unpredictable {
        Some(number) => Some(u32::from_be_bytes(number)),
        None => packed(number),
    };
    let keys = evidence.keys().ok_or(Cause::NoKey)?;
    let (pan, psn, derivation) = (evidence.pan, evidence.sequence(), keys.issuer.derivation);
    let key = keys.issuer.dynamic.as_ref();
    let Some(unpredictable_number) = number else {
        let expiry = track.expiry.ok_or(Cause::Incomplete)?;
        let service_code = track.service_code.ok_or(Cause::Incomplete)?;
        let input = CardValueInput::Dcvv { pan, psn, derivation, expiry, service_code, atc };
        return verify(evidence, key, &input, given);
    };
    let fixed = fixed_part(pan, track).ok_or(Cause::Incomplete)?;
    let input =
        CardValueInput::Cvc3 { pan, psn, derivation, track: &fixed, unpredictable_number, atc };
    verify(evidence, key, &input, given)
}

/// Track 2 as it was personalised, two digits a byte: zeros stand where the card puts the value,
/// its counter and the terminal's number.
fn fixed_part(pan: &Pan, track: &TrackData) -> Option<Zeroizing<Vec<u8>>> {
    let (expiry, service) = (track.expiry?.number(), track.service_code?);
    let (head, _) = track.discretionary.as_slice().split_at_checked(5)?;
    let dynamic = track.discretionary.as_slice().len() - head.len();
    let mut digits = Zeroizing::new(Vec::with_capacity(40));
    digits.extend(pan.expose_digits().iter().map(|digit| digit & 0xF));
    digits.push(0xD);
    for divisor in [1000, 100, 10, 1] {
        digits.extend(u8::try_from(expiry / divisor % 10));
    }
    digits.extend(service.iter().chain(head).map(|digit| digit & 0xF));
    digits.extend(core::iter::repeat_n(0, dynamic));
    if !digits.len().is_multiple_of(2) {
        digits.push(0xF);
    }
    let pairs = digits.chunks_exact(2);
    Some(Zeroizing::new(
        pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect(),
    ))
}

/// Digits, two a byte, as tag 9F6A has them; `None` if there are none.
fn packed(number: &[u8]) -> Option<u32> {
    digits(number).filter(|_| number.len() <= 8)?;
    Some(number.iter().fold(0, |packed, digit| packed << 4 | u32::from(digit & 0xF)))
}

fn printed(evidence: &Evidence<'_, '_>) -> Found {
    let given = evidence.data.as_ref()?.text(Group::CardValue)?;
    let check = || {
        let expiry = evidence.card.expiry.ok_or(Cause::Incomplete)?;
        let order = ExpiryOrder::default();
        let input = CardValueInput::Printed { pan: evidence.pan, expiry, order };
        let keys = evidence.keys().ok_or(Cause::NoKey)?;
        verify(evidence, keys.issuer.card_value.as_ref(), &input, given)
    };
    Some((CardValueKind::Cvv2, check()))
}

fn verify(
    evidence: &Evidence<'_, '_>,
    key: Option<&LoadedKey>,
    input: &CardValueInput<'_>,
    given: &[u8],
) -> Result<Checked, Cause> {
    checked(evidence.security().verify_card_value(key.ok_or(Cause::NoKey)?, input, given))
}
