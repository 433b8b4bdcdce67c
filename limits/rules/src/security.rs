//! SEC-2: which findings of chips and terminals are acceptable; and what may be approved while the
//! security module can't be asked.

use payment_types::ResponseCode;

/// Where a finding stands in a chip's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChipSource {
    /// Terminal verification results (95), five bytes.
    Tvr,
    /// How the holder was verified (9F34), three bytes.
    Cvm,
    /// The chip's own verification results in 9F10, up to eight bytes.
    Cvr,
}

impl ChipSource {
    /// Every source, with its name in `rules.toml`.
    pub const NAMES: [(&'static str, Self); 3] =
        [("tvr", Self::Tvr), ("cvm", Self::Cvm), ("cvr", Self::Cvr)];

    /// How many bytes a mask for it may have.
    pub(crate) const fn lengths(self) -> core::ops::RangeInclusive<usize> {
        match self {
            Self::Tvr => 5..=5,
            Self::Cvm => 3..=3,
            Self::Cvr => 1..=8,
        }
    }
}

/// What a finding leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChipAction {
    /// It declines.
    Decline,
    /// It is noted in the trace.
    Flag,
    /// The PIN is asked for, unless it was checked online.
    Pin,
}

impl ChipAction {
    /// Every action, with its name in `rules.toml`.
    pub const NAMES: [(&'static str, Self); 3] =
        [("decline", Self::Decline), ("flag", Self::Flag), ("pin", Self::Pin)];
}

/// A finding that is looked for: the bytes under the mask are the value's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChipTest {
    /// Where.
    pub source: ChipSource,
    /// Which bits, filled with 0 on the right.
    pub mask: [u8; 8],
    /// What they are.
    pub value: [u8; 8],
    /// What then.
    pub action: ChipAction,
    /// DE 39 of a decline or of the request for the PIN, where it is not the usual one.
    pub code: Option<ResponseCode>,
}

impl ChipTest {
    /// Whether these bytes have what is looked for.
    #[must_use]
    pub fn finds(&self, bytes: &[u8]) -> bool {
        let at = |at: usize| bytes.get(at).copied().unwrap_or_default();
        let mut wanted = self.mask.iter().zip(self.value).enumerate();
        wanted.all(|(place, (mask, value))| at(place) & mask == value)
    }
}

/// Up to which amount a chip's word is taken while the security module can't be asked, tyiyn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StandInTerms {
    /// A chip in contact.
    pub chip: u64,
    /// A tapped chip.
    pub contactless: u64,
}

/// Checks and terms with their products resolved.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecurityTerms {
    pub(crate) checks: Vec<(Option<u32>, ChipTest, Box<str>)>,
    pub(crate) stand_in: Vec<(Option<u32>, StandInTerms)>,
}

impl SecurityTerms {
    /// The checks for a product's cards, in the order of the rule set, with their places.
    pub(crate) fn checks_of(&self, product: u32) -> impl Iterator<Item = (usize, &ChipTest)> {
        let rows = self.checks.iter().enumerate();
        let its = rows.filter(move |(_, row)| row.0.is_none_or(|named| named == product));
        its.map(|(at, row)| (at, &row.1))
    }

    /// A product's own terms, else those of all; nothing if there are none.
    pub(crate) fn stand_in(&self, product: u32) -> StandInTerms {
        let named = |wanted| self.stand_in.iter().find(|row| row.0 == wanted).map(|row| row.1);
        named(Some(product)).or_else(|| named(None)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_2_a_test_looks_only_under_its_mask() {
        let test = |mask: &[u8], value: &[u8]| {
            let fill = |bytes: &[u8]| {
                let mut all = [0; 8];
                all[..bytes.len()].copy_from_slice(bytes);
                all
            };
            let (mask, value) = (fill(mask), fill(value));
            let (source, action) = (ChipSource::Tvr, ChipAction::Flag);
            ChipTest { source, mask, value, action, code: None }
        };
        for (mask, value, bytes, found) in [
            ([0, 0, 0x80, 0, 0], [0, 0, 0x80, 0, 0], [0, 0, 0x80, 0, 0], true),
            ([0, 0, 0x80, 0, 0], [0, 0, 0x80, 0, 0], [0xFF; 5], true),
            ([0, 0, 0x80, 0, 0], [0, 0, 0x80, 0, 0], [0xFF, 0xFF, 0x7F, 0xFF, 0xFF], false),
            ([0, 0, 0xC0, 0, 0], [0, 0, 0x80, 0, 0], [0, 0, 0xC0, 0, 0], false),
            ([0, 0, 0x80, 0, 0], [0; 5], [0; 5], true),
        ] {
            assert_eq!(test(&mask, &value).finds(&bytes), found, "{mask:02X?} {bytes:02X?}");
        }
    }
}
