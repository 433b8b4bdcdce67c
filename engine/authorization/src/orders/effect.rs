//! What an order comes to, checked and ready to be carried out.

use super::OrderChange;
use crate::rules::Compiling;

/// See the module.
pub(super) enum Effect {
    /// A rule set, compiled.
    Rules(Box<Compiling>),
    /// Something else than rules.
    Things(Vec<OrderChange>),
}
