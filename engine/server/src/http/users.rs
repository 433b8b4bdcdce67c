//! Users over HTTP (SIG-4).

use super::problem::Problem;
use authorization::AccessRefusal;

/// Why the core did not do what concerned the user `id`.
pub(super) fn refused(why: &AccessRefusal, id: &str) -> Problem {
    let conflict = |detail: &str| Problem::conflict(detail, "SIG-4");
    match why {
        AccessRefusal::UnknownUser => Problem::not_found("user", id),
        AccessRefusal::UserExists => conflict(&format!("there is a user {id:?} already")),
        AccessRefusal::BadName => {
            Problem::field("user", "must be 2 to 32 of a-z, 0-9, '.', '_', '-', a letter first")
        }
        AccessRefusal::NoRoles => Problem::field("roles", "a user needs at least one"),
        AccessRefusal::NeedsOrder => Problem::conflict(
            "rights are given by an order of kind users, approved by a second person",
            "SIG-1",
        ),
        AccessRefusal::OnlyTakesAway => {
            Problem::conflict("without an order rights can only be taken away", "SIG-1")
        }
        AccessRefusal::CodeUsed => conflict("that code was used; wait for the next one"),
        AccessRefusal::NotEnrolled => conflict("there is no second factor; enrol one first"),
        AccessRefusal::AlreadyEnrolled => conflict("a second factor is enrolled already"),
        AccessRefusal::Locked(_) => conflict("the user is locked for a while"),
        AccessRefusal::Disabled => conflict("the user is disabled"),
        AccessRefusal::NothingAsked => {
            conflict("no reset is asked for: a security officer asks, another person approves")
        }
        AccessRefusal::SamePerson => {
            Problem::forbidden("the second person must be another one").with_rule("SIG-1")
        }
        AccessRefusal::PasswordMissing => conflict("what is approved is not what was asked"),
        AccessRefusal::UnknownKey => Problem::not_found("key of the user", id),
        AccessRefusal::KeyKnown => conflict("this key is somebody's already"),
        AccessRefusal::TooManyKeys => conflict("the user has as many keys as there may be"),
        AccessRefusal::LastOfficer => {
            conflict("nobody could manage users then: this is the last security officer")
        }
    }
}
