//! What the host has answered: for repeats, for reversals, and for what each card had by standing
//! in. Bounded: the oldest is forgotten first.

use super::file::StandInKeys;
use super::message::Seen;
use payment_types::Class;
use std::collections::{BTreeMap, VecDeque};

/// Messages that are remembered.
const REMEMBERED: usize = 100_000;
/// Cards and days whose use is remembered.
const DAYS: usize = 100_000;

/// Terminal and trace number.
type Key = (String, u32);

/// An answer that was given, or at least decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub code: String,
    pub approval: Option<String>,
    pub reference: String,
    /// What a stand-in granted: card and day, and how much.
    pub granted: Option<(CardDay, u64)>,
}

/// A card's number and the day on the terminal's clock. Not to be shown.
pub(super) type CardDay = (String, String);

#[derive(Debug, Default)]
pub(super) struct Memory {
    given: BTreeMap<Key, Given>,
    by_reference: BTreeMap<(String, String), Key>,
    order: VecDeque<Key>,
    used: BTreeMap<CardDay, Used>,
    days: VecDeque<CardDay>,
}

/// What a card had in a day.
#[derive(Debug, Default, Clone, Copy)]
struct Used {
    amount: u64,
    count: u32,
}

impl Memory {
    pub(super) fn of(&self, seen: &Seen) -> Option<&Given> {
        self.given.get(&(seen.terminal(), seen.trace_number()?))
    }

    pub(super) fn keep(&mut self, seen: &Seen, given: Given) {
        let Some(trace) = seen.trace_number() else { return };
        let key = (seen.terminal(), trace);
        if !given.reference.is_empty() && seen.mti.class() != Class::Reversal {
            let reference = (key.0.clone(), given.reference.clone());
            self.by_reference.insert(reference, key.clone());
        }
        if self.given.insert(key.clone(), given).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > REMEMBERED {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(given) = self.given.remove(&oldest) {
                self.by_reference.remove(&(oldest.0, given.reference));
            }
        }
    }

    /// A reversal: what its original was granted is free again. Whether there is such an original.
    pub(super) fn take_back(&mut self, reversal: &Seen) -> bool {
        let key = original(reversal).filter(|key| self.given.contains_key(key)).or_else(|| {
            let reference = (reversal.terminal(), reversal.text(37)?);
            self.by_reference.get(&reference).cloned()
        });
        let Some(given) = key.and_then(|key| self.given.get_mut(&key)) else { return false };
        if let Some((whose, amount)) = given.granted.take()
            && let Some(used) = self.used.get_mut(&whose)
        {
            used.amount = used.amount.saturating_sub(amount);
            used.count = used.count.saturating_sub(1);
        }
        true
    }

    /// Whether a card may have so much by standing in; DE 39 of 1987 if not. What is granted counts.
    pub(super) fn grant(
        &mut self,
        whose: &CardDay,
        amount: u64,
        terms: &StandInKeys,
    ) -> Result<(), String> {
        let over = || terms.code.as_ref().map_or_else(|| "61".to_owned(), |code| code.0.clone());
        if terms.per_transaction.is_some_and(|most| amount > most.0) {
            return Err(over());
        }
        let used = self.used.get(whose).copied().unwrap_or_default();
        let sum = used.amount.saturating_add(amount);
        if terms.per_day.is_some_and(|most| sum > most.0) {
            return Err(over());
        }
        if terms.count_per_day.is_some_and(|most| used.count >= most) {
            return Err("65".to_owned());
        }
        if self.used.insert(whose.clone(), Used { amount: sum, count: used.count + 1 }).is_none() {
            self.days.push_back(whose.clone());
            if self.days.len() > DAYS
                && let Some(oldest) = self.days.pop_front()
            {
                self.used.remove(&oldest);
            }
        }
        Ok(())
    }
}

/// The original by DE 90, since 1993 DE 56: its trace number at the same terminal.
fn original(reversal: &Seen) -> Option<Key> {
    let (element, end) = match reversal.version {
        0 => (90, 10),
        1 => (56, 10),
        _ => (56, 16),
    };
    let trace = reversal.text(element)?.get(4..end)?.parse().ok()?;
    Some((reversal.terminal(), trace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::FieldValue;
    use payment_types::Mti;

    fn seen(mti: &str, fields: &[(u8, &str)]) -> Seen {
        let text = |(de, text): &(u8, &str)| (*de, FieldValue::Text((*text).into()));
        let fields = fields.iter().map(text).collect();
        Seen { mti: Mti::parse(mti).unwrap(), fields, version: 0 }
    }

    fn terms() -> StandInKeys {
        toml::from_str("per_transaction = \"50.00\"\nper_day = \"80.00\"\ncount_per_day = 3\n")
            .unwrap()
    }

    #[test]
    fn a_card_has_so_much_a_day_and_a_reversal_gives_it_back() {
        let mut memory = Memory::default();
        let whose = ("9417000000000009".to_owned(), "1123".to_owned());
        let terms = terms();
        assert_eq!(memory.grant(&whose, 5_001, &terms), Err("61".to_owned()));
        assert_eq!(memory.grant(&whose, 5_000, &terms), Ok(()));
        let request = seen("0200", &[(11, "000007"), (37, "632700000007"), (41, "POS00001")]);
        let given = Given {
            code: "00".into(),
            approval: None,
            reference: "632700000007".into(),
            granted: Some((whose.clone(), 5_000)),
        };
        memory.keep(&request, given.clone());
        assert_eq!(memory.of(&request), Some(&given));
        assert_eq!(memory.grant(&whose, 3_001, &terms), Err("61".to_owned()), "80.00 a day");
        let other_day = (whose.0.clone(), "1124".to_owned());
        assert_eq!(memory.grant(&other_day, 3_001, &terms), Ok(()));
        let reversal = seen("0420", &[(11, "000008"), (41, "POS00001"), (90, "0200000007")]);
        assert!(memory.take_back(&reversal));
        for _ in 0..3 {
            assert_eq!(memory.grant(&whose, 1_000, &terms), Ok(()));
        }
        assert_eq!(memory.grant(&whose, 1, &terms), Err("65".to_owned()), "three times a day");
        assert!(!memory.take_back(&seen("0420", &[(11, "000009"), (41, "POS00009")])));
        let by_reference = seen("0420", &[(11, "9"), (37, "632700000007"), (41, "POS00001")]);
        assert!(memory.take_back(&by_reference));
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut memory = Memory::default();
        let message = |trace: usize| seen("0200", &[(11, &trace.to_string()), (41, "POS00001")]);
        let given = |trace: usize| Given {
            code: "00".into(),
            approval: None,
            reference: format!("{trace:012}"),
            granted: None,
        };
        for trace in 1..=REMEMBERED + 1 {
            memory.keep(&message(trace), given(trace));
        }
        assert_eq!(memory.of(&message(1)), None);
        assert!(memory.of(&message(2)).is_some());
        assert_eq!(memory.by_reference.len(), REMEMBERED);
    }
}
