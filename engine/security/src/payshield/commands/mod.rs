//! The table of commands, by what they work on. A new command is one entry here.
//!
//! The layouts are those of the conformance vectors (`crypto/published/payshield_host_commands`);
//! where a command has none there, its entry says so.

mod card;
mod data;
mod keys;
mod other;
mod pin;

use super::command::Command;
use super::field::Field;

/// Which master key a command is about, where the module has several.
const LMK: Field = Field::Marked('%', &[Field::Number("lmk_identifier", 2)]);

pub(super) fn all() -> impl Iterator<Item = &'static Command> {
    [keys::COMMANDS, pin::COMMANDS, card::COMMANDS, data::COMMANDS, other::COMMANDS]
        .into_iter()
        .flatten()
}
