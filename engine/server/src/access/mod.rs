//! How people get in (SIG-4): passwords, one-time codes, personal keys and sessions.
//!
//! What is here: everything about it that needs a secret or a clock, and nothing of HTTP. Who there
//! is and what he may do is the core's matter, and what came of an attempt goes there to be
//! journaled.

pub mod hashing;
pub mod keyfile;
pub mod one_time;
pub mod password;
pub mod personal_key;
pub mod secrets;
pub(crate) mod sessions;

pub use hashing::Hasher;
pub use sessions::SessionTerms;
