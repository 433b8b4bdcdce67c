//! Other card numbers in place of those in a message, in every element that may hold one; and
//! nothing of tracks, PINs, and verification values.
//!
//! The same number becomes the same other one everywhere on a tape, so that a reversal still fits
//! its original. Which one, nobody can work out without the key, which is made anew for each tape
//! and not kept.

use crate::SimError;
use crate::intent::Fields;
use crate::private;
use hmac::{Hmac, KeyInit, Mac};
use iso8583::FieldValue;
use payment_types::Pan;
use sha2::Sha256;

/// The first six digits of every number written: the project's test range.
const TEST_RANGE: &[u8; 6] = b"941700";
/// Tags of chip data that hold a card number or a track: 5A, 57, 56, 9F6B, 9F1F, 9F20, 5F20.
const CHIP_TAGS: [&[u8]; 7] =
    [&[0x5A], &[0x57], &[0x56], &[0x9F, 0x6B], &[0x9F, 0x1F], &[0x9F, 0x20], &[0x5F, 0x20]];

/// Replaces card numbers, or leaves them.
#[derive(Clone)]
pub struct Remap(Option<[u8; 32]>);

impl Remap {
    /// With a key of its own.
    ///
    /// # Errors
    /// [`SimError::Setting`] if the system has no randomness.
    pub fn with_own_key() -> Result<Self, SimError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| SimError::Setting(format!("no randomness: {error}")))?;
        Ok(Self(Some(key)))
    }

    /// Leaves everything as it is: for test cards.
    #[must_use]
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// Whether numbers are replaced.
    #[must_use]
    pub const fn replaces(&self) -> bool {
        self.0.is_some()
    }

    /// The number that stands for another: in the test range, as long, with a right check digit.
    #[must_use]
    pub fn number(&self, pan: &str) -> String {
        let Some(key) = &self.0 else { return pan.to_owned() };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
        mac.update(pan.as_bytes());
        let digest = mac.finalize().into_bytes();
        let digits = digest.iter().map(|byte| b'0' + byte % 10);
        let length = pan.len().max(TEST_RANGE.len() + 2);
        let mut number: Vec<u8> =
            TEST_RANGE.iter().copied().chain(digits).take(length - 1).collect();
        for check in b'0'..=b'9' {
            number.push(check);
            if Pan::from_ascii(&number).is_ok_and(|pan| pan.has_valid_check_digit()) {
                break;
            }
            number.pop();
        }
        String::from_utf8(number).unwrap_or_default()
    }

    /// Replaces and blots out what a message holds.
    pub fn message(&self, fields: &mut Fields) {
        if self.0.is_none() {
            return;
        }
        let own = fields.get(&2).map(crate::exchange::plain).unwrap_or_default();
        for (element, value) in fields.iter_mut() {
            match (element, &mut *value) {
                (2, FieldValue::Text(text)) => *text = self.number(text.trim()),
                (35, FieldValue::Text(track)) => *track = self.track2(track),
                (36 | 45, FieldValue::Text(track)) => *track = "0".repeat(track.len().min(1)),
                (52 | 64 | 128, FieldValue::Binary(bytes)) => bytes.fill(0),
                (55, FieldValue::Binary(bytes)) => chip(bytes),
                (_, FieldValue::Text(text)) => *text = self.runs(text, &own),
                (&private::ELEMENT, FieldValue::Binary(bytes)) => {
                    let text = std::str::from_utf8(bytes).map(private::blotted);
                    match text.unwrap_or_default() {
                        none if none.is_empty() => bytes.fill(0),
                        groups => *bytes = groups.into_bytes(),
                    }
                }
                // Binary private data may hold anything.
                (60..=63 | 120..=127, FieldValue::Binary(bytes)) => bytes.fill(0),
                _ => {}
            }
        }
        // Values of a card that is not there: CVV2, CAVV, PIN blocks, keys. That there were some is
        // kept, since whoever plays the tape makes them anew.
        if let Some(FieldValue::Text(text)) = fields.get_mut(&private::ELEMENT) {
            *text = private::blotted(text);
        }
        let is_blank = |value: &FieldValue| crate::exchange::plain(value).is_empty();
        fields.retain(|element, value| *element != private::ELEMENT || !is_blank(value));
    }

    /// Number and expiry; the service code stays, the discretionary data do not.
    fn track2(&self, track: &str) -> String {
        let mut parts = track.splitn(2, ['=', 'D', 'd']);
        let number = self.number(parts.next().unwrap_or_default());
        let kept: String = parts.next().unwrap_or_default().chars().take(7).collect();
        format!("{number}={kept}")
    }

    /// Card numbers in other texts: the message's own, and runs of 13 to 19 digits with a right
    /// check digit.
    fn runs(&self, text: &str, own: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut run = String::new();
        for character in text.chars().chain(['\0']) {
            if character.is_ascii_digit() {
                run.push(character);
                continue;
            }
            let is_pan = (13..=19).contains(&run.len())
                && Pan::from_ascii(run.as_bytes()).is_ok_and(|pan| pan.has_valid_check_digit());
            let is_pan = is_pan || (run == own && !run.is_empty());
            out.push_str(&if is_pan { self.number(&run) } else { run.clone() });
            run.clear();
            if character != '\0' {
                out.push(character);
            }
        }
        out
    }
}

/// Blots out the tags that hold a card number; lengths stay, so that the data still parse.
fn chip(bytes: &mut [u8]) {
    let places: Vec<(usize, usize)> = {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Some((tag, begin, length)) = tlv(rest) else { break };
            if CHIP_TAGS.contains(&tag) {
                found.push((at + begin, length));
            }
            at += begin + length;
        }
        // What does not parse is not known to be harmless.
        if at != bytes.len() {
            found.push((0, bytes.len()));
        }
        found
    };
    for (begin, length) in places {
        if let Some(value) = bytes.get_mut(begin..begin + length) {
            value.fill(0);
        }
    }
}

/// Tag, where the value begins, and its length.
fn tlv(bytes: &[u8]) -> Option<(&[u8], usize, usize)> {
    let mut tag = 1;
    if bytes.first()? & 0x1F == 0x1F {
        while bytes.get(tag)? & 0x80 != 0 {
            tag += 1;
        }
        tag += 1;
    }
    let first = *bytes.get(tag)?;
    let (width, length) = match first {
        0..=0x7F => (1, usize::from(first)),
        0x81 => (2, usize::from(*bytes.get(tag + 1)?)),
        0x82 => {
            let [a, b] = *bytes.get(tag + 1..)?.first_chunk()?;
            (3, usize::from(u16::from_be_bytes([a, b])))
        }
        _ => return None,
    };
    let begin = tag + width;
    (begin + length <= bytes.len()).then(|| (bytes.get(..tag).unwrap_or_default(), begin, length))
}
