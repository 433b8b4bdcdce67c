//! Building a message: elements in any order into a buffer that is kept, written out in the order of
//! the bitmap. Nothing is allocated once the buffers have grown to the size of the traffic.

use crate::dialect::{Dialect, Tertiary};
use crate::digits::hex_character;
use crate::encode;
use crate::error::{BuildCause, BuildError};
use crate::format::{Binary, Class, Digits, Layout};
use crate::hot::Slot;
use crate::message::{FieldValue, Message, has};
use crate::store::Store;
use crate::subfields::Subfield;
use payment_types::Mti;

/// Builds messages of one dialect, one after another.
#[derive(Debug, Clone)]
pub struct MessageBuilder<'d> {
    dialect: &'d Dialect,
    mti: Mti,
    store: Store,
    scratch: Vec<u8>,
}

const FIRST: u64 = 1 << 63;

impl<'d> MessageBuilder<'d> {
    /// An empty message.
    #[must_use]
    pub fn new(dialect: &'d Dialect, mti: Mti) -> Self {
        Self { dialect, mti, store: Store::new(), scratch: Vec::new() }
    }

    /// Starts the next message.
    pub fn reset(&mut self, mti: Mti) {
        self.mti = mti;
        self.store.clear();
    }

    /// Sets a numeric element; a fixed one is padded with zeros.
    ///
    /// # Errors
    /// [`BuildCause::TooLong`], or the element cannot hold a number.
    pub fn set_number(&mut self, de: u8, value: u64) -> Result<&mut Self, BuildError> {
        if let Some((word, width)) = self.slot(de).and_then(|slot| slot.packed(value)) {
            return self.store(de, word.get(..width).unwrap_or_default());
        }
        self.put(de, |layout, out| encode::number(layout, value, out))
    }

    /// Sets an element from ASCII: a fixed one is padded as its format says, text for a binary element
    /// is hex, and in track 2 the separator may be `=` or `D`.
    ///
    /// # Errors
    /// The value is too long, or has characters outside the element's alphabet.
    pub fn set_text(&mut self, de: u8, ascii: &[u8]) -> Result<&mut Self, BuildError> {
        if self.slot(de).is_some_and(|slot| slot.is_text(ascii)) {
            return self.store(de, ascii);
        }
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
            return self.store(de, wire);
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
        let whole = from.maps[2] == 0 && core::ptr::eq(self.dialect, from.dialect());
        if let Some((base, elements)) = from.region().filter(|_| whole) {
            self.store.copy(from, base, elements);
            return Ok(self);
        }
        self.store.clear();
        for de in from.elements() {
            self.copy(from, de)?;
        }
        Ok(self)
    }

    /// Takes the element out again.
    pub fn unset(&mut self, de: u8) {
        self.store.remove(de);
    }

    /// Whether the element has been set.
    #[must_use]
    pub fn has(&self, de: u8) -> bool {
        has(&self.store.maps(), de)
    }

    fn slot(&self, de: u8) -> Option<&'d Slot> {
        let index = usize::from(de.wrapping_sub(1));
        self.dialect.slots.get(index / 64)?.get(index % 64)
    }

    fn put(
        &mut self,
        de: u8,
        encode: impl FnOnce(&Layout, &mut Vec<u8>) -> Result<(), BuildCause>,
    ) -> Result<&mut Self, BuildError> {
        let layout = self.dialect.layout(de);
        let done = self.store.encode(de, BuildCause::MessageTooLong, |out| encode(layout, out));
        done.map_err(|cause| BuildError { element: de, cause })?;
        Ok(self)
    }

    /// Sets an element to bytes that are ready for the wire.
    #[inline]
    fn store(&mut self, de: u8, wire: &[u8]) -> Result<&mut Self, BuildError> {
        let error = BuildError { element: de, cause: BuildCause::MessageTooLong };
        self.store.put(de, wire).ok_or(error)?;
        Ok(self)
    }

    /// Appends the message to `out` and says how many bytes it has.
    ///
    /// # Errors
    /// [`BuildCause::MessageTooLong`]; nothing is appended then.
    pub fn write(&mut self, out: &mut Vec<u8>) -> Result<usize, BuildError> {
        let start = out.len();
        let maps = self.store.maps();
        self.header(maps, out);
        let inner = self.dialect.tertiary == Tertiary::Element65 && maps[2] != 0;
        self.store.write(out, |out| {
            if inner {
                bitmap(self.dialect.bitmap, maps[2], out);
            }
        });
        let length = out.len() - start;
        if length > usize::from(u16::MAX) {
            out.truncate(start);
            return Err(BuildError { element: 0, cause: BuildCause::MessageTooLong });
        }
        Ok(length)
    }

    /// The message type indicator and the bitmaps.
    fn header(&self, maps: [u64; 3], out: &mut Vec<u8>) {
        let [a, b, c, d] = self.mti.digits();
        match self.dialect.mti {
            Digits::Ascii => out.extend([a, b, c, d].map(|digit| b'0' + digit)),
            Digits::Ebcdic => out.extend([a, b, c, d].map(|digit| 0xF0 + digit)),
            Digits::Bcd => out.extend([a << 4 | b, c << 4 | d]),
        }
        let [first, mut second, third] = maps;
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
