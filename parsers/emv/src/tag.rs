//! Tags (ISO/IEC 8825-1 8.1.2, EMV Book 3 annex B1).

use core::fmt;

/// A tag of one to four bytes, held as the number its bytes spell: `9F34` is `0x9F34`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

impl Tag {
    /// Application PAN sequence number.
    pub const PAN_SEQUENCE: Self = Self(0x5F34);
    /// Issuer script template 1.
    pub const ISSUER_SCRIPT_1: Self = Self(0x71);
    /// Issuer script template 2.
    pub const ISSUER_SCRIPT_2: Self = Self(0x72);
    /// Application interchange profile.
    pub const APPLICATION_INTERCHANGE_PROFILE: Self = Self(0x82);
    /// Authorisation response code.
    pub const AUTHORISATION_RESPONSE_CODE: Self = Self(0x8A);
    /// Issuer authentication data (ARPC).
    pub const ISSUER_AUTHENTICATION_DATA: Self = Self(0x91);
    /// Terminal verification results.
    pub const TVR: Self = Self(0x95);
    /// Application cryptogram.
    pub const APPLICATION_CRYPTOGRAM: Self = Self(0x9F26);
    /// Issuer application data.
    pub const ISSUER_APPLICATION_DATA: Self = Self(0x9F10);
    /// CVM results.
    pub const CVM_RESULTS: Self = Self(0x9F34);
    /// Application transaction counter.
    pub const ATC: Self = Self(0x9F36);
    /// Cryptogram information data.
    pub const CRYPTOGRAM_INFORMATION: Self = Self(0x9F27);
    /// Unpredictable number.
    pub const UNPREDICTABLE_NUMBER: Self = Self(0x9F37);
    /// Transaction date.
    pub const TRANSACTION_DATE: Self = Self(0x9A);
    /// Transaction type.
    pub const TRANSACTION_TYPE: Self = Self(0x9C);
    /// Amount authorised, numeric.
    pub const AMOUNT_AUTHORISED: Self = Self(0x9F02);
    /// Other amount, numeric.
    pub const AMOUNT_OTHER: Self = Self(0x9F03);
    /// Transaction currency code.
    pub const TRANSACTION_CURRENCY: Self = Self(0x5F2A);
    /// Terminal country code.
    pub const TERMINAL_COUNTRY: Self = Self(0x9F1A);
    /// Dedicated file name: the application.
    pub const APPLICATION_NAME: Self = Self(0x84);
    /// Issuer script results.
    pub const ISSUER_SCRIPT_RESULTS: Self = Self(0x9F5B);
    /// Numeric unpredictable number of contactless magnetic-stripe transactions.
    pub const NUMERIC_UNPREDICTABLE: Self = Self(0x9F6A);
    /// Issuer script identifier.
    pub const ISSUER_SCRIPT_IDENTIFIER: Self = Self(0x9F18);
    /// Issuer script command.
    pub const ISSUER_SCRIPT_COMMAND: Self = Self(0x86);
    /// Track 2 equivalent data.
    pub const TRACK_2_EQUIVALENT: Self = Self(0x57);
    /// Card transaction qualifiers of contactless cards.
    pub const CARD_TRANSACTION_QUALIFIERS: Self = Self(0x9F6C);
    /// Form factor indicator, or the third-party data that holds the device type.
    pub const FORM_FACTOR: Self = Self(0x9F6E);

    /// The tag these bytes spell as a number, or `None` if they are no tag: the low five bits of
    /// the first byte being all ones announces more bytes, and the high bit of those yet more.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        let bytes = number.to_be_bytes();
        let len = Self(number).byte_len();
        let first = bytes[4 - len];
        if first == 0 || (first & 0x1F == 0x1F) != (len > 1) {
            return None;
        }
        let mut at = 5 - len;
        while at < 4 {
            let more = bytes[at] & 0x80 != 0;
            if more != (at < 3) {
                return None;
            }
            at += 1;
        }
        Some(Self(number))
    }

    /// For tags that stand in the source: anything else stops the build.
    pub(crate) const fn literal(number: u32) -> Self {
        match Self::new(number) {
            Some(tag) => tag,
            None => panic!("not a tag"),
        }
    }

    /// For the reader, which has seen that the bytes are a tag.
    pub(crate) const fn read(number: u32) -> Self {
        Self(number)
    }

    /// The number the bytes spell.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Whether the value is a template of data objects.
    #[must_use]
    pub const fn is_constructed(self) -> bool {
        self.0.to_be_bytes()[4 - self.byte_len()] & 0x20 != 0
    }

    /// How many bytes the tag has.
    #[must_use]
    pub const fn byte_len(self) -> usize {
        match self.0 {
            0..=0xFF => 1,
            0x100..=0xFFFF => 2,
            0x1_0000..=0xFF_FFFF => 3,
            _ => 4,
        }
    }

    pub(crate) fn bytes(&self, room: &mut [u8; 4]) -> usize {
        *room = self.0.to_be_bytes();
        let len = self.byte_len();
        room.rotate_left(4 - len);
        len
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$X}", self.0, width = self.byte_len() * 2)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tags_are_tags() {
        for number in [0x95, 0x06, 0x71, 0x9F34, 0x5F2A, 0xBF0C, 0xDF_8101, 0xFF_8106] {
            assert_eq!(Tag::new(number).map(Tag::number), Some(number), "{number:X}");
        }
        for number in [0, 0x9F, 0x9534, 0x9F80, 0x9F_3401, 0xDF_81, 0x9F34_9F34, 0x1F00_0000] {
            assert_eq!(Tag::new(number), None, "{number:X}");
        }
    }

    #[test]
    fn shows_itself_as_its_bytes() {
        assert_eq!(Tag::new(0x06).unwrap().to_string(), "06");
        assert_eq!(Tag::CVM_RESULTS.to_string(), "9F34");
        assert!(Tag::new(0xBF0C).unwrap().is_constructed());
        assert!(Tag::ISSUER_SCRIPT_1.is_constructed());
        assert!(!Tag::CVM_RESULTS.is_constructed() && !Tag::TVR.is_constructed());
    }
}
