//! `/session`: logging in with two factors, being in, and leaving (SIG-4).
//!
//! `POST /session` with name and password gives a cookie that is good for the next step only;
//! `POST /session/code` with a one-time code gives the session's, another one. What a first login
//! needs besides is in `session_steps.rs`.

use super::context::{HttpContext, Running};
use super::factors;
use super::fields::{Body, Fields};
use super::gate::{self, From};
use super::permissions;
use super::problem::Problem;
use crate::access::sessions::{Issued, Known, Now, Stage};
use authorization::{AccessCommand, AccessDone, AlertKind, CodePurpose, LogoutReason, Roles, User};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A name and a password.
#[derive(Debug, ToSchema)]
#[allow(dead_code)] // Read field by field, so that errors name the field; this is its description.
pub(super) struct LoginForm {
    user: String,
    password: String,
}

/// A one-time code.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct CodeForm {
    /// Six digits.
    code: String,
}

/// A password.
#[derive(Debug, ToSchema)]
#[allow(dead_code)]
pub(super) struct UnlockForm {
    password: String,
}

/// What a login needs next.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Needs {
    /// `code`: POST /session/code. `enrol`: POST /session/enrolment. `password`: POST
    /// /session/password.
    pub(super) needs: &'static str,
}

/// Who is in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionView {
    user: String,
    roles: Vec<String>,
    /// Method and path, below `/api/v1`, of everything these roles may do.
    permissions: Vec<String>,
    /// To be sent as `X-CSRF-Token` with every change.
    csrf: String,
    /// What the login still needs; absent once he is in.
    needs: Option<&'static str>,
    /// Whether it is locked after a time without a sign of life: POST /session/unlock.
    locked: bool,
    /// Seconds until it locks.
    idle_seconds: u64,
    /// Seconds until it ends.
    life_seconds: u64,
    /// The first of `ky`, `ru`, `en` that the browser asks for.
    language: &'static str,
    /// The login before this one, for the user to see that it was his.
    last_login: Option<String>,
    /// Whether this login ended a session elsewhere: one user has one.
    ended_other_session: bool,
    /// Rights are given without orders here (`security.test_keys`).
    test_mode: bool,
    /// Keys he can sign with, hex (SIG-2).
    keys: Vec<String>,
}

/// Begins a login. The answer says what is needed next, and is the same for a user that does not
/// exist as for a wrong password.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = LoginForm,
    responses((status = 200, body = Needs),
        (status = 403, description = "Not over TLS, or from another site's page"),
        (status = 429, description = "Too many attempts from this network")))]
pub(super) async fn login(
    State(context): State<HttpContext>,
    from: From,
    body: Body,
) -> Result<Response, Problem> {
    let running = context.running()?;
    let network = from.origin.network.clone();
    if !from.is_private {
        let detail = "passwords are taken over TLS, or on the engine's own machine, only";
        return Err(Problem::forbidden(detail).with_rule("SIG-4"));
    }
    factors::slow_down(&context, "POST /session", &network).await?;
    let fields = Fields::parse(&body, &["user", "password"])?;
    let name = fields.text("user")?.to_lowercase();
    let password = fields.secret("password")?;
    let by = (CodePurpose::Login, network.as_str());
    let user = factors::by_password(&context, &name, password, by).await?;
    let stage = stage_of(&user);
    let issued = context.sessions().begin(&name, stage, from.origin, gate::now(running));
    let issued = issued.map_err(|error| Problem::internal(&error.to_string()))?;
    let needs = Needs { needs: stage.needs().unwrap_or_default() };
    Ok(with_cookie(&context, &issued, Json(needs)))
}

/// What the login of a user whose password was right needs next.
pub(super) fn stage_of(user: &User) -> Stage {
    match &user.one_time {
        _ if user.temporary => Stage::Password,
        Some(one_time) if one_time.confirmed => Stage::Code,
        _ => Stage::Enrolment,
    }
}

/// Gives the one-time code: the user is in, and a session of his elsewhere ends.
#[utoipa::path(post, path = "/api/v1/session/code", tag = "session", request_body = CodeForm,
    responses((status = 200, body = SessionView),
        (status = 409, description = "This login needs something else"),
        (status = 429, description = "Too many attempts from this network")))]
pub(super) async fn code(
    State(context): State<HttpContext>,
    headers: HeaderMap,
    from: From,
    body: Body,
) -> Result<Response, Problem> {
    let (known, _) = gate::session_of(&context, &headers, &from, true)?;
    at_stage(&known, Stage::Code)?;
    let fields = Fields::parse(&body, &["code"])?;
    let code = fields.text("code")?;
    let network = &from.origin.network;
    factors::use_code(&context, &known.user, code, CodePurpose::Login, network).await?;
    enter(&context, &headers, &known, from).await
}

/// The user is in: a new cookie, and the end of what he had before.
pub(super) async fn enter(
    context: &HttpContext,
    headers: &HeaderMap,
    known: &Known,
    from: From,
) -> Result<Response, Problem> {
    let running = context.running()?;
    let (name, network) = (known.user.as_str(), from.origin.network.clone());
    let command = AccessCommand::Login { user: name.into(), network: network.as_str().into() };
    let done = factors::must(running, command, name).await?;
    let now = gate::now(running);
    let sessions = context.sessions();
    let replaced = sessions.end_all_of(name, Some(known.id), LogoutReason::Replaced) > 0;
    sessions.end(known.id, LogoutReason::Expired);
    let issued = sessions.begin(name, Stage::Open, from.origin.clone(), now);
    let issued = issued.map_err(|error| Problem::internal(&error.to_string()))?;
    if replaced {
        gate::logged_out(running, name, LogoutReason::Replaced, name).await?;
    }
    let AccessDone::LoggedIn { new_network, last_login } = done else {
        return Err(Problem::internal("a login was answered with something else"));
    };
    if new_network {
        let detail = format!("a first login from {network}");
        context.alert(name, AlertKind::NewNetwork, &detail).await;
    }
    metrics::counter!("tamga_logins_total").increment(1);
    let found = sessions.find(&issued.cookie, &from.origin, now, true);
    let known = found.map_err(|_| Problem::internal("a new session is gone"))?;
    let user = factors::user(running, name).await?;
    let user = user.ok_or_else(|| Problem::not_found("user", name))?;
    let view = SessionView {
        last_login: last_login.map(|at| running.clock.moment_at(at).rfc3339()),
        ended_other_session: replaced,
        ..view(context, running, &known, &user, headers)
    };
    Ok(with_cookie(context, &issued, Json(view)))
}

/// Who is in, and for how long. Asking is no sign of life.
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, body = SessionView)))]
pub(super) async fn read(
    State(context): State<HttpContext>,
    headers: HeaderMap,
    from: From,
) -> Result<Json<SessionView>, Problem> {
    let running = context.running()?;
    let (known, _) = gate::session_of(&context, &headers, &from, false)?;
    let user = factors::user(running, &known.user).await?;
    let user = user.ok_or_else(|| Problem::not_found("user", &known.user))?;
    Ok(Json(view(&context, running, &known, &user, &headers)))
}

fn view(
    context: &HttpContext,
    running: &Running,
    known: &Known,
    user: &User,
    headers: &HeaderMap,
) -> SessionView {
    // Half a login may do nothing yet.
    let roles = if known.stage == Stage::Open { user.roles } else { Roles::default() };
    let keys = user.keys.iter().filter(|key| key.is_good()).map(|key| hex::encode(key.key));
    SessionView {
        user: known.user.clone(),
        roles: roles.names(),
        permissions: permissions::granted(roles),
        csrf: known.csrf.clone(),
        needs: known.stage.needs(),
        locked: known.locked,
        idle_seconds: known.left.0,
        life_seconds: known.left.1,
        language: language(headers),
        last_login: user.last_login.map(|at| running.clock.moment_at(at).rfc3339()),
        ended_other_session: false,
        test_mode: context.is_test_mode(),
        keys: keys.collect(),
    }
}

/// Logs out: the session ends here, not only in the browser.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session",
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session")),
    responses((status = 204, description = "Logged out"),
        (status = 403, description = "Without the session's X-CSRF-Token")))]
pub(super) async fn logout(
    State(context): State<HttpContext>,
    headers: HeaderMap,
    from: From,
) -> Result<Response, Problem> {
    let (known, _) = gate::own_session(&context, &headers, &from)?;
    context.sessions().end(known.id, LogoutReason::Asked);
    if known.stage == Stage::Open {
        let (running, name) = (context.running()?, known.user.as_str());
        gate::logged_out(running, name, LogoutReason::Asked, name).await?;
    }
    let mut response = axum::http::StatusCode::NO_CONTENT.into_response();
    let cookie = cookie_text(&context, "", "; Max-Age=0");
    set_cookie(&mut response, &cookie);
    Ok(response)
}

/// Locks the session at once, for somebody who leaves the desk.
#[utoipa::path(post, path = "/api/v1/session/lock", tag = "session",
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session")),
    responses((status = 204, description = "Locked"),
        (status = 403, description = "Without a session or its X-CSRF-Token")))]
pub(super) async fn lock(
    State(context): State<HttpContext>,
    caller: super::access::Caller,
) -> Result<Response, Problem> {
    if let super::access::Via::Session(id) = caller.via {
        context.sessions().lock(id);
    }
    Ok(axum::http::StatusCode::NO_CONTENT.into_response())
}

/// Unlocks a session that was idle too long, with the password.
#[utoipa::path(post, path = "/api/v1/session/unlock", tag = "session", request_body = UnlockForm,
    params(("X-CSRF-Token" = Option<String>, Header, description = "`csrf` of the session")),
    responses((status = 200, body = SessionView),
        (status = 403, description = "Without the session's X-CSRF-Token"),
        (status = 409, description = "The login is not finished"),
        (status = 429, description = "Too many attempts from this network")))]
pub(super) async fn unlock(
    State(context): State<HttpContext>,
    headers: HeaderMap,
    from: From,
    body: Body,
) -> Result<Json<SessionView>, Problem> {
    let (known, now) = gate::own_session(&context, &headers, &from)?;
    at_stage(&known, Stage::Open)?;
    let network = &from.origin.network;
    factors::slow_down(&context, "POST /session/unlock", network).await?;
    let fields = Fields::parse(&body, &["password"])?;
    let password = fields.secret("password")?;
    let by = (CodePurpose::Unlock, network.as_str());
    let user = factors::by_password(&context, &known.user, password, by).await?;
    context.sessions().unlock(known.id, now);
    let (known, _) = gate::session_of(&context, &headers, &from, true)?;
    Ok(Json(view(&context, context.running()?, &known, &user, &headers)))
}

/// The login is at another step.
pub(super) fn at_stage(known: &Known, stage: Stage) -> Result<(), Problem> {
    if known.stage == stage {
        return Ok(());
    }
    let detail = match known.stage.needs() {
        Some(needs) => format!("this login needs {needs}"),
        None => "the user is in already".to_owned(),
    };
    Err(Problem::conflict(detail, "SIG-4"))
}

/// A step of the login was done: a new cookie for the next one.
pub(super) fn next_step(
    context: &HttpContext,
    known: &Known,
    stage: Stage,
    (from, now): (From, Now),
) -> Result<Response, Problem> {
    let issued = context.sessions().begin(&known.user, stage, from.origin, now);
    let issued = issued.map_err(|error| Problem::internal(&error.to_string()))?;
    context.sessions().end(known.id, LogoutReason::Expired);
    let needs = Needs { needs: stage.needs().unwrap_or_default() };
    Ok(with_cookie(context, &issued, Json(needs)))
}

fn with_cookie(context: &HttpContext, issued: &Issued, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    set_cookie(&mut response, &cookie_text(context, &issued.cookie, ""));
    response
}

/// Out of reach of scripts, for this host only, never along with what another site asks.
fn cookie_text(context: &HttpContext, value: &str, more: &str) -> String {
    let name = context.cookie_name();
    let secure = if context.is_secure() { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}")
}

fn set_cookie(response: &mut Response, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

/// The first language of ours that the browser asks for.
fn language(headers: &HeaderMap) -> &'static str {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let known = |wanted: &str| {
        let tag = wanted.trim().split([';', '-']).next().unwrap_or_default().to_ascii_lowercase();
        ["ky", "ru", "en"].into_iter().find(|known| *known == tag)
    };
    asked.unwrap_or_default().split(',').find_map(known).unwrap_or("en")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_the_browser_s_first_language_it_can() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(value));
            language(&headers)
        };
        assert_eq!(with("de, ky-KG;q=0.9, ru;q=0.8"), "ky");
        assert_eq!((with("RU"), with("de"), language(&HeaderMap::new())), ("ru", "en", "en"));
    }
}
