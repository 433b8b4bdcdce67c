//! Values by path, found by any path that overlaps theirs.
//!
//! What it is: a tree by the steps of the paths, so that a question costs as much as its own path
//! is long, whatever else is there ([`RulePath::overlaps`] says the same of two paths alone). Kept
//! in order, so that the same history leaves the same map; a clone shares everything until one side
//! is changed. What it is not: a place where a path stands for what is in the rule set.

use super::path::{RulePath, Step};
use std::collections::BTreeMap;
use std::sync::Arc;

/// See the module.
#[derive(Debug, Clone)]
pub struct PathMap<T> {
    root: Arc<Node<T>>,
}

#[derive(Debug, Clone)]
struct Node<T> {
    /// Of the path that ends here.
    values: Vec<T>,
    /// By a step without an entry.
    plain: BTreeMap<String, Arc<Node<T>>>,
    /// By a step with one: by its name, and the entry.
    entries: BTreeMap<String, BTreeMap<String, Arc<Node<T>>>>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { values: Vec::new(), plain: BTreeMap::new(), entries: BTreeMap::new() }
    }
}

impl<T> Default for PathMap<T> {
    fn default() -> Self {
        Self { root: Arc::default() }
    }
}

impl<T: Clone + PartialEq> PathMap<T> {
    /// Adds a value at a path; there may be others.
    pub fn insert(&mut self, path: &RulePath, value: T) {
        let mut node = Arc::make_mut(&mut self.root);
        for Step { name, entry } in &path.steps {
            let next = match entry {
                None => node.plain.entry(name.clone()).or_default(),
                Some(entry) => {
                    let list = node.entries.entry(name.clone()).or_default();
                    list.entry(entry.clone()).or_default()
                }
            };
            node = Arc::make_mut(next);
        }
        node.values.push(value);
    }

    /// Takes a value away that is at just this path.
    pub fn remove(&mut self, path: &RulePath, value: &T) {
        Arc::make_mut(&mut self.root).remove(&path.steps, value);
    }

    /// Goes through the values at all paths that overlap a path until one is what is looked for;
    /// whether one was.
    pub fn any(&self, path: &RulePath, mut is_it: impl FnMut(&T) -> bool) -> bool {
        let mut node = &*self.root;
        for Step { name, entry } in &path.steps {
            // What ends here holds the path.
            if node.values.iter().any(&mut is_it) {
                return true;
            }
            // A list overlaps all of its entries, and each of them the list.
            let next = match entry {
                None => {
                    let mut list = node.entries.get(name).into_iter().flat_map(BTreeMap::values);
                    if list.any(|node| node.any(&mut is_it)) {
                        return true;
                    }
                    node.plain.get(name)
                }
                Some(entry) => {
                    if node.plain.get(name).is_some_and(|node| node.any(&mut is_it)) {
                        return true;
                    }
                    node.entries.get(name).and_then(|list| list.get(entry))
                }
            };
            let Some(next) = next else { return false };
            node = next;
        }
        // The path holds everything below.
        node.any(&mut is_it)
    }
}

impl<T: Clone + PartialEq> Node<T> {
    fn any(&self, is_it: &mut impl FnMut(&T) -> bool) -> bool {
        let lists = self.entries.values().flat_map(BTreeMap::values);
        let mut below = self.plain.values().chain(lists);
        self.values.iter().any(&mut *is_it) || below.any(|node| node.any(is_it))
    }

    fn remove(&mut self, steps: &[Step], value: &T) {
        let Some((Step { name, entry }, rest)) = steps.split_first() else {
            if let Some(at) = self.values.iter().position(|known| known == value) {
                self.values.remove(at);
            }
            return;
        };
        let without = |nodes: &mut BTreeMap<String, Arc<Self>>, key: &String| {
            let Some(node) = nodes.get_mut(key) else { return };
            let node = Arc::make_mut(node);
            node.remove(rest, value);
            if node.is_empty() {
                nodes.remove(key);
            }
        };
        match entry {
            None => without(&mut self.plain, name),
            Some(entry) => {
                let Some(list) = self.entries.get_mut(name) else { return };
                without(list, entry);
                if list.is_empty() {
                    self.entries.remove(name);
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.plain.is_empty() && self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Paths that often overlap.
    fn path() -> impl Strategy<Value = RulePath> {
        let list = prop::sample::select(vec!["limit", "account", "card", "rate"]);
        let entry = prop::option::of(prop::sample::select(vec!["a", "b", "c"]));
        let rest = prop::sample::select(vec!["", ".ceiling", ".code", ".block.lost", ".block"]);
        let listed = (list, entry, rest).prop_map(|(list, entry, rest)| match entry {
            Some(entry) => format!("{list}[{entry}]{rest}"),
            None => format!("{list}{rest}"),
        });
        let plain = ["contactless", "contactless.tier", "contactless.tier.low", "agent_cash"];
        let nested = ["agent_cash.agent", "agent_cash.agent[a]", "agent_cash.agent[a].cap"];
        let others = prop::sample::select([plain.as_slice(), nested.as_slice()].concat());
        let text = prop_oneof![listed, others.prop_map(str::to_owned)];
        text.prop_map(|text| RulePath::parse(&text).unwrap())
    }

    proptest! {
        /// The pairwise question is the oracle, also once values were taken away again.
        #[test]
        fn finds_what_overlaps_and_nothing_else(
            there in prop::collection::vec((path(), any::<bool>()), 0..30),
            asked in prop::collection::vec(path(), 1..10),
        ) {
            let mut map = PathMap::default();
            for (at, (path, _)) in there.iter().enumerate() {
                map.insert(path, at);
            }
            let before = map.clone();
            for (at, (path, _)) in there.iter().enumerate().filter(|(_, (_, stays))| !stays) {
                map.remove(path, &at);
            }
            for (map, all) in [(&before, true), (&map, false)] {
                for asked in &asked {
                    let mut found = Vec::new();
                    let none = map.any(asked, |at| {
                        found.push(*at);
                        false
                    });
                    found.sort_unstable();
                    let overlaps = there.iter().enumerate().filter(|(_, (path, stays))| {
                        (all || *stays) && path.overlaps(asked)
                    });
                    let wanted: Vec<usize> = overlaps.map(|(at, _)| at).collect();
                    prop_assert_eq!(&found, &wanted, "{}", asked);
                    prop_assert!(!none);
                    prop_assert_eq!(map.any(asked, |_| true), !wanted.is_empty());
                }
            }
            for (at, (path, stays)) in there.iter().enumerate() {
                if *stays {
                    map.remove(path, &at);
                }
            }
            prop_assert!(map.root.is_empty(), "nothing is left behind");
        }
    }
}
