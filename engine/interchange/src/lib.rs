//! Between ISO 8583 messages and the core: a message becomes a
//! [`Request`](authorization::Request), a [`Decision`](authorization::Decision) becomes an answer.
//!
//! A [`Link`] is one way of speaking: a dialect, a table of response codes, what to assume where a
//! message is silent. [`Link::receive`] says what to do with a message: decide it, send back an
//! answer that needs no decision (sign-on, echo, a format error), or drop it. Card numbers and PIN
//! blocks end here: the core gets a keyed digest and a fact.
//!
//! Only a [`Durable`](journal::Durable) decision can be answered, so nothing is promised before it
//! is on stable storage (ARCHITECTURE.md decision 3). [`Link::refuse`] answers without one, and can
//! therefore only decline.
//!
//! What is not here: sockets, framing, clocks, sessions, and every rule about money.

mod admission;
mod answer;
mod authentication;
mod card;
mod card_value;
mod chip;
mod chip_answer;
mod codes;
mod codes_file;
mod concern;
mod edition1987;
mod edition1993;
mod edition2003;
mod elements;
mod exchange;
mod fault;
#[doc(hidden)]
pub mod fuzzing;
mod link;
mod network;
mod pin;
mod presentment;
mod received;
mod register;
mod request;
mod scripts;
mod secured;
mod security_data;
mod special;
mod three_d_secure;
mod track;
mod verify;

pub use admission::{Claim, Stranger, Trespass};
pub use answer::AnswerError;
pub use authentication::{MacAlarm, MacProblem};
pub use codes::{CodeTable, CodeTableError, CodeTableErrors, CodeTableMisfit};
pub use concern::{Cause, Concern, Concerns, Subject};
pub use exchange::{HandedOut, NewKey};
pub use fault::{Fault, FaultKind};
pub use link::Link;
pub use presentment::{NotPresented, PresentedMessage, read_presentment};
pub use received::{Answered, Asked, DropCause, Received};
pub use register::{CardKeys, DeviceKeys, IssuerKeys, Register, WorkingKeys};
pub use secured::Secured;
