//! Positions found by hash.

use hashbrown::HashTable;

/// From a 64-bit hash to a position in an array. The index holds positions only: the array holds
/// the keys, so an index is rebuilt from its array and is neither stored nor walked.
#[derive(Clone, Default)]
pub struct Index {
    table: HashTable<u32>,
}

impl Index {
    /// An empty index.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty index with room.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { table: HashTable::with_capacity(capacity) }
    }

    /// A position with this hash that `is_it` accepts.
    #[must_use]
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.table.find(hash, |at| is_it(*at)).copied()
    }

    /// Adds a position. `hash_of` gives the hash of a position already there, for growing.
    pub fn insert(&mut self, hash: u64, position: u32, hash_of: impl Fn(u32) -> u64) {
        self.table.insert_unique(hash, position, |at| hash_of(*at));
    }

    /// Takes out a position with this hash that `is_it` accepts.
    pub fn remove(&mut self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let entry = self.table.find_entry(hash, |at| is_it(*at)).ok()?;
        Some(entry.remove().0)
    }

    /// How many positions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Spreads a small key over 64 bits, the same on every machine (the finisher of SplitMix64).
    #[must_use]
    pub const fn mix(key: u64) -> u64 {
        let a = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        b ^ (b >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_by_what_the_array_says() {
        let keys: Vec<u64> = (0..10_000).map(|n| n * 3).collect();
        let mut index = Index::new();
        for (at, key) in (0u32..).zip(&keys) {
            index.insert(Index::mix(*key), at, |at| Index::mix(keys[at as usize]));
        }
        for (at, key) in (0u32..).zip(&keys) {
            assert_eq!(index.find(Index::mix(*key), |at| keys[at as usize] == *key), Some(at));
        }
        assert_eq!(index.find(Index::mix(1), |at| keys[at as usize] == 1), None);
        assert_eq!(index.remove(Index::mix(9), |at| keys[at as usize] == 9), Some(3));
        assert_eq!(index.find(Index::mix(9), |at| keys[at as usize] == 9), None);
        assert_eq!(index.len(), 9_999);
    }
}
