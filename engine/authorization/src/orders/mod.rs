//! Change orders (SIG-1 to SIG-5): a change of rules, or of anything beyond one card, is written,
//! checked, signed by its maker, approved by another person, put into effect at a moment, and
//! superseded or rolled back. Every step is a journaled command and an entry of a chained register.
//!
//! Reading order: `kind.rs`, `order.rs`, `command.rs`, `steps.rs` (what may follow what),
//! `rules.rs`, `things.rs` and `keys.rs` (what an order does), `undo.rs`, `register.rs`.

mod book;
mod command;
mod effect;
mod keys;
mod kind;
mod order;
mod register;
mod rules;
mod steps;
mod things;
mod undo;

pub use book::Orders;
pub use command::{
    Guard, KeyStaged, OrderCommand, OrderDone, OrderDraft, OrderRefusal, RolledBackBy, RulesPut,
};
pub use keys::KeyWish;
pub use kind::{OrderKind, Risk};
pub use order::{
    GuardStands, Order, OrderChange, OrderEnd, OrderProblem, OrderSignature, OrderStatus, SignedAs,
    hex,
};
pub(crate) use register::Note;
pub use register::{Register, RegisterAct, RegisterEntry};
