//! Positions found by hash.

use std::sync::Arc;

/// Places in a leaf. A leaf is what one insertion moves at most, and what the first write after a
/// clone copies: 4 KiB.
const PLACES: usize = 512;
/// A leaf with more is split, so that the way to a place stays short.
const LEAF_MOST: usize = PLACES / 4 * 3;
/// A leaf of one clone that holds this many on average when it is made for a known number.
const LEAF_USUAL: usize = PLACES / 2;
/// A leaf that can't be split is filled up to here; some places stay free, where searches end.
const FULL: usize = PLACES - 16;
/// Marks a free place: no array grows to this position.
const FREE: u32 = u32::MAX;

/// From a 64-bit hash to a position in an array. The index holds positions only: the array holds
/// the keys, so an index is rebuilt from its array and is neither stored nor walked.
///
/// It grows a leaf at a time (extendible hashing), so that no insertion waits for all of it to be
/// moved, and a clone shares the leaves until one side writes. Against one large table, with ten
/// million entries: finding takes as long; the longest insertion of the table took a second; a
/// clone takes 1.6 ms where the table's took 110 ms.
#[derive(Clone)]
pub struct Index {
    /// From the leading `depth` bits of a tag to a leaf.
    directory: Vec<u32>,
    depth: u32,
    leaves: Vec<Arc<Leaf>>,
    len: usize,
}

/// A position and 32 bits of its hash.
#[derive(Clone, Copy)]
struct Entry {
    tag: u32,
    position: u32,
}

/// All entries whose tags begin with the same `depth` bits. The trailing bits say where in the leaf
/// an entry belongs; it is there or in the next places up to a free one.
#[derive(Clone)]
struct Leaf {
    depth: u32,
    /// The bits the tags begin with.
    prefix: usize,
    len: usize,
    places: [Entry; PLACES],
    /// Where the many with one and the same hash go, which no split can part.
    surplus: Vec<Entry>,
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        Self { directory: vec![0], depth: 0, leaves: vec![Arc::new(Leaf::new(0, 0))], len: 0 }
    }

    /// An empty index with room.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let count = (capacity / LEAF_USUAL).max(1).next_power_of_two();
        let depth = count.trailing_zeros();
        let leaves = (0..count).map(|prefix| Arc::new(Leaf::new(depth, prefix))).collect();
        let directory = (0u32..).take(count).collect();
        Self { directory, depth, leaves, len: 0 }
    }

    /// A position with this hash that `is_it` accepts. It is asked about others too, whose hash is
    /// alike; never about the same one twice.
    #[must_use]
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        let leaf = self.leaves.get(self.leaf_of(tag))?;
        leaf.seek(tag, &mut is_it).map(|(_, position)| position)
    }

    /// Adds a position.
    #[inline]
    pub fn insert(&mut self, hash: u64, position: u32) {
        debug_assert_ne!(position, FREE);
        let tag = tag(hash);
        self.len += 1;
        loop {
            let at = self.leaf_of(tag);
            let deepest = self.deepest();
            let Some(leaf) = self.leaves.get_mut(at) else { return };
            if leaf.len < LEAF_MOST || leaf.depth >= deepest {
                Arc::make_mut(leaf).put(Entry { tag, position });
                return;
            }
            self.split(at);
        }
    }

    /// Takes out a position with this hash that `is_it` accepts.
    pub fn remove(&mut self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        let at = self.leaf_of(tag);
        let leaf = self.leaves.get_mut(at)?;
        let (place, position) = leaf.seek(tag, &mut is_it)?;
        Arc::make_mut(leaf).take(place);
        self.len -= 1;
        Some(position)
    }

    /// How many positions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Spreads a small key over 64 bits, the same on every machine (the finisher of SplitMix64).
    #[must_use]
    pub const fn mix(key: u64) -> u64 {
        let a = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        b ^ (b >> 31)
    }

    #[inline]
    fn leaf_of(&self, tag: u32) -> usize {
        let at = leading(tag, self.depth);
        self.directory.get(at).map_or(0, |leaf| *leaf as usize)
    }

    /// How deep the directory may get: a little more than evenly spread hashes need. Deeper would
    /// be a large directory for a few hashes that are much alike.
    fn deepest(&self) -> u32 {
        ((self.len / LEAF_USUAL).max(1).ilog2() + 4).min(28)
    }

    /// Gives half of a leaf's hashes to a new leaf.
    fn split(&mut self, at: usize) {
        let Some(leaf) = self.leaves.get_mut(at) else { return };
        let (depth, prefix) = (leaf.depth + 1, leaf.prefix * 2);
        let (mut low, mut high) = (Leaf::new(depth, prefix), Leaf::new(depth, prefix + 1));
        for entry in leaf.entries() {
            let goes_high = leading(entry.tag, depth) == high.prefix;
            if goes_high { &mut high } else { &mut low }.put(entry);
        }
        *leaf = Arc::new(low);
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|leaf| [*leaf, *leaf]).collect();
            self.depth = depth;
        }
        let new = u32::try_from(self.leaves.len()).unwrap_or(u32::MAX);
        let below = self.depth - depth;
        let first = high.prefix << below;
        if let Some(pointers) = self.directory.get_mut(first..first + (1 << below)) {
            pointers.fill(new);
        }
        self.leaves.push(Arc::new(high));
    }
}

/// Where an entry is in its leaf.
#[derive(Clone, Copy)]
enum Place {
    At(usize),
    Surplus(usize),
}

impl Leaf {
    fn new(depth: u32, prefix: usize) -> Self {
        let free = Entry { tag: 0, position: FREE };
        Self { depth, prefix, len: 0, places: [free; PLACES], surplus: Vec::new() }
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        let taken = self.places.iter().filter(|entry| entry.position != FREE);
        taken.chain(&self.surplus).copied()
    }

    /// The first position with a tag that `is_it` accepts, and where it is. Looks at the surplus
    /// last: usually it is not looked at, and is in another line of memory.
    fn seek(&self, tag: u32, is_it: &mut impl FnMut(u32) -> bool) -> Option<(Place, u32)> {
        let mut at = home(tag);
        while let Some(entry) = self.taken(at) {
            if entry.tag == tag && is_it(entry.position) {
                return Some((Place::At(at % PLACES), entry.position));
            }
            at += 1;
        }
        let found = self.surplus.iter().position(|one| one.tag == tag && is_it(one.position))?;
        Some((Place::Surplus(found), self.surplus.get(found)?.position))
    }

    #[inline]
    fn taken(&self, at: usize) -> Option<Entry> {
        self.places.get(at % PLACES).copied().filter(|entry| entry.position != FREE)
    }

    fn set(&mut self, at: usize, entry: Entry) {
        if let Some(place) = self.places.get_mut(at % PLACES) {
            *place = entry;
        }
    }

    fn put(&mut self, entry: Entry) {
        if self.len >= FULL {
            self.surplus.push(entry);
            return;
        }
        let mut at = home(entry.tag);
        while self.taken(at).is_some() {
            at += 1;
        }
        self.set(at, entry);
        self.len += 1;
    }

    fn take(&mut self, place: Place) {
        let mut hole = match place {
            Place::Surplus(at) => {
                self.surplus.swap_remove(at);
                return;
            }
            Place::At(at) => at,
        };
        // What follows moves up, as far as that does not put it before where it belongs.
        let mut at = hole;
        loop {
            at = (at + 1) % PLACES;
            let Some(entry) = self.taken(at) else { break };
            let way = (at + PLACES - home(entry.tag)) % PLACES;
            if way >= (at + PLACES - hole) % PLACES {
                self.set(hole, entry);
                hole = at;
            }
        }
        self.set(hole, Entry { tag: 0, position: FREE });
        self.len -= 1;
    }
}

/// The bits of a hash that are kept.
const fn tag(hash: u64) -> u32 {
    let [a, b, c, d, ..] = hash.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

const fn leading(tag: u32, depth: u32) -> usize {
    // A shift by all 32 bits is none to the processor.
    match tag.checked_shr(32 - depth) {
        Some(bits) => bits as usize,
        None => 0,
    }
}

const fn home(tag: u32) -> usize {
    tag as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn filled(keys: &[u64]) -> Index {
        let mut index = Index::new();
        for (at, key) in (0u32..).zip(keys) {
            index.insert(Index::mix(*key), at);
        }
        index
    }

    fn assert_finds_all(index: &Index, keys: &[u64]) {
        for (at, key) in (0u32..).zip(keys) {
            let found = index.find(Index::mix(*key), |at| keys[at as usize] == *key);
            assert_eq!(found, Some(at), "{key}");
        }
    }

    #[test]
    fn finds_by_what_the_array_says() {
        let keys: Vec<u64> = (0..100_000).map(|n| n * 3).collect();
        let mut index = filled(&keys);
        assert_finds_all(&index, &keys);
        assert_eq!(index.find(Index::mix(1), |at| keys[at as usize] == 1), None);
        assert_eq!(index.remove(Index::mix(9), |at| keys[at as usize] == 9), Some(3));
        assert_eq!(index.find(Index::mix(9), |at| keys[at as usize] == 9), None);
        assert_eq!(index.remove(Index::mix(9), |at| keys[at as usize] == 9), None);
        assert_eq!(index.len(), 99_999);
    }

    #[test]
    fn with_room_it_finds_the_same() {
        let keys: Vec<u64> = (0..50_000).collect();
        let mut index = Index::with_capacity(keys.len());
        let leaves = index.leaves.len();
        for (at, key) in (0u32..).zip(&keys) {
            index.insert(Index::mix(*key), at);
        }
        assert_finds_all(&index, &keys);
        assert!(index.leaves.len() < leaves + leaves / 4, "room was made beforehand");
    }

    #[test]
    fn a_clone_keeps_what_it_had() {
        let keys: Vec<u64> = (0..20_000).collect();
        let mut index = filled(&keys[..10_000]);
        let clone = index.clone();
        for at in 10_000..20_000u32 {
            index.insert(Index::mix(u64::from(at)), at);
        }
        for key in 0..5_000u64 {
            let right = |at: u32| keys[at as usize] == key;
            assert!(index.remove(Index::mix(key), right).is_some());
        }
        assert_finds_all(&clone, &keys[..10_000]);
        assert_eq!((clone.len(), index.len()), (10_000, 15_000));
        for (at, key) in (5_000u32..).zip(&keys[5_000..]) {
            assert_eq!(index.find(Index::mix(*key), |at| keys[at as usize] == *key), Some(at));
        }
    }

    #[test]
    fn many_with_one_hash_neither_get_lost_nor_take_all_memory() {
        let mut index = Index::new();
        for position in 0..5_000 {
            index.insert(Index::mix(7), position);
        }
        for position in 5_000..10_000u32 {
            index.insert(Index::mix(u64::from(position)), position);
        }
        let mut seen = Vec::new();
        let none = index.find(Index::mix(7), |position| {
            seen.push(position);
            false
        });
        assert_eq!(none, None);
        seen.sort_unstable();
        assert_eq!(seen, (0..5_000).collect::<Vec<_>>());
        assert!(index.directory.len() < 4096, "{}", index.directory.len());
        for position in (0..5_000).rev() {
            let found = index.remove(Index::mix(7), |at| at == position);
            assert_eq!(found, Some(position));
        }
        assert_eq!(index.find(Index::mix(7), |_| true), None);
        assert_eq!(index.len(), 5_000);
    }

    /// Against a slow and obvious one, through thousands of insertions and removals of few keys, so
    /// that leaves fill, empty and wrap around.
    #[test]
    fn agrees_with_a_plain_map() {
        let mut index = Index::new();
        let mut plain = BTreeMap::new();
        let mut random = 1u64;
        for position in 0..60_000u32 {
            random = Index::mix(random + 1);
            let key = random % 3_000;
            // Alike hashes, to meet each other on the way to a place.
            let hash = Index::mix(key % 97) ^ (key << 32);
            if random >> 63 == 0 {
                if let Some(before) = plain.insert(key, position) {
                    assert!(index.remove(hash, |at| at == before).is_some(), "{key}");
                }
                index.insert(hash, position);
            } else {
                let expected = plain.remove(&key);
                let found = expected.and_then(|right| index.remove(hash, |at| at == right));
                assert_eq!(found, expected, "{key}");
            }
        }
        assert_eq!(index.len(), plain.len());
        for (key, position) in plain {
            let hash = Index::mix(key % 97) ^ (key << 32);
            assert_eq!(index.find(hash, |at| at == position), Some(position));
        }
    }
}
