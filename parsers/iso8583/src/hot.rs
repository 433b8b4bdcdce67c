//! The fast pass over a message: it knows the common layouts, checks a word at a time, and says only
//! where the message ends or that it is not sure. What it accepts the plain pass of `parse` accepts
//! too, which a property test holds.

use crate::charset::{Alphabet, Charset};
use crate::digits::{
    above_nine, characters_to_number, leading, not_digits, not_hex, not_printable, not_track2,
    number_to_packed, packed_to_number, sweep,
};
use crate::format::{Content, Layout, LengthCoding, Pad, Side, Unit};
use crate::value::Value;
use core::num::NonZeroU64;

/// What is done about an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    /// Whatever is not below: the plain way.
    Cold,
    /// Fixed, at most eight bytes of packed digits.
    PackedWord,
    /// Fixed, longer, an even number of packed digits.
    Packed,
    /// Fixed, at most eight ASCII digits.
    DigitsWord,
    /// Fixed, longer ASCII digits.
    Digits,
    /// Fixed ASCII text, everything printable.
    Printable,
    /// Fixed, bytes as they are.
    Raw,
    /// Fixed, bytes as ASCII hex.
    Hex,
    /// Prefixed packed digits, filled on the right; or on the left.
    PackedPrefixed(Side),
    /// The same for track 2.
    Track2Prefixed(Side),
    /// Prefixed ASCII digits.
    DigitsPrefixed,
    /// Prefixed ASCII text, everything printable.
    PrintablePrefixed,
    /// Prefixed bytes as they are.
    RawPrefixed,
}

/// How the prefix is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Bcd1,
    Bcd2,
    Ascii2,
    Ascii3,
}

/// A layout boiled down to what the fast pass needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// For words: the bytes that belong to the element, and bits that must be zero.
    mask: u64,
    zero: u64,
    /// For words as numbers: what is left of the eight bytes up to the element's end after `shift`.
    keep: u64,
    shift: u8,
    /// The largest number a word holds.
    limit: u64,
    wire: u16,
    min: u16,
    /// Largest count less smallest.
    span: u16,
    op: Op,
    prefix: Prefix,
}

impl Slot {
    pub(crate) fn new(layout: &Layout) -> Self {
        let fixed = layout.is_fixed();
        let wire = usize::from(layout.wire);
        let prefix = match (layout.prefix, layout.prefix_width) {
            (LengthCoding::Bcd, 1) => Some(Prefix::Bcd1),
            (LengthCoding::Bcd, 2) => Some(Prefix::Bcd2),
            (LengthCoding::Ascii, 2) => Some(Prefix::Ascii2),
            (LengthCoding::Ascii, 3) => Some(Prefix::Ascii3),
            _ => None,
        };
        let op = if fixed {
            fixed_op(layout, wire)
        } else if prefix.is_some() {
            prefixed_op(layout)
        } else {
            Op::Cold
        };
        let odd = op == Op::PackedWord && layout.max % 2 == 1;
        let zero = match layout.odd {
            _ if !odd => 0,
            Side::Left => 0xF0,
            Side::Right => 0x0F << (8 * wire.saturating_sub(1)),
        };
        let digits = usize::from(layout.max).min(16);
        let keep = match op {
            Op::PackedWord => leading(digits.div_ceil(2)) >> (4 * (digits % 2)),
            Op::DigitsWord => leading(wire),
            _ => 0,
        };
        Self {
            mask: leading(wire),
            zero,
            keep,
            shift: if odd && layout.odd == Side::Right { 4 } else { 0 },
            limit: 10_u64.pow(u32::from(layout.max).min(19)).saturating_sub(1),
            wire: layout.wire,
            min: layout.min,
            span: layout.max.saturating_sub(layout.min),
            op,
            prefix: prefix.unwrap_or(Prefix::Bcd1),
        }
    }
}

impl Slot {
    /// The number in an element at `at`, if it is one of the common kinds.
    #[inline]
    pub(crate) fn number(&self, body: &[u8], at: usize) -> Option<u64> {
        let end = at + usize::from(self.wire);
        // The message type indicator and the bitmap are in front, so there are always eight bytes.
        let eight = body.get(..end)?.last_chunk()?;
        let word = (u64::from_be_bytes(*eight) >> self.shift) & self.keep;
        match self.op {
            Op::PackedWord => Some(packed_to_number(word)),
            Op::DigitsWord => Some(characters_to_number(word)),
            _ => None,
        }
    }

    /// A number as the bytes of a fixed element of packed digits, and how many they are; `None` for
    /// other elements and for a number that is too large.
    #[inline]
    pub(crate) fn packed(&self, number: u64) -> Option<([u8; 8], usize)> {
        if self.op != Op::PackedWord || number > self.limit {
            return None;
        }
        let wire = u32::from(self.wire);
        let word = number_to_packed(number) << self.shift;
        Some((word.checked_shl(64 - 8 * wire)?.to_be_bytes(), usize::from(self.wire)))
    }

    /// Whether this is a fixed text element that `ascii` fills as it is.
    #[inline]
    pub(crate) fn is_text(&self, ascii: &[u8]) -> bool {
        self.op == Op::Printable
            && ascii.len() == usize::from(self.wire)
            && sweep(ascii, not_printable) == 0
    }

    /// The bytes of a fixed text element at `at` as they are, if it is one of the common kind.
    #[inline]
    pub(crate) fn text<'a>(&self, body: &'a [u8], at: usize) -> Option<&'a [u8]> {
        let text = body.get(at..at + usize::from(self.wire))?;
        (self.op == Op::Printable && text.last() != Some(&b' ')).then_some(text)
    }
}

fn fixed_op(layout: &Layout, wire: usize) -> Op {
    let plain = layout.pad == Pad::Zero && layout.justify == Side::Right;
    // A filler other than zero is rare, and left to the plain pass.
    let filled = layout.max.is_multiple_of(2) || layout.fill == 0;
    match layout.content {
        Content::Packed if plain && filled && wire <= 8 => Op::PackedWord,
        Content::Packed if plain && layout.max.is_multiple_of(2) => Op::Packed,
        Content::Characters(Charset::Ascii) if plain && wire <= 8 => Op::DigitsWord,
        Content::Characters(Charset::Ascii) if plain => Op::Digits,
        Content::Text(Charset::Ascii)
            if layout.alphabet == Alphabet::ANS && layout.justify == Side::Left =>
        {
            Op::Printable
        }
        Content::Raw => Op::Raw,
        Content::Hex(Charset::Ascii) => Op::Hex,
        _ => Op::Cold,
    }
}

fn prefixed_op(layout: &Layout) -> Op {
    match (layout.content, layout.unit) {
        (Content::Packed, Unit::HalfByte) => Op::PackedPrefixed(layout.odd),
        (Content::PackedTrack2, Unit::HalfByte) => Op::Track2Prefixed(layout.odd),
        (Content::Characters(Charset::Ascii), Unit::Byte) => Op::DigitsPrefixed,
        (Content::Text(Charset::Ascii), Unit::Byte) if layout.alphabet == Alphabet::ANS => {
            Op::PrintablePrefixed
        }
        (Content::Raw, Unit::Byte) => Op::RawPrefixed,
        _ => Op::Cold,
    }
}

/// Runs over the elements of one bitmap (`bits`, first element highest) from `at`, noting where each
/// starts. Says where they end; `None` if in doubt.
#[inline]
pub(crate) fn run(
    slots: &[Slot; 64],
    layouts: &[Layout; 64],
    bits: u64,
    body: &[u8],
    mut at: usize,
    starts: &mut [u16; 64],
) -> Option<usize> {
    let mut rest = bits.reverse_bits();
    let mut bad = 0;
    while let Some(set) = NonZeroU64::new(rest) {
        let bit = set.trailing_zeros() as usize & 63;
        rest &= rest.wrapping_sub(1);
        let slot = &slots[bit];
        starts[bit] = narrow(at);
        let wire = usize::from(slot.wire);
        match slot.op {
            Op::PackedWord => {
                let word = word(body, at, wire)?;
                bad |= (above_nine(word) & slot.mask) | (word & slot.zero);
                at += wire;
            }
            Op::Packed => {
                bad |= sweep(body.get(at..at + wire)?, above_nine);
                at += wire;
            }
            Op::DigitsWord => {
                bad |= not_digits(word(body, at, wire)?, b'0') & slot.mask;
                at += wire;
            }
            Op::Digits => {
                bad |= sweep(body.get(at..at + wire)?, |word| not_digits(word, b'0'));
                at += wire;
            }
            Op::Printable => {
                bad |= sweep(body.get(at..at + wire)?, not_printable);
                at += wire;
            }
            Op::Raw => at += wire,
            Op::Hex => {
                bad |= sweep(body.get(at..at + wire)?, not_hex);
                at += wire;
            }
            Op::Cold => at = cold(&layouts[bit], body, at)?,
            _ => at = prefixed(slot, body, at, &mut bad)?,
        }
    }
    (bad == 0).then_some(at)
}

/// An element with a length prefix: where it ends.
#[inline]
fn prefixed(slot: &Slot, body: &[u8], at: usize, bad: &mut u64) -> Option<usize> {
    let (count, start) = prefix(slot, body, at, bad)?;
    let packed = matches!(slot.op, Op::PackedPrefixed(_) | Op::Track2Prefixed(_));
    let end = start + if packed { count.div_ceil(2) } else { count };
    let value = body.get(start..end)?;
    *bad |= match slot.op {
        Op::PackedPrefixed(odd) => filler(value, count, odd) | sweep(value, above_nine),
        Op::Track2Prefixed(odd) => filler(value, count, odd) | sweep(value, not_track2),
        Op::DigitsPrefixed => sweep(value, |word| not_digits(word, b'0')),
        Op::PrintablePrefixed => sweep(value, not_printable),
        _ => 0,
    };
    Some(end)
}

#[cold]
fn cold(layout: &Layout, body: &[u8], at: usize) -> Option<usize> {
    let (value, end) = Value::take(layout, body, at).ok()?;
    value.check().ok()?;
    Some(end)
}

/// An offset in a message, which is at most 65 535 bytes long (`parse` has made sure).
#[expect(clippy::cast_possible_truncation, reason = "messages are at most 65535 bytes long")]
pub(crate) const fn narrow(at: usize) -> u16 {
    at as u16
}

/// Eight bytes from `at`, of which the first `length` must be there, as a little-endian word.
#[inline]
fn word(body: &[u8], at: usize, length: usize) -> Option<u64> {
    let rest = body.get(at..)?;
    match rest.first_chunk() {
        Some(eight) => Some(u64::from_le_bytes(*eight)),
        None => last_word(rest, length),
    }
}

/// The same at the end of the message, where eight bytes are not there any more.
#[cold]
fn last_word(rest: &[u8], length: usize) -> Option<u64> {
    let bytes = rest.get(..length)?.iter().rev();
    Some(bytes.fold(0, |word, byte| word << 8 | u64::from(*byte)))
}

/// The count in the length prefix at `at` and where the value starts. What is not a digit makes `bad`
/// non-zero, and then the count is of no use but does no harm either.
#[inline]
fn prefix(slot: &Slot, body: &[u8], at: usize, bad: &mut u64) -> Option<(usize, usize)> {
    let rest = body.get(at..)?;
    let pair = |byte: u8| u16::from(byte) - 6 * u16::from(byte >> 4);
    let digit = |byte: u8| u16::from(byte.wrapping_sub(b'0'));
    let (count, width) = match slot.prefix {
        Prefix::Bcd1 => {
            let a = *rest.first()?;
            *bad |= above_nine(u64::from(a));
            (pair(a), 1)
        }
        Prefix::Bcd2 => {
            let bytes: [u8; 2] = *rest.first_chunk()?;
            *bad |= above_nine(u64::from(u16::from_be_bytes(bytes)));
            (pair(bytes[0]) * 100 + pair(bytes[1]), 2)
        }
        Prefix::Ascii2 => {
            let [a, b] = *rest.first_chunk()?;
            *bad |= not_digits(u64::from(u32::from_be_bytes([b'0', b'0', a, b])), b'0') & 0xFFFF;
            (digit(a) * 10 + digit(b), 2)
        }
        Prefix::Ascii3 => {
            let [a, b, c] = *rest.first_chunk()?;
            *bad |= not_digits(u64::from(u32::from_be_bytes([b'0', a, b, c])), b'0') & 0xFF_FFFF;
            ((digit(a) * 100).wrapping_add(digit(b) * 10 + digit(c)), 3)
        }
    };
    (count.wrapping_sub(slot.min) <= slot.span).then_some((usize::from(count), at + width))
}

/// Non-zero if the filler of an odd number of packed digits is not zero (F is for the plain pass).
#[inline]
fn filler(digits: &[u8], count: usize, odd: Side) -> u64 {
    if count.is_multiple_of(2) {
        return 0;
    }
    let nibble = match odd {
        Side::Left => digits.first().map_or(0, |byte| byte >> 4),
        Side::Right => digits.last().map_or(0, |byte| byte & 15),
    };
    u64::from(nibble)
}
