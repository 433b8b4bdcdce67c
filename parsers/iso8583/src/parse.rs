//! Finding the elements of a message. Two passes exist: a fast one (`hot`) that knows the common
//! layouts and only says yes or "not sure", and a plain one here that decides everything else and
//! names what is wrong.

use crate::charset::Charset;
use crate::dialect::{Dialect, Tertiary};
use crate::digits::{hex_digit, hex_word, word};
use crate::error::{ParseCause, ParseError};
use crate::format::{Binary, Digits};
use crate::hot::{self, narrow};
use crate::message::Message;
use crate::value::Value;
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
    let header = match header(dialect, body) {
        Ok(header) => header,
        Err(error) => return (None, Some(error)),
    };
    let mut message = Message::new(dialect, body, header.mti);
    let error = fill(&header, &mut message);
    (Some(message), error)
}

/// The whole message, or what is wrong with it.
#[inline]
pub(crate) fn parse<'a>(dialect: &'a Dialect, body: &'a [u8]) -> Result<Message<'a>, ParseError> {
    let header = header(dialect, body)?;
    // Filled where it stands, not handed on by value: it is a few hundred bytes.
    let mut message = Message::new(dialect, body, header.mti);
    match fill(&header, &mut message) {
        None => Ok(message),
        Some(error) => Err(error),
    }
}

/// Finds the elements; what is wrong with the first that is broken.
fn fill(header: &Header, message: &mut Message<'_>) -> Option<ParseError> {
    let (dialect, body) = (message.dialect, message.body);
    if fast(dialect, body, header, message) == Some(body.len()) {
        let [first, second, _] = header.maps;
        message.maps = [first, second, 0];
        return None;
    }
    plain(dialect, body, header, message)
}

/// Whether each pass accepts the message: the fast one may refuse what the plain one accepts, never
/// the other way round.
pub(crate) fn fast_and_plain(dialect: &Dialect, body: &[u8]) -> Option<(bool, bool)> {
    let header = header(dialect, body).ok()?;
    let mut message = Message::new(dialect, body, header.mti);
    let quick = fast(dialect, body, &header, &mut message) == Some(body.len());
    Some((quick, plain(dialect, body, &header, &mut message).is_none()))
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
    if body.len() > usize::from(u16::MAX) {
        return Err(error(0, usize::from(u16::MAX), ParseCause::MessageTooLong));
    }
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
    let ([layouts, more_layouts, _], [slots, more_slots]) = (&*dialect.layouts, &*dialect.slots);
    let [starts, more_starts] = &mut message.starts;
    let at = hot::run(slots, layouts, first, body, header.end, starts)?;
    if second == 0 {
        return Some(at);
    }
    hot::run(more_slots, more_layouts, second, body, at, more_starts)
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
