//! The orders of a shard and their register.

use super::{Order, OrderChange, OrderStatus, Register};
use dense::Chunked;
use limits::{PathMap, RulePath};
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
    /// What the orders that count changed: never stored, built again from them.
    #[serde(skip)]
    changed: Changed,
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

    /// Puts an order in the place of what it was.
    pub(super) fn put(&mut self, order: &Order) {
        let Some(known) = place(order.id).and_then(|at| self.all.get_mut(at)) else { return };
        let (was, is) = (counted_from(known), counted_from(order));
        if was != is {
            let changes = [(was, &*known), (is, order)];
            let [was, is] = changes.map(|(from, order)| from.map(|from| (from, order)));
            was.into_iter().for_each(|(from, order)| self.changed.remove(from, order));
            is.into_iter().for_each(|(from, order)| self.changed.add(from, order));
        }
        known.clone_from(order);
    }

    /// After a snapshot was read.
    pub(crate) fn rebuild(&mut self) {
        self.changed = Changed::default();
        for order in self.all.iter() {
            if let Some(from) = counted_from(order) {
                self.changed.add(from, order);
            }
        }
    }

    pub(super) fn add(&mut self, order: Order) {
        self.all.push(order);
    }

    /// The last order in force, or superseded, that changed what a path is about, of those that
    /// took effect after a record.
    pub(super) fn last_change(&self, path: &str, after: Sequence) -> Option<u64> {
        let mut last = None;
        self.changed.each(path, &mut |by| last = last.max(Some(by)));
        last.filter(|(record, _)| *record > after).map(|(_, order)| order)
    }

    /// The orders in force, or superseded, that changed something of what another one does, from
    /// the first.
    pub(super) fn touched_by(&self, order: &Order) -> Vec<u64> {
        let mut touched = BTreeSet::new();
        for change in &order.changes {
            self.changed.each(&change.path, &mut |(_, order)| {
                touched.insert(order);
            });
        }
        touched.into_iter().collect()
    }
}

/// From which record on an order's changes count, if they do.
fn counted_from(order: &Order) -> Option<Sequence> {
    let counts = matches!(order.status, OrderStatus::Active | OrderStatus::Superseded);
    order.activated.filter(|_| counts).map(|(_, record)| record)
}

fn place(id: u64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}

/// The changes of orders that count, each with the record at which its order took effect and the
/// order's number.
#[derive(Clone, Default)]
struct Changed {
    by_path: PathMap<(Sequence, u64)>,
    /// Orders that changed all of the rule set at once, and any of it.
    whole: BTreeSet<(Sequence, u64)>,
    of_rules: BTreeSet<(Sequence, u64)>,
}

impl Changed {
    fn add(&mut self, from: Sequence, order: &Order) {
        let by = (from, order.id);
        for change in &order.changes {
            if of_rules(&change.path) {
                self.of_rules.insert(by);
            }
            if change.path == WHOLE {
                self.whole.insert(by);
            } else if let Ok(path) = RulePath::parse(&change.path) {
                self.by_path.insert(&path, by);
            }
        }
    }

    fn remove(&mut self, from: Sequence, order: &Order) {
        let by = (from, order.id);
        self.of_rules.remove(&by);
        self.whole.remove(&by);
        for change in &order.changes {
            if let Ok(path) = RulePath::parse(&change.path) {
                self.by_path.remove(&path, &by);
            }
        }
    }

    /// Each change of which a path is a change, and the other way round.
    fn each(&self, path: &str, found: &mut impl FnMut((Sequence, u64))) {
        if path == WHOLE {
            self.of_rules.iter().copied().for_each(found);
            return;
        }
        if of_rules(path) {
            self.whole.iter().copied().for_each(&mut *found);
        }
        if let Ok(path) = RulePath::parse(path) {
            self.by_path.any(&path, |by| {
                found(*by);
                false
            });
        }
    }
}

/// The paths of one order, for what is about the same twice.
#[derive(Default)]
pub(super) struct Told {
    by_path: PathMap<()>,
    whole: bool,
    of_rules: bool,
}

impl Told {
    /// Whether a path is about the same as one before, and notes it.
    pub(super) fn is_again(&mut self, path: &str, parsed: Option<&RulePath>) -> bool {
        let of_rules = of_rules(path);
        let again = match parsed {
            _ if path == WHOLE => self.of_rules,
            _ if self.whole && of_rules => true,
            Some(parsed) => self.by_path.any(parsed, |()| true),
            None => false,
        };
        self.of_rules |= of_rules;
        match parsed {
            _ if path == WHOLE => self.whole = true,
            Some(parsed) => self.by_path.insert(parsed, ()),
            None => {}
        }
        again
    }
}

/// All of the rule set, as a path.
pub(super) const WHOLE: &str = "rules";

fn of_rules(path: &str) -> bool {
    !NOT_OF_RULES.iter().any(|root| path.starts_with(root))
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

#[cfg(test)]
mod tests {
    use super::super::{OrderKind, Risk};
    use super::*;
    use proptest::prelude::*;

    /// Whether a change of one path is a change of the other: the question for two alone, which
    /// the map must answer alike.
    fn overlap(one: &str, other: &str) -> bool {
        if one == other {
            return true;
        }
        if one == WHOLE || other == WHOLE {
            return of_rules(one) && of_rules(other);
        }
        match (RulePath::parse(one), RulePath::parse(other)) {
            (Ok(one), Ok(other)) => one.overlaps(&other),
            _ => false,
        }
    }

    fn path() -> impl Strategy<Value = String> {
        let all = [
            "rules",
            "rules.a",
            "limit",
            "limit[a]",
            "limit[a].ceiling",
            "limit[b]",
            "limit.code",
            "contactless.tier",
            "contactless.tier.low",
            "contactless",
            "account[A1].overdraft_limit",
            "account[A2].overdraft_limit",
            "card[K1].block.lost",
            "card[K1].block",
            "user[a].roles",
        ];
        prop::sample::select(all.to_vec()).prop_map(str::to_owned)
    }

    fn order(id: u64, paths: &[String], status: OrderStatus, record: u64) -> Order {
        let changes = paths.iter().map(|path| OrderChange::new(path, None)).collect();
        Order {
            id,
            kind: OrderKind::Rules,
            title: String::new(),
            reason: String::new(),
            changes,
            effective_at: None,
            guard: None,
            revision: 1,
            status,
            risk: Risk::High,
            maker: "aida".into(),
            authors: Vec::new(),
            checker: None,
            created_at: Timestamp(0),
            revised_at: Timestamp(0),
            base_version: "".into(),
            version: None,
            digest: [0; 32],
            signatures: Vec::new(),
            activated: Some((Timestamp(0), Sequence(record))),
            ended: None,
            guard_stands: None,
            superseded_by: None,
            problems: Vec::new(),
        }
    }

    /// What a bulk order looks at is what overlaps it, and not everything there is: held against
    /// each other these were 2 250 000 pairs for each of the orders before.
    #[test]
    fn sig_1_a_bulk_order_looks_at_nothing_that_it_does_not_touch() {
        let paths = |from: u32| -> Vec<String> {
            (from..from + 1500).map(|at| format!("account[A{at}].overdraft_limit")).collect()
        };
        let mut book = Orders::default();
        for id in 1..=20_u64 {
            let bulk = order(id, &paths(0), OrderStatus::Draft, id);
            book.add(bulk);
            book.put(&order(id, &paths(0), OrderStatus::Active, id));
        }
        let mut looked_at = 0;
        for path in paths(750) {
            book.changed.each(&path, &mut |_| looked_at += 1);
        }
        println!("750 changes of 20 orders among 30 000: {looked_at} looked at");
        assert_eq!(looked_at, 750 * 20);
        let newer = order(21, &paths(750), OrderStatus::Draft, 21);
        assert_eq!(book.touched_by(&newer), (1..=20).collect::<Vec<u64>>());
    }

    fn status() -> impl Strategy<Value = OrderStatus> {
        prop::sample::select(OrderStatus::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn sig_1_what_changed_what_is_as_if_each_were_held_against_each(
            orders in prop::collection::vec(
                (prop::collection::vec(path(), 1..4), status(), status(), 1_u64..9), 1..8),
            asked in prop::collection::vec(path(), 1..6),
            after in 0_u64..9,
        ) {
            let mut book = Orders::default();
            for (id, (paths, first, then, record)) in (1..).zip(&orders) {
                book.add(order(id, paths, OrderStatus::Draft, *record));
                for status in [first, then] {
                    book.put(&order(id, paths, *status, *record));
                }
            }
            let mut rebuilt = book.clone();
            rebuilt.rebuild();
            for book in [&book, &rebuilt] {
                let touches = |order: &Order, path: &String| {
                    order.changes.iter().any(|change| overlap(&change.path, path))
                };
                for path in &asked {
                    let changed = book.iter().filter(|order| touches(order, path));
                    let by = changed.filter_map(|order| Some((counted_from(order)?, order.id)));
                    let last = by.filter(|(record, _)| record.0 > after).max();
                    let found = book.last_change(path, Sequence(after));
                    prop_assert_eq!(found, last.map(|(_, order)| order), "{}", path);
                }
                let newer = order(99, &asked, OrderStatus::Active, 9);
                let touched = book.iter().filter(|order| {
                    counted_from(order).is_some() && asked.iter().any(|path| touches(order, path))
                });
                let touched: Vec<u64> = touched.map(|order| order.id).collect();
                prop_assert_eq!(book.touched_by(&newer), touched);
            }
        }

        #[test]
        fn sig_1_the_same_told_twice_is_found_as_if_each_were_held_against_each(
            mut paths in prop::collection::vec(path(), 1..12),
            unreadable in prop::option::of(0_usize..12),
        ) {
            if let Some(at) = unreadable.filter(|at| *at < paths.len()) {
                paths.insert(at, "no path".to_owned());
            }
            let mut told = Told::default();
            for (at, path) in paths.iter().enumerate() {
                let parsed = RulePath::parse(path).ok();
                let again = told.is_again(path, parsed.as_ref());
                let wanted = paths.iter().take(at).any(|other| overlap(other, path));
                prop_assert_eq!(again, wanted, "{} after {:?}", path, &paths[..at]);
            }
        }
    }
}
