//! `/users`: who there is, and what a security officer and a second person do for them (SIG-4).
//!
//! Rights are given by orders of kind `users` (SIG-1). What is here gives rights in test mode only,
//! and takes them away at any time.

use super::access::Caller;
use super::asked::Asked;
use super::context::HttpContext;
use super::fields::{Fields, Segments};
use super::problem::Problem;
use super::session_steps::acceptable;
use crate::access::password;
use crate::config::Role;
use crate::users::{Begun, UserView, UsersView};
use authorization::{AccessCommand, AccessRefusal, Authority, Command, LogoutReason, Reset, Roles};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

/// A new user.
#[derive(Debug, ToSchema)]
#[allow(dead_code)] // Read field by field, so that errors name the field; this is its description.
pub(super) struct UserForm {
    /// 2 to 32 of a-z, 0-9, `.`, `_`, `-`, a letter first.
    user: String,
    roles: Vec<String>,
}

/// Roles.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct RolesForm {
    roles: Vec<String>,
}

/// Whether a user may log in.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct ActiveForm {
    active: bool,
}

/// What was lost.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct ResetForm {
    /// `password` or `totp`.
    what: String,
}

/// All users.
#[utoipa::path(get, path = "/api/v1/users", tag = "users",
    responses((status = 200, body = UsersView)))]
pub(super) async fn list(
    State(context): State<HttpContext>,
    _: Caller,
) -> Result<Json<UsersView>, Problem> {
    let look = |state: &authorization::State, now| {
        let users = state.users().iter().map(|(name, user)| UserView::of(name, user, now));
        UsersView { users: users.collect() }
    };
    Ok(Json(context.running()?.shard.query(look).await?))
}

/// A user.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The user's name")),
    responses((status = 200, body = UserView), (status = 404, description = "No such user")))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    _: Caller,
    Segments(id): Segments<String>,
) -> Result<Json<UserView>, Problem> {
    view(&context, &id).await.map(Json)
}

pub(super) async fn view(context: &HttpContext, id: &str) -> Result<UserView, Problem> {
    let name = id.to_owned();
    let look = move |state: &authorization::State, now| {
        state.users().get(&name).map(|user| UserView::of(&name, user, now))
    };
    let found = context.running()?.shard.query(look).await?;
    found.ok_or_else(|| Problem::not_found("user", id))
}

/// Adds a user: in test mode, or until there are a security officer and a checker. The answer has
/// a temporary password, which is shown this once: it is kept nowhere, so a repeat under the same
/// `Idempotency-Key` is answered without it, and says so.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = UserForm,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    responses((status = 200, body = Begun),
        (status = 403, description = "Without the role security_officer"),
        (status = 409, description = "There is one, or it needs an order (SIG-1)")))]
pub(super) async fn add(
    State(context): State<HttpContext>,
    caller: Caller,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["user", "roles"]).await?;
    let name = fields.text("user")?.to_owned();
    let roles = roles(&fields)?;
    if context.tokens().iter().any(|token| token.name == name) {
        return Err(Problem::field("user", "is the name of a service's token"));
    }
    let (password, shown) = temporary(&context, &name).await?;
    let authority =
        if context.is_test_mode() { Authority::TestMode } else { Authority::FirstUsers };
    let command = AccessCommand::AddUser {
        user: name.as_str().into(),
        roles,
        password,
        temporary: true,
        authority,
        by: caller.name.as_str().into(),
    };
    let carried = context.carry_out(of_access(command), key, &name).await?;
    Ok(carried.answer(Begun::answered(name, Some(shown), carried.is_repeat())))
}

/// Gives a user other roles; outside test mode only fewer ones.
#[utoipa::path(post, path = "/api/v1/users/{id}/roles", tag = "users", request_body = RolesForm,
    params(("id" = String, Path, description = "The user's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    responses((status = 200, body = UserView), (status = 404, description = "No such user"),
        (status = 403, description = "Without the role security_officer"),
        (status = 409, description = "It needs an order (SIG-1)")))]
pub(super) async fn set_roles(
    State(context): State<HttpContext>,
    caller: Caller,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["roles"]).await?;
    let (user, roles) = (id.as_str().into(), roles(&fields)?);
    let (authority, by) = (officer(&context), caller.name.as_str().into());
    let command = AccessCommand::SetRoles { user, roles, authority, by };
    let carried = context.carry_out(of_access(command), key, &id).await?;
    Ok(carried.answer(view(&context, &id).await?))
}

/// Says whether a user may log in; outside test mode only that he may not. His sessions end.
#[utoipa::path(post, path = "/api/v1/users/{id}/active", tag = "users", request_body = ActiveForm,
    params(("id" = String, Path, description = "The user's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    responses((status = 200, body = UserView), (status = 404, description = "No such user"),
        (status = 403, description = "Without the role security_officer"),
        (status = 409, description = "It needs an order (SIG-1), or he is the last officer")))]
pub(super) async fn set_active(
    State(context): State<HttpContext>,
    caller: Caller,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["active"]).await?;
    let active = fields.optional_flag("active")?;
    let active = active.ok_or_else(|| Problem::field("active", "is missing"))?;
    let (user, authority) = (id.as_str().into(), officer(&context));
    let by = caller.name.as_str().into();
    let command = AccessCommand::SetActive { user, active, authority, by };
    let carried = context.carry_out(of_access(command), key, &id).await?;
    if !active && !carried.is_repeat() {
        end_sessions(&context, &id, &caller).await?;
    }
    Ok(carried.answer(view(&context, &id).await?))
}

/// Asks that a lost password or second factor be reset; another person approves it.
#[utoipa::path(post, path = "/api/v1/users/{id}/reset", tag = "users", request_body = ResetForm,
    params(("id" = String, Path, description = "The user's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    responses((status = 200, body = UserView), (status = 404, description = "No such user"),
        (status = 403, description = "Without the role security_officer")))]
pub(super) async fn ask_reset(
    State(context): State<HttpContext>,
    caller: Caller,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let fields = asked.fields(&context, &["what"]).await?;
    let what = Reset::from_name(fields.text("what")?)
        .ok_or_else(|| Problem::field("what", "must be password or totp"))?;
    let (user, by) = (id.as_str().into(), caller.name.as_str().into());
    let command = of_access(AccessCommand::AskReset { user, what, by });
    let carried = context.carry_out(command, key, &id).await?;
    Ok(carried.answer(view(&context, &id).await?))
}

/// Approves the reset that a security officer asked for, as another person. The user's sessions
/// end; a reset password is answered with a temporary one, which is shown this once: a repeat under
/// the same `Idempotency-Key` is answered without it, and says so.
#[utoipa::path(post, path = "/api/v1/users/{id}/reset/approval", tag = "users",
    params(("id" = String, Path, description = "The user's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes sending again safe")),
    responses((status = 200, body = Begun), (status = 404, description = "No such user"),
        (status = 403, description = "Not another person, or without the role"),
        (status = 409, description = "Nothing is asked")))]
pub(super) async fn approve_reset(
    State(context): State<HttpContext>,
    caller: Caller,
    Segments(id): Segments<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = asked.key(&caller)?;
    let user = super::factors::user(context.running()?, &id).await?;
    let user = user.ok_or_else(|| Problem::not_found("user", &id))?;
    let (password, shown) = match user.reset_asked.map(|asked| asked.what) {
        Some(Reset::Password) => {
            let (password, shown) = temporary(&context, &id).await?;
            (Some(password), Some(shown))
        }
        _ => (None, None),
    };
    let (user, by) = (id.as_str().into(), caller.name.as_str().into());
    let command = AccessCommand::ApproveReset { user, password, by };
    let carried = context.carry_out(of_access(command), key, &id).await?;
    if !carried.is_repeat() {
        end_sessions(&context, &id, &caller).await?;
    }
    Ok(carried.answer(Begun::answered(id, shown, carried.is_repeat())))
}

/// A command about a user.
pub(super) fn of_access(command: AccessCommand) -> Command {
    Command::Access(Box::new(command))
}

async fn end_sessions(context: &HttpContext, user: &str, by: &Caller) -> Result<(), Problem> {
    if context.sessions().end_all_of(user, None, LogoutReason::Ended) == 0 {
        return Ok(());
    }
    super::gate::logged_out(context.running()?, user, LogoutReason::Ended, &by.name).await
}

/// A password for somebody else, sealed, and as he is to be given it.
async fn temporary(context: &HttpContext, user: &str) -> Result<(Vec<u8>, String), Problem> {
    let shown = password::temporary(user).map_err(|error| Problem::internal(&error.to_string()))?;
    let sealed = acceptable(context, user, None, shown.clone()).await?;
    Ok((sealed, shown.to_string()))
}

fn officer(context: &HttpContext) -> Authority {
    if context.is_test_mode() { Authority::TestMode } else { Authority::Officer }
}

fn roles(fields: &Fields) -> Result<Roles, Problem> {
    let role = |value: &serde_json::Value| {
        let role = value.as_str().and_then(Role::from_name);
        role.ok_or_else(|| {
            let known: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
            Problem::field("roles", format!("roles are {}", known.join(", ")))
        })
    };
    fields.list("roles")?.iter().map(role).collect()
}

/// Why the core did not do what concerned the user `id`.
pub(super) fn refused(why: &AccessRefusal, id: &str) -> Problem {
    let conflict = |detail: &str| Problem::conflict(detail, "SIG-4");
    match why {
        AccessRefusal::UnknownUser => Problem::not_found("user", id),
        AccessRefusal::UserExists => conflict(&format!("there is a user {id:?} already"))
            .coded("user_exists", [("name", id.to_owned())]),
        AccessRefusal::BadName => {
            Problem::field("user", "must be 2 to 32 of a-z, 0-9, '.', '_', '-', a letter first")
                .coded("bad_name", [])
        }
        AccessRefusal::NoRoles => {
            Problem::field("roles", "a user needs at least one").coded("no_roles", [])
        }
        AccessRefusal::NeedsOrder
        | AccessRefusal::OnlyTakesAway
        | AccessRefusal::SamePerson
        | AccessRefusal::LastOfficer
        | AccessRefusal::LastChecker => not_alone(why),
        AccessRefusal::CodeUsed => {
            conflict("that code was used; wait for the next one").coded("code_used", [])
        }
        AccessRefusal::NotEnrolled => conflict("there is no second factor; enrol one first"),
        AccessRefusal::PasswordSet => conflict("the password was set meanwhile"),
        AccessRefusal::AlreadyEnrolled => conflict("a second factor is enrolled already"),
        AccessRefusal::Locked(_) => conflict("the user is locked for a while"),
        AccessRefusal::Disabled => conflict("the user is disabled"),
        AccessRefusal::NothingAsked => {
            conflict("no reset is asked for: a security officer asks, another person approves")
                .coded("nothing_asked", [])
        }
        AccessRefusal::PasswordMissing => conflict("what is approved is not what was asked"),
        AccessRefusal::UnknownKey => Problem::not_found("key of the user", id),
        AccessRefusal::KeyKnown => conflict("this key is somebody's already"),
        AccessRefusal::TooManyKeys => conflict("the user has as many keys as there may be"),
    }
}

/// What one person alone does not do about rights.
fn not_alone(why: &AccessRefusal) -> Problem {
    match why {
        AccessRefusal::NeedsOrder => Problem::conflict(
            "rights are given by an order of kind users, approved by a second person; where nobody \
             is left who could, two people give them with the engine stopped: tamga user",
            "SIG-1",
        )
        .coded("needs_order", []),
        AccessRefusal::OnlyTakesAway => {
            Problem::conflict("without an order rights can only be taken away", "SIG-1")
                .coded("only_takes_away", [])
        }
        AccessRefusal::LastOfficer => Problem::conflict(
            "nobody could manage users then: this is the last security officer",
            "SIG-4",
        )
        .coded("last_officer", []),
        AccessRefusal::LastChecker => Problem::conflict(
            "nobody could approve an order about users then: give another person the role checker \
             first, by an order; to shut him out at once two named people do it with the engine \
             stopped: tamga user",
            "SIG-1",
        )
        .coded("last_checker", []),
        _ => Problem::forbidden("the second person must be another one")
            .with_rule("SIG-1")
            .coded("second_person", []),
    }
}
