//! Ceilings of single cards (the card layer, LIM-4). Few cards have any.

use crate::window::Tick;
use payment_types::BusinessDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A card's own, lower ceiling for a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardLimit {
    /// The limit's id in the rule set.
    pub limit: String,
    /// Tyiyn of KGS or transactions, as the limit measures.
    pub ceiling: u64,
    /// The first day.
    pub valid_from: Option<BusinessDate>,
    /// The last day.
    pub valid_until: Option<BusinessDate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Own {
    /// The place in `names`.
    number: u16,
    ceiling: u64,
    valid: (i32, i32),
}

/// The ceilings by card, with limits' ids as numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Overrides {
    /// Ids met so far; never shortened, so that numbers keep their meaning.
    names: Vec<Box<str>>,
    cards: BTreeMap<u32, Box<[Own]>>,
}

impl Overrides {
    /// The number of a limit's id, if any card has a ceiling for it.
    pub(crate) fn number(&self, id: &str) -> Option<u16> {
        let at = self.names.iter().position(|name| **name == *id)?;
        u16::try_from(at).ok()
    }

    /// Sets a card's ceilings; whether a limit got a number by that.
    pub(crate) fn set(&mut self, card: u32, limits: &[CardLimit]) -> bool {
        let known = self.names.len();
        let mut own = Vec::with_capacity(limits.len());
        for limit in limits {
            let number = self.number(&limit.limit).or_else(|| {
                self.names.push(limit.limit.as_str().into());
                u16::try_from(self.names.len() - 1).ok()
            });
            let from = limit.valid_from.map_or(i32::MIN, BusinessDate::days);
            let until = limit.valid_until.map_or(i32::MAX, BusinessDate::days);
            if let Some(number) = number {
                own.push(Own { number, ceiling: limit.ceiling, valid: (from, until) });
            }
        }
        if own.is_empty() {
            self.cards.remove(&card);
        } else {
            self.cards.insert(card, own.into());
        }
        self.names.len() > known
    }

    pub(crate) fn of_card(&self, card: u32) -> Vec<CardLimit> {
        let own = self.cards.get(&card).map(|own| &**own).unwrap_or_default();
        let date = |days: i32, open: i32| (days != open).then(|| BusinessDate::from_days(days));
        let read = |own: &Own| CardLimit {
            limit: self.names.get(usize::from(own.number)).map_or("", |name| name).to_owned(),
            ceiling: own.ceiling,
            valid_from: date(own.valid.0, i32::MIN),
            valid_until: date(own.valid.1, i32::MAX),
        };
        own.iter().map(read).collect()
    }

    /// The lowest ceiling in force for a card and a limit.
    pub(crate) fn ceiling(&self, card: u32, number: u16, now: Tick) -> Option<u64> {
        let day = i32::from(now.day);
        let meant = |own: &&Own| own.number == number && own.valid.0 <= day && day <= own.valid.1;
        self.cards.get(&card)?.iter().filter(meant).map(|own| own.ceiling).min()
    }
}
