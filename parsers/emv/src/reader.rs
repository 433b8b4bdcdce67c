//! Reading TLV data in place.
//!
//! Padding: bytes `00` before, between and after data objects mean nothing (EMV Book 3 annex B1);
//! `FF` means nothing where it fills the rest of the data or of a template (ISO/IEC 7816-4 let both
//! be used). Anywhere else `FF` begins a tag.

use crate::{Tag, TlvCause, TlvError};
use core::fmt;

/// How deep templates may be nested.
pub const MAX_DEPTH: usize = 8;
/// How many data objects there may be, those within templates counted too.
pub const MAX_ELEMENTS: usize = 512;

/// One data object, pointing into the bytes it was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// What it is.
    pub tag: Tag,
    /// Its value, without tag and length.
    pub value: &'a [u8],
    offset: usize,
    depth: usize,
}

impl<'a> Tlv<'a> {
    /// Where the value begins, from the start of what was read.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// How many templates it is in.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The data objects of a template; `None` if this is no template.
    #[must_use]
    pub const fn children(&self) -> Option<TlvReader<'a>> {
        if !self.tag.is_constructed() {
            return None;
        }
        Some(TlvReader { rest: self.value, offset: self.offset, depth: self.depth + 1 })
    }
}

impl fmt::Debug for Tlv<'_> {
    // A value may be a card number: only its length is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes)", self.tag, self.value.len())
    }
}

/// The data objects of one level, in order. After an error there is nothing more.
#[derive(Clone, Copy)]
pub struct TlvReader<'a> {
    rest: &'a [u8],
    offset: usize,
    depth: usize,
}

impl<'a> TlvReader<'a> {
    /// Reads from the first byte on.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0, depth: 0 }
    }

    /// Every data object, those of a template right after it.
    #[must_use]
    pub fn walk(self) -> Walk<'a> {
        let mut levels = [None; MAX_DEPTH];
        if let Some(top) = levels.first_mut() {
            *top = Some(self);
        }
        Walk { levels, level: 0, seen: 0 }
    }

    /// The first data object with this tag on this level; `None` also if what stands before it
    /// cannot be read.
    #[must_use]
    pub fn find(self, tag: Tag) -> Option<Tlv<'a>> {
        self.map_while(Result::ok).find(|tlv| tlv.tag == tag)
    }

    fn skip_padding(&mut self) {
        while let [0x00, rest @ ..] = self.rest {
            self.rest = rest;
            self.offset += 1;
        }
        if self.rest.first() == Some(&0xFF) && self.rest.iter().all(|byte| *byte == 0xFF) {
            self.rest = &[];
        }
    }

    fn element(&self) -> Result<(Tlv<'a>, &'a [u8]), TlvError> {
        if self.depth >= MAX_DEPTH {
            return Err(TlvCause::TooDeep.at(self.offset));
        }
        let (tag, after_tag) = read_tag(self.rest).map_err(|cause| cause.at(self.offset))?;
        let at = self.offset + (self.rest.len() - after_tag.len());
        let (length, after_length) = read_length(after_tag).map_err(|cause| cause.at(at))?;
        let offset = at + (after_tag.len() - after_length.len());
        match after_length.split_at_checked(length) {
            Some((value, rest)) => Ok((Tlv { tag, value, offset, depth: self.depth }, rest)),
            None => Err(TlvCause::ValueCut.at(offset)),
        }
    }
}

impl<'a> Iterator for TlvReader<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_padding();
        if self.rest.is_empty() {
            return None;
        }
        match self.element() {
            Ok((tlv, rest)) => {
                self.offset += self.rest.len() - rest.len();
                self.rest = rest;
                Some(Ok(tlv))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

fn read_tag(bytes: &[u8]) -> Result<(Tag, &[u8]), TlvCause> {
    let (first, mut rest) = bytes.split_first().ok_or(TlvCause::TagCut)?;
    let mut number = u32::from(*first);
    if first & 0x1F != 0x1F {
        return Ok((Tag::read(number), rest));
    }
    for _ in 0..3 {
        let (next, after) = rest.split_first().ok_or(TlvCause::TagCut)?;
        number = number << 8 | u32::from(*next);
        rest = after;
        if next & 0x80 == 0 {
            return Ok((Tag::read(number), rest));
        }
    }
    Err(TlvCause::TagTooLong)
}

/// ISO/IEC 8825-1 8.1.3, definite forms. A longer form than needed is allowed, as there.
fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), TlvCause> {
    let (first, rest) = bytes.split_first().ok_or(TlvCause::LengthCut)?;
    let count = match first {
        0..=0x7F => return Ok((usize::from(*first), rest)),
        0x80 => return Err(TlvCause::LengthIndefinite),
        0x81..=0x84 => usize::from(first & 0x7F),
        _ => return Err(TlvCause::LengthTooLong),
    };
    let (digits, rest) = rest.split_at_checked(count).ok_or(TlvCause::LengthCut)?;
    let length = digits.iter().fold(0u32, |length, byte| length << 8 | u32::from(*byte));
    Ok((usize::try_from(length).map_err(|_| TlvCause::ValueCut)?, rest))
}

/// Data objects depth first; made by [`TlvReader::walk`]. After an error there is nothing more.
pub struct Walk<'a> {
    levels: [Option<TlvReader<'a>>; MAX_DEPTH],
    level: usize,
    seen: usize,
}

impl<'a> Walk<'a> {
    /// Reads to the end and counts the data objects.
    ///
    /// # Errors
    /// The first [`TlvError`].
    pub fn check(mut self) -> Result<usize, TlvError> {
        self.try_fold(0, |count, tlv| tlv.map(|_| count + 1))
    }

    fn fail(&mut self, error: TlvError) -> Option<Result<Tlv<'a>, TlvError>> {
        self.levels = [None; MAX_DEPTH];
        Some(Err(error))
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let reader = self.levels.get_mut(self.level)?.as_mut()?;
            match reader.next() {
                Some(Ok(tlv)) => {
                    self.seen += 1;
                    if self.seen > MAX_ELEMENTS {
                        return self.fail(TlvCause::TooManyElements.at(tlv.offset));
                    }
                    if let Some(children) = tlv.children() {
                        let Some(level) = self.levels.get_mut(self.level + 1) else {
                            return self.fail(TlvCause::TooDeep.at(tlv.offset));
                        };
                        *level = Some(children);
                        self.level += 1;
                    }
                    return Some(Ok(tlv));
                }
                Some(Err(error)) => return self.fail(error),
                None => self.level = self.level.checked_sub(1)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(text: &str) -> Result<Vec<(usize, String)>, TlvError> {
        let bytes = hex::decode(text).unwrap();
        let show = |tlv: Tlv<'_>| {
            let value = if tlv.tag.is_constructed() { "".into() } else { hex::encode(tlv.value) };
            (tlv.depth(), format!("{}={value}", tlv.tag))
        };
        TlvReader::new(&bytes).walk().map(|tlv| tlv.map(show)).collect()
    }

    fn refusal(text: &str) -> (usize, TlvCause) {
        let error = walk(text).unwrap_err();
        (error.offset, error.cause)
    }

    #[test]
    fn reads_templates_depth_first() {
        let seen = walk("6F0A8401A0A505500341424395020000").unwrap();
        let expected = [(0, "6F="), (1, "84=a0"), (1, "A5="), (2, "50=414243"), (0, "95=0000")];
        assert!(seen.iter().map(|(depth, text)| (*depth, text.as_str())).eq(expected));
    }

    #[test]
    fn reads_all_definite_lengths() {
        for length in ["02", "8102", "820002", "83000002", "8400000002"] {
            assert_eq!(walk(&format!("95{length}ABCD")).unwrap(), [(0, "95=abcd".into())]);
        }
        assert_eq!(walk("9500").unwrap(), [(0, "95=".into())]);
    }

    #[test]
    fn padding_means_nothing_around_data_objects() {
        let expected = walk("9501AA8201BB").unwrap();
        for padded in ["00009501AA8201BB", "9501AA008201BB", "9501AA8201BB0000"] {
            assert_eq!(walk(padded).unwrap(), expected, "{padded}");
        }
        for padded in ["9501AA8201BBFF", "9501AA8201BBFFFFFFFFFF", "9501AA8201BB00FF"] {
            assert_eq!(walk(padded).unwrap(), expected, "{padded}");
        }
        assert_eq!(walk("70069501AA00FFFF8201BB").unwrap().len(), 3, "within a template");
        assert_eq!(walk("").unwrap(), []);
        assert_eq!(walk("0000").unwrap(), []);
    }

    #[test]
    fn ff_before_other_bytes_is_a_tag() {
        assert_eq!(walk("FF81010395012A").unwrap().len(), 2);
        assert_eq!(refusal("FFFFFFFF9501AA"), (0, TlvCause::TagTooLong));
    }

    #[test]
    fn names_offset_and_cause() {
        assert_eq!(refusal("9F"), (0, TlvCause::TagCut));
        assert_eq!(refusal("9501AA9F"), (3, TlvCause::TagCut));
        assert_eq!(refusal("DF8181"), (0, TlvCause::TagCut));
        assert_eq!(refusal("DF81818101"), (0, TlvCause::TagTooLong));
        assert_eq!(refusal("95"), (1, TlvCause::LengthCut));
        assert_eq!(refusal("958201"), (1, TlvCause::LengthCut));
        assert_eq!(refusal("9580AA0000"), (1, TlvCause::LengthIndefinite));
        assert_eq!(refusal("958500000000"), (1, TlvCause::LengthTooLong));
        assert_eq!(refusal("95FF00"), (1, TlvCause::LengthTooLong));
        assert_eq!(refusal("9502AA"), (2, TlvCause::ValueCut));
        assert_eq!(refusal("9584FFFFFFFFAA"), (6, TlvCause::ValueCut));
        assert_eq!(refusal("70039502AA0000"), (4, TlvCause::ValueCut), "a template's end holds");
    }

    #[test]
    fn nesting_and_number_are_bounded() {
        let nested = |depth: usize| {
            (0..depth).fold(String::new(), |inner, _| format!("70{:02X}{inner}", inner.len() / 2))
        };
        assert_eq!(walk(&nested(MAX_DEPTH - 1)).unwrap().len(), MAX_DEPTH - 1);
        assert_eq!(refusal(&nested(100 / 2)).1, TlvCause::TooDeep);
        assert_eq!(walk(&"9500".repeat(MAX_ELEMENTS)).unwrap().len(), MAX_ELEMENTS);
        assert_eq!(refusal(&"9500".repeat(MAX_ELEMENTS + 1)).1, TlvCause::TooManyElements);
    }

    #[test]
    fn stops_after_an_error() {
        let mut reader = TlvReader::new(&[0x95, 0x05, 0x00]);
        assert!(reader.next().is_some_and(|tlv| tlv.is_err()));
        assert!(reader.next().is_none());
        let mut walk = TlvReader::new(&[0x70, 0x02, 0x95, 0x05, 0x82, 0x00]).walk();
        assert!(walk.next().is_some_and(|tlv| tlv.is_ok()));
        assert!(walk.next().is_some_and(|tlv| tlv.is_err()));
        assert!(walk.next().is_none());
    }

    #[test]
    fn finds_on_one_level_and_shows_no_value() {
        let bytes = hex::decode("70029500820119").unwrap();
        let reader = TlvReader::new(&bytes);
        assert!(reader.find(Tag::TVR).is_none());
        let found = reader.find(Tag::APPLICATION_INTERCHANGE_PROFILE).unwrap();
        assert_eq!((found.value, found.offset()), (&[0x19][..], 6));
        assert_eq!(format!("{found:?}"), "82(1 bytes)");
    }
}
