//! The stop-list (BLK-5): card numbers, ours or not, and ranges of them, each with an end.
//!
//! A card stands on it by the digest of its number, so that no number is stored. A range is of
//! leading digits, up to the eight that are kept of a number; a finer one is taken apart into its
//! cards where the numbers are known, at the edge. An entry ends by itself: after its last day it
//! is as if it were not there.

use crate::{CardNumber, Done, Refusal, State, StopListDone};
use payment_types::{BusinessDate, MaskedPan, Moment, PanDigest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What stands on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopListed {
    /// A card.
    Card(CardNumber),
    /// All cards whose first eight digits are in a range, ends included.
    Range {
        /// The first.
        from: u32,
        /// The last.
        to: u32,
    },
}

/// How it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopTerms {
    /// The last day.
    pub until: BusinessDate,
    /// Answers `07` (pick up, special condition) in place of `04`.
    pub special: bool,
}

/// A change of the list, or a look at it: 0302 with DE 91.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopListAction {
    /// DE 91 = 1 and 2: an entry, in place of the one there was.
    Put(StopListed, StopTerms),
    /// DE 91 = 3.
    Remove(StopListed),
    /// DE 91 = 5.
    Inquire(StopListed),
}

/// The list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StopList {
    cards: BTreeMap<PanDigest, (MaskedPan, StopTerms)>,
    /// By first and last; none overlaps another.
    ranges: BTreeMap<(u32, u32), StopTerms>,
}

impl StopList {
    /// The terms that stand for a card on a day: its own, else its range's.
    #[must_use]
    pub fn find(&self, card: &CardNumber, date: BusinessDate) -> Option<StopTerms> {
        let in_force = |terms: &StopTerms| terms.until >= date;
        let own = self.cards.get(&card.digest).map(|entry| entry.1).filter(in_force);
        own.or_else(|| {
            if self.ranges.is_empty() {
                return None;
            }
            self.range_of(card.leading).map(|(_, terms)| terms).filter(in_force)
        })
    }

    /// The entry itself, whether or not its end has passed.
    #[must_use]
    pub fn entry(&self, listed: &StopListed) -> Option<StopTerms> {
        match listed {
            StopListed::Card(card) => self.cards.get(&card.digest).map(|entry| entry.1),
            StopListed::Range { from, to } => self.ranges.get(&(*from, *to)).copied(),
        }
    }

    fn range_of(&self, leading: u32) -> Option<((u32, u32), StopTerms)> {
        let (range, terms) = self.ranges.range(..=(leading, u32::MAX)).next_back()?;
        (range.1 >= leading).then_some((*range, *terms))
    }

    /// A range of the list that an entry would overlap without being it.
    #[must_use]
    pub fn overlapped(&self, listed: &StopListed) -> Option<(u32, u32)> {
        let StopListed::Range { from, to } = *listed else { return None };
        let before = self.range_of(from).map(|found| found.0);
        let inside = || self.ranges.range((from, 0)..=(to, u32::MAX)).next().map(|found| *found.0);
        before.or_else(inside).filter(|range| *range != (from, to))
    }

    /// Puts an entry on the list; whether it was there.
    pub(crate) fn put(&mut self, listed: &StopListed, terms: StopTerms) -> bool {
        match listed {
            StopListed::Card(card) => {
                self.cards.insert(card.digest, (card.masked, terms)).is_some()
            }
            StopListed::Range { from, to } => self.ranges.insert((*from, *to), terms).is_some(),
        }
    }

    /// Takes an entry off; whether it was there.
    pub(crate) fn remove(&mut self, listed: &StopListed) -> bool {
        match listed {
            StopListed::Card(card) => self.cards.remove(&card.digest).is_some(),
            StopListed::Range { from, to } => self.ranges.remove(&(*from, *to)).is_some(),
        }
    }

    /// Drops what ended before a day; how many.
    pub(crate) fn forget_before(&mut self, date: BusinessDate) -> u64 {
        let before = self.len();
        self.cards.retain(|_, entry| entry.1.until >= date);
        self.ranges.retain(|_, terms| terms.until >= date);
        u64::try_from(before.saturating_sub(self.len())).unwrap_or(u64::MAX)
    }

    /// The cards on it, as people may see their numbers.
    pub fn cards(&self) -> impl Iterator<Item = (MaskedPan, StopTerms)> {
        self.cards.values().copied()
    }

    /// The ranges on it.
    pub fn ranges(&self) -> impl Iterator<Item = ((u32, u32), StopTerms)> {
        self.ranges.iter().map(|(range, terms)| (*range, *terms))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cards.len().saturating_add(self.ranges.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl State {
    /// Changes the list; a look changes nothing.
    pub(crate) fn change_stop_list(&mut self, action: &StopListAction) -> bool {
        match action {
            StopListAction::Put(listed, terms) => self.stop_list.put(listed, *terms),
            StopListAction::Remove(listed) => self.stop_list.remove(listed),
            StopListAction::Inquire(_) => false,
        }
    }

    /// A file's entries, all or none.
    pub(crate) fn put_on_stop_list(
        &mut self,
        moment: Moment,
        actions: &[StopListAction],
    ) -> Result<Done, Refusal> {
        let before = self.stop_list.clone();
        let today = moment.business_date();
        let mut done = StopListDone::default();
        for (at, action) in (0u64..).zip(actions) {
            if let StopListAction::Put(listed, terms) = action
                && (terms.until < today || self.stop_list.overlapped(listed).is_some())
            {
                self.stop_list = before;
                return Err(Refusal::StopList(at));
            }
            let was_there = self.change_stop_list(action);
            let count = match (action, was_there) {
                (StopListAction::Put(..), false) => &mut done.added,
                (StopListAction::Put(..), true) => &mut done.replaced,
                (StopListAction::Remove(_), true) => &mut done.removed,
                _ => &mut done.missing,
            };
            *count = count.saturating_add(1);
        }
        Ok(Done::StopListChanged(done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment_types::Pan;

    fn card(pan: &str) -> CardNumber {
        let mut digest = [0; 16];
        for (to, from) in digest.iter_mut().zip(pan.bytes()) {
            *to = from;
        }
        let pan = Pan::from_ascii(pan.as_bytes()).unwrap();
        let digest = PanDigest::from_bytes(digest);
        CardNumber { digest, masked: pan.masked(), leading: pan.leading() }
    }

    fn day(text: &str) -> BusinessDate {
        BusinessDate::parse(text).unwrap()
    }

    #[test]
    fn blk_5_an_entry_stands_up_to_its_last_day() {
        let mut list = StopList::default();
        let terms = StopTerms { until: day("2026-11-30"), special: false };
        let listed = StopListed::Card(card("9417000000000016"));
        assert!(!list.put(&listed, terms));
        let found = |list: &StopList, pan, date| list.find(&card(pan), day(date));
        assert_eq!(found(&list, "9417000000000016", "2026-11-30"), Some(terms));
        assert_eq!(found(&list, "9417000000000016", "2026-12-01"), None);
        assert_eq!(found(&list, "9417000000000024", "2026-11-30"), None);
        assert_eq!(list.forget_before(day("2026-11-30")), 0);
        assert_eq!(list.forget_before(day("2026-12-01")), 1);
        assert!(list.is_empty());
    }

    #[test]
    fn blk_5_a_range_is_of_leading_digits_and_overlaps_no_other() {
        let mut list = StopList::default();
        let terms = StopTerms { until: day("2026-11-30"), special: true };
        let range = |from, to| StopListed::Range { from, to };
        list.put(&range(94_170_000, 94_170_500), terms);
        for (pan, stands) in [
            ("9417000000000016", true),
            ("9417050000000000", true),
            ("9417060000000000", false),
            ("9416990000000000", false),
        ] {
            assert_eq!(list.find(&card(pan), day("2026-11-30")).is_some(), stands, "{pan}");
        }
        for (from, to, overlaps) in [
            (94_170_000, 94_170_500, false),
            (94_170_500, 94_170_900, true),
            (94_160_000, 94_170_000, true),
            (94_160_000, 94_180_000, true),
            (94_170_200, 94_170_300, true),
            (94_170_600, 94_170_900, false),
            (94_160_000, 94_169_900, false),
        ] {
            assert_eq!(list.overlapped(&range(from, to)).is_some(), overlaps, "{from}-{to}");
        }
        assert!(list.remove(&range(94_170_000, 94_170_500)) && list.is_empty());
    }
}
