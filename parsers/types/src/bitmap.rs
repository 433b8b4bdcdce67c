//! Which data elements a message carries (ISO 8583-1 4.3.2).

use core::fmt;

/// The primary and secondary bitmaps as one set of the data elements 2 to 128. Bit 1 only says that
/// the secondary map is there, so it is derived and cannot be set; so is bit 65 (a tertiary map is
/// a matter of the dialect).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Bitmap(u128);

impl Bitmap {
    /// No element.
    pub const EMPTY: Self = Self(0);

    const fn mask(element: u8) -> u128 {
        match element {
            2..=128 => 1u128 << (128 - element),
            _ => 0,
        }
    }

    /// From the 16 bytes of both maps, first bit first; bit 1 is dropped.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes) & !(1u128 << 127))
    }

    /// From the eight bytes of a primary map; bit 1 is dropped.
    #[must_use]
    pub const fn from_primary(bytes: [u8; 8]) -> Self {
        Self(((u64::from_be_bytes(bytes) as u128) << 64) & !(1u128 << 127))
    }

    /// Both maps, with bit 1 set if any element above 64 is there.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        let first = if self.has_secondary() { 1u128 << 127 } else { 0 };
        (self.0 | first).to_be_bytes()
    }

    /// Whether any element above 64 is there.
    #[must_use]
    pub const fn has_secondary(self) -> bool {
        self.0 & (u64::MAX as u128) != 0
    }

    /// Whether the element is there.
    #[must_use]
    pub const fn contains(self, element: u8) -> bool {
        self.0 & Self::mask(element) != 0
    }

    /// With the element.
    pub const fn insert(&mut self, element: u8) {
        self.0 |= Self::mask(element);
    }

    /// Without the element.
    pub const fn remove(&mut self, element: u8) {
        self.0 &= !Self::mask(element);
    }

    /// How many elements there are.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The elements in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let lead = rest.leading_zeros();
            rest &= !(1u128 << (127 - lead));
            u8::try_from(lead + 1).ok()
        })
    }
}

impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_back_in_order() {
        let mut map = Bitmap::EMPTY;
        for element in [128, 2, 64, 70, 0, 1, 129] {
            map.insert(element);
        }
        assert_eq!(map.iter().collect::<Vec<_>>(), [2, 64, 70, 128]);
        assert!(map.has_secondary() && map.to_bytes()[0] == 0xC0);
        assert_eq!(Bitmap::from_bytes(map.to_bytes()), map);
        map.remove(128);
        map.remove(70);
        assert!(!map.has_secondary() && map.len() == 2);
    }
}
