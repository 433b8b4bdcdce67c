//! Receipts: which counters an approval moved, so that its reversal can give back (CTL-7, AGT-5).

use serde::{Deserialize, Serialize};

/// The counters of one block that an approval moved, and when. Small, because every open
/// transaction keeps a few; meaningful to the [`crate::Usage`] that made it only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// A bit for each counter of the block that moved.
    pub(crate) columns: u64,
    /// The block.
    pub(crate) slot: u32,
    /// Minutes since 1970-01-01T00:00Z.
    pub(crate) minute: u32,
    /// How many times the since-PIN counters had been reset (CTL-2).
    pub(crate) epoch: u32,
    /// The panel the block is in.
    pub(crate) panel: u16,
    /// Days since 1970-01-01, local.
    pub(crate) day: u16,
}

/// The receipts of one approval. A buffer to be used again and again: clearing keeps its room.
#[derive(Debug, Clone, Default)]
pub struct Moves {
    pub(crate) list: Vec<Move>,
    /// The block being counted in.
    pub(crate) words: Vec<u64>,
}

impl Moves {
    /// With room for a rule set whose limits have `scopes` different scopes.
    #[must_use]
    pub fn with_capacity(scopes: usize) -> Self {
        Self { list: Vec::with_capacity(scopes.saturating_add(2)), words: Vec::with_capacity(64) }
    }

    /// Forgets the last approval.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// The receipts.
    #[must_use]
    pub fn as_slice(&self) -> &[Move] {
        &self.list
    }
}

/// What a reversal gives back, in tyiyn of KGS. Several partial ones may follow each other: each
/// gives back its own part, and the one that leaves nothing gives back the counts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// Of the whole amount.
    pub amount_kgs: u64,
    /// Of the cash handed out.
    pub cash_kgs: u64,
    /// Of what is not cash; the difference of the two only where no cash was rounded (AMT-1).
    pub goods_kgs: u64,
    /// Whether nothing of the transaction is left, so that it no longer counts as one.
    pub whole: bool,
}

impl Portion {
    /// All that is left of a transaction.
    #[must_use]
    pub const fn whole(amount_kgs: u64, cash_kgs: u64) -> Self {
        let goods_kgs = amount_kgs.saturating_sub(cash_kgs);
        Self { amount_kgs, cash_kgs, goods_kgs, whole: true }
    }

    /// A part of it.
    #[must_use]
    pub const fn part(amount_kgs: u64, cash_kgs: u64) -> Self {
        let goods_kgs = amount_kgs.saturating_sub(cash_kgs);
        Self { amount_kgs, cash_kgs, goods_kgs, whole: false }
    }
}
