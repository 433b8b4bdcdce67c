//! What a counter is kept for: a card, a customer, a card at a device.

use dense::Index;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One direction of a scope (LIM-1). The order is the order of the parts of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// A card.
    Card,
    /// An account.
    Account,
    /// A customer, over all their cards.
    Customer,
    /// A product.
    Product,
    /// A risk tier.
    Tier,
    /// A terminal.
    Device,
    /// A bank's agent.
    Agent,
    /// A merchant.
    Merchant,
    /// A merchant category.
    Mcc,
    /// The country of the terminal.
    Country,
    /// A payment network.
    Network,
}

impl Dimension {
    /// All of them, in key order.
    pub const ALL: [Self; 11] = [
        Self::Card,
        Self::Account,
        Self::Customer,
        Self::Product,
        Self::Tier,
        Self::Device,
        Self::Agent,
        Self::Merchant,
        Self::Mcc,
        Self::Country,
        Self::Network,
    ];

    /// The name in `rules.toml` and in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::Account => "account",
            Self::Customer => "customer",
            Self::Product => "product",
            Self::Tier => "tier",
            Self::Device => "device",
            Self::Agent => "agent",
            Self::Merchant => "merchant",
            Self::Mcc => "mcc",
            Self::Country => "country",
            Self::Network => "network",
        }
    }
}

/// A set of dimensions: one counter for each combination met.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Scope(u16);

impl Scope {
    /// As many dimensions as one limit may cross.
    pub const MAX_CROSSED: usize = 6;

    /// The scope over these dimensions, each once.
    #[must_use]
    pub fn of(dimensions: &[Dimension]) -> Self {
        Self(dimensions.iter().fold(0, |set, dimension| set | 1 << *dimension as u16))
    }

    /// Whether the dimension is crossed.
    #[must_use]
    pub const fn has(self, dimension: Dimension) -> bool {
        self.0 & (1 << dimension as u16) != 0
    }

    /// The same without a dimension.
    pub(crate) const fn without(self, dimension: Dimension) -> Self {
        Self(self.0 & !(1 << dimension as u16))
    }

    /// How many dimensions are crossed.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is one counter for everything.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The dimensions in key order.
    pub fn iter(self) -> impl Iterator<Item = Dimension> {
        Dimension::ALL.into_iter().filter(move |dimension| self.has(*dimension))
    }

    /// The dimensions a request may lack, in key order.
    pub(crate) fn iter_optional(self) -> impl Iterator<Item = Dimension> {
        let optional = [
            Dimension::Agent,
            Dimension::Merchant,
            Dimension::Mcc,
            Dimension::Country,
            Dimension::Network,
        ];
        optional.into_iter().filter(move |dimension| self.has(*dimension))
    }

    /// The dimension of a scope that crosses nothing.
    pub(crate) fn single(self) -> Option<Dimension> {
        let at = self.0.is_power_of_two().then(|| self.0.trailing_zeros())?;
        Dimension::ALL.get(at as usize).copied()
    }

    /// The key of one combination; `None` if a part is missing or there are too many.
    pub(crate) fn key(self, mut index: impl FnMut(Dimension) -> Option<u32>) -> Option<Key> {
        let mut key = Key::default();
        let mut rest = self.0;
        while rest != 0 {
            let dimension = *Dimension::ALL.get(rest.trailing_zeros() as usize)?;
            *key.parts.get_mut(usize::from(key.len))? = index(dimension)?;
            key.len += 1;
            rest &= rest - 1;
        }
        Some(key)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, dimension) in self.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { "×" }, dimension.name())?;
        }
        Ok(())
    }
}

/// Whose counters are meant: the indexes of a scope's dimensions, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Key {
    parts: [u32; Scope::MAX_CROSSED],
    len: u8,
}

impl Key {
    /// The first part.
    pub(crate) fn first(&self) -> Option<u32> {
        self.parts.first().copied().filter(|_| self.len > 0)
    }

    /// The parts, two in a word, as a block of counters keeps them.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        let used = usize::from(self.len).div_ceil(2);
        let pairs = self.parts.chunks(2).take(used);
        pairs.map(|pair| match pair {
            [low, high] => u64::from(*low) | u64::from(*high) << 32,
            _ => 0,
        })
    }

    /// Spreads what [`Key::words`] gives over 64 bits.
    pub(crate) fn hash_words(words: impl Iterator<Item = u64>) -> u64 {
        words.fold(0x9E37_79B9_7F4A_7C15, |hash, word| Index::mix(hash ^ word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_the_parts_in_the_dimensions_order() {
        let scope = Scope::of(&[Dimension::Device, Dimension::Card, Dimension::Agent]);
        assert_eq!((scope.len(), format!("{scope:?}")), (3, "card×device×agent".to_owned()));
        let key = scope.key(|dimension| Some(dimension as u32 + 10)).unwrap();
        assert_eq!((key.first(), key.len), (Some(10), 3));
        assert_eq!(key.words().collect::<Vec<_>>(), [10 | 15 << 32, 16]);
        assert_eq!(scope.key(|dimension| (dimension != Dimension::Agent).then_some(1)), None);
        assert_eq!(Scope::default().key(|_| None), Some(Key::default()));
    }
}
