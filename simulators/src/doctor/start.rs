//! How a message begins: the codings of its type indicator and bitmap.

use std::collections::BTreeMap;

/// How four digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DigitCoding {
    /// ASCII characters.
    Ascii,
    /// Packed.
    Bcd,
    /// EBCDIC characters.
    Ebcdic,
}

/// How a bitmap is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BitmapCoding {
    /// Eight bytes.
    Binary,
    /// Sixteen ASCII hex digits.
    Hex,
    /// Sixteen EBCDIC hex digits.
    EbcdicHex,
}

/// The beginning of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start {
    /// Coding of the message type indicator.
    pub mti: DigitCoding,
    /// Coding of the bitmap.
    pub bitmap: BitmapCoding,
    /// The first digit of the type: the edition it claims.
    pub version: u8,
}

impl DigitCoding {
    /// As a dialect file says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ascii => "ascii",
            Self::Bcd => "bcd",
            Self::Ebcdic => "ebcdic",
        }
    }
}

impl BitmapCoding {
    /// As a dialect file says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Hex => "hex",
            Self::EbcdicHex => "ebcdic-hex",
        }
    }
}

impl Start {
    /// How unlikely it is that bytes look like this by chance.
    pub(super) const fn likeliness(self) -> u8 {
        let mti = if matches!(self.mti, DigitCoding::Bcd) { 0 } else { 1 };
        let bitmap = if matches!(self.bitmap, BitmapCoding::Binary) { 0 } else { 1 };
        mti + bitmap
    }
}

/// What the bytes may be the beginning of; the likeliest first.
pub(super) fn of(body: &[u8]) -> Option<Start> {
    use BitmapCoding::{Binary, EbcdicHex, Hex};
    let codings = [
        (DigitCoding::Ascii, &[Hex, Binary][..]),
        (DigitCoding::Ebcdic, &[EbcdicHex, Binary, Hex]),
        (DigitCoding::Bcd, &[Binary, Hex]),
    ];
    for (mti, bitmaps) in codings {
        let Some((digits, rest)) = type_indicator(mti, body) else { continue };
        for bitmap in bitmaps {
            if bits(*bitmap, rest).is_some_and(is_likely) {
                return Some(Start { mti, bitmap: *bitmap, version: digits[0] });
            }
        }
    }
    None
}

/// Whether a message may begin like this in the codings of others: less strict than [`of`], for what
/// stands where a message is expected.
pub(super) fn may_be(body: &[u8], like: Start) -> bool {
    type_indicator(like.mti, body).is_some_and(|(_, rest)| bits(like.bitmap, rest).is_some())
}

/// The beginning that most of the messages have.
pub(super) fn of_most(bodies: &[&[u8]]) -> Option<Start> {
    let mut counts = BTreeMap::new();
    for start in bodies.iter().filter_map(|body| of(body)) {
        *counts.entry(start).or_insert(0_usize) += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(start, _)| start)
}

/// Four digits that can be a message type: an edition up to 2003 (or 9, private use), a class that
/// is not reserved, a function and an origin that exist.
fn type_indicator(coding: DigitCoding, body: &[u8]) -> Option<([u8; 4], &[u8])> {
    let characters = |zero: u8| {
        let (four, rest) = body.split_first_chunk::<4>()?;
        Some((four.map(|byte| byte.wrapping_sub(zero)), rest))
    };
    let (digits, rest) = match coding {
        DigitCoding::Ascii => characters(b'0')?,
        DigitCoding::Ebcdic => characters(0xF0)?,
        DigitCoding::Bcd => {
            let ([a, b], rest) = body.split_first_chunk::<2>()?;
            ([a >> 4, a & 15, b >> 4, b & 15], rest)
        }
    };
    let [version, class, function, origin] = digits;
    let is_type =
        matches!(version, 0..=2 | 9) && matches!(class, 1..=6 | 8) && function <= 4 && origin <= 5;
    is_type.then_some((digits, rest))
}

fn bits(coding: BitmapCoding, bytes: &[u8]) -> Option<u64> {
    match coding {
        BitmapCoding::Binary => Some(u64::from_be_bytes(*bytes.first_chunk()?)),
        BitmapCoding::Hex => {
            let digits = core::str::from_utf8(bytes.get(..16)?).ok()?;
            let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            u64::from_str_radix(digits, 16).ok().filter(|_| all)
        }
        BitmapCoding::EbcdicHex => bytes.get(..16)?.iter().try_fold(0_u64, |bits, byte| {
            let digit = match byte {
                0xF0..=0xF9 => byte - 0xF0,
                0xC1..=0xC6 => byte - 0xC1 + 10,
                0x81..=0x86 => byte - 0x81 + 10,
                _ => return None,
            };
            Some(bits << 4 | u64::from(digit))
        }),
    }
}

/// A message has a few elements, not most of them, and says when it was sent or its trace number.
fn is_likely(bits: u64) -> bool {
    let element = |de: u32| bits >> (64 - de) & 1 == 1;
    (2..=40).contains(&bits.count_ones()) && (element(11) || element(7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coding_is_told_apart() {
        let map = [0x22, 0x38, 0, 0, 0x02, 0x80, 0x00, 0x00];
        let with = |mti: &[u8], map: &[u8]| of(&[mti, map].concat());
        let found = |mti, bitmap, version| Some(Start { mti, bitmap, version });
        let (hex, ebcdic) = (b"2238000002800000", b"\xF2\xF2\xF3\xF8\xF0\xF0\xF0\xF0\xF0\xF2\xF8");
        let ebcdic = [&ebcdic[..], &[0xF0; 5]].concat();
        assert_eq!(with(b"0200", hex), found(DigitCoding::Ascii, BitmapCoding::Hex, 0));
        assert_eq!(with(b"0200", &map), found(DigitCoding::Ascii, BitmapCoding::Binary, 0));
        assert_eq!(with(&[0x12, 0x00], &map), found(DigitCoding::Bcd, BitmapCoding::Binary, 1));
        let mti = [0xF0, 0xF4, 0xF2, 0xF0];
        assert_eq!(with(&mti, &ebcdic), found(DigitCoding::Ebcdic, BitmapCoding::EbcdicHex, 0));
        assert_eq!(with(b"0700", hex), None, "no such class");
        assert_eq!(with(b"0200", &[0xFF; 8]), None, "too many elements");
        assert_eq!(with(b"0200", &[0; 8]), None, "none at all");
        assert_eq!(of(b"02"), None);
    }
}
