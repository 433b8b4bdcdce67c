//! How a rule set's names become dense indexes.

use crate::Dimension;

/// The registers, as far as a rule set may name things in them. Card, account, customer, product,
/// agent, device and merchant ids are those of the portfolio; a tier or a network that only the
/// rule set names ([`crate::RuleSet::tier_names`], [`crate::RuleSet::network_names`]) must have
/// been given an index before the plan is compiled. Never asked for `Mcc` and `Country`.
pub trait Names {
    /// The index of the thing with this id; `None` if there is none.
    fn index(&self, dimension: Dimension, id: &str) -> Option<u32>;
}
