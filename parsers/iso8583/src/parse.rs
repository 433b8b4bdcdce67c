//! Finding the elements of a message. Two passes exist: a fast one that knows the common layouts,
//! checks a word at a time and only says yes or "not sure", and a plain one that decides everything
//! else and names what is wrong. What the fast one accepts the plain one accepts too (a property test
//! holds them together).

use crate::charset::Charset;
use crate::dialect::{Dialect, Tertiary};
use crate::digits::{
    above_nine, hex_digit, hex_word, leading, not_digits, not_printable, not_track2, short_word,
    splat, word,
};
use crate::error::{ParseCause, ParseError};
use crate::format::{Binary, Digits, Hot, Layout, LengthCoding, Side};
use crate::message::Message;
use crate::value::{Value, prefix_number};
use payment_types::Mti;

/// The message type indicator and the bitmaps.
struct Header {
    mti: Mti,
    /// Bits of the elements 1-64, 65-128 and 129-192, first one highest; those that only announce a
    /// bitmap are cleared.
    maps: [u64; 3],
    /// Where the first element starts.
    end: usize,
}

const FIRST: u64 = 1 << 63;

/// The message type indicator alone, for answering a message whose elements do not parse.
#[must_use]
pub fn peek_mti(dialect: &Dialect, body: &[u8]) -> Option<Mti> {
    mti(dialect.mti, body).map(|(mti, _)| mti)
}

/// Parses as far as it goes: the elements before the one that is broken are usable, so that a request
/// can be answered with the elements its answer echoes. Nothing comes back when even the message type
/// indicator or the bitmap is broken.
#[must_use]
pub fn parse_lenient<'a>(
    dialect: &'a Dialect,
    body: &'a [u8],
) -> (Option<Message<'a>>, Option<ParseError>) {
    match scan(dialect, body) {
        Ok((message, error)) => (Some(message), error),
        Err(error) => (None, Some(error)),
    }
}

/// The whole message, or what is wrong with it.
#[inline]
pub(crate) fn parse<'a>(dialect: &'a Dialect, body: &'a [u8]) -> Result<Message<'a>, ParseError> {
    match scan(dialect, body)? {
        (message, None) => Ok(message),
        (_, Some(error)) => Err(error),
    }
}

fn scan<'a>(
    dialect: &'a Dialect,
    body: &'a [u8],
) -> Result<(Message<'a>, Option<ParseError>), ParseError> {
    if body.len() > usize::from(u16::MAX) {
        let offset = usize::from(u16::MAX);
        return Err(ParseError { element: 0, offset, cause: ParseCause::MessageTooLong });
    }
    let header = header(dialect, body)?;
    let mut message = Message::new(dialect, body, header.mti);
    if fast(dialect, body, &header, &mut message) == Some(body.len()) {
        let [first, second, _] = header.maps;
        message.maps = [first, second, 0];
        return Ok((message, None));
    }
    let error = plain(dialect, body, &header, &mut message);
    Ok((message, error))
}

fn mti(coding: Digits, body: &[u8]) -> Option<(Mti, usize)> {
    let characters = |zero: u8| -> Option<[u8; 4]> {
        Some(body.first_chunk::<4>()?.map(|byte| byte.wrapping_sub(zero)))
    };
    let (digits, width) = match coding {
        Digits::Ascii => (characters(b'0')?, 4),
        Digits::Ebcdic => (characters(0xF0)?, 4),
        Digits::Bcd => {
            let [a, b] = *body.first_chunk::<2>()?;
            ([a >> 4, a & 15, b >> 4, b & 15], 2)
        }
    };
    Some((Mti::from_digits(digits).ok()?, width))
}

fn header(dialect: &Dialect, body: &[u8]) -> Result<Header, ParseError> {
    let error = |element, offset, cause| ParseError { element, offset, cause };
    let Some((mti, at)) = mti(dialect.mti, body) else {
        let width = if dialect.mti == Digits::Bcd { 2 } else { 4 };
        let cause = if body.len() < width { ParseCause::Truncated } else { ParseCause::BadMti };
        return Err(error(0, 0, cause));
    };
    let map = |at| bitmap(dialect.bitmap, body, at).map_err(|cause| error(1, at, cause));
    let (mut first, mut end) = map(at)?;
    let (mut second, mut third) = (0, 0);
    if first & FIRST != 0 {
        first &= !FIRST;
        (second, end) = map(end)?;
    }
    if dialect.tertiary == Tertiary::AfterSecondary && second & FIRST != 0 {
        second &= !FIRST;
        (third, end) = map(end)?;
    }
    Ok(Header { mti, maps: [first, second, third], end })
}

/// One bitmap at `at`, and where it ends.
fn bitmap(coding: Binary, body: &[u8], at: usize) -> Result<(u64, usize), ParseCause> {
    let charset = match coding {
        Binary::Raw => {
            let map = word(body, at).ok_or(ParseCause::Truncated)?;
            return Ok((map, at.saturating_add(8)));
        }
        Binary::Hex => Charset::Ascii,
        Binary::EbcdicHex => Charset::Ebcdic,
    };
    let end = at.saturating_add(16);
    let hex = body.get(at..end).ok_or(ParseCause::Truncated)?;
    let map = match (charset, word(hex, 0), word(hex, 8)) {
        (Charset::Ascii, Some(high), Some(low)) => hex_word(high)
            .zip(hex_word(low))
            .map(|(high, low)| u64::from(high) << 32 | u64::from(low)),
        _ => hex
            .iter()
            .try_fold(0, |map, byte| Some(map << 4 | u64::from(hex_digit(charset.decode(*byte))?))),
    };
    Ok((map.ok_or(ParseCause::BadBitmap)?, end))
}

/// The fast pass: where the message ends if every element is in order, `None` if in doubt.
fn fast(
    dialect: &Dialect,
    body: &[u8],
    header: &Header,
    message: &mut Message<'_>,
) -> Option<usize> {
    if dialect.tertiary != Tertiary::None {
        return None;
    }
    let [first, second, _] = header.maps;
    let [layouts, more_layouts, _] = &*dialect.layouts;
    let [starts, more_starts] = &mut message.starts;
    let mut at = fast_map(layouts, first, body, header.end, starts)?;
    if second != 0 {
        at = fast_map(more_layouts, second, body, at, more_starts)?;
    }
    Some(at)
}

fn fast_map(
    layouts: &[Layout; 64],
    mut bits: u64,
    body: &[u8],
    mut at: usize,
    starts: &mut [u16; 64],
) -> Option<usize> {
    let mut bad = 0;
    while bits != 0 {
        let bit = (bits.leading_zeros() & 63) as usize;
        bits ^= FIRST >> bit;
        let layout = &layouts[bit];
        starts[bit] = narrow(at);
        let wire = usize::from(layout.wire);
        match layout.hot {
            Hot::PackedWord => {
                let word = word_at(body, at, wire)?;
                bad |= (above_nine(word) & layout.mask) | (word & layout.zero);
                at += wire;
            }
            Hot::DigitsWord => {
                bad |= not_digits(word_at(body, at, wire)?, b'0') & layout.mask;
                at += wire;
            }
            Hot::DigitsTwoWords => {
                bad |= not_digits(word(body, at)?, b'0');
                bad |= not_digits(word_at(body, at + 8, wire - 8)?, b'0') & layout.mask;
                at += wire;
            }
            Hot::Printable => {
                bad |= printable(body, at, wire)?;
                at += wire;
            }
            Hot::Raw => at += wire,
            Hot::PackedPrefixed | Hot::Track2Prefixed => {
                let count = prefix(layout, body, at)?;
                at += usize::from(layout.prefix_width);
                let length = count.div_ceil(2);
                if count % 2 == 1 {
                    bad |= filler(layout, body, at, length)?;
                }
                bad |= packed(body, at, length, layout.hot == Hot::Track2Prefixed)?;
                at += length;
            }
            Hot::DigitsPrefixed => {
                let length = prefix(layout, body, at)?;
                at += usize::from(layout.prefix_width);
                bad |= digits(body, at, length)?;
                at += length;
            }
            Hot::PrintablePrefixed => {
                let length = prefix(layout, body, at)?;
                at += usize::from(layout.prefix_width);
                bad |= printable(body, at, length)?;
                at += length;
            }
            Hot::RawPrefixed => {
                let length = prefix(layout, body, at)?;
                at += usize::from(layout.prefix_width) + length;
            }
            Hot::Cold => {
                let (value, end) = Value::take(layout, body, at).ok()?;
                value.check().ok()?;
                at = end;
            }
        }
    }
    (bad == 0).then_some(at)
}

/// An offset in a message, which `scan` has made sure fits.
#[expect(clippy::cast_possible_truncation, reason = "messages are at most 65535 bytes long")]
const fn narrow(at: usize) -> u16 {
    at as u16
}

/// Eight bytes from `at`, of which the first `length` must be there.
#[inline]
fn word_at(body: &[u8], at: usize, length: usize) -> Option<u64> {
    word(body, at).or_else(|| body.get(at..at + length).map(short_word))
}

/// The count in a length prefix, within the format's bounds.
#[inline]
fn prefix(layout: &Layout, body: &[u8], at: usize) -> Option<usize> {
    let pair = |byte: u8| -> Option<usize> {
        let (high, low) = (byte >> 4, byte & 15);
        (high < 10 && low < 10).then(|| usize::from(high) * 10 + usize::from(low))
    };
    let digit = |byte: u8| -> Option<usize> {
        Some(usize::from(byte.wrapping_sub(b'0'))).filter(|digit| *digit < 10)
    };
    let rest = body.get(at..)?;
    let count = match (layout.prefix, layout.prefix_width) {
        (LengthCoding::Bcd, 1) => pair(*rest.first()?)?,
        (LengthCoding::Bcd, 2) => {
            let [a, b] = *rest.first_chunk()?;
            pair(a)? * 100 + pair(b)?
        }
        (LengthCoding::Ascii, 2) => {
            let [a, b] = *rest.first_chunk()?;
            digit(a)? * 10 + digit(b)?
        }
        (LengthCoding::Ascii, 3) => {
            let [a, b, c] = *rest.first_chunk()?;
            digit(a)? * 100 + digit(b)? * 10 + digit(c)?
        }
        (coding, width) => prefix_number(coding, rest.get(..usize::from(width))?)?,
    };
    (usize::from(layout.min)..=usize::from(layout.max)).contains(&count).then_some(count)
}

/// Non-zero if the filler of an odd number of packed digits is not zero (F is for the plain pass).
fn filler(layout: &Layout, body: &[u8], at: usize, length: usize) -> Option<u64> {
    let nibble = match layout.odd {
        Side::Left => body.get(at)? >> 4,
        Side::Right => body.get(at + length - 1)? & 15,
    };
    Some(u64::from(nibble))
}

/// Runs over `length` bytes a word at a time; the last word of a longer value overlaps the one
/// before it.
#[inline]
fn words(body: &[u8], at: usize, length: usize, check: impl Fn(u64) -> u64) -> Option<u64> {
    let end = at + length;
    let mut at = at;
    let mut bad = 0;
    while at + 8 <= end {
        bad |= check(word(body, at)?);
        at += 8;
    }
    if at < end {
        let word = if length >= 8 { word(body, end - 8)? } else { return None };
        bad |= check(word);
    }
    Some(bad)
}

#[inline]
fn packed(body: &[u8], at: usize, length: usize, track2: bool) -> Option<u64> {
    let check = if track2 { not_track2 } else { above_nine };
    if length < 8 {
        return Some(check(word_at(body, at, length)? & leading(length)));
    }
    words(body, at, length, check)
}

#[inline]
fn digits(body: &[u8], at: usize, length: usize) -> Option<u64> {
    if length < 8 {
        return Some(not_digits(word_at(body, at, length)?, b'0') & leading(length));
    }
    words(body, at, length, |word| not_digits(word, b'0'))
}

#[inline]
fn printable(body: &[u8], at: usize, length: usize) -> Option<u64> {
    if length < 8 {
        let mask = leading(length);
        let word = word_at(body, at, length)? & mask | splat(b' ') & !mask;
        return Some(not_printable(word));
    }
    words(body, at, length, not_printable)
}

/// The plain pass: notes where each element is until one is broken, and says which and why.
fn plain(
    dialect: &Dialect,
    body: &[u8],
    header: &Header,
    message: &mut Message<'_>,
) -> Option<ParseError> {
    let mut maps = header.maps;
    let mut at = header.end;
    message.maps = [0; 3];
    let mut index = 0;
    while let Some(map) = maps.get_mut(index) {
        if *map == 0 {
            index += 1;
            continue;
        }
        let bit = (map.leading_zeros() & 63) as usize;
        *map ^= FIRST >> bit;
        let element = u8::try_from(index * 64 + bit + 1).unwrap_or(u8::MAX);
        let error = |cause| Some(ParseError { element, offset: at, cause });
        if element == 65 && dialect.tertiary == Tertiary::Element65 {
            match bitmap(dialect.bitmap, body, at) {
                Ok((third, end)) => (maps[2], at) = (third, end),
                Err(cause) => return error(cause),
            }
            continue;
        }
        let layout = dialect.layout(element);
        let found = Value::take(layout, body, at);
        let checked = found.and_then(|(value, end)| value.check().map(|()| end));
        let end = match checked {
            Ok(end) => end,
            Err(cause) => return error(cause),
        };
        message.note(index, bit, narrow(at));
        at = end;
    }
    let trailing = ParseError { element: 0, offset: at, cause: ParseCause::TrailingBytes };
    (at != body.len()).then_some(trailing)
}
