//! A payment HSM that speaks payShield's host commands.
//!
//! [`command`] and [`field`] are the codec: every command as a row of a table that both sides read,
//! this one and the simulator. They know nothing of sockets.

pub mod command;
mod commands;
pub mod field;
pub mod frame;
mod values;

pub use command::{Command, Response, ResultCode};
pub use field::{Count, Field, WireError};
pub use values::Values;
