//! A panel: all counters of one scope, a block of neighbouring words for each key met.
//!
//! ```text
//! block: [ key, two parts a word ][ previous block of the same card ][ calendar ] ... [ rings ]
//!          crossings only           crossings with a card only         1 word each
//! ```
//! Blocks start on a cache line of eight words. A scope of one dimension is found by an array from
//! index to block, a crossing by a hash of its key. Blocks are made when a key is first counted.

use super::cell::{self, Words};
use crate::scope::{Key, Scope};
use crate::window::{Tick, Window};
use crate::{Base, Dimension, Facts, Measure};
use dense::{Chunked, Index};
use serde::{Deserialize, Serialize};

/// Counters in a panel: as many as a receipt has bits.
pub(crate) const COLUMNS_MAX: usize = 64;

const WORDS: usize = 8;
const NONE: u32 = u32::MAX;
/// Blocks of a card that are looked through for one to use again.
const CHAIN_LOOKED_AT: usize = 256;

/// A cache line of a block.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Line([u64; WORDS]);

/// What a counter of a panel is for. Never changes, so that old receipts stay meaningful.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Column {
    /// The limit's id.
    pub(crate) limit: Box<str>,
    pub(crate) window: Window,
    pub(crate) measure: Measure,
    pub(crate) base: Base,
    /// The place of its first word in a block.
    pub(crate) offset: u16,
}

impl Column {
    pub(crate) const fn is_ring(&self) -> bool {
        self.window.ring().is_some()
    }
}

/// The counters of one scope.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct Panel {
    pub(crate) scope: Scope,
    pub(crate) columns: Vec<Column>,
    /// Lines in a block.
    lines_each: u32,
    /// The first lines of a block, which hold its key and its calendar counters.
    flat_lines: u32,
    /// Blocks made so far.
    blocks: u32,
    lines: Chunked<Line>,
    /// By the index of the only dimension: its block. In a crossing with a card: the card's newest
    /// block. `u32::MAX` is none.
    direct: Chunked<u32>,
    #[serde(skip)]
    index: Ghost,
}

/// The index, which is not stored and has no say in whether two panels are equal.
#[derive(Clone, Default)]
struct Ghost(Index);

impl std::fmt::Debug for Ghost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

#[derive(Deserialize)]
struct Stored {
    scope: Scope,
    columns: Vec<Column>,
    lines_each: u32,
    flat_lines: u32,
    blocks: u32,
    lines: Chunked<Line>,
    direct: Chunked<u32>,
}

impl From<Stored> for Panel {
    fn from(stored: Stored) -> Self {
        let Stored { scope, columns, lines_each, flat_lines, blocks, lines, direct } = stored;
        let index = Ghost::default();
        let mut panel =
            Self { scope, columns, lines_each, flat_lines, blocks, lines, direct, index };
        panel.rebuild_index();
        panel
    }
}

impl PartialEq for Panel {
    fn eq(&self, other: &Self) -> bool {
        self.scope == other.scope
            && self.columns == other.columns
            && self.lines_each == other.lines_each
            && self.blocks == other.blocks
            && self.lines == other.lines
            && self.direct == other.direct
    }
}

/// Where a counter is, to read or write it.
pub(crate) struct Cell<P> {
    panel: P,
    line: usize,
    offset: usize,
}

impl Words for Cell<&Panel> {
    fn word(&self, at: usize) -> u64 {
        self.panel.word_at(self.line, self.offset + at)
    }
    fn set(&mut self, _: usize, _: u64) {}
    fn sum(&self, from: usize, until: usize) -> u64 {
        self.panel.sum_at(self.line, self.offset + from, self.offset + until)
    }
}

impl Words for Cell<&mut Panel> {
    fn word(&self, at: usize) -> u64 {
        self.panel.word_at(self.line, self.offset + at)
    }
    fn set(&mut self, at: usize, value: u64) {
        self.panel.set_at(self.line, self.offset + at, value);
    }
    fn sum(&self, from: usize, until: usize) -> u64 {
        self.panel.sum_at(self.line, self.offset + from, self.offset + until)
    }
}

impl Panel {
    /// A panel with the counters named; their offsets are worked out here.
    pub(crate) fn new(scope: Scope, mut columns: Vec<Column>) -> Self {
        let mut words = Self::key_words(scope) + usize::from(Self::is_chained(scope));
        let lines = |words: usize| u32::try_from(words.div_ceil(WORDS).max(1)).unwrap_or(u32::MAX);
        let mut flat_lines = 0;
        for rings in [false, true] {
            for column in columns.iter_mut().filter(|column| column.is_ring() == rings) {
                column.offset = u16::try_from(words).unwrap_or(u16::MAX);
                words += column.window.words();
            }
            if !rings {
                flat_lines = lines(words);
                // Rings begin on a line of their own, so that the flat ones can be written whole.
                let any = columns.iter().any(Column::is_ring);
                words = if any { flat_lines as usize * WORDS } else { words };
            }
        }
        let lines_each = lines(words);
        Self {
            scope,
            columns,
            lines_each,
            flat_lines,
            blocks: 0,
            lines: Chunked::new(),
            direct: Chunked::new(),
            index: Ghost::default(),
        }
    }

    fn key_words(scope: Scope) -> usize {
        if scope.len() < 2 { 0 } else { scope.len().div_ceil(2) }
    }

    /// Whether the blocks of one card hang together, to be listed and used again.
    fn is_chained(scope: Scope) -> bool {
        scope.len() >= 2 && scope.has(Dimension::Card)
    }

    fn chain_at(&self) -> usize {
        Self::key_words(self.scope)
    }

    fn line_of(&self, slot: u32) -> usize {
        slot as usize * self.lines_each as usize
    }

    fn word_at(&self, line: usize, at: usize) -> u64 {
        let line = self.lines.get(line + at / WORDS);
        line.and_then(|line| line.0.get(at % WORDS)).copied().unwrap_or_default()
    }

    fn sum_at(&self, line: usize, from: usize, until: usize) -> u64 {
        let mut sum = 0u64;
        for at in from / WORDS..until.div_ceil(WORDS) {
            let Some(words) = self.lines.get(line + at) else { break };
            let first = from.saturating_sub(at * WORDS);
            let last = (until - at * WORDS).min(WORDS);
            let words = words.0.get(first..last).unwrap_or_default();
            sum = words.iter().fold(sum, |sum, word| sum.saturating_add(*word));
        }
        sum
    }

    /// Appends a block's key and calendar counters to `words`, in their places.
    #[inline]
    pub(crate) fn read_flat(&self, slot: u32, words: &mut Vec<u64>) {
        let line = self.line_of(slot);
        for at in 0..self.flat_lines as usize {
            words.extend_from_slice(&self.lines.get(line + at).copied().unwrap_or_default().0);
        }
    }

    /// Writes back what [`Panel::read_flat`] gave.
    pub(crate) fn write_flat(&mut self, slot: u32, words: &[u64]) {
        let line = self.line_of(slot);
        let (lines, _) = words.as_chunks::<WORDS>();
        for (at, words) in lines.iter().enumerate() {
            if let Some(line) = self.lines.get_mut(line + at) {
                line.0 = *words;
            }
        }
    }

    fn set_at(&mut self, line: usize, at: usize, value: u64) {
        let line = self.lines.get_mut(line + at / WORDS);
        if let Some(word) = line.and_then(|line| line.0.get_mut(at % WORDS)) {
            *word = value;
        }
    }

    /// A counter, to read.
    pub(crate) fn cell(&self, slot: u32, offset: u16) -> Cell<&Self> {
        Cell { line: self.line_of(slot), offset: usize::from(offset), panel: self }
    }

    /// A counter, to write.
    pub(crate) fn cell_mut(&mut self, slot: u32, offset: u16) -> Cell<&mut Self> {
        Cell { line: self.line_of(slot), offset: usize::from(offset), panel: self }
    }

    /// The block of a request's counters, if it has one.
    pub(crate) fn find_for(&self, facts: &Facts) -> Option<u32> {
        match self.scope.single() {
            Some(dimension) => self.find_direct(facts.index(dimension)?),
            None => self.find(&self.scope.key(|dimension| facts.index(dimension))?),
        }
    }

    fn find_direct(&self, index: u32) -> Option<u32> {
        self.direct.get(index as usize).copied().filter(|slot| *slot != NONE)
    }

    /// The block of a key, if it has one.
    pub(crate) fn find(&self, key: &Key) -> Option<u32> {
        match self.scope.len() {
            0 => (self.blocks > 0).then_some(0),
            1 => self.find_direct(key.first()?),
            _ => {
                let hash = Key::hash_words(key.words());
                self.index.0.find(hash, |slot| self.has_key(slot, key))
            }
        }
    }

    /// The block of a request's counters, made if need be; `None` if the request lacks a part.
    pub(crate) fn find_or_make_for(&mut self, facts: &Facts, now: Tick) -> Option<u32> {
        self.find_for(facts).or_else(|| {
            let key = self.scope.key(|dimension| facts.index(dimension))?;
            Some(self.find_or_make(&key, now))
        })
    }

    /// The block of a key, made if need be.
    pub(crate) fn find_or_make(&mut self, key: &Key, now: Tick) -> u32 {
        if let Some(slot) = self.find(key) {
            return slot;
        }
        let chained = Self::is_chained(self.scope);
        let reused = if chained { self.take_past_block(key, now) } else { None };
        let slot = reused.unwrap_or_else(|| self.make_block());
        if self.scope.len() == 1 {
            self.set_direct(key.first().unwrap_or_default(), slot);
        } else if self.scope.len() > 1 {
            for (at, word) in key.words().enumerate() {
                self.set_at(self.line_of(slot), at, word);
            }
            if chained && reused.is_none() {
                self.link(key.first().unwrap_or_default(), slot);
            }
            self.add_to_index(slot);
        }
        slot
    }

    fn make_block(&mut self) -> u32 {
        for _ in 0..self.lines_each {
            self.lines.push(Line::default());
        }
        let slot = self.blocks;
        self.blocks += 1;
        slot
    }

    /// A block of the same card whose windows are all past, emptied, so that a card which goes from
    /// device to device does not leave a block at each for ever. No receipt can still mean it: a
    /// receipt counts only while its window does.
    fn take_past_block(&mut self, key: &Key, now: Tick) -> Option<u32> {
        let card = key.first()?;
        let blocks = self.blocks_of_card(card).take(CHAIN_LOOKED_AT);
        let slot = { blocks }.find(|slot| self.is_past(*slot, now))?;
        let hash = self.hash_of(slot);
        self.index.0.remove(hash, |found| found == slot);
        let line = self.line_of(slot);
        for at in self.chain_at() + 1..self.lines_each as usize * WORDS {
            self.set_at(line, at, 0);
        }
        Some(slot)
    }

    fn is_past(&self, slot: u32, now: Tick) -> bool {
        let past =
            |column: &Column| cell::is_past(&self.cell(slot, column.offset), column.window, now);
        self.columns.iter().all(past)
    }

    /// The blocks of a card in a crossing, the newest first.
    pub(crate) fn blocks_of_card(&self, card: u32) -> impl Iterator<Item = u32> {
        let chained = Self::is_chained(self.scope);
        let head = if chained { self.direct.get(card as usize).copied() } else { None };
        let previous = |slot: &u32| {
            let word = self.word_at(self.line_of(*slot), self.chain_at());
            u32::try_from(word).ok().filter(|slot| *slot != NONE)
        };
        std::iter::successors(head.filter(|slot| *slot != NONE), previous)
    }

    /// The index a block's key has for a dimension of the scope.
    pub(crate) fn key_part(&self, slot: u32, dimension: Dimension) -> Option<u32> {
        let at = self.scope.iter().position(|part| part == dimension)?;
        if self.scope.len() < 2 {
            return None;
        }
        let word = self.word_at(self.line_of(slot), at / 2);
        u32::try_from(if at % 2 == 0 { word & u64::from(u32::MAX) } else { word >> 32 }).ok()
    }

    fn link(&mut self, card: u32, slot: u32) {
        let previous = self.direct.get(card as usize).copied().unwrap_or(NONE);
        self.set_at(self.line_of(slot), self.chain_at(), u64::from(previous));
        self.set_direct(card, slot);
    }

    fn set_direct(&mut self, index: u32, slot: u32) {
        while self.direct.len() <= index as usize {
            self.direct.push(NONE);
        }
        if let Some(place) = self.direct.get_mut(index as usize) {
            *place = slot;
        }
    }

    fn has_key(&self, slot: u32, key: &Key) -> bool {
        let line = self.line_of(slot);
        key.words().enumerate().all(|(at, word)| self.word_at(line, at) == word)
    }

    fn hash_of(&self, slot: u32) -> u64 {
        let line = self.line_of(slot);
        Key::hash_words((0..Self::key_words(self.scope)).map(|at| self.word_at(line, at)))
    }

    fn add_to_index(&mut self, slot: u32) {
        let hash = self.hash_of(slot);
        self.index.0.insert(hash, slot);
    }

    fn rebuild_index(&mut self) {
        if self.scope.len() > 1 {
            self.index = Ghost(Index::with_capacity(self.blocks as usize));
            for slot in 0..self.blocks {
                self.add_to_index(slot);
            }
        }
    }

    /// How many keys have been met, and the bytes their counters take.
    pub(crate) fn size(&self) -> (usize, usize) {
        let bytes = self.lines.len() * size_of::<Line>() + self.direct.len() * size_of::<u32>();
        (self.blocks as usize, bytes)
    }

    /// Forgets all counters, when no limit uses the panel any more.
    pub(crate) fn retire(&mut self) {
        *self = Self::new(self.scope, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(panel: &Panel, card: u32, device: u32) -> Key {
        let index = |part| Some(if part == Dimension::Card { card } else { device });
        panel.scope.key(index).unwrap()
    }

    #[test]
    fn past_blocks_are_used_again_and_leave_the_index() {
        let day = Column {
            limit: "x".into(),
            window: Window::Day,
            measure: Measure::Amount,
            base: Base::Whole,
            offset: 0,
        };
        let scope = Scope::of(&[Dimension::Card, Dimension::Device]);
        let mut panel = Panel::new(scope, vec![day]);
        let offset = panel.columns[0].offset;
        for day in 1..100u16 {
            let now = Tick::from_parts(day, 0);
            for device in 0..3 {
                let key = key(&panel, 7, 10 * u32::from(day) + device);
                let slot = panel.find_or_make(&key, now);
                let word = cell::calendar_add(0, day, 5);
                panel.cell_mut(slot, offset).set(0, word);
                assert_eq!(panel.find(&key), Some(slot));
            }
            let old = key(&panel, 7, 10 * u32::from(day) - 10);
            assert_eq!(panel.find(&old), None);
        }
        assert_eq!((panel.blocks, panel.index.0.len()), (3, 3));
        let mut listed: Vec<u32> = panel.blocks_of_card(7).collect();
        listed.sort_unstable();
        assert_eq!(listed, [0, 1, 2]);
        assert_eq!(panel.blocks_of_card(6).count(), 0);
    }
}
