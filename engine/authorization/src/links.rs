//! From one thing to the many that belong to it: an account's cards, a customer's accounts.

use dense::Chunked;

const NONE: u32 = u32::MAX;

/// Positions of members by position of their owner. Derived: rebuilt after loading.
#[derive(Clone, Default)]
pub(crate) struct Links {
    /// By owner: its last member.
    last: Chunked<u32>,
    /// By member: the owner's member before it.
    before: Chunked<u32>,
}

impl Links {
    /// Adds the next member; members are added in the order of their positions, all of them.
    pub(crate) fn add(&mut self, owner: u32) {
        let owner = crate::directory::at(owner);
        while self.last.len() <= owner {
            self.last.push(NONE);
        }
        let before = self.last.get(owner).copied().unwrap_or(NONE);
        let member = self.before.push(before);
        if let Some(last) = self.last.get_mut(owner) {
            *last = member;
        }
    }

    /// An owner's members, the last one first.
    pub(crate) fn of(&self, owner: u32) -> impl Iterator<Item = u32> {
        let mut next = self.last.get(crate::directory::at(owner)).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let member = (next != NONE).then_some(next)?;
            next = self.before.get(crate::directory::at(member)).copied().unwrap_or(NONE);
            Some(member)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_owner() {
        let mut links = Links::default();
        [2, 0, 2, 5, 2].into_iter().for_each(|owner| links.add(owner));
        assert_eq!(links.of(2).collect::<Vec<_>>(), [4, 2, 0]);
        assert_eq!(links.of(5).collect::<Vec<_>>(), [3]);
        assert_eq!(links.of(1).count() + links.of(9).count(), 0);
    }
}
