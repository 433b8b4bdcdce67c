//! The requests a connection waits for, by number.

use bytes::Bytes;
use interchange::Secured;
use iso8583::Tpdu;
use payment_types::Mti;
use std::time::Instant;

/// The type of a request of which nothing is known yet, or that manages keys: it is not counted by it.
pub(crate) const MANAGEMENT: Mti = match Mti::from_digits([0, 8, 0, 0]) {
    Ok(mti) => mti,
    Err(_) => panic!("0800 is four digits"),
};

/// A request in flight: what its answer is built from.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    /// The request as received; its answer echoes from it.
    pub(crate) body: Bytes,
    pub(crate) tpdu: Option<Tpdu>,
    pub(crate) mti: Mti,
    /// How its answer is secured.
    pub(crate) secured: Secured,
    /// When its last byte was read.
    pub(crate) received: Instant,
}

/// Numbers are used again, last freed first, so there are never more than were in flight at once.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    rows: Vec<Option<Pending>>,
    free: Vec<u32>,
}

impl Slots {
    /// Keeps a request and gives its number.
    pub(crate) fn put(&mut self, pending: Pending) -> u32 {
        if let Some(slot) = self.free.pop()
            && let Some(row) = self.rows.get_mut(slot as usize)
        {
            *row = Some(pending);
            return slot;
        }
        // The bound of requests in flight is far below.
        let slot = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push(Some(pending));
        slot
    }

    /// A request that is kept.
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Pending> {
        self.rows.get_mut(slot as usize)?.as_mut()
    }

    /// Takes a request out, if its number is in use.
    pub(crate) fn take(&mut self, slot: u32) -> Option<Pending> {
        let pending = self.rows.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(pending)
    }

    /// How many are in flight.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(body: &'static [u8]) -> Pending {
        let mti = Mti::parse("0200").unwrap();
        let (body, received) = (Bytes::from_static(body), Instant::now());
        Pending { body, tpdu: None, mti, secured: Secured::default(), received }
    }

    #[test]
    fn numbers_are_used_again() {
        let mut slots = Slots::default();
        let (a, b) = (slots.put(pending(b"a")), slots.put(pending(b"b")));
        assert_eq!((a, b, slots.len()), (0, 1, 2));
        assert_eq!(slots.take(a).unwrap().body.as_ref(), b"a");
        assert!(slots.take(a).is_none());
        assert_eq!(slots.put(pending(b"c")), a);
        assert_eq!(slots.take(b).unwrap().body.as_ref(), b"b");
        assert!(slots.take(7).is_none());
        assert_eq!(slots.len(), 1);
    }
}
