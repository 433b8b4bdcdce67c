//! Personal data at rest (PII-1, PII-3): each customer has a key of his own, under which his name,
//! telephone number and card numbers are encrypted before they enter the journal, the state, a
//! snapshot or a backup. Erasing a customer is destroying that key.
//!
//! What is here: [`CustomerKey`] with what it seals, and [`CustomerKeys`], the file of all keys,
//! each wrapped by a master key of the security module. What is not: who may look,
//! and when a customer may be erased (the core's matter).
//!
//! Everything sealed is bound to what it is of (the customer's or the card's id), so that one
//! record's bytes put in the place of another's do not open. AES-256-GCM-SIV (RFC 8452) with a
//! fixed nonce: a customer's key seals a handful of values, and the mode is made to stay safe
//! without fresh nonces; what shows is only whether the same value was sealed twice for one id.

mod error;
mod key;
mod module;
mod sealed;
mod store;
mod writer;

pub use error::PersonalError;
pub use key::CustomerKey;
pub use sealed::Details;
pub use store::{CustomerKeys, FILE_NAME, Standing, destroy_in};
pub use writer::KeyWriter;
