//! The interactive terminals: a shop's POS, a cash machine, an agent's device.
//!
//! [`machine::Desk`] is all that a person does and sees, as a state machine: [`key::Event`]s in,
//! [`key::Action`]s out, [`view::View`] to look at. [`host::Host`] speaks to the host,
//! [`draw`] puts a view on a screen of characters, [`run`] connects the three with a real terminal,
//! and [`script`] plays the person.

pub mod cassettes;
pub mod draw;
mod duty;
pub mod errand;
mod hearing;
pub mod host;
pub mod key;
pub mod machine;
pub mod meaning;
pub mod open_file;
mod panels;
pub mod profile;
pub mod run;
pub mod script;
pub mod setup;
pub mod slip;
pub mod text;
pub mod view;

#[cfg(test)]
mod hosts;
#[cfg(test)]
mod pictures_tests;
#[cfg(test)]
mod stories;
