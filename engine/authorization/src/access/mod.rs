//! People: users with their roles, and what they did to get in (SIG-4, PII-2).
//!
//! What is here: who may do what, which password and one-time codes are good (as sealed bytes: the
//! core never sees a secret), that a code is good once, that a user is locked after wrong attempts,
//! and which unusual access was noticed. What is not: the checking of passwords and codes, and
//! sessions. Those need secrets and a clock, and are the edge's matter; what came of them arrives
//! here as an [`AccessCommand`], is journaled, and so can be proven years later (SIG-3).

mod command;
mod execute;
mod roles;
#[cfg(test)]
mod tests;
mod user;

pub use command::{
    AccessCommand, AccessDone, AccessRefusal, Authority, CodePurpose, LockTerms, LogoutReason,
    RefusedBecause, Reset,
};
pub use roles::{Role, Roles};
pub use user::{Alert, AlertKind, OneTimeSecret, PersonalKey, ResetAsked, User, Users};

/// Former passwords that are kept, so that they are not used again.
pub(crate) const FORMER_PASSWORDS: usize = 5;
/// Alerts that are kept here; all of them are in the audit.
pub(crate) const ALERTS_KEPT: usize = 500;
/// How long a temporary password, or a login without a second factor, is good for enrolling.
pub const ENROLMENT_HOURS: i64 = 72;
/// Personal keys of a user, those withdrawn among them.
pub(crate) const KEYS_MOST: usize = 16;
/// Networks of a user that are remembered; the one not seen for longest goes first.
pub(crate) const NETWORKS_MOST: usize = 16;
