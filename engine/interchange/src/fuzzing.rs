//! What a fuzzer calls: not part of the API. Any bytes are taken; a panic is a fault.

use crate::security_data::{Group, SecurityData, base64_20};
use crate::track::{self, Track};

/// Groups of a private element, tracks and base64: what is found lies within what was given.
///
/// # Panics
/// If something does not.
pub fn security_data(data: &[u8]) {
    if let Ok(Some(found)) = SecurityData::parse(data) {
        let groups = [Group::KeySerial, Group::PinBlock, Group::CardValue, Group::Key];
        for group in groups {
            let Some(text) = found.text(group) else { continue };
            let within = text.is_empty() || data.windows(text.len()).any(|part| part == text);
            assert!(within, "a value that was not given");
            if let Some(Ok(bytes)) = found.bytes::<16>(group) {
                assert_eq!(bytes.as_slice().len() * 2, text.len(), "two digits a byte");
            }
        }
    }
    for track in [Track::first(data), Track::second(data)].into_iter().flatten() {
        let given = data.len() >= track.discretionary.len() + track.pan.expose_digits().len();
        assert!(given, "more on the track than was given");
        if let Some((value, rest)) = track::card_value(track.discretionary) {
            assert!(value.len() + rest.len() <= track.discretionary.len());
        }
    }
    if base64_20(data).is_some() {
        assert_eq!(data.len(), 28);
    }
}
