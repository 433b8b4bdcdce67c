//! Where the elements of a message under construction stand: some in the block that was copied from
//! another message as a whole, the rest behind it in the order they were set. Writing out takes the
//! block in as few pieces as the changes allow, so that an answer costs its changes, not its length.

use crate::hot::narrow;
use crate::message::Message;
use core::num::NonZeroU128;
use core::ops::Range;

/// Elements as on the wire, by their number.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    buffer: Vec<u8>,
    /// The elements 1 to 128 of the copied block, first one highest, as they were copied and as far
    /// as they are still meant.
    copied: u128,
    block: u128,
    /// Where they start, in the message they came from, and where that message's first one did.
    starts: [[u16; 64]; 2],
    base: usize,
    /// How long the block is.
    length: usize,
    /// Elements that stand on their own, of all three bitmaps, and where.
    single: [u64; 3],
    places: [[(u16, u16); 64]; 3],
}

const FIRST: u64 = 1 << 63;

/// Elements after the one at `index`.
const fn after(map: u128, index: usize) -> u128 {
    map & (u128::MAX >> 1 >> index)
}

/// Elements before the one at `index`.
const fn before(map: u128, index: usize) -> u128 {
    map & !(u128::MAX >> index)
}

fn first(map: u128) -> Option<usize> {
    NonZeroU128::new(map).map(|map| map.leading_zeros() as usize & 127)
}

fn last(map: u128) -> Option<usize> {
    NonZeroU128::new(map).map(|map| 127 - (map.trailing_zeros() as usize & 127))
}

const fn bit(index: usize) -> u128 {
    1 << 127 >> (index & 127)
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            buffer: Vec::with_capacity(1024),
            copied: 0,
            block: 0,
            starts: [[0; 64]; 2],
            base: 0,
            length: 0,
            single: [0; 3],
            places: [[(0, 0); 64]; 3],
        }
    }

    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        (self.copied, self.block, self.length, self.single) = (0, 0, 0, [0; 3]);
    }

    /// Takes all elements of a message whose block is `elements`, starting at `base` in its body.
    pub(crate) fn copy(&mut self, from: &Message<'_>, base: usize, elements: &[u8]) {
        self.clear();
        self.buffer.extend_from_slice(elements);
        let [first, second, _] = from.maps;
        self.copied = u128::from(first) << 64 | u128::from(second);
        self.block = self.copied;
        self.starts = from.starts;
        (self.base, self.length) = (base, elements.len());
    }

    /// The elements there are.
    #[inline]
    pub(crate) fn maps(&self) -> [u64; 3] {
        let [first, second, third] = self.single;
        let [high, low] = halves(self.block);
        [first | high, second | low, third]
    }

    pub(crate) fn remove(&mut self, de: u8) {
        let index = usize::from(de.wrapping_sub(1));
        if let Some(map) = self.single.get_mut(index / 64) {
            *map &= !(FIRST >> (index % 64));
        }
        if index < 128 {
            self.block &= !bit(index);
        }
    }

    /// Where an element of the block starts in the buffer.
    #[inline]
    fn start(&self, index: usize) -> usize {
        let start = self.starts[(index / 64) & 1][index % 64];
        usize::from(start).saturating_sub(self.base)
    }

    /// Where an element of the block ends: where the next one, as it was copied, starts.
    #[inline]
    fn end(&self, index: usize) -> usize {
        first(after(self.copied, index)).map_or(self.length, |next| self.start(next))
    }

    /// Where the element stands.
    #[inline]
    fn find(&self, de: u8) -> Option<Range<usize>> {
        let index = usize::from(de.wrapping_sub(1));
        if index < 128 && self.block & bit(index) != 0 {
            return Some(self.start(index)..self.end(index));
        }
        let (map, bit) = (index / 64, index % 64);
        if self.single.get(map)? << bit >> 63 == 0 {
            return None;
        }
        let (from, to) = self.places.get(map)?[bit];
        Some(usize::from(from)..usize::from(to))
    }

    /// Sets an element to bytes that are ready for the wire. `None` if there is no room.
    #[inline]
    pub(crate) fn put(&mut self, de: u8, wire: &[u8]) -> Option<()> {
        let found = self.find(de).filter(|place| place.len() == wire.len());
        if let Some(place) = found.and_then(|place| self.buffer.get_mut(place)) {
            place.copy_from_slice(wire);
            return Some(());
        }
        let start = self.buffer.len();
        self.buffer.extend_from_slice(wire);
        self.place(de, start)
    }

    /// Sets an element to what `encode` appends to the buffer.
    pub(crate) fn encode<E>(
        &mut self,
        de: u8,
        full: E,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.buffer.len();
        if let Err(error) = encode(&mut self.buffer) {
            self.buffer.truncate(start);
            return Err(error);
        }
        let length = self.buffer.len() - start;
        if let Some(place) = self.find(de).filter(|place| place.len() == length) {
            self.buffer.copy_within(start.., place.start);
            self.buffer.truncate(start);
            return Ok(());
        }
        self.place(de, start).ok_or(full)
    }

    /// Notes that the element stands at the end of the buffer from `start`.
    fn place(&mut self, de: u8, start: usize) -> Option<()> {
        self.remove(de);
        let start =
            if self.buffer.len() > usize::from(u16::MAX) { self.compact(start)? } else { start };
        let index = usize::from(de.wrapping_sub(1));
        let (map, bit) = (index / 64, index % 64);
        self.places.get_mut(map)?[bit] = (narrow(start), narrow(self.buffer.len()));
        *self.single.get_mut(map)? |= FIRST >> bit;
        Some(())
    }

    /// Drops what elements left behind that were set again with another length. The one being set, now
    /// at `start`, stays last; says where it then starts, `None` if it does not fit (and is dropped).
    #[cold]
    fn compact(&mut self, start: usize) -> Option<usize> {
        let latest = self.buffer.split_off(start);
        let mut kept = Vec::with_capacity(self.buffer.len());
        let mut places = [[(0, 0); 64]; 3];
        let maps = self.maps();
        for de in (1..=192).filter(|de| crate::message::has(&maps, *de)) {
            let bytes = self.find(de).and_then(|place| self.buffer.get(place));
            let from = narrow(kept.len());
            kept.extend_from_slice(bytes.unwrap_or_default());
            let index = usize::from(de - 1);
            places[index / 64][index % 64] = (from, narrow(kept.len()));
        }
        (self.buffer, self.places, self.single) = (kept, places, maps);
        (self.copied, self.block, self.length) = (0, 0, 0);
        let start = self.buffer.len();
        if start + latest.len() > usize::from(u16::MAX) {
            return None;
        }
        self.buffer.extend_from_slice(&latest);
        Some(start)
    }

    /// Appends the elements in order; `inner` is called between the first and the second bitmap.
    pub(crate) fn write(&self, out: &mut Vec<u8>, inner: impl FnOnce(&mut Vec<u8>)) {
        if self.block != 0 {
            return self.write_around_block(out);
        }
        let [first, second, third] = self.single;
        self.write_singles(0, first, out);
        inner(out);
        self.write_singles(1, second, out);
        self.write_singles(2, third, out);
    }

    fn write_singles(&self, map: usize, mut bits: u64, out: &mut Vec<u8>) {
        let Some(places) = self.places.get(map) else { return };
        let mut run = 0..0;
        while bits != 0 {
            let bit = (bits.leading_zeros() & 63) as usize;
            bits ^= FIRST >> bit;
            let (from, to) = places[bit];
            let (from, to) = (usize::from(from), usize::from(to));
            if from == run.end {
                run.end = to;
            } else {
                self.flush(run, out);
                run = from..to;
            }
        }
        self.flush(run, out);
    }

    /// The block, broken where an element was put in, taken out or set anew.
    fn write_around_block(&self, out: &mut Vec<u8>) {
        let [first_map, second_map, _] = self.single;
        let single = u128::from(first_map) << 64 | u128::from(second_map);
        let mut breaks = single | (self.copied & !self.block);
        let next = |map| first(map).map_or(usize::MAX, |index| self.start(index));
        let mut from = next(self.block);
        while let Some(index) = first(breaks) {
            breaks &= !bit(index);
            self.flush_block(before(self.block, index), from, out);
            if single & bit(index) != 0 {
                let (start, end) = self.places[(index / 64) & 1][index % 64];
                self.flush(usize::from(start)..usize::from(end), out);
            }
            from = next(after(self.block, index));
        }
        self.flush_block(self.block, from, out);
    }

    /// The block from `from` to the end of the last of `elements`.
    fn flush_block(&self, elements: u128, from: usize, out: &mut Vec<u8>) {
        if let Some(index) = last(elements).filter(|index| self.start(*index) >= from) {
            self.flush(from..self.end(index), out);
        }
    }

    #[inline]
    fn flush(&self, run: Range<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.buffer.get(run).unwrap_or_default());
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves are taken apart")]
const fn halves(map: u128) -> [u64; 2] {
    [(map >> 64) as u64, map as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_again_and_again_does_not_run_out_of_room() {
        let mut store = Store::new();
        store.put(2, b"first").unwrap();
        for length in 0..4000 {
            store.put(48, &vec![b'x'; length % 100]).unwrap();
        }
        let mut out = Vec::new();
        store.write(&mut out, |_| {});
        assert_eq!(out.len(), 5 + 99);
        assert!(store.put(60, &[0; 65_500]).is_none());
        assert!(store.put(3, b"still room").is_some());
    }
}
