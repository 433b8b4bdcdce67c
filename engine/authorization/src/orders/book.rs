//! The orders of a shard and their register.

use super::{Order, OrderChange, OrderStatus, Register};
use dense::Chunked;
use limits::RulePath;
use payment_types::{Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Every order there ever was, and the register.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Orders {
    /// By number, from 1.
    all: Chunked<Order>,
    /// Those that are approved and that the shard puts in force, by the moment from which they are due.
    pub(super) waiting: BTreeSet<(Timestamp, u64)>,
    /// The same of those about keys, which the engine's edge prepares with the security module.
    pub(super) waiting_keys: BTreeSet<(Timestamp, u64)>,
    pub(super) register: Register,
}

impl Orders {
    /// The order with this number.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&Order> {
        self.all.get(place(id)?)
    }

    /// Every order, from the first.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.all.iter()
    }

    /// How many there are: the number of the last.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::try_from(self.all.len()).unwrap_or(u64::MAX)
    }

    /// The register (SIG-3).
    #[must_use]
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// The approved order that is due first, and from when; without those about keys.
    #[must_use]
    pub fn next_due(&self) -> Option<(Timestamp, u64)> {
        self.waiting.first().copied()
    }

    /// An approved order that is due at a moment.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<u64> {
        self.next_due().filter(|(at, _)| *at <= now).map(|(_, order)| order)
    }

    /// An approved order about a key that is due at a moment.
    #[must_use]
    pub fn due_key(&self, now: Timestamp) -> Option<&Order> {
        let (at, order) = self.waiting_keys.first().copied()?;
        self.get(order).filter(|_| at <= now)
    }

    /// It waits no more.
    pub(super) fn waits_no_more(&mut self, order: u64) {
        self.waiting.retain(|(_, id)| *id != order);
        self.waiting_keys.retain(|(_, id)| *id != order);
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Order> {
        self.all.get_mut(place(id)?)
    }

    pub(super) fn add(&mut self, order: Order) {
        self.all.push(order);
    }

    /// The last order in force, or superseded, that changed what a path is about, of those that
    /// took effect after a record.
    pub(super) fn last_change(&self, path: &str, after: Sequence) -> Option<u64> {
        let changed = self.iter().filter(|order| {
            matches!(order.status, OrderStatus::Active | OrderStatus::Superseded)
                && order.changes.iter().any(|change| overlap(&change.path, path))
        });
        let by_record = changed.filter_map(|order| Some((order.activated?.1, order.id)));
        by_record.filter(|(record, _)| *record > after).max().map(|(_, order)| order)
    }
}

fn place(id: u64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}

/// All of the rule set, as a path.
pub(super) const WHOLE: &str = "rules";

/// Whether a change of one path is a change of the other.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let of_rules = |path: &str| !NOT_OF_RULES.iter().any(|root| path.starts_with(root));
    if one == WHOLE || other == WHOLE {
        return of_rules(one) && of_rules(other);
    }
    match (RulePath::parse(one), RulePath::parse(other)) {
        (Ok(one), Ok(other)) => one.overlaps(&other),
        _ => false,
    }
}

/// Where paths begin that are not of the rule set.
const NOT_OF_RULES: [&str; 4] = ["account[", "card[", "user[", "key["];

impl OrderChange {
    /// The change that undoes it.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let Self { path, from, to, place } = self.clone();
        Self { path, from: to, to: from, place }
    }
}
