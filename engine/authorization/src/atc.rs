//! SEC-2: which transaction counters (9F36) of a chip were seen.

use serde::{Deserialize, Serialize};

/// How far below the highest counter one may still come late, and be told from a replay.
pub const ATC_WINDOW: u16 = 32;

/// The highest counter with a right cryptogram, and which of those shortly below it were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AtcWindow {
    highest: u16,
    /// Bit n: the counter n below the highest was seen. None is set before the first one.
    seen: u32,
}

impl AtcWindow {
    /// The highest counter seen, if there is one.
    #[must_use]
    pub fn highest(self) -> Option<u16> {
        (self.seen != 0).then_some(self.highest)
    }

    /// With a counter that was not seen before; `None` if it was, or is so far below the highest
    /// that nobody remembers.
    #[must_use]
    pub fn with(self, atc: u16) -> Option<Self> {
        if self.seen == 0 {
            return Some(Self { highest: atc, seen: 1 });
        }
        if atc > self.highest {
            let steps = u32::from(atc.saturating_sub(self.highest));
            let seen = self.seen.checked_shl(steps).unwrap_or(0) | 1;
            return Some(Self { highest: atc, seen });
        }
        let below = self.highest.saturating_sub(atc);
        let bit = 1u32.checked_shl(u32::from(below)).filter(|bit| self.seen & bit == 0)?;
        Some(Self { seen: self.seen | bit, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn sec_2_a_window_takes_each_counter_once() {
        assert!(size_of::<AtcWindow>() <= 8);
        let mut window = AtcWindow::default();
        assert_eq!(window.highest(), None);
        for (atc, taken) in [
            (0, true),
            (0, false),
            (5, true),
            (4, true),
            (4, false),
            (5, false),
            (36, true),
            (5, false),
            (6, true),
            (4, false),
            (37, true),
            (6, false),
            (5, false),
            (65_535, true),
            (37, false),
            (65_504, true),
            (65_503, false),
        ] {
            let next = window.with(atc);
            assert_eq!(next.is_some(), taken, "{atc} after {window:?}");
            window = next.unwrap_or(window);
        }
    }

    #[test]
    #[allow(clippy::cast_possible_truncation)]
    fn sec_2_the_window_agrees_with_a_list_of_all_counters() {
        let (mut window, mut all) = (AtcWindow::default(), BTreeSet::new());
        let mut number = 1u64;
        for _ in 0..20_000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let highest = all.last().copied().unwrap_or(100u16);
            let atc = highest.saturating_add(5).saturating_sub((number >> 58) as u16);
            let too_old = all.last().is_some_and(|highest| highest - atc.min(*highest) >= 32);
            let next = window.with(atc);
            assert_eq!(next.is_some(), !too_old && !all.contains(&atc), "{atc} in {window:?}");
            if let Some(next) = next {
                window = next;
                all.insert(atc);
                assert_eq!(window.highest(), all.last().copied());
            }
        }
    }
}
