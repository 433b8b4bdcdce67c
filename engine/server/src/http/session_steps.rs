//! What a login may need besides: a password of one's own in place of the one that was given, and a
//! second factor. Changing the password while one is in is here too.

use super::context::HttpContext;
use super::factors;
use super::fields::{Body, Fields};
use super::gate::{self, From};
use super::problem::{Problem, beside};
use super::session::{self, Needs, SessionView};
use crate::access::one_time::{self, Secret};
use crate::access::password;
use crate::access::sessions::{Known, Stage};
use authorization::{
    AccessCommand, AccessRefusal, CodePurpose, LogoutReason, RefusedBecause, User,
};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A new password.
#[derive(Debug, ToSchema)]
#[allow(dead_code)] // Read field by field, so that errors name the field; this is its description.
pub(super) struct PasswordForm {
    /// The one before; not needed where it was given to be changed, at the first login.
    current: Option<String>,
    /// 12 characters or more, not one that is tried first, not the name, not one of the last five.
    new: String,
}

/// What an authenticator application is given.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Enrolment {
    /// `otpauth://totp/...`.
    uri: String,
    /// The same secret for typing, base32.
    secret: String,
    /// The URI as a QR code, SVG.
    qr: String,
}

/// Sets a new password: at the first login, or while one is in, which ends sessions elsewhere.
#[utoipa::path(post, path = "/api/v1/session/password", tag = "session",
    request_body = PasswordForm,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session")),
    responses((status = 200, body = Needs, description = "Set; the login goes on"),
        (status = 204, description = "Set"),
        (status = 403, description = "Without the session's X-CSRF-Token"),
        (status = 409, description = "This login needs something else"),
        (status = 422, description = "The password is not good enough"),
        (status = 429, description = "Too many attempts from this network")))]
pub(super) async fn password(
    State(context): State<HttpContext>,
    headers: HeaderMap,
    from: From,
    body: Body,
) -> Result<Response, Problem> {
    let (known, now) = gate::own_session(&context, &headers, &from)?;
    let is_open = known.stage == Stage::Open;
    if !is_open {
        session::at_stage(&known, Stage::Password)?;
    }
    if known.locked {
        return Err(Problem::session("session-locked", "locked: POST /session/unlock"));
    }
    let fields = Fields::parse(&body, &["current", "new"])?;
    let new = fields.secret("new")?;
    let running = context.running()?;
    let network = &from.origin.network;
    let user = if is_open {
        factors::slow_down(&context, "POST /session/password", network).await?;
        let current = fields.secret("current")?;
        let by = (CodePurpose::Password, network.as_str());
        factors::by_password(&context, &known.user, current, by).await?
    } else {
        let user = factors::user(running, &known.user).await?;
        let user = user.ok_or_else(|| Problem::not_found("user", &known.user))?;
        if !user.temporary {
            return Err(began_before(&context, &known));
        }
        user
    };
    let sealed = acceptable(&context, &known.user, Some(&user), new).await?;
    let command = AccessCommand::SetPassword {
        user: known.user.as_str().into(),
        password: sealed,
        temporary: false,
        first: !is_open,
        by: known.user.as_str().into(),
    };
    match factors::carry_out(running, command).await? {
        Ok(_) => {}
        Err(AccessRefusal::PasswordSet) => return Err(began_before(&context, &known)),
        Err(refusal) => return Err(super::users::refused(&refusal, &known.user)),
    }
    // Half a login that began with the password of before is over, too.
    context.sessions().end_all_of(&known.user, Some(known.id), LogoutReason::Ended);
    if is_open {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let stage = session::stage_of(&User { temporary: false, ..user });
    session::next_step(&context, &known, stage, (from, now))
}

/// Another login set the password meanwhile: this one ends.
fn began_before(context: &HttpContext, known: &Known) -> Problem {
    context.sessions().end(known.id, LogoutReason::Ended);
    let detail = "the password was set by another login meanwhile; log in with that one";
    Problem::session("session-ended", detail)
}

/// A password that may be used, hashed and sealed (SIG-4).
pub(super) async fn acceptable(
    context: &HttpContext,
    name: &str,
    user: Option<&User>,
    new: Zeroizing<String>,
) -> Result<Vec<u8>, Problem> {
    let wrong = |why: &str| Problem::field("new", why).with_rule("SIG-4");
    password::check(&new, name).map_err(|why| wrong(&why))?;
    let secrets = context.running()?.secrets();
    let before: Vec<Vec<u8>> = user
        .map(|user| [&user.password].into_iter().chain(&user.former_passwords).cloned().collect())
        .unwrap_or_default();
    for sealed in before.into_iter().filter(|sealed| !sealed.is_empty()) {
        let (secrets, owner) = (secrets.clone(), name.to_owned());
        let hash = beside(move || secrets.open_password(&owner, &sealed)).await?;
        let same = context.hasher().matches(new.clone(), Some(hash)).await;
        if same.map_err(|error| Problem::internal(&error.to_string()))? {
            return Err(wrong("is one that this user had before"));
        }
    }
    let hash = context.hasher().hash(new).await;
    let hash = Zeroizing::new(hash.map_err(|error| Problem::internal(&error.to_string()))?);
    let owner = name.to_owned();
    beside(move || secrets.seal_password(&owner, &hash)).await
}

/// Begins the enrolment of a second factor: the secret is shown this once. Asked again, there is
/// another one.
#[utoipa::path(post, path = "/api/v1/session/enrolment", tag = "session",
    responses((status = 200, body = Enrolment),
        (status = 403, description = "From another site's page, or without X-CSRF-Token"),
        (status = 409, description = "This login needs something else")))]
pub(super) async fn enrol(
    State(context): State<HttpContext>,
    headers: HeaderMap,
    from: From,
) -> Result<Json<Enrolment>, Problem> {
    let (known, _) = gate::own_session(&context, &headers, &from)?;
    session::at_stage(&known, Stage::Enrolment)?;
    let running = context.running()?;
    let secret = Secret::random().map_err(|error| Problem::internal(&error.to_string()))?;
    let uri = secret.uri(&context.access().issuer, &known.user);
    let qr = one_time::qr(&uri).ok_or_else(|| Problem::internal("the QR code does not fit"))?;
    let shown = Enrolment { uri: uri.to_string(), secret: secret.base32().to_string(), qr };
    let (secrets, owner) = (running.secrets(), known.user.clone());
    let sealed = beside(move || secrets.seal_one_time(&owner, &secret)).await?;
    let command = AccessCommand::EnrolOneTime { user: known.user.as_str().into(), secret: sealed };
    factors::must(running, command, &known.user).await?;
    Ok(Json(shown))
}

/// Confirms the second factor by a first code: the user is in.
#[utoipa::path(post, path = "/api/v1/session/enrolment/confirm", tag = "session",
    request_body = super::session::CodeForm,
    responses((status = 200, body = SessionView),
        (status = 403, description = "From another site's page, or without X-CSRF-Token"),
        (status = 409, description = "This login needs something else"),
        (status = 429, description = "Too many attempts from this network")))]
pub(super) async fn confirm(
    State(context): State<HttpContext>,
    headers: HeaderMap,
    from: From,
    body: Body,
) -> Result<Response, Problem> {
    let (known, _) = gate::own_session(&context, &headers, &from)?;
    session::at_stage(&known, Stage::Enrolment)?;
    let running = context.running()?;
    let network = &from.origin.network;
    factors::slow_down(&context, "POST /session/enrolment/confirm", network).await?;
    let fields = Fields::parse(&body, &["code"])?;
    let step = factors::right_step(running, &known.user, fields.text("code")?).await?;
    let not_right = || {
        let detail = "the code is not right; is the clock of your telephone right?";
        Problem::session("not-right", detail)
    };
    let Some(step) = step else {
        let because = (RefusedBecause::Code, CodePurpose::Enrolment);
        factors::wrong(&context, Some(&known.user), because, network).await?;
        return Err(not_right());
    };
    let command = AccessCommand::ConfirmOneTime { user: known.user.as_str().into(), step };
    match factors::carry_out(running, command).await? {
        Ok(_) => session::enter(&context, &headers, &known, from).await,
        Err(AccessRefusal::CodeUsed) => {
            Err(Problem::session("code-used", "that code was used; wait for the next one"))
        }
        Err(refusal) => Err(super::users::refused(&refusal, &known.user)),
    }
}
