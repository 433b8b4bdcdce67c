//! What a message proves itself with, told from what it carries: with the portfolio's test keys one
//! can see whether a PIN block, a track or a cryptogram is the right one.

use super::recorder::{Spoken, text};
use crate::card::values::{self, TrackReader};
use crate::card::{self, CommerceWish, Proof};
use crate::device::MessageKeys;
use crate::gear::Gear;
use crate::intent::is_chip;
use crate::pin::TypedPin;
use crate::portfolio::{Card, Terminal};
use crate::private::{Group, PrivateData};
use emv::{IccData, Tag};
use iso8583::FieldValue;

/// As a step says it.
#[derive(Debug, Default)]
pub(super) struct Recognised {
    pub pin: Option<String>,
    pub new_pin: Option<String>,
    pub track2: bool,
    pub cvv: Option<Proof>,
    pub cvv2: Option<Proof>,
    /// The value of `chip`.
    pub chip: Option<String>,
    /// The value of `three_d_secure`.
    pub commerce: Option<String>,
    pub mac: Option<Proof>,
}

pub(super) fn recognise(
    spoken: &Spoken<'_>,
    card: &Card,
    terminal: &Terminal,
    gear: &mut Gear,
) -> Recognised {
    let fields = spoken.fields;
    let private = PrivateData::of(fields);
    let block = fields.get(&52).map(bytes_of);
    let block = block.or_else(|| hex::decode(private.get(Group::PinBlock)?).ok());
    let new_block = private.get(Group::NewPin).and_then(|text| hex::decode(text).ok());
    // A DUKPT device says which key it took; others may have used it since.
    let serial = private.get(Group::KeySerial).and_then(|text| hex::decode(text).ok());
    let keys = gear.devices.of(terminal).keys_of(serial.as_deref()).ok();
    let code = spoken.answer.map(|answer| answer.code()).unwrap_or_default();
    let (track2, cvv) = track(spoken, card);
    let commerce = commerce(spoken, card, &private, &code);
    let has_mac = [64, 128].iter().any(|element| fields.contains_key(element));
    let must_have = gear.devices.of(terminal).mac_wish(None).is_some();
    let mac = match (must_have, has_mac, code.as_str()) {
        (true, true, "63" | "122") => Some(Proof::Wrong),
        (true, false, _) => Some(Proof::None),
        (false, true, _) => Some(Proof::Right),
        _ => None,
    };
    Recognised {
        pin: block.map(|block| typed(&block, card, keys.as_ref(), &code)),
        new_pin: new_block.map(|block| typed(&block, card, keys.as_ref(), "00")),
        track2,
        cvv,
        cvv2: private
            .get(Group::Cvv2)
            .map(|told| proof(values::cvv2(card, Proof::Right).is_ok_and(|right| right == told))),
        chip: chip(spoken, card),
        commerce,
        mac,
    }
}

const fn proof(is_right: bool) -> Proof {
    if is_right { Proof::Right } else { Proof::Wrong }
}

fn bytes_of(value: &FieldValue) -> Vec<u8> {
    match value {
        FieldValue::Binary(bytes) => bytes.clone(),
        FieldValue::Text(text) => hex::decode(text.trim()).unwrap_or_default(),
    }
}

/// Whether the track is there, and whether its verification value is right.
fn track(spoken: &Spoken<'_>, card: &Card) -> (bool, Option<Proof>) {
    let Some(told) = text(spoken.fields, 35) else { return (false, None) };
    let told = told.replace(['D', 'd'], "=");
    let number = String::from_utf8_lossy(card.pan.expose_digits()).into_owned();
    if told == format!("{number}={:04}{}", card.expiry, card.service_code) {
        return (true, None);
    }
    let mode = text(spoken.fields, 22).unwrap_or_default();
    let reader = if is_chip(&mode) { TrackReader::Chip } else { TrackReader::Stripe };
    let right = values::track2(card, reader, Proof::Right);
    (false, Some(proof(right.is_ok_and(|right| right == told))))
}

/// ECI, and whose value it is and whether it is right, by the portfolio's keys; a value of somebody
/// else's access control server is judged by the host's answer.
fn commerce(spoken: &Spoken<'_>, card: &Card, private: &PrivateData, code: &str) -> Option<String> {
    let eci = private.get(Group::CommerceIndicator)?;
    let Some(told) = private.get(Group::Authentication) else {
        return Some(format!("{{eci: \"{eci}\"}}"));
    };
    let number = text(spoken.fields, 11).and_then(|stan| stan.parse().ok()).unwrap_or_default();
    let own = [false, true].into_iter().find_map(|aav| {
        let is_it = |value: &Proof| {
            let wish = CommerceWish { eci: eci.to_owned(), value: *value, aav };
            values::authentication(card, &wish, number).is_ok_and(|made| made == told)
        };
        [Proof::Right, Proof::Wrong].into_iter().find(is_it).map(|value| (aav, value))
    });
    let by_answer = || match code {
        "05" | "1A" | "100" => (false, Proof::Wrong),
        _ => (false, Proof::Right),
    };
    let (aav, value) = own.unwrap_or_else(by_answer);
    let kind = if aav { "aav" } else { "cavv" };
    Some(format!("{{eci: \"{eci}\", {kind}: {}}}", value.name()))
}

/// The PIN in a block: the cardholder's own, else the one of four digits whose block it is. Where
/// neither can be seen, the host's answer tells whether it was the right one.
fn typed(block: &[u8], card: &Card, keys: Option<&MessageKeys>, code: &str) -> String {
    let own = card.pin.clone().unwrap_or_else(|| TypedPin::new("1234"));
    if let Some(is_it) = keys.and_then(|keys| keys.opened(block, &card.pan)) {
        let all = (0..10_000).map(|digits| TypedPin::new(&format!("{digits:04}")));
        let found = std::iter::once(own.clone()).chain(all).find(is_it);
        if let Some(found) = found {
            return found.keystrokes().to_owned();
        }
    }
    let wrong = matches!(code, "55" | "75" | "117" | "106");
    (if wrong { own.wrong() } else { own }).keystrokes().to_owned()
}

/// The chip's part: its counter, what it found, and whether its cryptogram is right.
pub(super) fn chip(spoken: &Spoken<'_>, card: &Card) -> Option<String> {
    let data = bytes_of(spoken.fields.get(&55)?);
    let parsed = IccData::parse(&data).ok()?;
    let mut keys = Vec::new();
    keys.extend(parsed.atc().map(|atc| format!("atc: {atc}")));
    let hex_of = |tag: Tag| parsed.find(tag).map(hex::encode_upper);
    keys.extend(hex_of(Tag::TVR).map(|tvr| format!("tvr: \"{tvr}\"")));
    keys.extend(hex_of(Tag::CVM_RESULTS).map(|cvm| format!("cvm: \"{cvm}\"")));
    match parsed.find(Tag::CRYPTOGRAM_INFORMATION) {
        Some([0x40]) => keys.push("says: tc".to_owned()),
        Some([0x00]) => keys.push("says: aac".to_owned()),
        _ => {}
    }
    if card::cryptogram_is_right(card, &data) == Some(false) {
        keys.push("break: cryptogram".to_owned());
    }
    Some(format!("{{{}}}", keys.join(", ")))
}
