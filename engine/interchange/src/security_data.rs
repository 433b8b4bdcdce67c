//! Security data that have no element of their own: groups of text in a private element (DE 48,
//! or the one the listener names), each two letters, three digits of length, the value.
//!
//! | group | what | value |
//! | --- | --- | --- |
//! | `KS` | key serial number (DUKPT) | hex, 10 or 12 bytes |
//! | `PB` | PIN block that does not fit DE 52 (format 4) | hex |
//! | `NP` | block of the new PIN (PIN-4) | hex |
//! | `CV` | CVV2 | digits |
//! | `EC` | electronic commerce indicator | digits |
//! | `CA` | CAVV or AAV | base64 |
//! | `KU`, `KB`, `KV` | key exchange: which key, the key, its check value | letter, block, hex |
//!
//! Groups with other letters are left alone, and so is an element that is not made of groups: it is
//! somebody else's. The buffer is wiped when it is dropped.

use crate::Fault;
use crate::elements::LONGEST;
use iso8583::{Class, Message};
use zeroize::Zeroizing;

/// The groups' letters and their places in [`SecurityData::places`].
const LETTERS: [&[u8; 2]; 9] = [b"KS", b"PB", b"NP", b"CV", b"EC", b"CA", b"KU", b"KB", b"KV"];

/// Which group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    KeySerial,
    PinBlock,
    NewPin,
    CardValue,
    Indicator,
    Authentication,
    KeyUsage,
    Key,
    KeyCheck,
}

/// What the private element holds. Its values are secrets or lead to them.
pub(crate) struct SecurityData {
    buffer: Zeroizing<[u8; LONGEST]>,
    places: [Option<(u16, u16)>; LETTERS.len()],
}

impl SecurityData {
    /// Reads the element; `None` if it is not there or is not made of groups.
    pub(crate) fn read(message: &Message<'_>, element: u8) -> Result<Option<Box<Self>>, Fault> {
        if !message.has(element) {
            return Ok(None);
        }
        let mut scratch = Zeroizing::new([0; LONGEST]);
        let is_binary =
            message.dialect().element(element).is_some_and(|e| e.class() == Class::Binary);
        let found = if is_binary {
            message.binary(element, &mut *scratch)
        } else {
            message.text(element, &mut *scratch)
        };
        let Some(Ok(text)) = found else { return Err(Fault::malformed(element)) };
        Self::parse(text).map_err(|Twice| Fault::contradicts(element))
    }

    /// Reads the groups. All of them have to be whole.
    pub(crate) fn parse(text: &[u8]) -> Result<Option<Box<Self>>, Twice> {
        let text = text.trim_ascii_end();
        let mut data =
            Box::new(Self { buffer: Zeroizing::new([0; LONGEST]), places: [None; LETTERS.len()] });
        let mut at = 0;
        while at < text.len() {
            let Some((letters, from, to)) = group(text, at) else { return Ok(None) };
            at = usize::from(to);
            let Some(index) = LETTERS.iter().position(|known| known[..] == *letters) else {
                continue;
            };
            match data.places.get_mut(index) {
                Some(place @ None) => *place = Some((from, to)),
                _ => return Err(Twice),
            }
        }
        if data.places.iter().all(Option::is_none) {
            return Ok(None);
        }
        let Some(room) = data.buffer.get_mut(..text.len()) else { return Ok(None) };
        room.copy_from_slice(text);
        Ok(Some(data))
    }

    /// The text of a group.
    pub(crate) fn text(&self, group: Group) -> Option<&[u8]> {
        let (from, to) = (*self.places.get(group as usize)?)?;
        self.buffer.get(usize::from(from)..usize::from(to))
    }

    /// The bytes of a group in hex; `Err` if it is not hex or too long for the room.
    pub(crate) fn bytes<const N: usize>(&self, group: Group) -> Option<Result<Bytes<N>, NotHex>> {
        Some(Bytes::from_hex(self.text(group)?))
    }
}

/// A group that stands twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Twice;

/// Not pairs of hex digits, or too many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotHex;

/// Letters and value of the group that begins at `at`.
fn group(text: &[u8], at: usize) -> Option<(&[u8], u16, u16)> {
    let from = at.checked_add(5)?;
    let letters = text.get(at..at.checked_add(2)?)?;
    let length = crate::elements::digits(text.get(at.checked_add(2)?..from)?)?;
    let to = from.checked_add(usize::try_from(length).ok()?)?;
    let is_group = to <= text.len() && letters.iter().all(u8::is_ascii_uppercase);
    let (from, to) = (u16::try_from(from).ok()?, u16::try_from(to).ok()?);
    is_group.then_some((letters, from, to))
}

/// Up to `N` bytes that came as hex, wiped when dropped.
pub(crate) struct Bytes<const N: usize> {
    bytes: Zeroizing<[u8; N]>,
    length: usize,
}

impl<const N: usize> Bytes<N> {
    /// From bytes as they are.
    pub(crate) fn new(from: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; N]);
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(Self { bytes, length: from.len() })
    }

    fn from_hex(text: &[u8]) -> Result<Self, NotHex> {
        let length = text.len() / 2;
        if !text.len().is_multiple_of(2) || length > N {
            return Err(NotHex);
        }
        let mut bytes = Zeroizing::new([0; N]);
        for (to, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let [high, low] = pair else { return Err(NotHex) };
            *to = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self { bytes, length })
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

fn nibble(digit: u8) -> Result<u8, NotHex> {
    let value = char::from(digit).to_digit(16).ok_or(NotHex)?;
    u8::try_from(value).map_err(|_| NotHex)
}

/// The 20 bytes that 28 letters of base64 stand for (RFC 4648 4, with its padding).
pub(crate) fn base64_20(text: &[u8]) -> Option<[u8; 20]> {
    let (value, padding) = text.split_at_checked(27)?;
    if padding != b"=" {
        return None;
    }
    let mut bytes = [0; 20];
    for (group, letters) in bytes.chunks_mut(3).zip(value.chunks(4)) {
        let mut bits: u32 = 0;
        for place in 0..4 {
            bits = bits << 6 | letters.get(place).map_or(Some(0), |letter| sextet(*letter))?;
        }
        let [_, three @ ..] = bits.to_be_bytes();
        let (written, unwritten) = three.split_at(group.len());
        // The bits that stand for no byte are zero.
        if unwritten.iter().any(|byte| *byte != 0) {
            return None;
        }
        group.copy_from_slice(written);
    }
    Some(bytes)
}

fn sextet(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Option<Vec<(Group, String)>> {
        let data = SecurityData::parse(text.as_bytes()).unwrap()?;
        let all = [
            Group::KeySerial,
            Group::PinBlock,
            Group::NewPin,
            Group::CardValue,
            Group::Indicator,
            Group::Authentication,
            Group::KeyUsage,
            Group::Key,
            Group::KeyCheck,
        ];
        let found = all.into_iter().filter_map(|group| {
            Some((group, String::from_utf8(data.text(group)?.to_vec()).unwrap()))
        });
        Some(found.collect())
    }

    #[test]
    fn groups_are_found_in_any_order_among_others() {
        let found = texts("CV003123XX0040000KS020FFFF9876543210E00008EC00205KV000").unwrap();
        let expected = [
            (Group::KeySerial, "FFFF9876543210E00008"),
            (Group::CardValue, "123"),
            (Group::Indicator, "05"),
            (Group::KeyCheck, ""),
        ];
        assert_eq!(found, expected.map(|(group, text)| (group, text.to_owned())));
    }

    #[test]
    fn what_is_not_made_of_groups_is_somebody_elses() {
        for text in
            ["", "   ", "HELLO", "CV003", "CV00312", "CV00A123", "cv003123", "CV0031234", "XX001A"]
        {
            assert_eq!(texts(text), None, "{text}");
        }
        assert_eq!(texts("CV003123  ").map(|found| found.len()), Some(1), "padding");
    }

    #[test]
    fn a_group_that_stands_twice_is_refused() {
        assert_eq!(SecurityData::parse(b"CV003123CV003124").err(), Some(Twice));
        assert!(SecurityData::parse(b"XX001AXX001B").unwrap().is_none());
    }

    #[test]
    fn hex_is_whole_pairs_that_fit() {
        let read = |text: &str| {
            let data = SecurityData::parse(text.as_bytes()).unwrap().unwrap();
            let bytes = data.bytes::<4>(Group::PinBlock).unwrap();
            bytes.map(|bytes| hex::encode(bytes.as_slice()))
        };
        assert_eq!(read("PB00800ffAB12"), Ok("00ffab12".to_owned()));
        assert_eq!(read("PB000"), Ok(String::new()));
        for bad in ["PB003001", "PB01000112233AA", "PB0020G", "PB002+1"] {
            assert_eq!(read(bad), Err(NotHex), "{bad}");
        }
    }

    #[test]
    fn reads_20_bytes_of_base64() {
        let read = |text: &str| base64_20(text.as_bytes()).map(hex::encode);
        let aav = "8c7ca7fbb6058b5114014334ea1b729be59fbb20";
        assert_eq!(read("jHyn+7YFi1EUAUM06htym+WfuyA="), Some(aav.to_owned()));
        for bad in [
            "",
            "jHyn+7YFi1EUAUM06htym+WfuyA",
            "jHyn+7YFi1EUAUM06htym+WfuyAA",
            "jHyn+7YFi1EUAUM06htym+Wfuy==",
            "jHyn+7YFi1EUAUM06htym+WfuyB=",
            "jHyn 7YFi1EUAUM06htym+WfuyA=",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
