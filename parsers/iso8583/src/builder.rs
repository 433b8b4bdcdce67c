//! Building a message: elements in any order into a buffer that is kept, written out in the order of
//! the bitmap. Nothing is allocated once the buffers have grown to the size of the traffic.

use crate::dialect::{Dialect, Tertiary};
use crate::digits::hex_character;
use crate::encode;
use crate::error::{BuildCause, BuildError};
use crate::format::{Binary, Class, Digits, Layout};
use crate::hot::narrow;
use crate::message::{FieldValue, Message, has};
use crate::subfields::Subfield;
use payment_types::Mti;

/// Builds messages of one dialect, one after another.
#[derive(Debug, Clone)]
pub struct MessageBuilder<'d> {
    dialect: &'d Dialect,
    mti: Mti,
    maps: [u64; 3],
    /// Where each element stands in `buffer`, as on the wire.
    places: [[(u16, u16); 64]; 3],
    buffer: Vec<u8>,
    scratch: Vec<u8>,
}

const FIRST: u64 = 1 << 63;

impl<'d> MessageBuilder<'d> {
    /// An empty message.
    #[must_use]
    pub fn new(dialect: &'d Dialect, mti: Mti) -> Self {
        Self {
            dialect,
            mti,
            maps: [0; 3],
            places: [[(0, 0); 64]; 3],
            buffer: Vec::with_capacity(512),
            scratch: Vec::new(),
        }
    }

    /// Starts the next message.
    pub fn reset(&mut self, mti: Mti) {
        self.mti = mti;
        self.maps = [0; 3];
        self.buffer.clear();
    }

    /// Sets a numeric element; a fixed one is padded with zeros.
    ///
    /// # Errors
    /// [`BuildCause::TooLong`], or the element cannot hold a number.
    pub fn set_number(&mut self, de: u8, value: u64) -> Result<&mut Self, BuildError> {
        self.put(de, |layout, out| encode::number(layout, value, out))
    }

    /// Sets an element from ASCII: a fixed one is padded as its format says, text for a binary element
    /// is hex, and in track 2 the separator may be `=` or `D`.
    ///
    /// # Errors
    /// The value is too long, or has characters outside the element's alphabet.
    pub fn set_text(&mut self, de: u8, ascii: &[u8]) -> Result<&mut Self, BuildError> {
        self.put(de, |layout, out| encode::text(layout, ascii, out))
    }

    /// Sets a binary element, or a text element to the hex of the bytes.
    ///
    /// # Errors
    /// The value does not have the element's length, or the element cannot carry bytes.
    pub fn set_binary(&mut self, de: u8, bytes: &[u8]) -> Result<&mut Self, BuildError> {
        self.put(de, |layout, out| encode::binary(layout, bytes, out))
    }

    /// Sets an element to what [`Message::field`] gives.
    ///
    /// # Errors
    /// As for [`Self::set_text`] and [`Self::set_binary`].
    pub fn set_field(&mut self, de: u8, value: &FieldValue) -> Result<&mut Self, BuildError> {
        match value {
            FieldValue::Text(text) => self.set_text(de, text.as_bytes()),
            FieldValue::Binary(bytes) => self.set_binary(de, bytes),
        }
    }

    /// Sets an element from its parts: the inverse of [`Message::subfields`].
    ///
    /// # Errors
    /// [`BuildCause::BadSubfields`] if the dialect does not describe them, or a value does not fit.
    pub fn set_subfields(&mut self, de: u8, parts: &[Subfield]) -> Result<&mut Self, BuildError> {
        let error = |cause| BuildError { element: de, cause };
        let format = self.dialect.element(de).ok_or(error(BuildCause::UnknownElement))?;
        let subfields = format.subfields().ok_or(error(BuildCause::BadSubfields))?;
        let bytes = subfields.join(parts).map_err(error)?;
        match format.class() {
            Class::Binary => self.set_binary(de, &bytes),
            _ => self.set_text(de, &bytes),
        }
    }

    /// Copies an element as it came, byte for byte when both dialects lay it out the same, else by
    /// value. Does nothing if the message does not have it.
    ///
    /// # Errors
    /// The value does not fit the element in this dialect.
    pub fn copy(&mut self, from: &Message<'_>, de: u8) -> Result<&mut Self, BuildError> {
        let Some(wire) = from.wire(de) else { return Ok(self) };
        let same = core::ptr::eq(self.dialect, from.dialect())
            || self.dialect.layout(de) == from.dialect().layout(de);
        if same {
            return self.put(de, |_, out| {
                out.extend_from_slice(wire);
                Ok(())
            });
        }
        let class = from.dialect().element(de).map(|format| format.class());
        let mut scratch = core::mem::take(&mut self.scratch);
        scratch.resize(wire.len().saturating_mul(2), 0);
        let done = match class {
            Some(Class::Binary) => match from.binary(de, &mut scratch) {
                Some(Ok(bytes)) => self.set_binary(de, bytes).map(|_| ()),
                _ => Ok(()),
            },
            _ => match from.text(de, &mut scratch) {
                Some(Ok(text)) => self.set_text(de, text).map(|_| ()),
                _ => Ok(()),
            },
        };
        self.scratch = scratch;
        done.map(|()| self)
    }

    /// Copies every element, as for an answer that repeats its request; what the message had before is
    /// gone.
    ///
    /// # Errors
    /// A value does not fit its element in this dialect (never if the dialects are the same).
    pub fn copy_all(&mut self, from: &Message<'_>) -> Result<&mut Self, BuildError> {
        self.maps = [0; 3];
        self.buffer.clear();
        let [first, second, third] = from.maps;
        let whole = third == 0 && core::ptr::eq(self.dialect, from.dialect());
        let Some((base, elements)) = from.region().filter(|_| whole) else {
            for de in from.elements() {
                self.copy(from, de)?;
            }
            return Ok(self);
        };
        self.buffer.extend_from_slice(elements);
        // Elements stand one behind the other, so each ends where the next one starts: from the last
        // to the first.
        let mut end = elements.len();
        let [places, more_places, _] = &mut self.places;
        let [starts, more_starts] = &from.starts;
        for (map, starts, places) in [(second, more_starts, more_places), (first, starts, places)] {
            let mut bits = map;
            while let Some(left) = core::num::NonZeroU64::new(bits) {
                let bit = 63 - (left.trailing_zeros() as usize & 63);
                bits &= bits.wrapping_sub(1);
                let start = usize::from(starts[bit]).saturating_sub(base);
                places[bit] = (narrow(start), narrow(end));
                end = start;
            }
        }
        self.maps = [first, second, 0];
        Ok(self)
    }

    /// Takes the element out again.
    pub fn unset(&mut self, de: u8) {
        let index = usize::from(de.wrapping_sub(1));
        if let Some(map) = self.maps.get_mut(index / 64) {
            *map &= !(FIRST >> (index % 64));
        }
    }

    /// Whether the element has been set.
    #[must_use]
    pub fn has(&self, de: u8) -> bool {
        has(&self.maps, de)
    }

    fn put(
        &mut self,
        de: u8,
        encode: impl FnOnce(&Layout, &mut Vec<u8>) -> Result<(), BuildCause>,
    ) -> Result<&mut Self, BuildError> {
        let error = |cause| BuildError { element: de, cause };
        let start = self.buffer.len();
        let dialect = self.dialect;
        if let Err(cause) = encode(dialect.layout(de), &mut self.buffer) {
            self.buffer.truncate(start);
            return Err(error(cause));
        }
        let start = if self.buffer.len() > usize::from(u16::MAX) {
            self.compact(start).ok_or(error(BuildCause::MessageTooLong))?
        } else {
            start
        };
        self.place(de, start).ok_or(error(BuildCause::UnknownElement))?;
        Ok(self)
    }

    /// Drops what elements left behind that were set again with another length. The one being set, now
    /// at `start`, stays last; says where it then starts, `None` if it does not fit (and is dropped).
    #[cold]
    fn compact(&mut self, start: usize) -> Option<usize> {
        let latest = self.buffer.split_off(start);
        let old = core::mem::take(&mut self.buffer);
        for (map, places) in self.maps.iter().zip(&mut self.places) {
            for (bit, place) in places.iter_mut().enumerate() {
                if map & FIRST >> bit != 0 {
                    let from = narrow(self.buffer.len());
                    let bytes = old.get(usize::from(place.0)..usize::from(place.1));
                    self.buffer.extend_from_slice(bytes.unwrap_or_default());
                    *place = (from, narrow(self.buffer.len()));
                }
            }
        }
        let start = self.buffer.len();
        if start + latest.len() > usize::from(u16::MAX) {
            return None;
        }
        self.buffer.extend_from_slice(&latest);
        Some(start)
    }

    /// Notes that the element stands at the end of the buffer from `start`. One that is set again with
    /// the same length takes its old place.
    #[inline]
    fn place(&mut self, de: u8, start: usize) -> Option<()> {
        let index = usize::from(de.wrapping_sub(1));
        let mask = FIRST >> (index % 64);
        let map = self.maps.get_mut(index / 64)?;
        let place = &mut self.places.get_mut(index / 64)?[index % 64];
        let end = self.buffer.len();
        let old = usize::from(place.0)..usize::from(place.1);
        if *map & mask != 0 && old.len() == end - start {
            self.buffer.copy_within(start..end, old.start);
            self.buffer.truncate(start);
            return Some(());
        }
        *place = (narrow(start), narrow(end));
        *map |= mask;
        Some(())
    }

    /// Appends the message to `out` and says how many bytes it has.
    ///
    /// # Errors
    /// [`BuildCause::MessageTooLong`]; nothing is appended then.
    pub fn write(&mut self, out: &mut Vec<u8>) -> Result<usize, BuildError> {
        let start = out.len();
        self.header(out);
        let mut run = 0..0;
        let [_, _, third] = self.maps;
        let inner = self.dialect.tertiary == Tertiary::Element65 && third != 0;
        for (index, (map, places)) in self.maps.iter().zip(&self.places).enumerate() {
            if index == 1 && inner {
                self.flush(&run, out);
                run = 0..0;
                bitmap(self.dialect.bitmap, third, out);
            }
            let mut bits = *map;
            while bits != 0 {
                let bit = (bits.leading_zeros() & 63) as usize;
                bits ^= FIRST >> bit;
                let (from, to) = places[bit];
                let (from, to) = (usize::from(from), usize::from(to));
                if from == run.end {
                    run.end = to;
                } else {
                    self.flush(&run, out);
                    run = from..to;
                }
            }
        }
        self.flush(&run, out);
        let length = out.len() - start;
        if length > usize::from(u16::MAX) {
            out.truncate(start);
            return Err(BuildError { element: 0, cause: BuildCause::MessageTooLong });
        }
        Ok(length)
    }

    fn flush(&self, run: &core::ops::Range<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.buffer.get(run.clone()).unwrap_or_default());
    }

    /// The message type indicator and the bitmaps.
    fn header(&self, out: &mut Vec<u8>) {
        let [a, b, c, d] = self.mti.digits();
        match self.dialect.mti {
            Digits::Ascii => out.extend([a, b, c, d].map(|digit| b'0' + digit)),
            Digits::Ebcdic => out.extend([a, b, c, d].map(|digit| 0xF0 + digit)),
            Digits::Bcd => out.extend([a << 4 | b, c << 4 | d]),
        }
        let [first, mut second, third] = self.maps;
        if third != 0 {
            second |= FIRST;
        }
        let coding = self.dialect.bitmap;
        if second == 0 {
            return bitmap(coding, first, out);
        }
        bitmap(coding, first | FIRST, out);
        bitmap(coding, second, out);
        if third != 0 && self.dialect.tertiary == Tertiary::AfterSecondary {
            bitmap(coding, third, out);
        }
    }
}

fn bitmap(coding: Binary, map: u64, out: &mut Vec<u8>) {
    let bytes = map.to_be_bytes();
    let hex = || bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_character);
    match coding {
        Binary::Raw => out.extend_from_slice(&bytes),
        Binary::Hex => out.extend(hex()),
        Binary::EbcdicHex => out.extend(hex().map(crate::charset::to_ebcdic)),
    }
}
