//! What is in flight on one connection.
//!
//! The STAN says which slot a message sits in (`first + slot + round × slots`), so that an answer
//! finds its request without a search, and a slot's next message has another STAN: an answer that
//! comes after its deadline is recognised. Connections have ranges of their own, since a host takes
//! terminal, STAN and local time for the identity of a message (TXN-1), and connections may share
//! terminals.

use super::operation::Operation;
use std::collections::VecDeque;
use std::ops::Range;

/// All there are: six digits, from 1.
const STANS: Range<u32> = 1..1_000_000;

/// The range of one of `lanes` connections.
pub(crate) fn stans_of(lane: usize, lanes: usize) -> Range<u32> {
    let room = u32::try_from(lanes).map_or(1, |lanes| (STANS.len32() / lanes.max(1)).max(1));
    let lane = u32::try_from(lane).unwrap_or_default();
    let first = STANS.start + lane.wrapping_mul(room) % STANS.len32();
    first..(first + room).min(STANS.end)
}

trait Len32 {
    fn len32(&self) -> u32;
}

impl Len32 for Range<u32> {
    fn len32(&self) -> u32 {
        self.end.saturating_sub(self.start)
    }
}

/// A message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InFlight {
    /// When it should have been sent, in nanoseconds since the start: latency counts from here.
    pub(crate) intended_ns: u64,
    /// When it was sent: the deadline counts from here.
    pub(crate) sent_ns: u64,
    /// What it is.
    pub(crate) operation: Operation,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    stan: u32,
    message: Option<InFlight>,
}

/// The slots of a connection.
#[derive(Debug)]
pub(crate) struct Slots {
    /// The STANs in use, a whole number of rounds.
    stans: Range<u32>,
    slots: Vec<Slot>,
    free: VecDeque<usize>,
    /// Sent and perhaps answered meanwhile, oldest first.
    order: VecDeque<(usize, u32)>,
}

impl Slots {
    /// Room for so many messages at a time, at least one and no more than there are STANs.
    pub(crate) fn new(count: u32, stans: Range<u32>) -> Self {
        let count = count.clamp(1, stans.len32().max(1));
        let slot = |stan| Slot { stan, message: None };
        let slots: Vec<_> = (stans.start..stans.start + count).map(slot).collect();
        let free = (0..slots.len()).collect();
        let whole_rounds = stans.len32().max(1) / count * count;
        let stans = stans.start..stans.start + whole_rounds;
        Self { stans, slots, free, order: VecDeque::new() }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn has_room(&self) -> bool {
        !self.free.is_empty()
    }

    /// Takes a slot; gives the STAN to send.
    pub(crate) fn open(&mut self, message: InFlight) -> Option<u32> {
        let at = self.free.pop_front()?;
        let slot = self.slots.get_mut(at)?;
        slot.message = Some(message);
        self.order.push_back((at, slot.stan));
        Some(slot.stan)
    }

    /// The message a STAN answers, which frees its slot; `None` if there is none (any more).
    pub(crate) fn close(&mut self, stan: u32) -> Option<InFlight> {
        let count = u32::try_from(self.slots.len()).ok()?;
        let place = stan.checked_sub(self.stans.start)?;
        let at = usize::try_from(place % count).ok()?;
        let slot = self.slots.get_mut(at).filter(|slot| slot.stan == stan)?;
        let message = slot.message.take()?;
        let next = stan + count;
        slot.stan =
            if self.stans.contains(&next) { next } else { self.stans.start + place % count };
        self.free.push_back(at);
        self.forget_answered();
        Some(message)
    }

    /// The oldest message in flight, which frees its slot: for hosts that answer in order.
    pub(crate) fn close_oldest(&mut self) -> Option<InFlight> {
        let (_, stan) = *self.order.front()?;
        self.close(stan)
    }

    /// The oldest message, if it was sent before `before_ns`; frees its slot.
    pub(crate) fn expire(&mut self, before_ns: u64) -> Option<InFlight> {
        let (at, stan) = *self.order.front()?;
        let message = self.slots.get(at)?.message?;
        if message.sent_ns < before_ns { self.close(stan) } else { None }
    }

    /// Keeps the front of the order a message that is still on its way.
    fn forget_answered(&mut self) {
        while let Some((at, stan)) = self.order.front() {
            let waits = self
                .slots
                .get(*at)
                .is_some_and(|slot| slot.stan == *stan && slot.message.is_some());
            if waits {
                return;
            }
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(at: u64) -> InFlight {
        InFlight { intended_ns: at, sent_ns: at, operation: Operation::Echo }
    }

    #[test]
    fn answers_find_their_requests_in_any_order() {
        let mut slots = Slots::new(3, STANS);
        let stans: Vec<_> = (0..3).map(|at| slots.open(message(at)).unwrap()).collect();
        assert_eq!(stans, [1, 2, 3]);
        assert!(!slots.has_room() && slots.open(message(9)).is_none());
        assert_eq!(slots.close(2), Some(message(1)));
        assert_eq!(slots.close(2), None, "an answer counts once");
        assert_eq!(slots.open(message(4)), Some(5), "a new STAN for the same slot");
        assert_eq!(slots.close(2), None, "a late answer is not the next one's");
        for stan in [5, 1, 3] {
            assert!(slots.close(stan).is_some());
        }
        assert_eq!((slots.in_flight(), slots.order.len()), (0, 0));
        assert_eq!(slots.close(0), None);
        assert_eq!(slots.close(u32::MAX), None);
    }

    #[test]
    fn stans_stay_in_their_range_for_ever_and_do_not_come_back_soon() {
        for (count, stans) in [(1, STANS), (7, STANS), (100_000, STANS), (32, 1000..2000)] {
            let mut slots = Slots::new(count, stans.clone());
            let mut seen = std::collections::HashSet::new();
            for at in 0..2_500_000u64 {
                let stan = slots.open(message(at)).unwrap();
                assert!(stans.contains(&stan), "{count}: {stan}");
                if at < u64::from(stans.len32() / count * count) {
                    assert!(seen.insert(stan), "{count}: {stan} again after {at}");
                }
                assert_eq!(slots.close(stan), Some(message(at)));
            }
        }
        assert!(Slots::new(50, 10..13).has_room(), "no more slots than STANs");
    }

    #[test]
    fn connections_have_ranges_of_their_own() {
        for lanes in [1, 2, 64, 1000] {
            let ranges: Vec<_> = (0..lanes).map(|lane| stans_of(lane, lanes)).collect();
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(ranges[0].start == 1 && ranges[lanes - 1].end <= STANS.end);
            assert!(ranges.iter().all(|range| range.len32() >= 999));
        }
    }

    #[test]
    fn the_oldest_expires_first() {
        let mut slots = Slots::new(4, STANS);
        let stans: Vec<_> = (0..3).map(|at| slots.open(message(at * 10)).unwrap()).collect();
        assert!(slots.close(stans[0]).is_some());
        assert_eq!(slots.expire(10), None);
        assert_eq!(slots.expire(11), Some(message(10)));
        assert_eq!(slots.expire(11), None);
        assert_eq!(slots.close_oldest(), Some(message(20)));
        assert_eq!(slots.close_oldest(), None);
    }
}
