//! A payment HSM that speaks payShield's host commands.
//!
//! [`Command`] and [`Field`] are the codec: every command as a row of a table that both sides read,
//! this one and the simulator. They know nothing of sockets. [`PayshieldModule`] is the client:
//! connections, and the security module's operations as commands. [`lmk`] has the published test
//! master keys.

mod card_values;
mod chips;
mod command;
mod commands;
mod exchange;
mod field;
pub mod frame;
mod link;
pub mod lmk;
mod macs;
mod module;
mod pins;
mod pool;
mod settings;
mod standing;
mod table;
mod tls;
mod values;

pub use command::{Command, Response, ResultCode};
pub use field::{Count, Field, WireError};
pub use module::PayshieldModule;
pub use settings::{CallOutcome, Observer, Settings, TlsSettings};
pub use tls::SetupError;
pub use values::Values;
