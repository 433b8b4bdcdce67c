//! One value into bytes on the wire: padding, packing, transcoding and the length prefix.

use crate::charset::{Alphabet, Charset};
use crate::digits::{hex_character, hex_digit, not_digits, not_printable, sweep};
use crate::error::BuildCause;
use crate::format::{Content, Layout, LengthCoding, Pad, Side, Unit};

/// Appends the element for an ASCII value. Text for a binary element is hex.
pub(crate) fn text(layout: &Layout, value: &[u8], out: &mut Vec<u8>) -> Result<(), BuildCause> {
    match layout.content {
        Content::Absent => Err(BuildCause::UnknownElement),
        Content::Raw | Content::Hex(_) => hex_text(layout, value, out),
        Content::Packed => {
            check_digits(value)?;
            packed(layout, value, out)
        }
        Content::PackedTrack2 => {
            check(value, is_track2, BuildCause::BadDigit)?;
            packed(layout, value, out)
        }
        Content::SignedPacked(charset) => {
            let (sign, digits) = signed(layout, value)?;
            out.push(charset.encode(sign));
            let width = usize::from(layout.max).saturating_sub(1);
            let odd = width % 2;
            let zeros = width.saturating_sub(digits.len()).saturating_add(odd);
            pack(core::iter::repeat_n(0, zeros).chain(digits.iter().map(|c| c & 0x0F)), out);
            Ok(())
        }
        Content::SignedCharacters(charset) => {
            let (sign, digits) = signed(layout, value)?;
            out.push(charset.encode(sign));
            let width = usize::from(layout.max).saturating_sub(1);
            let zeros = width.saturating_sub(digits.len());
            out.extend(core::iter::repeat_n(charset.encode(b'0'), zeros));
            out.extend(digits.iter().map(|c| charset.encode(*c)));
            Ok(())
        }
        Content::Characters(charset) => {
            check_digits(value)?;
            characters(layout, charset, value, out)
        }
        Content::Track2(charset) => {
            check(value, is_track2, BuildCause::BadDigit)?;
            characters(layout, charset, value, out)
        }
        Content::Text(charset) => {
            let alphabet = layout.alphabet;
            if alphabet != Alphabet::ANS {
                check(value, |c| alphabet.contains(c), BuildCause::BadCharacter)?;
            } else if sweep(value, not_printable) != 0 {
                return Err(BuildCause::BadCharacter);
            }
            characters(layout, charset, value, out)
        }
    }
}

/// Appends the element for bytes: binary data, or hex for a text element.
pub(crate) fn binary(layout: &Layout, value: &[u8], out: &mut Vec<u8>) -> Result<(), BuildCause> {
    match layout.content {
        Content::Absent => Err(BuildCause::UnknownElement),
        Content::Raw => {
            prefix(layout, value.len(), out)?;
            out.extend_from_slice(value);
            Ok(())
        }
        Content::Hex(charset) => {
            prefix(layout, value.len(), out)?;
            out.extend(hex_characters(value, charset));
            Ok(())
        }
        Content::Text(charset) => {
            let length = value.len().saturating_mul(2);
            if layout.is_fixed() && length != usize::from(layout.wire) {
                return Err(if length > usize::from(layout.wire) {
                    BuildCause::TooLong
                } else {
                    BuildCause::TooShort
                });
            }
            prefix(layout, length, out)?;
            out.extend(hex_characters(value, charset));
            Ok(())
        }
        _ => Err(BuildCause::NotBinary),
    }
}

/// Appends the element for a number; fixed elements are padded with zeros, text ones too.
pub(crate) fn number(layout: &Layout, value: u64, out: &mut Vec<u8>) -> Result<(), BuildCause> {
    let mut digits = [b'0'; 20];
    let mut rest = value;
    let mut start = digits.len();
    for place in digits.rchunks_exact_mut(2) {
        if rest == 0 {
            break;
        }
        let pair = low((rest % 100) as usize);
        place.copy_from_slice(&[b'0' + pair / 10, b'0' + pair % 10]);
        start -= if rest < 10 { 1 } else { 2 };
        rest /= 100;
    }
    let width = usize::from(layout.max).min(digits.len());
    // Zeros in front of a fixed number are digits like any other.
    let fill = layout.is_fixed() && layout.pad == Pad::Zero && layout.justify == Side::Right;
    start = match layout.content {
        Content::Raw
        | Content::Hex(_)
        | Content::SignedPacked(_)
        | Content::SignedCharacters(_) => return Err(BuildCause::BadDigit),
        Content::Text(_) if layout.is_fixed() => start.min(digits.len() - width),
        _ if fill => start.min(digits.len() - width),
        _ => start.min(digits.len() - 1),
    };
    text(layout, digits.get(start..).unwrap_or_default(), out)
}

fn check_digits(value: &[u8]) -> Result<(), BuildCause> {
    match sweep(value, |word| not_digits(word, b'0')) {
        0 => Ok(()),
        _ => Err(BuildCause::BadDigit),
    }
}

fn is_track2(c: u8) -> bool {
    c.is_ascii_digit() || matches!(c, b'=' | b'D' | b'd')
}

fn check(value: &[u8], allowed: impl Fn(u8) -> bool, cause: BuildCause) -> Result<(), BuildCause> {
    if value.iter().all(|c| allowed(*c)) { Ok(()) } else { Err(cause) }
}

/// `C` or `D` and the digits, checked.
fn signed<'v>(layout: &Layout, value: &'v [u8]) -> Result<(u8, &'v [u8]), BuildCause> {
    let (sign, digits) = value.split_first().ok_or(BuildCause::TooShort)?;
    if !matches!(sign, b'C' | b'D') {
        return Err(BuildCause::BadSign);
    }
    check(digits, |c| c.is_ascii_digit(), BuildCause::BadDigit)?;
    if value.len() > usize::from(layout.max) {
        return Err(BuildCause::TooLong);
    }
    Ok((*sign, digits))
}

/// Writes the length prefix for a value of `length` digits, characters or bytes; for a fixed element
/// only checks it.
fn prefix(layout: &Layout, length: usize, out: &mut Vec<u8>) -> Result<(), BuildCause> {
    let count = match (layout.content, layout.unit) {
        (Content::Packed | Content::PackedTrack2, Unit::Byte) => length.div_ceil(2),
        (Content::Packed | Content::PackedTrack2, _) | (_, Unit::TwoBytes) => length,
        (Content::Hex(_), Unit::HalfByte) => length * 4,
        (Content::Hex(_), Unit::Byte) | (_, Unit::HalfByte) => length * 2,
        (_, Unit::Byte) => length,
    };
    if count > usize::from(layout.max) {
        return Err(BuildCause::TooLong);
    }
    if count < usize::from(layout.min) {
        return Err(BuildCause::TooShort);
    }
    let width = layout.prefix_width;
    for place in (0..u32::from(width)).rev() {
        let byte = match layout.prefix {
            LengthCoding::Ascii => b'0' + low(count / 10_usize.pow(place) % 10),
            LengthCoding::Ebcdic => 0xF0 + low(count / 10_usize.pow(place) % 10),
            LengthCoding::Bcd => {
                let pair = low(count / 100_usize.pow(place) % 100);
                ((pair / 10) << 4) | (pair % 10)
            }
            LengthCoding::Binary => low(count / 256_usize.pow(place) % 256),
        };
        out.push(byte);
    }
    Ok(())
}

fn low(small: usize) -> u8 {
    u8::try_from(small).unwrap_or_default()
}

/// How many places of a fixed element the value leaves.
fn room(layout: &Layout, length: usize) -> Result<usize, BuildCause> {
    usize::from(layout.max).checked_sub(length).ok_or(BuildCause::TooLong)
}

fn characters(
    layout: &Layout,
    charset: Charset,
    value: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), BuildCause> {
    let prefixed = !layout.is_fixed();
    if prefixed {
        prefix(layout, value.len(), out)?;
    }
    let encoded = value.iter().map(|c| charset.encode(*c));
    if prefixed || value.len() == usize::from(layout.max) {
        match charset {
            Charset::Ascii => out.extend_from_slice(value),
            Charset::Ebcdic => out.extend(encoded),
        }
        return Ok(());
    }
    let pad = charset.encode(if layout.pad == Pad::Space { b' ' } else { b'0' });
    let padding = core::iter::repeat_n(pad, room(layout, value.len())?);
    match layout.justify {
        Side::Left => out.extend(encoded.chain(padding)),
        Side::Right => out.extend(padding.chain(encoded)),
    }
    Ok(())
}

fn packed(layout: &Layout, value: &[u8], out: &mut Vec<u8>) -> Result<(), BuildCause> {
    let whole = value.len().is_multiple_of(2)
        && (!layout.is_fixed() || value.len() == usize::from(layout.max));
    if whole && layout.content == Content::Packed {
        if !layout.is_fixed() {
            prefix(layout, value.len(), out)?;
        }
        let (pairs, _) = value.as_chunks();
        out.extend(pairs.iter().map(|[a, b]| (a << 4) | (b & 0x0F)));
        return Ok(());
    }
    // `=` is 0x3D and `D` 0x44: both are the separator 0xD.
    let digits = value.iter().map(|c| if c.is_ascii_alphabetic() { 0x0D } else { c & 0x0F });
    if !layout.is_fixed() {
        prefix(layout, value.len(), out)?;
        let filler = core::iter::repeat_n(layout.fill, value.len() % 2);
        match layout.odd {
            Side::Left => pack(filler.chain(digits), out),
            Side::Right => pack(digits.chain(filler), out),
        }
        return Ok(());
    }
    let filler = core::iter::repeat_n(layout.fill, usize::from(layout.max % 2));
    let pad = if layout.pad == Pad::F { 0x0F } else { 0 };
    let padding = core::iter::repeat_n(pad, room(layout, value.len())?);
    match (layout.justify, layout.odd) {
        (Side::Left, Side::Left) => pack(filler.chain(digits).chain(padding), out),
        (Side::Left, Side::Right) => pack(digits.chain(padding).chain(filler), out),
        (Side::Right, Side::Left) => pack(filler.chain(padding).chain(digits), out),
        (Side::Right, Side::Right) => pack(padding.chain(digits).chain(filler), out),
    }
    Ok(())
}

/// Two half bytes a byte; callers give an even number.
fn pack(mut nibbles: impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    while let Some(high) = nibbles.next() {
        out.push(high << 4 | nibbles.next().unwrap_or_default());
    }
}

fn hex_characters(value: &[u8], charset: Charset) -> impl Iterator<Item = u8> {
    value
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0F])
        .map(move |nibble| charset.encode(hex_character(nibble)))
}

fn hex_text(layout: &Layout, value: &[u8], out: &mut Vec<u8>) -> Result<(), BuildCause> {
    check(value, |c| hex_digit(c).is_some(), BuildCause::BadHex)?;
    if value.len() % 2 == 1 {
        return Err(BuildCause::BadHex);
    }
    prefix(layout, value.len() / 2, out)?;
    match layout.content {
        Content::Hex(charset) => out.extend(value.iter().map(|c| charset.encode(*c))),
        _ => pack(value.iter().map(|c| hex_digit(*c).unwrap_or_default()), out),
    }
    Ok(())
}
