//! One value on the wire, found by its layout: checked a byte at a time ([`Value::check`], the
//! reference for the faster path in `parse`), and read as a number, text or bytes.

use crate::charset::Charset;
use crate::digits::{
    characters_to_number, hex_character, hex_digit, packed_to_number, splat, spread, tail_number,
};
use crate::error::{ParseCause, ValueCause};
use crate::format::{Content, Layout, LengthCoding, Pad, Side, Unit};

/// The value as bytes on the wire, without its length prefix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    layout: &'a Layout,
    bytes: &'a [u8],
    /// Digits, characters or bytes; for packed digits counted in bytes, two a byte.
    units: usize,
}

/// The number in a length prefix; `None` if it is not one.
#[inline]
pub(crate) fn prefix_number(coding: LengthCoding, prefix: &[u8]) -> Option<usize> {
    match (coding, prefix) {
        (LengthCoding::Bcd, [a]) => pair(*a),
        (LengthCoding::Bcd, [a, b]) => Some(pair(*a)? * 100 + pair(*b)?),
        (LengthCoding::Ascii, [a, b]) => Some(digit(*a)? * 10 + digit(*b)?),
        (LengthCoding::Ascii, [a, b, c]) => Some(digit(*a)? * 100 + digit(*b)? * 10 + digit(*c)?),
        _ => prefix.iter().try_fold(0_usize, |sum, byte| {
            Some(match coding {
                LengthCoding::Ascii => sum * 10 + digit(*byte)?,
                LengthCoding::Ebcdic => sum * 10 + digit(byte.wrapping_sub(0xC0))?,
                LengthCoding::Bcd => sum * 100 + pair(*byte)?,
                LengthCoding::Binary => sum * 256 + usize::from(*byte),
            })
        }),
    }
}

/// One ASCII digit.
const fn digit(ascii: u8) -> Option<usize> {
    let digit = ascii.wrapping_sub(b'0');
    if digit < 10 { Some(digit as usize) } else { None }
}

/// Two packed digits.
const fn pair(byte: u8) -> Option<usize> {
    let (high, low) = (byte >> 4, byte & 0x0F);
    if high < 10 && low < 10 { Some((byte - 6 * high) as usize) } else { None }
}

impl<'a> Value<'a> {
    /// Finds the value whose length prefix, or first byte, is at `at`. The second result is where the
    /// next element starts.
    pub(crate) fn take(
        layout: &'a Layout,
        body: &'a [u8],
        at: usize,
    ) -> Result<(Self, usize), ParseCause> {
        let width = usize::from(layout.prefix_width);
        let start = at.saturating_add(width);
        let (wire, units) = if layout.is_fixed() {
            (usize::from(layout.wire), usize::from(layout.max))
        } else {
            let prefix = body.get(at..start).ok_or(ParseCause::Truncated)?;
            let count = prefix_number(layout.prefix, prefix).ok_or(ParseCause::BadLength)?;
            if count > usize::from(layout.max) {
                return Err(ParseCause::TooLong);
            }
            if count < usize::from(layout.min) {
                return Err(ParseCause::TooShort);
            }
            layout.shape.sizes(count).ok_or(ParseCause::BadLength)?
        };
        let end = start.saturating_add(wire);
        let bytes = body.get(start..end).ok_or(ParseCause::Truncated)?;
        Ok((Self { layout, bytes, units }, end))
    }

    /// The value of an element that a pass over the message has found at `at`.
    #[inline]
    pub(crate) fn found(layout: &'a Layout, body: &'a [u8], at: usize) -> Option<Self> {
        let rest = body.get(at..)?;
        if layout.is_fixed() {
            let bytes = rest.get(..usize::from(layout.wire))?;
            return Some(Self { layout, bytes, units: usize::from(layout.max) });
        }
        let (prefix, rest) = rest.split_at_checked(usize::from(layout.prefix_width))?;
        let (wire, units) = layout.shape.sizes(prefix_number(layout.prefix, prefix)?)?;
        Some(Self { layout, bytes: rest.get(..wire)?, units })
    }

    /// A value whose length something else says: all of `bytes`, of a layout that counts bytes.
    pub(crate) fn whole(layout: &'a Layout, bytes: &'a [u8]) -> Result<Self, ParseCause> {
        let count = match layout.unit {
            Unit::Byte => bytes.len(),
            Unit::HalfByte => bytes.len().saturating_mul(2),
            Unit::TwoBytes => bytes.len() / 2,
        };
        if count > usize::from(layout.max) {
            return Err(ParseCause::TooLong);
        }
        if count < usize::from(layout.min) {
            return Err(ParseCause::TooShort);
        }
        let (_, units) = layout.shape.sizes(count).ok_or(ParseCause::BadLength)?;
        Ok(Self { layout, bytes, units })
    }

    /// The bytes on the wire.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the bytes are what the format allows.
    pub(crate) fn check(&self) -> Result<(), ParseCause> {
        match self.layout.content {
            Content::Absent => Err(ParseCause::UnknownElement),
            Content::Raw => Ok(()),
            Content::Packed => {
                self.check_filler()?;
                all(self.nibbles(), |nibble| nibble < 10, ParseCause::BadDigit)
            }
            Content::PackedTrack2 => {
                self.check_filler()?;
                all(self.nibbles(), |nibble| nibble < 10 || nibble == 13, ParseCause::BadDigit)
            }
            Content::SignedPacked(charset) => {
                check_sign(self.bytes, charset)?;
                let digits = self.bytes.get(1..).unwrap_or_default();
                let odd = self.units.is_multiple_of(2);
                if odd && digits.first().is_some_and(|byte| byte >> 4 != 0) {
                    return Err(ParseCause::BadPadding);
                }
                all(split(digits), |nibble| nibble < 10, ParseCause::BadDigit)
            }
            Content::SignedCharacters(charset) => {
                check_sign(self.bytes, charset)?;
                let digits = self.bytes.get(1..).unwrap_or_default();
                all_characters(digits, charset, |c| c.is_ascii_digit(), ParseCause::BadDigit)
            }
            Content::Characters(charset) => {
                let digits = self.trimmed();
                all_characters(digits, charset, |c| c.is_ascii_digit(), ParseCause::BadDigit)
            }
            Content::Track2(charset) => {
                let allowed = |c: u8| c.is_ascii_digit() || matches!(c, b'=' | b'D');
                all_characters(self.bytes, charset, allowed, ParseCause::BadDigit)
            }
            Content::Text(charset) => {
                let alphabet = self.layout.alphabet;
                let allowed = |c| alphabet.contains(c);
                all_characters(self.bytes, charset, allowed, ParseCause::BadCharacter)
            }
            Content::Hex(charset) => {
                let allowed = |c| hex_digit(c).is_some();
                all_characters(self.bytes, charset, allowed, ParseCause::BadHex)
            }
        }
    }

    /// The half byte that makes an odd number of digits whole. Where the length is in a prefix the
    /// filler says nothing, and devices of one network send 0 and F; a fixed field is held to its
    /// format.
    fn check_filler(&self) -> Result<(), ParseCause> {
        let layout = self.layout;
        if self.units.is_multiple_of(2) || layout.unit == Unit::Byte || layout.pad == Pad::F {
            return Ok(());
        }
        let filler = match layout.odd {
            Side::Left => self.bytes.first().map(|byte| byte >> 4),
            Side::Right => self.bytes.last().map(|byte| byte & 0x0F),
        };
        let known =
            filler == Some(layout.fill) || (!layout.is_fixed() && matches!(filler, Some(0 | 0x0F)));
        if known { Ok(()) } else { Err(ParseCause::BadPadding) }
    }

    /// Packed digits without filler and padding.
    fn nibbles(&self) -> impl Iterator<Item = u8> + 'a {
        let (skip, take) = self.digit_range();
        split(self.bytes).skip(skip).take(take)
    }

    /// Where the packed digits are: how many half bytes to skip, and how many are digits.
    #[inline]
    fn digit_range(&self) -> (usize, usize) {
        let layout = self.layout;
        if layout.unit == Unit::HalfByte && layout.pad != Pad::F {
            return match layout.odd {
                Side::Left => (self.units % 2, self.units),
                Side::Right => (0, self.units),
            };
        }
        let total = self.bytes.len().saturating_mul(2);
        let first = self.bytes.first().is_some_and(|byte| byte >> 4 == 0x0F);
        let last = self.bytes.last().is_some_and(|byte| byte & 0x0F == 0x0F);
        if layout.pad == Pad::F {
            let filler = |nibble: &u8| *nibble == 0x0F;
            return match layout.justify {
                Side::Left => {
                    let fill = split(self.bytes).rev().take_while(filler).count();
                    (0, total.saturating_sub(fill))
                }
                Side::Right => {
                    let fill = split(self.bytes).take_while(filler).count();
                    (fill, total.saturating_sub(fill))
                }
            };
        }
        match layout.odd {
            Side::Right => (0, total.saturating_sub(usize::from(last))),
            Side::Left => (usize::from(first), total.saturating_sub(usize::from(first))),
        }
    }

    /// Characters without the padding that is not part of the value.
    #[inline]
    fn trimmed(&self) -> &'a [u8] {
        let (layout, bytes) = (self.layout, self.bytes);
        let charset = match layout.content {
            Content::Text(charset) | Content::Characters(charset) => charset,
            _ => return bytes,
        };
        if !layout.is_fixed() || layout.pad != Pad::Space {
            return bytes;
        }
        let space = charset.encode(b' ');
        let filled = |byte: &u8| *byte != space;
        match layout.justify {
            Side::Left => {
                let end = bytes.iter().rposition(filled).map_or(0, |last| last + 1);
                bytes.get(..end).unwrap_or_default()
            }
            Side::Right => {
                let start = bytes.iter().position(filled).unwrap_or(bytes.len());
                bytes.get(start..).unwrap_or_default()
            }
        }
    }

    /// The value as a number.
    #[inline]
    pub(crate) fn number(&self) -> Result<u64, ValueCause> {
        match self.layout.content {
            Content::Packed => {
                let (skip, take) = self.digit_range();
                let nibbles = self.bytes.len() * 2;
                if nibbles <= 16 && (1..=16).contains(&take) {
                    let behind = nibbles.saturating_sub(skip + take);
                    let word = tail_number(self.bytes) >> (4 * (behind & 15));
                    return Ok(packed_to_number(word & !0 >> (64 - 4 * take)));
                }
                sum(split(self.bytes).skip(skip).take(take))
            }
            Content::Characters(_) => characters(self.trimmed()),
            Content::Text(charset) => {
                let text = self.trimmed();
                let digits = |byte: &u8| charset.decode(*byte).is_ascii_digit();
                if text.is_empty() || !text.iter().all(digits) {
                    return Err(ValueCause::NotNumeric);
                }
                characters(text)
            }
            _ => Err(ValueCause::NotNumeric),
        }
    }

    /// The value as ASCII; `whole` keeps the spaces a fixed text is padded with.
    #[inline]
    pub(crate) fn text<'b>(
        &self,
        scratch: &'b mut [u8],
        whole: bool,
    ) -> Result<&'b [u8], ValueCause>
    where
        'a: 'b,
    {
        let whole = whole && matches!(self.layout.content, Content::Text(_));
        let bytes = if whole { self.bytes } else { self.trimmed() };
        match self.layout.content {
            Content::Packed | Content::PackedTrack2 => self.unpack(scratch),
            Content::SignedPacked(charset) => {
                let sign = self.bytes.first().map(|byte| charset.decode(*byte));
                let digits = self.bytes.get(1..).unwrap_or_default();
                let skip = usize::from(self.units.is_multiple_of(2));
                fill(scratch, sign.into_iter().chain(split(digits).skip(skip).map(hex_character)))
            }
            Content::Raw => fill(scratch, split(self.bytes).map(hex_character)),
            Content::Characters(Charset::Ebcdic)
            | Content::SignedCharacters(Charset::Ebcdic)
            | Content::Track2(Charset::Ebcdic)
            | Content::Text(Charset::Ebcdic)
            | Content::Hex(Charset::Ebcdic) => {
                fill(scratch, bytes.iter().map(|byte| Charset::Ebcdic.decode(*byte)))
            }
            _ => Ok(bytes),
        }
    }

    /// The value as bytes: binary data, or text that is hex.
    pub(crate) fn binary<'b>(&self, scratch: &'b mut [u8]) -> Result<&'b [u8], ValueCause>
    where
        'a: 'b,
    {
        let charset = match self.layout.content {
            Content::Raw => return Ok(self.bytes),
            Content::Hex(charset) | Content::Text(charset) => charset,
            _ => return Err(ValueCause::NotBinary),
        };
        let hex = self.trimmed();
        if hex.len() % 2 == 1 {
            return Err(ValueCause::NotBinary);
        }
        let room = scratch.get_mut(..hex.len() / 2).ok_or(ValueCause::ScratchTooSmall)?;
        for (byte, pair) in room.iter_mut().zip(hex.chunks_exact(2)) {
            let mut nibbles = pair.iter().map(|hex| hex_digit(charset.decode(*hex)));
            match (nibbles.next().flatten(), nibbles.next().flatten()) {
                (Some(high), Some(low)) => *byte = high << 4 | low,
                _ => return Err(ValueCause::NotBinary),
            }
        }
        Ok(room)
    }

    /// Packed digits as characters.
    #[inline]
    fn unpack<'b>(&self, scratch: &'b mut [u8]) -> Result<&'b [u8], ValueCause> {
        let character = |nibble| b'0' | nibble;
        let (skip, take) = self.digit_range();
        let room = scratch.get_mut(..take).ok_or(ValueCause::ScratchTooSmall)?;
        if skip > 0 {
            return fill(room, split(self.bytes).skip(skip).take(take).map(character));
        }
        let pairs = self.bytes.get(..take / 2).unwrap_or_default();
        let digits = |four: &[u8; 4]| {
            // This does for the separator too: 0x30 | 13 is `=`.
            (spread(u32::from_be_bytes(*four)) | splat(b'0')).to_be_bytes()
        };
        if let Some(last) = pairs.last_chunk() {
            let (places, _) = room.as_chunks_mut();
            for (place, four) in places.iter_mut().zip(pairs.as_chunks().0) {
                *place = digits(four);
            }
            // The last eight overlap those before them.
            let even = room.get_mut(..take & !1).and_then(|even| even.last_chunk_mut());
            if let Some(place) = even {
                *place = digits(last);
            }
        } else {
            let (places, _) = room.as_chunks_mut();
            for ([high, low], pair) in places.iter_mut().zip(pairs) {
                (*high, *low) = (character(pair >> 4), character(pair & 0x0F));
            }
        }
        let odd = self.bytes.get(take / 2).filter(|_| take % 2 == 1);
        if let Some((place, byte)) = room.last_mut().zip(odd) {
            *place = character(byte >> 4);
        }
        Ok(room)
    }
}

fn split(bytes: &[u8]) -> impl DoubleEndedIterator<Item = u8> + Clone + '_ {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F])
}

fn all(
    mut items: impl Iterator<Item = u8>,
    allowed: impl Fn(u8) -> bool,
    cause: ParseCause,
) -> Result<(), ParseCause> {
    if items.all(allowed) { Ok(()) } else { Err(cause) }
}

fn all_characters(
    bytes: &[u8],
    charset: Charset,
    allowed: impl Fn(u8) -> bool,
    cause: ParseCause,
) -> Result<(), ParseCause> {
    all(bytes.iter().map(|byte| charset.decode(*byte)), allowed, cause)
}

fn check_sign(bytes: &[u8], charset: Charset) -> Result<(), ParseCause> {
    match bytes.first().map(|byte| charset.decode(*byte)) {
        Some(b'C' | b'D') => Ok(()),
        _ => Err(ParseCause::BadSign),
    }
}

fn fill(scratch: &mut [u8], from: impl Iterator<Item = u8>) -> Result<&[u8], ValueCause> {
    let mut length = 0;
    for byte in from {
        *scratch.get_mut(length).ok_or(ValueCause::ScratchTooSmall)? = byte;
        length += 1;
    }
    Ok(scratch.get(..length).unwrap_or_default())
}

fn sum(digits: impl Iterator<Item = u8>) -> Result<u64, ValueCause> {
    let mut sum: Option<u64> = None;
    for digit in digits {
        let shifted = sum.unwrap_or(0).checked_mul(10);
        let next = shifted.and_then(|sum| sum.checked_add(u64::from(digit)));
        sum = Some(next.ok_or(ValueCause::TooLarge)?);
    }
    sum.ok_or(ValueCause::NotNumeric)
}

/// Characters, in either set, whose low halves are digits.
fn characters(bytes: &[u8]) -> Result<u64, ValueCause> {
    match bytes.len() {
        1..=8 => Ok(characters_to_number(tail_number(bytes))),
        9..=16 => {
            let (head, tail) = bytes.split_at(bytes.len() - 8);
            let head = characters_to_number(tail_number(head));
            Ok(head * 100_000_000 + characters_to_number(tail_number(tail)))
        }
        _ => sum(bytes.iter().map(|byte| byte & 0x0F)),
    }
}
