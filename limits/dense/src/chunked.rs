//! An array in chunks, copy-on-write by the chunk.

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// Elements in a chunk. Large enough that cloning ten million elements copies tens of thousands of
/// pointers, small enough that the first write after a clone copies a few kilobytes.
const CHUNK: usize = 256;

/// An append-only array whose clone costs one pointer for every 256 elements.
#[derive(Clone)]
pub struct Chunked<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Chunked<T> {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element at a position.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// The element at a position, to change it. Copies its chunk first if a clone still shares it.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let chunk = self.chunks.get_mut(at / CHUNK)?;
        unshare(chunk).get_mut(at % CHUNK)
    }

    /// Adds an element at the end and gives its position.
    ///
    /// # Panics
    /// At 2^32 elements: a shard that size must be split.
    pub fn push(&mut self, value: T) -> u32 {
        let position = u32::try_from(self.len).unwrap_or_else(|_| panic!("array is full"));
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            unshare(chunk).push(value);
            self.len += 1;
        }
        position
    }

    /// All elements in order of position.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

/// The chunk as this side's own. A copy keeps the full capacity, so that later pushes stay in place.
fn unshare<T: Clone>(chunk: &mut Arc<Vec<T>>) -> &mut Vec<T> {
    if Arc::get_mut(chunk).is_none() {
        let mut own = Vec::with_capacity(CHUNK);
        own.extend_from_slice(chunk);
        *chunk = Arc::new(own);
    }
    Arc::make_mut(chunk)
}

impl<T: Clone> Extend<T> for Chunked<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        for value in values {
            self.push(value);
        }
    }
}

impl<T: Clone + fmt::Debug> fmt::Debug for Chunked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: Clone + PartialEq> PartialEq for Chunked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Clone + Serialize> Serialize for Chunked<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.len))?;
        for value in self.iter() {
            seq.serialize_element(value)?;
        }
        seq.end()
    }
}

impl<'de, T: Clone + Deserialize<'de>> Deserialize<'de> for Chunked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Clone + Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = Chunked<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Chunked<T>, A::Error> {
                let mut array = Chunked::new();
                while let Some(value) = seq.next_element()? {
                    array.push(value);
                }
                Ok(array)
            }
        }
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_what_it_saw() {
        let mut live: Chunked<u32> = Chunked::new();
        live.extend(0..1000);
        let snapshot = live.clone();
        for at in 0..1000 {
            *live.get_mut(at).unwrap() += 7;
        }
        assert_eq!(live.push(5), 1000);
        assert!(snapshot.iter().copied().eq(0..1000));
        assert_eq!(live.get(999), Some(&1006));
        assert_eq!((snapshot.len(), live.len(), live.get(1001)), (1000, 1001, None));
    }

    #[test]
    fn a_write_copies_only_what_is_shared() {
        let mut live: Chunked<u64> = Chunked::new();
        live.extend(0..512);
        let before = std::ptr::from_ref(live.get(0).unwrap());
        *live.get_mut(0).unwrap() = 9;
        assert_eq!(std::ptr::from_ref(live.get(0).unwrap()), before);
        let snapshot = live.clone();
        *live.get_mut(0).unwrap() = 10;
        assert_ne!(std::ptr::from_ref(live.get(0).unwrap()), before);
        assert!(std::ptr::eq(live.get(256).unwrap(), snapshot.get(256).unwrap()));
    }
}
