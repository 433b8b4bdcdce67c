//! Ceilings of single cards: set by staff, by the primary holder (LIM-3), raised for a time (LIM-4).
//! Few cards have any.

use crate::window::Tick;
use payment_types::{BusinessDate, Timestamp};
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

/// A higher ceiling for a card and a time (LIM-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    /// The limit's id in the rule set.
    pub limit: String,
    /// Tyiyn of KGS or transactions, as the limit measures.
    pub ceiling: u64,
    /// When it ends, to the minute: it no longer holds in that minute.
    pub until: Timestamp,
}

/// Who set a ceiling, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Staff, lower.
    Card,
    /// The primary holder, lower.
    Holder,
    /// Staff, higher, for a time.
    Raise,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Own {
    /// The place in `names`.
    number: u16,
    kind: Kind,
    ceiling: u64,
    valid: (i32, i32),
    /// The first minute in which a raise no longer holds.
    until_minute: u32,
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

    /// Sets a card's ceilings of a kind; whether a limit got a number by that.
    pub(crate) fn set(&mut self, card: u32, kind: Kind, limits: &[CardLimit]) -> bool {
        let known = self.names.len();
        let mut own = self.others(card, kind);
        for limit in limits {
            let from = limit.valid_from.map_or(i32::MIN, BusinessDate::days);
            let until = limit.valid_until.map_or(i32::MAX, BusinessDate::days);
            if let Some(number) = self.number_or_new(&limit.limit) {
                let (ceiling, valid, until_minute) = (limit.ceiling, (from, until), u32::MAX);
                own.push(Own { number, kind, ceiling, valid, until_minute });
            }
        }
        self.put(card, own);
        self.names.len() > known
    }

    /// Sets a card's raises; whether a limit got a number by that.
    pub(crate) fn set_raises(&mut self, card: u32, raises: &[Raise]) -> bool {
        let known = self.names.len();
        let mut own = self.others(card, Kind::Raise);
        for raise in raises {
            let until_minute = u32::try_from(raise.until.0.div_euclid(60_000)).unwrap_or(0);
            if let Some(number) = self.number_or_new(&raise.limit) {
                let (kind, valid) = (Kind::Raise, (i32::MIN, i32::MAX));
                own.push(Own { number, kind, ceiling: raise.ceiling, valid, until_minute });
            }
        }
        self.put(card, own);
        self.names.len() > known
    }

    fn others(&self, card: u32, kind: Kind) -> Vec<Own> {
        let own = self.cards.get(&card).map(|own| &**own).unwrap_or_default();
        own.iter().copied().filter(|own| own.kind != kind).collect()
    }

    fn put(&mut self, card: u32, own: Vec<Own>) {
        if own.is_empty() {
            self.cards.remove(&card);
        } else {
            self.cards.insert(card, own.into());
        }
    }

    fn number_or_new(&mut self, id: &str) -> Option<u16> {
        self.number(id).or_else(|| {
            self.names.push(id.into());
            u16::try_from(self.names.len() - 1).ok()
        })
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
        own.iter().filter(|own| own.kind == Kind::Card).map(read).collect()
    }

    /// The ceiling in force for a card and a limit, given the bank's. A raise takes the place of what
    /// staff set; what the primary holder set is under both.
    pub(crate) fn ceiling(&self, card: u32, number: u16, bank: u64, now: Tick) -> u64 {
        let day = i32::from(now.day);
        let own = self.cards.get(&card).map(|own| &**own).unwrap_or_default();
        let (mut staff, mut holder, mut raised) = (bank, u64::MAX, 0);
        for own in own.iter().filter(|own| own.number == number) {
            let holds = own.valid.0 <= day && day <= own.valid.1 && now.minute < own.until_minute;
            match own.kind {
                _ if !holds => {}
                Kind::Card => staff = staff.min(own.ceiling),
                Kind::Holder => holder = holder.min(own.ceiling),
                Kind::Raise => raised = raised.max(own.ceiling),
            }
        }
        staff.max(raised).min(holder)
    }
}
