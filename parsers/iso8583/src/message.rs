//! A message as a view over the bytes it came in: only where its elements start is kept, nothing is
//! copied or allocated.

use crate::dialect::Dialect;
use crate::error::{ElementError, ParseError, ValueCause};
use crate::format::{Class, Layout};
use crate::hot::Slot;
use crate::parse;
use crate::subfields::Subfield;
use crate::value::Value;
use core::fmt;
use payment_types::{Bitmap, Mti};

/// A parsed message. Every element has been checked against the dialect's alphabet and lengths.
#[derive(Clone)]
pub struct Message<'a> {
    pub(crate) dialect: &'a Dialect,
    pub(crate) body: &'a [u8],
    mti: Mti,
    /// Bits of the elements 1-64, 65-128 and 129-192, first one highest.
    pub(crate) maps: [u64; 3],
    /// Where the first element of the third bitmap is.
    tertiary: u16,
    /// Where each element of the first two bitmaps starts, with its length prefix.
    pub(crate) starts: [[u16; 64]; 2],
}

/// A value with its own memory, for tools and tests.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum FieldValue {
    /// Digits or text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// Values may be card numbers: only their kind and length are shown.
impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} characters)", text.len()),
            Self::Binary(bytes) => write!(f, "Binary({} bytes)", bytes.len()),
        }
    }
}

impl<'a> Message<'a> {
    /// Parses and validates a whole message: alphabets, lengths, no bytes left over. `body` is what
    /// the frame carries after TPDU and header.
    ///
    /// # Errors
    /// The first thing that is wrong: element, offset, cause.
    #[inline]
    pub fn parse(dialect: &'a Dialect, body: &'a [u8]) -> Result<Self, ParseError> {
        parse::parse(dialect, body)
    }

    pub(crate) fn new(dialect: &'a Dialect, body: &'a [u8], mti: Mti) -> Self {
        Self { dialect, body, mti, maps: [0; 3], tertiary: 0, starts: [[0; 64]; 2] }
    }

    /// Records that an element starts at `at`.
    pub(crate) fn note(&mut self, map: usize, bit: usize, at: u16) {
        if let Some(starts) = self.starts.get_mut(map) {
            starts[bit & 63] = at;
        } else if self.maps[2] == 0 {
            self.tertiary = at;
        }
        if let Some(map) = self.maps.get_mut(map) {
            *map |= (1 << 63) >> (bit & 63);
        }
    }

    /// The message type indicator.
    #[must_use]
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// The elements 2 to 128 that are there.
    #[must_use]
    pub fn bitmap(&self) -> Bitmap {
        let [first, second, _] = self.maps;
        Bitmap::from_bytes((u128::from(first) << 64 | u128::from(second)).to_be_bytes())
    }

    /// All elements that are there, those of a third bitmap too, in ascending order.
    pub fn elements(&self) -> impl Iterator<Item = u8> {
        let maps = self.maps;
        (1..=192u8).filter(move |de| has(&maps, *de))
    }

    /// Whether the element is there.
    #[must_use]
    pub fn has(&self, de: u8) -> bool {
        has(&self.maps, de)
    }

    /// The dialect it was parsed with.
    #[must_use]
    pub fn dialect(&self) -> &'a Dialect {
        self.dialect
    }

    /// The layout of an element that is there, and where it starts (with its length prefix).
    #[inline]
    fn span(&self, de: u8) -> Option<(&'a Layout, usize)> {
        let index = usize::from(de.wrapping_sub(1));
        let (map, bit) = (index / 64, index % 64);
        let layout = self.dialect.layouts.get(map)?.get(bit)?;
        if self.maps.get(map)? << bit >> 63 == 0 {
            return None;
        }
        match self.starts.get(map) {
            Some(starts) => Some((layout, usize::from(starts[bit]))),
            None => self.walk(de).map(|at| (layout, at)),
        }
    }

    /// The fast pass's notion of an element of the first two bitmaps that is there.
    #[inline]
    fn slot(&self, de: u8) -> Option<(&'a Slot, usize)> {
        let index = usize::from(de.wrapping_sub(1));
        let [first, second, _] = self.maps;
        let ([slots, more_slots], [starts, more_starts]) = (&*self.dialect.slots, &self.starts);
        let (map, slots, starts) = match index / 64 {
            0 => (first, slots, starts),
            1 => (second, more_slots, more_starts),
            _ => return None,
        };
        let bit = index % 64;
        (map << bit >> 63 == 1).then(|| (&slots[bit], usize::from(starts[bit])))
    }

    /// Elements of a third bitmap are rare enough to be found by walking.
    #[cold]
    fn walk(&self, de: u8) -> Option<usize> {
        let before = (129..de).filter(|de| self.has(*de));
        before.into_iter().try_fold(usize::from(self.tertiary), |at, de| {
            Some(Value::take(self.dialect.layout(de), self.body, at).ok()?.1)
        })
    }

    #[inline]
    pub(crate) fn value(&self, de: u8) -> Option<Value<'a>> {
        let (layout, at) = self.span(de)?;
        Value::found(layout, self.body, at)
    }

    /// The bytes of all elements, and where they start.
    pub(crate) fn region(&self) -> Option<(usize, &'a [u8])> {
        let [first, second, _] = self.maps;
        let bit = |map: u64| map.leading_zeros() as usize & 63;
        let (start, last) = match (first, second) {
            (0, 0) => return None,
            (0, _) => (self.starts[1][bit(second)], second),
            (_, 0) => (self.starts[0][bit(first)], first),
            _ => (self.starts[0][bit(first)], second),
        };
        let start = usize::from(start);
        // The last bit of the last map is the last element.
        let base = if second == 0 { 64 } else { 128 };
        let last = u8::try_from(base - last.trailing_zeros()).ok()?;
        let (layout, at) = self.span(last)?;
        let value = Value::found(layout, self.body, at)?;
        let end = at + usize::from(layout.prefix_width) + value.bytes().len();
        Some((start, self.body.get(start..end)?))
    }

    /// The element's bytes with its length prefix.
    pub(crate) fn wire(&self, de: u8) -> Option<&'a [u8]> {
        let (layout, at) = self.span(de)?;
        let value = Value::found(layout, self.body, at)?;
        let length = usize::from(layout.prefix_width) + value.bytes().len();
        self.body.get(at..at + length)
    }

    /// A numeric element, or digits in a text element, up to `u64::MAX`.
    ///
    /// # Errors
    /// [`ValueCause::NotNumeric`], [`ValueCause::TooLarge`].
    #[inline]
    pub fn number(&self, de: u8) -> Option<Result<u64, ElementError>> {
        if let Some(number) = self.slot(de).and_then(|(slot, at)| slot.number(self.body, at)) {
            return Some(Ok(number));
        }
        self.any_number(de)
    }

    #[inline(never)]
    fn any_number(&self, de: u8) -> Option<Result<u64, ElementError>> {
        Some(self.value(de)?.number().map_err(|cause| ElementError { element: de, cause }))
    }

    /// The element as ASCII: digits unpacked, EBCDIC transcoded, the spaces that pad a fixed text
    /// removed, binary data as hex. `scratch` is used when the bytes cannot be lent as they are; 1000
    /// bytes are enough for every format of the standard.
    ///
    /// # Errors
    /// [`ValueCause::ScratchTooSmall`].
    #[inline]
    pub fn text<'b>(&self, de: u8, scratch: &'b mut [u8]) -> Option<Result<&'b [u8], ElementError>>
    where
        'a: 'b,
    {
        if let Some(text) = self.slot(de).and_then(|(slot, at)| slot.text(self.body, at)) {
            return Some(Ok(text));
        }
        self.any_text(de, scratch)
    }

    #[inline(never)]
    fn any_text<'b>(&self, de: u8, scratch: &'b mut [u8]) -> Option<Result<&'b [u8], ElementError>>
    where
        'a: 'b,
    {
        let value = self.value(de)?;
        Some(value.text(scratch, false).map_err(|cause| ElementError { element: de, cause }))
    }

    /// The element as bytes: binary data however the dialect carries it, and text that is hex (DE 55
    /// in `iso87-ascii`).
    ///
    /// # Errors
    /// [`ValueCause::NotBinary`], [`ValueCause::ScratchTooSmall`].
    pub fn binary<'b>(
        &self,
        de: u8,
        scratch: &'b mut [u8],
    ) -> Option<Result<&'b [u8], ElementError>>
    where
        'a: 'b,
    {
        let value = self.value(de)?;
        Some(value.binary(scratch).map_err(|cause| ElementError { element: de, cause }))
    }

    /// Where in the message the element starts, with its length prefix.
    #[must_use]
    pub fn start(&self, de: u8) -> Option<usize> {
        Some(self.span(de)?.1)
    }

    /// The element's bytes as on the wire, without length prefix.
    #[must_use]
    pub fn raw(&self, de: u8) -> Option<&'a [u8]> {
        Some(self.value(de)?.bytes())
    }

    /// The element with its own memory: binary data as bytes, everything else as text at its full
    /// width (a fixed text keeps the spaces it is padded with).
    #[must_use]
    pub fn field(&self, de: u8) -> Option<FieldValue> {
        let class = self.dialect.element(de)?.class();
        self.value(de)?.owned(class).ok()
    }

    /// The parts of an element that the dialect divides.
    ///
    /// # Errors
    /// [`ValueCause::NoSubfields`], [`ValueCause::BadSubfields`].
    pub fn subfields(&self, de: u8) -> Option<Result<Vec<Subfield>, ElementError>> {
        let value = self.value(de)?;
        let format = self.dialect.element(de)?;
        let split = || {
            let subfields = format.subfields().ok_or(ValueCause::NoSubfields)?;
            let bytes = match value.owned(format.class())? {
                FieldValue::Binary(bytes) => bytes,
                FieldValue::Text(text) => text.into_bytes(),
            };
            subfields.split(&bytes).map_err(ValueCause::BadSubfields)
        };
        Some(split().map_err(|cause| ElementError { element: de, cause }))
    }
}

/// Whether the bit of an element is set.
pub(crate) fn has(maps: &[u64; 3], de: u8) -> bool {
    let index = usize::from(de.wrapping_sub(1));
    maps.get(index / 64).is_some_and(|map| map << (index % 64) >> 63 == 1)
}

impl Value<'_> {
    /// The value with its own memory.
    pub(crate) fn owned(&self, class: Class) -> Result<FieldValue, ValueCause> {
        let mut scratch = vec![0; self.bytes().len().saturating_mul(2)];
        if class == Class::Binary {
            return Ok(FieldValue::Binary(self.binary(&mut scratch)?.to_vec()));
        }
        let text = self.text(&mut scratch, true)?;
        Ok(FieldValue::Text(text.iter().map(|byte| char::from(*byte)).collect()))
    }
}

/// Only what a log may hold: which elements there are.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("dialect", &self.dialect.name())
            .field("mti", &self.mti)
            .field("elements", &self.elements().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
