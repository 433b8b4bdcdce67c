//! Limits: what the regulation and the bank allow, and what has been used of it.
//!
//! Pure. A [`RuleSet`] is read from `rules.toml` and compiled to a [`Plan`]; [`Usage`] holds the
//! counters. [`check`] holds a request's [`Facts`] against both and writes a [`Report`]; [`record`]
//! counts an approval and writes receipts ([`Move`]); [`give_back`] undoes them when it is
//! reversed. There is no clock here, no randomness, no I/O: time comes with the facts, so the same
//! history leaves the same counters.
//!
//! What does not belong here: balances, blocks, PINs, wire codes. Rule identifiers (CTL-1, AGT-2,
//! LIM-1) are those of the rule book.

mod calendar;
mod check;
mod country;
mod edit;
mod facts;
mod fees;
mod moves;
mod names;
mod plan;
mod record;
mod report;
mod rule_set;
mod scope;
mod security;
mod usage;
mod views;
mod window;

pub use calendar::Calendar;
pub use check::check;
pub use country::country_numeric;
pub use edit::{EditError, PathMap, RulePath, RuleText, Setting};
pub use facts::{Before, Facts, Operation, Pin};
pub use fees::{FeeOperation, FeeQuery, FeeTerms};
pub use moves::{Move, Moves, Portion};
pub use names::Names;
pub use plan::{Base, LimitView, NetworkStanding, OverdraftTerms, Plan};
pub use record::{give_back, record};
pub use report::{Edition, Figure, Outcome, Report, Rule, Verdict};
pub use rule_set::*;
pub use scope::{Dimension, Scope};
pub use security::{ChipAction, ChipSource, ChipTest, StandInTerms};
pub use usage::{CardLimit, Raise, Usage};
pub use views::{CounterView, Keys, agent_cap, views};
pub use window::Window;
