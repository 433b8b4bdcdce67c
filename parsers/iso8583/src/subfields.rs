//! Elements that divide further: by position, by tag (BER, or tags and lengths in digits), or by an
//! inner bitmap. Splitting and joining own their memory; they are for the few elements that need it,
//! not for every message.

use crate::digits::{hex_character, hex_digit};
use crate::encode;
use crate::error::{BuildCause, ParseCause};
use crate::format::{Binary, Class, ElementFormat, LengthCoding};
use crate::message::FieldValue;
use crate::value::{Value, prefix_number};

/// How an element divides, and the formats of its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Subfields {
    pub(crate) division: Division,
    pub(crate) parts: Vec<Part>,
}

/// What tells one part from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Division {
    /// The order of the parts; missing ones at the end are allowed.
    Position,
    /// A bitmap in front, of so many bits; a part 0 stands before the bitmap.
    Bitmap {
        /// How the bitmap is carried.
        coding: Binary,
        /// How many bits it has, a multiple of eight.
        bits: u8,
    },
    /// BER tags and lengths, as in EMV.
    Ber,
    /// A tag and a length of so many digits each.
    Tlv {
        /// Digits (or letters) of the tag.
        tag: u8,
        /// Digits of the length, which counts bytes.
        length: u8,
        /// How the tag and the length are carried.
        coding: LengthCoding,
    },
}

/// One part of an element.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) format: ElementFormat,
}

/// One part of an element as found in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subfield {
    /// Its place or bit as a number, or its tag (upper-case hex for BER).
    pub id: String,
    /// Its value; bytes if the dialect says nothing about the tag.
    pub value: FieldValue,
}

/// Bytes of a stand-in length prefix: in a TLV the tag's own length takes the prefix's place.
pub(crate) const STAND_IN: u8 = 6;
const STAND_IN_BYTES: usize = 3;

impl Subfields {
    /// What tells one part from the next.
    #[must_use]
    pub fn division(&self) -> Division {
        self.division
    }

    /// The format of a part.
    #[must_use]
    pub fn part(&self, id: &str) -> Option<&ElementFormat> {
        self.parts.iter().find(|part| part.id == id).map(|part| &part.format)
    }

    /// Splits the bytes of an element.
    ///
    /// # Errors
    /// What is wrong with the first part that does not parse.
    pub fn split(&self, bytes: &[u8]) -> Result<Vec<Subfield>, ParseCause> {
        match self.division {
            Division::Position => self.split_positions(bytes),
            Division::Bitmap { coding, bits } => self.split_bitmap(bytes, coding, bits),
            Division::Ber => self.split_tags(bytes, ber),
            Division::Tlv { tag, length, coding } => {
                self.split_tags(bytes, |bytes| digits(bytes, tag, length, coding))
            }
        }
    }

    /// Joins parts to the bytes of an element: the inverse of [`Self::split`]. Parts by tag keep the
    /// order given.
    ///
    /// # Errors
    /// [`BuildCause::BadSubfields`] for a part that is not described or comes twice, and what is wrong
    /// with a value.
    pub fn join(&self, parts: &[Subfield]) -> Result<Vec<u8>, BuildCause> {
        let mut out = Vec::new();
        match self.division {
            Division::Position => {
                for (index, part) in parts.iter().enumerate() {
                    let described = self.parts.get(index).filter(|known| known.id == part.id);
                    let known = described.ok_or(BuildCause::BadSubfields)?;
                    put(&known.format, &part.value, &mut out)?;
                }
            }
            Division::Bitmap { coding, bits } => self.join_bitmap(parts, coding, bits, &mut out)?,
            Division::Ber | Division::Tlv { .. } => {
                for part in parts {
                    let value = self.tagged(part)?;
                    self.write_tag(&part.id, value.len(), &mut out)?;
                    out.extend_from_slice(&value);
                }
            }
        }
        Ok(out)
    }

    fn split_positions(&self, bytes: &[u8]) -> Result<Vec<Subfield>, ParseCause> {
        let mut found = Vec::new();
        let mut at = 0;
        for part in &self.parts {
            if at == bytes.len() {
                return Ok(found);
            }
            found.push(take(part, bytes, &mut at)?);
        }
        if at == bytes.len() { Ok(found) } else { Err(ParseCause::TrailingBytes) }
    }

    fn split_bitmap(
        &self,
        bytes: &[u8],
        coding: Binary,
        bits: u8,
    ) -> Result<Vec<Subfield>, ParseCause> {
        let (mut found, mut at) = (Vec::new(), 0);
        if let Some(part) = self.parts.iter().find(|part| part.id == "0") {
            found.push(take(part, bytes, &mut at)?);
        }
        let width = usize::from(bits / 8) * if coding == Binary::Raw { 1 } else { 2 };
        let map = bytes.get(at..at + width).ok_or(ParseCause::Truncated)?;
        at += width;
        let mut present = Vec::new();
        for (index, byte) in map.iter().enumerate() {
            let (nibble, size) = match coding {
                Binary::Raw => (*byte, 8),
                _ => (hex_digit(coding.charset().decode(*byte)).ok_or(ParseCause::BadBitmap)?, 4),
            };
            for bit in 0..size {
                if nibble >> (size - 1 - bit) & 1 == 1 {
                    present.push(index * size + bit + 1);
                }
            }
        }
        for bit in present {
            let id = bit.to_string();
            let part = self.parts.iter().find(|part| part.id == id);
            found.push(take(part.ok_or(ParseCause::UnknownElement)?, bytes, &mut at)?);
        }
        if at == bytes.len() { Ok(found) } else { Err(ParseCause::TrailingBytes) }
    }

    fn join_bitmap(
        &self,
        parts: &[Subfield],
        coding: Binary,
        bits: u8,
        out: &mut Vec<u8>,
    ) -> Result<(), BuildCause> {
        let mut map = vec![0_u8; usize::from(bits / 8)];
        let mut content = Vec::new();
        let mut last = 0;
        let front = parts.split_first().filter(|(part, _)| part.id == "0");
        if let Some((part, _)) = front {
            put(self.part("0").ok_or(BuildCause::BadSubfields)?, &part.value, out)?;
        }
        for part in front.map_or(parts, |(_, rest)| rest) {
            let bit: usize = part.id.parse().map_err(|_| BuildCause::BadSubfields)?;
            let byte = map.get_mut(bit.wrapping_sub(1) / 8);
            let (Some(byte), Some(format)) = (byte, self.part(&part.id)) else {
                return Err(BuildCause::BadSubfields);
            };
            if bit <= last {
                return Err(BuildCause::BadSubfields);
            }
            last = bit;
            *byte |= 0x80 >> ((bit - 1) % 8);
            put(format, &part.value, &mut content)?;
        }
        for byte in map {
            match coding {
                Binary::Raw => out.push(byte),
                _ => out.extend(
                    [byte >> 4, byte & 15].map(|n| coding.charset().encode(hex_character(n))),
                ),
            }
        }
        out.extend_from_slice(&content);
        Ok(())
    }

    fn split_tags<'b>(
        &self,
        mut bytes: &'b [u8],
        next: impl Fn(&'b [u8]) -> Result<(String, &'b [u8], &'b [u8]), ParseCause>,
    ) -> Result<Vec<Subfield>, ParseCause> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let (id, value, rest) = next(bytes)?;
            bytes = rest;
            let value = match self.part(&id) {
                Some(format) => {
                    let value = Value::whole(&format.layout, value)?;
                    value.check()?;
                    value.owned(format.class()).map_err(|_| ParseCause::BadCharacter)?
                }
                None => FieldValue::Binary(value.to_vec()),
            };
            found.push(Subfield { id, value });
        }
        Ok(found)
    }

    /// The value of a part that stands behind a tag.
    fn tagged(&self, part: &Subfield) -> Result<Vec<u8>, BuildCause> {
        let Some(format) = self.part(&part.id) else {
            return match &part.value {
                FieldValue::Binary(bytes) => Ok(bytes.clone()),
                FieldValue::Text(_) => Err(BuildCause::BadSubfields),
            };
        };
        let mut value = Vec::new();
        put(format, &part.value, &mut value)?;
        value.drain(..STAND_IN_BYTES.min(value.len()));
        Ok(value)
    }

    fn write_tag(&self, id: &str, length: usize, out: &mut Vec<u8>) -> Result<(), BuildCause> {
        let bad = BuildCause::BadSubfields;
        let Division::Tlv { tag, length: width, coding } = self.division else {
            return write_ber_tag(id, length, out).ok_or(bad);
        };
        if id.len() != usize::from(tag) {
            return Err(bad);
        }
        let digits = format!("{length:0width$}", width = usize::from(width));
        if digits.len() > usize::from(width) {
            return Err(BuildCause::TooLong);
        }
        for text in [id, &digits] {
            match coding {
                LengthCoding::Ebcdic => out.extend(text.bytes().map(crate::charset::to_ebcdic)),
                LengthCoding::Bcd => {
                    let nibbles = text.bytes().map(|c| c.is_ascii_digit().then_some(c & 15));
                    let nibbles: Vec<u8> = nibbles.collect::<Option<_>>().ok_or(bad)?;
                    let odd = nibbles.len() % 2;
                    let padded: Vec<u8> = core::iter::repeat_n(0, odd).chain(nibbles).collect();
                    out.extend(padded.chunks(2).map(|pair| pair.iter().fold(0, |b, n| b << 4 | n)));
                }
                LengthCoding::Ascii | LengthCoding::Binary => out.extend(text.bytes()),
            }
        }
        Ok(())
    }
}

fn put(format: &ElementFormat, value: &FieldValue, out: &mut Vec<u8>) -> Result<(), BuildCause> {
    match value {
        FieldValue::Text(text) => encode::text(&format.layout, text.as_bytes(), out),
        FieldValue::Binary(bytes) => encode::binary(&format.layout, bytes, out),
    }
}

fn take(part: &Part, bytes: &[u8], at: &mut usize) -> Result<Subfield, ParseCause> {
    let (value, end) = Value::take(&part.format.layout, bytes, *at)?;
    value.check()?;
    *at = end;
    let class: Class = part.format.class();
    let value = value.owned(class).map_err(|_| ParseCause::BadCharacter)?;
    Ok(Subfield { id: part.id.clone(), value })
}

/// One BER-TLV: tag as hex, value, rest. Lengths are definite, of at most three bytes.
fn ber(bytes: &[u8]) -> Result<(String, &[u8], &[u8]), ParseCause> {
    let first = *bytes.first().ok_or(ParseCause::Truncated)?;
    let mut tag_width = 1;
    if first & 0x1F == 0x1F {
        let more = bytes.iter().skip(1).position(|byte| byte & 0x80 == 0);
        tag_width += more.ok_or(ParseCause::Truncated)?.saturating_add(1);
    }
    let tag = bytes.get(..tag_width).unwrap_or_default();
    let rest = bytes.get(tag_width..).unwrap_or_default();
    let (&short, rest) = rest.split_first().ok_or(ParseCause::Truncated)?;
    let (length, rest) = match short {
        0..=0x7F => (usize::from(short), rest),
        0x81..=0x83 => {
            let width = usize::from(short & 0x7F);
            let long = rest.get(..width).ok_or(ParseCause::Truncated)?;
            let length = prefix_number(LengthCoding::Binary, long).unwrap_or_default();
            (length, rest.get(width..).unwrap_or_default())
        }
        _ => return Err(ParseCause::BadLength),
    };
    let value = rest.get(..length).ok_or(ParseCause::Truncated)?;
    let id = tag.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_character);
    Ok((id.map(char::from).collect(), value, rest.get(length..).unwrap_or_default()))
}

fn write_ber_tag(id: &str, length: usize, out: &mut Vec<u8>) -> Option<()> {
    let nibbles: Vec<u8> = id.bytes().map(hex_digit).collect::<Option<_>>()?;
    let tag: Vec<u8> =
        nibbles.chunks_exact(2).map(|pair| pair.iter().fold(0, |b, n| b << 4 | n)).collect();
    // The tag must read back as itself.
    let empty = [tag.as_slice(), &[0]].concat();
    if !ber(&empty).is_ok_and(|(read, _, rest)| read == id && rest.is_empty()) {
        return None;
    }
    out.extend_from_slice(&tag);
    let [.., a, b, c] = u32::try_from(length).ok()?.to_be_bytes();
    match length {
        0..=0x7F => out.push(c),
        0x80..=0xFF => out.extend([0x81, c]),
        0x100..=0xFFFF => out.extend([0x82, b, c]),
        0x1_0000..=0xFF_FFFF => out.extend([0x83, a, b, c]),
        _ => return None,
    }
    Some(())
}

/// One TLV of digits: tag, value, rest.
fn digits(
    bytes: &[u8],
    tag: u8,
    length: u8,
    coding: LengthCoding,
) -> Result<(String, &[u8], &[u8]), ParseCause> {
    let packed = coding == LengthCoding::Bcd;
    let width = |digits: u8| usize::from(if packed { digits.div_ceil(2) } else { digits });
    let (tag_width, length_width) = (width(tag), width(length));
    let head = bytes.get(..tag_width).ok_or(ParseCause::Truncated)?;
    let rest = bytes.get(tag_width..).unwrap_or_default();
    let prefix = rest.get(..length_width).ok_or(ParseCause::Truncated)?;
    let rest = rest.get(length_width..).unwrap_or_default();
    let count = prefix_number(coding, prefix).ok_or(ParseCause::BadLength)?;
    let value = rest.get(..count).ok_or(ParseCause::Truncated)?;
    let id: String = if packed {
        let skip = usize::from(tag % 2);
        let nibbles = head.iter().flat_map(|byte| [byte >> 4, byte & 15]).skip(skip);
        nibbles.map(hex_character).map(char::from).collect()
    } else {
        let charset = if coding == LengthCoding::Ebcdic {
            crate::charset::Charset::Ebcdic
        } else {
            crate::charset::Charset::Ascii
        };
        head.iter().map(|byte| char::from(charset.decode(*byte))).collect()
    };
    if !id.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return Err(ParseCause::BadCharacter);
    }
    Ok((id, value, rest.get(count..).unwrap_or_default()))
}
