//! How one element (or subfield) is laid out: what a dialect file says about it, in words
//! ([`ElementFormat`]), and the same compiled for reading and writing ([`Layout`]).

use crate::charset::{Alphabet, Charset};
use crate::notation::Notation;
use crate::subfields::Subfields;

/// What a value is made of (the attributes of ISO 8583-1 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `n`: digits.
    Numeric,
    /// `x+n`: `C` or `D`, then digits.
    Signed,
    /// `z`: digits and the separator of a magnetic stripe's track 2.
    Track2,
    /// `a`, `an`, `ans`, ...: text.
    Text(Alphabet),
    /// `b`: bytes.
    Binary,
}

/// How digits (and track 2) are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digits {
    /// One ASCII character each.
    #[default]
    Ascii,
    /// Packed, two in a byte.
    Bcd,
    /// One EBCDIC character each.
    Ebcdic,
}

/// How bytes are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binary {
    /// As they are.
    #[default]
    Raw,
    /// As ASCII hex text.
    Hex,
    /// As EBCDIC hex text.
    EbcdicHex,
}

impl Binary {
    /// The characters of hex text.
    pub(crate) fn charset(self) -> Charset {
        match self {
            Self::EbcdicHex => Charset::Ebcdic,
            Self::Raw | Self::Hex => Charset::Ascii,
        }
    }
}

/// How a length prefix is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LengthCoding {
    /// ASCII digits.
    #[default]
    Ascii,
    /// Packed digits, an odd number with a leading zero.
    Bcd,
    /// EBCDIC digits.
    Ebcdic,
    /// A big-endian number: one byte for L and LL, two for LLL and LLLL, three above.
    Binary,
}

/// What a length prefix counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Digits of the value (also the characters of hex text).
    Digits,
    /// Characters of the value.
    Characters,
    /// Bytes: of packed digits as they are on the wire, of binary data as they are decoded.
    Bytes,
    /// Half bytes on the wire.
    Nibbles,
}

/// An end of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The first digits or characters.
    #[default]
    Left,
    /// The last ones.
    Right,
}

/// What fills a fixed element that its value does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pad {
    /// Zeros, which are part of the value when it is read.
    #[default]
    Zero,
    /// Spaces, which are not.
    Space,
    /// The packed digit F, which is not.
    F,
}

/// Everything a dialect file says about one element, defaults filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) notation: Notation,
    pub(crate) digits: Digits,
    pub(crate) text: Charset,
    pub(crate) binary: Binary,
    pub(crate) length: LengthCoding,
    pub(crate) counts: Option<Counts>,
    pub(crate) justify: Side,
    pub(crate) pad: Pad,
    pub(crate) odd: Side,
    pub(crate) fill: u8,
}

/// The format of a data element, for tools that explain messages.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementFormat {
    pub(crate) element: u8,
    pub(crate) name: String,
    pub(crate) notation: String,
    pub(crate) spec: Spec,
    pub(crate) layout: Layout,
    pub(crate) subfields: Option<Subfields>,
}

impl ElementFormat {
    /// The data element, 2 to 192 (for a subfield, its place in the list).
    #[must_use]
    pub fn element(&self) -> u8 {
        self.element
    }

    /// What it is called, or an empty string.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The format as written in the dialect file, such as `n..19 LL`.
    #[must_use]
    pub fn notation(&self) -> &str {
        &self.notation
    }

    /// What the value is made of.
    #[must_use]
    pub fn class(&self) -> Class {
        self.spec.notation.class
    }

    /// The longest value in digits, characters or (for binary data) bytes.
    #[must_use]
    pub fn max_length(&self) -> u32 {
        self.spec.notation.max
    }

    /// Whether a length prefix comes first.
    #[must_use]
    pub fn is_variable(&self) -> bool {
        self.spec.notation.length_digits > 0
    }

    /// How the value divides into subfields, if the dialect says.
    #[must_use]
    pub fn subfields(&self) -> Option<&Subfields> {
        self.subfields.as_ref()
    }
}

/// What the bytes of a value are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Absent,
    Packed,
    Characters(Charset),
    SignedPacked(Charset),
    SignedCharacters(Charset),
    PackedTrack2,
    Track2(Charset),
    Text(Charset),
    Raw,
    Hex(Charset),
}

/// How a count in a length prefix becomes bytes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Byte,
    HalfByte,
    TwoBytes,
}

/// What a count in a length prefix says: bytes on the wire, and digits, characters or bytes of the
/// value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As many of both.
    Same,
    /// Two digits a byte, an odd one filled.
    Packed,
    /// Bytes of two digits each.
    PackedBytes,
    /// Two characters on the wire for each byte of the value.
    Doubled,
    /// Half as many of both.
    Halved,
    /// Half as many bytes of the value.
    HexCharacters,
    /// Half as many characters on the wire, a quarter as many bytes of the value.
    HexNibbles,
}

impl Shape {
    fn of(content: Content, unit: Unit) -> Self {
        match (content, unit) {
            (Content::Packed | Content::PackedTrack2, Unit::Byte) => Self::PackedBytes,
            (Content::Packed | Content::PackedTrack2, _) => Self::Packed,
            (Content::Hex(_), Unit::TwoBytes) => Self::Doubled,
            (Content::Hex(_), Unit::Byte) => Self::HexCharacters,
            (Content::Hex(_), Unit::HalfByte) => Self::HexNibbles,
            (_, Unit::HalfByte) => Self::Halved,
            _ => Self::Same,
        }
    }

    /// Bytes on the wire, and digits, characters or bytes of the value; `None` if half of one would
    /// be left.
    #[inline]
    pub(crate) fn sizes(self, count: usize) -> Option<(usize, usize)> {
        Some(match self {
            Self::Same => (count, count),
            Self::Packed => (count.div_ceil(2), count),
            Self::PackedBytes => (count, count * 2),
            Self::Doubled => (count * 2, count),
            Self::Halved => part(count, 2).map(|half| (half, half))?,
            Self::HexCharacters => (count, part(count, 2)?),
            Self::HexNibbles => (count / 2, part(count, 4)?),
        })
    }
}

fn part(count: usize, of: usize) -> Option<usize> {
    count.is_multiple_of(of).then_some(count / of)
}

/// A format compiled for reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) content: Content,
    pub(crate) unit: Unit,
    pub(crate) shape: Shape,
    pub(crate) prefix: LengthCoding,
    /// Bytes of the length prefix; 0 when the length is fixed.
    pub(crate) prefix_width: u8,
    /// Where the filler of an odd number of packed digits goes, and what it is.
    pub(crate) odd: Side,
    pub(crate) fill: u8,
    pub(crate) justify: Side,
    pub(crate) pad: Pad,
    pub(crate) alphabet: Alphabet,
    /// Bytes on the wire when the length is fixed.
    pub(crate) wire: u16,
    /// Smallest and largest count, in the prefix's unit.
    pub(crate) min: u16,
    pub(crate) max: u16,
}

impl Layout {
    /// No such element.
    pub(crate) const ABSENT: Self = Self {
        content: Content::Absent,
        unit: Unit::Byte,
        shape: Shape::Same,
        prefix: LengthCoding::Ascii,
        prefix_width: 0,
        odd: Side::Left,
        fill: 0,
        justify: Side::Left,
        pad: Pad::Zero,
        alphabet: Alphabet::ANS,
        wire: 0,
        min: 0,
        max: 0,
    };

    /// Compiles a format.
    ///
    /// # Errors
    /// A sentence that says what does not go together.
    pub(crate) fn compile(spec: &Spec) -> Result<Self, String> {
        let Notation { class, min, max, length_digits } = spec.notation;
        let content = content(spec);
        let fixed = length_digits == 0;
        let unit = if fixed { natural_unit(content) } else { unit(content, spec.counts)? };
        if matches!(spec.pad, Pad::F) && !(content == Content::Packed && fixed) {
            return Err("pad F is for fixed packed digits".to_owned());
        }
        if matches!(spec.pad, Pad::Space) && content == Content::Packed {
            return Err("packed digits cannot be padded with spaces".to_owned());
        }
        let (low, high) = (counted(content, unit, min), counted(content, unit, max));
        let prefix_width = prefix_width(spec.length, length_digits);
        let most = largest_count(spec.length, length_digits);
        if !fixed && high > most {
            return Err(format!("its length prefix can say at most {most}, not {high}"));
        }
        let narrow = |count: u32| u16::try_from(count).map_err(|_| too_long());
        Ok(Self {
            content,
            unit,
            shape: Shape::of(content, unit),
            prefix: spec.length,
            prefix_width,
            odd: spec.odd,
            fill: spec.fill,
            justify: spec.justify,
            pad: spec.pad,
            alphabet: alphabet(class, spec, fixed),
            wire: if fixed { narrow(wire_bytes(content, max))? } else { 0 },
            min: narrow(low)?,
            max: narrow(high)?,
        })
    }

    /// Whether the length is fixed.
    pub(crate) fn is_fixed(&self) -> bool {
        self.prefix_width == 0
    }
}

fn too_long() -> String {
    "longer than any message (65535 bytes)".to_owned()
}

fn content(spec: &Spec) -> Content {
    let charset = match spec.digits {
        Digits::Ebcdic => Some(Charset::Ebcdic),
        Digits::Ascii => Some(Charset::Ascii),
        Digits::Bcd => None,
    };
    match (spec.notation.class, charset) {
        (Class::Numeric, None) => Content::Packed,
        (Class::Numeric, Some(charset)) => Content::Characters(charset),
        (Class::Signed, None) => Content::SignedPacked(spec.text),
        (Class::Signed, Some(charset)) => Content::SignedCharacters(charset),
        (Class::Track2, None) => Content::PackedTrack2,
        (Class::Track2, Some(charset)) => Content::Track2(charset),
        (Class::Text(_), _) => Content::Text(spec.text),
        (Class::Binary, _) => match spec.binary {
            Binary::Raw => Content::Raw,
            Binary::Hex => Content::Hex(Charset::Ascii),
            Binary::EbcdicHex => Content::Hex(Charset::Ebcdic),
        },
    }
}

/// A fixed text is padded with spaces, so they belong to its alphabet.
fn alphabet(class: Class, spec: &Spec, fixed: bool) -> Alphabet {
    match class {
        Class::Text(alphabet) if fixed && spec.pad == Pad::Space => alphabet.with(Alphabet::SPACE),
        Class::Text(alphabet) => alphabet,
        _ => Alphabet::ANS,
    }
}

const fn natural_unit(content: Content) -> Unit {
    match content {
        Content::Packed | Content::PackedTrack2 => Unit::HalfByte,
        Content::Hex(_) => Unit::TwoBytes,
        _ => Unit::Byte,
    }
}

fn unit(content: Content, counts: Option<Counts>) -> Result<Unit, String> {
    let Some(counts) = counts else { return Ok(natural_unit(content)) };
    Ok(match (content, counts) {
        (Content::Packed | Content::PackedTrack2, Counts::Bytes) => Unit::Byte,
        (Content::Packed | Content::PackedTrack2, _) => Unit::HalfByte,
        (Content::Hex(_), Counts::Bytes) => Unit::TwoBytes,
        (Content::Hex(_), Counts::Digits | Counts::Characters) => Unit::Byte,
        (_, Counts::Nibbles) => Unit::HalfByte,
        (Content::Raw, Counts::Digits | Counts::Characters) => {
            return Err("bytes are counted as bytes or nibbles".to_owned());
        }
        _ => Unit::Byte,
    })
}

/// What the prefix says for a value of `length` digits, characters or bytes.
fn counted(content: Content, unit: Unit, length: u32) -> u32 {
    match (content, unit) {
        (Content::Packed | Content::PackedTrack2, Unit::Byte) => length.div_ceil(2),
        (Content::Packed | Content::PackedTrack2, _) | (_, Unit::TwoBytes) => length,
        (Content::Hex(_), Unit::HalfByte) => length.saturating_mul(4),
        (Content::Hex(_), Unit::Byte) | (_, Unit::HalfByte) => length.saturating_mul(2),
        (_, Unit::Byte) => length,
    }
}

/// Bytes on the wire of a value of `length` digits, characters or bytes.
pub(crate) fn wire_bytes(content: Content, length: u32) -> u32 {
    match content {
        Content::Packed | Content::PackedTrack2 => length.div_ceil(2),
        Content::SignedPacked(_) => length.saturating_sub(1).div_ceil(2).saturating_add(1),
        Content::Hex(_) => length.saturating_mul(2),
        _ => length,
    }
}

fn prefix_width(coding: LengthCoding, digits: u8) -> u8 {
    match coding {
        LengthCoding::Ascii | LengthCoding::Ebcdic => digits,
        LengthCoding::Bcd | LengthCoding::Binary => digits.div_ceil(2),
    }
}

fn largest_count(coding: LengthCoding, digits: u8) -> u32 {
    match coding {
        LengthCoding::Binary => 256_u32.pow(u32::from(digits.div_ceil(2))).saturating_sub(1),
        _ => 10_u32.pow(u32::from(digits)).saturating_sub(1),
    }
}
