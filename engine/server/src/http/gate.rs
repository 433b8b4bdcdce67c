//! The one gate before all handlers: who asks, whether he may, and whether a browser was made to
//! ask by a foreign page. Whoever is refused is journaled, and so is who looks at a customer's data,
//! a person or a service (SIG-4, PII-2).

use super::access::{Caller, Via};
use super::context::{HttpContext, Running};
use super::looks::Named;
use super::permissions::{self, May, Permission};
use super::problem::Problem;
use crate::access::sessions::{Known, NoSession, Now, Origin, Stage};
use authorization::{AccessCommand, AlertKind, Command, LogoutReason};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::serve::IncomingStream;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;
use subtle::ConstantTimeEq;
use tracing::warn;

const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// A page that asks by itself, without its user, says so: that is no sign of life.
const BACKGROUND: HeaderName = HeaderName::from_static("x-tamga-background");

/// The other side of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, super::Accept>> for Peer {
    fn connect_info(stream: IncomingStream<'_, super::Accept>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub(super) struct From {
    pub(super) origin: Origin,
    /// Whether nobody else can listen on the way: TLS, or the same machine.
    pub(super) is_private: bool,
}

impl From {
    pub(super) fn of(parts: &Parts, context: &HttpContext) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>().map(|ConnectInfo(Peer(at))| at.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
        let agent =
            parts.headers.get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
        let origin = Origin { agent: Sha256::digest(agent).into(), network: network(peer) };
        Self { origin, is_private: context.is_secure() || peer.is_loopback() }
    }
}

impl FromRequestParts<HttpContext> for From {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, context: &HttpContext) -> Result<Self, Problem> {
        Ok(Self::of(parts, context))
    }
}

/// A network: addresses of one person change within it.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits() & !u128::from(u64::MAX);
            format!("{}/64", Ipv6Addr::from_bits(bits))
        }
    }
}

/// See the module.
pub(super) async fn gate(
    State(context): State<HttpContext>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let row = route.as_deref().and_then(|route| permissions::of(request.method(), route));
    // What is not in the table has no caller, so a handler that wants one refuses.
    let Some(row) = row else { return next.run(request).await };
    let (mut parts, body) = request.into_parts();
    match pass(&context, row, &mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

async fn pass(context: &HttpContext, row: &Permission, parts: &mut Parts) -> Result<(), Problem> {
    // First of all: what is refused is journaled too.
    let named = Named::of(parts, context).await?;
    let Some(caller) = admit(context, row, parts).await? else { return Ok(()) };
    named.look(context, &caller, row).await?;
    parts.extensions.insert(caller);
    Ok(())
}

async fn admit(
    context: &HttpContext,
    row: &Permission,
    parts: &Parts,
) -> Result<Option<Caller>, Problem> {
    if row.may == May::Everyone {
        return Ok(None);
    }
    let from = From::of(parts, context);
    let denied = Denying { context, row, from: &from };
    if row.may == May::LoggingIn {
        if changes(&parts.method) {
            own_page(parts, context).map_err(|why| why.problem())?;
        }
        return Ok(None);
    }
    let caller = if parts.headers.contains_key(header::AUTHORIZATION) {
        denied.service(parts).await?
    } else {
        denied.person(parts).await?
    };
    denied.unless_it_may(caller).await.map(Some)
}

/// Who is refused, and where.
struct Denying<'a> {
    context: &'a HttpContext,
    row: &'a Permission,
    from: &'a From,
}

impl Denying<'_> {
    /// The service of a token.
    async fn service(&self, parts: &Parts) -> Result<Caller, Problem> {
        let tokens = self.context.tokens();
        match Caller::by_token(&parts.headers, &header::AUTHORIZATION, tokens) {
            Ok(mut caller) => {
                caller.network.clone_from(&self.from.origin.network);
                Ok(caller)
            }
            Err(problem) => Err(self.because("", "token", problem).await),
        }
    }

    /// The user of a session that is open, not idle, and his.
    async fn person(&self, parts: &Parts) -> Result<Caller, Problem> {
        let (context, from) = (self.context, self.from);
        let Some(cookie) = cookie(&parts.headers, context.cookie_name()) else {
            let problem =
                Problem::unauthorized("log in, or send the header `Authorization: Bearer <token>`");
            return Err(self.because("", "nobody", problem).await);
        };
        let running = context.running()?;
        let alive = !parts.headers.contains_key(BACKGROUND);
        let found = context.sessions().find(cookie, &from.origin, now(running), alive);
        let known = match found {
            Ok(known) => known,
            Err(none) => return Err(self.no_session(running, none).await),
        };
        if let Some(needs) = known.stage.needs() {
            let detail = format!("the login is not finished: {needs} is missing");
            return Err(Problem::session("login-unfinished", detail));
        }
        if known.locked {
            let detail = "locked after a time without a sign of life: POST /session/unlock";
            return Err(Problem::session("session-locked", detail));
        }
        if changes(&parts.method) {
            let asked = own_page(parts, context).and_then(|()| has_token(&parts.headers, &known));
            if let Err(why) = asked {
                return Err(self.because(&known.user, why.name(), why.problem()).await);
            }
        }
        self.user(running, known).await
    }

    /// With the roles of this moment: what an order took away is gone at once.
    async fn user(&self, running: &Running, known: Known) -> Result<Caller, Problem> {
        let name = known.user.clone();
        let look = move |state: &authorization::State, _| {
            state.users().get(&name).filter(|user| user.active).map(|user| user.roles)
        };
        let Some(roles) = running.shard.query(look).await? else {
            self.context.sessions().end(known.id, LogoutReason::Ended);
            logged_out(running, &known.user, LogoutReason::Ended, "").await?;
            return Err(ended(LogoutReason::Ended));
        };
        let network = self.from.origin.network.clone();
        Ok(Caller { name: known.user, roles, via: Via::Session(known.id), network })
    }

    async fn unless_it_may(&self, caller: Caller) -> Result<Caller, Problem> {
        if self.row.may.admits(&caller) {
            return Ok(caller);
        }
        let problem = Problem::forbidden(self.row.may.missing(&caller.name));
        let problem = match self.row.may {
            May::Roles([crate::config::Role::Privacy]) => problem.with_rule("PII-2"),
            _ => problem,
        };
        Err(self.because(&caller.name, "role", problem).await)
    }

    /// A cookie that is good for nothing; one that should not be about is told.
    async fn no_session(&self, running: &Running, none: NoSession) -> Problem {
        let NoSession::Ended { user, reason, now } = none else {
            let problem = Problem::session("session-unknown", "this session is not known; log in");
            return self.because("", "unknown_session", problem).await;
        };
        // What can't be journaled is refused all the same.
        if now && let Err(problem) = logged_out(running, &user, reason, "").await {
            return problem;
        }
        let problem = ended(reason);
        let suspicious = match reason {
            LogoutReason::Stolen => now,
            // The browser forgot it when its user logged out: somebody else kept it.
            LogoutReason::Asked => true,
            LogoutReason::Replaced | LogoutReason::Expired | LogoutReason::Ended => false,
        };
        if suspicious {
            let network = &self.from.origin.network;
            let detail = format!("session that ended ({}) used from {network}", reason.name());
            self.context.alert(&user, AlertKind::StolenSession, &detail).await;
        }
        self.because(&user, &format!("session_{}", reason.name()), problem).await
    }

    /// Journals it, and gives the answer.
    async fn because(&self, user: &str, why: &str, problem: Problem) -> Problem {
        let asked = format!("{} {}", self.row.method, self.row.path);
        self.context.denied(user, &asked, why, &self.from.origin.network).await;
        problem
    }
}

/// A session ended: journaled, with who ended it; the engine by itself if empty.
pub(super) async fn logged_out(
    running: &Running,
    user: &str,
    reason: LogoutReason,
    by: &str,
) -> Result<(), Problem> {
    let command = AccessCommand::Logout { user: user.into(), reason, by: by.into() };
    running.shard.command(Command::Access(Box::new(command)), None).await?;
    Ok(())
}

/// What a session that ended is told.
pub(super) fn ended(reason: LogoutReason) -> Problem {
    let detail = match reason {
        LogoutReason::Asked => "this session was logged out; log in again",
        LogoutReason::Replaced => "you logged in elsewhere, which ended this session",
        LogoutReason::Expired => "this session was as old as one may be; log in again",
        LogoutReason::Ended => "this session was ended: the user was disabled or reset",
        LogoutReason::Stolen => "this session was used from another browser, which ended it",
    };
    Problem::session("session-ended", detail)
}

/// Both clocks.
pub(super) fn now(running: &Running) -> Now {
    Now { engine: running.clock.now().at, machine: Instant::now() }
}

/// A session that is there, whatever its stage; for the steps of a login.
pub(super) fn session_of(
    context: &HttpContext,
    headers: &HeaderMap,
    from: &From,
    alive: bool,
) -> Result<(Known, Now), Problem> {
    let running = context.running()?;
    let none = || Problem::unauthorized("log in first: POST /session");
    let cookie = cookie(headers, context.cookie_name()).ok_or_else(none)?;
    let now = now(running);
    match context.sessions().find(cookie, &from.origin, now, alive) {
        Ok(known) => Ok((known, now)),
        Err(NoSession::Unknown) => Err(none()),
        Err(NoSession::Ended { reason, .. }) => Err(ended(reason)),
    }
}

/// As [`session_of`], of one that is open: a change in it needs the token.
pub(super) fn own_session(
    context: &HttpContext,
    headers: &HeaderMap,
    from: &From,
) -> Result<(Known, Now), Problem> {
    let (known, now) = session_of(context, headers, from, false)?;
    if known.stage == Stage::Open {
        has_token(headers, &known).map_err(|why| why.problem())?;
    }
    Ok((known, now))
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Why a request is not one of our own page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Foreign {
    Origin,
    Token,
}

impl Foreign {
    const fn name(self) -> &'static str {
        match self {
            Self::Origin => "foreign_origin",
            Self::Token => "csrf_token",
        }
    }

    fn problem(self) -> Problem {
        let detail = match self {
            Self::Origin => "the request comes from another site's page",
            Self::Token => "the header X-CSRF-Token is not that of the session (GET /session)",
        };
        Problem::forbidden(detail).with_rule("SIG-4")
    }
}

/// Browsers say where a request comes from; a foreign page's is refused, whatever cookie came along.
fn own_page(parts: &Parts, context: &HttpContext) -> Result<(), Foreign> {
    let text = |name: HeaderName| {
        parts.headers.get(name).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase())
    };
    let site = text(FETCH_SITE);
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        warn!("a request from another site's page was refused");
        return Err(Foreign::Origin);
    }
    let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
    let own = match context.origin() {
        Some(own) => own.to_ascii_lowercase(),
        None => {
            let scheme = if context.is_secure() { "https" } else { "http" };
            let host = text(header::HOST).or_else(|| parts.uri.authority().map(|a| a.to_string()));
            format!("{scheme}://{}", host.unwrap_or_default())
        }
    };
    if origin == own { Ok(()) } else { Err(Foreign::Origin) }
}

fn has_token(headers: &HeaderMap, known: &Known) -> Result<(), Foreign> {
    let sent = headers.get(CSRF).map_or(&b""[..], |value| value.as_bytes());
    if bool::from(sent.ct_eq(known.csrf.as_bytes())) { Ok(()) } else { Err(Foreign::Token) }
}

/// A cookie's value.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| known.trim() == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_those_of_one_place() {
        let of = |address: &str| network(address.parse().unwrap());
        assert_eq!(of("10.1.2.3"), "10.1.2.0/24");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=1; xtamga=3; tamga=2 ;b".parse().unwrap());
        assert_eq!(cookie(&headers, "tamga"), Some("2"));
        assert_eq!(cookie(&headers, "b"), None);
    }
}
