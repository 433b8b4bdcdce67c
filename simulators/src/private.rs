//! The private data of a message: what a terminal adds in DE 48 (or DE 62) that ISO 8583 has no
//! element of its own for.
//!
//! Groups of text, one after the other: two letters, the length in three digits, the value.

use crate::intent::Fields;
use iso8583::FieldValue;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The element the demo's listeners read it from.
pub const ELEMENT: u8 = 48;

/// What a group says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The key serial number of a DUKPT device, in hex.
    KeySerial,
    /// A PIN block that does not fit DE 52, in hex.
    PinBlock,
    /// The block of the new PIN, in hex.
    NewPin,
    /// The three digits on the back of the card.
    Cvv2,
    /// The electronic commerce indicator.
    CommerceIndicator,
    /// CAVV or AAV, in base64.
    Authentication,
    /// A working key under the master key: a key block, or a cryptogram in hex.
    KeyBlock,
    /// The check value of that key, in hex.
    CheckValue,
    /// What that key is for: `P` PINs, `M` MACs.
    KeyUse,
}

impl Group {
    const ALL: [Self; 9] = [
        Self::KeySerial,
        Self::PinBlock,
        Self::NewPin,
        Self::Cvv2,
        Self::CommerceIndicator,
        Self::Authentication,
        Self::KeyBlock,
        Self::CheckValue,
        Self::KeyUse,
    ];

    /// Its two letters.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::KeySerial => "KS",
            Self::PinBlock => "PB",
            Self::NewPin => "NP",
            Self::Cvv2 => "CV",
            Self::CommerceIndicator => "EC",
            Self::Authentication => "CA",
            Self::KeyBlock => "KB",
            Self::CheckValue => "KV",
            Self::KeyUse => "KU",
        }
    }
}

/// The groups of a message, each at most once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PrivateData(BTreeMap<Group, String>);

impl PrivateData {
    /// Sets a group.
    pub fn set(&mut self, group: Group, value: impl Into<String>) {
        self.0.insert(group, value.into());
    }

    /// The value of a group.
    #[must_use]
    pub fn get(&self, group: Group) -> Option<&str> {
        self.0.get(&group).map(String::as_str)
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the element carries it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (group, value) in &self.0 {
            // Writing to a String cannot fail.
            write!(text, "{}{:03}{value}", group.tag(), value.len()).unwrap_or_default();
        }
        text
    }

    /// The element in an edition: since 2003 it is bytes, the same text in ASCII.
    #[must_use]
    pub fn value(&self, version: u8) -> FieldValue {
        let text = self.text();
        if version < 2 { FieldValue::Text(text) } else { FieldValue::Binary(text.into_bytes()) }
    }

    /// What the element of a message says.
    #[must_use]
    pub fn of(fields: &Fields) -> Self {
        match fields.get(&ELEMENT) {
            Some(FieldValue::Text(text)) => Self::read(text.trim()),
            Some(FieldValue::Binary(bytes)) => {
                std::str::from_utf8(bytes).map(Self::read).unwrap_or_default()
            }
            None => Self::default(),
        }
    }

    /// Reads an element; groups nobody knows are passed over, and what is no group ends it.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (mut groups, mut rest) = (BTreeMap::new(), text);
        while let Some((tag, value, after)) = first_group(rest) {
            if let Some(group) = Group::ALL.into_iter().find(|group| group.tag() == tag) {
                groups.insert(group, value.to_owned());
            }
            rest = after;
        }
        Self(groups)
    }
}

fn first_group(text: &str) -> Option<(&str, &str, &str)> {
    let length: usize = text.get(2..5)?.parse().ok()?;
    let end = length.checked_add(5)?;
    Some((text.get(..2)?, text.get(5..end)?, text.get(end..)?))
}

/// The element without what it says: which groups there are, so that they can be made anew, with
/// zeros in place of all that belongs to a card or a device. What is not all groups is not kept.
#[must_use]
pub fn blotted(text: &str) -> String {
    let (mut groups, mut rest) = (PrivateData::default(), text);
    while !rest.is_empty() {
        let Some((tag, value, after)) = first_group(rest) else { return String::new() };
        let known = Group::ALL.into_iter().find(|group| group.tag() == tag);
        let Some(group) = known else { return String::new() };
        let says_nothing_of_a_card = matches!(group, Group::CommerceIndicator | Group::KeyUse);
        groups.set(
            group,
            match says_nothing_of_a_card {
                true => value.to_owned(),
                false => "0".repeat(value.len()),
            },
        );
        rest = after;
    }
    groups.text()
}

/// The element as people may see it: which groups there are, with only the harmless ones in clear.
#[must_use]
pub fn masked(text: &str) -> Option<String> {
    let (mut shown, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (tag, value, after) = first_group(rest)?;
        let known = Group::ALL.into_iter().find(|group| group.tag() == tag)?;
        shown.push(match known {
            Group::KeySerial | Group::CommerceIndicator | Group::CheckValue | Group::KeyUse => {
                format!("{tag}={value}")
            }
            _ => format!("{tag}=({} characters)", value.len()),
        });
        rest = after;
    }
    (!shown.is_empty()).then(|| shown.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_and_read_back() {
        let mut data = PrivateData::default();
        data.set(Group::KeySerial, "FFFF9876543210E00001");
        data.set(Group::Cvv2, "123");
        assert_eq!(data.text(), "KS020FFFF9876543210E00001CV003123");
        assert_eq!(PrivateData::read(&data.text()).text(), data.text());
        let other = PrivateData::read("XX003abcKU001PKV00");
        assert_eq!((other.get(Group::KeyUse), other.get(Group::CheckValue)), (Some("P"), None));
        for broken in ["", "KS", "KS0", "KSxxx", "KS010short", "ыыыы"] {
            assert!(PrivateData::read(broken).is_empty(), "{broken}");
        }
    }

    #[test]
    fn since_2003_the_element_is_bytes_and_still_nothing_of_it_is_shown() {
        let mut data = PrivateData::default();
        data.set(Group::Cvv2, "123");
        for version in 0..=2 {
            let value = data.value(version);
            assert_eq!(matches!(value, FieldValue::Binary(_)), version == 2);
            assert_eq!(crate::show::masked(ELEMENT, &value), "CV=(3 characters)");
            let fields = Fields::from([(ELEMENT, value)]);
            assert_eq!(PrivateData::of(&fields).get(Group::Cvv2), Some("123"));
        }
    }

    #[test]
    fn only_what_is_harmless_is_shown() {
        let shown = masked("KS020FFFF9876543210E00001CV003123EC00205").unwrap();
        assert_eq!(shown, "KS=FFFF9876543210E00001 CV=(3 characters) EC=05");
        assert_eq!(masked("112320C000000004000417"), None);
        let blank = blotted("KS020FFFF9876543210E00001CV003123EC00205CA00412==KU001P");
        assert_eq!(blank, "KS02000000000000000000000CV003000EC00205CA0040000KU001P");
        for other in ["", "112320C000000004000417", "CV003123 and a card 9417000000000016"] {
            assert_eq!(blotted(other), "", "{other}");
        }
    }
}
