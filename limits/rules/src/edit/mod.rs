//! Changing a rule set by paths: what a change order says, and what its text becomes.
//!
//! A [`RulePath`] names one setting or one entry of a rule set (`limit[atm-day].ceiling`,
//! `agent_cash.agent[G1].cap_indicators`), a [`Setting`] is what stands there, and a [`RuleText`]
//! is the rule set as a tree to be changed. Whether the result is a good rule set is the matter of
//! [`crate::RuleSet::parse`]; here nothing is judged but whether a path can lead anywhere.

mod path;
mod path_map;
mod setting;
mod text;

pub use path::RulePath;
pub use path_map::PathMap;
pub use setting::Setting;
pub use text::{EditError, RuleText};
